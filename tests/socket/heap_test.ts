/** What the allocator is told, so that memory that was collected is kept for what comes next. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { to } from "../frames.ts";
import { linked, turn } from "./peer.ts";

const { ArrayBuffer } = globalThis;

/** The blocks of more than 1 MiB that are made meanwhile. */
function blocksOf(work: () => void): { asked: number[]; left: number[] } {
  const asked: number[] = [];
  const blocks: ArrayBuffer[] = [];
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct(target, args) {
      const block = Reflect.construct(target, args) as ArrayBuffer;
      if (args[0] > 1_048_576) {
        asked.push(args[0]);
        blocks.push(block);
      }
      return block;
    },
  });
  try {
    work();
  } finally {
    globalThis.ArrayBuffer = ArrayBuffer;
  }
  return { asked, left: blocks.map(({ byteLength }) => byteLength) };
}

test("The first large chunk makes the allocator keep what was freed, by a block that is freed", async () => {
  const { link } = linked("server");
  await turn();
  const chunk = (size: number): Uint8Array => to("server", { opcode: 2, payload: "x".repeat(size - 8) });
  const nothing = { asked: [], left: [] };
  assertEquals(blocksOf(() => link.lent(chunk(16_383))), nothing);
  const block = 33_488_896;
  // Node 20 has no way to free it.
  const left = "transfer" in ArrayBuffer.prototype ? 0 : block;
  assertEquals(blocksOf(() => link.lent(chunk(16_384))), { asked: [block], left: [left] });
  assertEquals(blocksOf(() => link.lent(chunk(16_384))), nothing);
  link.terminate();
});
