/**
 * Others' ends of compressed connections, to be started on their own runtimes.
 *
 * Usage: deflate_peer.ts server ws | server bun: an echo server that prints its port; npm `ws` takes its parameters from the
 * query, as JSON.
 *        deflate_peer.ts client ws|native url: connects to `url` with the number of each combination of parameters behind
 * it, and with each of its own; prints "ok".
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
// @ts-types="@types/ws"
import { WebSocket as NpmWebSocket, WebSocketServer } from "ws";
import type { WebSocketLike } from "./battery.ts";
import { close, combinations, open, talk, windows } from "./deflate_talk.ts";

/** Echoes with npm `ws`: texts that are not short go out in two compressed fragments. */
async function npmServer(): Promise<number> {
  const http = createServer();
  http.on("upgrade", (request, socket, head) => {
    const query = new URL(request.url ?? "", "http://localhost").searchParams.get("options") ?? "{}";
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0, ...JSON.parse(query) } });
    server.handleUpgrade(request, socket, head, (client) => {
      client.on("message", (data, isBinary) => {
        if (isBinary) client.send(data);
        else echoText(client, String(data));
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return (http.address() as AddressInfo).port;
}

function echoText(client: NpmWebSocket, text: string): void {
  if (text.length < 10) {
    client.send(text);
    return;
  }
  client.send(text.slice(0, 7), { fin: false });
  client.send(text.slice(7), { fin: true });
}

interface BunSocket {
  send(data: string | Uint8Array, compress?: boolean): number;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

function bunServer(): number {
  const bun = Reflect.get(globalThis, "Bun") as { serve(options: object): BunServer };
  return bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request: Request, server: BunServer) =>
      server.upgrade(request) ? undefined : new Response("Wanted a WebSocket", { status: 426 }),
    websocket: {
      perMessageDeflate: true,
      message: (socket: BunSocket, data: string | Uint8Array) => socket.send(data, true),
    },
  }).port;
}

async function npmClient(url: string): Promise<void> {
  for (const server of combinations.keys()) {
    for (const client of combinations) {
      const perMessageDeflate = { threshold: 0, ...client };
      const socket = new NpmWebSocket(`${url}${server}`, { perMessageDeflate });
      await converse(socket as unknown as WebSocketLike, `${server} and ${JSON.stringify(client)}`);
    }
  }
  for (const window of windows) {
    const socket = new NpmWebSocket(`${url}0`, { perMessageDeflate: { threshold: 0, ...window } });
    await converse(socket as unknown as WebSocketLike, JSON.stringify(window));
  }
}

async function nativeClient(url: string): Promise<void> {
  for (const server of combinations.keys()) {
    await converse(new WebSocket(`${url}${server}`) as WebSocketLike, String(server));
  }
}

async function converse(socket: WebSocketLike, name: string): Promise<void> {
  try {
    await open(socket);
    await talk(socket);
    const code = await close(socket);
    if (code !== 1000) throw new Error(`Closed with ${code}`);
  } catch (cause) {
    throw new Error(`Combination ${name}: ${String(cause)}`, { cause });
  }
}

const [role = "", kind = "", url = ""] = process.argv.slice(2);
switch (`${role} ${kind}`) {
  case "server ws":
    console.log(await npmServer());
    break;
  case "server bun":
    console.log(bunServer());
    break;
  case "client ws":
    await npmClient(url);
    console.log("ok");
    process.exit(0);
    break;
  case "client native":
    await nativeClient(url);
    console.log("ok");
    process.exit(0);
    break;
  default:
    throw new Error(`Cannot be the peer: got "${role} ${kind}", wanted server or client, and ws, bun or native`);
}
