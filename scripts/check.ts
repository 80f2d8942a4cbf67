/**
 * The gate: all that must hold before a change goes in, save the tests themselves. Runs every step, prints each with
 * its time, and what it said where it failed. Exits with 1 if any failed.
 *
 * Usage: deno task check [step ...]
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkConsumer } from "./consumer.ts";
import { withoutExample } from "./documented.ts";
import { denoFlags } from "./jsr.ts";
import { exists, readManifest, root } from "./manifest.ts";
import { companions } from "./package_data.ts";

/** One step: resolves to what there is to complain about, and to nothing when all is well. */
interface Step {
  name: string;
  run(): Promise<string>;
}

/** What `deno` prints while all goes well. */
const progress = /^(Check|Download|Initialize) .*\n/gm;

/** What `console.assert` prints; it does not throw. */
const failedAssertion = "Assertion failed";

/** Runs `deno` at the top of the tree. */
async function run(args: readonly string[]): Promise<{ success: boolean; code: number; out: string; err: string }> {
  const { success, code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { success, code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Runs `deno`. What it ends with counts, and that no assertion of an example failed. */
async function deno(...args: string[]): Promise<string> {
  const { success, code, out, err } = await run(args);
  const said = `${out}${err}`.replaceAll(progress, "").trim();
  if (success && !said.includes(failedAssertion)) return "";
  return said || `exit code ${code}`;
}

/** Every export is documented, and has an example. */
async function checkDoc(flags: readonly string[], entries: readonly string[]): Promise<string> {
  const lint = await deno("doc", "--lint", ...flags, ...entries);
  const lacking = new Set<string>();
  for (const entry of entries) {
    const { success, out, err } = await run(["doc", "--json", ...flags, entry]);
    if (!success) return err;
    for (const line of withoutExample(JSON.parse(out))) lacking.add(line.replace(`${pathToFileURL(root)}/`, ""));
  }
  return [lint, ...lacking].filter((line) => line !== "").join("\n");
}

/** Those of the paths that exist. */
async function present(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => exists(join(root, path))));
  return paths.filter((_, index) => found[index]);
}

/** The files that go into both packages beside the code. */
async function checkFiles(): Promise<string> {
  const found = await present(companions);
  return companions.filter((file) => !found.includes(file)).map((file) => `${file}: not there`).join("\n");
}

/** Pages whose examples run. */
const guides = [
  "docs/coming-from-fibjs.md",
  "docs/coming-from-ws.md",
  "docs/coming-from-crossws.md",
  "docs/compression.md",
];

async function steps(): Promise<Step[]> {
  const flags = await denoFlags();
  const entries = Object.values((await readManifest()).exports);
  const code = await present(["mod.ts", "src", "tests", "scripts", "examples"]);
  const documented = await present(["mod.ts", "src", "README.md", ...guides]);
  return [
    { name: "files", run: checkFiles },
    { name: "fmt", run: () => deno("fmt", "--check") },
    { name: "lint", run: () => deno("lint") },
    { name: "layers", run: () => deno("run", "-A", "--no-lock", "scripts/layers.ts") },
    { name: "types", run: () => deno("check", ...flags, ...code) },
    { name: "doc", run: () => checkDoc(flags, entries) },
    { name: "examples", run: () => deno("test", "--doc", "-A", ...flags, ...documented) },
    { name: "publish", run: () => deno("publish", "--dry-run", "--allow-dirty") },
    { name: "npm", run: checkConsumer },
  ];
}

async function main(): Promise<number> {
  const all = await steps();
  const unknown = Deno.args.filter((name) => !all.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`Unknown step "${unknown[0]}": wanted ${all.map((step) => step.name).join(", ")}`);
    console.error("Usage: deno task check [step ...]");
    return 2;
  }
  const failed: string[] = [];
  for (const { name, run } of all.filter((step) => Deno.args.length === 0 || Deno.args.includes(step.name))) {
    const started = performance.now();
    const complaint = await run();
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(`${complaint === "" ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
    if (complaint === "") continue;
    console.log(complaint);
    failed.push(name);
  }
  console.log(failed.length === 0 ? "check: ok" : `check: failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
