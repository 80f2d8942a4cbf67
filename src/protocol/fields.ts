/**
 * What an HTTP head holds: the first line, and fields that are looked up without regard to case (RFC 9110, 5).
 *
 * What this end adds is checked, so that no value can end its line and begin another. What the peer sent has been
 * checked by the `HeadReader`, byte by byte.
 */

import { isToken, quote, show, trimSpace } from "./headers.ts";

const TAB = 0x09;
const SPACE = 0x20;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
/** The bit that makes a lower-case letter of an upper-case one. */
const LOWER = 0x20;

/** For each byte: 1 when ASCII that a field value or a reason may hold, 2 when other such (`obs-text`), else 0. */
export const VALUE_CHARS: Uint8Array = valueChars();

function valueChars(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SPACE, 0x7f).fill(2, 0x80);
  table[TAB] = 1;
  return table;
}

/** Whether a byte can stand in a request target: visible ASCII, and no `#`, for fragments are never sent. */
export function isTargetChar(code: number): boolean {
  return code > SPACE && code < 0x7f && code !== 0x23;
}

/**
 * The fields of a head, in their order and spelling. Names are compared without regard to case (RFC 9110, 5.1).
 * Values are text of one character for each byte (latin1), as in the web's `Headers`.
 *
 * @example
 * ```ts
 * import { Fields } from "@sockeye/ws/protocol";
 *
 * const fields = new Fields([["Host", "a.example"], ["X-Trace", "1"]]);
 * fields.append("x-trace", "2");
 * console.assert(fields.get("X-TRACE") === "1, 2" && fields.size === 3);
 * ```
 */
export class Fields implements Iterable<readonly [name: string, value: string]> {
  readonly #names: string[] = [];
  /** The names in lower case. */
  readonly #keys: string[] = [];
  readonly #values: string[] = [];
  /** Those of a head that was read, as long as nothing is changed; the above are empty then. */
  #lines: Lines | undefined;

  /** Holds the given fields, none when there are none. Throws as `append` does. */
  constructor(init?: Iterable<readonly [name: string, value: string]>) {
    if (init !== undefined) { for (const [name, value] of init) this.append(name, value); }
  }

  /**
   * The fields of a head that a `HeadReader` has checked: checking each a second time would cost as much as reading it.
   * `start` is where the first line begins, `marks` has the place of the colon and of the CR of each line.
   *
   * @ignore
   */
  static read(text: string, start: number, marks: readonly number[]): Fields {
    const fields = new Fields();
    fields.#lines = new Lines(text, start, marks);
    return fields;
  }

  /** How many fields there are; one that is repeated counts each time. */
  get size(): number {
    return this.#lines === undefined ? this.#keys.length : this.#lines.size;
  }

