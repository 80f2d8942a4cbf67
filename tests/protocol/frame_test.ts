import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import {
  checkHeader,
  type FrameHandler,
  FrameReader,
  headerSize,
  MAX_HEADER,
  RSV1,
  writeHeader,
  writeKey,
} from "../../src/protocol/frame.ts";
import { lendMemory } from "../../src/protocol/lanes.ts";
import { concat, frame, type FrameParts, hex, KEY, show } from "../frames.ts";
import { Random } from "../random.ts";

const FIN = 0x80;
const MASKED = 0x80;

/** What the two bytes say, and the rule they break. */
interface Case {
  b0: number;
  /** Without the mask bit, which is the one that the reader wants unless `masked` says the contrary. */
  length: number;
  rsv?: number;
  inMessage?: boolean;
  wrongMask?: boolean;
  rule: Record<Role, string | undefined> | string | undefined;
}

const header: readonly Case[] = [
  // What is right
  { b0: FIN | 1, length: 0, rule: undefined },
  { b0: FIN | 2, length: 127, rule: undefined },
  { b0: 1, length: 5, rule: undefined },
  { b0: 0, length: 5, inMessage: true, rule: undefined },
  { b0: FIN | 0, length: 126, inMessage: true, rule: undefined },
  { b0: FIN | 8, length: 125, rule: undefined },
  { b0: FIN | 9, length: 0, inMessage: true, rule: undefined },
  { b0: FIN | 10, length: 125, inMessage: true, rule: undefined },
  { b0: FIN | RSV1 | 1, length: 5, rsv: RSV1, rule: undefined },
  { b0: RSV1 | 2, length: 5, rsv: RSV1, rule: undefined },
  // Opcodes
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode): Case[] => [
    { b0: FIN | opcode, length: 0, rule: "WS_RESERVED_OPCODE" },
    { b0: opcode, length: 5, inMessage: true, rule: "WS_RESERVED_OPCODE" },
  ]),
  // Reserved bits
  ...[0x10, 0x20, 0x40, 0x70].flatMap((bits): Case[] => [
    { b0: FIN | bits | 1, length: 0, rule: "WS_RESERVED_BITS" },
    { b0: bits | 2, length: 0, rule: "WS_RESERVED_BITS" },
    { b0: FIN | bits | 9, length: 0, rule: "WS_RESERVED_BITS" },
    { b0: FIN | bits | 8, length: 0, inMessage: true, rule: "WS_RESERVED_BITS" },
    { b0: FIN | bits, length: 0, inMessage: true, rule: "WS_RESERVED_BITS" },
  ]),
  { b0: FIN | 0x20 | 1, length: 0, rsv: RSV1, rule: "WS_RESERVED_BITS" },
  { b0: FIN | 0x60 | 1, length: 0, rsv: RSV1, rule: "WS_RESERVED_BITS" },
  { b0: FIN | RSV1, length: 0, rsv: RSV1, inMessage: true, rule: "WS_RESERVED_BITS" },
  { b0: FIN | RSV1 | 8, length: 0, rsv: RSV1, rule: "WS_RESERVED_BITS" },
  { b0: FIN | RSV1 | 9, length: 0, rsv: RSV1, rule: "WS_RESERVED_BITS" },
  { b0: FIN | RSV1 | 10, length: 0, rsv: RSV1, rule: "WS_RESERVED_BITS" },
  // Control frames
  ...[8, 9, 10].flatMap((opcode): Case[] => [
    { b0: opcode, length: 0, rule: "WS_FRAGMENTED_CONTROL" },
    { b0: opcode, length: 0, inMessage: true, rule: "WS_FRAGMENTED_CONTROL" },
    { b0: FIN | opcode, length: 126, rule: "WS_CONTROL_TOO_LONG" },
    { b0: FIN | opcode, length: 127, inMessage: true, rule: "WS_CONTROL_TOO_LONG" },
  ]),
  // Fragments
  { b0: FIN, length: 0, rule: "WS_UNEXPECTED_CONTINUATION" },
  { b0: 0, length: 3, rule: "WS_UNEXPECTED_CONTINUATION" },
  { b0: FIN | 1, length: 0, inMessage: true, rule: "WS_EXPECTED_CONTINUATION" },
  { b0: 1, length: 0, inMessage: true, rule: "WS_EXPECTED_CONTINUATION" },
  { b0: FIN | 2, length: 3, inMessage: true, rule: "WS_EXPECTED_CONTINUATION" },
  // Masks
  ...[FIN | 1, 2, FIN | 8, FIN | 9, FIN | 10].map((b0): Case => ({
    b0,
    length: 0,
    wrongMask: true,
    rule: { server: "WS_MASK_REQUIRED", client: "WS_MASK_FORBIDDEN" },
  })),
  {
    b0: 0,
    length: 0,
    inMessage: true,
    wrongMask: true,
    rule: { server: "WS_MASK_REQUIRED", client: "WS_MASK_FORBIDDEN" },
  },
];

