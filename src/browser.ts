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
import { Message as CoreMessage } from "./socket/message.ts";
import { codecOf } from "./socket/message_codec.ts";
import { NativeStart } from "./socket/native_connect.ts";
import type { SocketOptions } from "./socket/options.ts";
import { connectRaw, type RawOptions, type RawStream } from "./socket/raw.ts";
import { Socket as CoreSocket } from "./socket/socket.ts";
import type { Runtime } from "./socket/transport.ts";

export * from "./common.ts";

/** For bytes that are lent, and for messages that are framed by hand; loaded when the first of them is there. */
async function runtime(): Promise<Runtime> {
  return (await import("./runtime/web_deflate.ts")).withWebDeflate(nativeRuntime);
}

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
    super(new NativeStart(url, protocols, origin, nativeRuntime.webSocket!, runtime));
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
 * import { MemoryStream, Message, TEXT } from "@sockeye/ws/browser";
 *
 * const message = new Message(TEXT, true, true);
 * message.write("Hello");
 * const stream = new MemoryStream();
 * await message.sendTo(stream);
 * stream.rewind();
 *
 * const copy = new Message();
 * await copy.readFrom(stream);
 * console.assert(copy.data === "Hello" && copy.compress);
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
    super(type, masked, compress, maxSize, codecOf(runtime));
  }

  /** Those of events are messages too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof CoreMessage;
  }
}

/**
 * Makes the opening handshake over bytes that the caller lends, and gives the raw bytes of the connection, for framing by
 * hand with `Message`. The platform lends none.
 *
 * @param url `ws:` or `wss:`.
 * @param origin The options, with a `connect` of the caller's own.
 * @throws {DOMException} Named `SyntaxError`, for a malformed URL.
 * @throws {WebSocketError} When no connection is made, or the server refuses.
 *
 * @example
 * ```ts
 * import { connect } from "@sockeye/ws/browser";
 *
 * const failed = await connect("ws://127.0.0.1:9/nobody-is-there").catch((error) => error.code);
 * console.assert(failed === "WS_CONNECT_FAILED");
 * ```
 */
export function connect(url: string | URL, origin?: string | RawOptions): Promise<RawStream> {
  return connectRaw(url, origin, runtime);
}
