/**
 * Reads HTTP/1.1 heads, the request's and the response's, out of bytes (RFC 9112, 2 to 6).
 *
 * ```
 *   chunk -> HeadReader.push -> start line -> field -> field -> ... -> empty line -> head, and what is left over
 *               ^     |             |           |
 *               |     |             `-----------`---> WebSocketError
 *               `-----`--- undefined: more is needed
 * ```
 *
 * The reader looks at each byte once, as it comes, wherever the chunks are cut: it is linear, and refuses garbage at
 * the first wrong byte. It is as strict as the RFC lets it be, because what two readers read in two ways is how
 * requests are smuggled.
 */

import { MAX_HEAD_FIELDS, MAX_HEAD_SIZE } from "./constants.ts";
import { WebSocketError } from "./errors.ts";
import { Fields, isTargetChar, type RequestHead, type ResponseHead, VALUE_CHARS } from "./fields.ts";
import { isDigit, quote, TOKEN_CHARS, trimSpace } from "./headers.ts";

export { Fields, type RequestHead, type ResponseHead } from "./fields.ts";
export { formatHead, formatText, reasonPhrase } from "./head_format.ts";

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const ZERO = 0x30;

const HTTP = "HTTP/1.";
const NOTHING: Uint8Array = new Uint8Array(0);
const decoder: TextDecoder = new TextDecoder();

/**
 * The head that a reader of that kind gives.
 *
 * @example
 * ```ts
 * import { type HeadOf, HeadReader } from "@sockeye/ws/protocol";
 *
 * const found = new HeadReader("response").push(new TextEncoder().encode("HTTP/1.1 404 Not Found\r\n\r\n"));
 * console.assert((found as HeadOf<"response">).status === 404);
 * ```
 */
export type HeadOf<K extends "request" | "response"> = K extends "request" ? RequestHead : ResponseHead;

/**
 * What a head may not exceed.
 *
 * @example
 * ```ts
 * import { type HeadLimits, HeadReader, WebSocketError } from "@sockeye/ws/protocol";
 *
 * const limits: HeadLimits = { maxHeadSize: 32, maxHeadFields: 8 };
 * const found = new HeadReader("request", limits).push(new TextEncoder().encode(`GET /${"x".repeat(64)} HTTP/1.1\r\n`));
 * console.assert(found instanceof WebSocketError && found.code === "WS_HEAD_TOO_LARGE");
 * ```
 */
export interface HeadLimits {
  /** Bytes, from the first that came to the last of the empty line that ends the head. @default {16384} */
  readonly maxHeadSize: number;
  /** Fields. @default {128} */
  readonly maxHeadFields: number;
}

// What the next byte belongs to. A head runs through them in this order, and from FIELD_LF back to FIELD.
const BEGIN = 0; // a request: its first byte
const BEGIN_LF = 1; // a request: the second half of an empty line before it (RFC 9112, 2.2)
const METHOD = 2;
const TARGET = 3;
const VERSION = 4;
const STATUS = 5; // a response: a space and three digits
const REASON = 6; // a response: the byte behind the status
const WORDS = 7;
const LINE_CR = 8;
const LINE_LF = 9;
const FIELD = 10; // the first byte of a line
const NAME = 11;
const VALUE = 12;
const FIELD_LF = 13;
const END_LF = 14;
const DONE = 15;

/**
 * Reads one head out of chunks of bytes.
 *
 * One empty line may come before a request, and a response may lack the space behind its status. Refused are: a line
 * that ends with LF alone, CR without LF, control characters, folded lines, white space before a colon, a name that is
 * no token, a first line that is not exactly `METHOD target HTTP/1.1` or `HTTP/1.1 status reason` (or 1.0), and a length
 * that can be read in two ways (RFC 9112, 6.3).
 *
 * @example
 * ```ts
 * import { HeadReader, WebSocketError } from "@sockeye/ws/protocol";
 *
 * const reader = new HeadReader("request");
 * const bytes = new TextEncoder().encode("GET /chat HTTP/1.1\r\nHost: a.example\r\n\r\nmore");
 * console.assert(reader.push(bytes.subarray(0, 20)) === undefined);
 * const head = reader.push(bytes.subarray(20));
 * if (head === undefined || head instanceof WebSocketError) throw head;
 * console.assert(head.target === "/chat" && head.fields.get("host") === "a.example");
 * console.assert(reader.leftover.length === 4);
 * ```
 */
