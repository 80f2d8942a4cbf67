/** Where there is no WebAssembly, or a page's policy forbids it, large payloads are masked in words. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { checkLargeMasks } from "./large_masks.ts";

test("mask() does the same without WebAssembly", async () => {
  // Before the first large payload: what there is, is found out once.
  assert(Reflect.deleteProperty(globalThis, "WebAssembly"), "WebAssembly could not be taken away");
  const { mask } = await import("../../src/protocol/mask.ts");
  checkLargeMasks(mask);
  const { lendMemory } = await import("../../src/protocol/lanes.ts");
  assertEquals(lendMemory(1_000), undefined);
});
