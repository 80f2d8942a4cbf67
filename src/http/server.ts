/**
 * `Server`: our own listener. It reads one head from each connection, and upgrades it or answers it.
 *
 * ```
 *   Runtime.listen -> Transport -> Connection -> handler -> WebSocket: stays in `clients` until it is over
 *                                                   `----> answer, Connection: close
 * ```
 */

import { isReceivableCode } from "../protocol/close.ts";
import {
  GOING_AWAY,
  HANDSHAKE_TIMEOUT,
  MAX_CLOSE_REASON,
  MAX_HEAD_FIELDS,
  MAX_HEAD_SIZE,
  OPEN,
} from "../protocol/constants.ts";
import { deflateFactory } from "../protocol/context_codec.ts";
import type { DeflateFactory } from "../protocol/codec.ts";
import { show } from "../protocol/headers.ts";
import { utf8Length } from "../protocol/utf8.ts";
import { checkCount, checkEach, checkNames, checkNumber, checkType, wrongKind } from "../socket/check.ts";
import type { SendOptions } from "../socket/data.ts";
import type { CodecProvider } from "../socket/message.ts";
import { codecOf } from "../socket/message_codec.ts";
import { prepare } from "../socket/prepare.ts";
import { closeWith, Socket } from "../socket/socket.ts";
import { startTimeout } from "../socket/timeout.ts";
import type { Endpoint, Listener, ListenOptions, Runtime, ServerTls, Transport } from "../socket/transport.ts";
import { Connection, type Host } from "./connection.ts";
import { type ErrorReporter, reportOnConsole } from "./dispatch.ts";
import { handler as toHandler } from "./handler.ts";
import type { Handler, HandlerLike } from "./handler_types.ts";
import { listenOptions } from "./listen_options.ts";

/**
 * Where a server listens, and what a request may not exceed.
 *
 * @example
 * ```ts
 * import { Server, type ServerOptions } from "@sockeye/ws/http";
 *
 * const options: ServerOptions = { port: 0, hostname: "127.0.0.1", maxHeadSize: 8_192, handshakeTimeout: 5_000 };
 * const server = new Server(options, { "/": () => new Response("Hello") });
 * await server.start();
 * console.assert(server.port > 0);
 * await server.close();
 * ```
 */
export interface ServerOptions {
  /** TCP port; 0 picks a free one. */
  readonly port?: number;
  /** Name or address to listen on. @default {"0.0.0.0"} */
  readonly hostname?: string;
  /** Path of a Unix socket, in the place of a port. */
  readonly path?: string;
  /** Present: over TLS. */
  readonly tls?: ServerTls;
  /** Bytes of the head of a request; 431 above. @default {16384} */
  readonly maxHeadSize?: number;
  /** Fields of the head of a request; 431 above. @default {128} */
  readonly maxHeadFields?: number;
  /** Bytes of the body of a request; 413 above. @default {1048576} */
  readonly maxBodySize?: number;
  /**
   * Milliseconds until a head, and then a body, must be whole; 408 after that. And for the TLS handshake before them. 0
   * for no limit.
   *
   * @default {10000}
   */
  readonly handshakeTimeout?: number;
  /** Gets what handlers throw. @default prints it on the console */
  readonly onerror?: ErrorReporter;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["port", "hostname", "path", "tls"],
  ...["maxHeadSize", "maxHeadFields", "maxBodySize", "handshakeTimeout", "onerror"],
]);

/**
 * How `Server.close` ends what is open.
 *
 * @example
 * ```ts
 * import { type CloseOptions, Server } from "@sockeye/ws/http";
 *
 * const options: CloseOptions = { code: 1012, reason: "Back in a minute", deadline: 5_000 };
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, {});
 * await server.start();
 * await server.close(options);
 * ```
 */
export interface CloseOptions {
  /** Code of the Close frames. @default {1001} */
  readonly code?: number;
  /** Their reason, of at most 123 bytes. @default {""} */
  readonly reason?: string;
  /** Milliseconds for all connections to end by themselves, before they are cut; `Infinity` for ever. @default {10000} */
  readonly deadline?: number;
}

/**
 * To whom, and how, `Server.broadcast` sends.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { type BroadcastOptions, Server } from "@sockeye/ws/http";
 *
 * const server: Server = new Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/chat": upgrade((conn) => {
 *     const toOthers: BroadcastOptions = { except: conn };
 *     conn.onmessage = ({ data }) => server.broadcast(data, toOthers);
 *   }),
 * });
 * ```
 */
export interface BroadcastOptions extends SendOptions {
  /** Clients that do not get it: the one it came from, most of the time. */
  readonly except?: Socket | Iterable<Socket>;
}

