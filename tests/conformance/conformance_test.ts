/**
 * The cases of the catalogue, played over TCP by a raw peer against our server and against our client. Only the strictest
 * outcome passes.
 */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { basics } from "./basics.ts";
import { closing } from "./closing.ts";
import { play, testees } from "./play.ts";
import type { Case } from "./script.ts";
import { sizes } from "./sizes.ts";
import { texts } from "./texts.ts";

const cases: readonly Case[] = [...basics, ...texts, ...closing, ...sizes];

test("the table has all cases of the catalogue that need no compression, each once", () => {
  assertEquals(cases.length, 301);
  assertEquals(new Set(cases.map(({ id }) => id)).size, 301);
});

for (const testee of testees) {
  for (const each of cases) test(`case ${each.id} with our ${testee}`, () => play(each, testee));
}
