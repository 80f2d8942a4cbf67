/**
 * Compares the echo of this module with that of each runtime's usual WebSocket, side by side: server on one core, load on
 * the other, the two in turn (A B A B ...), medians and their ratios: of messages a second, and of messages for each second
 * of the server's CPU, which tells more where other work disturbs the clock (Linux only).
 *
 * Usage: deno run -A scripts/bench/echo.ts [--runtime node,deno,bun] [--workload <n>] [--rounds 5] [--seconds 2]
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepareBench } from "./prepare.ts";
import { findRuntime } from "../runtimes.ts";
import { withWorkshop } from "../workshop.ts";

interface Workload {
  connections: number;
  inflight: number;
  size: number;
  type: "text" | "binary";
}

const workloads: readonly Workload[] = [
  { connections: 64, inflight: 1, size: 32, type: "text" },
  { connections: 16, inflight: 64, size: 32, type: "text" },
  { connections: 16, inflight: 64, size: 1024, type: "binary" },
  { connections: 4, inflight: 4, size: 65_536, type: "binary" },
  { connections: 2, inflight: 2, size: 1_048_576, type: "binary" },
];

interface Result {
  perSecond: number;
  perCpuSecond: number;
  loadCpu: number;
}

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "node,deno,bun" },
    workload: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
  },
});
const rounds = Number(values.rounds);

/** Runs a server and the load against it, each on a core of its own. */
async function measure(server: readonly string[], load: readonly string[], cwd: string): Promise<Result> {
  const process = new Deno.Command("taskset", { args: ["-c", "0", ...server], cwd, stdout: "piped", stderr: "inherit" })
    .spawn();
  try {
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value: line } = await reader.read();
    const port = String(Number.parseInt(line ?? "", 10));
    const before = await cpuSeconds(process.pid);
    const { stdout, success } = await new Deno.Command("taskset", {
      args: ["-c", "1", ...load, "--port", port],
      cwd,
      stdout: "piped",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot measure ${server.join(" ")}: the load failed`);
    const result: Omit<Result, "perCpuSecond"> & { total: number } = JSON.parse(new TextDecoder().decode(stdout));
    return { ...result, perCpuSecond: Math.round(result.total / (await cpuSeconds(process.pid) - before)) };
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
}

/** User and system time of a process; NaN where there is no `/proc`. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

await withWorkshop(async (folder) => {
  await prepareBench(folder);
  const bench = join(folder, "bench");
  const node = (await findRuntime("node24")).path;
  const bun = (await findRuntime("bun")).path;
  const deno = Deno.execPath();
  const source = import.meta.dirname!;
  const denoRun = [deno, "run", "-A", "--no-lock", "--no-check"];
  const peers: Record<string, readonly [ours: readonly string[], theirs: readonly string[]]> = {
    node: [[node, join(bench, "servers/sockeye.js")], [node, join(bench, "servers/ws.js")]],
    deno: [[...denoRun, join(source, "servers/sockeye.ts")], [...denoRun, join(source, "servers/deno.ts")]],
    bun: [[bun, join(bench, "servers/sockeye.js")], [bun, join(bench, "servers/bun.js")]],
  };
  for (const [index, { connections, inflight, size, type }] of workloads.entries()) {
    if (values.workload !== undefined && !values.workload.split(",").map(Number).includes(index)) continue;
    console.log(`${connections} connections, ${inflight} in flight, ${size} B ${type}`);
    const load = [node, join(bench, "load.js")].concat(
      Object.entries({ connections, inflight, size, type, seconds: values.seconds }).flatMap((
        [k, v],
      ) => [`--${k}`, `${v}`]),
    );
    for (const runtime of values.runtime.split(",")) {
      const [ours, theirs] = peers[runtime]!;
      const a: Result[] = [], b: Result[] = [];
      for (let round = 0; round < rounds; round++) {
        a.push(await measure(ours, load, source));
        b.push(await measure(theirs, load, source));
      }
      const ratios = a.map((each, at) => each.perSecond / b[at]!.perSecond);
      const byCpu = a.map((each, at) => each.perCpuSecond / b[at]!.perCpuSecond);
      const [x, y] = [a, b].map((each) => median(each.map((result) => result.perSecond)));
      const busy = [a, b].map((each) => median(each.map((result) => result.loadCpu)).toFixed(2));
      console.log(
        `  ${runtime.padEnd(5)} ours ${x}, peer ${y} messages/s, ratio ${median(ratios).toFixed(2)} ` +
          `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), by CPU ${
            median(byCpu).toFixed(2)
          }, load busy ${busy.join(" / ")}`,
      );
    }
  }
});
