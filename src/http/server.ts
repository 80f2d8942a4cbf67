/**
 * `Server`: our own listener. It reads one head from each connection, and upgrades it or answers it.
 *
 * ```
 *   Runtime.listen -> Transport -> Connection -> handler -> WebSocket: stays in `clients` until it is over
 *                                                   `----> answer, Connection: close
 * ```
 */

import { HANDSHAKE_TIMEOUT, MAX_HEAD_FIELDS, MAX_HEAD_SIZE } from "../protocol/constants.ts";
import { lendMemory } from "../protocol/lanes.ts";
import { checkCount, checkEach, checkNames, checkNumber, checkType } from "../socket/check.ts";
import { codecOf } from "../socket/message_codec.ts";
import type { Socket } from "../socket/socket.ts";
import type { Endpoint, Listener, ListenOptions, Runtime, ServerTls } from "../socket/transport.ts";
import { broadcast, type BroadcastOptions } from "./broadcast.ts";
import type { Host } from "./connection.ts";
import type { ErrorReporter } from "./dispatch.ts";
import { handler as toHandler } from "./handler.ts";
import type { Handler, HandlerLike } from "./handler_types.ts";
import { checkClose, type CloseOptions, HttpHost, MAX_BODY_SIZE } from "./host.ts";
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

const DEFAULTS: Omit<Host["limits"], "timeout"> = {
  maxHeadSize: MAX_HEAD_SIZE,
  maxHeadFields: MAX_HEAD_FIELDS,
  maxBodySize: MAX_BODY_SIZE,
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
  readonly #host: HttpHost;
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
    this.#host = new HttpHost(limits, options.tls !== undefined, options.onerror, toHandler(handler), codecOf(runtime));
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
    return await runtime.listen({ ...this.#options, lendMemory }, (transport) => this.#host.accept(transport));
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
    const how = checkClose("close the server", options);
    await Promise.all([this.stop(), this.#host.close(how)]);
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
    return this.#host.clients;
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
    return broadcast(this.#host.sockets, data, options);
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
