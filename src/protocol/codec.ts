/**
 * What a runtime lends for compression, as messages: one codec for each direction of a connection.
 *
 * ```
 *   a message, in pieces -> Codec.push -> CodecOwner.take, take, ... the last ends the message
 *                             |- busy:    Codec.work in another turn of the event loop
 *                             `- waiting: Codec.work when the codec calls CodecOwner.wake
 * ```
 */

/**
 * What was agreed on for one direction.
 *
 * @example
 * ```ts
 * import type { DeflateSide } from "@sockeye/ws/protocol";
 *
 * const side: DeflateSide = { takeover: true, windowBits: 15 };
 * console.assert(2 ** side.windowBits === 32_768);
 * ```
 */
export interface DeflateSide {
  /** The window of one message is kept for the next. */
  readonly takeover: boolean;
  /** Bits of the window, 8 to 15. */
  readonly windowBits: number;
}

/**
 * What a codec is able to do, for the negotiation.
 *
 * @example
 * ```ts
 * import { type DeflateAbility, formatExtensions, offerDeflate } from "@sockeye/ws/protocol";
 *
 * // What CompressionStream can do: no window is kept, and none is limited.
 * const ability: DeflateAbility = { takeover: false, minWindowBits: 15 };
 * console.assert(
 *   formatExtensions([offerDeflate({}, ability)!]) ===
 *     "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
 * );
 * ```
 */
export interface DeflateAbility {
  /** It can keep the window of one message for the next, in both directions. */
  readonly takeover: boolean;
  /** The smallest window it can limit itself to when it compresses, in bits. */
  readonly minWindowBits: number;
  /** The level that pays with this compression, where the application asks for none. @default {6} */
  readonly level?: number | undefined;
}

/**
 * How far a codec came with what it was given: it is used up (`done`); the rest is for another turn of the event loop
 * (`busy`), or for when it calls `wake` (`waiting`); the bytes are not DEFLATE (`invalid`); they inflate to more than the
 * limit (`too big`). After the last two the codec is of no use.
 *
 * @example
 * ```ts
 * import type { Progress } from "@sockeye/ws/protocol";
 *
 * const goesOn = (progress: Progress): boolean => progress === "busy" || progress === "waiting";
 * console.assert(goesOn("busy") && !goesOn("done"));
 * ```
 */
export type Progress = "done" | "busy" | "waiting" | "invalid" | "too big";

/** A piece of up to so many bytes is copied by the codec that does not work on it at once. */
export const LENT = 65_536;

/**
 * What takes the bytes that a codec makes.
 *
 * @example
 * ```ts
 * import type { CodecOwner } from "@sockeye/ws/protocol";
 *
 * const message: number[] = [];
 * const owner: CodecOwner = {
 *   take(bytes, start, end) {
 *     message.push(...bytes.subarray(start, end));
 *     return true;
 *   },
 *   wake() {},
 * };
 * owner.take(Uint8Array.of(1, 2, 3), 1, 3, true);
 * console.assert(message.join() === "2,3");
 * ```
 */
export interface CodecOwner {
  /**
   * Takes a piece of a message that was compressed or inflated; `last` ends the message, and then the piece may be empty.
   * The bytes are lent until the call returns. Returns whether to go on now: after false the codec stops, and has more for
   * `work` unless it was closed.
   */
  take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean;
  /** A codec that is `waiting` wants its `work` to be called. Never called from inside of a call of the owner. */
  wake(): void;
}

/**
 * One direction of one connection: takes message after message, each in pieces, and gives them to its owner.
 *
 * @example
 * ```ts
 * import type { Codec, CodecOwner } from "@sockeye/ws/protocol";
 *
 * // A deflater that compresses nothing: each piece of up to 65,535 bytes is a stored block.
 * const stored = (owner: CodecOwner): Codec => ({
 *   push(bytes, start, end, last) {
 *     const length = end - start;
 *     const head = [0, length, length >> 8, ~length, ~length >> 8];
 *     const block = Uint8Array.of(...head, ...bytes.subarray(start, end), 0);
 *     owner.take(block, 0, last ? block.length : block.length - 1, last);
 *     return "done";
 *   },
 *   work: () => "done",
 *   release() {},
 *   close() {},
 * });
 * const sent: number[] = [];
 * const codec = stored({ take: (bytes) => sent.push(...bytes) > 0, wake() {} });
 * codec.push(Uint8Array.of(0x48, 0x69), 0, 2, true);
 * console.assert(sent.join() === "0,2,0,253,255,72,105,0");
 * ```
 */
export interface Codec {
  /**
   * Takes the next piece of a message; `last` ends the message. One of more than `LENT` bytes is lent until the answer is
   * neither `busy` nor `waiting`. Compressed messages come and go without the four bytes `00 00 ff ff` (RFC 7692, 7.2).
   */
  push(bytes: Uint8Array, start: number, end: number, last: boolean): Progress;
  /** Goes on with the piece in hand. */
  work(): Progress;
  /** Gives memory back that can be had again; called when the connection is idle. In mid-message it does nothing. */
  release(): void;
  /** Frees all, at any time; from inside of `take`, that then returns false. It is not used again. */
  close(): void;
}

/**
 * How an inflater is to work.
 *
 * @example
 * ```ts
 * import type { InflaterOptions } from "@sockeye/ws/protocol";
 *
 * const options: InflaterOptions = { takeover: true, windowBits: 15, limit: 1_048_576 };
 * console.assert(options.limit === 2 ** 20);
 * ```
 */
export interface InflaterOptions extends DeflateSide {
  /** Bytes a message may inflate to. Its owner counts them in `take`; this is for codecs that give a message whole. */
  readonly limit: number;
}

/**
 * How a deflater is to work.
 *
 * @example
 * ```ts
 * import type { DeflaterOptions } from "@sockeye/ws/protocol";
 *
 * const options: DeflaterOptions = { takeover: true, windowBits: 15, level: 1, memLevel: 6 };
 * console.assert(options.level === 1);
 * ```
 */
export interface DeflaterOptions extends DeflateSide {
  /** From 0 (stored) over 1 (fast) to 9 (small). */
  readonly level: number;
  /** From 1 (little memory) to 9. */
  readonly memLevel: number;
}

/**
 * Compression as messages.
 *
 * @example
 * ```ts
 * import { acceptDeflate, type DeflateFactory, parseExtensions } from "@sockeye/ws/protocol";
 *
 * // A factory whose deflaters and inflaters keep no window.
 * const withoutTakeover = (factory: DeflateFactory): DeflateFactory => ({
 *   takeover: false,
 *   minWindowBits: factory.minWindowBits,
 *   deflater: (options, owner) => factory.deflater({ ...options, takeover: false }, owner),
 *   inflater: (options, owner) => factory.inflater({ ...options, takeover: false }, owner),
 * });
 * const answer = (factory: DeflateFactory) =>
 *   acceptDeflate(parseExtensions("permessage-deflate")!, {}, withoutTakeover(factory));
 * console.assert(answer.length === 1);
 * ```
 */
export interface DeflateFactory extends DeflateAbility {
  /**
   * Its deflaters give out all of each piece when it is pushed, so that a message can be compressed as it is made. Without,
   * such messages are sent plain.
   *
   * @default {false}
   */
  readonly flushes?: boolean;
  /** Makes what compresses the messages of one connection. */
  deflater(options: DeflaterOptions, owner: CodecOwner): Codec;
  /** Makes what inflates the messages of one connection. */
  inflater(options: InflaterOptions, owner: CodecOwner): Codec;
}
