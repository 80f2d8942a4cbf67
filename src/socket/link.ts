/**
 * One open WebSocket as messages: what a `Socket` drives. Two things make a Link: a session of our own protocol over a
 * transport (`session_link.ts`, the normal case), and a platform's WebSocket that gives no bytes.
 *
 * ```
 *   Socket --- sendText / sendBinary / ping / close ---> Link ---> the peer
 *   Socket <-- text / binary / pong / closing / close -- Link <--- the peer
 * ```
 */

import type { WebSocketError } from "../protocol/errors.ts";
import type { CloseRecord } from "../protocol/close.ts";
import type { PreparedMessage } from "../protocol/prepared.ts";

/** What a link tells its owner. Nothing follows `close`. */
export interface LinkEvents {
  /** A text message. `compressed`: it came compressed. */
  text(data: string, compressed: boolean): void;
  /** A binary message; the bytes are the receiver's to keep. */
  binary(data: Uint8Array, compressed: boolean): void;
  /** A piece of a message, with its opcode, where the link was made to give them on as they come. The bytes are the receiver's to keep. */
  piece?(opcode: number, data: Uint8Array, last: boolean): void;
  /** A ping came, and was answered. */
  ping(data: Uint8Array): void;
  /** A pong came. */
  pong(data: Uint8Array): void;
  /** The link was `congested`, and nothing waits any more. */
  drain(): void;
  /** The closing handshake has begun, from either end: no message can be sent any more. */
  closing(): void;
  /** The connection failed; `close` follows. Called at most once. Why it did is made for who wants to know. */
  error(why: () => WebSocketError): void;
  /** The connection is over. Called once. */
  close(record: CloseRecord): void;
}

/** One open WebSocket as messages. */
export interface Link {
  /** The negotiated subprotocol, or "". */
  readonly protocol: string;
  /** The negotiated extensions as the header names them, or "". */
  readonly extensions: string;
  /** Bytes taken by the send methods and not yet given to the runtime. */
  readonly buffered: number;
  /** How many of them are of messages; headers and control frames are not counted. */
  readonly bufferedAmount: number;
  /** So much waits to be sent that the application should stop; `drain` follows. */
  readonly congested: boolean;
  /** Grows with each piece that comes from the peer, and when the link reads again after it was `deaf`. */
  readonly heard: number;
  /** Nothing is read now, so that nothing can be heard. */
  readonly deaf: boolean;
  /** Whether it can send pings. Where it cannot, a heartbeat is the platform's affair. */
  readonly pingable: boolean;
  /** Starts delivery. Called once. */
  start(events: LinkEvents): void;
  /** Sends a text message. Where there is compression, `compress` says whether to use it; the threshold, where it does not. */
  sendText(data: string, compress: boolean | undefined): void;
  /** Sends a binary message. The bytes are lent until the call returns. */
  sendBinary(data: Uint8Array, compress: boolean | undefined): void;
  /** Sends a message that goes to many. */
  sendPrepared(message: PreparedMessage, compress: boolean | undefined): void;
  /**
   * Sends a fragment of a message: its opcode with the first, 0 with the others; with the first, `compress` says whether to
   * compress the message, and it is where that was agreed on unless it is false. The bytes are lent until the call returns.
   * Returns false, having done nothing, while messages before it are being compressed. Throws a `DOMException` named
   * `NotSupportedError` where the platform cannot.
   */
  sendFragment(opcode: number, data: Uint8Array, last: boolean, compress: boolean | undefined): boolean;
  /** Sends a ping of at most 125 bytes. */
  ping(data: Uint8Array): void;
  /** Begins the closing handshake; without a code the Close frame is empty. */
  close(code: number | undefined, reason: string): void;
  /** Cuts the connection without a closing handshake; with an error, it failed. */
  terminate(error?: WebSocketError): void;
  /** Stops delivery of messages, at once; the peer feels it. Nothing is lost. */
  pause(): void;
  /** Goes on delivering. */
  resume(): void;
  /** The connection keeps the process alive (the default). */
  ref(): void;
  /** The connection does not keep the process alive. */
  unref(): void;
}
