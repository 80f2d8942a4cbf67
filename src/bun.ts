/**
 * The module bound to Bun: all of `@sockeye/ws` and `@sockeye/ws/http`, without looking which runtime there is.
 *
 * @example
 * ```ts ignore
 * import { Server, upgrade } from "@sockeye/ws/bun";
 *
 * const server = new Server(8080, {
 *   "/ws": upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 * });
 * await server.start();
 * ```
 *
 * @module
 */

import { HttpClient as CoreHttpClient, type HttpClientOptions } from "./http/client.ts";
import type { HandlerLike } from "./http/handler_types.ts";
import { Server as CoreServer, type ServerOptions } from "./http/server.ts";
import { withText } from "./runtime/text.ts";
import { bunRuntime } from "./runtime/bun.ts";
import { withStartTls } from "./runtime/start_tls.ts";
import { withZlib } from "./runtime/zlib.ts";
import { Message as CoreMessage } from "./socket/message.ts";
import { codecOf } from "./socket/message_codec.ts";
import type { SocketOptions } from "./socket/options.ts";
import { connectRaw, type RawOptions, type RawStream } from "./socket/raw.ts";
import { Socket as CoreSocket } from "./socket/socket.ts";
import { ClientStart } from "./socket/start.ts";
import type { Runtime } from "./socket/transport.ts";

export * from "./common.ts";
export * from "./common_http.ts";

const lent: Runtime = withZlib(withText(withStartTls(bunRuntime)));
const runtime = (): Promise<Runtime> => Promise.resolve(lent);

/**
 * A WebSocket: a client's end made with `new`, or the server's end that `upgrade` hands to its `accept`.
 *
 * @example
 * ```ts ignore
 * import { Socket } from "@sockeye/ws/bun";
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
    super(new ClientStart(url, protocols, origin, runtime));
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
 * ```ts ignore
 * import { MemoryStream, Message, TEXT } from "@sockeye/ws/bun";
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
    super(type, masked, compress, maxSize, codecOf(runtime));
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
 * ```ts ignore
 * import { connect } from "@sockeye/ws/bun";
 *
 * const failed = await connect("ws://127.0.0.1:9/nobody-is-there").catch((error) => error.code);
 * console.assert(failed === "WS_CONNECT_FAILED");
 * ```
 */
export function connect(url: string | URL, origin?: string | RawOptions): Promise<RawStream> {
  return connectRaw(url, origin, runtime);
}

/**
 * An HTTP server for handlers and WebSockets.
 *
 * @example
 * ```ts ignore
 * import { Server } from "@sockeye/ws/bun";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": () => new Response("Hello") });
 * await server.start();
 * console.assert(server.address.transport === "tcp");
 * await server.close();
 * ```
 */
export class Server extends CoreServer {
  /**
   * Makes a server; `start` lets it listen.
   *
   * @param options The port, or the options.
   * @param handler A function, a chain (array), a routing (object) or a Handler.
   */
  constructor(options: number | ServerOptions, handler: HandlerLike) {
    super(options, handler, runtime);
  }
}

/**
 * A client for plain requests, to be given to `Socket` as `httpClient`: cookies that a request brought travel with the
 * handshake, through the same proxy and with the same TLS settings.
 *
 * @example Logging in before a handshake
 * ```ts ignore
 * import { HttpClient, Server, Socket, upgrade } from "@sockeye/ws/bun";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/login": (req) => req.response.addCookie({ name: "session", value: "1" }),
 *   "/ws": upgrade((conn, req) => conn.close(3000, req.cookies.get("session"))),
 * });
 * await server.start();
 *
 * const httpClient = new HttpClient();
 * await httpClient.post(`http://127.0.0.1:${server.port}/login`);
 * const conn = new Socket(server.url("/ws"), { httpClient });
 * const event = await new Promise<{ reason: string }>((resolve) => conn.onclose = resolve);
 * console.assert(event.reason === "1");
 * await server.close();
 * ```
 */
export class HttpClient extends CoreHttpClient {
  /**
   * Makes a client.
   *
   * @param options Where cookies are kept, the proxy, TLS settings, limits.
   * @throws {TypeError} When an option is unknown or of the wrong kind.
   * @throws {RangeError} When a number is out of range.
   * @throws {DOMException} Named `SyntaxError`, when the proxy's URL is malformed.
   */
  constructor(options: HttpClientOptions = {}) {
    super(options, runtime);
  }
}

export {
  /** The name that fibjs gives to `HttpClient`. */
  HttpClient as Client,
};
