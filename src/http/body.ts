/**
 * The body of a message of HTTP, as bytes come: of a stated length, or in chunks (RFC 9112, 6 and 7.1). No time, no transport.
 *
 * ```
 *   bodyOf(head) -> nothing | a reader | the refusal (400, 413, 501)
 *   reader.push(chunk) -> how much it needs is not there yet | the body | RequestError
 * ```
 */

import { Gatherer } from "../protocol/bytes.ts";
import { MAX_HEAD_SIZE } from "../protocol/constants.ts";
import type { RequestHead, ResponseHead } from "../protocol/head.ts";
import { quote } from "../protocol/headers.ts";
import { RequestError } from "./exchange.ts";

const CR = 0x0d;
const LF = 0x0a;

/** Reads one body. */
export interface BodyReader {
  /** Takes bytes from the peer. Gives the body when it is whole, `undefined` when it needs more. */
  push(chunk: Uint8Array): Uint8Array | RequestError | undefined;
}

/** What reads the body that a head announces; `undefined` when there is none, the refusal when it cannot be read. */
export function bodyOf(
  { version, fields }: RequestHead | ResponseHead,
  maxSize: number,
): BodyReader | RequestError | undefined {
  const coding = fields.get("transfer-encoding");
  if (coding !== null) {
    if (version === "1.0") return new RequestError(400, "Cannot read the body: HTTP/1.0 has no Transfer-Encoding");
    if (coding.toLowerCase() !== "chunked") {
      return new RequestError(501, `Cannot read the body: Transfer-Encoding is ${quote(coding)}, wanted chunked`);
    }
    return new ChunkedReader(maxSize);
  }
  // A list, which the head's reader lets pass where all of it says the same, is read by its first element.
  const length = Number.parseInt(fields.get("content-length") ?? "0", 10);
  if (length > maxSize) return tooLarge(maxSize);
  return length === 0 ? undefined : new LengthReader(length);
}

function tooLarge(maxSize: number): RequestError {
  return new RequestError(413, `Cannot read the body: it is over the limit of ${maxSize} bytes (maxBodySize)`);
}

class LengthReader implements BodyReader {
  readonly #gatherer: Gatherer = new Gatherer();
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  push(chunk: Uint8Array): Uint8Array | RequestError | undefined {
    const missing = this.#length - this.#gatherer.length;
    const end = Math.min(chunk.length, missing);
    if (!this.#gatherer.append(chunk, 0, end, this.#length)) return tooLarge(this.#length);
    return chunk.length < missing ? undefined : this.#gatherer.take();
  }
}

/** Reads `size[;extension] CR LF data CR LF` until the size is 0, then lines up to an empty one. */
class ChunkedReader implements BodyReader {
  readonly #maxSize: number;
  readonly #gatherer: Gatherer = new Gatherer();
  #size = 0;
  #state: "size" | "data" | "end of data" | "trailer" = "size";
  /** Bytes of the chunk that have not come. */
  #missing = 0;
  /** The line so far. */
  #line = "";
  /** Bytes of all lines: what is no data is bounded too. */
  #overhead = 0;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  push(chunk: Uint8Array): Uint8Array | RequestError | undefined {
    for (let at = 0; at < chunk.length;) {
      if (this.#state === "data") {
        const end = Math.min(chunk.length, at + this.#missing);
        if (!this.#gatherer.append(chunk, at, end, undefined, this.#maxSize)) return tooLarge(this.#maxSize);
        this.#missing -= end - at;
        at = end;
        if (this.#missing === 0) this.#state = "end of data";
        continue;
      }
      const byte = chunk[at++]!;
      if (byte !== LF) {
        if (this.#overhead++ > this.#maxSize + MAX_HEAD_SIZE) return tooLarge(this.#maxSize);
        this.#line += String.fromCharCode(byte);
        if (this.#line.length > MAX_HEAD_SIZE) return malformed("a line is too long");
        continue;
      }
      if (this.#line.charCodeAt(this.#line.length - 1) !== CR) return malformed("a line ends with LF alone");
      const line = this.#line.slice(0, -1);
      this.#line = "";
      if (this.#state === "trailer") {
        if (line === "") return this.#gatherer.take();
        continue;
      }
      const fault = this.#state === "size" ? this.#begin(line) : this.#finish(line);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #begin(line: string): RequestError | undefined {
    const digits = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;|$)/.exec(line)?.[1];
    if (digits === undefined) return malformed(`the size of a chunk is ${quote(line)}, wanted hexadecimal digits`);
    this.#missing = Number.parseInt(digits, 16);
    this.#size += this.#missing;
    if (this.#size > this.#maxSize) return tooLarge(this.#maxSize);
    this.#state = this.#missing === 0 ? "trailer" : "data";
    return undefined;
  }

  #finish(line: string): RequestError | undefined {
    if (line !== "") return malformed(`behind a chunk is ${quote(line)}, wanted the end of the line`);
    this.#state = "size";
    return undefined;
  }
}

function malformed(why: string): RequestError {
  return new RequestError(400, `Cannot read the body: ${why}`);
}
