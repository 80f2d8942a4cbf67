/**
 * Cookies, as they come in `Cookie` and go out in `Set-Cookie` (RFC 6265, 4).
 *
 * A value goes out with what a cookie cannot hold (spaces, commas, quotes, semicolons, and all that is not ASCII)
 * percent-encoded, and is decoded when it comes back.
 */

import { isToken, quote, show, trimSpace } from "../protocol/headers.ts";
import { checkNames } from "../socket/check.ts";

/**
 * A cookie for the client to keep.
 *
 * @example
 * ```ts
 * import { Routing } from "@sockeye/ws/http";
 *
 * const app = new Routing({
 *   "/login": (req) => req.response.addCookie({ name: "session", value: "1", httpOnly: true }),
 * });
 * console.assert(typeof app.invoke === "function");
 * ```
 */
export interface Cookie {
  /** Its name: a token. */
  readonly name: string;
  /** Its value: any text without control characters. */
  readonly value: string;
  /** The host that gets it back, with all hosts below it. Without: the very host that set it. */
  readonly domain?: string;
  /** The path below which it is sent back. */
  readonly path?: string;
  /** When it ends; without this and `maxAge`, with the session of the browser. */
  readonly expires?: Date;
  /** Seconds until it ends; 0 or less ends it now. */
  readonly maxAge?: number;
  /** Kept from the scripts of a page. @default {false} */
  readonly httpOnly?: boolean;
  /** Sent back over TLS only. @default {false} */
  readonly secure?: boolean;
  /** Whether it is sent along with requests that another site caused. */
  readonly sameSite?: "Strict" | "Lax" | "None";
}

const KNOWN: ReadonlySet<string> = new Set<keyof Cookie>([
  ...["name", "value", "domain", "path", "expires", "maxAge", "httpOnly", "secure", "sameSite"] as const,
]);

/**
 * Reads the values of `Cookie`. Of two of the same name the first counts: clients send the more specific one first
 * (RFC 6265, 5.4). What is no pair is passed over.
 */
export function parseCookies(fields: readonly string[]): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const field of fields) {
    for (const pair of field.split(";")) {
      const at = pair.indexOf("=");
      const name = trimSpace(pair.slice(0, Math.max(at, 0)));
      if (name !== "" && !cookies.has(name)) cookies.set(name, readValue(trimSpace(pair.slice(at + 1))));
    }
  }
  return cookies;
}

function readValue(text: string): string {
  const bare = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  return decode(bare) ?? bare;
}

/** Undoes percent-encoding; `undefined` when it is malformed. */
export function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Writes the value of `Set-Cookie`.
 *
 * @throws {TypeError} When the name is no token, an attribute is of the wrong kind, or a part could end the field or the
 * attribute it stands in.
 */
export function formatCookie(cookie: Cookie): string {
  checkNames("add a cookie", cookie, KNOWN, "an object with name and value");
  const { name, value, domain, path, expires, maxAge, httpOnly, secure, sameSite } = cookie;
  if (typeof name !== "string" || !isToken(name)) {
    throw new TypeError(`Cannot add a cookie: the name is ${show(name)}, wanted a token`);
  }
  let text = `${name}=${checkText(cookie, "value", value).replace(/[^!#-$&-+\--:<-[\]-~]+/g, encode)}`;
  if (domain !== undefined) text += `; Domain=${checkText(cookie, "domain", domain)}`;
  if (path !== undefined) text += `; Path=${checkText(cookie, "path", path)}`;
  if (expires !== undefined) {
    if (!(expires instanceof Date) || Number.isNaN(expires.getTime())) throw bad(cookie, "expires", expires, "a Date");
    text += `; Expires=${expires.toUTCString()}`;
  }
  if (maxAge !== undefined) {
    if (!Number.isSafeInteger(maxAge)) throw bad(cookie, "maxAge", maxAge, "whole seconds");
    text += `; Max-Age=${maxAge}`;
  }
  if (checkFlag(cookie, "httpOnly", httpOnly)) text += "; HttpOnly";
  if (checkFlag(cookie, "secure", secure)) text += "; Secure";
  if (sameSite !== undefined) {
    if (typeof sameSite !== "string" || !/^(?:strict|lax|none)$/i.test(sameSite)) {
      throw bad(cookie, "sameSite", sameSite, "Strict, Lax or None");
    }
    text += `; SameSite=${sameSite}`;
  }
  return text;
}

/** Percent-encodes each UTF-8 byte of a text; a lone surrogate has none, and becomes the replacement character. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function checkText(cookie: Cookie, what: keyof Cookie, text: unknown): string {
  if (typeof text !== "string") throw bad(cookie, what, text, "a string");
  // deno-lint-ignore no-control-regex -- they are what is looked for
  const wrong = what === "value" ? /[\x00-\x1f\x7f]/ : /[^\x20-\x3a\x3c-\x7e]/;
  if (wrong.test(text)) throw bad(cookie, what, text, "text without control characters or ;");
  return text;
}

function checkFlag(cookie: Cookie, what: keyof Cookie, flag: unknown): boolean {
  if (flag === undefined || typeof flag === "boolean") return flag === true;
  throw bad(cookie, what, flag, "a boolean");
}

function bad(cookie: Cookie, what: keyof Cookie, met: unknown, wanted: string): TypeError {
  return new TypeError(
    `Cannot add the cookie ${quote(cookie.name)}: ${what} is ${show(met)}, wanted ${wanted}`,
  );
}
