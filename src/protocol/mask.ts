/**
 * Masking (RFC 6455, section 5.3). A key is held as one 32-bit number with its first byte lowest, so that four bytes are
 * masked at a time, and a payload that comes in pieces goes on with the rotated key.
 */

/** Below this many bytes, making a 32-bit view costs more than it saves (about 100 ns). */
const WORDS_FROM = 96;

/**
 * From this many bytes on, vectors are worth copying the bytes to the memory of WebAssembly and back: 64 KiB take 6 µs in
 * the place of 18 on Node and Deno, of 11 on Bun.
 */
const LANES_FROM = 1_024;
/** Bytes that the kernel masks at a time, and those that are given to it at once. */
const STEP = 32;
const HALF_PAGE = 2_048;
const PIECE = 65_536 - HALF_PAGE;

/** What masks bytes of its memory; `run` returns 0 when the resulting ones are ASCII. */
interface Lanes {
  readonly memory: Uint8Array;
  readonly run: (at: number, length: number, key: number) => number;
}

let lanes: Lanes | "none" | undefined;

/**
 * One page of memory, and a function over it:
 *
 * ```wat
 * (func (export "run") (param $at i32) (param $length i32) (param $key i32) (result i32)
 *   (local $end i32) (local $keys v128) (local $seen v128) (local $masked v128)
 *   (local.set $keys (i32x4.splat (local.get $key)))
 *   (local.set $end (i32.add (local.get $at) (local.get $length)))
 *   (loop $next
 *     ;; twice, at offset 0 and 16:
 *     (v128.store (local.get $at) (local.tee $masked (v128.xor (v128.load (local.get $at)) (local.get $keys))))
 *     (local.set $seen (v128.or (local.get $seen) (local.get $masked)))
 *     (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
 *   (i8x16.bitmask (local.get $seen)))
 * ```
 */
const KERNEL =
  "AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQABBxACBm1lbW9yeQIAA3J1bgAAClwBWgIBfwN7IAL9ESEEIAAgAWohAwNAIAAgAP0ABAAgBP1RIgb9CwQAIAUgBv1QIQUgACAA/QAEECAE/VEiBv0LBBAgBSAG/VAhBSAAQSBqIgAgA0kNAAsgBf1kCw==";

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
  if (length < WORDS_FROM) return maskBytes(bytes, start, end, key);
  if (length >= LANES_FROM) {
    lanes ??= makeLanes();
    if (lanes !== "none") return maskLanes(bytes, start, end, key, lanes);
  }
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
  // Bytes up to the first 32-bit border of the buffer, whole words, and the rest.
  const lead = -(bytes.byteOffset + start) & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start + lead, (end - start - lead) >>> 2);
  let high = maskBytes(bytes, start, start + lead, key);
  const turned = rotateKey(key, lead);
  let seen = 0;
  let at = 0;
  for (const last = words.length - 3; at < last; at += 4) {
    const w0 = words[at]! ^ turned, w1 = words[at + 1]! ^ turned;
    const w2 = words[at + 2]! ^ turned, w3 = words[at + 3]! ^ turned;
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2;
    words[at + 3] = w3;
    seen |= w0 | w1 | w2 | w3;
  }
  for (; at < words.length; at++) seen |= words[at]! ^= turned;
  high |= seen & 0x80808080;
  return high | maskBytes(bytes, start + lead + words.length * 4, end, turned);
}

/** Copies piece by piece to the kernel's memory, and back. */
function maskLanes(bytes: Uint8Array, start: number, end: number, key: number, { memory, run }: Lanes): number {
  let high = 0;
  let at = start;
  while (end - at >= STEP) {
    const size = Math.min((end - at) & -STEP, PIECE);
    const piece = bytes.subarray(at, at + size);
    // In the other half of a page than it lies in: where both places are the same, Bun copies ten times as long.
    const place = ~piece.byteOffset & HALF_PAGE;
    memory.set(piece, place);
    high |= run(place, size, key);
    piece.set(viewOf(memory, place, size));
    at += size;
  }
  return high | maskBytes(bytes, at, end, key);
}

/** The two places, each as it was last seen: mostly messages are of one size, and to make a view costs as much as to mask. */
const views: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];

function viewOf(memory: Uint8Array, place: number, size: number): Uint8Array {
  const at = place === 0 ? 0 : 1;
  const view = views[at];
  return view.length === size ? view : views[at] = memory.subarray(place, place + size);
}

/** The kernel, where there is WebAssembly with vectors, and a page's policy allows it. */
function makeLanes(): Lanes | "none" {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(atob(KERNEL), codeOf)));
    const { memory, run } = exports as { memory: WebAssembly.Memory; run: Lanes["run"] };
    return { memory: new Uint8Array(memory.buffer), run };
  } catch {
    return "none";
  }
}

function codeOf(character: string): number {
  return character.charCodeAt(0);
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