  /** Where the next field of a name is, from a place on; -1 where there is none. */
  #find(name: string, from: number): number {
    return this.#lines === undefined ? this.#keys.indexOf(name.toLowerCase(), from) : this.#lines.find(name, from);
  }

  #name(i: number): string {
    return this.#lines === undefined ? this.#names[i]! : this.#lines.name(i);
  }

  #value(i: number): string {
    return this.#lines === undefined ? this.#values[i]! : this.#lines.value(i);
  }

  /** Makes texts of all fields, before one is changed. */
  #own(): void {
    const lines = this.#lines;
    if (lines === undefined) return;
    this.#lines = undefined;
    for (let i = 0; i < lines.size; i++) {
      const name = lines.name(i);
      this.#names.push(name);
      this.#keys.push(name.toLowerCase());
      this.#values.push(lines.value(i));
    }
  }

  /**
   * Adds a field behind the others. White space around the value is dropped.
   *
   * @throws {TypeError} When the name is no token, or the value is no string of tabs and printable latin1: a line
   * break in it would let whoever chose the value write fields, or a whole response, of their own.
   */
  append(name: string, value: string): void {
    const text = checkField(name, value);
    this.#own();
    this.#names.push(name);
    this.#keys.push(name.toLowerCase());
    this.#values.push(text);
  }

  /**
   * Puts a field in the place of the first of its name, or behind the others, and removes all others of its name.
   *
   * @throws {TypeError} As `append`.
   */
  set(name: string, value: string): void {
    const text = checkField(name, value);
    this.#own();
    const at = this.#keys.indexOf(name.toLowerCase());
    if (at === -1) return this.append(name, text);
    this.#removeFrom(at + 1, name);
    this.#names[at] = name;
    this.#values[at] = text;
  }

  /** Removes all fields of a name. */
  delete(name: string): void {
    this.#removeFrom(0, name);
  }

  #removeFrom(start: number, name: string): void {
    this.#own();
    const key = name.toLowerCase();
    for (let at = this.#keys.indexOf(key, start); at !== -1; at = this.#keys.indexOf(key, at)) {
      this.#names.splice(at, 1);
      this.#keys.splice(at, 1);
      this.#values.splice(at, 1);
    }
  }

  /**
   * The value of a field, `null` when it is absent. The values of a repeated one are joined by `", "` (RFC 9110, 5.2),
   * save those of `Set-Cookie`, of which it is the first.
   */
  get(name: string): string | null {
    let at = this.#find(name, 0);
    if (at === -1) return null;
    let found = this.#value(at);
    while ((at = this.#find(name, at + 1)) !== -1) {
      if (name.toLowerCase() === "set-cookie") break;
      found += `, ${this.#value(at)}`;
    }
    return found;
  }

  /** All values of a field, in their order. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at !== -1; at = this.#find(name, at + 1)) values.push(this.#value(at));
    return values;
  }

  /** Whether there is a field of that name. */
  has(name: string): boolean {
    return this.#find(name, 0) !== -1;
  }

  /** How many fields of that name there are. */
  count(name: string): number {
    let count = 0;
    for (let at = this.#find(name, 0); at !== -1; at = this.#find(name, at + 1)) count++;
    return count;
  }

  /** The fields as they go over the wire: each a line with CR LF at its end. */
  toString(): string {
    const { size } = this;
    let text = "";
    for (let i = 0; i < size; i++) text += `${this.#name(i)}: ${this.#value(i)}\r\n`;
    return text;
  }

  /** Gives name and value of each field, in their order, names as they were spelt. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string], void, void> {
    for (let i = 0; i < this.size; i++) yield [this.#name(i), this.#value(i)];
  }
}

/**
 * The fields of a head as they stand in it. Nobody asks for most of them: texts of their own for all were 12 % of what a
 * handshake allocated. 1.03 times the handshakes on all runtimes.
 */
class Lines {
  readonly #text: string;
  readonly #start: number;
  readonly #marks: readonly number[];

  constructor(text: string, start: number, marks: readonly number[]) {
    this.#text = text;
    this.#start = start;
    this.#marks = marks;
  }

  get size(): number {
    return this.#marks.length / 2;
  }

  /** Where a line begins: behind the CR and the LF of the one before. */
  #begin(i: number): number {
    return i === 0 ? this.#start : this.#marks[2 * i - 1]! + 2;
  }

  /** As `Fields` finds one. Most names differ in their length, and are not looked at. */
  find(name: string, from: number): number {
    const marks = this.#marks;
    for (let i = from; 2 * i < marks.length; i++) {
      const start = this.#begin(i);
      if (marks[2 * i]! - start === name.length && this.#is(start, name)) return i;
    }
    return -1;
  }

  #is(start: number, name: string): boolean {
    for (let at = 0; at < name.length; at++) {
      if (lower(this.#text.charCodeAt(start + at)) !== lower(name.charCodeAt(at))) return false;
    }
    return true;
  }

  name(i: number): string {
    return this.#text.slice(this.#begin(i), this.#marks[2 * i]);
  }

  value(i: number): string {
    return trimSpace(this.#text, this.#marks[2 * i]! + 1, this.#marks[2 * i + 1]);
  }
}

function lower(code: number): number {
  return code >= UPPER_A && code <= UPPER_Z ? code | LOWER : code;
}

/** Checks a field that this end wants to send, and gives the value without the white space around it. */
function checkField(name: string, value: string): string {
  if (typeof name !== "string" || !isToken(name)) {
    throw new TypeError(`Cannot add a field: the name is ${show(name)}, wanted a token`);
  }
  if (typeof value !== "string") {
    throw new TypeError(`Cannot add the field ${name}: the value is ${show(value)}, wanted a string`);
  }
  const text = trimSpace(value);
  const wrong = wrongAt(text);
  if (wrong !== -1) throw unfit(`add the field ${name}`, text, wrong);
  return text;
}

/**
 * Throws when a text holds what the other end would refuse: a control character, or one that is more than a byte.
 *
 * @throws {TypeError} Naming the action.
 */
export function checkText(action: string, text: string): void {
  const wrong = wrongAt(text);
  if (wrong !== -1) throw unfit(action, text, wrong);
}

function wrongAt(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || VALUE_CHARS[code] === 0) return i;
  }
  return -1;
}

function unfit(action: string, text: string, at: number): TypeError {
  return new TypeError(`Cannot ${action}: met ${quote(text[at]!)} at ${at}, wanted printable latin1 or a tab`);
}

/**
 * The head of a request (RFC 9112, 3).
 *
 * @example
 * ```ts
 * import { Fields, formatHead, type RequestHead } from "@sockeye/ws/protocol";
 *
 * const head: RequestHead = { kind: "request", method: "GET", target: "/", version: "1.1", fields: new Fields() };
 * console.assert(new TextDecoder().decode(formatHead(head)) === "GET / HTTP/1.1\r\n\r\n");
 * ```
 */
export interface RequestHead {
  /** Tells it from the head of a response. */
  readonly kind: "request";
  /** Any token, in its case: `"GET"`. */
  readonly method: string;
  /** As it was sent: a path with its query in most cases, and then it begins with a slash. */
  readonly target: string;
  /** Of HTTP. */
  readonly version: "1.0" | "1.1";
  /** The header fields. */
  readonly fields: Fields;
}

/**
 * The head of a response (RFC 9112, 4).
 *
 * @example
 * ```ts
 * import { Fields, formatHead, type ResponseHead } from "@sockeye/ws/protocol";
 *
 * const head: ResponseHead = { kind: "response", version: "1.1", status: 200, reason: "OK", fields: new Fields() };
 * console.assert(new TextDecoder().decode(formatHead(head)) === "HTTP/1.1 200 OK\r\n\r\n");
 * ```
 */
export interface ResponseHead {
  /** Tells it from the head of a request. */
  readonly kind: "response";
  /** Of HTTP. */
  readonly version: "1.0" | "1.1";
  /** 100 to 999. */
  readonly status: number;
  /** The words behind the status; may be empty, and mean nothing. */
  readonly reason: string;
  /** The header fields. */
  readonly fields: Fields;
}
