/** What a session reads: vectors, broken rules and limits. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import type { SessionOptions } from "../../src/protocol/session_options.ts";
import { closePayload, concat, frame, type FrameParts, hex, KEY, show, single, to } from "../frames.ts";
import { Random } from "../random.ts";
import { type Said, type Vector, vectors } from "../vectors.ts";
import { Recorder, roles } from "./recorder.ts";
import { scarce } from "./scarce.ts";

/** What a session answers to what was said: pongs and the Close. */
function answers(says: readonly Said[]): string[] {
  return says.flatMap((said) => {
    if (said[0] === "ping") return [`10 ${said[1]}`.trim()];
    if (said[0] !== "close") return [];
    const [, code, reason] = said;
    return [`8 ${code === undefined ? "" : show(closePayload(code, reason))}`.trim()];
  });
}

function check(vector: Vector, chunks: readonly Uint8Array[], how: string): void {
  const recorder = new Recorder(vector.reader).receive(...chunks);
  assertEquals(recorder.told, [...vector.says], `${vector.name}, ${how}`);
  assertEquals(recorder.sent, answers(vector.says), `${vector.name}, ${how}`);
}

test("Session reads every vector at once, byte by byte and cut anywhere", () => {
  const random = new Random(21);
  for (const vector of vectors) {
    check(vector, [vector.bytes], "at once");
    check(vector, single(vector.bytes.subarray(0, 70_000)), "byte by byte");
    for (let round = 0; round < 20; round++) check(vector, random.cut(vector.bytes, 1 + round % 5), `cut ${round}`);
  }
});

/** Bytes that break a rule, as the peer of `reader` would send them. */
interface Fault {
  rule: string;
  closeCode: number;
  /** What comes before, and is right. */
  before?: FrameParts[];
  parts: FrameParts;
  /** Only for this reader. */
  reader?: Role;
  options?: SessionOptions;
  /** How many bytes of the wrong frame are enough to know. @default two, its first two */
  after?: (size: number, masked: boolean) => number;
}

const begun: FrameParts[] = [{ opcode: 1, fin: false, payload: "abc" }];
const head = (form: number) => (_: number, masked: boolean): number => 2 + form + (masked ? 4 : 0);
const whole = (size: number): number => size;

const faults: readonly Fault[] = [
  ...[3, 7, 11, 15].map((opcode): Fault => ({ rule: "WS_RESERVED_OPCODE", closeCode: 1002, parts: { opcode } })),
  ...[0x10, 0x20, 0x40].map((rsv): Fault => ({ rule: "WS_RESERVED_BITS", closeCode: 1002, parts: { opcode: 1, rsv } })),
  { rule: "WS_RESERVED_BITS", closeCode: 1002, parts: { opcode: 9, rsv: 0x40 }, options: { reservedBits: 0x40 } },
  {
    rule: "WS_RESERVED_BITS",
    closeCode: 1002,
    before: begun,
    parts: { opcode: 0, rsv: 0x40 },
    options: { reservedBits: 0x40 },
  },
  { rule: "WS_FRAGMENTED_CONTROL", closeCode: 1002, parts: { opcode: 9, fin: false } },
  { rule: "WS_FRAGMENTED_CONTROL", closeCode: 1002, parts: { opcode: 8, fin: false, payload: closePayload(1000) } },
  { rule: "WS_CONTROL_TOO_LONG", closeCode: 1002, parts: { opcode: 9, payload: new Uint8Array(126) } },
  { rule: "WS_CONTROL_TOO_LONG", closeCode: 1002, parts: { opcode: 10, payload: new Uint8Array(70_000) } },
  {
    rule: "WS_CONTROL_TOO_LONG",
    closeCode: 1002,
    before: begun,
    parts: { opcode: 8, payload: closePayload(1000, "x".repeat(124)) },
  },
  { rule: "WS_UNEXPECTED_CONTINUATION", closeCode: 1002, parts: { opcode: 0, payload: "abc" } },
  { rule: "WS_UNEXPECTED_CONTINUATION", closeCode: 1002, parts: { opcode: 0, fin: false } },
  {
    rule: "WS_UNEXPECTED_CONTINUATION",
    closeCode: 1002,
    before: [...begun, { opcode: 0, payload: "d" }],
    parts: { opcode: 0, payload: "e" },
  },
  {
    rule: "WS_UNEXPECTED_CONTINUATION",
    closeCode: 1002,
    before: [{ opcode: 2, payload: "whole" }],
    parts: { opcode: 0, payload: "e" },
  },
  { rule: "WS_EXPECTED_CONTINUATION", closeCode: 1002, before: begun, parts: { opcode: 1, payload: "abc" } },
  {
    rule: "WS_EXPECTED_CONTINUATION",
    closeCode: 1002,
    before: [...begun, { opcode: 9 }, { opcode: 0, fin: false }],
    parts: { opcode: 2, fin: false },
  },
  ...[1, 2, 8, 9, 10].flatMap((opcode): Fault[] => [
    { rule: "WS_MASK_REQUIRED", closeCode: 1002, reader: "server", parts: { opcode, key: undefined } },
    { rule: "WS_MASK_FORBIDDEN", closeCode: 1002, reader: "client", parts: { opcode, key: KEY } },
  ]),
  { rule: "WS_INVALID_LENGTH", closeCode: 1002, parts: { opcode: 2, form: 2, payload: "abc" }, after: head(2) },
  { rule: "WS_INVALID_LENGTH", closeCode: 1002, parts: { opcode: 1, form: 8, payload: "abc" }, after: head(8) },
  {
    rule: "WS_INVALID_LENGTH",
    closeCode: 1002,
    parts: { opcode: 2, form: 8, payload: new Uint8Array(65_535) },
    after: head(8),
  },
  { rule: "WS_INVALID_LENGTH", closeCode: 1002, parts: { opcode: 2, form: 8, length: 1n << 63n }, after: head(8) },
  { rule: "WS_INVALID_LENGTH", closeCode: 1002, parts: { opcode: 2, length: (1n << 64n) - 1n }, after: head(8) },
  {
    rule: "WS_MESSAGE_TOO_BIG",
    closeCode: 1009,
    options: { maxPayload: 2 ** 53 },
    parts: { opcode: 2, length: (1n << 63n) - 1n },
    after: head(8),
  },
  { rule: "WS_INVALID_CLOSE_PAYLOAD", closeCode: 1002, parts: { opcode: 8, payload: hex("03") }, after: whole },
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535].map((code): Fault => ({
    rule: "WS_INVALID_CLOSE_CODE",
    closeCode: 1002,
    parts: { opcode: 8, payload: closePayload(code, "reason") },
    after: whole,
  })),
  {
    rule: "WS_INVALID_UTF8",
    closeCode: 1007,
    parts: { opcode: 8, payload: concat(closePayload(1000), hex("c328")) },
    after: whole,
  },
  { rule: "WS_INVALID_UTF8", closeCode: 1007, parts: { opcode: 1, payload: hex("61c3") }, after: whole },
  {
    rule: "WS_INVALID_UTF8",
    closeCode: 1007,
    before: [{ opcode: 1, fin: false, payload: hex("61e282") }],
    parts: { opcode: 0 },
    after: whole,
  },
];

