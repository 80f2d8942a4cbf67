// @runtimes deno
/** The entry points export the types that are written in `surface.ts`, and no others. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { inLines } from "./describe.ts";
import { surface } from "./surface.ts";
import { namesByDoor } from "./types.ts";

test("each entry point exports the types that are pinned", async () => {
  const pinned = Object.entries(surface).map(([door, { values, types }]) => {
    return [door, inLines([...Object.keys(values), ...types.flatMap((line) => line.split(" "))])];
  });
  const found = Object.entries(await namesByDoor()).map(([door, names]) => [door, inLines(names)]);
  assertEquals(
    Object.fromEntries(found),
    Object.fromEntries(pinned),
    "Meant? Then run: deno run -A tests/surface/write.ts",
  );
});
