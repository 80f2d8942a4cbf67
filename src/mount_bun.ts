/**
 * Handlers in `Bun.serve`, and in all that has a fetch handler there: Hono, Elysia.
 *
 * Bun hands out finished WebSockets, so that what it cannot do, they cannot: `docs/mounts.md` of the repository has the
 * table. `@sockeye/ws/mount/node` mounts in `node:http` of Bun without these limits.
 *
 * @example
 * ```ts ignore
 * import { upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/bun";
 *
 * const ws = mount({
 *   "/echo": upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 * });
 * Bun.serve({ port: 8080, fetch: ws.fetch, websocket: ws.websocket });
 * ```
 *
 * @module
 */

import type { Acceptance } from "./http/exchange.ts";
import type { HandlerLike } from "./http/handler_types.ts";
import { headOf, Mount, type MountOptions, serve, toResponse } from "./http/mount.ts";
import { MAX_PAYLOAD } from "./protocol/constants.ts";
import { withText } from "./runtime/text.ts";
import { bunRuntime } from "./runtime/bun.ts";
import { type BunHandlers, bunHandlers, BunSocket } from "./runtime/bun_socket.ts";
import { withZlib } from "./runtime/zlib.ts";
import { checkCount, checkType } from "./socket/check.ts";
import type { Endpoint } from "./socket/transport.ts";

export type { HandlerLike } from "./http/handler_types.ts";
export type { CloseOptions } from "./http/host.ts";
export type { Mount, MountOptions } from "./http/mount.ts";
export type { BunHandlers, BunWebSocket } from "./runtime/bun_socket.ts";
export type * from "./types.ts";

/**
 * Options of a mount in `Bun.serve`, which has them for all of its WebSockets at once.
 *
 * @example
 * ```ts
 * import { type BunMountOptions, mount } from "@sockeye/ws/mount/bun";
 *
 * const options: BunMountOptions = { perMessageDeflate: true, maxPayload: 65_536 };
 * console.assert(mount({}, options).websocket.maxPayloadLength === 65_536);
 * ```
 */
export interface BunMountOptions extends MountOptions {
  /** Compression, as Bun does it; the option of `upgrade` is not asked. @default {false} */
  readonly perMessageDeflate?: boolean;
  /** Bytes of one received message; Bun ends the connection above. That of `upgrade` holds too. @default {67108864} */
  readonly maxPayload?: number;
}

/**
 * The server of `Bun.serve`: the members that are used.
 *
 * @example
 * ```ts
 * import { type BunServer, mount } from "@sockeye/ws/mount/bun";
 *
 * const server: BunServer = { upgrade: () => false, requestIP: () => null };
 * const response = await mount(() => new Response("Hello")).fetch(new Request("http://localhost/"), server);
 * console.assert(await response?.text() === "Hello");
 * ```
 */
export interface BunServer {
  /** Makes a WebSocket of a request. */
  upgrade(request: Request, options: { data: unknown; headers: Headers }): boolean;
  /** The other end. */
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
}

/**
 * What `Bun.serve` takes as `websocket`.
 *
 * @example
 * ```ts
 * import { type BunWebSocketOptions, mount } from "@sockeye/ws/mount/bun";
 *
 * const websocket: BunWebSocketOptions = mount({}).websocket;
 * console.assert(websocket.idleTimeout === 0);
 * ```
 */
export interface BunWebSocketOptions extends BunHandlers {
  /** Never: `heartbeat` of `upgrade` is what finds dead peers. */
  readonly idleTimeout: 0;
  /** None: it would drop messages. `maxBufferedAmount` of `upgrade` is what ends connections. */
  readonly backpressureLimit: 0;
  /** Bytes of one received message. */
  readonly maxPayloadLength: number;
  /** Whether Bun compresses. */
  readonly perMessageDeflate: boolean;
}

/**
 * Handlers that `Bun.serve` hands its requests to.
 *
 * @example
 * ```ts
 * import { type BunMount, mount } from "@sockeye/ws/mount/bun";
 *
 * const ws: BunMount = mount({});
 * console.assert(typeof ws.websocket.open === "function");
 * ```
 */
export class BunMount extends Mount {
  /**
   * A handler of requests, for `Bun.serve` and what routes before it. Resolves with what the handlers answer, with 404
   * where no pattern matches, and with nothing when the request has become a WebSocket. Never rejects.
   */
  readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>;
  /** The functions and options for `Bun.serve`. */
  readonly websocket: BunWebSocketOptions;

  /** Makes a mount; throws as `mount` does. */
  constructor(handler: HandlerLike, options: BunMountOptions) {
    super(handler, options, withZlib(withText(bunRuntime)), ["perMessageDeflate", "maxPayload"]);
    checkType("perMessageDeflate", options.perMessageDeflate, "boolean");
    this.websocket = {
      ...bunHandlers,
      idleTimeout: 0,
      backpressureLimit: 0,
      maxPayloadLength: checkCount("maxPayload", options.maxPayload ?? MAX_PAYLOAD),
      perMessageDeflate: options.perMessageDeflate ?? false,
    };
    this.fetch = async (request, server) => {
      const response = await serve(this, {
        head: headOf(request),
        secure: request.url.startsWith("https:"),
        remote: remoteOf(server.requestIP(request)),
        body: request.body as AsyncIterable<Uint8Array> | null,
        signal: () => request.signal,
        upgrade: (acceptance: Acceptance) => upgradeRequest(request, server, acceptance),
      });
      return response === undefined ? undefined : toResponse(response);
    };
  }
}

/**
 * Makes a mount of a function, a chain (array), a routing (object) or a Handler.
 *
 * @param handler What handles requests; `upgrade(...)` makes handlers that accept WebSockets.
 * @throws {TypeError} When an option is unknown or of the wrong kind, or the handler is none.
 * @throws {RangeError} When a number is out of range.
 * @throws {SyntaxError} When a pattern of the handler cannot be compiled.
 *
 * @example
 * ```ts ignore
 * import { upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/bun";
 *
 * const { fetch, websocket } = mount({ "/ws": upgrade((conn) => conn.send("welcome")) });
 * Bun.serve({ port: 8080, fetch, websocket });
 * ```
 */
export function mount(handler: HandlerLike, options: BunMountOptions = {}): BunMount {
  return new BunMount(handler, options);
}

function upgradeRequest(request: Request, server: BunServer, { fields, link }: Acceptance): BunSocket {
  const headers = new Headers(Array.from(fields, ([name, value]) => [name, value]));
  // Without it Bun takes the first that is offered; of an empty one it sends none.
  headers.set("Sec-WebSocket-Protocol", link.protocol ?? "");
  const data = new BunSocket(link.protocol ?? "");
  if (server.upgrade(request, { data, headers })) return data;
  throw new TypeError("Cannot upgrade: Bun refuses, as the request has been answered or upgraded");
}

function remoteOf(from: ReturnType<BunServer["requestIP"]>): Endpoint | undefined {
  return from === null ? undefined : { transport: "tcp", hostname: from.address, port: from.port };
}
