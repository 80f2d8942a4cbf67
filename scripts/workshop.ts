/** A folder of its own, outside the tree, where a script can compile and install what it needs. */

import { join } from "node:path";

/** Makes a folder, lets `work` use it, and removes it again, whatever happened. */
export async function withWorkshop<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sockeye-" }));
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts npm packages into `node_modules` of a folder. Throws with what `deno install` said when that fails. */
export async function install(folder: string, dependencies: Record<string, string>): Promise<void> {
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--no-lock"],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot install ${Object.keys(dependencies)}: ${new TextDecoder().decode(stderr)}`);
}
