/**
 * Bytes in memory with one position to read and write at, as a file has it: the body of a `Message`. Nothing in it waits, so
 * nothing in it returns a promise.
 */

import { show } from "../protocol/headers.ts";

/**
 * What can be written: text goes as UTF-8.
 *
 * @example
 * ```ts
 * import { MemoryStream, type Writable } from "@sockeye/ws";
 *
 * const pieces: Writable[] = ["Hello, ", Uint8Array.of(0x79, 0x6f, 0x75)];
 * const stream = new MemoryStream();
 * for (const piece of pieces) stream.write(piece);
 * console.assert(stream.size() === 10);
 * ```
 */
export type Writable = string | ArrayBuffer | ArrayBufferView;

/**
 * Where `seek` counts from: 0 the start, 1 the position, 2 the end.
 *
 * @example
 * ```ts
 * import { MemoryStream, type Whence } from "@sockeye/ws";
 *
 * const end: Whence = 2;
 * const stream = new MemoryStream();
 * stream.write("Hello");
 * stream.seek(-1, end);
 * console.assert(stream.tell() === 4);
 * ```
 */
export type Whence = 0 | 1 | 2;

/** The first capacity, in bytes. */
const SMALL = 64;

const encoder = new TextEncoder();

/**
 * Bytes in memory with a position.
 *
 * @example
 * ```ts
 * import { MemoryStream } from "@sockeye/ws";
 *
 * const stream = new MemoryStream();
 * stream.write("Hello, ");
 * stream.write(Uint8Array.of(0x79, 0x6f, 0x75));
 * stream.rewind();
 * console.assert(stream.read(5)?.length === 5);
 * console.assert(stream.tell() === 5 && stream.size() === 10);
 * console.assert(new TextDecoder().decode(stream.readAll()!) === ", you");
 * console.assert(stream.read() === null);
 * ```
 */
export class MemoryStream {
  /** What is held, and room behind it. */
  #room: Uint8Array;
  #size: number;
  #at = 0;

  /** Makes a stream, empty or of a copy of `content`, with its position at the start. */
  constructor(content: Writable = "") {
    // Not `slice`: Node's Buffer has one that does not copy.
    this.#room = new Uint8Array(toBytes(content));
    this.#size = this.#room.length;
  }

  /** Makes a stream of bytes that the caller gives away. */
  static of(bytes: Uint8Array): MemoryStream {
    const stream = new MemoryStream();
    stream.#room = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    stream.#size = bytes.length;
    return stream;
  }

  /** All that is held, wherever the position is: a view that is lent until the next write. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#size);
  }

  /**
   * Reads up to `count` bytes, by default all there are, and moves the position behind them. `null` at the end.
   *
   * @throws {RangeError} When `count` is not a whole number; a negative one reads all.
   */
  read(count: number = -1): Uint8Array | null {
    if (!Number.isInteger(count) && count !== Infinity) {
      throw new RangeError(`Cannot read: count is ${show(count)}, wanted a whole number`);
    }
    if (this.#at === this.#size) return null;
    const start = this.#at;
    this.#at = count < 0 ? this.#size : Math.min(this.#size, start + count);
    return this.#room.slice(start, this.#at);
  }

  /** Reads from the position to the end. `null` at the end. */
  readAll(): Uint8Array | null {
    return this.read();
  }

  /**
   * Writes at the position, over what is there and on behind it, and moves the position behind it.
   *
   * @throws {TypeError} When `data` is neither text nor bytes.
   */
  write(data: Writable): void {
    const bytes = toBytes(data);
    const end = this.#at + bytes.length;
    this.#reserve(end);
    this.#room.set(bytes, this.#at);
    this.#at = end;
    if (end > this.#size) this.#size = end;
  }

  /** Moves the position to the start. */
  rewind(): void {
    this.#at = 0;
  }

  /**
   * Moves the position, counted in bytes from the start, from where it is (`whence` 1) or from the end (`whence` 2).
   *
   * @throws {RangeError} When it would be before the start or behind the end, or `whence` is none of the three.
   * @throws {TypeError} When `offset` is no number.
   */
  seek(offset: number, whence: Whence = 0): void {
    if (whence !== 0 && whence !== 1 && whence !== 2) {
      throw new RangeError(`Cannot seek: whence is ${show(whence)}, wanted 0 (start), 1 (position) or 2 (end)`);
    }
    if (typeof offset !== "number") throw new TypeError(`Cannot seek: offset is ${show(offset)}, wanted a number`);
    const at = offset + (whence === 0 ? 0 : whence === 1 ? this.#at : this.#size);
    if (!Number.isInteger(at) || at < 0 || at > this.#size) {
      throw new RangeError(`Cannot seek: position is ${at}, wanted a whole number from 0 to ${this.#size}`);
    }
    this.#at = at;
  }

  /** The position, in bytes from the start. */
  tell(): number {
    return this.#at;
  }

  /** How many bytes there are. */
  size(): number {
    return this.#size;
  }

  /**
   * Cuts the stream to `size` bytes, or makes it longer with zeros. The position stays, or is at the end when it would be
   * behind it.
   *
   * @throws {RangeError} When `size` is not a whole number of at least 0.
   */
  truncate(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(`Cannot truncate: size is ${show(size)}, wanted a whole number of at least 0`);
    }
    this.#reserve(size);
    // What was cut off must not come back when the stream grows again.
    if (size < this.#size) this.#room.fill(0, size, this.#size);
    this.#size = size;
    if (this.#at > size) this.#at = size;
  }

  #reserve(size: number): void {
    if (size <= this.#room.length) return;
    const room = new Uint8Array(Math.max(SMALL, size, this.#room.length * 2));
    room.set(this.bytes);
    this.#room = room;
  }
}

/** Text as UTF-8, and the bytes of an ArrayBuffer or a view as they are. Throws a `TypeError` for anything else. */
export function toBytes(data: Writable): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError(`Cannot write: data is ${show(data)}, wanted a string, an ArrayBuffer or a view`);
}