for (const reader of ["server", "client"] as const) {
  test(`checkHeader() knows all rules, read by a ${reader}`, () => {
    for (const { b0, length, rsv = 0, inMessage = false, wrongMask = false, rule } of header) {
      const b1 = length | ((reader === "server") !== wrongMask ? MASKED : 0);
      const wanted = typeof rule === "object" ? rule[reader] : rule;
      const what = `${b0.toString(16)} ${b1.toString(16)} rsv ${rsv}${inMessage ? " in a message" : ""}`;
      assertEquals<string | undefined>(checkHeader(b0, b1, reader, rsv, inMessage), wanted, what);
    }
  });

  test(`checkHeader() passes what breaks no rule and nothing else, read by a ${reader}`, () => {
    for (let b0 = 0; b0 < 256; b0++) {
      const opcode = b0 & 15, fin = b0 >= 0x80, bits = b0 & 0x70;
      for (const b1 of [0, 1, 125, 126, 127, 128, 253, 254, 255]) {
        for (const rsv of [0, RSV1]) {
          for (const inMessage of [false, true]) {
            const control = [8, 9, 10].includes(opcode);
            const right = (inMessage ? control || opcode === 0 : control || opcode === 1 || opcode === 2) &&
              (!control || (fin && (b1 & 127) <= 125)) &&
              (b1 >= 128) === (reader === "server") &&
              (bits === 0 || (bits === rsv && (opcode === 1 || opcode === 2)));
            assertEquals(checkHeader(b0, b1, reader, rsv, inMessage) === undefined, right, `${b0} ${b1} ${rsv}`);
          }
        }
      }
    }
  });
}

/** Writes down what a reader hands on; pieces are copied. */
class Log implements FrameHandler {
  readonly calls: string[] = [];
  /** Payload of the frame in progress. */
  payloadBytes: Uint8Array = new Uint8Array(0);
  readonly frames: [b0: number, payload: string][] = [];
  readonly headers = new Set<string>();
  stopAt: "header" | "begin" | "payload" | undefined;
  #b0 = 0;

  header(b0: number, b1: number): boolean {
    this.headers.add(`${b0} ${b1}`);
    return this.stopAt !== "header";
  }

