/**
 * Frames (RFC 6455, section 5.2): the rules of their headers as one pure function, their reader, and their writer.
 *
 * ```
 *   chunk -> FrameReader.push -> FrameHandler.header -> .begin -> .payload (unmasked in place, in pieces as they come)
 * ```
 *
 * A frame that lies whole in a chunk is handed on where it lies; the reader copies a header that straddles, and what is kept
 * of a chunk that is only lent.
 */

import { BINARY, MAX_CONTROL_PAYLOAD, type Role, TEXT } from "./constants.ts";
import type { ErrorCode } from "./errors.ts";
import { clearTable, toTable } from "./lanes.ts";
import { mask, rotateKey } from "./mask.ts";

/** First byte: this is the last frame of its message. */
export const FIN = 0x80;
/** First byte: the bit that permessage-deflate sets on a compressed message (RFC 7692, section 6). */
export const RSV1 = 0x40;
/** First byte: all three reserved bits. */
const RSV = 0x70;
/** Second byte: the payload is masked. */
const MASKED = 0x80;
const NOTHING: Uint8Array = new Uint8Array(0);
/** A frame of a lent chunk that is as long as this, in bytes, is copied by itself: what is behind it may not have to be. */
const LARGE = 16_384;
/** From this many bytes on, a chunk is worth laying out: on Bun an echo of 250 letters takes the core 0.6 times as long. */
const TABLE_FROM = 128;
/** The longest header: two bytes, eight of length, four of mask. */
export const MAX_HEADER = 14;

/**
 * All rules about the first two bytes of a header, given what is known of the connection: who reads, which reserved bits
 * the negotiated extensions allow on the first frame of a message, and whether a message is in progress.
 * Returns the name of the broken rule.
 *
 * @example
 * ```ts
 * import { checkHeader } from "@sockeye/ws/protocol";
 *
 * // A server reads a text frame without a mask, and a ping that is a fragment.
 * console.assert(checkHeader(0x81, 0x05, "server", 0, false) === "WS_MASK_REQUIRED");
 * console.assert(checkHeader(0x09, 0x80, "server", 0, false) === "WS_FRAGMENTED_CONTROL");
 * console.assert(checkHeader(0x81, 0x85, "server", 0, false) === undefined);
 * ```
 */
export function checkHeader(
  b0: number,
  b1: number,
  reader: Role,
  rsv: number,
  inMessage: boolean,
): ErrorCode | undefined {
  const opcode = b0 & 0x0f;
  if (opcode > 0x0a || (opcode > 2 && opcode < 8)) return "WS_RESERVED_OPCODE";
  // An extension's bit belongs to the first frame of a data message (RFC 7692, section 6.1).
  if ((b0 & RSV & ~(opcode === 1 || opcode === 2 ? rsv : 0)) !== 0) return "WS_RESERVED_BITS";
  if (opcode >= 8) {
    if ((b0 & FIN) === 0) return "WS_FRAGMENTED_CONTROL";
    if ((b1 & 0x7f) > MAX_CONTROL_PAYLOAD) return "WS_CONTROL_TOO_LONG";
  } else if (opcode === 0) {
    if (!inMessage) return "WS_UNEXPECTED_CONTINUATION";
  } else if (inMessage) {
    return "WS_EXPECTED_CONTINUATION";
  }
  if (reader === "server") {
    if ((b1 & MASKED) === 0) return "WS_MASK_REQUIRED";
  } else if ((b1 & MASKED) !== 0) {
    return "WS_MASK_FORBIDDEN";
  }
  return undefined;
}

/**
 * What takes the frames of a reader. Each method returns whether to go on reading.
 *
 * @example
 * ```ts
 * import { checkHeader, type FrameHandler } from "@sockeye/ws/protocol";
 *
 * let broken: string | undefined;
 * const handler: FrameHandler = {
 *   header: (b0, b1) => (broken = checkHeader(b0, b1, "client", 0, false)) === undefined,
 *   begin: (_b0, length) => length >= 0,
 *   payload: () => true,
 * };
 * console.assert(!handler.header(0x83, 0x00) && broken === "WS_RESERVED_OPCODE");
 * ```
 */
export interface FrameHandler {
  /** The first two bytes of a header; the place for `checkHeader`. May be called again for the same frame. */
  header(b0: number, b1: number): boolean;
  /** A header is whole: its first byte and the length of its payload; -1 where the form of the length is forbidden. */
  begin(b0: number, length: number): boolean;
  /**
   * A piece of the payload, unmasked, as it came; `last` ends the frame. `high` is 0 when the piece is known to be
   * ASCII. An empty payload is one empty last piece.
   */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean;
  /**
   * Whether any of the next piece is kept when `payload` has returned: then it is copied before, where the chunk is only
   * lent. `b0` is the first byte of its frame, `whole`: the frame lies in this piece. @default {always}
   */
  keeps?(b0: number, whole: boolean): boolean;
}

