/**
 * Handlers in another server than ours: what the mounts of all runtimes have in common.
 *
 * ```
 *   mount(handler) -> Mount -> HttpHost -.- accept(transport, head)   bytes: our own protocol (node:http)
 *                                        `- serve(incoming)           the platform's WebSockets (Deno.serve, Bun.serve)
 * ```
 */

import { HANDSHAKE_TIMEOUT } from "../protocol/constants.ts";
import { Fields, type RequestHead } from "../protocol/head.ts";
import { checkNames, checkNumber, checkType } from "../socket/check.ts";
import { codecOf } from "../socket/message_codec.ts";
import type { Socket } from "../socket/socket.ts";
import type { Runtime } from "../socket/transport.ts";
import { ownFields } from "./answer.ts";
import { broadcast, type BroadcastOptions } from "./broadcast.ts";
import type { ErrorReporter } from "./dispatch.ts";
import { handler as toHandler } from "./handler.ts";
import type { HandlerLike } from "./handler_types.ts";
import { checkClose, type CloseOptions, HttpHost, MAX_BODY_SIZE } from "./host.ts";
import { type Incoming, MountedRequest } from "./mounted.ts";
import type { HttpResponse } from "./response.ts";

/**
 * Options of every mount.
 *
 * @example
 * ```ts
 * import { mount, type MountOptions } from "@sockeye/ws/mount/node";
 *
 * const options: MountOptions = { maxBodySize: 65_536, onerror: (error, req) => console.error(req.address, error) };
 * console.assert(mount({}, options).clients.size === 0);
 * ```
 */
export interface MountOptions {
  /** Bytes of the body of a request; 413 above. @default {1048576} */
  readonly maxBodySize?: number;
  /** Gets what handlers throw. @default prints it on the console */
  readonly onerror?: ErrorReporter;
}

/** What the connections of a mount share. */
export let hostOf: (mount: Mount) => HttpHost;

/**
 * Handlers that another server hands its requests to.
 *
 * @example
 * ```ts
 * import { type Mount, mount } from "@sockeye/ws/mount/node";
 *
 * const shut = (mounted: Mount) => mounted.close({ reason: "back soon" });
 * await shut(mount({}));
 * ```
 */
export class Mount implements AsyncDisposable {
  readonly #host: HttpHost;

  /**
   * Makes a mount. `known` are the names of options that only some mounts have.
   *
   * @throws {TypeError} When an option is unknown or of the wrong kind, or the handler is none.
   * @throws {RangeError} When a number is out of range.
   * @throws {SyntaxError} When a pattern of the handler cannot be compiled.
   */
  constructor(handler: HandlerLike, options: MountOptions, runtime: Runtime, known: readonly string[] = []) {
    checkNames("mount", options, new Set(["maxBodySize", "onerror", ...known]));
    checkType("onerror", options.onerror, "function");
    const maxBodySize = checkNumber("maxBodySize", options.maxBodySize ?? MAX_BODY_SIZE);
    const lent = (): Promise<Runtime> => Promise.resolve(runtime);
    const limits = { maxBodySize, timeout: HANDSHAKE_TIMEOUT };
    this.#host = new HttpHost(limits, false, options.onerror, toHandler(handler), codecOf(lent));
    this.#host.runtime = runtime;
  }

  static {
    hostOf = (mount) => mount.#host;
  }

  /** The WebSockets that are open or closing. */
  get clients(): ReadonlySet<Socket> {
    return this.#host.clients;
  }

  /**
   * Sends a message to all clients that are open, as that of `Server` does. Returns to how many.
   *
   * @throws {TypeError} For what `prepare` does not take, and when an option is unknown or of the wrong kind.
   */
  broadcast(data: unknown, options: BroadcastOptions = {}): number {
    return broadcast(this.#host.sockets, data, options);
  }

  /**
   * Ends what is open, as that of `Server` does: sends a Close frame on each WebSocket, lets requests that are being handled
   * be answered, and cuts what is left at the deadline. From now on nothing is upgraded (503). The server it is mounted in
   * is its owner's to close.
   *
   * @throws {TypeError} Rejects with it when an option is unknown or of the wrong kind.
   * @throws {RangeError} Rejects with it when the code is none that may be sent, the reason is too long, or the deadline is
   * no number of at least 0.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#host.close(checkClose("close the mount", options));
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Serves a request that another server has read: resolves with the answer, or with nothing when it is a WebSocket. */
export function serve(mount: Mount, incoming: Incoming): Promise<HttpResponse | undefined> {
  return new MountedRequest(hostOf(mount), incoming).serve();
}

/** The head of a web `Request`. */
export function headOf({ method, url, headers }: Request): RequestHead {
  const path = url.indexOf("/", url.indexOf("//") + 2);
  return {
    kind: "request",
    version: "1.1",
    method,
    target: path === -1 ? "/" : url.slice(path),
    fields: new Fields(headers),
  };
}

/** The fields of an answer that another server sends, which frames it as it likes. */
export function answerFields(response: HttpResponse): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (const [name, value] of ownFields(response)) fields.push([name, value]);
  // To name a protocol is to say so (RFC 9110, 7.8).
  if (response.hasHeader("upgrade")) fields.push(["Connection", "upgrade"]);
  return fields;
}

/** An answer as the web has it. */
export function toResponse(response: HttpResponse): Response {
  const { statusCode: status } = response;
  const body = status === 204 || status === 304 ? null : response.body as Uint8Array<ArrayBuffer> | null;
  return new Response(body, { status, headers: new Headers(answerFields(response)) });
}
