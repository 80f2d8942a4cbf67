/**
 * A compressing echo server of one kind: `ours`, `ws` (npm) or `bun` (`Bun.serve`), each with `perMessageDeflate: true` and
 * its own defaults. Prints its port.
 *
 *   deflate_server.ts ours|ws|bun [deflate|plain] [options of ours, as JSON]
 */

import type { AddressInfo } from "node:net";
import process from "node:process";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";

const [kind = "", how = "", options = "true"] = process.argv.slice(2);
const plain = how === "plain";

async function ours(): Promise<number> {
  const { upgrade } = await import("@sockeye/ws");
  const { Server } = await import("@sockeye/ws/http");
  const perMessageDeflate = plain ? false : JSON.parse(options);
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade({ perMessageDeflate }, (conn) => {
      conn.onmessage = ({ data }) => conn.send(data);
    }),
  });
  await server.start();
  return server.port;
}

async function npmWs(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: !plain });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port;
}

interface BunSocket {
  send(data: string | Uint8Array, compress?: boolean): number;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

function bunServe(): number {
  const bun = Reflect.get(globalThis, "Bun") as { serve(options: object): BunServer };
  return bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request: Request, server: BunServer) =>
      server.upgrade(request) ? undefined : new Response("", { status: 426 }),
    websocket: {
      perMessageDeflate: !plain,
      message: (socket: BunSocket, data: string | Uint8Array) => socket.send(data, !plain),
    },
  }).port;
}

const kinds: Record<string, () => number | Promise<number>> = { ours, ws: npmWs, bun: bunServe };
const start = kinds[kind];
if (start === undefined) throw new Error(`Cannot serve: kind is ${kind}, wanted ${Object.keys(kinds).join(", ")}`);
console.log(await start());

// So that memory is what is held, and not what could be collected.
const { gc } = globalThis as { gc?: () => void };
if (gc !== undefined) setInterval(gc, 1_000);
