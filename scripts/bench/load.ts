/**
 * The load of the benchmarks: frames made beforehand, sent over plain TCP; of what comes back only bytes, or headers of
 * frames, are counted. So it costs far less for each message than a server does; `servers/tcp.ts` shows how much less.
 *
 * ```
 *   a job, one line of JSON on standard input --> connections, a moment to get warm, the measurement --> one line of JSON
 * ```
 *
 * One process does job after job, so that it is warm itself. It runs on Deno, which calls the system without a runtime
 * between (`linux_sockets.ts`), and over TLS on Node.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { cpuSeconds, stolenSeconds } from "./cpu.ts";
import { FrameCounter, frameSize, makeCompressed, makeFrame, makePayload, makeTexts, repeat } from "./frames.ts";
import { open, openAll, opening, type Target, type Wire } from "./wire.ts";

/** What to do. */
export interface Job {
  readonly kind: "echo" | "compressed" | "broadcast" | "handshakes" | "idle";
  readonly port: number;
  readonly tls: boolean;
  readonly deflate: boolean;
  /** The server is `servers/tcp.ts`, which has to be told the size of a frame. */
  readonly bare: boolean;
  /** Process of the server, whose time is taken. */
  readonly pid: number;
  readonly connections: number;
  /** Messages on their way on each connection; of handshakes, how many at once. */
  readonly inflight: number;
  readonly size: number;
  readonly type: "text" | "binary";
  readonly seconds: number;
  /** Seconds before the measurement begins. */
  readonly warmup: number;
  /** What has to be done before it begins, for which `MORE` is added at most: what is seldom done is compiled late. */
  readonly enough: number;
}

/** What came of it. */
export interface Result {
  /** Messages, handshakes or deliveries in a second. */
  readonly perSecond: number;
  /** The same for each second that the server ran. */
  readonly perCpuSecond: number;
  /** How busy the server was, and the load: where the load is below 1 and the server near it, it is the server that is measured. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  /** Of how many cores the host of the machine had the time for others. */
  readonly stolen: number;
  /** Round-trip times in milliseconds, with one in flight. */
  readonly p50?: number;
  readonly p99?: number;
}

/** How much longer to warm up at most, or to wait for anything to come back, in seconds. */
const MORE = 3;

/** Counts what is done while it is measured. */
class Meter {
  done = 0;
  times: number[] = [];
  measuring = false;

  async measure({ pid, seconds, warmup, enough }: Job): Promise<Result> {
    await wait(warmup * 1_000);
    for (let more = 0; more < MORE && this.done < enough; more += 0.1) await wait(100);
    const cpu = process.cpuUsage();
    const server = cpuSeconds(pid);
    const lost = stolenSeconds();
    const before = this.done;
    const start = performance.now();
    this.measuring = true;
    await wait(seconds * 1_000);
    // A few large messages may take longer than that on a busy machine, and nothing is no figure.
    for (let more = 0; more < MORE && this.done === before; more += 0.1) await wait(100);
    this.measuring = false;
    const took = (performance.now() - start) / 1_000;
    const done = this.done - before;
    const ran = cpuSeconds(pid) - server;
    const { user, system } = process.cpuUsage(cpu);
    const times = this.times.sort((a, b) => a - b);
    const at = (quantile: number): number => times[Math.floor(times.length * quantile)]!;
    return {
      perSecond: done / took,
      perCpuSecond: done / ran,
      serverBusy: ran / took,
      loadBusy: (user + system) / 1e6 / took,
      stolen: (stolenSeconds() - lost) / took,
      ...(times.length > 0 ? { p50: at(0.5), p99: at(0.99) } : {}),
    };
  }
}

function targetOf({ kind, port, tls, deflate, size, bare }: Job): Target {
  const path = kind === "broadcast" ? "/broadcast" : bare ? `/echo?size=${frameSize(size, true)}` : "/echo";
  return { port, path, tls, deflate };
}

async function echo(job: Job): Promise<Result> {
  const { inflight, size } = job;
  const frame = makeFrame(job.type === "text" ? 1 : 2, makePayload(size), true);
  const back = frame.length - 4;
  const batch = repeat(frame, inflight);
  const meter = new Meter();
  const { wires } = await openAll(job.connections, targetOf(job));
  for (const wire of wires) {
    let rest = 0;
    let sentAt = performance.now();
    wire.ondata = (_bytes, length) => {
      rest += length;
      if (rest < back) return;
      const count = Math.floor(rest / back);
      rest -= count * back;
      meter.done += count;
      if (inflight === 1) {
        const now = performance.now();
        if (meter.measuring) meter.times.push(now - sentAt);
        sentAt = now;
      }
      wire.write(count === inflight ? batch : batch.subarray(0, count * frame.length));
    };
    wire.write(batch);
  }
  const result = await meter.measure(job);
  for (const wire of wires) wire.destroy();
  return result;
}

