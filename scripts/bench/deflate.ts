/**
 * Compares this module with npm `ws`, and on Bun with `Bun.serve`, where both ends compress: an echo of JSON texts of 200
 * bytes, 16 connections with 16 in flight. Server on one core, load on the other; the servers in turn (A B A B ...),
 * medians. With `--memory`: what 1,000 connections hold, after each has echoed 200 messages, and when they are idle.
 *
 * Other work on the machine takes from the messages a second of both; the processor time that a message costs the server
 * shows it hardly, so its quotient is printed too: what the ratio is where the server has a core for itself.
 *
 * Usage: deno run -A scripts/bench/deflate.ts [--runtime node,deno,bun] [--client raw,whole] [--rounds 5] [--seconds 2]
 *        deno run -A scripts/bench/deflate.ts --memory [--runtime node] [--connections 1000] [--messages 200]
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { findRuntime } from "../runtimes.ts";
import { withWorkshop } from "../workshop.ts";
import { prepareBench } from "./prepare.ts";

type Command = readonly string[];

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "node,deno,bun" },
    client: { type: "string", default: "raw,whole" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    memory: { type: "boolean", default: false },
    connections: { type: "string", default: "1000" },
    messages: { type: "string", default: "200" },
  },
});

interface Result {
  perSecond: number;
  loadCpu: number;
  /** Processor time of the server for each message, in microseconds, on all threads: other work on the machine hardly shows. */
  serverCpu: number;
}

function spawn(core: number, command: Command): Deno.ChildProcess {
  const args = ["-c", String(core), ...command];
  return new Deno.Command("taskset", { args, cwd: import.meta.dirname!, stdout: "piped", stderr: "inherit" }).spawn();
}

/** The next line that a process prints. */
async function line(process: Deno.ChildProcess): Promise<string> {
  const reader = process.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("Cannot measure: a process ended before it printed a line");
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return text;
}

async function stop(process: Deno.ChildProcess): Promise<void> {
  process.kill("SIGKILL");
  await process.stdout.cancel();
  await process.status;
}

async function measure(server: Command, load: Command): Promise<Result> {
  const process = spawn(0, server);
  try {
    const port = Number.parseInt(await line(process), 10);
    const of = ["--port", String(port), "--pid", String(process.pid), "--seconds", values.seconds];
    const client = spawn(1, [...load, ...of]);
    const result: Result = JSON.parse(await line(client));
    await client.stdout.cancel();
    await client.status;
    return result;
  } finally {
    await stop(process);
  }
}

/** Seconds until idle connections have given back their contexts: twice the default of `releaseAfter`, and some. */
const IDLE = 23;

function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[list.length >> 1]!;
}

interface Side {
  name: string;
  server: Command;
  load: Command;
}

async function compare(title: string, sides: readonly Side[]): Promise<void> {
  const results: Result[][] = sides.map(() => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [i, { server, load }] of sides.entries()) results[i]!.push(await measure(server, load));
  }
  console.log(title);
  const medians = results.map((list) => median(list.map(({ perSecond }) => perSecond)));
  for (const [i, { name }] of sides.entries()) {
    const busy = median(results[i]!.map(({ loadCpu }) => loadCpu)).toFixed(2);
    const cost = median(results[i]!.map(({ serverCpu }) => serverCpu)).toFixed(1);
    console.log(
      `  ${name.padEnd(14)} ${
        String(medians[i]).padStart(7)
      } messages/s, ${cost} us of the server each, load busy ${busy}`,
    );
  }
  const last = results.at(-1)!;
  for (const [i, { name }] of sides.slice(0, -1).entries()) {
    const ratio = spread(results[i]!.map((each, round) => each.perSecond / last[round]!.perSecond));
    const cost = spread(results[i]!.map((each, round) => last[round]!.serverCpu / each.serverCpu));
    console.log(`  ${name} to ${sides.at(-1)!.name}: messages a second ${ratio}, for the same processor time ${cost}`);
  }
}

