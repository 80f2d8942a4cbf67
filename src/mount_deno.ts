/**
 * Handlers in `Deno.serve`, and in all that has a fetch handler there: Hono, Oak.
 *
 * Deno hands out finished WebSockets, so that what it cannot do, they cannot: `docs/mounts.md` of the repository has the
 * table. `@sockeye/ws/mount/node` mounts in `node:http` of Deno without these limits.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/deno";
 *
 * const ws = mount({
 *   "/echo": upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 * });
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ws.fetch);
 *
 * const conn = new Socket(`ws://127.0.0.1:${server.addr.port}/echo`);
 * conn.onopen = () => conn.send("Hello");
 * const event = await new Promise<{ data: unknown }>((resolve) => conn.onmessage = resolve);
 * console.assert(event.data === "Hello");
 *
 * await ws.close();
 * await server.shutdown();
 * ```
 *
 * @module
 */

import type { Acceptance } from "./http/exchange.ts";
import type { HandlerLike } from "./http/handler_types.ts";
import { headOf, Mount, type MountOptions, serve, toResponse } from "./http/mount.ts";
import { withText } from "./runtime/text.ts";
import { denoRuntime } from "./runtime/deno.ts";
import { type DenoUpgrade, upgradeRequest } from "./runtime/deno_upgrade.ts";
import { withZlib } from "./runtime/zlib.ts";
import type { Endpoint } from "./socket/transport.ts";

export type { HandlerLike } from "./http/handler_types.ts";
export type { CloseOptions } from "./http/host.ts";
export type { Mount, MountOptions } from "./http/mount.ts";
export type * from "./types.ts";

/**
 * What `Deno.serve` tells of a request beside it.
 *
 * @example
 * ```ts
 * import { mount, type ServeInfo } from "@sockeye/ws/mount/deno";
 *
 * const info: ServeInfo = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 80 } };
 * const ws = mount((req) => new Response(JSON.stringify(req.remote)));
 * const response = await ws.fetch(new Request("http://localhost/"), info);
 * console.assert((await response.json()).port === 80);
 * ```
 */
export interface ServeInfo {
  /** The other end. */
  readonly remoteAddr?: { readonly transport: string; readonly hostname?: string; readonly port?: number };
}

/**
 * Handlers that `Deno.serve` hands its requests to.
 *
 * @example
 * ```ts
 * import { type DenoMount, mount } from "@sockeye/ws/mount/deno";
 *
 * const ws: DenoMount = mount(() => new Response("Hello"));
 * console.assert(await (await ws.fetch(new Request("http://localhost/"))).text() === "Hello");
 * ```
 */
export class DenoMount extends Mount {
  /**
   * A handler of requests, for `Deno.serve` and what routes before it. Resolves with what the handlers answer, with 404
   * where no pattern matches. Never rejects.
   */
  readonly fetch: (request: Request, info?: ServeInfo) => Promise<Response>;

  /** Makes a mount; throws as `mount` does. */
  constructor(handler: HandlerLike, options: MountOptions) {
    super(handler, options, withZlib(withText(denoRuntime)));
    this.fetch = async (request, info) => {
      let made: DenoUpgrade | undefined;
      const response = await serve(this, {
        head: headOf(request),
        secure: request.url.startsWith("https:"),
        remote: remoteOf(info),
        body: request.body,
        signal: () => request.signal,
        upgrade: ({ fields, link, heartbeat }: Acceptance) => {
          made = upgradeRequest(request, link.protocol ?? "", fields, heartbeat);
          return made.socket;
        },
      });
      return response === undefined ? made!.response : toResponse(response);
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
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/deno";
 *
 * const ws = mount({ "/ws": upgrade((conn) => conn.send("welcome")) });
 * const response = await ws.fetch(new Request("http://localhost/ws", { headers: { host: "localhost" } }));
 * console.assert(response.status === 426);
 * ```
 */
export function mount(handler: HandlerLike, options: MountOptions = {}): DenoMount {
  return new DenoMount(handler, options);
}

function remoteOf(info: ServeInfo | undefined): Endpoint | undefined {
  const { transport, hostname, port } = info?.remoteAddr ?? {};
  if (transport !== "tcp" || hostname === undefined || port === undefined) return undefined;
  return { transport, hostname, port };
}
