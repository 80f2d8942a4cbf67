/**
 * `WebSocketStream` over the WebSocket of a browser's pages and workers. Bundlers for browsers take it for
 * `@sockeye/ws/stream` by themselves.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 * import { WebSocketStream } from "@sockeye/ws/browser/stream";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/ws": upgrade(async (conn) => {
 *     const { readable, writable } = await new WebSocketStream(conn).opened;
 *     // An echo that reads no faster than it can write.
 *     await readable.pipeTo(writable);
 *   }),
 * });
 * await server.start();
 *
 * const stream = new WebSocketStream(server.url("/ws"));
 * const { readable, writable } = await stream.opened;
 * await writable.getWriter().write("Hello");
 * const { value } = await readable.getReader().read();
 * console.assert(value === "Hello");
 * stream.close({ closeCode: 3000, reason: "done" });
 * console.assert((await stream.closed).closeCode === 3000);
 * await server.close();
 * ```
 *
 * @module
 */

import { Socket as CoreSocket } from "./socket/socket.ts";
import { WebSocketStream as CoreStream, type WebSocketStreamOptions } from "./socket/websocket_stream.ts";
import { Socket } from "./browser.ts";

export type { WebSocketCloseInfo, WebSocketConnection, WebSocketStreamOptions } from "./socket/websocket_stream.ts";
export type { WebSocketStream as BaseWebSocketStream } from "./socket/websocket_stream.ts";
export type * from "./types.ts";

/**
 * A connection as two promises and two streams.

 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 * import { WebSocketStream } from "@sockeye/ws/browser/stream";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/ws": upgrade(async (conn) => {
 *     const { readable, writable } = await new WebSocketStream(conn).opened;
 *     // An echo that reads no faster than it can write.
 *     await readable.pipeTo(writable);
 *   }),
 * });
 * await server.start();
 *
 * const stream = new WebSocketStream(server.url("/ws"));
 * const { readable, writable } = await stream.opened;
 * await writable.getWriter().write("Hello");
 * const { value } = await readable.getReader().read();
 * console.assert(value === "Hello");
 * stream.close({ closeCode: 3000, reason: "done" });
 * console.assert((await stream.closed).closeCode === 3000);
 * await server.close();
 * ```
 */
export class WebSocketStream extends CoreStream {
  /**
   * Connects to `url`, or takes over a connection that `upgrade` has accepted and nobody listens to.
   *
   * @param url Where to connect, or the connection.
   * @param options Those of `Socket`. `signal` ends connecting only.
   * @throws {DOMException} Named `SyntaxError`, for a malformed URL or subprotocol.
   * @throws {TypeError} For an option that is unknown or of the wrong kind.
   * @throws {RangeError} For an option that is out of range.
   */
  constructor(url: string | URL | CoreSocket, options: WebSocketStreamOptions = {}) {
    const { signal, ...rest } = options;
    super(url instanceof CoreSocket ? url : new Socket(url, rest), signal);
  }
}