/** The median of quotients, and between which they lie. */
function spread(quotients: readonly number[]): string {
  const [least, most] = [Math.min(...quotients), Math.max(...quotients)];
  return `${median(quotients).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

/** How small a server makes a thousand messages on one connection. */
async function compression(server: Command, load: Command): Promise<string> {
  const process = spawn(0, server);
  try {
    const port = String(Number.parseInt(await line(process), 10));
    const client = spawn(1, [...load, "--port", port, "--connections", "1", "--messages", "1000"]);
    const { ratio } = JSON.parse(await line(client));
    await stop(client);
    return `${(ratio * 100).toFixed(2)} %`;
  } finally {
    await stop(process);
  }
}

/** Resident memory of a process, in KiB. */
async function resident(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]);
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

/** KiB for each connection: connected, after messages, and when nothing has been said for a while. */
async function weigh(name: string, server: Command, load: Command): Promise<void> {
  const process = spawn(0, server);
  try {
    const port = Number.parseInt(await line(process), 10);
    const open = async (messages: string, connections: string): Promise<Deno.ChildProcess> => {
      const args = ["--port", String(port), "--connections", connections, "--messages", messages];
      const client = spawn(1, [...load, ...args]);
      await line(client);
      return client;
    };
    await stop(await open(values.messages, "8"));
    await sleep(3);
    const before = await resident(process.pid);
    const client = await open(values.messages, values.connections);
    const each = async (): Promise<string> =>
      ((await resident(process.pid) - before) / Number(values.connections)).toFixed(1);
    const busy = await each();
    await sleep(IDLE);
    console.log(
      `  ${name.padEnd(20)} ${busy.padStart(6)} KiB after messages, ${
        (await each()).padStart(6)
      } KiB after ${IDLE} s idle`,
    );
    await stop(client);
  } finally {
    await stop(process);
  }
}

await withWorkshop(async (folder) => {
  await prepareBench(folder);
  const bench = join(folder, "bench");
  const source = import.meta.dirname!;
  const node = (await findRuntime("node24")).path;
  const executables: Record<string, Command> = {
    node: [node, ...(values.memory ? ["--expose-gc"] : []), join(bench, "deflate_server.js")],
    deno: [
      ...[Deno.execPath(), "run", "-A", "--no-lock", "--no-check"],
      ...(values.memory ? ["--v8-flags=--expose-gc"] : []),
      join(source, "deflate_server.ts"),
    ],
    bun: [(await findRuntime("bun")).path, join(bench, "deflate_server.js")],
  };
  const load = [node, join(bench, "deflate_load.js")];
  for (const runtime of values.runtime.split(",")) {
    const server = executables[runtime]!;
    const peer = runtime === "bun" ? "bun" : "ws";
    if (values.memory) {
      console.log(`${runtime}: ${values.connections} connections, ${values.messages} messages on each`);
      await weigh("ours", [...server, "ours"], load);
      await weigh("ours, releaseAfter 0", [...server, "ours", "deflate", '{"releaseAfter":0}'], load);
      await weigh("ours, plain", [...server, "ours", "plain"], load);
      await weigh(peer, [...server, peer], load);
      await weigh(`${peer}, plain`, [...server, peer, "plain"], load);
      continue;
    }
    const fast = [...server, "ours", "deflate", '{"level":1}'];
    const sizes: string[] = [];
    for (const each of [[...server, "ours"], fast, [...server, peer]]) sizes.push(await compression(each, load));
    console.log(`${runtime}: ours sends ${sizes[0]} of the bytes, with level 1 ${sizes[1]}, ${peer} ${sizes[2]}`);
    for (const client of values.client.split(",")) {
      const raw = client === "raw";
      if (!raw && runtime !== "node") continue;
      const of = (name: string): Command => [...load, "--client", raw ? "raw" : name];
      await compare(`${runtime}, ${raw ? "the same load" : "each with its own client"}`, [
        { name: "ours", server: [...server, "ours"], load: of("ours") },
        { name: "ours, level 1", server: fast, load: of("ours") },
        {
          name: peer,
          server: [...server, peer],
          load: of(peer),
        },
      ]);
    }
  }
});
