/** Control frames as a session reads and answers them, the end as data, and pauses. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import { closePayload, concat, frame, type FrameParts, hex, show, single, to, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { Recorder, roles } from "./recorder.ts";

test("Session answers a ping at once, with its payload, also between fragments", () => {
  for (const reader of roles) {
    for (const payload of ["", "x", "y".repeat(125)]) {
      const recorder = new Recorder(reader);
      recorder.receive(to(reader, { opcode: 1, fin: false, payload: "a" }), to(reader, { opcode: 9, payload }));
      assertEquals(recorder.told, [["ping", show(utf8(payload))]]);
      assertEquals(recorder.sent, [`10 ${show(utf8(payload))}`.trim()]);
      recorder.receive(to(reader, { opcode: 10, payload }), to(reader, { opcode: 0, payload: "b" }));
      assertEquals(recorder.told.slice(1), [["pong", show(utf8(payload))], ["text", "ab"]]);
      assertEquals(recorder.sent.length, 1);
    }
  }
});

test("Session gives the payload of a control frame away: the chunk may be used again", () => {
  const session = new Recorder("client");
  const payloads: Uint8Array[] = [];
  session.pinged = (data) => void payloads.push(data);
  const chunk = frame({ opcode: 9, payload: "abc" });
  session.session.receive(chunk);
  chunk.fill(0);
  assertEquals(payloads.map(show), ["616263"]);
  assertEquals(payloads[0]!.buffer.byteLength, 3, "it keeps nothing else alive");
});

test("Session answers no ping behind its own Close frame, and goes on reading until the peer's", () => {
  for (const reader of roles) {
    const recorder = new Recorder(reader);
    recorder.session.close({ code: 1000, reason: "" });
    recorder.receive(
      to(reader, { opcode: 1, payload: "late" }),
      to(reader, { opcode: 9, payload: "?" }),
      to(reader, { opcode: 8, payload: closePayload(1000) }),
    );
    assertEquals(recorder.told, [["text", "late"], ["ping", "3f"], ["close", 1000, ""]]);
    assertEquals(recorder.sent, ["8 03e8"]);
  }
});

test("Session owes one pong, the latest, while it is congested", () => {
  for (const reader of roles) {
    const recorder = new Recorder(reader);
    recorder.session.congested = true;
    for (let i = 0; i < 1000; i++) recorder.receive(to(reader, { opcode: 9, payload: String(i) }));
    assertEquals(recorder.sent, []);
    assertEquals(recorder.told.length, 1000);
    recorder.session.congested = false;
    assertEquals(recorder.sent, [`10 ${show(utf8("999"))}`]);
    recorder.session.congested = true;
    recorder.session.congested = false;
    assertEquals(recorder.sent.length, 1);
    recorder.receive(to(reader, { opcode: 9 }));
    assertEquals(recorder.sent.length, 2);
  }
});

test("Session owes no pong behind a Close frame", () => {
  for (const end of ["local", "remote", "failure"] as const) {
    const recorder = new Recorder("client");
    recorder.session.congested = true;
    recorder.receive(frame({ opcode: 9, payload: "x" }));
    if (end === "local") recorder.session.close({ code: 1000, reason: "" });
    else recorder.receive(end === "remote" ? frame({ opcode: 8 }) : hex("ff"), hex("00"));
    recorder.session.congested = false;
    assertEquals(recorder.frames.map(({ opcode }) => opcode), [8], end);
  }
});

test("Session keeps the end as data: the peer closes first", () => {
  for (const reader of roles) {
    const cases: [Uint8Array, unknown, string][] = [
      [closePayload(1000), { code: 1000, reason: "" }, '1000 "" clean'],
      [closePayload(1001, "bye"), { code: 1001, reason: "bye" }, '1001 "bye" clean'],
      [closePayload(4999, "é".repeat(61)), { code: 4999, reason: "é".repeat(61) }, `4999 "${"é".repeat(61)}" clean`],
      [closePayload(1012), { code: 1012, reason: "" }, '1012 "" clean'],
      [hex(""), { reason: "" }, '1005 "" clean'],
    ];
    for (const [payload, received, end] of cases) {
      const recorder = new Recorder(reader).receive(to(reader, { opcode: 8, payload }));
      assertEquals(recorder.session.closeRecord as unknown, {
        sent: received,
        received,
        initiator: "remote",
        failed: false,
      });
      assertEquals(recorder.end, end);
      assertEquals(recorder.sent, [`8 ${show(payload)}`.trim()], "code and reason are echoed");
      assert(recorder.session.done);
      recorder.session.close({ code: 3000, reason: "" });
      assertEquals(recorder.sent.length, 1);
    }
  }
});

test("Session keeps the end as data: this end closes first", () => {
  for (const reader of roles) {
    const recorder = new Recorder(reader);
    assertEquals(recorder.end, '1006 "" unclean');
    recorder.session.close({ code: 3000, reason: "mine" });
    assert(!recorder.session.open && !recorder.session.done);
    assertEquals(recorder.session.closeRecord, {
      sent: { code: 3000, reason: "mine" },
      received: undefined,
      initiator: "local",
      failed: false,
    });
    assertEquals(recorder.told, []);
    recorder.receive(to(reader, { opcode: 8, payload: closePayload(3001, "theirs") }));
    assertEquals(recorder.told, [["close", 3001, "theirs"]]);
    assertEquals(recorder.sent, [`8 ${show(closePayload(3000, "mine"))}`]);
    assertEquals(recorder.session.closeRecord.initiator, "local");
    assertEquals(recorder.end, '3001 "theirs" clean');
  }
});

test("Session fails after its own Close frame without sending another", () => {
  const recorder = new Recorder("server");
  recorder.session.close({ code: 1000, reason: "" });
  recorder.receive(hex("8100"));
  assertEquals(recorder.told, [["failed", "WS_MASK_REQUIRED"]]);
  assertEquals(recorder.sent, ["8 03e8"]);
  assertEquals(recorder.end, '1006 "" unclean');
});

test("Session discards all that comes behind a Close frame", () => {
  const random = new Random(22);
  for (const reader of roles) {
    const bytes = concat(
      to(reader, { opcode: 8, payload: closePayload(1000) }),
      to(reader, { opcode: 1, payload: "x" }),
      to(reader, { opcode: 8 }),
      random.bytes(500),
    );
    for (const cuts of [0, 10, 400]) {
      const recorder = new Recorder(reader).receive(...random.cut(bytes, cuts));
      assertEquals(recorder.told, [["close", 1000, ""]]);
      assertEquals(recorder.sent, ["8 03e8"]);
    }
  }
});

test("Session forgets a message in progress when the peer closes", () => {
  const recorder = new Recorder("client").receive(hex("01 01 61 88 00 80 01 62"));
  assertEquals(recorder.told, [["close", undefined, ""]]);
});

/** Reads `bytes` with a pause at each delivery, and resumes with what was not read. */
function readWithPauses(reader: Role, chunks: readonly Uint8Array[]): { recorder: Recorder; most: number } {
  const recorder = new Recorder(reader);
  const { session } = recorder;
  let most = 0;
  let delivered = 0;
  recorder.ontold = () => {
    delivered++;
    session.pause();
  };
  const rest = chunks.map((chunk) => chunk.slice());
  while (rest.length > 0) {
    delivered = 0;
    session.resume();
    const chunk = rest.shift()!;
    const read = session.receive(chunk);
    if (read < chunk.length) rest.unshift(chunk.subarray(read));
    most = Math.max(most, delivered);
  }
  return { recorder, most };
}

