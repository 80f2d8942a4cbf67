/**
 * A client under measurement: of this module, of npm `ws`, or the runtime's own, all used in the same way.
 *
 * ```
 *   node client.ts sockeye     a job, one line of JSON on standard input --> one line of JSON
 * ```
 *
 * Receiving, it counts what `feeder.ts` pours out. Sending, it has two windows of messages on their way, of which the feeder
 * confirms each with one short message.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
// @ts-types="@types/ws"
import { WebSocket as NpmWebSocket } from "ws";
import { stolenSeconds } from "../cpu.ts";

/** What to do. */
export interface ClientJob {
  readonly kind: "receive" | "send";
  readonly port: number;
  readonly tls: boolean;
  readonly size: number;
  readonly type: "text" | "binary";
  readonly seconds: number;
  readonly warmup: number;
}

/** What all three have in common. */
interface Client {
  binaryType: string;
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  send(data: string | Uint8Array): unknown;
  close(): void;
}

const [kind = "sockeye"] = process.argv.slice(2);

async function make(url: string): Promise<Client> {
  // Node and Bun take the certificate by NODE_TLS_REJECT_UNAUTHORIZED, Deno by a flag.
  if (kind === "native") return new WebSocket(url) as Client;
  if (kind === "ws") return new NpmWebSocket(url, { perMessageDeflate: false, rejectUnauthorized: false }) as Client;
  const { Socket } = await import("@sockeye/ws");
  const tls = url.startsWith("wss:") ? { tls: { rejectUnauthorized: false } } : {};
  return new Socket(url, tls) as unknown as Client;
}

/** Messages in a window: as many as make 1 MiB, at most 64. */
function windowOf(size: number): number {
  return Math.max(1, Math.min(64, Math.floor(1_048_576 / size)));
}

async function run({ kind, port, tls, size, type, seconds, warmup }: ClientJob): Promise<object> {
  const window = windowOf(size);
  const client = await make(`${tls ? "wss" : "ws"}://127.0.0.1:${port}/${kind}/${size}/${type}/${window}`);
  client.binaryType = "arraybuffer";
  const payload = type === "text" ? "a".repeat(size) : new Uint8Array(size).fill(97);
  let done = 0;
  const send = (): void => {
    for (let at = 0; at < window; at++) client.send(payload);
  };
  await new Promise((resolve, reject) => {
    client.onopen = resolve;
    client.onerror = reject;
    client.onmessage = kind === "receive"
      ? ({ data }: { data: string | ArrayBuffer }) => {
        done++;
        if ((typeof data === "string" ? data.length : data.byteLength) !== size) throw new Error("Wrong message");
      }
      : () => {
        done += window;
        send();
      };
  });
  if (kind === "send") {
    send();
    send();
  }
  await wait(warmup * 1_000);
  const cpu = process.cpuUsage();
  const lost = stolenSeconds();
  const before = done;
  const start = performance.now();
  await wait(seconds * 1_000);
  const took = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const ran = (user + system) / 1e6;
  const count = done - before;
  const stolen = (stolenSeconds() - lost) / took;
  client.onmessage = () => {};
  client.close();
  return { perSecond: count / took, perCpuSecond: count / ran, serverBusy: ran / took, loadBusy: NaN, stolen };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))));
}
process.exit(0);
