/**
 * WebSocket that behaves the same on Deno, Bun and Node, with its own RFC 6455 core.
 *
 * @example A server and a client
 * ```ts
 * import * as ws from "@sockeye/ws";
 * import * as http from "@sockeye/ws/http";
 *
 * const server = new http.Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/ws": ws.upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 * });
 * await server.start();
 * const port = server.port;
 *
 * const conn = new ws.Socket(`ws://127.0.0.1:${port}/ws`);
 * conn.onopen = () => conn.send("Hello");
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

import { currentRuntime } from "./src/runtime/current.ts";
import { Message as CoreMessage } from "./src/socket/message.ts";
import { codecOf } from "./src/socket/message_codec.ts";
import type { SocketOptions } from "./src/socket/options.ts";
import { connectRaw, type RawOptions, type RawStream } from "./src/socket/raw.ts";
import { Socket as CoreSocket } from "./src/socket/socket.ts";
import { ClientStart } from "./src/socket/start.ts";

export * from "./src/common.ts";

/**
 * A WebSocket: a client's end made with `new`, or the server's end that `upgrade` hands to its `accept`.
 *
 * @example
 * ```ts
 * import { Socket } from "@sockeye/ws";
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
   * @param url `ws:`, `wss:`, `ws+unix:` or `wss+unix:`.
   * @param protocols A subprotocol, a list of them, or the options.
   * @param origin Value of the `Origin` header.
   * @throws {DOMException} Named `SyntaxError`, for a malformed URL or subprotocol.
   * @throws {TypeError} For an option that is unknown or of the wrong kind.
   * @throws {RangeError} For an option that is out of range.
   */
  constructor(url: string | URL, protocols?: string | readonly string[] | SocketOptions, origin?: string) {
    super(new ClientStart(url, protocols, origin, currentRuntime));
  }

  /** The server's ends are sockets too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof CoreSocket;
  }
}

/**
 * One message, to be framed by hand or given to `Socket.send`.
 *
 * @example
 * ```ts
 * import { MemoryStream, Message, TEXT } from "@sockeye/ws";
 *
 * const message = new Message(TEXT);
 * message.write("Hello");
 * const stream = new MemoryStream();
 * await message.sendTo(stream);
 * stream.rewind();
 *
 * const copy = new Message();
 * await copy.readFrom(stream);
 * console.assert(copy.data === "Hello" && copy.masked);
 * ```
 */
export class Message extends CoreMessage {
  /**
   * Makes an empty message.
   *
   * @param type `TEXT`, `BINARY`, or the opcode of another frame. @default {BINARY}
   * @param masked Whether it is sent masked, as a client must. @default {true}
   * @param compress Whether it is sent compressed. @default {false}
   * @param maxSize Bytes that `readFrom` takes. @default {67108864}
   * @throws {RangeError} When `type` is not 0 to 15, or `maxSize` is negative.
   */
  constructor(type?: number, masked?: boolean, compress?: boolean, maxSize?: number) {
    super(type, masked, compress, maxSize, codecOf(currentRuntime));
  }

  /** Those of events are messages too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof CoreMessage;
  }
}

/**
 * Connects, makes the opening handshake, and gives the raw bytes of the connection, for framing by hand with `Message`.
 *
 * @param url `ws:`, `wss:`, `ws+unix:` or `wss+unix:`.
 * @param origin Value of the `Origin` header, or the options. @default {""} (none is sent)
 * @throws {DOMException} Named `SyntaxError`, for a malformed URL.
 * @throws {WebSocketError} When no connection is made, or the server refuses.
 *
 * @example
 * ```ts
 * import { connect } from "@sockeye/ws";
 *
 * const failed = await connect("ws://127.0.0.1:9/nobody-is-there").catch((error) => error.code);
 * console.assert(failed === "WS_CONNECT_FAILED");
 * ```
 */
export function connect(url: string | URL, origin?: string | RawOptions): Promise<RawStream> {
  return connectRaw(url, origin, currentRuntime);
}