  begin(b0: number, length: number): boolean {
    this.calls.push(`begin ${b0} ${length}`);
    this.#b0 = b0;
    this.payloadBytes = new Uint8Array(0);
    return this.stopAt !== "begin";
  }

  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const piece = bytes.slice(start, end);
    if (high === 0) assert(piece.every((byte) => byte < 0x80), "a piece with high bits is called ASCII");
    this.payloadBytes = concat(this.payloadBytes, piece);
    if (last) this.frames.push([this.#b0, show(this.payloadBytes)]);
    return this.stopAt !== "payload";
  }
}

/** Pushes copies of the chunks and wants them read to the end. */
function pushAll(log: Log, chunks: readonly Uint8Array[]): void {
  const reader = new FrameReader(log);
  for (const chunk of chunks) assertEquals(reader.push(chunk.slice()), chunk.length);
}

/** The payloads on which the form of the length and the way of unmasking change. */
const LENGTHS = [0, 1, 2, 95, 96, 97, 125, 126, 127, 1000, 65535, 65536, 65537];

test("FrameReader reads every length, masked and not, at once, byte by byte and cut anywhere", () => {
  const random = new Random(11);
  for (const length of LENGTHS) {
    for (const key of [undefined, KEY, [0, 0, 0, 0] as const, [255, 254, 253, 252] as const]) {
      const payload = random.bytes(length);
      const bytes = frame({ opcode: 2, payload, ...(key === undefined ? {} : { key }) });
      const ways = [[bytes], random.cut(bytes, 5), random.cut(bytes.subarray(0, 14), 6)];
      ways[2]!.push(bytes.slice(14));
      if (length < 5000) ways.push(Array.from(bytes, (byte) => Uint8Array.of(byte)));
      for (const chunks of ways) {
        const log = new Log();
        pushAll(log, chunks);
        assertEquals(log.calls, [`begin 130 ${length}`]);
        assertEquals(log.frames, [[130, show(payload)]]);
      }
    }
  }
});

test("FrameReader reads many frames from one chunk and a frame from many chunks alike", () => {
  const random = new Random(12);
  for (let round = 0; round < 100; round++) {
    const frames = Array.from({ length: 1 + random.below(12) }, (): FrameParts => ({
      opcode: random.pick([0, 1, 2, 8, 9, 10]),
      fin: random.chance(2),
      payload: random.bytes(random.below(random.chance(4) ? 3000 : 200)),
      ...(random.chance(2) ? {} : { key: [...random.bytes(4)] as unknown as typeof KEY }),
    }));
    const bytes = concat(...frames.map(frame));
    const wanted = frames.map(({ opcode, fin, payload }) => [(fin ? 128 : 0) | opcode, show(payload as Uint8Array)]);
    for (const cuts of [0, 1, 3, 30]) {
      const log = new Log();
      pushAll(log, random.cut(bytes, cuts));
      assertEquals(log.frames, wanted as never);
    }
  }
});

test("FrameReader hands a whole frame on where it lies, and unmasks it in place", () => {
  const chunk = frame({ opcode: 1, payload: "Hello", key: KEY });
  const places: unknown[] = [];
  const reader = new FrameReader({
    header: () => true,
    begin: () => true,
    payload: (bytes, start, end, last, high) => {
      places.push([bytes === chunk, start, end, last, high]);
      return true;
    },
  });
  reader.push(chunk);
  assertEquals(places, [[true, 6, 11, true, 0]]);
  assertEquals(new TextDecoder().decode(chunk.subarray(6)), "Hello");
});

test("FrameReader tells of the two bytes of a header before the rest of it has come", () => {
  const log = new Log();
  const reader = new FrameReader(log);
  reader.push(hex("82"));
  assertEquals([...log.headers], []);
  reader.push(hex("ff"));
  assertEquals([...log.headers], ["130 255"]);
  assertEquals(log.calls, []);
  reader.push(hex("0000000000010000 01020304"));
  assertEquals(log.calls, ["begin 130 65536"]);
});

test("FrameReader hands a payload on as it comes, from its first byte", () => {
  const log = new Log();
  const reader = new FrameReader(log);
  const bytes = frame({ opcode: 2, payload: "abcdef", key: KEY });
  reader.push(bytes.slice(0, 7));
  assertEquals(show(log.payloadBytes), "61");
  reader.push(bytes.slice(7, 10));
  assertEquals(show(log.payloadBytes), "61626364");
});

test("FrameReader refuses lengths that are not in their shortest form or over 2^63", () => {
  const wrong = [
    "82 7e 0000",
    "82 7e 007d",
    "82 7f 0000000000000000",
    "82 7f 000000000000007e",
    "82 7f 000000000000ffff",
    "82 7f 8000000000000000",
    "82 7f 8000000000010000",
    "82 7f ffffffffffffffff",
    "82 fe 0001 01020304",
    "82 ff 000000000000ffff 01020304",
  ];
  const right: [string, number][] = [
    ["82 7e 007e", 126],
    ["82 7e ffff", 65535],
    ["82 7f 0000000000010000", 65536],
    ["82 7f 0000000100000000", 2 ** 32],
    ["82 7f 001fffffffffffff", 2 ** 53 - 1],
    ["82 7f 7fffffffffffffff", 2 ** 63],
  ];
  for (const [digits, length] of [...wrong.map((digits) => [digits, -1] as const), ...right]) {
    for (const chunks of [[hex(digits)], Array.from(hex(digits), (byte) => Uint8Array.of(byte))]) {
      const log = new Log();
      pushAll(log, chunks);
      assertEquals(log.calls, [`begin 130 ${length}`], digits);
    }
  }
});

test("FrameReader says how much it has read when it is stopped", () => {
  const two = concat(frame({ opcode: 1, payload: "ab", key: KEY }), frame({ opcode: 1, payload: "cd", key: KEY }));
  const log = new Log();
  const reader = new FrameReader(log);
  log.stopAt = "payload";
  assertEquals(reader.push(two), 8);
  assertEquals(log.frames, [[0x81, "6162"]]);
  assertEquals(reader.push(two.subarray(8)), 8);
  assertEquals(log.frames, [[0x81, "6162"], [0x81, "6364"]]);
  for (const stopAt of ["header", "begin"] as const) {
    const stopped = new Log();
    stopped.stopAt = stopAt;
    assertEquals(new FrameReader(stopped).push(frame({ opcode: 1, payload: "ab", key: KEY })), 0);
    assertEquals(stopped.frames, []);
  }
});

/** What is kept of lent chunks, as it was when it came and as it is in the end. */
class Keeper implements FrameHandler {
  readonly kept: { readonly bytes: Uint8Array; readonly payload: string }[] = [];
  readonly frames: [b0: number, payload: string][] = [];
  /** Stops behind one of so many frames, or before one. */
  stops = Infinity;
  stopsBefore = Infinity;
  readonly #random: Random;
  #b0 = 0;
  #pieces: Uint8Array[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  header(): boolean {
    return !this.#random.chance(this.stopsBefore);
  }

