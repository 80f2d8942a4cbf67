/**
 * `ReconnectingSocket`: a client for bad networks. It connects again and again, with a delay that grows and is left to
 * chance by half, and keeps what is to be sent meanwhile, up to a bound.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 * import { ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * let count = 0;
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, upgrade((conn) => {
 *   // The first connection is lost at once.
 *   if (count++ === 0) conn.on("message", () => conn.close(4000));
 *   else conn.onmessage = (event) => conn.send(`heard ${event.data}`);
 * }));
 * await server.start();
 *
 * const socket = new ReconnectingSocket(() => server.url(), { minDelay: 10 });
 * socket.send("lost");
 * socket.on("lost", () => socket.send("kept"));
 * const event = await new Promise<{ data: unknown }>((resolve) => socket.onmessage = resolve);
 * console.assert(event.data === "heard kept" && socket.attempts === 2);
 * await socket[Symbol.asyncDispose]();
 * await server.close();
 * ```
 *
 * @module
 */

import { ReconnectingSocket as CoreReconnectingSocket } from "./socket/reconnecting.ts";
import type { ReconnectingOptions, UrlProvider } from "./socket/reconnecting_options.ts";
import { Socket } from "../mod.ts";

export type { ReconnectingSocket as BaseReconnectingSocket } from "./socket/reconnecting.ts";
export type {
  AttemptEvent,
  DropEvent,
  LostEvent,
  ReconnectingEventMap,
  ReconnectingOptions,
  UrlProvider,
} from "./socket/reconnecting_options.ts";
export type * from "./types.ts";

/**
 * A client for bad networks. A message leaves once at most: what was given to a connection that breaks is not sent again.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 * import { ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * let count = 0;
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, upgrade((conn) => {
 *   // The first connection is lost at once.
 *   if (count++ === 0) conn.on("message", () => conn.close(4000));
 *   else conn.onmessage = (event) => conn.send(`heard ${event.data}`);
 * }));
 * await server.start();
 *
 * const socket = new ReconnectingSocket(() => server.url(), { minDelay: 10 });
 * socket.send("lost");
 * socket.on("lost", () => socket.send("kept"));
 * const event = await new Promise<{ data: unknown }>((resolve) => socket.onmessage = resolve);
 * console.assert(event.data === "heard kept" && socket.attempts === 2);
 * await socket[Symbol.asyncDispose]();
 * await server.close();
 * ```
 */
export class ReconnectingSocket extends CoreReconnectingSocket {
  /**
   * Begins to connect. What is wrong with an option of `Socket` comes as `error`, then `close`.
   *
   * @param url Where to connect, or a function that says so before each attempt.
   * @param options Those of `Socket` for each connection, and its own. `signal` ends it for good.
   * @throws {DOMException} Named `SyntaxError`, for a malformed URL.
   * @throws {TypeError} For an option of its own that is of the wrong kind.
   * @throws {RangeError} For an option of its own that is out of range.
   */
  constructor(url: string | URL | UrlProvider, options: ReconnectingOptions = {}) {
    super(url, options, (target, each) => new Socket(target, each));
  }
}
