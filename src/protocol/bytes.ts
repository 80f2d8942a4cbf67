/**
 * The two buffers of a connection.
 *
 * ```
 *   pieces of a message -> Gatherer -> the whole message        (in)
 *   frames -> Output: one run of whole frames -> the transport  (out)
 * ```
 */

import { allocate, type Allocator, borrow, giveBack } from "./pool.ts";

/** The first capacity of either buffer, in bytes. */
const SMALL = 1024;

/**
 * Joins the pieces of a message, however small they are: what it holds are their bytes, and nothing for each piece. It
 * grows with what has really arrived, twofold, and at most fourfold to the length of the message where that was declared.
 * Nothing is reserved from that; it, or a limit, only keeps the memory from growing past what can be needed.
 */
export class Gatherer {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  /** The same, where it is borrowed. */
  #interim: Uint8Array<ArrayBuffer> | undefined;
  readonly #allocator: Allocator | undefined;

  /** Makes one whose messages of a declared length may lie in memory of the allocator's. */
  constructor(allocator?: Allocator) {
    this.#allocator = allocator;
  }

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Nothing has been gathered since the last `take`; an empty piece counts as something. */
  get idle(): boolean {
    return this.#bytes === undefined;
  }

  /**
   * Takes a copy of `chunk[start..end)`. `total` is the length of the whole message, where it is known; `limit` is what it
   * may come to, where it is not. Returns false, having taken nothing, where there is no memory of that size: with a large
   * enough limit a message can outgrow what the runtime has.
   */
  append(chunk: Uint8Array, start: number, end: number, total?: number, limit: number = Infinity): boolean {
    const needed = this.#length + end - start;
    if ((this.#bytes === undefined || needed > this.#bytes.length) && !this.#grow(needed, total, limit)) return false;
    this.#bytes!.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.#length);
    this.#length = needed;
    return true;
  }

  #grow(needed: number, total: number | undefined, limit: number): boolean {
    const isInterim = total !== undefined && total > SMALL && total > needed * 4;
    // Interim memory may be an eighth larger; where it holds a quarter of the message, memory for the whole comes next.
    const wanted = isInterim ? Math.min(needed * 3, Math.ceil(total / 4)) : total ?? Math.min(needed * 2, limit);
    const size = Math.max(needed, wanted, Math.min(SMALL, total ?? limit));
    const interim = isInterim ? borrow(size) : undefined;
    // In memory that is longer than the message, what lay there before could be seen around it.
    const allocator = size === total ? this.#allocator : undefined;
    const bytes = interim ?? allocate(size, allocator) ?? allocate(needed);
    if (bytes === undefined) return false;
    if (this.#bytes !== undefined) bytes.set(this.#bytes.subarray(0, this.#length));
    this.#giveBack();
    this.#interim = interim;
    this.#bytes = bytes;
    return true;
  }

  #giveBack(): void {
    if (this.#interim !== undefined) giveBack(this.#interim);
    this.#interim = undefined;
  }

  /** Takes a piece of a message of at most `limit` bytes. With the last one, gives the message, in memory of its own. */
  join(chunk: Uint8Array, start: number, end: number, last: boolean, limit: number): Uint8Array | undefined {
    if (last && this.idle) return new Uint8Array(chunk.subarray(start, end));
    this.append(chunk, start, end, limit);
    return last ? this.take() : undefined;
  }

  /** Gives the message away and begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    const length = this.#length;
    if (bytes === undefined) return new Uint8Array(0);
    // A short message must not keep a long buffer alive, nor what is only borrowed.
    const isItsOwn = this.#interim === undefined && length * 2 >= bytes.length;
    const message = isItsOwn ? bytes.subarray(0, length) : bytes.slice(0, length);
    this.clear();
    return isItsOwn && length === bytes.length ? this.#allocator?.renew?.(bytes) ?? message : message;
  }

  /** Forgets what was gathered. */
  clear(): void {
    this.#giveBack();
    this.#bytes = undefined;
    this.#length = 0;
  }
}

/** A run longer than this leaves before its time, and buffers larger than this are not used again. */
export const MAX_RUN = 262_144;
/** What the idle buffers may hold together, in bytes. */
const MAX_IDLE = 2_097_152;

/**
 * Runs begin so many bytes into their memory. Without it a payload would lie as far into its page as where it comes from, and
 * a header: to copy it takes Bun 40 us for 64 KiB, and 2 us with it.
 */
const LEAD = 256;

function makeRoom(size: number): Uint8Array<ArrayBuffer> {
  const borrowed = size > MAX_RUN ? borrow(LEAD + size) : undefined;
  return borrowed?.subarray(LEAD) ?? new Uint8Array(new ArrayBuffer(LEAD + size), LEAD);
}

const idle: Uint8Array<ArrayBuffer>[] = [];
let idleBytes = 0;

function toIdle(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length > MAX_RUN) giveBack(bytes);
  else if (idleBytes + bytes.length <= MAX_IDLE) {
    idle.push(bytes);
    idleBytes += bytes.length;
  }
}

/** Takes memory that a writer kept, or copied to, and has no use for any more, for what is to come. */
export function recycle(chunk: Uint8Array): void {
  const { buffer, byteOffset } = chunk;
  if (!giveBack(chunk) && byteOffset === LEAD) toIdle(new Uint8Array(buffer as ArrayBuffer, LEAD));
}

/** What takes the bytes of an `Output`. */
export interface Writer {
  /** It copies what it does not keep: then it is better to be given one chunk that it may keep. @default {false} */
  readonly copies?: boolean;
  /** Takes a chunk; returns whether it keeps the chunk itself, which is only allowed with `mayKeep`. */
  write(chunk: Uint8Array, mayKeep: boolean): boolean;
}

/**
 * What a connection has to say, gathered into one run of whole frames so that it leaves in one write. The buffer is
 * borrowed from the process when a run begins and goes back when the transport has taken it. A run of nothing but frames
 * that many connections share stays where they are.
 */
export class Output {
  /** The buffer of the run; valid after `reserve`, until the next call of another method. */
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** Bytes of the run. */
  length = 0;
  /** The run, where all of it is shared. */
  #shared: Uint8Array | undefined;
  readonly #writer: Writer;

