/**
 * What a link of our own protocol is made with.
 */

import type { SessionOptions } from "../protocol/session_options.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** What the handshake decided, and the limits of the connection; each is on by default. */
export interface LinkOptions extends SessionOptions {
  /** The negotiated subprotocol. @default {""} */
  readonly protocol?: string;
  /** The negotiated extensions, as the header names them. @default {""} */
  readonly extensions?: string;
  /**
   * Milliseconds for the closing handshake, and again for the end of the connection after it; 0 or Infinity for no
   * limit. @default {10000}
   */
  readonly closeTimeout?: number;
  /** Milliseconds from the beginning of a message to its end; 0 or Infinity for no limit. @default {600000} */
  readonly messageTimeout?: number;
  /** Bytes waiting to be sent from which on the link is congested. @default {1048576} */
  readonly highWaterMark?: number;
  /** Bytes waiting to be sent at which the connection is failed. @default {268435456} */
  readonly maxBufferedAmount?: number;
}

/** What a link takes its bytes from: a transport, as it is or behind an opening handshake that holds some of them. */
export interface Source {
  /** The transport to write to. */
  readonly transport: Transport;
  /** Starts delivery. */
  open(sink: TransportSink): void;
}