export class HeadReader<K extends "request" | "response"> {
  readonly #kind: K;
  readonly #maxSize: number;
  readonly #maxFields: number;
  #state: number;
  #fault: WebSocketError | undefined;
  #leftover: Uint8Array = NOTHING;
  /** What came in earlier chunks: the first `#size` bytes of `#kept`. */
  #kept: Uint8Array = NOTHING;
  #size = 0;
  /** Bytes of the version, then of the status, that have been seen. */
  #matched = 0;
  #ascii = true;
  // Where things are in the head, counted from the first byte that came.
  #lineStart = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #lineEnd = 0;
  /** The colon and the CR of each field. */
  readonly #marks: number[] = [];

  /**
   * Makes a reader for one head.
   *
   * @throws {RangeError} When a limit is not a whole number above 0.
   */
  constructor(kind: K, limits: Partial<HeadLimits> = {}) {
    this.#kind = kind;
    this.#state = kind === "request" ? BEGIN : VERSION;
    this.#maxSize = checkLimit("maxHeadSize", limits.maxHeadSize ?? MAX_HEAD_SIZE);
    this.#maxFields = checkLimit("maxHeadFields", limits.maxHeadFields ?? MAX_HEAD_FIELDS);
  }

  /** The bytes behind the head: a view of the chunk that ended it. Empty before that. */
  get leftover(): Uint8Array {
    return this.#leftover;
  }

