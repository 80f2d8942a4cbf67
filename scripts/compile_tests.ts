/**
 * Makes the folder in which Bun and Node run the tests, against the built package:
 *
 * ```
 *   folder/tests, examples        compiled one by one, and the other files as they are
 *   folder/mod.js, src            links into the package, for tests of what is not exported
 *   folder/node_modules/@sockeye/ws   the built package
 *   folder/node_modules/@std/assert   the stand-in
 *   folder/node_modules/ws, fast-check   what tests import of npm's packages; tests/mounts has a folder of its own
 * ```
 */

import { dirname, join } from "node:path";
import ts from "typescript";
import { buildPackage } from "./build_npm.ts";
import { listFiles, pick, readManifest, root } from "./manifest.ts";
import { target } from "./package_data.ts";
import { install } from "./workshop.ts";

/** Where the tests find things. */
export interface Compiled {
  /** The compiled tests. */
  tests: string;
  /** The built package. */
  package: string;
}

/** Builds the package and compiles the tests into `folder`. */
export async function compileTests(folder: string): Promise<Compiled> {
  const manifest = await readManifest();
  await install(folder, pick(manifest, ["ws", "fast-check"]));
  const modules = join(folder, "node_modules");
  const built = join(modules, ...manifest.name.split("/"));
  await buildPackage(built);
  for (const link of ["mod.js", "src"]) await Deno.symlink(join(built, "esm", link), join(folder, link));
  for (const name of ["tests", "examples"]) await compileFolder(join(root, name), join(folder, name));
  await placeStandIn(folder, join(modules, "@std", "assert"));
  return { tests: join(folder, "tests"), package: built };
}

/** Compiles the TypeScript of a folder, file by file, and copies what else is in it. */
export async function compileFolder(from: string, to: string): Promise<void> {
  for (const file of await listFiles(from)) {
    const output = join(to, file);
    await Deno.mkdir(dirname(output), { recursive: true });
    if (file.endsWith(".ts") && !file.endsWith(".d.ts")) await compile(join(from, file), output.replace(/ts$/, "js"));
    else await Deno.copyFile(join(from, file), output);
  }
}

async function compile(input: string, output: string): Promise<void> {
  const { outputText } = ts.transpileModule(await Deno.readTextFile(input), {
    compilerOptions: {
      inlineSourceMap: true,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      target: ts.ScriptTarget[target],
      verbatimModuleSyntax: true,
    },
    fileName: input,
  });
  await Deno.writeTextFile(output, outputText);
}

async function placeStandIn(folder: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  await Deno.copyFile(join(folder, "tests", "offline", "assert.js"), join(to, "mod.js"));
  await Deno.writeTextFile(join(to, "package.json"), JSON.stringify({ type: "module", exports: "./mod.js" }));
}
