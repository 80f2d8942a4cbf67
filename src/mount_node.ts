/**
 * Handlers in a server of `node:http` or `node:https`, and in all that is built on one: Express, Fastify, Koa, Hono, Vite.
 * Also on Deno and Bun, where they have `node:http`.
 *
 * The connections speak our own protocol over the bytes of the server's: all options of `upgrade` hold.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import type { AddressInfo } from "node:net";
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/node";
 *
 * const ws = mount({
 *   "/echo": upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 * });
 * const server = createServer((_req, res) => res.end("Hello"));
 * server.on("upgrade", ws.upgrade);
 * await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 *
 * const conn = new Socket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/echo`);
 * conn.onopen = () => conn.send("Hello");
 * const event = await new Promise<{ data: unknown }>((resolve) => conn.onmessage = resolve);
 * console.assert(event.data === "Hello");
 *
 * await ws.close();
 * server.close();
 * ```
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HandlerLike } from "./http/handler_types.ts";
import { answerFields, hostOf, Mount, type MountOptions, serve } from "./http/mount.ts";
import { Fields, type RequestHead } from "./protocol/head.ts";
import { withText } from "./runtime/text.ts";
import { fromSocket, nodeRuntime } from "./runtime/node.ts";
import { withZlib } from "./runtime/zlib.ts";
import { notSupported } from "./socket/native_link.ts";
import type { Endpoint } from "./socket/transport.ts";

export type { HandlerLike } from "./http/handler_types.ts";
export type { CloseOptions } from "./http/host.ts";
export type { Mount, MountOptions } from "./http/mount.ts";
export type * from "./types.ts";

/**
 * Handlers that a server of `node:http` hands its requests to.
 *
 * @example
 * ```ts
 * import { mount, type NodeMount } from "@sockeye/ws/mount/node";
 *
 * const ws: NodeMount = mount(() => new Response("Hello"));
 * console.assert(ws.clients.size === 0);
 * ```
 */
export class NodeMount extends Mount {
  /**
   * A listener of the event `upgrade`: `server.on("upgrade", ws.upgrade)`. Answers every request that it gets, with 404
   * where no pattern matches; where others listen too, ask for the path before.
   */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
  /**
   * A listener of the event `request`, for plain requests: what the handlers answer, such as 426 to one that asks for no
   * WebSocket. `createServer(ws.request)`, or a route of a framework.
   */
  readonly request: (req: IncomingMessage, res: ServerResponse) => void;

  /** Makes a mount; throws as `mount` does. */
  constructor(handler: HandlerLike, options: MountOptions) {
    super(handler, options, withZlib(withText(nodeRuntime)));
    this.upgrade = (req, socket, head) => {
      const secure = isSecure(req);
      hostOf(this).accept(fromSocket(socket, head), { head: headOf(req), secure });
    };
    this.request = (req, res) => void this.#answer(req, res);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const gone = new AbortController();
    res.once("close", () => gone.abort(new Error("The peer is gone")));
    const response = await serve(this, {
      head: headOf(req),
      secure: isSecure(req),
      remote: remoteOf(req),
      body: req,
      signal: () => gone.signal,
      upgrade: () => {
        throw notSupported("Cannot upgrade: the request came by the event request, wanted upgrade");
      },
    });
    // Nothing is upgraded here.
    const { statusCode, body } = response!;
    const fields: Record<string, string[]> = {};
    for (const [name, value] of answerFields(response!)) (fields[name] ??= []).push(value);
    res.writeHead(statusCode, fields);
    if (!(body instanceof ReadableStream)) {
      res.end(body ?? undefined);
      return;
    }
    try {
      await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), res);
    } catch (error) {
      // The peer sees that the answer is not whole: the pipeline has destroyed the connection.
      if (!gone.signal.aborted) console.error(`Cannot answer ${req.method} ${req.url}:`, error);
    }
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
 * import { createServer } from "node:http";
 * import { upgrade } from "@sockeye/ws";
 * import { mount } from "@sockeye/ws/mount/node";
 *
 * const ws = mount({ "/ws": upgrade((conn) => conn.send("welcome")) });
 * const server = createServer(ws.request).on("upgrade", ws.upgrade);
 * console.assert(server.listenerCount("upgrade") === 1);
 * ```
 */
export function mount(handler: HandlerLike, options: MountOptions = {}): NodeMount {
  return new NodeMount(handler, options);
}

function headOf({ method = "GET", url = "/", rawHeaders, httpVersionMinor }: IncomingMessage): RequestHead {
  const fields = new Fields();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) fields.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return { kind: "request", version: httpVersionMinor === 0 ? "1.0" : "1.1", method, target: url, fields };
}

function isSecure({ socket }: IncomingMessage): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}

function remoteOf({ socket: { remoteAddress, remotePort } }: IncomingMessage): Endpoint | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { transport: "tcp", hostname: remoteAddress, port: remotePort };
}
