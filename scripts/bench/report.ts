/** What came of the rounds: medians, spread and ratios, as lines, JSON, a table and charts. */

import { join } from "node:path";
import { CALM } from "./calm.ts";
import { drawGrowth, drawRatios } from "./chart.ts";
import type { Round } from "./field.ts";
import { isCost, peersOf, type RuntimeName, runtimeNames, type Workload, workloads } from "./plan.ts";

/** One who took part. */
export interface Side {
  readonly name: string;
  /** The figure: median, least and most of the rounds. */
  readonly figure: number;
  readonly least: number;
  readonly most: number;
  /** Median for each second that the server ran, where that is measured. */
  readonly perCpuSecond?: number;
  /** Median, in milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  readonly serverBusy?: number;
  readonly loadBusy?: number;
  /** Of how many cores the host of the machine had the time for others: median of the rounds, each the calmest of some. */
  readonly stolen?: number;
  /** Of a peer: our figure by its, round by round: median, least and most. */
  readonly ratio?: number;
  readonly ratioLeast?: number;
  readonly ratioMost?: number;
  /** The median of the same by the time that the servers ran, which other work on the machine disturbs less. */
  readonly cpuRatio?: number;
}

/** A workload on a runtime: this module first, then the peers. */
export interface Outcome {
  readonly workload: Workload;
  readonly runtime: RuntimeName;
  readonly sides: readonly Side[];
  /** How many rounds there were, and how long one measures, in seconds. */
  readonly rounds: number;
  readonly seconds: number;
  /** Why there is none. */
  readonly fault?: string;
}

/** All of a run. */
export interface Report {
  readonly outcomes: readonly Outcome[];
  readonly versions: Record<string, string>;
}

/** The middle one, or what lies between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2;
}

function figureOf(round: Round): number {
  return round.cost ?? round.perSecond!;
}

/** Makes figures of rounds. Throws where one of them gave none: a ratio to nothing is none, and JSON cannot hold it. */
export function summarize(
  workload: Workload,
  runtime: RuntimeName,
  names: readonly string[],
  results: readonly (readonly Round[])[],
  seconds: number,
): Outcome {
  const [ours] = results;
  const sides = names.map((name, at): Side => {
    const rounds = results[at]!;
    const figures = rounds.map(figureOf);
    const without = figures.findIndex((figure) => !(figure > 0 && Number.isFinite(figure)));
    if (without >= 0) throw new Error(`Round ${without + 1} of ${name} gave ${figures[without]} ${workload.unit}`);
    const ratios = rounds.map((round, i) => figureOf(ours![i]!) / figureOf(round));
    const middle = (key: keyof Round): Partial<Record<keyof Round, number>> => {
      const list = rounds.map((round) => round[key]);
      return list.every(Number.isFinite) ? { [key]: median(list as number[]) } : {};
    };
    return {
      name,
      figure: median(figures),
      least: Math.min(...figures),
      most: Math.max(...figures),
      ...middle("perCpuSecond"),
      ...middle("p50"),
      ...middle("p99"),
      ...middle("serverBusy"),
      ...middle("loadBusy"),
      ...middle("stolen"),
      ...(at === 0 ? {} : {
        ratio: median(ratios),
        ratioLeast: Math.min(...ratios),
        ratioMost: Math.max(...ratios),
        ...([...rounds, ...ours!].every(({ perCpuSecond }) => Number.isFinite(perCpuSecond))
          ? { cpuRatio: median(rounds.map((round, i) => ours![i]!.perCpuSecond! / round.perCpuSecond!)) }
          : {}),
      }),
    };
  });
  return { workload, runtime, sides, rounds: ours!.length, seconds };
}

/** Whether a bar is met; `undefined` where there is none. */
export function isMet({ workload, runtime, sides }: Outcome): boolean | undefined {
  const bar = workload.bars?.[runtime];
  const peer = sides[1];
  const ratio = peer?.ratio;
  // Bars are for the main peer.
  if (peer?.name !== peersOf(workload, runtime)[0] || bar === undefined || ratio === undefined) return undefined;
  return isCost(workload) ? ratio <= bar : ratio >= bar;
}

