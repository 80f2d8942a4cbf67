/**
 * One request that another server has read: its answer goes back by that server, and where it becomes a WebSocket, that is
 * one of the platform's.
 *
 * ```
 *   Deno.serve, Bun.serve, node:http -> Incoming -> MountedRequest -> handlers -> HttpResponse -> that server
 *                                                        `-> upgrade -> PlatformSocket -> NativeLink -> Socket
 * ```
 */

import { OPEN } from "../protocol/constants.ts";
import type { RequestHead } from "../protocol/head.ts";
import type { Link } from "../socket/link.ts";
import type { CodecProvider } from "../socket/message.ts";
import { NativeLink, notSupported } from "../socket/native_link.ts";
import type { Socket } from "../socket/socket.ts";
import type { Endpoint, PlatformSocket } from "../socket/transport.ts";
import { dispatch, safely } from "./dispatch.ts";
import type { Member } from "./connection.ts";
import { type Acceptance, type Exchange, RequestError } from "./exchange.ts";
import type { HttpHost, Served } from "./host.ts";
import { HttpRequest } from "./request.ts";
import { type HttpResponse, join } from "./response.ts";

/** A request as another server hands it over. */
export interface Incoming {
  /** Its head. */
  readonly head: RequestHead;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** The other end. */
  readonly remote?: Endpoint | undefined;
  /** The body; `null` when there is none. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** What aborts when the peer is gone; only asked where somebody wants to know. It may abort behind the answer too. */
  signal(): AbortSignal;
  /**
   * Makes a WebSocket of it, which may open later. Throws a `DOMException` named `NotSupportedError` for what the platform
   * cannot do.
   */
  upgrade(acceptance: Acceptance): PlatformSocket;
}

/** What no platform's WebSocket obeys. */
const DEAF_TO = ["maxFragments", "messageTimeout", "streaming"] as const;

/** One request of another server. */
export class MountedRequest implements Exchange, Served {
  /** {@inheritDoc Listed.place} */
  place = -1;
  /** {@inheritDoc Awaited.since} */
  since: number = Infinity;
  readonly #host: HttpHost;
  readonly #incoming: Incoming;
  #ongone: ((reason: unknown) => void) | undefined;
  #gone: { readonly reason: unknown } | undefined;
  #request: HttpRequest | undefined;
  #state: "http" | "open" | "over" = "http";
  #link: MountedLink | undefined;
  #taken: (() => void) | undefined;
  #unlisten: (() => void) | undefined;

  /** Takes a request. */
  constructor(host: HttpHost, incoming: Incoming) {
    this.#host = host;
    this.#incoming = incoming;
  }

  /** Runs the handlers. Resolves with the answer, or with nothing once it is a WebSocket. Never rejects. */
  async serve(): Promise<HttpResponse | undefined> {
    this.#host.entered(this);
    const req = this.#request = new HttpRequest(this);
    // The platform opens the WebSocket when it has the answer; the handlers have it when it is open.
    const taken = new Promise<void>((resolve) => this.#taken = resolve);
    await Promise.race([dispatch(this.#host.handler, req), taken]);
    this.#unlisten?.();
    if (this.#state !== "http") return undefined;
    this.#host.left(this);
    return req.response;
  }

  /** {@inheritDoc Served.hurry} */
  hurry(): void {}

  /** {@inheritDoc Awaited.late} */
  late(): void {}

  /** {@inheritDoc Served.cut} */
  cut(reason: unknown): void {
    if (this.#gone !== undefined) return;
    this.#gone = { reason };
    this.#host.left(this);
    this.#ongone?.(reason);
  }

  /** {@inheritDoc Exchange.head} */
  get head(): RequestHead {
    return this.#incoming.head;
  }

  /** {@inheritDoc Exchange.secure} */
  get secure(): boolean {
    return this.#incoming.secure;
  }

  /** {@inheritDoc Exchange.remote} */
  get remote(): Endpoint | undefined {
    return this.#incoming.remote;
  }

  /** {@inheritDoc Exchange.codec} */
  get codec(): CodecProvider {
    return this.#host.codec;
  }

  /** {@inheritDoc Exchange.ongone} */
  get ongone(): ((reason: unknown) => void) | undefined {
    return this.#ongone;
  }
  set ongone(callback: ((reason: unknown) => void) | undefined) {
    this.#ongone = callback;
    if (this.#gone !== undefined) callback?.(this.#gone.reason);
    else if (this.#unlisten === undefined) this.#listen();
  }

  #listen(): void {
    const signal = this.#incoming.signal();
    const onabort = (): void => this.cut(signal.reason);
    this.#unlisten = () => signal.removeEventListener("abort", onabort);
    if (signal.aborted) onabort();
    else signal.addEventListener("abort", onabort);
  }

  /** {@inheritDoc Exchange.readBody} */
  async readBody(): Promise<Uint8Array> {
    const { maxBodySize } = this.#host.limits;
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.#incoming.body ?? []) {
        size += chunk.length;
        if (size > maxBodySize) break;
        chunks.push(chunk);
      }
    } catch (cause) {
      throw new RequestError(400, "Cannot read the body: the peer left before it was whole", { cause });
    }
    if (size <= maxBodySize) return join(chunks);
    throw new RequestError(413, `Cannot read the body: it is over the limit of ${maxBodySize} bytes (maxBodySize)`);
  }

  /** {@inheritDoc Exchange.takeOver} */
  takeOver(acceptance: Acceptance): Link | Promise<Link> {
    if (this.#state !== "http") throw new TypeError("Cannot upgrade: this connection was upgraded before");
    if (this.#gone !== undefined) throw new RequestError(400, "Cannot upgrade: the peer is gone");
    if (this.#host.closing) throw new RequestError(503, "Cannot upgrade: the server is closing");
    for (const name of DEAF_TO) {
      if (acceptance.link[name] === undefined) continue;
      throw notSupported(`Cannot use the option ${name}: the platform's WebSocket does not obey it`);
    }
    const socket = this.#incoming.upgrade(acceptance);
    const link = this.#link = new MountedLink(socket, acceptance.link, () => {
      this.#state = "over";
      this.#host.closed(link);
    });
    this.#state = "open";
    this.#taken?.();
    if (socket.readyState === OPEN) return link;
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(link));
      socket.addEventListener("close", () => {
        this.#host.left(this);
        reject(new RequestError(400, "Cannot upgrade: the peer is gone"));
      });
    });
  }

  /** {@inheritDoc Exchange.accepted} */
  accepted(socket: Socket): void {
    const link = this.#link!;
    link.socket = socket;
    if (this.#state === "open") this.#host.opened(link);
    this.#host.left(this);
  }

  /** {@inheritDoc Exchange.report} */
  report(error: unknown): void {
    safely(this.#host.report, error, this.#request!);
  }
}

/** A link that tells when it is over, whether or not anybody listens to its socket. */
class MountedLink extends NativeLink implements Member {
  readonly #onended: () => void;
  place = -1;
  socket!: Socket;

  constructor(socket: PlatformSocket, options: Acceptance["link"], onended: () => void) {
    super(socket, options);
    this.#onended = onended;
  }

  protected override ended(): void {
    this.#onended();
  }
}
