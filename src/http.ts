/**
 * The HTTP side: a server, requests, handlers, chains and routing.
 *
 * @example A chain and a routing
 * ```ts
 * import { type HttpRequest, Server } from "@sockeye/ws/http";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, [
 *   (req: HttpRequest) => req.response.setHeader("x-served-by", "example"),
 *   { "/hello/:name": (_req: HttpRequest, name: string) => new Response(`Hello, ${name}`) },
 * ]);
 * await server.start();
 * const port = server.port;
 *
 * const response = await fetch(`http://127.0.0.1:${port}/hello/world`);
 * console.assert(await response.text() === "Hello, world");
 * await server.close();
 * ```
 *
 * @module
 */

import { HttpClient as CoreHttpClient, type HttpClientOptions } from "./http/client.ts";
import type { HandlerLike } from "./http/handler_types.ts";
import { Server as CoreServer, type ServerOptions } from "./http/server.ts";
import { currentRuntime } from "./runtime/current.ts";

export * from "./common_http.ts";
export type { Handler } from "./http/handler_types.ts";

/**
 * An HTTP server for handlers and WebSockets.
 *
 * @example
 * ```ts
 * import { Server } from "@sockeye/ws/http";
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
    super(options, handler, currentRuntime);
  }
}

/**
 * A client for plain requests, to be given to `Socket` as `httpClient`: cookies that a request brought travel with the
 * handshake, through the same proxy and with the same TLS settings.
 *
 * @example Logging in before a handshake
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { HttpClient, Server } from "@sockeye/ws/http";
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
    super(options, currentRuntime);
  }
}

export {
  /** The name that fibjs gives to `HttpClient`. */
  HttpClient as Client,
};
