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

/** Where the project lives. */
const home = "https://github.com/sockeye-ws/sockeye";

/**
 * The runtimes that have a front door of their own for an entry point, by the condition that names them, with the entry
 * point of that door. Such a door has all the names of the entry point, does not have to look which runtime there is, and
 * keeps the others out of bundles.
 */
const bound: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ".": { deno: "./deno", bun: "./bun", node: "./node", browser: "./browser" },
  "./http": { deno: "./deno", bun: "./bun", node: "./node" },
  "./stream": { browser: "./browser/stream" },
  "./reconnecting": { browser: "./browser/reconnecting" },
};

/** The `package.json` that is published. */
export async function packageJson(manifest: Manifest): Promise<Record<string, unknown>> {
  const needed = await dependencies(manifest);
  return {
    name: manifest.name,
    version: manifest.version,
    description: manifest.description,
    keywords: [
      ...["websocket", "websockets", "ws", "rfc6455", "rfc7692", "permessage-deflate", "fibjs"],
      ...["client", "server", "deno", "bun", "node", "browser"],
    ],
    homepage: `${home}#readme`,
    bugs: { url: `${home}/issues` },
    repository: { type: "git", url: `git+${home}.git` },
    license: manifest.license,
    author: "The Sockeye authors",
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.19", bun: ">=1.4", deno: ">=2.4" },
    exports: {
      ...Object.fromEntries(entryPoints(manifest).map((entry) => [entry.name, conditions(manifest, entry)])),
      "./package.json": "./package.json",
    },
    files: ["esm", "src", "CHANGELOG.md"],
    ...(Object.keys(needed).length === 0 ? {} : { dependencies: needed }),
  };
}

function conditions(manifest: Manifest, { name, path }: EntryPoint): Record<string, string> {
  const doors = Object.entries(bound[name] ?? {}).map(([runtime, door]) => [
    runtime,
    output(manifest.exports[door]!, ".js"),
  ]);
  return { types: output(path, ".d.ts"), ...Object.fromEntries(doors), default: output(path, ".js") };
}

/** What a source is compiled to, from the top of the package. */
function output(path: string, extension: string): string {
  return path.replace(/^\.\//, "./esm/").replace(/\.ts$/, extension);
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
