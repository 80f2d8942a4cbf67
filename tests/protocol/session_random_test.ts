/**
 * Sessions on random input: right streams say what was put into them, wrong ones and garbage end as they must, and
 * nothing depends on where the input is cut.
 */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import { closePayload, concat, type FrameParts, readFrames, show, to, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { Recorder, roles, type Told } from "./recorder.ts";

/** A right stream: its frames and what they say. */
interface Stream {
  frames: FrameParts[];
  says: Told[];
}

function control(random: Random, stream: Stream): void {
  const payload = random.bytes(random.below(random.chance(3) ? 126 : 5));
  const ping = random.chance(2);
  stream.frames.push({ opcode: ping ? 9 : 10, payload });
  stream.says.push([ping ? "ping" : "pong", show(payload)]);
}

function message(random: Random, stream: Stream): void {
  const isText = random.chance(2);
  const text = random.text(random.below(random.chance(5) ? 400 : 30));
  const payload = isText ? utf8(text) : random.bytes(random.below(random.chance(5) ? 1000 : 40));
  const parts = random.cut(payload, random.chance(2) ? 0 : random.below(5));
  for (const [i, part] of parts.entries()) {
    if (i > 0 && random.chance(3)) control(random, stream);
    stream.frames.push({ opcode: i > 0 ? 0 : isText ? 1 : 2, fin: i === parts.length - 1, payload: part });
  }
  stream.says.push(isText ? ["text", text] : ["binary", show(payload)]);
}

function makeStream(random: Random): Stream {
  const stream: Stream = { frames: [], says: [] };
  for (let i = random.below(12); i >= 0; i--) {
    if (random.chance(4)) control(random, stream);
    else message(random, stream);
  }
  if (random.chance(2)) {
    const reason = random.text(random.below(20));
    stream.frames.push({ opcode: 8, payload: closePayload(3000 + random.below(2000), reason) });
    stream.says.push(["close", 0, reason]);
    const { payload } = stream.frames.at(-1)!;
    stream.says[stream.says.length - 1] = [
      "close",
      ((payload as Uint8Array)[0]! << 8) | (payload as Uint8Array)[1]!,
      reason,
    ];
  }
  return stream;
}

/** Keys that are not always the same one. */
function encode(random: Random, reader: Role, frames: readonly FrameParts[]): Uint8Array<ArrayBuffer> {
  const key = (): [number, number, number, number] => [...random.bytes(4)] as [number, number, number, number];
  return concat(...frames.map((parts) => to(reader, reader === "server" ? { key: key(), ...parts } : parts)));
}

/** All that a session tells and writes, in a form to compare. What is only lent is overwritten when the call returns. */
function run(reader: Role, chunks: readonly Uint8Array[], lent: boolean = false): {
  told: Told[];
  sent: string[];
  end: string;
} {
  const recorder = new Recorder(reader, { maxPayload: 5000, maxFragments: 50 });
  for (const chunk of chunks) {
    const given = chunk.slice();
    recorder.session.receive(given, lent);
    if (lent) given.fill(0xee);
  }
  const binaries = recorder.told.flatMap(([name, data]) => name === "binary" ? [data] : []);
  assertEquals(recorder.binaries.map(show), binaries, "a message changed later");
  assert(recorder.errors.length <= 1, "a session fails once");
  const sent = readFrames(recorder.output).map(({ opcode, payload, masked }) => {
    assertEquals(masked, reader === "client");
    return `${opcode} ${show(payload)}`.trim();
  });
  assert(sent.filter((each) => each.startsWith("8")).length <= 1, "a session closes once");
  return { told: recorder.told, sent, end: recorder.end };
}

function sameHoweverCut(random: Random, reader: Role, bytes: Uint8Array): ReturnType<typeof run> {
  const whole = run(reader, [bytes]);
  for (let round = 0; round < 4; round++) {
    const chunks = random.cut(bytes, 1 + random.below(round === 0 ? bytes.length + 1 : 8));
    const cut = run(reader, chunks);
    assertEquals(cut, whole, `cut into ${chunks.map((chunk) => chunk.length)}`);
    assertEquals(run(reader, chunks, true), whole, `lent, cut into ${chunks.map((chunk) => chunk.length)}`);
  }
  return whole;
}

test("Session says of a right stream what was put into it, however it is cut", () => {
  for (let seed = 0; seed < 250; seed++) {
    const random = new Random(seed);
    const reader = random.pick(roles);
    const { frames, says } = makeStream(random);
    const { told, sent } = sameHoweverCut(random, reader, encode(random, reader, frames));
    assertEquals(told, says, `seed ${seed}`);
    const answered = frames.filter(({ opcode }) => opcode === 9 || opcode === 8).map(({ opcode, payload }) =>
      `${opcode === 9 ? 10 : 8} ${show(payload as Uint8Array)}`.trim()
    );
    assertEquals(sent, answered, `seed ${seed}`);
  }
});

test("Session ends a damaged stream in the same way however it is cut, and never throws", () => {
  let failed = 0;
  for (let seed = 0; seed < 400; seed++) {
    const random = new Random(1000 + seed);
    const reader = random.pick(roles);
    const bytes = encode(random, reader, makeStream(random).frames);
    for (let i = random.below(3); i >= 0; i--) bytes[random.below(bytes.length)] = random.below(256);
    const { told } = sameHoweverCut(random, reader, bytes);
    if (told.some(([name]) => name === "failed")) failed++;
  }
  assert(failed > 100, `${failed} of 400 streams failed`);
});

test("Session takes garbage in the same way however it is cut, and never throws", () => {
  for (let seed = 0; seed < 1000; seed++) {
    const random = new Random(2000 + seed);
    const bytes = random.bytes(random.below(300));
    // Half of them begin as a frame could.
    if (bytes.length > 1 && random.chance(2)) {
      bytes[0] = random.pick([0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a]);
      bytes[1] = random.below(128) | (seed & 1 ? 0x80 : 0);
    }
    sameHoweverCut(random, seed & 1 ? "server" : "client", bytes);
  }
});

test("Session reads what a session writes, in both directions, however it is cut", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(4000 + seed);
    const role = random.pick(roles);
    const writer = new Recorder(role);
    const says: Told[] = [];
    for (let i = random.below(10); i >= 0; i--) {
      const text = random.text(random.below(200));
      const data = random.bytes(random.below(200));
      switch (random.below(4)) {
        case 0:
          writer.session.sendText(text);
          says.push(["text", text]);
          break;
        case 1:
          writer.session.sendBinary(data);
          says.push(["binary", show(data)]);
          break;
        case 2:
          writer.session.ping(data.subarray(0, 125));
          says.push(["ping", show(data.subarray(0, 125))]);
          break;
        default:
          writer.session.pong(data.subarray(0, 125));
          says.push(["pong", show(data.subarray(0, 125))]);
      }
    }
    writer.session.close({ code: 4000 + seed, reason: "done" });
    says.push(["close", 4000 + seed, "done"]);
    const { told } = sameHoweverCut(random, role === "client" ? "server" : "client", writer.output);
    assertEquals(told, says, `seed ${seed}`);
  }
});