  begin(b0: number): boolean {
    this.#b0 = b0;
    return true;
  }

  keeps(b0: number, whole: boolean): boolean {
    return (b0 & 0x70) !== 0 || (whole && b0 === 0x82);
  }

  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const piece = bytes.subarray(start, end);
    if (high === 0) assert(piece.every((byte) => byte < 0x80), "a piece with high bits is called ASCII");
    if (this.keeps(this.#b0, last && this.#pieces.length === 0)) this.kept.push({ bytes: piece, payload: show(piece) });
    this.#pieces.push(piece.slice());
    if (!last) return true;
    this.frames.push([this.#b0, show(concat(...this.#pieces))]);
    this.#pieces = [];
    return !this.#random.chance(this.stops);
  }
}

test("FrameReader reads chunks that are lent, wherever they lie, and given, and what is kept of them stays as it is", () => {
  const random = new Random(13);
  const own = new Uint8Array(200_000);
  for (const memory of [own, lendMemory(200_000) ?? own, undefined]) {
    for (let round = 0; round < 120; round++) {
      const masked = !random.chance(4);
      const frames = Array.from({ length: 1 + random.below(30) }, (): FrameParts => {
        const size = random.pick([0, 5, 90, 700, 3_000, random.chance(8) ? 20_000 : 1, random.chance(20) ? 70_000 : 2]);
        return {
          opcode: random.pick([1, 2, 2, 2, 2, 8]),
          rsv: random.chance(4) ? RSV1 : 0,
          payload: random.chance(3) ? new Uint8Array(size).fill(65) : random.bytes(size),
          ...(masked ? { key: [...random.bytes(4)] as unknown as typeof KEY } : {}),
        };
      });
      const bytes = concat(...frames.map(frame));
      const keeper = new Keeper(random);
      keeper.stops = random.pick([Infinity, Infinity, 3, 12]);
      const reader = new FrameReader(keeper);
      const cuts = random.below(6);
      // Who stops it at a header that straddles cannot go on.
      if (cuts === 0) keeper.stopsBefore = keeper.stops;
      for (const chunk of random.cut(bytes, cuts)) {
        let rest = chunk;
        while (rest.length > 0) {
          const at = random.below(100);
          const given = memory?.subarray(at, at + rest.length) ?? new Uint8Array(rest.length);
          given.set(rest);
          const read = reader.push(given, memory !== undefined);
          if (read === rest.length) break;
          assertEquals(show(given.subarray(read)), show(rest.subarray(read)), "the rest is not as it came");
          rest = rest.subarray(read);
        }
        memory?.fill(0xee);
      }
      const wanted = frames.map((parts) => [frame(parts)[0]!, show(parts.payload as Uint8Array)]);
      assertEquals(keeper.frames, wanted as never);
      for (const { bytes, payload } of keeper.kept) {
        assertEquals(show(bytes), payload, "what was kept has changed");
        assert(bytes.buffer !== memory?.buffer, "what was kept lies in lent memory");
        assert(
          memory === undefined || bytes.buffer.byteLength <= bytes.length + 100_000,
          `${bytes.length} hold ${bytes.buffer.byteLength}`,
        );
      }
    }
  }
});

test("FrameReader may be used from within the delivery of another one", () => {
  const random = new Random(14);
  const logs: Log[] = [];
  const wanted: unknown[] = [];
  const read = (depth: number): void => {
    const payloads = Array.from({ length: 20 }, () => random.bytes(300 + depth));
    const bytes = concat(...payloads.map((payload) => frame({ opcode: 1, payload, key: KEY })));
    const log = new Log();
    logs.push(log);
    wanted.push(payloads.map((payload) => [0x81, show(payload)]));
    const reader = new FrameReader({
      header: () => true,
      begin: (b0, length) => log.begin(b0, length),
      payload(...args) {
        if (depth > 0 && log.frames.length === 10) read(depth - 1);
        return log.payload(...args);
      },
    });
    // Only when the first frame has shown that they are masked, the rest is laid out.
    for (const chunk of [bytes.slice(0, 400), bytes.slice(400)]) assertEquals(reader.push(chunk), chunk.length);
  };
  read(2);
  read(0);
  assertEquals(logs.length, 4);
  assertEquals<unknown>(logs.map(({ frames }) => frames), wanted);
});

test("A handler that throws leaves FrameReader as it was for others", () => {
  const bytes = concat(
    ...Array.from({ length: 4 }, () => frame({ opcode: 2, payload: new Uint8Array(400), key: KEY })),
  );
  const table = (): ArrayBufferLike => {
    const seen = new Set<ArrayBufferLike>();
    let isThrown = false;
    const reader = new FrameReader({
      header: () => true,
      begin: () => true,
      keeps: () => false,
      payload(payload) {
        seen.add(payload.buffer);
        if (seen.size < 2 || isThrown) return true;
        isThrown = true;
        throw new Error("on purpose");
      },
    });
    reader.push(bytes.slice(0, 410));
    assertThrows(() => reader.push(bytes.slice(410)), Error, "on purpose");
    return [...seen][1]!;
  };
  assertStrictEquals(table(), table(), "the second one was not laid out");
});

test("FrameReader takes an empty chunk as nothing", () => {
  const log = new Log();
  const reader = new FrameReader(log);
  for (const part of ["", "81", "", "02", "", "61", "", "62", ""]) reader.push(hex(part));
  assertEquals(log.frames, [[0x81, "6162"]]);
});

test("writeHeader() and writeKey() write what the RFC draws, in the shortest form", () => {
  for (const length of [...LENGTHS, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 53 - 1]) {
    for (const masked of [false, true]) {
      const bytes = new Uint8Array(3 + MAX_HEADER).fill(0xee);
      const behind = writeHeader(bytes, 3, 0x82, length, masked);
      const end = masked ? writeKey(bytes, behind, 0x3d21fa37 | 0) : behind;
      assertEquals(end - 3, headerSize(length, masked), `size of ${length}`);
      const wanted = frame({ opcode: 2, length, payload: "", ...(masked ? { key: KEY } : {}) });
      assertEquals(show(bytes.subarray(3, end)), show(wanted), `header of ${length}`);
      assert(bytes.subarray(0, 3).every((byte) => byte === 0xee) && bytes.subarray(end).every((byte) => byte === 0xee));
    }
  }
});