test("Session stops behind the message in which it is paused, and goes on exactly there", () => {
  const random = new Random(23);
  for (const reader of roles) {
    const sending: FrameParts[] = [
      { opcode: 1, payload: "one" },
      { opcode: 9, payload: "p" },
      { opcode: 2, fin: false, payload: "tw" },
      { opcode: 10 },
      { opcode: 0, payload: "o" },
      { opcode: 1 },
      { opcode: 1, payload: "é".repeat(300) },
      { opcode: 8, payload: closePayload(1000) },
      { opcode: 1, payload: "late" },
    ];
    const bytes = concat(...sending.map((parts) => to(reader, parts)));
    const { told, sent } = new Recorder(reader).receive(bytes);
    assertEquals(told.length, 7);
    for (const chunks of [[bytes], single(bytes), random.cut(bytes, 7)]) {
      const { recorder, most } = readWithPauses(reader, chunks);
      assertEquals(most, 1, "one thing at a time");
      assertEquals(recorder.told, told);
      assertEquals(recorder.sent, sent);
    }
  }
});

test("Session just goes on when it is resumed within the delivery in which it was paused", () => {
  const recorder = new Recorder("client");
  recorder.ontold = () => {
    recorder.session.pause();
    recorder.session.resume();
  };
  recorder.receive(hex("81 01 61 89 00 81 01 62"));
  assertEquals(recorder.told, [["text", "a"], ["ping", ""], ["text", "b"]]);
});

test("Session stops behind the message in which it is told to discard or to fail", () => {
  const bytes = hex("81 01 61 81 01 62 88 00");
  const discarding = new Recorder("client");
  discarding.ontold = () => discarding.session.discard();
  assertEquals(discarding.receive(bytes).told, [["text", "a"]]);
  assertEquals(discarding.sent, []);
  const closing = new Recorder("client");
  closing.ontold = () => closing.session.close({ code: 1000, reason: "" });
  assertEquals(closing.receive(bytes).told, [["text", "a"], ["text", "b"], ["close", undefined, ""]]);
  assertEquals(closing.sent, ["8 03e8"]);
});
