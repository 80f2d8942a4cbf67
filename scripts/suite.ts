/**
 * The test files, and where each of them runs: on all runtimes, save the tests of `protocol`, which are pure and run on
 * Deno only, and files whose first lines say `// @runtimes deno, node20` (`node` is every Node).
 */

import { join } from "node:path";
import { listFiles, root } from "./manifest.ts";
import { type RuntimeName, runtimeNames } from "./runtimes.ts";

/** One test file. */
export interface TestFile {
  /** From the top of the tree, with slashes. */
  path: string;
  runtimes: readonly RuntimeName[];
}

const groups: Record<string, readonly RuntimeName[]> = {
  ...Object.fromEntries(runtimeNames.map((name) => [name, [name]])),
  node: runtimeNames.filter((name) => name.startsWith("node")),
};

/** Turns `deno, node` into names. Throws on one that is not known. */
export function parseRuntimes(list: string): RuntimeName[] {
  const wanted = list.split(",").flatMap((name) => {
    const group = groups[name.trim()];
    if (group !== undefined) return group;
    throw new TypeError(`Unknown runtime "${name.trim()}": wanted ${Object.keys(groups).join(", ")}`);
  });
  return runtimeNames.filter((name) => wanted.includes(name));
}

/** The test files under `tests`, or those that lie in one of `paths`. Throws when a path has none. */
export async function listTests(paths: readonly string[]): Promise<string[]> {
  const all = (await listFiles(join(root, "tests"))).map((file) => `tests/${file}`)
    .filter((file) => file.endsWith("_test.ts"));
  for (const path of paths) {
    if (!all.some((file) => liesIn(file, path))) throw new Error(`Cannot find tests in "${path}"`);
  }
  return paths.length === 0 ? all : all.filter((file) => paths.some((path) => liesIn(file, path)));
}

function liesIn(file: string, path: string): boolean {
  const folder = path.replace(/^\.\//, "").replace(/\/$/, "");
  return file === folder || file.startsWith(`${folder}/`);
}

/** Where a test file runs. Throws when the file `t.skip()`s, because Deno counts that as passed. */
export async function readLimits(path: string): Promise<TestFile> {
  const text = await Deno.readTextFile(join(root, path));
  const lost = text.split("\n").findIndex((line) => /\b(t|ctx|context)\.(skip|todo)\(/.test(line));
  if (lost >= 0) {
    throw new Error(
      `Cannot count ${path}:${lost + 1}: Deno counts t.skip() as passed, wanted the option { skip: why }`,
    );
  }
  const limit = /^\/\/ @runtimes (.+)$/m.exec(text.split("\n", 5).join("\n"));
  if (limit !== null) return { path, runtimes: parseRuntimes(limit[1]!) };
  return { path, runtimes: path.startsWith("tests/protocol/") ? ["deno"] : runtimeNames };
}
