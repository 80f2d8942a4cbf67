/**
 * Load for a compressing echo server: JSON texts of 200 bytes, no two alike, so many in flight on each connection.
 *
 * ```
 *   node deflate_load.ts --port 8080 --client raw --connections 16 --inflight 16 --seconds 2
 * ```
 *
 * The client `raw` sends frames that were compressed beforehand, in the context that was agreed on, and counts the frames that
 * come back without inflating them: it costs far less for each message than any server. `ours` and `ws` are whole clients.
 * With `--messages` it sends so many on each connection, prints a line, and stays until it is killed.
 *
 * Prints one line of JSON: messages a second, and with `--pid` of the server what each costs there; with `--messages` and the client `raw`, the bytes on the wire for each byte of
 * text, as the server compressed it.
 */

import { readFileSync } from "node:fs";
import { connect, type Socket as NetSocket } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";
import { constants, deflateRawSync } from "node:zlib";
// @ts-types="@types/ws"
import { WebSocket as NpmWebSocket } from "ws";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    client: { type: "string", default: "raw" },
    connections: { type: "string", default: "16" },
    inflight: { type: "string", default: "16" },
    seconds: { type: "string", default: "2" },
    warmup: { type: "string", default: "1" },
    messages: { type: "string" },
    pid: { type: "string" },
  },
});
const inflight = Number(values.inflight);
const SIZE = 200;
const KEY = [0x12, 0x34, 0x56, 0x78];
/** Messages until they begin anew; together they fill several windows. */
const CYCLE = 1_000;

let received = 0, wire = 0;
let seed = 1;

function random(limit: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return Math.floor((seed / 0x8000_0000) * limit);
}

const words =
  "the order of your price update was shipped market opens higher volume status pending delivered thanks reply"
    .split(" ");
const names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/** One text of JSON, as a chat or a ticker says it. */
function makeText(id: number): string {
  const head = {
    id,
    type: ["chat", "trade", "status"][id % 3],
    user: names[random(names.length)],
    room: `room-${random(50)}`,
    at: 1_700_000_000_000 + id * 137 + random(100),
    price: random(100_000) / 100,
    text: "",
  };
  while (JSON.stringify(head).length < SIZE) {
    head.text += `${head.text === "" ? "" : " "}${words[random(words.length)]}`;
  }
  head.text = head.text.slice(0, head.text.length - (JSON.stringify(head).length - SIZE));
  return JSON.stringify(head);
}

/** How the server wants messages: plain, compressed each by itself, or in the context of those before. */
type How = "plain" | "fresh" | "kept";

/** The frames of a cycle of messages, masked; the first begins a context, so that the cycle can be repeated. */
function makeFrames(texts: readonly string[], how: How): Uint8Array[] {
  let window = new Uint8Array(0);
  return texts.map((text) => {
    const bytes = new TextEncoder().encode(text);
    const dictionary = how === "kept" && window.length > 0 ? { dictionary: window } : {};
    const made = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary });
    window = new Uint8Array([...window, ...bytes]).slice(-32_768);
    const payload = how === "plain" ? bytes : made.subarray(0, made.length - 4);
    const b0 = how === "plain" ? 0x81 : 0xc1;
    const header = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff];
    return Uint8Array.from([b0, ...header, ...KEY, ...payload.map((byte, i) => byte ^ KEY[i & 3]!)]);
  });
}

/** A connection of the load. */
interface Client {
  /** Sends so many messages. */
  send(count: number): void;
}

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/** Counts the frames that lie in chunks; none is longer than 65,535 bytes. */
class Counter {
  #rest: Uint8Array = new Uint8Array(0);

