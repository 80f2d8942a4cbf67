/**
 * Runs the tests: on Deno from the source, on Bun and Node against the built package.
 *
 * Usage: deno task test [--runtime deno,bun,node20,node22,node24] [--filter <text>] [--jobs <n>] [--timeout <s>] [path ...]
 *
 * The last line is `N passed, N failed[, N skipped]`, over all runtimes. Exits with 0 only if nothing failed: a runner
 * that ends badly, a file that reports no test and a runtime on which none ran all count as one failure.
 */

import { parseArgs } from "node:util";
import { type Compiled, compileTests } from "./compile_tests.ts";
import { denoFlags } from "./jsr.ts";
import { root } from "./manifest.ts";
import { type Counts, format, type Skip, sum } from "./report.ts";
import { type Bench, type Outcome, runFile } from "./runner.ts";
import { findRuntime, type Found, type RuntimeName, runtimeNames, usualRuntimes } from "./runtimes.ts";
import { listTests, parseRuntimes, readLimits } from "./suite.ts";
import { withWorkshop } from "./workshop.ts";

const usage =
  "Usage: deno task test [--runtime deno,bun,node20,node22,node24] [--filter <text>] [--jobs <n>] [--timeout <s>] [path ...]";

/** Stands for what could not run. */
const oneFailed: Counts = { passed: 0, failed: 1, skipped: 0 };

interface Options {
  runtimes: readonly RuntimeName[];
  filter: string;
  jobs: number;
  /** Of one file, in milliseconds. */
  timeout: number;
  paths: string[];
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      runtime: { type: "string" },
      filter: { type: "string", default: "" },
      jobs: { type: "string", default: String(Math.min(4, navigator.hardwareConcurrency)) },
      timeout: { type: "string", default: "300" },
    },
  });
  return {
    runtimes: values.runtime === undefined ? usualRuntimes : parseRuntimes(values.runtime),
    filter: values.filter,
    jobs: positive("jobs", values.jobs),
    timeout: positive("timeout", values.timeout) * 1_000,
    paths: positionals,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`Cannot use --${name} "${text}": wanted 1 or more`);
  return value;
}

/** Runs everything. What cannot run counts as failed. */
async function testAll(options: Options, paths: readonly string[]): Promise<Counts> {
  const files = await Promise.all(paths.map(readLimits));
  for (const { path, runtimes } of files) {
    if (runtimes.length < runtimeNames.length) console.log(`${path}: only on ${runtimes.join(", ")}`);
  }
  const found = await findAll(options.runtimes);
  const flags = await denoFlags();
  return await withWorkshop(async (folder) => {
    const compiled = await compile(options, folder);
    const env = environment(found, flags, compiled);
    const reports = await Deno.makeTempDir({ dir: folder });
    const all: Counts[] = [];
    for (const runtime of options.runtimes) {
      const executable = found.get(runtime);
      if (executable === undefined || (runtime !== "deno" && compiled === undefined)) {
        console.log(`${runtime}: cannot run`);
        all.push(oneFailed);
        continue;
      }
      const bench = { ...options, runtime, executable: executable.path, denoFlags: flags, folder, reports, env };
      const here = files.filter((file) => file.runtimes.includes(runtime)).map((file) => file.path);
      const started = performance.now();
      const outcomes = await runFiles(bench, here, options.jobs);
      const counts = sum(outcomes);
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      for (const skip of outcomes.flatMap((outcome) => outcome.skips)) console.log(`  skipped: ${explain(skip)}`);
      console.log(`${runtime} ${executable.version}: ${format(counts)} (${here.length} files, ${seconds} s)`);
      all.push(counts);
    }
    const chosen = options.paths.length > 0 || options.filter !== "";
    for (const counts of chosen ? [sum(all)] : [...all]) {
      if (counts.passed + counts.failed > 0) continue;
      console.log("No test ran");
      all.push(oneFailed);
    }
    return sum(all);
  });
}

/** All runtimes that can be had: a test on one may start another. Says which cannot. */
async function findAll(wanted: readonly RuntimeName[]): Promise<Map<RuntimeName, Found>> {
  const found = new Map<RuntimeName, Found>();
  for (const name of new Set([...usualRuntimes, ...wanted])) {
    try {
      found.set(name, await findRuntime(name));
    } catch (error) {
      console.log(message(error));
    }
  }
  return found;
}

/** Compiles what Bun and Node need. Says why it cannot. */
async function compile(options: Options, folder: string): Promise<Compiled | undefined> {
  if (!options.runtimes.some((name) => name !== "deno")) return undefined;
  try {
    return await compileTests(folder);
  } catch (error) {
    console.log(message(error));
    return undefined;
  }
}

/** Tells the tests where everything is. */
function environment(
  found: ReadonlyMap<RuntimeName, Found>,
  flags: readonly string[],
  compiled: Compiled | undefined,
): Record<string, string> {
  const names = { SOCKEYE_DENO: "deno", SOCKEYE_BUN: "bun", SOCKEYE_NODE: "node20", SOCKEYE_NODE24: "node24" } as const;
  const env: Record<string, string> = { NO_COLOR: "1", SOCKEYE_ROOT: root, SOCKEYE_DENO_FLAGS: flags.join("\n") };
  for (const [variable, name] of Object.entries(names)) {
    const path = found.get(name)?.path;
    if (path !== undefined) env[variable] = path;
  }
  return compiled === undefined ? env : { ...env, SOCKEYE_NPM: compiled.package, SOCKEYE_TESTS: compiled.tests };
}

/** Runs the files on one runtime, some at a time, and prints what goes wrong as it does. */
async function runFiles(bench: Bench, paths: readonly string[], jobs: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = paths.values();
  const work = async (): Promise<void> => {
    for (const path of queue) {
      const outcome = await runFile(bench, path);
      if (outcome.complaint !== "") console.log(outcome.complaint);
      outcomes.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return outcomes;
}

function explain({ name, why }: Skip): string {
  return why === "" ? name : `${name}: ${why}`;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<number> {
  let options: Options;
  let paths: string[];
  try {
    options = readOptions(Deno.args);
    paths = await listTests(options.paths);
  } catch (error) {
    console.error(`${message(error)}\n${usage}`);
    return 2;
  }
  const total = await testAll(options, paths).catch((error) => {
    console.log(message(error));
    return oneFailed;
  });
  console.log(format(total));
  return total.failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