/** Messages until they begin anew; together they fill several windows. */
const CYCLE = 500;
const cycles = new Map<string, Uint8Array[]>();

function cycleOf(size: number, head: string): Uint8Array[] {
  const how = !/permessage-deflate/i.test(head) ? "plain" : /client_no_context_takeover/i.test(head) ? "fresh" : "kept";
  const key = `${how} ${size}`;
  let frames = cycles.get(key);
  if (frames === undefined) {
    const texts = makeTexts(CYCLE, size);
    frames = how === "plain"
      ? texts.map((text) => makeFrame(1, new TextEncoder().encode(text), true))
      : makeCompressed(texts, how === "kept");
    cycles.set(key, frames);
  }
  return frames;
}

/** Sends the messages of a cycle one behind the other. */
function cyclist(wire: Wire, frames: readonly Uint8Array[]): (count: number) => void {
  let at = 0;
  return (count) => {
    const run: Uint8Array[] = [];
    for (; count > 0; count--, at = (at + 1) % CYCLE) run.push(frames[at]!);
    wire.write(Buffer.concat(run));
  };
}

async function compressed(job: Job): Promise<Result> {
  const meter = new Meter();
  const { wires, head } = await openAll(job.connections, targetOf(job));
  const frames = cycleOf(job.size, head);
  for (const wire of wires) {
    const counter = new FrameCounter();
    const send = cyclist(wire, frames);
    wire.ondata = (bytes, length) => {
      const count = counter.count(bytes, length);
      meter.done += count;
      if (count > 0) send(count);
    };
    send(job.inflight);
  }
  const result = await meter.measure(job);
  for (const wire of wires) wire.destroy();
  return result;
}

/** One more connection sends; when all others have its messages, it sends the next ones. */
async function broadcast(job: Job): Promise<Result> {
  const { inflight, size } = job;
  const frame = makeFrame(job.type === "text" ? 1 : 2, makePayload(size), true);
  const batch = repeat(frame, inflight);
  const wanted = (frame.length - 4) * inflight * job.connections;
  const meter = new Meter();
  const { wires } = await openAll(job.connections, targetOf(job));
  const { wire: publisher } = await open(targetOf(job));
  let got = 0;
  const ondata = (_bytes: Uint8Array, length: number): void => {
    got += length;
    meter.done += length / (frame.length - 4);
    if (got < wanted) return;
    got -= wanted;
    publisher.write(batch);
  };
  publisher.ondata = () => {};
  for (const wire of wires) wire.ondata = ondata;
  publisher.write(batch);
  const result = await meter.measure(job);
  for (const wire of [...wires, publisher]) wire.destroy();
  return result;
}

async function handshakes(job: Job): Promise<Result> {
  const meter = new Meter();
  const target = targetOf(job);
  let over = false;
  const failed = new Promise<never>((_, reject) => {
    const next = (): void => {
      if (!over) opening(target, onopen, reject);
    };
    const onopen = (wire: Wire): void => {
      meter.done++;
      wire.destroy();
      next();
    };
    for (let at = 0; at < job.inflight; at++) next();
  });
  const result = await Promise.race([meter.measure(job), failed]);
  over = true;
  return result;
}

let idle: Wire[] = [];

/** Opens connections that stay until the next job; with compression, each echoes one message before it is idle. */
async function beIdle(job: Job): Promise<{ connections: number }> {
  const { wires, head } = await openAll(job.connections, targetOf(job));
  idle = wires;
  if (!job.deflate) return { connections: wires.length };
  const frames = cycleOf(job.size, head);
  // Some at a time, as the answers come.
  for (let at = 0; at < wires.length; at += 100) {
    await Promise.all(
      wires.slice(at, at + 100).map((wire) =>
        new Promise<void>((resolve) => {
          const counter = new FrameCounter();
          wire.ondata = (bytes, length) => counter.count(bytes, length) > 0 && resolve();
          wire.write(frames[0]!);
        })
      ),
    );
  }
  return { connections: wires.length };
}

const kinds: Record<Job["kind"], (job: Job) => Promise<object>> = {
  echo,
  compressed,
  broadcast,
  handshakes,
  idle: beIdle,
};

for await (const line of createInterface({ input: process.stdin })) {
  for (const wire of idle.splice(0)) wire.destroy();
  const job: Job = JSON.parse(line);
  console.log(JSON.stringify(await kinds[job.kind](job)));
}
process.exit(0);
