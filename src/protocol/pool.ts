/**
 * Large memory that is used again: for messages that are gathered, and for what waits until the peer takes it.
 *
 * New memory costs a fault for every page: to copy 1 MiB there takes 110 to 150 µs, and 30 µs to memory that was used before.
 * What lies in it from before is nobody's business: who borrows it shows no more of it than was written there. What nobody
 * borrows for some time, in collections of garbage, goes with the next one.
 */

/** Sizes that are worth it, in bytes. */
const SMALLEST = 65_536;
const LARGEST = 67_108_864;
/** What may wait for its next use, in bytes. */
const MAX_IDLE = 67_108_864;
/** So many collections of garbage pass by before what waits is garbage too. With none, 0.9 times the messages of 16 MiB. */
const MAX_AGE = 8;

/** A piece of memory. */
interface Piece {
  readonly memory: ArrayBuffer;
  isIdle: boolean;
  /** How many collections there had been when it was last given back. */
  since: number;
}

/** What waits for its next use, by size; what was given back last is at the end. */
const idle = new Map<number, Piece[]>();
let idleBytes = 0;
/** What was made here, idle or not. */
const made = new WeakMap<ArrayBufferLike, Piece>();

/** Collections that were counted: while anything waits. */
let collections = 0;
let isCounting = false;

/** Tells of a collection: it takes the object that was registered here, which nobody holds. */
const collector = new FinalizationRegistry<undefined>(() => {
  collections++;
  for (const pieces of idle.values()) {
    while (pieces.length > 0 && collections - pieces[0]!.since > MAX_AGE) take(pieces.shift()!);
  }
  isCounting = false;
  if (idleBytes > 0) countNext();
});

function countNext(): void {
  if (isCounting) return;
  isCounting = true;
  collector.register({}, undefined);
}

function take(piece: Piece): ArrayBuffer {
  piece.isIdle = false;
  idleBytes -= piece.memory.byteLength;
  return piece.memory;
}

/** Eight sizes between a power of two and the next one: a slow reader's memory is to be what it waits for. */
function roundUp(size: number): number {
  const step = 1 << (28 - Math.clz32(size - 1));
  return Math.ceil(size / step) * step;
}

/**
 * Lends memory of `size` bytes, and up to an eighth more, or up to twice as much where that lies idle; `undefined` where it is
 * not worth it, or not there.
 */
export function borrow(size: number): Uint8Array<ArrayBuffer> | undefined {
  if (size < SMALLEST || size > LARGEST) return undefined;
  const whole = roundUp(size);
  for (let fit = whole; fit <= whole * 2; fit = roundUp(fit + 1)) {
    const piece = idle.get(fit)?.pop();
    if (piece !== undefined) return new Uint8Array(take(piece));
  }
  const memory = allocate(whole);
  if (memory !== undefined) made.set(memory.buffer, { memory: memory.buffer, isIdle: false, since: 0 });
  return memory;
}

/** Takes back the memory that these bytes lie in, which nothing refers to any more; false where it was not borrowed. */
export function giveBack({ buffer }: Uint8Array): boolean {
  const piece = made.get(buffer);
  if (piece === undefined) return false;
  // Given back twice, it would be lent to two.
  if (piece.isIdle || idleBytes + buffer.byteLength > MAX_IDLE) return true;
  piece.isIdle = true;
  piece.since = collections;
  idleBytes += buffer.byteLength;
  const others = idle.get(buffer.byteLength);
  if (others === undefined) idle.set(buffer.byteLength, [piece]);
  else others.push(piece);
  countNext();
  return true;
}

/** Copies bytes that wait until the peer takes them, and are given back then. */
export function copyToPool(bytes: Uint8Array): Uint8Array {
  const memory = borrow(bytes.length);
  if (memory === undefined) return new Uint8Array(bytes);
  memory.set(bytes);
  return memory.subarray(0, bytes.length);
}

/**
 * Who has memory that is had faster than the language's, which is made of zeros.
 *
 * @example
 * ```ts
 * import type { Allocator } from "@sockeye/ws/protocol";
 * import { Buffer } from "node:buffer";
 *
 * const allocator: Allocator = {
 *   allocate: (size) => new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer),
 * };
 * console.assert(allocator.allocate(300_000)?.length === 300_000);
 * ```
 */
export interface Allocator {
  /**
   * Makes memory of so many bytes that may hold anything: all of it is written before any is shown. `undefined` where the
   * language's is as good; throws a `RangeError` where there is none of that size.
   */
  allocate(size: number): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Gives a message that fills its memory on, in an object that is new to the collector of garbage, which looks among the
   * young ones more often. Nothing else refers to the memory. @default {the message itself}
   */
  renew?(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** Makes new memory, the allocator's where there is one; `undefined` where there is none of that size. */
export function allocate(size: number, allocator?: Allocator): Uint8Array<ArrayBuffer> | undefined {
  try {
    return allocator?.allocate(size) ?? new Uint8Array(size);
  } catch {
    // The only thing that it throws for is a size that cannot be had.
    return undefined;
  }
}
