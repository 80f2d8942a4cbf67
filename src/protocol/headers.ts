/**
 * The grammar inside header field values: tokens, lists of tokens, lists of extensions (RFC 9110, 5.6; RFC 6455, 4.3
 * and 9.1).
 *
 * ```
 *   "chat, superchat"                  -> parseTokenList  -> ["chat", "superchat"]
 *   "keep-alive, Upgrade"              -> hasToken        -> true
 *   "permessage-deflate; bits=10, x"   -> parseExtensions -> [{ name, params }, { name, params }]
 * ```
 *
 * Each parser walks its text once, from left to right, and never goes back: what a peer sends cannot make it slow.
 * What a peer names stays in arrays; no object is ever keyed by it.
 */

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** For each byte 1 when a token may hold it, else 0 (`tchar`: RFC 9110, 5.6.2). */
export const TOKEN_CHARS: Uint8Array = tokenChars();

function tokenChars(): Uint8Array {
  const table = new Uint8Array(256);
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const chars = "!#$%&'*+-.^_`|~0123456789" + letters + letters.toUpperCase();
  for (let i = 0; i < chars.length; i++) table[chars.charCodeAt(i)] = 1;
  return table;
}

/** Where the token that begins at `at` ends; `at` itself when none begins there. */
function tokenEnd(text: string, at: number): number {
  while (at < text.length && TOKEN_CHARS[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** The first place from `at` on that is no optional white space (`OWS`: RFC 9110, 5.6.3). */
function skipSpace(text: string, at: number): number {
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The part of a text without the optional white space at its ends; all of it when no range is given (RFC 9110, 5.5). */
export function trimSpace(text: string, start: number = 0, end: number = text.length): string {
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/**
 * Whether a text is a token: the name of a method, a field, a subprotocol, an extension (RFC 9110, 5.6.2).
 *
 * @example
 * ```ts
 * import { isToken } from "@sockeye/ws/protocol";
 *
 * console.assert(isToken("permessage-deflate"));
 * console.assert(!isToken("two words") && !isToken(""));
 * ```
 */
export function isToken(value: string): boolean {
  return value.length > 0 && tokenEnd(value, 0) === value.length;
}

/**
 * Reads a list of tokens, such as the value of `Sec-WebSocket-Protocol` (`1#token`). Empty elements are passed over
 * (RFC 9110, 5.6.1.2). `undefined` when an element is no token, or when there is none.
 *
 * @example
 * ```ts
 * import { parseTokenList } from "@sockeye/ws/protocol";
 *
 * console.assert(parseTokenList("chat, superchat")?.[1] === "superchat");
 * console.assert(parseTokenList("chat superchat") === undefined);
 * ```
 */
export function parseTokenList(value: string): string[] | undefined {
  const list: string[] = [];
  for (let at = skipSpace(value, 0); at < value.length; at = skipSpace(value, at + 1)) {
    const end = tokenEnd(value, at);
    if (end > at) list.push(value.slice(at, end));
    at = skipSpace(value, end);
    if (at < value.length && value.charCodeAt(at) !== COMMA) return undefined;
  }
  return list.length === 0 ? undefined : list;
}

/**
 * Whether a comma-separated list holds a token, in any case, as `Connection` and `Upgrade` are to be read (RFC 6455,
 * 4.2.1). The other elements may be anything (`Upgrade: HTTP/3.0, websocket`). `null`, a field that is absent, holds
 * nothing.
 *
 * @example
 * ```ts
 * import { hasToken } from "@sockeye/ws/protocol";
 *
 * console.assert(hasToken("keep-alive, Upgrade", "upgrade"));
 * console.assert(!hasToken("upgrades", "upgrade"));
 * ```
 */
export function hasToken(value: string | null, token: string): boolean {
  if (value === null || value.length < token.length) return false;
  const wanted = token.toLowerCase();
  if (value.length === wanted.length) return value.toLowerCase() === wanted;
  for (let at = 0; at <= value.length;) {
    const comma = value.indexOf(",", at);
    const end = comma === -1 ? value.length : comma;
    if (trimSpace(value, at, end).toLowerCase() === wanted) return true;
    at = end + 1;
  }
  return false;
}

/**
 * One element of `Sec-WebSocket-Extensions` (RFC 6455, 9.1): offered by a client, or accepted by a server.
 *
 * @example
 * ```ts
 * import { type Extension, formatExtensions, parseExtensions } from "@sockeye/ws/protocol";
 *
 * const [extension]: Extension[] = parseExtensions("permessage-deflate; client_max_window_bits") ?? [];
 * console.assert(extension !== undefined && formatExtensions([extension]) === "permessage-deflate; client_max_window_bits");
 * ```
 */
export interface Extension {
  /** The registered name, as it was spelt. */
  readonly name: string;
  /** The parameters in their order; `true` is the value of one that has none. One may be named more than once. */
  readonly params: readonly (readonly [name: string, value: string | true])[];
}

/**
 * Reads the value of `Sec-WebSocket-Extensions` (RFC 6455, 9.1). A quoted value must be a token once its quotes and
 * backslashes are taken off. Parameters that are repeated are all kept: what that means is for the extension to say.
 * `undefined` when the text is malformed, or holds no extension.
 *
 * @example
 * ```ts
 * import { parseExtensions } from "@sockeye/ws/protocol";
 *
 * const [first] = parseExtensions('permessage-deflate; client_max_window_bits; server_max_window_bits="10"') ?? [];
 * console.assert(first?.name === "permessage-deflate");
 * console.assert(first?.params[0]?.[1] === true && first?.params[1]?.[1] === "10");
 * ```
 */
export function parseExtensions(value: string): Extension[] | undefined {
  const list: Extension[] = [];
  for (let at = skipSpace(value, 0); at < value.length; at = skipSpace(value, at + 1)) {
    if (value.charCodeAt(at) === COMMA) continue;
    const end = tokenEnd(value, at);
    if (end === at) return undefined;
    const params: [string, string | true][] = [];
    list.push({ name: value.slice(at, end), params });
    at = skipSpace(value, end);
    while (value.charCodeAt(at) === SEMICOLON) {
      at = parseParam(value, skipSpace(value, at + 1), params);
      if (at === -1) return undefined;
    }
    if (at < value.length && value.charCodeAt(at) !== COMMA) return undefined;
  }
  return list.length === 0 ? undefined : list;
}

/** Reads one parameter into `params`. Returns where the next thing begins, -1 when the parameter is malformed. */
function parseParam(text: string, at: number, params: [string, string | true][]): number {
  const nameEnd = tokenEnd(text, at);
  if (nameEnd === at) return -1;
  const name = text.slice(at, nameEnd);
  at = skipSpace(text, nameEnd);
  if (text.charCodeAt(at) !== EQUALS) {
    params.push([name, true]);
    return at;
  }
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === QUOTE) return parseQuoted(text, at + 1, name, params);
  const end = tokenEnd(text, at);
  if (end === at) return -1;
  params.push([name, text.slice(at, end)]);
  return skipSpace(text, end);
}

/** Reads the value behind an opening quote (`quoted-string`: RFC 9110, 5.6.4), which has to be a token in disguise. */
function parseQuoted(text: string, at: number, name: string, params: [string, string | true][]): number {
  let value = "";
  let from = at;
  for (; at < text.length && text.charCodeAt(at) !== QUOTE; at++) {
    if (text.charCodeAt(at) === BACKSLASH) {
      value += text.slice(from, at);
      from = ++at;
    }
    // Past the end there is NaN, which no table knows.
    if (TOKEN_CHARS[text.charCodeAt(at)] !== 1) return -1;
  }
  value += text.slice(from, at);
  if (at >= text.length || value.length === 0) return -1;
  params.push([name, value]);
  return skipSpace(text, at + 1);
}

/**
 * Writes the value of `Sec-WebSocket-Extensions`.
 *
 * @throws {TypeError} When a name or a value is no token.
 *
 * @example
 * ```ts
 * import { formatExtensions } from "@sockeye/ws/protocol";
 *
 * const value = formatExtensions([{ name: "permessage-deflate", params: [["server_max_window_bits", "10"]] }]);
 * console.assert(value === "permessage-deflate; server_max_window_bits=10");
 * ```
 */
export function formatExtensions(list: readonly Extension[]): string {
  let text = "";
  for (const { name, params } of list) {
    text += (text === "" ? "" : ", ") + checkToken("an extension", name);
    for (const [key, value] of params) {
      text += "; " + checkToken("an extension parameter", key);
      if (value !== true) text += "=" + checkToken(`the value of the extension parameter ${key}`, value);
    }
  }
  return text;
}

function checkToken(what: string, value: string): string {
  if (!isToken(value)) throw new TypeError(`Cannot write ${what}: met ${quote(value)}, wanted a token`);
  return value;
}

/**
 * Whether a text can be the value of `Host`: a host name or address, with or without a port (RFC 9110, 7.2; RFC 3986,
 * 3.2.2). A value that was sent twice and joined by a comma and a space cannot.
 */
export function isHost(value: string): boolean {
  let at = 0;
  if (value.startsWith("[")) {
    for (at = 1; at < value.length && isAddressChar(value.charCodeAt(at)); at++);
    if (at < 3 || value[at++] !== "]") return false;
  } else {
    for (; at < value.length && isNameChar(value.charCodeAt(at)); at++);
    if (at === 0) return false;
  }
  if (at === value.length) return true;
  if (value[at++] !== ":") return false;
  for (; at < value.length && isDigit(value.charCodeAt(at)); at++);
  return at === value.length;
}

/** What an IP literal holds between its brackets: digits, letters (hexadecimal, a zone, a future version), `:`, `.`. */
function isAddressChar(code: number): boolean {
  return code === 0x3a || isNameChar(code);
}

/** `unreserved`, `sub-delims` and the percent sign of RFC 3986: the token characters that a host may hold, and four more. */
function isNameChar(code: number): boolean {
  if (code === 0x28 || code === 0x29 || code === SEMICOLON || code === EQUALS || code === COMMA) return true;
  // # ^ ` | belong to tokens and not to hosts.
  return TOKEN_CHARS[code] === 1 && code !== 0x23 && code !== 0x5e && code !== 0x60 && code !== 0x7c;
}

/** Whether a character is one of 0 to 9. */
export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/**
 * Whether a field belongs to the handshake, and is not a caller's to set: it would change what the handshake says, or give
 * a body to a message that has none. `key`: the name in lower case.
 */
export function isHandshakeField(key: string): boolean {
  return key === "upgrade" || key === "connection" || key === "content-length" || key === "transfer-encoding" ||
    key.startsWith("sec-websocket-");
}

/**
 * A text of the peer's, made fit for a message: in quotes, in printable ASCII, without what HTML would read as a tag,
 * and not longer than a line.
 */
export function quote(text: string): string {
  const most = 64;
  let shown = "";
  for (let i = 0; i < text.length && i < most; i++) {
    const code = text.charCodeAt(i);
    const plain = code >= SPACE && code < 0x7f && code !== QUOTE && code !== BACKSLASH && code !== 0x26 &&
      code !== 0x3c && code !== 0x3e;
    shown += plain ? text[i] : (code < 0x100 ? "\\x" : "\\u") + code.toString(16).padStart(code < 0x100 ? 2 : 4, "0");
  }
  return `"${shown}"${text.length > most ? ` and ${text.length - most} characters more` : ""}`;
}

/**
 * A value that a caller gave, made fit for a message: a text in quotes, a list as its length, an object as its class. It
 * never throws, whatever the value does when it is made a string.
 */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== "object" || value === null) return String(value);
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name !== "string" || name === "" || name === "Object" ? "an object" : `an object of ${name}`;
}