const CLOSE_OPTIONS: ReadonlySet<string> = new Set<keyof CloseOptions>(["code", "reason", "deadline"]);
const DEADLINE = 10_000;
const DEFAULTS: Omit<Host["limits"], "timeout"> = {
  maxHeadSize: MAX_HEAD_SIZE,
  maxHeadFields: MAX_HEAD_FIELDS,
  maxBodySize: 1_048_576,
};

/**
 * A server of WebSockets, and of what little HTTP they need. Made for a runtime by the front doors.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/ws": upgrade(() => {}) });
 * await server.start();
 * console.assert(server.url("/ws").startsWith("ws://"));
 * await server.close();
 * ```
 */
export class Server implements AsyncDisposable {
  readonly #options: ListenOptions;
  readonly #runtime: () => Promise<Runtime>;
  readonly #host: ServerHost;
  #listener: Promise<Listener> | undefined;
  #address: Endpoint | undefined;

  /**
   * Makes a server that does not listen yet.
   *
   * @throws {TypeError} When an option is unknown or of the wrong kind, or the handler is none.
   * @throws {RangeError} When a number is out of range.
   * @throws {SyntaxError} When a pattern of the handler cannot be compiled.
   */
  constructor(where: number | ServerOptions, handler: HandlerLike, runtime: () => Promise<Runtime>) {
    const options = typeof where === "number" ? { port: where } : where;
    checkNames("make a server", options, KNOWN, "a port or an object");
    checkType("onerror", options.onerror, "function");
    this.#runtime = runtime;
    const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
    const limits: Host["limits"] = {
      ...DEFAULTS,
      ...checkEach(options, { maxHeadSize: checkCount, maxHeadFields: checkCount, maxBodySize: checkNumber }),
      timeout: checkNumber("handshakeTimeout", handshakeTimeout),
    };
    this.#options = listenOptions(options, limits.timeout);
    this.#host = new ServerHost(limits, options, toHandler(handler), codecOf(runtime));
  }