  /** Makes an output that gives its runs to `writer`. */
  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** Makes room for `count` bytes more behind the run. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    if (this.length > 0 && this.length + count > MAX_RUN) this.flush();
    const needed = this.length + count;
    if (this.bytes.length === 0 && needed <= MAX_RUN) this.#borrow();
    if (needed > this.bytes.length) {
      const bytes = makeRoom(Math.max(SMALL, Math.min(this.bytes.length * 2, MAX_RUN), needed));
      bytes.set(this.bytes.subarray(0, this.length));
      this.bytes = bytes;
    }
    if (this.#shared === undefined) return;
    this.bytes.set(this.#shared);
    this.#shared = undefined;
  }

  #borrow(): void {
    const last = idle.pop();
    if (last === undefined) return;
    idleBytes -= last.length;
    this.bytes = last;
  }

  /** Puts bytes behind the run that others have too: nobody changes them. */
  share(chunk: Uint8Array): void {
    const isFirst = this.length === 0 && this.bytes.length === 0;
    const shared = isFirst ? chunk : this.#shared && joinNeighbours(this.#shared, chunk);
    if (shared === undefined) {
      this.reserve(chunk.length);
      this.bytes.set(chunk, this.length);
    } else this.#shared = shared;
    this.length += chunk.length;
  }

  /** Lets the run leave. */
  flush(): void {
    if (this.length === 0) return;
    const { bytes, length } = this;
    if (this.#shared !== undefined) {
      const run = this.#shared;
      this.#shared = undefined;
      this.length = 0;
      this.#writer.write(run, false);
      return;
    }
    this.bytes = NOTHING;
    this.length = 0;
    // What is kept counts as its bytes, so it must not be a few of them in a long buffer.
    const kept = this.#writer.write(runOf(bytes, length), length * 2 >= LEAD + bytes.length);
    if (!kept) toIdle(bytes);
  }

  /** Lets the run leave, and a chunk behind it that is too large to be copied. */
  through(chunk: Uint8Array, mayKeep: boolean): void {
    this.flush();
    this.#writer.write(chunk, mayKeep);
  }
}

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * The run that left last: mostly the next one lies in the same memory, and is as long. To make a view for each takes a tenth
 * of what the core needs for an echo of 32 bytes.
 */
const last = { bytes: NOTHING, run: NOTHING };

function runOf(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (bytes === last.bytes && length === last.run.length) return last.run;
  if (bytes.length > MAX_RUN) return bytes.subarray(0, length);
  last.bytes = bytes;
  return last.run = bytes.subarray(0, length);
}

/** What was joined last: one connection after another joins the same frames. */
const neighbours = { first: NOTHING as Uint8Array, second: NOTHING as Uint8Array, both: NOTHING as Uint8Array };

/** Both as one, where the second lies behind the first. */
function joinNeighbours(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  if (first === neighbours.first && second === neighbours.second) return neighbours.both;
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return undefined;
  neighbours.first = first;
  neighbours.second = second;
  return neighbours.both = new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}
