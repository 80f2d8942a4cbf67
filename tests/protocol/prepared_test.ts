/** A message for many, in sessions: framed once, compressed once for each set of parameters, masked for each frame. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { DeflateFactory, DeflateSide } from "../../src/protocol/codec.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { DeflateSetup } from "../../src/protocol/deflate.ts";
import { PreparedMessage } from "../../src/protocol/prepared.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { concat } from "../frames.ts";
import { inflate } from "../inflate.ts";
import { Recorder, roles } from "./recorder.ts";

/** A factory that counts what it makes. */
class Counting implements DeflateFactory {
  readonly takeover = true;
  readonly minWindowBits = 8;
  deflaters = 0;
  readonly #inner = deflateFactory(zlibDeflate()!);
  readonly deflater: DeflateFactory["deflater"] = (options, owner) => {
    this.deflaters++;
    return this.#inner.deflater(options, owner);
  };
  readonly inflater: DeflateFactory["inflater"] = (options, owner) => this.#inner.inflater(options, owner);
}

function setup(factory: DeflateFactory, local: DeflateSide, level: number = 6): DeflateSetup {
  const agreement = { local, remote: { takeover: false, windowBits: 15 } };
  return { factory, agreement, level, memLevel: 6, threshold: 10, releaseAfter: 0 };
}

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
const text = "a message that goes to many ".repeat(10);
const bytes = new TextEncoder().encode(text);

test("A prepared message is compressed once for each set of parameters", () => {
  const factory = new Counting();
  const message = new PreparedMessage(text);
  const sides = [15, 15, 9, 15, 9].map((windowBits) => ({ takeover: false, windowBits }));
  const setups = [...sides.map((side) => setup(factory, side)), setup(factory, sides[0]!, 1)];
  for (let round = 0; round < 3; round++) {
    for (const deflate of setups) {
      const { session, frames } = sent("server", deflate, message);
      assertEquals(session.open, true);
      assertEquals(frames.map(({ opcode, rsv }) => [opcode, rsv]), [[1, 0x40]]);
      assertEquals(inflate(concat(frames[0]!.payload, TAIL)).bytes, bytes);
    }
  }
  assertEquals(factory.deflaters, 3);
});

test("Where a context is taken over, each session compresses in its own", () => {
  const factory = new Counting();
  const message = new PreparedMessage(text);
  const deflate = setup(factory, { takeover: true, windowBits: 15 });
  for (let at = 0; at < 3; at++) {
    assertEquals(inflate(concat(sent("server", deflate, message).frames[0]!.payload, TAIL)).bytes, bytes);
  }
  assertEquals(factory.deflaters, 3);
});

test("A codec that does not compress at once is asked by each session", () => {
  let deflaters = 0;
  const factory: DeflateFactory = {
    takeover: false,
    minWindowBits: 15,
    deflater: () => {
      deflaters++;
      return { push: () => "waiting", work: () => "waiting", release() {}, close() {} };
    },
    inflater: () => {
      throw new Error("Nothing comes compressed");
    },
  };
  const message = new PreparedMessage(text);
  const deflate = setup(factory, { takeover: false, windowBits: 15 });
  for (let at = 0; at < 2; at++) {
    const recorder = sent("server", deflate, message);
    assertEquals([recorder.frames.length, recorder.session.waiting], [0, bytes.length]);
  }
  // The third asked once, for all.
  assertEquals(deflaters, 3);
});

test("Below the threshold, and where it says so, it goes plain", () => {
  const deflate = setup(new Counting(), { takeover: false, windowBits: 15 });
  for (const message of [new PreparedMessage("short"), new PreparedMessage(text, false)]) {
    const [frame] = sent("server", deflate, message).frames;
    assertEquals([frame!.rsv, new TextDecoder().decode(frame!.payload)], [0, message.data]);
  }
});

for (const role of roles) {
  test(`The frames of a prepared message are those of an unprepared one, masked at a client (${role})`, () => {
    for (const data of ["", "Hello", "ä\ud800", text, "0123456789".repeat(60_000), new Uint8Array(0), bytes]) {
      const recorder = new Recorder(role);
      const message = new PreparedMessage(data);
      recorder.session.sendPrepared(message);
      const { overhead } = recorder.session;
      recorder.session.overhead = 0;
      if (typeof data === "string") recorder.session.sendText(data);
      else recorder.session.sendBinary(data);
      assertEquals(recorder.session.overhead, overhead);
      recorder.session.sendPrepared(message);
      const [first, second, third] = recorder.frames;
      assertEquals([first!.opcode, first!.payload], [second!.opcode, second!.payload]);
      assertEquals(message.size, first!.payload.length);
      if (role === "server") assertEquals([first, third], [second, second]);
      else assert(first!.masked && third!.masked);
    }
  });
}

test("What was sent does not change the prepared message: a large one goes out uncopied", () => {
  const message = new PreparedMessage(new Uint8Array(600_000).fill(7));
  const recorder = new Recorder("server");
  recorder.keeps = (chunk, mayKeep) => {
    if (chunk.length > 1_000) assertEquals(mayKeep, false);
    return false;
  };
  recorder.session.sendPrepared(message);
  assertEquals(recorder.frames[0]!.payload, new Uint8Array(600_000).fill(7));
});

function sent(role: "client" | "server", deflate: DeflateSetup, message: PreparedMessage): Recorder {
  const recorder = new Recorder(role, { deflate });
  recorder.session.sendPrepared(message);
  return recorder;
}
