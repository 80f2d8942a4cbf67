/**
 * Large memory that is used again: for messages that are gathered, and for what waits until the peer takes it.
 *
 * New memory costs a fault for every page: to copy 1 MiB there takes 110 to 150 µs, and 30 µs to memory that was used before.
 * What lies in it from before is nobody's business: who borrows it shows no more of it than was written there.
 */

/** Sizes that are worth it. */
const SMALLEST = 65_536;
const LARGEST = 4_194_304;
/** What waits for its next use, in bytes. */
const MAX_IDLE = 8_388_608;

/** By size; the size that came first makes room first. */
const idle = new Map<number, Uint8Array<ArrayBuffer>[]>();
let idleBytes = 0;
/** What was made here, idle or not. */
const made = new WeakMap<ArrayBufferLike, Uint8Array<ArrayBuffer>>();

/** Eight sizes between a power of two and the next one: a slow reader's memory is to be what it waits for. */
function roundUp(size: number): number {
  const step = 1 << (28 - Math.clz32(size - 1));
  return Math.ceil(size / step) * step;
}

/** Lends memory of `size` bytes, and up to an eighth more; `undefined` where that is not worth it, or not there. */
export function borrow(size: number): Uint8Array<ArrayBuffer> | undefined {
  if (size < SMALLEST || size > LARGEST) return undefined;
  const whole = roundUp(size);
  const used = takeIdle(whole);
  if (used !== undefined) return used;
  const memory = allocate(whole);
  if (memory !== undefined) made.set(memory.buffer, memory);
  return memory;
}

function takeIdle(size: number): Uint8Array<ArrayBuffer> | undefined {
  const all = idle.get(size);
  const memory = all?.pop();
  if (memory === undefined) return undefined;
  if (all!.length === 0) idle.delete(size);
  idleBytes -= size;
  return memory;
}

/** Takes back the memory that these bytes lie in, which nothing refers to any more; false where it was not borrowed. */
export function giveBack({ buffer }: Uint8Array): boolean {
  const memory = made.get(buffer);
  if (memory === undefined) return false;
  const others = idle.get(memory.length) ?? [];
  // Given back twice, it would be lent to two.
  if (others.includes(memory)) return true;
  for (const size of idle.keys()) {
    while (idleBytes + memory.length > MAX_IDLE && takeIdle(size) !== undefined);
  }
  idleBytes += memory.length;
  others.push(memory);
  idle.set(memory.length, others);
  return true;
}

/** Copies bytes that wait until the peer takes them, and are given back then. */
export function copyToPool(bytes: Uint8Array): Uint8Array {
  const memory = borrow(bytes.length);
  if (memory === undefined) return new Uint8Array(bytes);
  memory.set(bytes);
  return memory.subarray(0, bytes.length);
}

/** Who has memory that is had faster than the language's, which is made of zeros. */
export interface Allocator {
  /**
   * Makes memory that may hold anything: all of it is written before any is shown. `undefined` where the language's is as
   * good; throws a `RangeError` where there is none of that size.
   */
  allocate?(size: number): Uint8Array<ArrayBuffer> | undefined;
}

/** Makes new memory, the allocator's where there is one; `undefined` where there is none of that size. */
export function allocate(size: number, allocator?: Allocator): Uint8Array<ArrayBuffer> | undefined {
  try {
    return allocator?.allocate?.(size) ?? new Uint8Array(size);
  } catch {
    // The only thing that it throws for is a size that cannot be had.
    return undefined;
  }
}
