// @runtimes deno
/** The import map for machines without JSR names what `deno.json` names, and nothing else. */
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

function read(path: string): { exports: Record<string, string>; imports: Record<string, string>; name: string } {
  return JSON.parse(readFileSync(new URL(path, root), "utf8"));
}

const manifest = read("deno.json");
const offline = read("tests/offline/import_map.json");

test("the two import maps have the same aliases; the offline one also leads elsewhere what is imported by its name", () => {
  const aliases = Object.keys(offline.imports).filter((alias) => !alias.startsWith("jsr:"));
  assertEquals(aliases, Object.keys(manifest.imports));
});

test("the two import maps lead to the same files and packages, save those of JSR", () => {
  for (const [alias, target] of Object.entries(manifest.imports)) {
    const there = offline.imports[alias] ?? "";
    if (target.startsWith("jsr:")) {
      assert(existsSync(new URL(there, new URL("tests/offline/", root))), `${alias}: no file "${there}"`);
    } else {
      assertEquals(there, target.replace(/^\.\//, "../../"), alias);
    }
  }
});

test("every entry point has its public name as an alias", () => {
  const own = Object.entries(manifest.imports).filter(([, target]) => target.startsWith("./"));
  const wanted = Object.entries(manifest.exports).map(([entry, file]) => [manifest.name + entry.slice(1), file]);
  assertEquals(Object.fromEntries(own), Object.fromEntries(wanted));
});
