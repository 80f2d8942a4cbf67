/**
 * The answer to a request, as handlers put it together. The door that lent the request sends it, when all have run.
 *
 * ```
 *   handler -> setHeader, addCookie, write, ... -> HttpResponse -> the door -> the peer
 *   handler -> a web Response ----> adopt() ---------^
 * ```
 */

import { Fields } from "../protocol/head.ts";
import { show } from "../protocol/headers.ts";
import { toJson } from "../socket/check.ts";
import { type Cookie, formatCookie } from "./cookies.ts";

export type { Cookie } from "./cookies.ts";

const encoder: TextEncoder = new TextEncoder();

/**
 * The value of a field, or several for as many fields of the name.
 *
 * @example
 * ```ts
 * import { type FieldValue, handler } from "@sockeye/ws/http";
 *
 * const value: FieldValue = "no-store";
 * console.assert(typeof handler((req) => req.response.setHeader("cache-control", value)) === "object");
 * ```
 */
export type FieldValue = string | number | readonly (string | number)[];

/**
 * The answer to a request.
 *
 * @example
 * ```ts
 * import { handler } from "@sockeye/ws/http";
 *
 * const hello = handler((req) => {
 *   req.response.setHeader("content-type", "text/plain; charset=utf-8");
 *   req.response.addCookie({ name: "seen", value: "1", httpOnly: true });
 *   req.response.write("hello");
 * });
 * ```
 */
export class HttpResponse {
  #status = 200;
  #fields: Fields | undefined;
  #chunks: Uint8Array[] = [];
  #stream: ReadableStream<Uint8Array> | undefined;
  #ended = false;