for (const reader of roles) {
  test(`Session fails the connection for each broken rule, as soon as it can know, at a ${reader}`, () => {
    for (const fault of faults) {
      if (fault.reader !== undefined && fault.reader !== reader) continue;
      const { parts } = fault;
      const bytes = to(reader, parts);
      const before = concat(...(fault.before ?? []).map((each) => to(reader, each)));
      const needed = fault.after?.(bytes.length, "key" in parts ? parts.key !== undefined : reader === "server") ?? 2;
      const what = `${fault.rule}: ${show(bytes.subarray(0, 20))}`;

      const waiting = new Recorder(reader, fault.options).receive(before);
      const quiet = waiting.told.length;
      waiting.receive(bytes.slice(0, needed - 1));
      assertEquals(waiting.told.length, quiet, `${what}: not before byte ${needed}`);
      waiting.receive(bytes.slice(needed - 1, needed));
      assertEquals(waiting.told.slice(quiet), [["failed", fault.rule]], what);

      for (const chunks of [[concat(before, bytes)], single(concat(before, bytes).subarray(0, 2000))]) {
        const recorder = new Recorder(reader, fault.options).receive(...chunks);
        assertEquals(recorder.told.at(-1), ["failed", fault.rule], what);
        assertEquals(recorder.errors.length, 1, what);
        assertEquals(recorder.errors[0]!.closeCode, fault.closeCode, what);
        assertEquals(recorder.sent.at(-1), `8 ${show(closePayload(fault.closeCode))}`, what);
        assertEquals(recorder.frames.filter(({ opcode }) => opcode === 8).length, 1, what);
        assertEquals(recorder.end, '1006 "" unclean');
        assert(!recorder.session.open && recorder.session.done);
        // Nothing is read any more.
        const told = recorder.told.length;
        recorder.receive(to(reader, { opcode: 9 }), to(reader, { opcode: 1, payload: "x" }), hex("ffffffff"));
        assertEquals(recorder.told.length, told, what);
        assertEquals(recorder.frames.filter(({ opcode }) => opcode === 8).length, 1, what);
      }
    }
  });
}

test("Session names in its error what was met", () => {
  const error = (bytes: Uint8Array): string => new Recorder("server").receive(bytes).errors[0]!.message;
  assertEquals(
    error(hex("8100")),
    "Cannot read from the peer: frame of a client must be masked: header bytes are 0x81 0x00",
  );
  assertEquals(
    error(to("server", { opcode: 8, payload: closePayload(1005) })),
    "Cannot read from the peer: Close code must be one that may be sent: Close frame carries code 1005",
  );
  assertEquals(
    error(to("server", { opcode: 8, payload: hex("07") })),
    "Cannot read from the peer: Close frame must be empty or begin with a code of two bytes: Close frame carries 1 byte",
  );
});

