/** A client that writes bytes and keeps what comes back, and a server in memory for it. */
import type { ServerOptions } from "../../src/http/server.ts";
import { Server } from "../../src/http/server.ts";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import { Socket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { SocketOptions } from "../../src/socket/options.ts";
import type { Runtime, Transport, TransportSink } from "../../src/socket/transport.ts";

const encoder = new TextEncoder();

/** One connection, seen from the client. */
export class RawClient implements TransportSink {
  readonly transport: Transport;
  /** All that came, one character for each byte. */
  received = "";
  /** How it ended, as the other end brought it about. */
  ending: "none" | "end" | "abort" = "none";
  #waiting: (() => void)[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
    transport.open(this);
  }

  send(data: string | Uint8Array): this {
    this.transport.write(typeof data === "string" ? encoder.encode(data) : data, false);
    return this;
  }

  /** Resolves when a condition holds. */
  async until(condition: () => boolean): Promise<this> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this;
  }

  /** Resolves with all that came, when the other end has ended. */
  async over(): Promise<string> {
    await this.until(() => this.ending !== "none");
    return this.received;
  }

  data(chunk: Uint8Array): void {
    for (const byte of chunk) this.received += String.fromCharCode(byte);
    this.#wake();
  }

  /** Ends in its turn, so that nobody has to linger. */
  end(): void {
    this.ending = "end";
    this.transport.end();
    this.#wake();
  }

  drain(): void {}

  abort(): void {
    this.ending = "abort";
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A server in memory, what it reported, and clients for it. */
export class Setup {
  readonly network: Runtime = memoryNetwork();
  readonly reports: unknown[] = [];
  readonly server: Server;

  constructor(handler: HandlerLike, options: ServerOptions = {}) {
    const onerror = (error: unknown): void => void this.reports.push(error);
    const where = { port: 0, hostname: "127.0.0.1", onerror, ...options };
    this.server = new Server(where, handler, () => Promise.resolve(this.network));
  }

  static async start(handler: HandlerLike, options: ServerOptions = {}): Promise<Setup> {
    const setup = new Setup(handler, options);
    await setup.server.start();
    return setup;
  }

  async connect(): Promise<RawClient> {
    const { port } = this.server;
    return new RawClient(await this.network.connect({ transport: "tcp", hostname: "127.0.0.1", port }));
  }

  /** Sends a request and gives the whole answer. */
  async exchange(request: string): Promise<string> {
    return await (await this.connect()).send(request).over();
  }

  /** A client of our own. */
  socket(path: string = "/", options: SocketOptions = {}): Socket {
    return new Socket(
      new ClientStart(this.server.url(path), options, undefined, () => Promise.resolve(this.network)),
    );
  }
}

/** The text of a request: `requestText("GET / HTTP/1.1", ["Host: a"])`. */
export function requestText(line: string, fields: readonly string[] = ["Host: localhost"], body: string = ""): string {
  return [line, ...fields, "", body].join("\r\n");
}

/** The status of an answer, its fields in lower case, and its body. */
export function parseAnswer(text: string): { status: number; fields: string; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  const [line = "", ...fields] = head.split("\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]),
    fields: `\n${fields.map((field) => field.replace(/^[^:]*/, (name) => name.toLowerCase())).join("\n")}\n`,
    body: text.slice(end + 4),
  };
}

/** A promise and what settles it. (`Promise.withResolvers` is not on Node 20.) */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => resolve = settle);
  return { promise, resolve };
}
