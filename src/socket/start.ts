/**
 * How the two ends of a connection begin: a client's with a URL and checked options, a server's with a link that is open.
 */

import { WebSocketError } from "../protocol/errors.ts";
import { linkOf, openHandshake } from "./connect.ts";
import type { Link } from "./link.ts";
import { type CheckedOptions, checkOptions, type SocketOptions } from "./options.ts";
import { parseUrl } from "./target.ts";
import type { Endpoint, Runtime } from "./transport.ts";

/** A client's end: checked arguments and what connects. */
export class ClientStart {
  /** Where to connect. */
  readonly url: URL;
  /** The options, checked. */
  readonly options: CheckedOptions;
  readonly #runtime: (() => Promise<Runtime>) | undefined;

  /**
   * Checks the arguments of `new Socket`. Throws a `DOMException` named `SyntaxError` for a malformed URL or subprotocol,
   * a `TypeError` or `RangeError` for a wrong option.
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | SocketOptions | undefined,
    origin: string | undefined,
    runtime: (() => Promise<Runtime>) | undefined,
  ) {
    this.url = parseUrl(url);
    this.options = checkOptions(protocols, origin);
    this.#runtime = runtime;
  }

  /** Connects and makes the opening handshake. Rejects with what failed, or with the signal's reason. */
  async connect(signal: AbortSignal): Promise<Link> {
    const runtime = await this.#runtime?.();
    const connect = this.options.connector ?? runtime?.connect.bind(runtime);
    if (connect === undefined) {
      throw new WebSocketError(
        "WS_CONNECT_FAILED",
        "Cannot connect: no runtime is bound, and no option connect is given",
      );
    }
    const accepted = await openHandshake(this.url, this.options.connect, connect, signal);
    if (signal.aborted) {
      accepted.opening.transport.abort();
      throw signal.reason;
    }
    return linkOf(accepted, this.options.connect, runtime?.decodeAscii);
  }
}

/** What `accept` learns of a connection beside its messages. */
export interface AcceptInfo {
  /** Value of the client's `Origin` header. @default {""} */
  readonly origin?: string;
  /** The client's end. */
  readonly remote?: Endpoint;
}

/** A server's end. */
export class ServerStart {
  /** The open connection. */
  readonly link: Link;
  /** What is known of it. */
  readonly info: AcceptInfo;

  /** Takes an open connection. */
  constructor(link: Link, info: AcceptInfo) {
    this.link = link;
    this.info = info;
  }
}
