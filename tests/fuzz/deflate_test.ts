/** Fuzzing of compression: what zlib writes is read, what we write is read, and a limit holds, however all of it is cut. */

import { constants, deflateRawSync } from "node:zlib";
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { concat, show, to, utf8 } from "../frames.ts";
import { deflateWith, role, Run } from "./frames.ts";
import { bytes, cut, cuts, fuzz } from "./fuzz.ts";

const bits = fc.integer({ min: 9, max: 15 });

/** Bytes that repeat themselves, to the length of a window and beyond, and such that do not. */
const payload = fc.oneof(
  bytes(300),
  fc.tuple(bytes(40), fc.nat(3_000)).map(([part, times]) => concat(...Array.from({ length: times }, () => part))),
  fc.nat(40_000).map((size) => new Uint8Array(size)),
);

const packed = fc.record({
  payload,
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: bits,
  strategy: fc.constantFrom(constants.Z_DEFAULT_STRATEGY, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED),
  // The message ends with an empty block, as RFC 7692 has it, or with a final one.
  final: fc.boolean(),
  parts: fc.array(fc.nat(1000), { maxLength: 6 }),
  reader: role,
  cuts,
});

fuzz("Deflate: what zlib writes is read as what it was, however it is cut", packed, { runs: 250 }, (each) => {
  const { level, memLevel, windowBits, strategy, final } = each;
  const finishFlush = final ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const deflated = new Uint8Array(deflateRawSync(each.payload, { level, memLevel, windowBits, strategy, finishFlush }));
  const body = final ? concat(deflated, Uint8Array.of(0)) : deflated.subarray(0, -4);
  const parts = cut(body, each.parts);
  const frames = parts.map((part, at) =>
    to(each.reader, { opcode: at === 0 ? 2 : 0, rsv: at === 0 ? 0x40 : 0, fin: at === parts.length - 1, payload: part })
  );
  const deflate = deflateWith(true, true, 15);
  if (deflate === undefined) throw new Error("There is no zlib here");
  const run = new Run(each.reader, { deflate }).feed(cut(concat(...frames), each.cuts));
  assertEquals(run.told, [`binary true ${show(each.payload)}`]);
  run.session.free();
});

const said = fc.oneof(
  fc.tuple(fc.constant("text" as const), fc.string({ unit: "binary", maxLength: 500 }), fc.boolean()),
  fc.tuple(fc.constant("binary" as const), payload, fc.boolean()),
  fc.tuple(fc.constant("ping" as const), bytes(125), fc.constant(false)),
);

const conversation = fc.record({
  reader: role,
  said: fc.array(said, { maxLength: 10 }),
  takeover: fc.boolean(),
  windowBits: fc.integer({ min: 8, max: 15 }),
  compression: fc.boolean(),
  cuts,
});

fuzz(
  "Sessions: what one writes the other reads, compressed or not, however it is cut",
  conversation,
  { runs: 250 },
  (each) => {
    const deflate = each.compression ? deflateWith(each.takeover, each.takeover, each.windowBits) : undefined;
    const options = deflate === undefined ? {} : { deflate };
    const written: Uint8Array[] = [];
    const writer = new Run(each.reader === "client" ? "server" : "client", options);
    writer.write = (chunk) => {
      written.push(new Uint8Array(chunk));
      return false;
    };
    const wanted = each.said.map(([kind, data, compress]) => {
      if (kind === "text") writer.session.sendText(data, compress);
      else if (kind === "binary") writer.session.sendBinary(data, compress);
      else writer.session.ping(data);
      while (writer.session.compressing) writer.session.work();
      if (kind === "ping") return `ping ${show(data)}`;
      const isPacked = compress && deflate !== undefined;
      return kind === "text" ? `text ${isPacked} ${data.toWellFormed()}` : `binary ${isPacked} ${show(data)}`;
    });
    writer.session.close({ code: 4000, reason: "done" });
    writer.session.flush();
    const reader = new Run(each.reader, options).feed(cut(concat(...written), each.cuts));
    assertEquals(reader.told, [...wanted, "closed"]);
    assertEquals(reader.outcome.end, "4000 done true");
    for (const { session } of [writer, reader]) session.free();
  },
);

const limited = fc.record({
  size: fc.nat(5_000),
  text: fc.boolean(),
  limit: fc.nat(5_000),
  packed: fc.boolean(),
  cuts,
});

fuzz(
  "Limits: a message is delivered if it is within maxPayload, and else fails with 1009",
  limited,
  { runs: 500 },
  (each) => {
    const payload = each.text ? utf8("x".repeat(each.size)) : new Uint8Array(each.size);
    const body = each.packed
      ? deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
      : payload;
    const frame = { opcode: each.text ? 1 : 2, rsv: each.packed ? 0x40 : 0, payload: new Uint8Array(body) };
    const deflate = deflateWith(true, true, 15);
    const run = new Run("server", { maxPayload: each.limit, ...(deflate === undefined ? {} : { deflate }) });
    run.feed(cut(to("server", frame), each.cuts));
    const fits = each.size <= each.limit && body.length <= each.limit;
    const { told, sent } = run.outcome;
    assertEquals(told.length, 1);
    if (fits) assertEquals([told[0]!.split(" ")[0], sent], [each.text ? "text" : "binary", []]);
    else assertEquals([told, sent], [["failed WS_MESSAGE_TOO_BIG"], ["8 0 03f1"]]);
    run.session.free();
  },
);
