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

import type { HandlerLike } from "./http/handler.ts";
import { Server as CoreServer, type ServerOptions } from "./http/server.ts";
import { currentRuntime } from "./runtime/current.ts";

export * from "./common_http.ts";
export type { Handler } from "./http/handler.ts";

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
