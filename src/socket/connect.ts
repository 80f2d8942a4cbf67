/**
 * The client's side of the opening handshake, from a URL to an open link.
 *
 * ```
 *   URL -> Runtime.connect -> request head -> Opening.readHead -> checkResponse -> SessionLink
 *    ^                                              |
 *    `-------------- nextHop: redirects ------------'
 * ```
 */

import { HANDSHAKE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { createKey } from "../protocol/accept_key.ts";
import type { DeflateFactory } from "../protocol/codec.ts";
import { confirmDeflate, type DeflateSetup, offerDeflate } from "../protocol/deflate.ts";
import { checkResponse, requestHead } from "../protocol/handshake.ts";
import { formatHead, type ResponseHead } from "../protocol/head.ts";
import { formatExtensions } from "../protocol/headers.ts";
import { type DeflateSettings, deflateSetup } from "./deflate_options.ts";
import { Deadline, reach } from "./deadline.ts";
import { fieldsOf, firstHop, type Hop, keepCookies, MAX_REDIRECTS, nextHop } from "./hops.ts";
import type { CookieStore } from "./http_client.ts";
import { Opening } from "./opening.ts";
import { readRefusal } from "./refusal.ts";
import type { LinkOptions } from "./link_options.ts";
import { SessionLink } from "./session_link.ts";
import { routeOf } from "./target.ts";
import type { ClientTls, Runtime } from "./transport.ts";

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
  /** Lends cookies, and keeps those that come. Absent: none. */
  readonly cookieJar?: CookieStore;
  /** How many redirects are followed. @default {10} */
  readonly maxRedirects?: number;
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
 * Connects and makes the opening handshake, where redirects lead. Rejects with a `WebSocketError`: `WS_CONNECT_FAILED`,
 * `WS_HANDSHAKE_TIMEOUT`, `WS_INVALID_HEAD`, `WS_HEAD_TOO_LARGE`, `WS_PEER_VANISHED`, `WS_INVALID_HANDSHAKE`,
 * `WS_HANDSHAKE_REFUSED` (a `HandshakeError` with the answer), or `WS_ABORTED` when `signal` aborts.
 */
export async function openHandshake(
  url: URL,
  options: ConnectOptions,
  connect: Runtime["connect"],
  signal: AbortSignal,
  factory?: DeflateFactory,
): Promise<Accepted> {
  const deadline = new Deadline(options.handshakeTimeout ?? HANDSHAKE_TIMEOUT, signal, "handshake not done");
  const { maxRedirects = MAX_REDIRECTS } = options;
  try {
    let hop = firstHop(url, options.headers ?? [], options.tls);
    for (let redirects = 0;; redirects++) {
      const result = await ask(hop, maxRedirects - redirects, options, connect, deadline, factory);
      if ("opening" in result) return result;
      hop = result;
    }
  } finally {
    deadline.clear();
  }
}

/** Makes one request. Resolves with the accepted connection, or with the next request that a redirect leads to. */
async function ask(
  hop: Hop,
  redirects: number,
  options: ConnectOptions,
  connect: Runtime["connect"],
  deadline: Deadline,
  factory: DeflateFactory | undefined,
): Promise<Accepted | Hop> {
  const { target, host, path } = routeOf(hop.url, hop.tls);
  const { compression, protocols = [], cookieJar } = options;
  const key = createKey();
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
    fields: await fieldsOf(hop, cookieJar, deadline),
  });
  const transport = await reach(hop.url.href, target, connect, deadline);
  const opening = new Opening(transport);
  const giveUp = (): void => opening.abort(deadline.reason);
  deadline.signal.addEventListener("abort", giveUp);
  try {
    if (deadline.reason !== undefined) throw deadline.reason;
    transport.write(formatHead(request), true);
    let head: ResponseHead;
    try {
      // 100 and 103 announce that another head comes (RFC 9110, section 15.2).
      do head = await opening.readHead("response", options); while (
        head.status < 200 && head.status !== 101
      );
    } catch (error) {
      throw deadline.reason ?? error;
    }
    await keepCookies(hop, head, cookieJar, deadline);
    const next = nextHop(hop, head);
    if (typeof next === "object" && redirects > 0) {
      transport.abort();
      return next;
    }
    const answer = checkResponse(head, { key, protocols });
    if (answer instanceof WebSocketError) {
      const why = next === undefined ? "" : `, ${typeof next === "string" ? next : TOO_MANY}`;
      const error = new WebSocketError(answer.code, answer.message + why);
      throw await readRefusal(opening, head, error, deadline.signal);
    }
    const agreement = confirmDeflate(answer.extensions, offer);
    if (agreement instanceof WebSocketError) throw agreement;
    return {
      opening,
      protocol: answer.protocol,
      extensions: formatExtensions(answer.extensions),
      ...(agreement === undefined ? {} : { deflate: deflateSetup(compression!, factory!, agreement) }),
    };
  } catch (error) {
    transport.abort();
    throw error;
  } finally {
    deadline.signal.removeEventListener("abort", giveUp);
  }
}

const TOO_MANY = "and no more redirects are followed (maxRedirects)";

/** Makes the link of a connection that a server has accepted. */
export function linkOf(
  accepted: Accepted,
  options: ConnectOptions,
  text: Runtime["text"],
): SessionLink {
  return new SessionLink("client", accepted.opening, {
    ...(text === undefined ? {} : { text }),
    ...options,
    protocol: accepted.protocol,
    extensions: accepted.extensions,
    ...(accepted.deflate === undefined ? {} : { deflate: accepted.deflate }),
  });
}
