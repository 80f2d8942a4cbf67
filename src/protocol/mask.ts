/**
 * Masking (RFC 6455, section 5.3). A key is held as one 32-bit number with its first byte lowest, so that four bytes are
 * masked at a time, and a payload that comes in pieces goes on with the rotated key.
 */

import { findLanes, lanesOf, maskCopied } from "./lanes.ts";

/** From this many bytes on, words are worth finding their view (3 times as fast at 256 bytes). */
const WORDS_FROM = 128;
/** From this many bytes on, vectors are worth copying the bytes to where they work, and back. */
const LANES_FROM = 1_024;

const LITTLE_ENDIAN: boolean = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Masks or unmasks `bytes[start..end)` in place. Returns 0 when all the resulting bytes are ASCII and another number
 * when not: the pass is made anyway, and text that is known to be ASCII needs no second one.
 *
 * @example
 * ```ts
 * import { mask } from "@sockeye/ws/protocol";
 *
 * const bytes = new TextEncoder().encode("Hello");
 * mask(bytes, 0, bytes.length, 0x3d21fa37);
 * console.assert(bytes[0] === 0x7f);
 * console.assert(mask(bytes, 0, bytes.length, 0x3d21fa37) === 0 && bytes[0] === 0x48);
 * ```
 */
export function mask(bytes: Uint8Array, start: number, end: number, key: number): number {
  const length = end - start;
  const here = lanesOf(bytes);
  if (here !== undefined) return here.run(bytes.byteOffset + start, length, key);
  if (length < WORDS_FROM) return maskBytes(bytes, start, end, key);
  const lanes = length < LANES_FROM ? undefined : findLanes();
  if (lanes !== undefined) return maskCopied(lanes, bytes, start, end, key);
  return LITTLE_ENDIAN ? maskWords(bytes, start, end, key) : maskBytes(bytes, start, end, key);
}

function maskBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  const k0 = key & 0xff, k1 = (key >>> 8) & 0xff, k2 = (key >>> 16) & 0xff, k3 = key >>> 24;
  let high = 0;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const b0 = bytes[at]! ^ k0, b1 = bytes[at + 1]! ^ k1, b2 = bytes[at + 2]! ^ k2, b3 = bytes[at + 3]! ^ k3;
    bytes[at] = b0;
    bytes[at + 1] = b1;
    bytes[at + 2] = b2;
    bytes[at + 3] = b3;
    high |= b0 | b1 | b2 | b3;
  }
  if (at < end) high |= bytes[at]! ^= k0;
  if (at + 1 < end) high |= bytes[at + 1]! ^= k1;
  if (at + 2 < end) high |= bytes[at + 2]! ^= k2;
  return high & 0x80;
}

function maskWords(bytes: Uint8Array, start: number, end: number, key: number): number {
  const { buffer, byteOffset } = bytes;
  const words = wordsOf(buffer);
  // Bytes up to the first 32-bit border of the buffer, whole words, and the rest.
  const lead = -(byteOffset + start) & 3;
  const turned = rotateKey(key, lead);
  const high = lead === 0 ? 0 : maskBytes(bytes, start, start + lead, key);
  let seen = 0;
  let at = (byteOffset + start + lead) >>> 2;
  const rest = (end - start - lead) & 3;
  const last = (byteOffset + end - rest) >>> 2;
  for (; at + 3 < last; at += 4) {
    const w0 = words[at]! ^ turned, w1 = words[at + 1]! ^ turned;
    const w2 = words[at + 2]! ^ turned, w3 = words[at + 3]! ^ turned;
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2;
    words[at + 3] = w3;
    seen |= w0 | w1 | w2 | w3;
  }
  for (; at < last; at++) seen |= words[at]! ^= turned;
  return high | (seen & 0x80808080) | (rest === 0 ? 0 : maskBytes(bytes, end - rest, end, turned));
}

/** The buffer that was masked last, as words: many messages come in one, and to make a view takes as long as to mask 100 bytes. */
let lastWords: Int32Array = new Int32Array(0);
/** A larger buffer is not held on to. */
const MAX_HELD = 1_048_576;

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (lastWords.buffer === buffer) return lastWords;
  const words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
  if (buffer.byteLength <= MAX_HELD) lastWords = words;
  return words;
}

/**
 * The key as it stands after `count` bytes.
 *
 * @example
 * ```ts
 * import { rotateKey } from "@sockeye/ws/protocol";
 *
 * console.assert(rotateKey(0x04030201, 1) === 0x01040302);
 * ```
 */
export function rotateKey(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

const pool: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
let next: number = pool.length;

/**
 * A key from a cryptographic source (RFC 6455, section 10.3), 1,024 of them drawn at a time.
 *
 * @example
 * ```ts
 * import { freshKey } from "@sockeye/ws/protocol";
 *
 * const key = freshKey();
 * console.assert(key >= 0 && key < 2 ** 32);
 * ```
 */
export function freshKey(): number {
  if (next === pool.length) {
    crypto.getRandomValues(pool);
    next = 0;
  }
  return pool[next++]!;
}