  count(chunk: Uint8Array): number {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0, frames = 0;
    while (at + 4 <= bytes.length) {
      const short = bytes[at + 1]! & 0x7f;
      const size = short < 126 ? 2 + short : 4 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
      if (at + size > bytes.length) break;
      at += size;
      if ((bytes[at - size]! & 0x80) !== 0) frames++;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

const cycles = new Map<How, Uint8Array[]>();

function rawClient(
  port: number,
  texts: readonly string[],
  onecho: (client: Client, count: number) => void,
): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket: NetSocket = connect(port, "127.0.0.1", () => socket.write(REQUEST));
    socket.setNoDelay(true);
    socket.once("error", reject);
    let frames: Uint8Array[] = [];
    let at = 0;
    const client: Client = {
      send(count) {
        if (count === 0) return;
        if (count === 1) {
          socket.write(frames[at]!);
          at = (at + 1) % CYCLE;
          return;
        }
        const run: Uint8Array[] = [];
        for (let i = 0; i < count; i++, at = (at + 1) % CYCLE) run.push(frames[at]!);
        socket.write(Buffer.concat(run));
      },
    };
    const counter = new Counter();
    socket.once("data", (head) => {
      const answer = String(head);
      const how = !/permessage-deflate/.test(answer)
        ? "plain"
        : /client_no_context_takeover/.test(answer)
        ? "fresh"
        : "kept";
      if (!cycles.has(how)) cycles.set(how, makeFrames(texts, how));
      frames = cycles.get(how)!;
      socket.on("data", (chunk: Uint8Array) => {
        wire += chunk.length;
        onecho(client, counter.count(chunk));
      });
      resolve(client);
    });
  });
}

interface Common {
  onmessage: unknown;
  onopen: unknown;
  onerror: unknown;
  send(data: string): unknown;
}

function wholeClient(
  socket: Common,
  texts: readonly string[],
  onecho: (client: Client, count: number) => void,
): Promise<Client> {
  let at = 0;
  const client: Client = {
    send(count) {
      for (let i = 0; i < count; i++, at = (at + 1) % CYCLE) socket.send(texts[at]!);
    },
  };
  socket.onmessage = ({ data }: { data: string }) => {
    if (data.length !== SIZE) throw new Error(`Echo has ${data.length} characters`);
    onecho(client, 1);
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(client);
    socket.onerror = reject;
  });
}

const port = Number(values.port);
const texts = Array.from({ length: CYCLE }, (_, id) => makeText(id));
const limit = values.messages === undefined ? Infinity : Number(values.messages);

let onechoed = (client: Client, count: number): void => client.send(count);

function onecho(client: Client, count: number): void {
  received += count;
  onechoed(client, count);
}

async function open(): Promise<Client> {
  const url = `ws://127.0.0.1:${port}/`;
  if (values.client === "raw") return await rawClient(port, texts, onecho);
  if (values.client === "ws") {
    return await wholeClient(new NpmWebSocket(url, { perMessageDeflate: true }) as unknown as Common, texts, onecho);
  }
  const { Socket } = await import("@sockeye/ws");
  return await wholeClient(new Socket(url, { perMessageDeflate: true }) as unknown as Common, texts, onecho);
}

/** Seconds that the server has run, on all its threads. */
function serverTime(): number {
  if (values.pid === undefined) return 0;
  const stat = readFileSync(`/proc/${values.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

const clients: Client[] = [];
for (let i = 0; i < Number(values.connections); i++) clients.push(await open());
if (limit === Infinity) {
  for (const client of clients) client.send(inflight);
  await sleep(Number(values.warmup));
  received = wire = 0;
  const cpu = process.cpuUsage();
  const serverBefore = serverTime();
  const started = performance.now();
  await sleep(Number(values.seconds));
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round(received / seconds);
  const loadCpu = (user + system) / 1e6 / seconds;
  const serverCpu = (serverTime() - serverBefore) * 1e6 / received;
  console.log(JSON.stringify({ perSecond, loadCpu, serverCpu }));
  process.exit(0);
}
// All of them at once, so that none is idle before the others.
const sent = new Map(clients.map((client) => [client, Math.min(inflight, limit)]));
onechoed = (client, count) => {
  const more = Math.min(count, limit - sent.get(client)!);
  if (more === 0) return;
  sent.set(client, sent.get(client)! + more);
  client.send(more);
};
for (const client of clients) client.send(Math.min(inflight, limit));
while (received < limit * clients.length) await sleep(0.005);
console.log(JSON.stringify({ received, ratio: wire / received / SIZE }));
setInterval(() => {}, 1_000);
