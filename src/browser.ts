/**
 * The module bound to the WebSocket of a browser's pages and workers: all of `@sockeye/ws`, with a `Socket` that drives the
 * platform's `WebSocket`. Bundlers for browsers take it for `@sockeye/ws` by themselves.
 *
 * What the platform cannot do is refused: `docs/browsers.md` of the repository has the table.
 *
 * @example
 * ```ts
 * import { Socket } from "@sockeye/ws/browser";
 * import { Server } from "@sockeye/ws/http";
 * import { upgrade } from "@sockeye/ws";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, upgrade((conn) => conn.send("Hello")));
 * await server.start();
 * const port = server.address.transport === "tcp" ? server.address.port : 0;
 *
 * const conn = new Socket(`ws://127.0.0.1:${port}/`);
 * conn.onmessage = (event) => {
 *   console.assert(event.data === "Hello");
 *   conn.close();
 * };
 * await new Promise((resolve) => conn.onclose = resolve);
 * await server.close();
 * ```
 *
 * @module
 */

import { nativeRuntime } from "./runtime/native.ts";
import { NativeStart } from "./socket/native_connect.ts";
import type { SocketOptions } from "./socket/options.ts";
import { Socket as CoreSocket } from "./socket/socket.ts";

export * from "./common.ts";

/**
 * A WebSocket that drives the platform's own.
 *
 * @example
 * ```ts
 * import { Socket } from "@sockeye/ws/browser";
 *
 * const socket = new Socket("ws://127.0.0.1:9/nobody-is-there");
 * socket.onerror = (event) => console.assert(event.error.code === "WS_CONNECT_FAILED");
 * await new Promise((resolve) => socket.onclose = resolve);
 * console.assert(socket.readyState === Socket.CLOSED);
 * ```
 */
export class Socket extends CoreSocket {
  /**
   * Connects to `url`. It throws only for what the caller got wrong; all else comes as `error`, then `close`.
   *
   * @param url `ws:` or `wss:`.
   * @param protocols A subprotocol, a list of them, or the options.
   * @param origin Not supported: the browser says which origin its page has.
   * @throws {DOMException} Named `SyntaxError`, for a malformed URL or subprotocol.
   * @throws {DOMException} Named `NotSupportedError`, for an option that the platform does not obey.
   * @throws {TypeError} For an option that is unknown or of the wrong kind.
   * @throws {RangeError} For an option that is out of range.
   */
  constructor(url: string | URL, protocols?: string | readonly string[] | SocketOptions, origin?: string) {
    super(new NativeStart(url, protocols, origin, nativeRuntime.webSocket!));
  }

  /** The server's ends are sockets too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof CoreSocket;
  }
}
