/**
 * UTF-8 (RFC 3629), checked as it arrives: a text is refused at its first impossible byte, before the rest of the frame
 * has come (RFC 6455, section 8.1).
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * What turns short texts into bytes, and back, where a runtime has something that is faster than the language.
 *
 * @example
 * ```ts
 * import { Session, type SessionEvents, type TextCoder } from "@sockeye/ws/protocol";
 *
 * const text: TextCoder = {
 *   decodeAscii: (bytes, start, end) => String.fromCharCode(...bytes.subarray(start, end)),
 * };
 * const open = (events: SessionEvents) => new Session("server", events, { text });
 * console.assert(open.length === 1);
 * ```
 */
export interface TextCoder {
  /** Decodes bytes that hold nothing above 0x7f. */
  readonly decodeAscii: (bytes: Uint8Array, start: number, end: number) => string;
  /**
   * Writes a text as UTF-8 into `bytes` from `at` on, where there is room for all of it. Lone surrogates become U+FFFD.
   * Returns how many bytes it has. @default {TextEncoder}, and a loop for short texts
   */
  readonly encode?: (text: string, bytes: Uint8Array, at: number) => number;
}

/** Below this many bytes, building a string from its character codes beats the call of a decoder. */
const CODES_UP_TO = 24;

/** Decodes ASCII with nothing but the language and `TextDecoder`. */
export function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > CODES_UP_TO) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/**
 * Decodes UTF-8; undefined when it is not.
 *
 * @example
 * ```ts
 * import { decodeUtf8 } from "@sockeye/ws/protocol";
 *
 * console.assert(decodeUtf8(new Uint8Array([0xc3, 0xa9]), 0, 2) === "é");
 * console.assert(decodeUtf8(new Uint8Array([0xc3]), 0, 1) === undefined);
 * ```
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return decoder.decode(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  } catch {
    // The only thing a fatal decoder throws for is bytes that are not UTF-8.
    return undefined;
  }
}

/** Returns 0 when all of `bytes[start..end)` are ASCII and another number when not. */
export function highBits(bytes: Uint8Array, start: number, end: number): number {
  let high = 0;
  for (let at = start; at < end; at++) high |= bytes[at]!;
  return high & 0x80;
}

/** Texts up to this many bytes are looked through for ASCII where that is not known, which is decoded faster. */
const CHARACTERS_UP_TO = 64;

/** Decodes a text with the decoder that is fastest for it; 0 for `high`: it is ASCII. As `decodeUtf8` otherwise. */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  high: number,
  decodeAscii: TextCoder["decodeAscii"],
): string | undefined {
  const ascii = high === 0 || (end - start <= CHARACTERS_UP_TO && highBits(bytes, start, end) === 0);
  return ascii ? decodeAscii(bytes, start, end) : decodeUtf8(bytes, start, end);
}

/** How many bytes a string takes as UTF-8; a lone surrogate counts as the U+FFFD it is sent as. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit < 0xdc00) {
      const low = text.charCodeAt(at + 1);
      // A pair is four bytes for two units: its first unit counted three, its second one more.
      if (low >= 0xdc00 && low < 0xe000) at++;
    }
  }
  return length;
}

/**
 * A check of UTF-8 that comes in pieces; the states are those of the Encoding Standard's decoder.
 *
 * @example
 * ```ts
 * import { Utf8Validator } from "@sockeye/ws/protocol";
 *
 * const validator = new Utf8Validator();
 * console.assert(validator.push(new Uint8Array([0x61, 0xe2, 0x82]), 0, 3) === -1 && !validator.complete);
 * console.assert(validator.push(new Uint8Array([0xff]), 0, 1) === 0);
 * ```
 */
export class Utf8Validator {
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** No character is cut off here. */
  get complete(): boolean {
    return this.#needed === 0;
  }

  /** Forgets what came. */
  reset(): void {
    this.#needed = 0;
    this.#lower = 0x80;
    this.#upper = 0xbf;
  }

  /** Takes `bytes[start..end)`. Returns the place of the first byte that cannot stand there, or -1. */
  push(bytes: Uint8Array, start: number, end: number): number {
    let needed = this.#needed, lower = this.#lower, upper = this.#upper;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (needed > 0) {
        if (byte < lower || byte > upper) return at;
        lower = 0x80;
        upper = 0xbf;
        needed--;
      } else if (byte >= 0x80) {
        if (byte < 0xc2 || byte > 0xf4) return at;
        needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        // No overlong forms, no surrogates, nothing above U+10FFFF.
        if (byte === 0xe0) lower = 0xa0;
        else if (byte === 0xed) upper = 0x9f;
        else if (byte === 0xf0) lower = 0x90;
        else if (byte === 0xf4) upper = 0x8f;
      }
    }
    this.#needed = needed;
    this.#lower = lower;
    this.#upper = upper;
    return -1;
  }
}
