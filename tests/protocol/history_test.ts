/** The ring of what passed last. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { History } from "../../src/protocol/history.ts";
import { Random } from "../random.ts";
import { inflate } from "../inflate.ts";

test("History holds the last bytes, however they came", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const size = 1 + random.below(600);
    const history = new History(size);
    let all = new Uint8Array(0);
    for (let i = 0; i < 30; i++) {
      const chunk = random.bytes(random.below(random.pick([2, 100, 300, 1_500])));
      const start = random.below(chunk.length + 1), end = start + random.below(chunk.length - start + 1);
      history.add(chunk, start, end);
      all = Uint8Array.from([...all, ...chunk.subarray(start, end)]).slice(-size);
      const held = new Uint8Array(all.length);
      history.write(held, 0);
      assertEquals(held, all, `seed ${seed}, chunk ${i}`);
      assertEquals(history.length, all.length);
    }
    const block = new Uint8Array(700).fill(0xaa);
    const length = history.writeStoredBlock(block);
    assertEquals(length, all.length + 5);
    assertEquals(inflate(block.subarray(0, length)).bytes, all);
    assertEquals(block.subarray(length), new Uint8Array(700 - length).fill(0xaa));
  }
});
