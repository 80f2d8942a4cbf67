/** How a server's end begins: with a link that is open. */

import type { HeartbeatSettings } from "./heartbeat.ts";
import type { Link } from "./link.ts";
import type { CodecProvider } from "./message.ts";
import type { Endpoint } from "./transport.ts";

/** What `accept` learns of a connection beside its messages. */
export interface AcceptInfo {
  /** Value of the client's `Origin` header. @default {""} */
  readonly origin?: string;
  /** The client's end. */
  readonly remote?: Endpoint | undefined;
  /** How to find out that the client is dead. Absent: not. */
  readonly heartbeat?: HeartbeatSettings | undefined;
  /** How long the peer may be made to wait for the first listener, in milliseconds. @default {600000} */
  readonly messageTimeout?: number | undefined;
  /** A message waits for those who handle the one before it. @default {false} */
  readonly ordered?: boolean | undefined;
  /** What compresses single messages. */
  readonly codec?: CodecProvider | undefined;
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
