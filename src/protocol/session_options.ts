/**
 * What a session is given, and what it tells.
 */

import type { DeflateSetup } from "./deflate.ts";
import type { WebSocketError } from "./errors.ts";
import type { Allocator } from "./pool.ts";
import type { TextCoder } from "./utf8.ts";

/**
 * The limits of a session, each on by default, and what the runtime and the handshake decide.
 *
 * @example
 * ```ts
 * import { Session, type SessionEvents, type SessionOptions } from "@sockeye/ws/protocol";
 *
 * const options: SessionOptions = { maxPayload: 65_536, maxFragments: 64 };
 * const open = (events: SessionEvents) => new Session("server", events, options);
 * console.assert(open.length === 1);
 * ```
 */
export interface SessionOptions {
  /** Bytes of one message. @default {67108864} */
  readonly maxPayload?: number;
  /** Frames of one message. @default {131072} */
  readonly maxFragments?: number;
  /** Reserved bits that the negotiated extensions allow on the first frame of a message. @default {that of `deflate`} */
  readonly reservedBits?: number;
  /** Messages are given on piece by piece, by `piece`. `maxPayload` holds for those that come compressed, and else nothing. */
  readonly streaming?: boolean;
  /** permessage-deflate, where it was agreed on. */
  readonly deflate?: DeflateSetup;
  /** What encodes and decodes text, where that is faster than the language's own. */
  readonly text?: TextCoder;
}

/**
 * What a session tells its owner.
 *
 * @example
 * ```ts
 * import { Session, type SessionEvents } from "@sockeye/ws/protocol";
 *
 * const events: SessionEvents = {
 *   text: (data) => console.assert(data === "Hello"),
 *   binary() {},
 *   pinged() {},
 *   ponged() {},
 *   closed() {},
 *   failed: (error) => console.error(error.code),
 *   write: () => false,
 * };
 * new Session("client", events).receive(Uint8Array.of(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
 * ```
 */
export interface SessionEvents {
  /** A text message. */
  text(data: string, compressed: boolean): void;
  /** A binary message: a view of the chunk it came in, or bytes of its own. */
  binary(data: Uint8Array, compressed: boolean): void;
  /** With the option `streaming`: a piece of a text or binary message (1, 2), a view of the chunk it came in, or bytes of its own. */
  piece?(opcode: number, data: Uint8Array, last: boolean): void;
  /** A ping came; its pong is in the output. */
  pinged(data: Uint8Array): void;
  /** A pong came. */
  ponged(data: Uint8Array): void;
  /** The peer's Close frame came; the answer, where one was owed, is in the output. */
  closed(): void;
  /** The peer broke a rule; the Close frame is in the output, and nothing is read any more. */
  failed(error: WebSocketError): void;
  /** A codec that works by itself has come so far that `work` is to be called. */
  woken?(): void;
  /** `write` copies what it does not keep, and is given large messages in memory that it may keep. @default {false} */
  readonly copies?: boolean;
  /** Where large messages lie. @default {memory of zeros} */
  readonly allocator?: Allocator | undefined;
  /** Takes bytes for the peer; returns whether it keeps the chunk itself, which is only allowed with `mayKeep`. */
  write(chunk: Uint8Array, mayKeep: boolean): boolean;
}