/** What reads: frames, or nothing any more. */
export interface Reader {
  /** Takes a chunk; returns how many of its bytes were read. `lent`: the chunk is not kept when the call has returned. */
  push(chunk: Uint8Array, lent: boolean): number;
}

/** All that comes after a Close frame is discarded (RFC 6455, section 1.4). */
export const DISCARD: Reader = { push: (chunk) => chunk.length };

/**
 * Reads frames from chunks that may be cut anywhere.
 *
 * @example
 * ```ts
 * import { FrameReader } from "@sockeye/ws/protocol";
 *
 * const payloads: string[] = [];
 * const reader = new FrameReader({
 *   header: () => true,
 *   begin: () => true,
 *   payload(bytes, start, end) {
 *     payloads.push(new TextDecoder().decode(bytes.subarray(start, end)));
 *     return true;
 *   },
 * });
 * // "Hello", masked (RFC 6455, section 5.7), in two chunks.
 * reader.push(new Uint8Array([0x81, 0x85, 0x37, 0xfa, 0x21]));
 * reader.push(new Uint8Array([0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]));
 * console.assert(payloads.join("") === "Hello");
 * ```
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  /** The beginning of a header that straddles chunks. */
  #head: Uint8Array = NOTHING;
  #held = 0;
  /** Bytes of payload still to come, or -1: a header is next. */
  #left = -1;
  /** First byte of the frame that is being read. */
  #first = 0;
  #masked = false;
  #key = 0;

  /** Makes a reader that hands its frames to `handler`. */
  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /**
   * Takes a chunk, which it overwrites while unmasking. Returns how many of its bytes were read: fewer than there are when
   * the handler stopped it. `lent`: the chunk is good until the call returns.
   */
  push(chunk: Uint8Array, lent: boolean = false): number {
    // The last frame was masked: these are too.
    const copy = lent || !this.#masked || chunk.length < TABLE_FROM ? undefined : toTable(chunk);
    if (copy === undefined) return this.#read(chunk, lent, undefined);
    try {
      return this.#read(copy, true, chunk);
    } finally {
      clearTable();
    }
  }

  /** `home`: what the chunk is a copy of; what is kept is copied back to it. */
  #read(chunk: Uint8Array, lent: boolean, home: Uint8Array | undefined): number {
    const end = chunk.length;
    let at = 0;
    /** What is kept of a lent chunk: a copy of it from `from` to `ahead`, all of that unmasked. */
    let kept: Uint8Array = NOTHING;
    let from = 0;
    let ahead = 0;
    while (at < end) {
      if (this.#left < 0) {
        let size: number;
        if (this.#held === 0) {
          size = this.#parse(chunk, at, end - at);
          if (size === 0) {
            if (this.#head === NOTHING) this.#head = new Uint8Array(MAX_HEADER);
            while (at < end) this.#head[this.#held++] = chunk[at++]!;
            return end;
          }
          if (size > 0) at += size;
        } else {
          this.#head[this.#held++] = chunk[at++]!;
          size = this.#parse(this.#head, 0, this.#held);
          if (size === 0) continue;
          this.#held = 0;
        }
        if (size < 0) return stop(home ?? chunk, at, ahead);
      }
      const length = this.#left;
      const take = length < end - at ? length : end - at;
      // A header at the very end of a chunk: its payload begins with the next one.
      if (take === 0 && length > 0) return at;
      let high = 1;
      if (this.#masked && take > 0 && at >= ahead) {
        high = mask(chunk, at, at + take, this.#key);
        this.#key = rotateKey(this.#key, take);
      }
      let bytes = chunk;
      let start = at;
      if (lent && (at < ahead || this.#handler.keeps?.(this.#first, take === length) !== false)) {
        if (at >= ahead) {
          ahead = take < LARGE ? unmaskAhead(chunk, at + take, end) : at + take;
          const piece = chunk.subarray(at, ahead);
          kept = home ?? new Uint8Array(piece);
          from = home === undefined ? at : 0;
          home?.set(piece, at);
        }
        bytes = kept;
        start = at - from;
      }
      at += take;
      const last = take === length;
      this.#left = last ? -1 : length - take;
      if (!this.#handler.payload(bytes, start, start + take, last, high)) return stop(home ?? chunk, at, ahead);
    }
    return at;
  }

  /** Reads a header. Returns its size, 0 when bytes are missing, -1 when the handler stopped. */
  #parse(bytes: Uint8Array, at: number, available: number): number {
    if (available < 2) return 0;
    const b0 = bytes[at]!, b1 = bytes[at + 1]!;
    if (!this.#handler.header(b0, b1)) return -1;
    let length = b1 & 0x7f;
    let size = 2;
    if (length === 126) {
      if (available < 4) return 0;
      size = 4;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      // The minimal number of bytes must be used (RFC 6455, section 5.2).
      if (length < 126) length = -1;
    } else if (length === 127) {
      if (available < 10) return 0;
      size = 10;
      const high = uint32(bytes, at + 2);
      length = high * 0x1_0000_0000 + uint32(bytes, at + 6);
      if (length < 0x1_0000 || high >= 0x8000_0000) length = -1;
    }
    this.#masked = (b1 & MASKED) !== 0;
    if (this.#masked) {
      if (available < size + 4) return 0;
      this.#key = readKey(bytes, at + size);
      size += 4;
    }
    if (!this.#handler.begin(b0, length)) return -1;
    this.#first = b0;
    this.#left = length;
    return size;
  }
}

/**
 * Unmasks the binary messages, and the compressed ones, that lie whole and one behind the other in `bytes[at..end)`, and
 * returns where they end: to be kept they are copied all at once, and share the copy as they would have shared the chunk. To
 * do it twice is not to do it.
 */
function unmaskAhead(bytes: Uint8Array, at: number, end: number): number {
  while (end - at >= 2) {
    const b0 = bytes[at]!, b1 = bytes[at + 1]!;
    if (b0 !== (FIN | BINARY) && b0 !== (FIN | RSV1 | BINARY) && b0 !== (FIN | RSV1 | TEXT)) break;
    const short = b1 & 0x7f;
    const size = short < 126 ? 2 : 4;
    if (short === 127 || end - at < size) break;
    const isMasked = (b1 & MASKED) !== 0;
    const length = size === 2 ? short : (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const start = at + size + (isMasked ? 4 : 0);
    if (length >= LARGE || start + length > end) break;
    if (isMasked && length > 0) mask(bytes, start, start + length, readKey(bytes, start - 4));
    at = start + length;
  }
  return at;
}

/** What was unmasked ahead of the stop is masked again: it will be given once more, as it came. */
function stop(chunk: Uint8Array, at: number, ahead: number): number {
  if (at < ahead) unmaskAhead(chunk, at, ahead);
  return at;
}

function readKey(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/**
 * How many bytes the header of a frame takes.
 *
 * @example
 * ```ts
 * import { headerSize } from "@sockeye/ws/protocol";
 *
 * console.assert(headerSize(125, false) === 2 && headerSize(126, true) === 8 && headerSize(65_536, false) === 10);
 * ```
 */
export function headerSize(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 0x1_0000 ? 4 : 10) + (masked ? 4 : 0);
}

/**
 * Writes a header without its mask key, in the shortest form. Returns the place behind it.
 *
 * @example
 * ```ts
 * import { writeHeader } from "@sockeye/ws/protocol";
 *
 * const bytes = new Uint8Array(14);
 * const end = writeHeader(bytes, 0, 0x81, 300, false);
 * console.assert(end === 4 && bytes[1] === 126 && bytes[2] === 1 && bytes[3] === 44);
 * ```
 */
export function writeHeader(bytes: Uint8Array, at: number, b0: number, length: number, masked: boolean): number {
  const bit = masked ? MASKED : 0;
  bytes[at] = b0;
  if (length < 126) {
    bytes[at + 1] = bit | length;
    return at + 2;
  }
  if (length < 0x1_0000) {
    bytes[at + 1] = bit | 126;
    bytes[at + 2] = length >>> 8;
    bytes[at + 3] = length;
    return at + 4;
  }
  bytes[at + 1] = bit | 127;
  writeUint32(bytes, at + 2, Math.floor(length / 0x1_0000_0000));
  writeUint32(bytes, at + 6, length % 0x1_0000_0000);
  return at + 10;
}

/**
 * Writes a mask key as `mask` holds it. Returns the place behind it.
 *
 * @example
 * ```ts
 * import { freshKey, mask, writeHeader, writeKey } from "@sockeye/ws/protocol";
 *
 * const text = new TextEncoder().encode("Hello");
 * const frame = new Uint8Array(11);
 * const key = freshKey();
 * const start = writeKey(frame, writeHeader(frame, 0, 0x81, text.length, true), key);
 * frame.set(text, start);
 * mask(frame, start, frame.length, key);
 * console.assert(start === 6);
 * ```
 */
export function writeKey(bytes: Uint8Array, at: number, key: number): number {
  bytes[at] = key;
  bytes[at + 1] = key >>> 8;
  bytes[at + 2] = key >>> 16;
  bytes[at + 3] = key >>> 24;
  return at + 4;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