  /**
   * The status of the answer. A handshake that succeeds is answered with 101, whatever stands here.
   *
   * @default {200}
   * @throws {RangeError} On setting, when it is not a whole number of 200 to 599.
   */
  get statusCode(): number {
    return this.#status;
  }
  set statusCode(status: number) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`Cannot set the status: met ${show(status)}, wanted 200 to 599`);
    }
    this.#status = status;
  }

  /** The same as `statusCode`. */
  get status(): number {
    return this.#status;
  }
  set status(status: number) {
    this.statusCode = status;
  }

  /** The fields of the answer. Those that frame it (`Connection`, `Content-Length`, `Transfer-Encoding`) the door writes. */
  get headers(): Fields {
    return this.#fields ??= new Fields();
  }

  /** Whether a field was set; does not make the list of them. */
  get hasHeaders(): boolean {
    return this.#fields !== undefined && this.#fields.size > 0;
  }

  /** The first value of a field, `null` when it is absent. */
  firstHeader(name: string): string | null {
    return this.#fields?.all(name)[0] ?? null;
  }

  /** Whether there is a field of that name. */
  hasHeader(name: string): boolean {
    return this.#fields?.has(name) ?? false;
  }

  /** All values of a field. */
  allHeader(name: string): string[] {
    return this.#fields?.all(name) ?? [];
  }

  /**
   * Sets a field in the place of those of the same name; a list sets one for each of its elements.
   *
   * @throws {TypeError} When the name is no token, or a value holds a line break or another character that no field may.
   */
  setHeader(name: string, value: FieldValue): void;
  /** Sets each field of an object. Throws as with a name and a value. */
  setHeader(fields: Readonly<Record<string, FieldValue>>): void;
  setHeader(name: string | Readonly<Record<string, FieldValue>>, value?: FieldValue): void {
    this.#putHeader(name, value, true);
  }

  /**
   * Adds a field beside those of the same name; a list adds one for each of its elements.
   *
   * @throws {TypeError} As `setHeader`.
   */
  addHeader(name: string, value: FieldValue): void;
  /** Adds each field of an object. Throws as `setHeader`. */
  addHeader(fields: Readonly<Record<string, FieldValue>>): void;
  addHeader(name: string | Readonly<Record<string, FieldValue>>, value?: FieldValue): void {
    this.#putHeader(name, value, false);
  }

  /** Removes all fields of a name. */
  removeHeader(name: string): void {
    this.#fields?.delete(name);
  }

  #putHeader(name: string | Readonly<Record<string, FieldValue>>, value: FieldValue | undefined, anew: boolean): void {
    if (typeof name === "object" && name !== null) {
      for (const [key, each] of Object.entries(name)) this.#putHeader(key, each, anew);
      return;
    }
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const checked = new Fields(values.map((each) => [name, typeof each === "number" ? String(each) : each as string]));
    if (anew) this.removeHeader(name);
    for (const [key, each] of checked) this.headers.append(key, each);
  }

  /**
   * Adds a cookie for the client to keep. What a cookie cannot hold is percent-encoded in its value, and decoded by
   * `req.cookies`.
   *
   * @throws {TypeError} When the name is no token, or a part holds a control character or is of the wrong kind.
   */
  addCookie(cookie: Cookie): void {
    this.headers.append("Set-Cookie", formatCookie(cookie));
  }

  /**
   * Sends the client to another address, with the status 302, and ends the answer.
   *
   * @throws {TypeError} When the address is no string, or holds a control character.
   */
  redirect(url: string): void;
  /**
   * Sends the client to another address, with a status.
   *
   * @throws {RangeError} When the status is none of 301, 302, 303, 307 and 308.
   * @throws {TypeError} When the address is no string, or holds a control character.
   */
  redirect(status: number, url: string): void;
  redirect(status: number | string, url?: string): void {
    if (typeof status === "string") [status, url] = [302, status];
    if (typeof url !== "string") throw new TypeError(`Cannot redirect: url is ${show(url)}, wanted a string`);
    if (![301, 302, 303, 307, 308].includes(status)) {
      throw new RangeError(`Cannot redirect: the status is ${show(status)}, wanted 301, 302, 303, 307 or 308`);
    }
    const location = url.replace(/[ \x80-\uffff]+/g, (text) => encodeURIComponent(text.toWellFormed()));
    this.setHeader("Location", location);
    this.statusCode = status;
    this.end();
  }

  /**
   * Makes a value, as JSON, the body, and sets the type of the content unless that is set.
   *
   * @throws {TypeError} When the value has no form in JSON, or the answer has ended.
   */
  json(value: unknown): void {
    const text = toJson("answer with JSON", value);
    this.#clear();
    this.write(text);
    if (!this.hasHeader("content-type")) this.setHeader("Content-Type", "application/json");
  }

  /**
   * Adds text, as UTF-8, or bytes to the body. Bytes are copied.
   *
   * @throws {TypeError} When it is neither, or the answer has ended.
   */
  write(data: string | Uint8Array): void {
    if (this.#ended) throw new TypeError("Cannot write to an answer: it has ended");
    if (typeof data === "string") this.#chunks.push(encoder.encode(data));
    else if (data instanceof Uint8Array) this.#chunks.push(data.slice());
    else throw new TypeError(`Cannot write to an answer: met ${show(data)}, wanted a string or a Uint8Array`);
  }

  /** Ends the answer, after the given data: no other handler of a chain gets the request. */
  end(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data);
    this.#ended = true;
  }

  /** Whether the answer has ended. */
  isEnded(): boolean {
    return this.#ended;
  }

  /** Answers with a status and a short text, in the place of what was written so far; fields and cookies stay. */
  refuse(status: number, text: string): void {
    this.#clear();
    this.#ended = false;
    this.statusCode = status;
    this.setHeader("Content-Type", "text/plain; charset=utf-8");
    this.end(`${text}\n`);
  }

  /**
   * Takes a web `Response` for the answer, and ends it. Fields that were set before stay unless it has them too; cookies
   * are added to.
   *
   * @throws {TypeError} When its body was used.
   * @throws {RangeError} When its status is not one of 200 to 599.
   */
  adopt(response: Response): void {
    if (response.bodyUsed || response.body?.locked) {
      throw new TypeError("Cannot answer with a Response: its body was used");
    }
    this.statusCode = response.status;
    const cookies: string[] = [];
    for (const [name, value] of response.headers) {
      if (name === "set-cookie") cookies.push(value);
      else this.setHeader(name, value);
    }
    if (cookies.length > 0) this.addHeader("Set-Cookie", cookies);
    this.#clear();
    this.#stream = response.body ?? undefined;
    this.#ended = true;
  }

  /** The body so far: what was written, in one piece, the stream of a `Response`, or `null`. */
  get body(): Uint8Array | ReadableStream<Uint8Array> | null {
    if (this.#stream !== undefined) return this.#stream;
    if (this.#chunks.length > 1) this.#chunks = [join(this.#chunks)];
    return this.#chunks[0] ?? null;
  }

  #clear(): void {
    this.#chunks = [];
    void this.#stream?.cancel().catch(() => {});
    this.#stream = undefined;
  }
}

/** Joins pieces of bytes. */
export function join(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
