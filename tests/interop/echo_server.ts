/**
 * An echo server of one kind, to be started on any runtime: `ours`, `ws` (npm), `deno` (`Deno.serve`) or `bun`
 * (`Bun.serve`). Prints its port. It selects the subprotocol "echo" when that is offered, and closes with 4002 "asked for"
 * when it gets the text "close me".
 */

import type { AddressInfo } from "node:net";
import process from "node:process";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";

const CLOSE_ME = "close me";
const code = 4002;
const reason = "asked for";

async function ours(): Promise<number> {
  const { upgrade } = await import("@sockeye/ws");
  const { Server } = await import("@sockeye/ws/http");
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade({ protocols: ["echo"] }, (conn) => {
      conn.onmessage = ({ data }) => {
        if (data === CLOSE_ME) conn.close(code, reason);
        else conn.send(data);
      };
    }),
  });
  await server.start();
  return server.port;
}

async function npmWs(): Promise<number> {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: (offered) => offered.has("echo") ? "echo" : false,
  });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => {
      if (!isBinary && String(data) === CLOSE_ME) socket.close(code, reason);
      else socket.send(data, { binary: isBinary });
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port;
}

function denoServe(): number {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const offered = request.headers.get("sec-websocket-protocol") ?? "";
    const { socket, response } = Deno.upgradeWebSocket(request, offered.includes("echo") ? { protocol: "echo" } : {});
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (data === CLOSE_ME) socket.close(code, reason);
      else socket.send(data);
    };
    return response;
  });
  return server.addr.port;
}

interface BunSocket {
  send(data: string | Uint8Array): number;
  close(code: number, reason: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { headers: Record<string, string> }): boolean;
}

function bunServe(): number {
  const bun = Reflect.get(globalThis, "Bun") as { serve(options: object): BunServer };
  return bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request: Request, server: BunServer) {
      const offered = request.headers.get("sec-websocket-protocol") ?? "";
      const headers: Record<string, string> = offered.includes("echo") ? { "sec-websocket-protocol": "echo" } : {};
      return server.upgrade(request, { headers }) ? undefined : new Response("Wanted a WebSocket", { status: 426 });
    },
    websocket: {
      message(socket: BunSocket, data: string | Uint8Array) {
        if (data === CLOSE_ME) socket.close(code, reason);
        else socket.send(data);
      },
    },
  }).port;
}

const kinds: Record<string, () => number | Promise<number>> = { ours, ws: npmWs, deno: denoServe, bun: bunServe };
const kind = process.argv[2] ?? "";
const start = kinds[kind];
if (start === undefined) throw new Error(`Cannot serve: kind is ${kind}, wanted ${Object.keys(kinds).join(", ")}`);
console.log(await start());
