// @runtimes deno
/** The page "Coming from fibjs" and the proofs of its rows are about the same differences. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { differences } from "./differences.ts";

test("each row of the page has its proof, and each proof its row", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/coming-from-fibjs.md", import.meta.url));
  const rows = [...page.matchAll(/^\| +(\S[^|]*?) +\|.*\|.*\|$/gm)].map(([, name]) => name!)
    .filter((name) => !/^-+$/.test(name));
  assertEquals(rows.sort(), Object.keys(differences).sort());
});
