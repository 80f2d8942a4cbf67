/** What the scripts know of the project: `deno.json` is the one manifest, and all is read from it. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the tree, without a slash at its end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** The members of `deno.json` that the scripts use. */
export interface Manifest {
  name: string;
  version: string;
  description: string;
  license: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
  compilerOptions: Record<string, unknown>;
}

/** Reads `deno.json`. */
export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
}

/** The npm packages that `deno.json` names, with their versions. */
export function npmVersions(manifest: Manifest): Map<string, string> {
  const versions = new Map<string, string>();
  for (const target of Object.values(manifest.imports)) {
    const found = /^npm:(.+)@([^@/]+)$/.exec(target);
    if (found !== null) versions.set(found[1]!, found[2]!);
  }
  return versions;
}

/** Those of the named npm packages, with their versions. Throws when `deno.json` does not name one. */
export function pick(manifest: Manifest, names: readonly string[]): Record<string, string> {
  const versions = npmVersions(manifest);
  return Object.fromEntries(names.map((name) => {
    const version = versions.get(name);
    if (version === undefined) throw new Error(`Cannot find the version of "${name}": deno.json does not import it`);
    return [name, version];
  }));
}

/** Whether `path` exists. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** All files under `folder`, as paths from it with slashes, in order. A folder that is not there has none. */
export async function listFiles(folder: string): Promise<string[]> {
  if (!await exists(folder)) return [];
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) {
      const inner = await listFiles(join(folder, entry.name));
      files.push(...inner.map((file) => `${entry.name}/${file}`));
    } else files.push(entry.name);
  }
  return files.sort();
}
