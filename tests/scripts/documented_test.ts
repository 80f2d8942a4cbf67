// @runtimes deno
/** The check of the examples sees an export and a module without one. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Documentation, withoutExample } from "../../scripts/documented.ts";

const example = { tags: [{ kind: "example", doc: "```ts\nconsole.assert(true);\n```" }] };
const location = { filename: "a.ts", line: 6 };

function entry(declarations: { kind: string; jsDoc?: typeof example }[], module_doc = example): Documentation {
  const symbols = [{ name: "one", declarations: declarations.map((declaration) => ({ ...declaration, location })) }];
  return { nodes: { "mod.ts": { module_doc, symbols } } };
}

test("passes what has an example, and what is another name", () => {
  assertEquals(withoutExample(entry([{ kind: "function", jsDoc: example }])), []);
  assertEquals(withoutExample(entry([{ kind: "function" }, { kind: "function", jsDoc: example }])), []);
  assertEquals(withoutExample(entry([{ kind: "reference" }])), []);
});

test("names what has none: an export, one with text only, and a module", () => {
  assertEquals(withoutExample(entry([{ kind: "function" }])), ["a.ts:7: one has no example"]);
  const words = { tags: [{ kind: "example", doc: "No code" }] };
  assertEquals(withoutExample(entry([{ kind: "interface", jsDoc: words }])), ["a.ts:7: one has no example"]);
  assertEquals(withoutExample(entry([{ kind: "function", jsDoc: example }], { tags: [] })), [
    "mod.ts: the module has no example",
  ]);
});
