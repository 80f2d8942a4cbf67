/**
 * Load for an echo server: frames made beforehand, sent over plain TCP; of what comes back only the bytes are counted. So it
 * costs far less for each message than any server does.
 *
 * ```
 *   node load.ts --port 8080 --connections 16 --inflight 64 --size 32 --type text --seconds 2
 * ```
 *
 * Prints one line of JSON. It runs on every runtime that has `node:net`.
 */

import { connect, type Socket } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    connections: { type: "string", default: "16" },
    inflight: { type: "string", default: "64" },
    size: { type: "string", default: "32" },
    type: { type: "string", default: "text" },
    seconds: { type: "string", default: "2" },
    warmup: { type: "string", default: "0.5" },
  },
});
const port = Number(values.port);
const connections = Number(values.connections);
const inflight = Number(values.inflight);
const size = Number(values.size);
const seconds = Number(values.seconds);
const warmup = Number(values.warmup);

/** One masked frame of `size` bytes. */
function makeFrame(): Uint8Array {
  const header = size < 126 ? 2 : size < 65536 ? 4 : 10;
  const frame = new Uint8Array(header + 4 + size);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | (values.type === "text" ? 1 : 2);
  if (header === 2) frame[1] = 0x80 | size;
  else if (header === 4) {
    frame[1] = 0x80 | 126;
    view.setUint16(2, size);
  } else {
    frame[1] = 0x80 | 127;
    view.setBigUint64(2, BigInt(size));
  }
  const key = [0x12, 0x34, 0x56, 0x78];
  frame.set(key, header);
  for (let at = 0; at < size; at++) frame[header + 4 + at] = (97 + (at % 26)) ^ key[at & 3]!;
  return frame;
}

const frame = makeFrame();
const echoSize = frame.length - 4;
const batch = new Uint8Array(frame.length * inflight);
for (let at = 0; at < inflight; at++) batch.set(frame, at * frame.length);

let messages = 0;
/** Sorted-into buckets of 2 % for the round-trip times, in microseconds; only filled with one message in flight. */
const times: number[] = [];
let measuring = false;

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("error", reject);
    let head = "";
    let rest = 0;
    let sentAt = 0;
    const onhead = (chunk: Uint8Array): void => {
      head += new TextDecoder().decode(chunk);
      if (!head.includes("\r\n\r\n")) return;
      if (!head.startsWith("HTTP/1.1 101")) reject(new Error(`Cannot open: ${head.split("\r\n")[0]}, wanted 101`));
      socket.off("data", onhead);
      socket.on("data", (bytes: Uint8Array) => {
        rest += bytes.length;
        if (rest < echoSize) return;
        const count = Math.floor(rest / echoSize);
        rest -= count * echoSize;
        if (inflight === 1) {
          const now = performance.now();
          if (measuring && sentAt > 0) times.push(now - sentAt);
          sentAt = now;
        }
        messages += count;
        socket.write(count === inflight ? batch : batch.subarray(0, count * frame.length));
      });
      resolve(socket);
    };
    socket.on("data", onhead);
    socket.write(
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
  });
}

const wait = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, s * 1000));

const sockets: Socket[] = [];
for (let at = 0; at < connections; at++) sockets.push(await open());
for (const socket of sockets) socket.write(batch);
await wait(warmup);
const cpuBefore = process.cpuUsage();
const before = messages;
const start = performance.now();
measuring = true;
await wait(seconds);
measuring = false;
const took = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuBefore);
times.sort((a, b) => a - b);
const quantile = (q: number): number | null => times.length === 0 ? null : times[Math.floor(times.length * q)]!;
console.log(JSON.stringify({
  perSecond: Math.round((messages - before) / took),
  /** All messages, those of the warm-up too. */
  total: messages,
  p50: quantile(0.5),
  p99: quantile(0.99),
  /** How busy the load itself was: under 1, it was not what held the server back. */
  loadCpu: (cpu.user + cpu.system) / 1e6 / took,
}));
for (const socket of sockets) socket.destroy();
process.exit(0);