test("Session takes a message of maxPayload bytes and refuses one more, whole and over fragments", () => {
  for (const reader of roles) {
    for (const maxPayload of [0, 1, 125, 126, 1000]) {
      for (const [length, right] of [[maxPayload, true], [maxPayload + 1, false]] as const) {
        const payload = "x".repeat(length);
        const sendings: FrameParts[][] = [[{ opcode: 1, payload }]];
        for (const at of [0, length >> 1, length]) {
          sendings.push([
            { opcode: 1, fin: false, payload: payload.slice(0, at) },
            { opcode: 9 },
            { opcode: 0, fin: false, payload: payload.slice(at) },
            { opcode: 0 },
          ]);
        }
        for (const sending of sendings) {
          const bytes = concat(...sending.map((parts) => to(reader, parts)));
          for (const chunks of [[bytes], single(bytes)]) {
            const { told } = new Recorder(reader, { maxPayload }).receive(...chunks);
            const last = told.at(-1)!;
            assertEquals(last[0] === "text" ? last[1].length : last[1], right ? length : "WS_MESSAGE_TOO_BIG");
          }
        }
      }
    }
  }
});

test("Session counts the bytes of each message by itself", () => {
  const frames = [
    { opcode: 1, payload: "12345" },
    { opcode: 2, fin: false, payload: "123" },
    { opcode: 0, payload: "45" },
    { opcode: 1, payload: "12345" },
  ];
  const bytes = concat(...frames.map((parts) => to("client", parts)));
  assertEquals(new Recorder("client", { maxPayload: 5, maxFragments: 2 }).receive(bytes).told.length, 3);
});

test("Session refuses a message over maxPayload before its payload has come", () => {
  const { told, errors } = new Recorder("client", { maxPayload: 10 }).receive(hex("82 0b"));
  assertEquals(told, [["failed", "WS_MESSAGE_TOO_BIG"]]);
  assertEquals(
    errors[0]!.message,
    "Cannot read from the peer: message is too big: it has 11 bytes, maxPayload is 10",
  );
});

test("Session holds 64 MiB to be the largest message unless it is told otherwise", () => {
  const at = (length: number): unknown =>
    new Recorder("client").receive(frame({ opcode: 2, length, payload: "" })).told[0]?.[1];
  assertEquals(at(67_108_864), undefined);
  assertEquals(at(67_108_865), "WS_MESSAGE_TOO_BIG");
});

test("Session takes a message of maxFragments frames and refuses one more, empty ones too", () => {
  for (const payload of ["", "x"]) {
    for (const maxFragments of [1, 2, 7]) {
      for (const count of [maxFragments, maxFragments + 1]) {
        const bytes = concat(
          ...Array.from(
            { length: count },
            (_, i) =>
              concat(
                to("server", { opcode: i === 0 ? 2 : 0, fin: i === count - 1, payload }),
                to("server", { opcode: 9 }),
              ),
          ),
        );
        const recorder = new Recorder("server", { maxFragments }).receive(bytes);
        const told = recorder.told.filter(([name]) => name !== "ping");
        const wanted = count > maxFragments
          ? ["failed", "WS_TOO_MANY_FRAGMENTS"]
          : ["binary", "78".repeat(payload.length * count)];
        assertEquals(told, [wanted] as never, `${count} of ${maxFragments}`);
      }
    }
  }
});

test("Session refuses a flood of empty fragments by default", () => {
  const flood = concat(hex("0100"), new Uint8Array(2 * 131_071));
  const recorder = new Recorder("client").receive(flood);
  assertEquals(recorder.told, []);
  assertEquals(recorder.receive(hex("0000")).told, [["failed", "WS_TOO_MANY_FRAGMENTS"]]);
});

test("Session fails with 1009 when a message is allowed that the runtime cannot hold, in bytes or as a text", () => {
  for (const [opcode, most] of [[1, 20_000], [2, 20_000], [1, 70_000]] as const) {
    const recorder = new Recorder("client", { maxPayload: Infinity, maxFragments: Infinity });
    const [first, rest] = [
      to("client", { opcode, fin: false, payload: "x".repeat(15_000) }),
      to("client", { opcode: 0, payload: "x".repeat(60_000) }),
    ];
    scarce(most, () => {
      recorder.session.receive(first);
      for (let at = 0; at < rest.length; at += 10_000) recorder.session.receive(rest.slice(at, at + 10_000));
    });
    assertEquals(recorder.told, [["failed", "WS_MESSAGE_TOO_BIG"]]);
    assertEquals(recorder.sent, [`8 ${show(closePayload(1009))}`]);
  }
});
