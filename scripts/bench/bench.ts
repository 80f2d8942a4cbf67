/**
 * `deno task bench`: every workload against every peer on every runtime that is there.
 *
 * ```
 *   plan.ts -> for each workload, runtime: servers of all peers (core 0), one load (core 1)
 *                round after round, one peer after the other: A B C A B C ... -> medians, ratios
 *                (again where the host of the machine had time for others meanwhile)
 *           -> results/: results.json, table.md, *.svg
 * ```
 *
 * Usage: deno task bench [--quick] [--bars] [--group echo,tls] [--workload text] [--runtime node,deno,bun] [--peer main]
 *                        [--rounds 5] [--seconds 0.6] [--check-load] [--out folder] [--merge]
 *
 * `--merge` keeps what stands in the folder of workloads that are not measured now.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { findRuntime } from "../runtimes.ts";
import { withWorkshop } from "../workshop.ts";
import { calmest } from "./calm.ts";
import { type Commands, findCommands } from "./commands.ts";
import { Field } from "./field.ts";
import { isCost, peersOf, type RuntimeName, runtimeNames, type Workload, workloads } from "./plan.ts";
import { prepareBench } from "./prepare.ts";
import { formatRow, mergeOutcomes, type Outcome, readOutcomes, summarize, writeReport } from "./report.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    bars: { type: "boolean", default: false },
    group: { type: "string" },
    workload: { type: "string" },
    runtime: { type: "string", default: runtimeNames.join(",") },
    peer: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    "check-load": { type: "boolean", default: false },
    merge: { type: "boolean", default: false },
    out: { type: "string", default: join(import.meta.dirname!, "results") },
  },
});

/** How long to measure, and how often. A bar is worth more rounds. */
const rounds = Number(values.rounds ?? (values.quick ? 2 : values.bars ? 7 : 3));
const seconds = Number(values.seconds ?? (values.quick ? 0.3 : 0.6));

function isWanted({ name, group, bars }: Workload): boolean {
  if (values.bars && bars === undefined) return false;
  if (values.group !== undefined && !values.group.split(",").includes(group)) return false;
  return values.workload === undefined || values.workload.split(",").some((text) => name.includes(text));
}

function peersWanted(workload: Workload, runtime: RuntimeName): readonly string[] {
  const all = peersOf(workload, runtime);
  if (values["check-load"]) return ["tcp"];
  if (values.peer === undefined) return values.bars ? all.slice(0, 1) : all;
  return values.peer === "main" ? all.slice(0, 1) : all.filter((peer) => values.peer!.split(",").includes(peer));
}

/** One workload on one runtime. */
async function compare(workload: Workload, runtime: RuntimeName, commands: Commands): Promise<Outcome> {
  const names = ["sockeye", ...peersWanted(workload, runtime)];
  const field = await Field.open(workload, runtime, names, commands, { quick: values.quick, seconds, rounds });
  const results = names.map(() => [] as Awaited<ReturnType<Field["measure"]>>[]);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [at, name] of names.entries()) {
        results[at]!.push(await calmest(() => field.measure(name, round)));
      }
    }
  } finally {
    await field.close();
  }
  return summarize(workload, runtime, names, results, seconds);
}

const started = Date.now();
await withWorkshop(async (folder) => {
  await prepareBench(folder);
  const commands = await findCommands(folder);
  const versions: Record<string, string> = {};
  for (const name of ["deno", "bun", "node24"] as const) versions[name] = (await findRuntime(name)).version;
  const before = values.merge ? await readOutcomes(values.out) : [];
  const outcomes: Outcome[] = [];
  for (const workload of workloads.filter(isWanted)) {
    console.log(`${workload.name}${isCost(workload) ? " (less is better)" : ""}`);
    for (const runtime of runtimeNames) {
      if (!values.runtime.split(",").includes(runtime)) continue;
      try {
        const outcome = await compare(workload, runtime, commands);
        outcomes.push(outcome);
        console.log(formatRow(outcome));
      } catch (error) {
        // One peer that cannot do it must not cost all other figures; the report lists it.
        console.error(`  ${runtime}: ${error instanceof Error ? error.message : error}`);
        outcomes.push({ workload, runtime, sides: [], rounds, seconds, fault: String(error) });
      }
    }
    // After each, so that a run that is broken off leaves what it has measured.
    const all = mergeOutcomes(before, outcomes);
    if (!values["check-load"]) await writeReport(values.out, { outcomes: all, versions });
  }
  const minutes = (Date.now() - started) / 60_000;
  console.log(`${minutes.toFixed(1)} minutes${values["check-load"] ? "" : `; the results are in ${values.out}`}`);
  if (outcomes.some(({ fault }) => fault !== undefined)) Deno.exitCode = 1;
});
