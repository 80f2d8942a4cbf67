/** What the tests of the whole module share: a server of this runtime on a free port, and what sockets tell. */

import type { CloseEvent, ErrorEvent, MessageEvent, Socket } from "@sockeye/ws";
import { type HttpHandler, Server, type ServerOptions } from "@sockeye/ws/http";
import net from "node:net";
import process from "node:process";
import { type Command, commandFor, type others, runtime } from "../harness.ts";

type Handler = ConstructorParameters<typeof Server>[1];

/** Runs `work` with a server on 127.0.0.1 that hands its requests to `handler`, and closes it. */
export async function serving(
  handler: Handler | HttpHandler,
  work: (server: Server) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const server = new Server({ port: 0, hostname: "127.0.0.1", ...options }, handler);
  await server.start();
  try {
    await work(server);
  } finally {
    await server.close({ deadline: 2_000 });
  }
}

/** The next event of a socket by its name. */
export function next(socket: Socket, name: "open"): Promise<unknown>;
export function next(socket: Socket, name: "message"): Promise<MessageEvent>;
export function next(socket: Socket, name: "error"): Promise<ErrorEvent>;
export function next(socket: Socket, name: "close"): Promise<CloseEvent>;
export function next(socket: Socket, name: "open" | "message" | "error" | "close"): Promise<unknown> {
  return new Promise((resolve) => socket.once(name, resolve));
}

/** All that a socket tells, in short and in order; resolves when it is closed. */
export function story(socket: Socket): Promise<string[]> {
  const told: string[] = [];
  socket.on("open", () => told.push("open"));
  socket.on("message", ({ data }) => told.push(`message ${typeof data === "string" ? data : "bytes"}`));
  socket.on("error", ({ code, error }) => told.push(`error ${code} ${error.code}`));
  return new Promise((resolve) => {
    socket.on("close", ({ code, reason, wasClean, initiator }) => {
      told.push(`close ${code} "${reason}" ${wasClean ? "clean" : "unclean"} ${initiator}`);
      resolve(told);
    });
  });
}

/** A plain TCP connection. */
export class Wire {
  readonly socket: net.Socket;
  #bytes: number[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      for (const byte of chunk) this.#bytes.push(byte);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  static connect(port: number): Promise<Wire> {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const wire = new Wire(socket);
    return new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(wire));
      socket.once("error", reject);
    });
  }

  write(...parts: readonly (string | Uint8Array)[]): this {
    const encoder = new TextEncoder();
    const bytes = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
    this.socket.write(Uint8Array.from(bytes.flatMap((part) => [...part])));
    return this;
  }

  /** The head that comes next, with the empty line at its end. */
  async head(): Promise<string> {
    let text = "";
    while (!text.endsWith("\r\n\r\n")) text += String.fromCharCode((await this.bytes(1))[0]!);
    return text;
  }

  /** The next so many bytes. */
  async bytes(count: number): Promise<Uint8Array> {
    while (this.#bytes.length < count) {
      if (this.#ended) throw new Error(`Connection ended after ${this.#bytes.length} of ${count} bytes`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return Uint8Array.from(this.#bytes.splice(0, count));
  }

  /** All that comes until the connection ends. */
  async rest(): Promise<Uint8Array> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#wake = resolve);
    return Uint8Array.from(this.#bytes.splice(0));
  }

  /** Both directions end now: with a FIN, or so that the peer sees a reset. */
  cut(how: "FIN" | "RST" = "FIN"): void {
    if (how === "RST" && "resetAndDestroy" in this.socket) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }
}

/** A handshake, with other fields in it. */
export function handshake(path: string = "/", ...more: readonly string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...more,
    "",
    "",
  ].join("\r\n");
}

/** A server that speaks in bytes; `serve` is called with each connection. */
export async function wireServer(
  serve: (wire: Wire) => unknown,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const open = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    void serve(new Wire(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`ws://127.0.0.1:${(server.address() as net.AddressInfo).port}/`);
  } finally {
    for (const each of open) each.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The runtime that runs this, as `commandFor` names it. */
export const here: typeof others[number] = runtime === "node"
  ? process.versions.node.startsWith("20.") ? "node20" : "node24"
  : runtime;

/** The command that runs a program of `programs.ts` on this runtime, or why there is none. */
export function program(name: string, ...args: readonly string[]): Command | string {
  return commandFor(here, "tests/fibjs/programs.ts", [name, ...args]);
}

/** The option `skip` of a test that needs programs. */
export const skip: string | false = ((command) => typeof command === "string" ? command : false)(program("server"));
