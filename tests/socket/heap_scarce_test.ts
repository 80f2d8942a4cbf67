/** What the allocator would be told, in a process of its own that has little memory. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { keepFreed } from "../../src/socket/heap.ts";

test("keepFreed() does without where there is no memory for it, for good", () => {
  const { ArrayBuffer } = globalThis;
  let asked = 0;
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct() {
      asked++;
      throw new RangeError("Array buffer allocation failed");
    },
  });
  try {
    keepFreed();
    keepFreed();
  } finally {
    globalThis.ArrayBuffer = ArrayBuffer;
  }
  assertEquals(asked, 1);
});
