/**
 * What is held of a message, or of a body, that comes in the smallest pieces: about as many bytes as have come, and not an
 * object for each piece. Fed without a network, which would join the pieces.
 */

import { constants, deflateRawSync } from "node:zlib";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bodyOf, type BodyReader } from "../../src/http/body.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { DeflateSetup } from "../../src/protocol/deflate.ts";
import { Fields, HeadReader, type RequestHead } from "../../src/protocol/head.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionEvents, SessionOptions } from "../../src/protocol/session_options.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { frame, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { heldBytes, mib } from "./memory.ts";

/** Bytes that come, one by one. */
const COUNT = 300_000;
/** What may be held for them, a growing buffer and some of the test's own objects included. */
const BOUND = 4 * 1_048_576;

const bytes = new Random(1).bytes(COUNT);
const side = { takeover: true, windowBits: 15 };

/** Sessions tell and write into the void; what they tell is counted. */
class Void implements SessionEvents {
  readonly sizes: number[] = [];
  readonly failures: string[] = [];
  text(data: string): void {
    this.sizes.push(data.length);
  }
  binary(data: Uint8Array): void {
    this.sizes.push(data.length);
  }
  pinged(): void {}
  ponged(): void {}
  closed(): void {}
  failed(error: Error & { code?: string }): void {
    this.failures.push(error.code ?? "");
  }
  write(): boolean {
    return false;
  }
  woken(): void {}
}

/** Feeds all but the last byte, one by one, and gives what is held then. Then feeds the last one. */
function heldBeforeTheEnd(input: Uint8Array, feed: (chunk: Uint8Array) => void): number {
  const before = heldBytes();
  for (let at = 0; at < input.length - 1; at++) feed(input.slice(at, at + 1));
  const held = heldBytes() - before;
  feed(input.slice(input.length - 1));
  return held;
}

function check(name: string, options: SessionOptions, input: Uint8Array, sizes: number[]): void {
  test(`${name}: what is held are its bytes`, () => {
    const told = new Void();
    const session = new Session("client", told, options);
    const held = heldBeforeTheEnd(input, (chunk) => {
      session.receive(chunk);
      while (session.stalled) session.work();
    });
    console.log(`  ${name}: ${input.length} bytes came one by one, ${mib(held)} held`);
    assert(held < BOUND, `${held} bytes are held`);
    assertEquals([told.sizes, told.failures], [sizes, []]);
  });
}

check("a message", {}, frame({ opcode: 2, payload: bytes }), [COUNT]);

const lent = zlibDeflate();
const deflate: DeflateSetup | undefined = lent && {
  factory: deflateFactory(lent),
  agreement: { local: side, remote: side },
  ...{ level: 6, memLevel: 8, threshold: 0, releaseAfter: 0 },
};
const stored = deflateRawSync(bytes, { level: 0, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
check(
  "a compressed message",
  deflate === undefined ? {} : { deflate },
  frame({ opcode: 2, rsv: 0x40, payload: stored }),
  [COUNT],
);

const fragments: Uint8Array[] = [frame({ opcode: 1, fin: false, payload: "x" })];
while (fragments.length < 100_000) fragments.push(frame({ opcode: 0, fin: false, payload: "x" }));
fragments.push(frame({ opcode: 0, payload: "x" }));
const flood = new Uint8Array(fragments.length * 3);
fragments.forEach((each, at) => flood.set(each, at * 3));
check("a message in fragments of one byte", {}, flood, [fragments.length]);

function reader(...fields: [string, string][]): BodyReader {
  const found = bodyOf({ version: "1.1", fields: new Fields(fields) } as RequestHead, COUNT);
  assert(found !== undefined && "push" in found);
  return found;
}

test("a body: what is held are its bytes", () => {
  const body = reader(["Content-Length", String(COUNT)]);
  let whole: unknown;
  const held = heldBeforeTheEnd(bytes, (chunk) => whole = body.push(chunk));
  console.log(`  a body: ${COUNT} bytes came one by one, ${mib(held)} held`);
  assert(held < BOUND, `${held} bytes are held`);
  assertEquals(whole, bytes);
});

test("a body in chunks of one byte: what is held are its bytes", () => {
  const count = 50_000;
  const body = reader(["Transfer-Encoding", "chunked"]);
  const chunk = utf8("1\r\nx\r\n");
  const input = new Uint8Array(count * chunk.length + 5);
  for (let at = 0; at < count; at++) input.set(chunk, at * chunk.length);
  input.set(utf8("0\r\n\r\n"), count * chunk.length);
  let whole: unknown;
  const held = heldBeforeTheEnd(input, (part) => whole = body.push(part));
  console.log(`  a body in chunks: ${count} bytes came one by one, ${mib(held)} held`);
  assert(held < BOUND, `${held} bytes are held`);
  assertEquals(whole, utf8("x".repeat(count)));
});

test("a head: what is held are its bytes", () => {
  const head = new HeadReader("request", { maxHeadSize: COUNT, maxHeadFields: 100_000 });
  const input = utf8(`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(40_000)}\r\n`);
  const held = heldBeforeTheEnd(input, (chunk) => void head.push(chunk));
  console.log(`  a head: ${input.length} bytes came one by one, ${mib(held)} held`);
  assert(held < BOUND, `${held} bytes are held`);
});
