/**
 * The client's side of the opening handshake, from a URL to an open link.
 *
 * ```
 *   URL -> Runtime.connect -> request head -> Opening.readHead -> checkResponse -> SessionLink
 * ```
 */

import { HANDSHAKE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { confirmDeflate, type DeflateFactory, type DeflateSetup, offerDeflate } from "../protocol/deflate.ts";
import { checkResponse, createKey, requestHead } from "../protocol/handshake.ts";
import { formatHead, type ResponseHead } from "../protocol/head.ts";
import { formatExtensions } from "../protocol/headers.ts";
import { type DeflateSettings, deflateSetup } from "./deflate_options.ts";
import { abortError, reasonText } from "./abort.ts";
import { Opening } from "./opening.ts";
import { readRefusal } from "./refusal.ts";
import { type LinkOptions, SessionLink } from "./session_link.ts";
import { routeOf } from "./target.ts";
import { startTimeout } from "./timeout.ts";
import type { ClientTls, Runtime, Target, Transport } from "./transport.ts";

/** What a client asks for, and its limits. */
export interface ConnectOptions extends Omit<LinkOptions, "protocol" | "extensions" | "deflate"> {
  /** Compression to offer, where there is what compresses. Absent: none. */
  readonly compression?: DeflateSettings;
  /** Subprotocols to offer, the best first. @default {[]} */
  readonly protocols?: readonly string[];
  /** Value of `Origin`. Absent: none is sent. */
  readonly origin?: string;
  /** More fields for the request. */
  readonly headers?: Iterable<readonly [name: string, value: string]>;
  /** TLS settings for `wss:`. */
  readonly tls?: ClientTls;
  /** Milliseconds for the opening handshake, connecting included; 0 or Infinity for no limit. @default {10000} */
  readonly handshakeTimeout?: number;
  /** Bytes of the response's head. @default {16384} */
  readonly maxHeadSize?: number;
  /** Fields of the response's head. @default {128} */
  readonly maxHeadFields?: number;
}

/** A connection that a server has accepted. */
export interface Accepted {
  /** The connection. */
  readonly opening: Opening;
  /** The negotiated subprotocol, or "". */
  readonly protocol: string;
  /** The negotiated extensions, as the header names them. */
  readonly extensions: string;
  /** What was agreed on for compression. */
  readonly deflate?: DeflateSetup;
}

/**
 * Connects and makes the opening handshake. Rejects with a `WebSocketError`: `WS_CONNECT_FAILED`, `WS_HANDSHAKE_TIMEOUT`,
 * `WS_INVALID_HEAD`, `WS_HEAD_TOO_LARGE`, `WS_PEER_VANISHED`, `WS_INVALID_HANDSHAKE`, `WS_HANDSHAKE_REFUSED` (a
 * `HandshakeError` with the answer), or `WS_ABORTED` when `signal` aborts.
 */
export async function openHandshake(
  url: URL,
  options: ConnectOptions,
  connect: Runtime["connect"],
  signal: AbortSignal,
  factory?: DeflateFactory,
): Promise<Accepted> {
  const { target, host, path, authorization } = routeOf(url, options.tls);
  const protocols = options.protocols ?? [];
  const key = createKey();
  const { compression } = options;
  const offer = compression === undefined || factory === undefined
    ? undefined
    : offerDeflate(compression.wanted, factory);
  // Made before the connection: wrong fields are the caller's mistake and cost no connection.
  const request = requestHead({
    host,
    path,
    key,
    protocols,
    ...(offer === undefined ? {} : { extensions: formatExtensions([offer]) }),
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    fields: fieldsOf(options.headers ?? [], authorization),
  });
  const timeout = options.handshakeTimeout ?? HANDSHAKE_TIMEOUT;
  const deadline = new Deadline(timeout, signal);
  let transport: Transport | undefined;
  try {
    transport = await reach(url, target, connect, deadline);
    const opening = new Opening(transport);
    if (deadline.reason !== undefined) throw deadline.reason;
    deadline.signal.addEventListener("abort", () => opening.abort(deadline.reason));
    transport.write(formatHead(request), true);
    let head: ResponseHead;
    try {
      // 100 and 103 announce that another head comes (RFC 9110, section 15.2).
      do head = await opening.readHead("response", { ...options, timeout: 0 }); while (
        head.status < 200 && head.status !== 101
      );
    } catch (error) {
      throw deadline.reason ?? error;
    }
    const answer = checkResponse(head, { key, protocols });
    if (answer instanceof WebSocketError) throw await readRefusal(opening, head, answer, deadline.signal);
    const agreement = confirmDeflate(answer.extensions, offer);
    if (agreement instanceof WebSocketError) throw agreement;
    return {
      opening,
      protocol: answer.protocol,
      extensions: formatExtensions(answer.extensions),
      ...(agreement === undefined ? {} : { deflate: deflateSetup(compression!, factory!, agreement) }),
    };
  } catch (error) {
    transport?.abort();
    throw error;
  } finally {
    deadline.clear();
  }
}

/** The fields of the caller; those of the URL give way to them. */
function fieldsOf(
  headers: Iterable<readonly [name: string, value: string]>,
  authorization: string | undefined,
): readonly (readonly [name: string, value: string])[] {
  const fields = [...headers];
  const given = authorization === undefined || fields.some(([name]) => name.toLowerCase() === "authorization");
  return given ? fields : [...fields, ["Authorization", authorization]];
}

/** Connects, if it can be done in time. A transport that comes too late is dropped. */
function reach(url: URL, target: Target, connect: Runtime["connect"], deadline: Deadline): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(deadline.reason);
    if (deadline.reason !== undefined) return giveUp();
    deadline.signal.addEventListener("abort", giveUp);
    // Who connects may not look at the signal, or not in time.
    new Promise<Transport>((connected) => connected(connect(target, deadline.signal))).then((transport) => {
      if (deadline.reason === undefined) resolve(transport);
      else transport.abort();
    }, (cause) => {
      const message = `Cannot connect to ${url.href}: ${reasonText(cause)}`;
      reject(deadline.reason ?? new WebSocketError("WS_CONNECT_FAILED", message, { cause }));
    });
  });
}

/** Makes the link of a connection that a server has accepted. */
export function linkOf(
  accepted: Accepted,
  options: ConnectOptions,
  decodeAscii: Runtime["decodeAscii"] | undefined,
): SessionLink {
  return new SessionLink("client", accepted.opening, {
    ...(decodeAscii === undefined ? {} : { decodeAscii }),
    ...options,
    protocol: accepted.protocol,
    extensions: accepted.extensions,
    ...(accepted.deflate === undefined ? {} : { deflate: accepted.deflate }),
  });
}

/** Aborts at a time or with another signal, and keeps why. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #outer: AbortSignal;
  readonly #onabort: () => void;
  reason: WebSocketError | undefined;

  constructor(milliseconds: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#onabort = () => this.#abort(abortError(outer.reason));
    if (outer.aborted) this.#onabort();
    outer.addEventListener("abort", this.#onabort);
    this.#timer = startTimeout(milliseconds, () => {
      this.#abort(
        new WebSocketError("WS_HANDSHAKE_TIMEOUT", `Cannot connect: handshake not done within ${milliseconds} ms`),
      );
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #abort(reason: WebSocketError): void {
    this.reason ??= reason;
    this.#controller.abort(reason);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onabort);
  }
}