  /**
   * Listens. Rejects with the runtime's own error when the address cannot be had, with a `TypeError` when it listens
   * already. After `stop` or `close` it may listen again.
   */
  async start(): Promise<void> {
    if (this.#listener !== undefined) throw new TypeError("Cannot start the server: it was started before");
    const listener = this.#listener = this.#listen();
    try {
      const { address } = await listener;
      if (this.#listener === listener) this.#address = address;
    } catch (error) {
      if (this.#listener === listener) this.#listener = undefined;
      throw error;
    }
  }

  async #listen(): Promise<Listener> {
    const runtime = await this.#runtime();
    this.#host.runtime = runtime;
    this.#host.closing = false;
    return await runtime.listen(this.#options, (transport) => this.#host.accept(transport));
  }

  /** Stops listening; what is open goes on. Resolves when the address is free. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = this.#address = undefined;
    // That it never listened is what `start` has told.
    await (await listener?.catch(() => undefined))?.close();
  }

  /**
   * Stops listening, and ends what is open: sends a Close frame on each WebSocket, lets requests that are being handled be
   * answered, and cuts what is left at the deadline. Resolves when all is over.
   *
   * @throws {TypeError} Rejects with it when an option is unknown or of the wrong kind.
   * @throws {RangeError} Rejects with it when the code is none that may be sent, the reason is too long, or the deadline is
   * no number of at least 0.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkNames("close the server", options, CLOSE_OPTIONS);
    const { code = GOING_AWAY, reason = "", deadline = DEADLINE } = options;
    if (!Number.isInteger(code) || !isReceivableCode(code)) {
      throw new RangeError(
        `Cannot close the server: code is ${show(code)}, wanted 1000 to 1003, 1007 to 1014 or 3000 to 4999`,
      );
    }
    checkType("reason", reason, "string");
    if (utf8Length(reason) > MAX_CLOSE_REASON) {
      throw new RangeError(`Cannot close the server: reason is too long, wanted at most ${MAX_CLOSE_REASON} bytes`);
    }
    checkNumber("deadline", deadline);
    await Promise.all([this.stop(), this.#host.close(code, reason, deadline)]);
  }

  /** The same as `close()`: `await using server = new Server(...)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Where it listens, the port being the real one.
   *
   * @throws {TypeError} When it does not listen.
   */
  get address(): Endpoint {
    if (this.#address === undefined) throw new TypeError("Cannot tell the address of the server: it does not listen");
    return this.#address;
  }

  /** The port it listens on; 0 while it does not, and on a Unix socket. */
  get port(): number {
    return this.#address?.transport === "tcp" ? this.#address.port : 0;
  }

  /**
   * The URL of a path on this server, for clients on this machine: `ws:` or `wss:`, `ws+unix:` on a Unix socket.
   *
   * @throws {TypeError} When it does not listen, or in memory.
   */
  url(path: string = "/"): string {
    const { address } = this;
    const scheme = this.#host.secure ? "wss" : "ws";
    if (address.transport === "unix") {
      const socket = address.path.split("/").map(encodeURIComponent).join("/");
      return `${scheme}+unix://${socket}:${path}`;
    }
    if (address.transport !== "tcp") throw new TypeError("Cannot tell the URL of the server: it listens in memory");
    const { hostname, port } = address;
    const host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  }

  /** The WebSockets that are open or closing. */
  get clients(): ReadonlySet<Socket> {
    return this.#host.sockets;
  }

  /**
   * Sends a message to all clients that are open, framed once: see `prepare`, which says what it takes. Returns to how many.
   *
   * @throws {TypeError} For what `prepare` does not take, and when an option is unknown or of the wrong kind.
   *
   * @example
   * ```ts
   * import { Socket, upgrade } from "@sockeye/ws";
   * import { Server } from "@sockeye/ws/http";
   *
   * const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
   *   "/chat": upgrade((conn) => {
   *     conn.onmessage = (event) => server.broadcast(event.data, { except: conn });
   *   }),
   * });
   * await server.start();
   * console.assert(server.broadcast("nobody is there") === 0);
   * await server.close();
   * ```
   */
  broadcast(data: unknown, options: BroadcastOptions = {}): number {
    checkNames("broadcast", options, new Set(["compress", "except"]));
    const { compress, except = [] } = options;
    checkType("compress", compress, "boolean");
    const message = prepare(data);
    const passed = except instanceof Socket ? [except] : except;
    if (typeof passed !== "object" || passed === null || !(Symbol.iterator in passed)) {
      throw wrongKind("except", except, "a Socket, or a list of them");
    }
    const others = new Set(passed);
    const how = compress === undefined ? undefined : { compress };
    let count = 0;
    for (const socket of this.#host.sockets) {
      if (socket.readyState !== OPEN || others.has(socket)) continue;
      socket.send(message, how);
      count++;
    }
    return count;
  }

  /**
   * What handles requests. May be replaced at any time, by whatever can be made a handler; requests that are being handled
   * go on as they began.
   */
  get handler(): Handler {
    return this.#host.handler;
  }
  set handler(like: HandlerLike) {
    this.#host.handler = toHandler(like);
  }
}

/** What the connections of a server share. */
class ServerHost implements Host {
  readonly limits: Host["limits"];
  readonly secure: boolean;
  readonly report: ErrorReporter;
  readonly codec: CodecProvider;
  readonly sockets: Set<Socket> = new Set();
  readonly #connections: Set<Connection> = new Set();
  handler: Handler;
  runtime: Runtime | undefined;
  closing = false;
  /** Called when nothing is open any more. */
  #onidle: (() => void)[] = [];

  constructor(limits: Host["limits"], options: ServerOptions, handler: Handler, codec: CodecProvider) {
    this.limits = limits;
    this.secure = options.tls !== undefined;
    this.report = options.onerror ?? reportOnConsole;
    this.handler = handler;
    this.codec = codec;
  }

  get decodeAscii(): Runtime["decodeAscii"] {
    return this.runtime?.decodeAscii;
  }

  get deflate(): DeflateFactory | undefined {
    const lent = this.runtime?.deflate;
    return lent === undefined ? undefined : deflateFactory(lent);
  }

  accept(transport: Transport): void {
    if (this.closing) return transport.abort();
    const connection = new Connection(this, transport);
    this.#connections.add(connection);
    void connection.serve();
  }

  left(connection: Connection): void {
    this.#connections.delete(connection);
    this.#settle();
  }

  opened(socket: Socket): void {
    this.sockets.add(socket);
  }

  closed(socket: Socket): void {
    this.sockets.delete(socket);
    this.#settle();
  }

  #settle(): void {
    if (this.sockets.size > 0 || this.#connections.size > 0) return;
    for (const callback of this.#onidle.splice(0)) callback();
  }

  async close(code: number, reason: string, deadline: number): Promise<void> {
    this.closing = true;
    for (const socket of this.sockets) closeWith(socket, code, reason);
    for (const connection of this.#connections) connection.hurry();
    await this.#idle(deadline);
    for (const socket of this.sockets) socket.terminate();
    for (const connection of this.#connections) connection.cut(new Error("Cannot go on: the server was closed"));
    this.sockets.clear();
    this.#connections.clear();
    this.#settle();
  }

  /** Waits until nothing is open, or the time is over. */
  #idle(milliseconds: number): Promise<void> {
    if (milliseconds === 0 || (this.sockets.size === 0 && this.#connections.size === 0)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = startTimeout(milliseconds, resolve);
      this.#onidle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
