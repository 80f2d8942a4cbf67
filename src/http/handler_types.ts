/** What handlers are, as applications write them; `handler.ts` makes them of each other. */

import type { HttpRequest } from "./request.ts";

/**
 * What handlers handle: an `HttpRequest`, or another thing with a value to route by, such as a `Message`.
 *
 * @example
 * ```ts
 * import type { Routable } from "@sockeye/ws/http";
 *
 * const where = (req: Routable): string => `${req.value} (${req.params.length} parameters)`;
 * console.assert(where({ value: "/a", params: ["1"], end() {}, isEnded: () => false }) === "/a (1 parameters)");
 * ```
 */
export interface Routable {
  /** What patterns are matched against. */
  value: string;
  /** What the pattern that led to a handler captured. */
  params: readonly (string | undefined)[];
  /** Ends it: the next handlers of a chain do not get it. */
  end(): void;
  /** Whether it has ended. */
  isEnded(): boolean;
}

/**
 * What a handler gives back: another handler for the same request, or nothing.
 *
 * @example
 * ```ts
 * import { type Handler, handler, type Next } from "@sockeye/ws/http";
 *
 * const hello = handler(() => new Response("Hello"));
 * const door: Handler = { invoke: (req): Next => req.cookies.has("session") ? hello : undefined };
 * console.assert(handler(door) === door);
 * ```
 */
export type Next<V extends Routable = HttpRequest> = Handler<V> | undefined | void;

/**
 * Something that handles requests.
 *
 * @example
 * ```ts
 * import { type HttpHandler, Routing } from "@sockeye/ws/http";
 *
 * const teapot: HttpHandler = {
 *   invoke(req) {
 *     req.response.statusCode = 418;
 *     req.end();
 *   },
 * };
 * const app = new Routing({ "/tea": teapot });
 * console.assert(typeof app.invoke === "function");
 * ```
 */
export interface Handler<V extends Routable = HttpRequest> {
  /** Does its part of the work. What it gives back is invoked next, with the same request. */
  invoke(req: V): Next<V> | Promise<Next<V>>;
}

/**
 * What a function may give back: a `Response` (which ends the request), what can be made a handler, or nothing.
 *
 * @example
 * ```ts
 * import { handler, type HandlerResult, type HttpRequest } from "@sockeye/ws/http";
 *
 * const forAdmins = { "/": () => new Response("Hello, admin") };
 * const app = handler((req: HttpRequest): HandlerResult =>
 *   req.cookies.has("admin") ? forAdmins : new Response("No", { status: 403 })
 * );
 * console.assert(typeof app.invoke === "function");
 * ```
 */
export type HandlerResult<V extends Routable = HttpRequest> = HandlerLike<V> | Response | undefined | null | void;

/**
 * A function that handles requests. It gets the request, and what the pattern captured; what an optional parameter did
 * not capture is `undefined`.
 *
 * @example
 * ```ts
 * import { handler, type HandlerFunction } from "@sockeye/ws/http";
 *
 * const greet: HandlerFunction = (_req, name) => new Response(`Hello ${name}`);
 * console.assert(typeof handler({ "/hello/:name": greet }).invoke === "function");
 * ```
 */
export type HandlerFunction<V extends Routable = HttpRequest> = (
  req: V,
  ...params: string[]
) => HandlerResult<V> | Promise<HandlerResult<V>>;

/**
 * Handlers by their patterns, in the order in which they are tried.
 *
 * @example
 * ```ts
 * import { type RouteMap, Routing } from "@sockeye/ws/http";
 *
 * const routes: RouteMap = {
 *   "/a/:id": (_req, id) => new Response(id),
 *   "*": () => new Response("Not here", { status: 404 }),
 * };
 * console.assert(typeof new Routing(routes).invoke === "function");
 * ```
 */
export interface RouteMap<V extends Routable = HttpRequest> {
  /** The handler of a pattern. */
  readonly [pattern: string]: HandlerLike<V>;
}

/**
 * What can be made a handler: a function, an array (`Chain`), an object (`Routing`), or a handler.
 *
 * @example
 * ```ts
 * import { handler, type HandlerLike } from "@sockeye/ws/http";
 *
 * const app: HandlerLike = [(req) => req.response.setHeader("x-served-by", "me"), { "/": () => new Response("Hello") }];
 * console.assert(typeof handler(app).invoke === "function");
 * ```
 */
export type HandlerLike<V extends Routable = HttpRequest> =
  | Handler<V>
  | HandlerFunction<V>
  | readonly HandlerLike<V>[]
  | RouteMap<V>;
