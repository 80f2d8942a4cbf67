/**
 * What passed last, up to a number of bytes: all that a new DEFLATE context has to know to go on where another one stopped.
 */

/** The first capacity, in bytes; a connection with little traffic holds little. */
const SMALL = 512;

/** Bytes of the header of a stored block that begins at a byte. */
export const STORED_HEADER = 5;

/** A ring of the last bytes, which grows up to its size. */
export class History {
  readonly #size: number;
  #ring: Uint8Array = new Uint8Array(0);
  /** Where the next byte goes. */
  #at = 0;
  /** The ring has its full size and is full: its oldest byte is where the next one goes. */
  #full = false;

  /** Makes one that holds up to `size` bytes, which is at most 65,535. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes held. */
  get length(): number {
    return this.#full ? this.#size : this.#at;
  }

  /** Takes a copy of `bytes[start..end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (end - start > this.#size) start = end - this.#size;
    if (!this.#full) this.#reserve(Math.min(this.#size, this.#at + end - start));
    const ring = this.#ring;
    const first = Math.min(end, start + ring.length - this.#at);
    ring.set(bytes.subarray(start, first), this.#at);
    this.#at += first - start;
    if (this.#at < this.#size) return;
    this.#full = true;
    if (first < end) ring.set(bytes.subarray(first, end), 0);
    this.#at = end - first;
  }

  #reserve(wanted: number): void {
    if (wanted <= this.#ring.length) return;
    // Fourfold: what is left behind lies in the heap for a while.
    const ring = new Uint8Array(Math.min(this.#size, Math.max(SMALL, wanted, this.#ring.length * 4)));
    ring.set(this.#ring.subarray(0, this.#at));
    this.#ring = ring;
  }

  /**
   * Writes the same as a stored block (RFC 1951, section 3.2.4) that is not final: what inflates it has it in its window.
   * Returns the block's length, which is `STORED_HEADER` more than what is held.
   */
  writeStoredBlock(block: Uint8Array): number {
    const { length } = this;
    block[0] = 0;
    block[1] = length;
    block[2] = length >> 8;
    block[3] = ~length;
    block[4] = ~length >> 8;
    this.write(block, STORED_HEADER);
    return STORED_HEADER + length;
  }

  /** Writes what is held, the oldest first, from `bytes[at]` on. */
  write(bytes: Uint8Array, at: number): void {
    if (this.#full) bytes.set(this.#ring.subarray(this.#at), at);
    bytes.set(this.#ring.subarray(0, this.#at), this.#full ? at + this.#size - this.#at : at);
  }
}
