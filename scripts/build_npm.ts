/**
 * Builds the npm package: with dnt where JSR can be reached, otherwise with tsc, into the same layout and with the same
 * `package.json`. The folder is replaced once all is done; a build that fails leaves it as it was.
 *
 * Usage: deno task build:npm [--out <folder>] [--with dnt|tsc]
 */

import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { jsrAnswers } from "./jsr.ts";
import { exists, type Manifest, readManifest, root } from "./manifest.ts";
import { companions, packageJson } from "./package_data.ts";
import { buildWithTsc } from "./tsc.ts";

/** What builds the package. */
export type Builder = "dnt" | "tsc";

const usage = "Usage: deno task build:npm [--out <folder>] [--with dnt|tsc]";
/** dnt is large: its first download may take this long, in milliseconds. */
const dntPatience = 120_000;

/** Builds the package into `folder`, replacing what is there. */
export async function buildPackage(folder: string, builder?: Builder): Promise<void> {
  const manifest = await readManifest();
  const chosen = builder ?? await choose(manifest);
  await Deno.mkdir(dirname(folder), { recursive: true });
  const half = await Deno.makeTempDir({ dir: dirname(folder), prefix: `${basename(folder)}.half-` });
  try {
    await (chosen === "dnt" ? buildWithDnt(half) : buildWithTsc(manifest, half));
    await finish(manifest, half);
    if (await exists(folder)) await Deno.remove(folder, { recursive: true });
    await Deno.rename(half, folder);
  } catch (error) {
    await Deno.remove(half, { recursive: true });
    throw error;
  }
}

async function choose(manifest: Manifest): Promise<Builder> {
  if (await jsrAnswers() && await jsrAnswers(manifest.imports["@deno/dnt"], dntPatience)) return "dnt";
  console.log("JSR does not answer: tsc builds the npm package instead of dnt");
  return "tsc";
}

async function buildWithDnt(folder: string): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", join(root, "scripts", "dnt.ts"), folder],
    cwd: root,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error("Cannot build the package: dnt failed");
}

/** Adds what both builders leave to us. */
async function finish(manifest: Manifest, folder: string): Promise<void> {
  await Deno.chmod(folder, 0o755);
  const data = await packageJson(manifest);
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(data, null, 2) + "\n");
  for (const file of companions) {
    if (await exists(join(root, file))) await Deno.copyFile(join(root, file), join(folder, file));
  }
}

function readOptions(): { folder: string; builder?: Builder } {
  const { values } = parseArgs({ args: Deno.args, options: { out: { type: "string" }, with: { type: "string" } } });
  const folder = resolve(values.out ?? join(root, "npm"));
  if (values.with === undefined) return { folder };
  if (values.with !== "dnt" && values.with !== "tsc") throw new TypeError(`Unknown builder "${values.with}"`);
  return { folder, builder: values.with };
}

if (import.meta.main) {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    Deno.exit(2);
  }
  try {
    await buildPackage(options.folder, options.builder);
    console.log(`Built ${options.folder}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