  /**
   * Takes the next bytes. Gives the head when it is whole, `undefined` when it needs more. What is no head, or is over
   * a limit, comes back as a `WebSocketError` (`WS_INVALID_HEAD`, `WS_HEAD_TOO_LARGE`), at this call and at all later
   * ones. Of the chunk nothing is held afterwards but what is `leftover`.
   *
   * @throws {TypeError} When the head has been given before.
   */
  push(chunk: Uint8Array): HeadOf<K> | WebSocketError | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#state === DONE) throw new TypeError(`Cannot read a ${this.#kind} head: this reader has read one`);
    const room = Math.min(chunk.length, this.#maxSize - this.#size);
    const end = this.#scan(chunk, room);
    if (this.#fault !== undefined) return this.#fault;
    // The scan has moved the state, which the type checker does not see.
    if (this.#state as number !== DONE) {
      if (this.#size + room === this.#maxSize) return this.#refuseSize(`${this.#maxSize} bytes (maxHeadSize)`);
      this.#keep(chunk, room);
      return undefined;
    }
    let whole = end === chunk.length ? chunk : chunk.subarray(0, end);
    if (this.#size > 0) {
      this.#keep(chunk, end);
      whole = this.#kept.subarray(0, this.#size);
      this.#kept = NOTHING;
    }
    const text = this.#ascii ? decoder.decode(whole) : decodeLatin1(whole);
    const fields = Fields.read(text, this.#lineEnd + 2, this.#marks);
    const fault = framingFault(this.#kind, fields);
    if (fault !== undefined) return this.#refuse(fault);
    if (end < chunk.length) this.#leftover = chunk.subarray(end);
    const head: RequestHead | ResponseHead = this.#kind === "request"
      ? this.#request(text, fields)
      : this.#response(text, fields);
    return head as HeadOf<K>;
  }

  #request(text: string, fields: Fields): RequestHead {
    return {
      kind: "request",
      method: text.slice(this.#lineStart, this.#methodEnd),
      target: text.slice(this.#methodEnd + 1, this.#targetEnd),
      version: text.charCodeAt(this.#lineEnd - 1) === ZERO ? "1.0" : "1.1",
      fields,
    };
  }

  #response(text: string, fields: Fields): ResponseHead {
    const status = HTTP.length + 2;
    return {
      kind: "response",
      version: text.charCodeAt(HTTP.length) === ZERO ? "1.0" : "1.1",
      status: Number(text.slice(status, status + 3)),
      reason: text.slice(status + 4, this.#lineEnd),
      fields,
    };
  }

  /** Copies the beginning of a chunk behind what is kept. The room doubles, for this has to be linear too. */
  #keep(chunk: Uint8Array, end: number): void {
    const size = this.#size + end;
    if (size > this.#kept.length) {
      const grown = new Uint8Array(Math.min(this.#maxSize, Math.max(size, 2 * this.#kept.length, 512)));
      grown.set(this.#kept.subarray(0, this.#size));
      this.#kept = grown;
    }
    this.#kept.set(chunk.subarray(0, end), this.#size);
    this.#size = size;
  }

  /** Looks at the bytes before `end`. Gives the index behind the last that belongs to the head. */
  #scan(chunk: Uint8Array, end: number): number {
    const base = this.#size;
    let state = this.#state;
    let i = 0;
    while (i < end && state !== DONE) {
      switch (state) {
        case BEGIN:
          state = chunk[i] === CR ? BEGIN_LF : METHOD;
          if (state === BEGIN_LF) i++;
          break;
        case BEGIN_LF:
          if (chunk[i] !== LF) return this.#refuseByte(chunk, i, "LF behind CR");
          this.#lineStart = base + ++i;
          state = METHOD;
          break;
        case METHOD:
          while (i < end && TOKEN_CHARS[chunk[i]!] === 1) i++;
          if (i === end) break;
          if (chunk[i] !== SPACE || base + i === this.#lineStart) {
            return this.#refuseByte(chunk, i, "a method and a space, as in GET / HTTP/1.1");
          }
          this.#methodEnd = base + i++;
          state = TARGET;
          break;
        case TARGET:
          while (i < end && isTargetChar(chunk[i]!)) i++;
          if (i === end) break;
          if (chunk[i] !== SPACE || base + i === this.#methodEnd + 1) {
            return this.#refuseByte(chunk, i, "a target in visible ASCII and a space, as in GET / HTTP/1.1");
          }
          this.#targetEnd = base + i++;
          state = VERSION;
          break;
        case VERSION:
          if (!isVersionByte(chunk[i]!, this.#matched)) {
            return this.#refuseByte(chunk, i, "HTTP/1.1 or HTTP/1.0", HTTP.slice(0, this.#matched));
          }
          i++;
          if (++this.#matched <= HTTP.length) break;
          this.#matched = 0;
          state = this.#kind === "request" ? LINE_CR : STATUS;
          break;
        case STATUS:
          if (!isStatusByte(chunk[i]!, this.#matched)) {
            return this.#refuseByte(chunk, i, "a space and a status of three digits, 100 or above");
          }
          i++;
          if (++this.#matched === 4) state = REASON;
          break;
        case REASON:
          if (chunk[i] !== SPACE && chunk[i] !== CR) return this.#refuseByte(chunk, i, "a space behind the status");
          state = WORDS;
          break;
        case WORDS:
          i = this.#valueEnd(chunk, i, end);
          if (i < end) state = LINE_CR;
          break;
        case LINE_CR:
          if (chunk[i] !== CR) return this.#refuseByte(chunk, i, "CR LF at the end of the first line");
          this.#lineEnd = base + i++;
          state = LINE_LF;
          break;
        case LINE_LF:
        case FIELD_LF:
          if (chunk[i] !== LF) return this.#refuseByte(chunk, i, "LF behind CR");
          i++;
          state = FIELD;
          break;
        case FIELD:
          if (chunk[i] === CR) {
            i++;
            state = END_LF;
            break;
          }
          if (TOKEN_CHARS[chunk[i]!] !== 1) {
            return this.#refuseByte(chunk, i, "a field name, or CR LF at the end of the head");
          }
          if (this.#marks.length === 2 * this.#maxFields) {
            this.#refuseSize(`${this.#maxFields} fields (maxHeadFields)`);
            return i;
          }
          state = NAME;
          break;
        case NAME:
          while (i < end && TOKEN_CHARS[chunk[i]!] === 1) i++;
          if (i === end) break;
          if (chunk[i] !== COLON) return this.#refuseByte(chunk, i, "a colon right behind the field name");
          this.#marks.push(base + i++);
          state = VALUE;
          break;
        case VALUE:
          i = this.#valueEnd(chunk, i, end);
          if (i === end) break;
          if (chunk[i] !== CR) return this.#refuseByte(chunk, i, "a field value of printable bytes, CR LF behind it");
          this.#marks.push(base + i++);
          state = FIELD_LF;
          break;
        case END_LF:
          if (chunk[i] !== LF) return this.#refuseByte(chunk, i, "LF behind CR");
          i++;
          state = DONE;
          break;
      }
    }
    this.#state = state;
    return i;
  }

  /** Where the run of bytes that a value may hold ends. */
  #valueEnd(chunk: Uint8Array, i: number, end: number): number {
    let kinds = 0;
    for (let kind = 0; i < end && (kind = VALUE_CHARS[chunk[i]!]!) !== 0; i++) kinds |= kind;
    if (kinds > 1) this.#ascii = false;
    return i;
  }

  #refuse(text: string): WebSocketError {
    this.#kept = NOTHING;
    return this.#fault = new WebSocketError("WS_INVALID_HEAD", `Cannot read a ${this.#kind} head: ${text}`);
  }

  #refuseSize(limit: string): WebSocketError {
    this.#kept = NOTHING;
    return this.#fault = new WebSocketError(
      "WS_HEAD_TOO_LARGE",
      `Cannot read a ${this.#kind} head: it is over the limit of ${limit}`,
    );
  }

  #refuseByte(chunk: Uint8Array, i: number, wanted: string, before: string = ""): number {
    const at = this.#size + i;
    // A ClientHello and an alert, the two TLS records that can open a connection.
    const hint = at === 0 && (chunk[i] === 0x16 || chunk[i] === 0x15) ? " (this looks like TLS)" : "";
    this.#refuse(`met ${quote(before + String.fromCharCode(chunk[i]!))} at byte ${at}${hint}, wanted ${wanted}`);
    return i;
  }
}

function checkLimit(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot read a head: ${name} is ${value}, wanted a whole number above 0`);
}

/** Whether a byte is the one at that place of `HTTP/1.1` or `HTTP/1.0`. */
function isVersionByte(byte: number, at: number): boolean {
  return at < HTTP.length ? byte === HTTP.charCodeAt(at) : byte === ZERO || byte === ZERO + 1;
}

/** Whether a byte is one that may stand at that place of a space and three digits, the first of them not 0. */
function isStatusByte(byte: number, at: number): boolean {
  return at === 0 ? byte === SPACE : isDigit(byte) && (at > 1 || byte !== ZERO);
}

/** Text of one character for each byte. The web's "latin1" decoder is no help: it reads windows-1252. */
function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

/** What leaves it open where the body ends (RFC 9112, 6.3), or `undefined` when nothing does. */
function framingFault(kind: "request" | "response", fields: Fields): string | undefined {
  const length = fields.get("content-length");
  if (length === null) return undefined;
  if (kind === "request" && fields.has("transfer-encoding")) {
    return "both Content-Length and Transfer-Encoding are there, wanted one of them";
  }
  // One that is repeated, be it in a list, is harmless as long as all say the same.
  const [first, ...others] = length.split(",").map((value) => trimSpace(value));
  if (!isDigits(first!) || others.some((other) => other !== first)) {
    return `Content-Length is ${quote(length)}, wanted one number`;
  }
  return undefined;
}

function isDigits(text: string): boolean {
  let at = 0;
  while (at < text.length && isDigit(text.charCodeAt(at))) at++;
  return at > 0 && at === text.length;
}
