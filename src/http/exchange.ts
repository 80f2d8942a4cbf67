/**
 * What a door lends: one request, and the way to take its connection over. Our own `Server` is one door; a `Request` of
 * another server of the runtime is another. Handlers and `upgrade` see nothing else of where a request came from.
 *
 * ```
 *   door -> Exchange -> HttpRequest -> handlers -> HttpResponse -> the door answers
 *                            `-> upgrade -> takeOver() -> Link -> Socket -> accept(conn, req)
 * ```
 */

import type { DeflateFactory } from "../protocol/codec.ts";
import type { Fields, RequestHead } from "../protocol/head.ts";
import type { HandshakeRequest } from "../protocol/handshake.ts";
import type { Link } from "../socket/link.ts";
import type { HeartbeatSettings } from "../socket/heartbeat.ts";
import type { CodecProvider } from "../socket/message.ts";
import type { LinkOptions } from "../socket/link_options.ts";
import type { Socket } from "../socket/socket.ts";
import type { Endpoint } from "../socket/transport.ts";

/** What `upgrade` decided: the answer to a handshake, and what is to become of the connection. */
export interface Acceptance {
  /** What the client asked for. */
  readonly request: HandshakeRequest;
  /** Fields for the 101, beside those of the handshake itself. */
  readonly fields: Fields;
  /** The subprotocol and the extensions agreed on, and the limits. */
  readonly link: LinkOptions;
  /** For doors of a platform that sends pings by itself, and on nobody's behalf: how it shall. */
  readonly heartbeat?: HeartbeatSettings | undefined;
}

/** One request, as the door lends it. */
export interface Exchange {
  /** The head of the request. */
  readonly head: RequestHead;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** The other end. */
  readonly remote?: Endpoint | undefined;
  /** What compresses; absent, offers of compression are declined. */
  readonly deflate?: DeflateFactory | undefined;
  /** What compresses single messages. */
  readonly codec?: CodecProvider | undefined;
  /** Called once when the peer is gone and nobody waits for the answer any more. Set by the request. */
  ongone: ((reason: unknown) => void) | undefined;
  /**
   * Reads the body, all of it; empty when there is none. Called once. Rejects with a `RequestError` when it is malformed
   * or over the door's limit, or the peer is gone.
   */
  readBody(): Promise<Uint8Array>;
  /** Answers with 101 and makes the connection a WebSocket. Called at most once. */
  takeOver(acceptance: Acceptance): Link | Promise<Link>;
  /** Gets the socket of the link, before the application does. */
  accepted(socket: Socket): void;
  /** Reports what a handler or an `accept` threw. Never throws. */
  report(error: unknown): void;
}

/** A request that cannot be served, through the fault of who sent it. Where no handler catches it, it is the answer. */
export class RequestError extends Error {
  /** Always `"RequestError"`. */
  override name: string = "RequestError";
  /** The status to answer with. */
  readonly status: number;

  /** Makes the error with the status of the answer and the text of its body. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
