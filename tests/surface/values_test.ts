/** The entry points export what is written in `surface.ts`, and nothing else, on every runtime. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { runtime } from "../harness.ts";
import { doors } from "./doors.ts";
import { surface } from "./surface.ts";

/** In the npm package the two that find the runtime by themselves are the one that is bound to it: Deno has the source here. */
const bound: readonly string[] = runtime === "deno" ? [] : [".", "./http"];

for (const door of Object.keys(surface)) {
  test(`${door} exports what is pinned: names, members of classes, constants`, () => {
    const { values } = surface[bound.includes(door) ? `./${runtime}` : door]!;
    assertEquals(doors[door], values, "Meant? Then run: deno run -A tests/surface/write.ts");
  });
}

test("each entry point is pinned", () => {
  assertEquals(Object.keys(doors).sort(), Object.keys(surface).sort());
});
