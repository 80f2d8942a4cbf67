/** Compression over the web's streams, beside that over `node:zlib`. */

import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import { ContextDeflate } from "../../src/protocol/context_codec.ts";
import type { DeflateContexts } from "../../src/protocol/contexts.ts";
import type { DeflateFactory } from "../../src/protocol/codec.ts";
import { webDeflate } from "../../src/runtime/web_deflate.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { inflate } from "../inflate.ts";
import { Random } from "../random.ts";
import { join, Messages, utf8 } from "./messages.ts";

const web = webDeflate();
const skip = web === undefined ? "this runtime has no CompressionStream" : false;
const zlib = new ContextDeflate(zlibDeflate() as DeflateContexts);
const FRESH = { takeover: false, windowBits: 15 };

function deflater(factory: DeflateFactory): Messages {
  return new Messages((owner) => factory.deflater({ ...FRESH, level: 6, memLevel: 8 }, owner));
}

function inflater(factory: DeflateFactory, limit: number = Infinity): Messages {
  return new Messages((owner) => factory.inflater({ ...FRESH, limit }, owner), limit);
}

test("the web's codec keeps no context and limits no window", { skip }, () => {
  assertEquals([web!.takeover, web!.minWindowBits], [false, 15]);
});

test("messages pass between the web's codec and that of node:zlib, both ways", { skip }, async () => {
  const random = new Random(1);
  const pairs = [[web!, web!], [web!, zlib], [zlib, web!]] as const;
  for (const [from, to] of pairs) {
    const there = deflater(from), back = inflater(to);
    for (const length of [0, 1, 5, 200, 70_000, 400_000]) {
      const message = random.chance(2) ? random.bytes(length) : new Uint8Array(length).fill(random.below(256));
      const compressed = await there.pass(...random.cut(message, random.below(3)));
      assert(compressed instanceof Uint8Array, String(compressed));
      assertEquals(await back.pass(...random.cut(compressed, random.below(3))), message, `${length} bytes`);
    }
  }
});

test(
  "what the web's codec writes ends in a final block and an empty one (RFC 7692, section 7.2.3.4)",
  { skip },
  async () => {
    const compressed = await deflater(web!).pass(utf8("Hello")) as Uint8Array;
    assertEquals(compressed.at(-1), 0);
    const plain = inflate(join([compressed, Uint8Array.of(0, 0, 0xff, 0xff)]));
    assertEquals(plain.bytes, utf8("Hello"));
    assertEquals(plain.finals, 1);
  },
);

test("the web's codec cuts a message that inflates to much at the limit", { skip }, async () => {
  const zeros = new Uint8Array(2 ** 26);
  const bomb = new Uint8Array(deflateRawSync(zeros, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }));
  const limit = 1_000_000;
  const back = inflater(web!, limit);
  assertEquals(await back.pass(bomb.subarray(0, -4)), "done");
  assert(back.taken > limit && back.taken <= limit + back.largest, `${back.taken} bytes were made`);
  assert(back.largest <= 2 ** 20, `a piece has ${back.largest} bytes`);
});

test("the web's codec says what is not DEFLATE", { skip }, async () => {
  for (const wrong of [[0xff], [0x07, 0xff, 0xff], [0xf2, 0x00, 0x11, 0x00, 0x00]]) {
    assertEquals(await inflater(web!).pass(Uint8Array.from(wrong)), "invalid", String(wrong));
  }
});

test("the web's codec inflates the examples of RFC 7692, section 7.2.3", { skip }, async () => {
  const examples = {
    "one block": "f248cdc9c90700",
    "a stored block": "000500faff48656c6c6f00",
    "a final block": "f348cdc9c9070000",
    "two blocks": "f24805000000ffffcac9c90700",
    "nothing": "00",
  };
  const back = inflater(web!);
  for (const [what, example] of Object.entries(examples)) {
    const bytes = Uint8Array.from(example.match(/../g)!, (each) => Number.parseInt(each, 16));
    assertEquals(await back.pass(bytes), utf8(what === "nothing" ? "" : "Hello"), what);
  }
});

test("the web's codec can be closed in mid-message", { skip }, async () => {
  for (const codec of [deflater(web!), inflater(web!)]) {
    assertEquals(codec.codec.push(new Uint8Array(100_000), 0, 100_000, true), "waiting");
    codec.codec.close();
    codec.codec.close();
    assertEquals(codec.codec.work(), "done");
  }
  // What was under way ends without a rejection that nobody handles.
  await new Promise((resolve) => setTimeout(resolve, 20));
});
