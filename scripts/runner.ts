/** Runs one test file on one runtime, in a process of its own, and counts what came of it. */

import { join } from "node:path";
import { readReport, type Report } from "./report.ts";
import { root } from "./manifest.ts";
import type { RuntimeName } from "./runtimes.ts";

/** What a run needs. */
export interface Bench {
  runtime: RuntimeName;
  /** The path of the executable. */
  executable: string;
  /** Flags of `deno`. */
  denoFlags: readonly string[];
  /** Where Bun and Node find `tests` compiled. */
  folder: string;
  /** Where the reports go. */
  reports: string;
  env: Record<string, string>;
  /** Only tests with this in their name. */
  filter: string;
  /** Longest time for a file, in milliseconds. */
  timeout: number;
}

/** What a file came to. */
export interface Outcome extends Report {
  path: string;
  /** What went wrong, and all that the runner printed. Empty when all is well. */
  complaint: string;
}

/** Longest wait for the output of a runner that has ended: a process that it left behind may hold it open. */
const lastWords = 2_000;

/** Runs a test file. Never rejects for what the test does: a runner that fails without a failed test counts as one. */
export async function runFile(bench: Bench, path: string): Promise<Outcome> {
  const report = join(bench.reports, `${bench.runtime}-${path.replaceAll("/", "-")}.xml`);
  const { code, output, late } = await run(bench, commandLine(bench, path, report));
  const xml = await Deno.readTextFile(report).catch(() => "");
  const outcome: Outcome = { path, complaint: "", ...readReport(xml, bench.filter) };
  const faults: string[] = [];
  if (late) faults.push(`killed after ${bench.timeout / 1_000} s`);
  else if (code !== 0) faults.push(`exit code ${code}`);
  if (outcome.failed > 0) faults.push(`${outcome.failed} failed`);
  if (bench.filter === "" && outcome.passed + outcome.failed + outcome.skipped === 0) {
    faults.push("no test was reported");
  }
  if (faults.length === 0) return outcome;
  if (outcome.failed === 0) outcome.failed = 1;
  outcome.complaint = `--- ${bench.runtime}: ${path}: ${faults.join(", ")}\n${output.trimEnd()}`;
  return outcome;
}

function commandLine(bench: Bench, path: string, report: string): string[] {
  const compiled = join(bench.folder, path.replace(/ts$/, "js"));
  const pattern = bench.filter.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  switch (bench.runtime) {
    case "deno":
      return [
        ...["test", "-A", "--no-check", ...bench.denoFlags, "--junit-path", report],
        ...(bench.filter === "" ? [] : ["--filter", bench.filter]),
        path,
      ];
    case "bun":
      return [
        ...["test", "--timeout", String(bench.timeout), "--reporter=junit", `--reporter-outfile=${report}`],
        ...(bench.filter === "" ? [] : ["-t", pattern]),
        compiled,
      ];
    case "node20":
    case "node22":
    case "node24":
      // Without --test: the file runs in this very process, which ends by itself only if nothing was left open.
      return [
        ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
        ...["--test-reporter=junit", `--test-reporter-destination=${report}`],
        ...(bench.filter === "" ? [] : [`--test-name-pattern=${pattern}`]),
        compiled,
      ];
  }
}

async function run(bench: Bench, args: string[]): Promise<{ code: number; output: string; late: boolean }> {
  const child = new Deno.Command(bench.executable, {
    args,
    cwd: bench.runtime === "deno" ? root : bench.folder,
    env: bench.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, bench.timeout);
  const ended = new AbortController();
  const texts = [collect(child.stdout, ended.signal), collect(child.stderr, ended.signal)];
  const { code } = await child.status;
  clearTimeout(timer);
  const last = setTimeout(() => ended.abort(), lastWords);
  const output = (await Promise.all(texts)).join("");
  clearTimeout(last);
  return { code, output, late };
}

/** The text of a stream, or what has come of it when `signal` is aborted. */
async function collect(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  let text = "";
  try {
    await stream.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (chunk) => void (text += chunk) }),
      { signal },
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return text;
}