function short(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** A line for the console. */
export function formatRow(outcome: Outcome): string {
  const { workload, runtime, sides } = outcome;
  const lines = sides.map((side) => {
    const { name, figure, ratio, ratioLeast, ratioMost, cpuRatio, p50, p99, serverBusy, loadBusy, stolen } = side;
    let line = `  ${runtime.padEnd(5)}${name.padEnd(8)} ${short(figure).padStart(10)} ${workload.unit}`;
    if (p50 !== undefined && p99 !== undefined) line += `, p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms`;
    if (ratio !== undefined) {
      line += `, ratio ${ratio.toFixed(2)} (${ratioLeast!.toFixed(2)} to ${ratioMost!.toFixed(2)})`;
    }
    if (cpuRatio !== undefined) line += `, by CPU ${cpuRatio.toFixed(2)}`;
    if (serverBusy !== undefined) line += `, busy ${serverBusy.toFixed(2)}`;
    if (loadBusy !== undefined) line += `, load ${loadBusy.toFixed(2)}`;
    if (stolen !== undefined && stolen > CALM) line += `, ${stolen.toFixed(2)} STOLEN`;
    return line;
  });
  const met = isMet(outcome);
  if (met !== undefined) lines[1] += `, bar ${workload.bars![runtime]} ${met ? "met" : "MISSED"}`;
  return lines.join("\n");
}

/** The table of a report, in Markdown. */
export function formatTable({ outcomes, versions }: Report): string {
  const named = Object.entries(versions).map(([name, version]) => `${name.replace(/\d+$/, "")} ${version}`).join(", ");
  const lines = [
    `Medians of interleaved rounds; ${named}. \`ratio\` is this module by the peer.`,
    "",
    "| workload | runtime | this module | peer | its figure | ratio (least to most) | by CPU | bar | rounds |",
    "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const outcome of outcomes) {
    const { workload, runtime, sides: [ours, ...others], rounds, seconds, fault } = outcome;
    if (fault !== undefined) {
      lines.push(`| ${workload.name} | ${runtime} | | | | ${fault.replaceAll("|", " ")} | | | |`);
    }
    for (const [at, side] of others.entries()) {
      const met = at === 0 ? isMet(outcome) : undefined;
      const bar = met === undefined ? "" : `${workload.bars![runtime]}${met ? "" : " **missed**"}`;
      const latency = ({ p50, p99 }: Side): string =>
        p50 === undefined ? "" : ` (p50 ${p50.toFixed(2)}, p99 ${p99!.toFixed(2)} ms)`;
      const cells = [
        workload.name,
        runtime,
        `${short(ours!.figure)} ${workload.unit}${latency(ours!)}`,
        side.name,
        `${short(side.figure)}${latency(side)}`,
        `${side.ratio!.toFixed(2)} (${side.ratioLeast!.toFixed(2)} to ${side.ratioMost!.toFixed(2)})`,
        side.cpuRatio?.toFixed(2) ?? "",
        bar,
        `${rounds} of ${seconds} s`,
      ];
      lines.push(`| ${cells.join(" | ")} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** What was measured before and not now, and what was measured now, in the order of the plan. */
export function mergeOutcomes(before: readonly Outcome[], now: readonly Outcome[]): Outcome[] {
  const keyOf = ({ workload, runtime }: Outcome): string => `${workload.name} on ${runtime}`;
  const fresh = new Set(now.map(keyOf));
  const place = ({ workload, runtime }: Outcome): number =>
    workloads.findIndex(({ name }) => name === workload.name) * runtimeNames.length + runtimeNames.indexOf(runtime);
  return [...before.filter((outcome) => !fresh.has(keyOf(outcome))), ...now].sort((a, b) => place(a) - place(b));
}

/** The outcomes that a run wrote into a folder; none where there was no run. */
export async function readOutcomes(folder: string): Promise<readonly Outcome[]> {
  try {
    return (JSON.parse(await Deno.readTextFile(join(folder, "results.json"))) as Report).outcomes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Writes JSON, the table and the charts, in the form that the gate wants. Rejects where `deno fmt` does not take them. */
export async function writeReport(folder: string, report: Report): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "results.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  await Deno.writeTextFile(join(folder, "table.md"), formatTable(report));
  const charts: Record<string, string | undefined> = {
    "ratios.svg": drawRatios(report.outcomes),
    "connections.svg": drawGrowth(report.outcomes, "growth: connections "),
    "sizes.svg": drawGrowth(report.outcomes, "growth: size "),
  };
  for (const [name, chart] of Object.entries(charts)) {
    if (chart !== undefined) await Deno.writeTextFile(join(folder, name), chart);
  }
  const fmt = await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", folder] }).output();
  if (!fmt.success) throw new Error(`Cannot format ${folder}: ${new TextDecoder().decode(fmt.stderr)}`);
}
