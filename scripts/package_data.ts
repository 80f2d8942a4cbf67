/** The npm package as data: what dnt and tsc build it from, so that both make the same one. */

import { join } from "node:path";
import ts from "typescript";
import { listFiles, type Manifest, npmVersions, root } from "./manifest.ts";

/** One way into the package. */
export interface EntryPoint {
  /** As in `exports`: `"."`, `"./http"`. */
  name: string;
  /** The source, from the top of the tree. */
  path: string;
}

/** The entry points of `deno.json`. */
export function entryPoints(manifest: Manifest): EntryPoint[] {
  return Object.entries(manifest.exports).map(([name, path]) => ({ name, path }));
}

/** Files that go into the package as they are. */
export const companions: readonly string[] = ["README.md", "CHANGELOG.md", "LICENSE"];

/** The JavaScript that the package is compiled to. */
export const target = "ES2022";
/** The libraries the package is checked against, beside the types below. DOM stands for the web's globals. */
export const lib = ["ESNext", "DOM", "DOM.Iterable"] as const;
/** Packages of types that the package is checked with. */
export const typePackages: readonly string[] = ["@types/deno", "@types/node"];

/** The `package.json` that is published. */
export async function packageJson(manifest: Manifest): Promise<Record<string, unknown>> {
  return {
    name: manifest.name,
    version: manifest.version,
    description: manifest.description,
    keywords: ["websocket", "ws", "rfc6455", "permessage-deflate", "deno", "bun", "node"],
    license: manifest.license,
    author: "The Sockeye authors",
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.19" },
    exports: {
      ...Object.fromEntries(
        entryPoints(manifest).map(({ name, path }) => {
          const output = path.replace(/^\.\//, "./esm/").replace(/\.ts$/, "");
          return [name, { types: `${output}.d.ts`, default: `${output}.js` }];
        }),
      ),
      "./package.json": "./package.json",
    },
    files: ["esm", "src", "CHANGELOG.md"],
    dependencies: await dependencies(manifest),
  };
}

/** The sources of the package, as paths from the top of the tree. */
export async function sources(): Promise<string[]> {
  const files = await listFiles(join(root, "src"));
  return ["mod.ts", ...files.filter((file) => file.endsWith(".ts")).map((file) => `src/${file}`)];
}

/** The npm packages that the sources import. */
export async function dependencies(manifest: Manifest): Promise<Record<string, string>> {
  const versions = npmVersions(manifest);
  const found: Record<string, string> = {};
  for (const file of await sources()) {
    const text = await Deno.readTextFile(join(root, file));
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      const version = versions.get(fileName);
      if (version !== undefined) found[fileName] = version;
    }
  }
  return found;
}
