/**
 * A jar that keeps the cookies of servers, and gives them back (RFC 6265, section 5).
 *
 * ```
 *   Set-Cookie -> attributes -> does it fit who sets it? -> the jar -> does it fit who is asked? -> Cookie
 * ```
 */

import { isToken, show, trimSpace } from "../protocol/headers.ts";
import type { CookieStore } from "../socket/http_client.ts";

/**
 * A cookie as the jar keeps it.
 *
 * @example
 * ```ts
 * import { CookieJar, type StoredCookie } from "@sockeye/ws/http";
 *
 * const jar = new CookieJar();
 * jar.setCookie("a=b; Path=/", "http://a.example/");
 * const show = (cookie: StoredCookie) => `${cookie.name}=${cookie.value}`;
 * console.assert(show.length === 1 && jar.getCookieString("http://a.example/") === "a=b");
 * ```
 */
export interface StoredCookie {
  /** Its name. */
  readonly name: string;
  /** Its value, as it came. */
  readonly value: string;
  /** The host it is for, in lower case. */
  readonly domain: string;
  /** Whether it is for that very host, and not for those below it. */
  readonly hostOnly: boolean;
  /** The path below which it is sent. */
  readonly path: string;
  /** Whether it is sent over TLS only. */
  readonly secure: boolean;
  /** When it ends, in milliseconds since 1970; Infinity for never. */
  readonly expires: number;
}

/** Bytes of name and value; the least that RFC 6265, section 6.1, wants. */
const MAX_SIZE = 4_096;
/** The most cookies of one domain, and of all; the oldest make room. */
const MAX_PER_DOMAIN = 50;
const MAX_COOKIES = 3_000;

/**
 * Keeps cookies in memory. A server can set them for its own host and, where it says so, for those below; not for a host
 * above that has no dot in it. There is no list of public suffixes, and no notion of sites: `SameSite` is passed over.
 *
 * @example
 * ```ts
 * import { CookieJar } from "@sockeye/ws/http";
 *
 * const jar = new CookieJar();
 * jar.setCookie("session=1; Path=/; HttpOnly", "http://a.example/login");
 * console.assert(jar.getCookieString("http://a.example/ws") === "session=1");
 * console.assert(jar.getCookieString("http://b.example/ws") === "");
 * ```
 */
export class CookieJar implements CookieStore {
  /** In the order in which they were first set. */
  readonly #cookies: Map<string, StoredCookie> = new Map();

  /**
   * Keeps a cookie: the value of one `Set-Cookie` that came in answer to a request for `url`. One with the same name, domain
   * and path takes the place of the last; one that has ended removes it. Returns whether the cookie fits its server.
   *
   * @throws {SyntaxError} When the URL cannot be parsed.
   * @throws {TypeError} When the cookie is no string.
   */
  setCookie(cookie: string, url: string | URL): boolean {
    if (typeof cookie !== "string") throw new TypeError(`Cannot keep a cookie: got ${show(cookie)}, wanted a string`);
    const from = parse(url);
    const made = makeCookie(cookie, from);
    if (made === undefined) return false;
    const key = `${made.name};${made.domain};${made.path}`;
    if (made.expires <= Date.now()) this.#cookies.delete(key);
    else {
      this.#cookies.set(key, made);
      this.#bound(made.domain);
    }
    return true;
  }

  /**
   * The value of `Cookie` for a request of `url`, "" for none: longer paths come first, and then older cookies.
   *
   * @throws {SyntaxError} When the URL cannot be parsed.
   */
  getCookieString(url: string | URL): string {
    return this.cookiesFor(url).map(({ name, value }) => name === "" ? value : `${name}=${value}`).join("; ");
  }

  /**
   * The cookies for a request of `url`, in the order in which they are sent.
   *
   * @throws {SyntaxError} When the URL cannot be parsed.
   */
  cookiesFor(url: string | URL): StoredCookie[] {
    const { protocol, hostname, pathname } = parse(url);
    const secure = protocol === "https:" || protocol === "wss:";
    const host = hostname.toLowerCase();
    return this.cookies.filter(({ domain, hostOnly, path, secure: overTls }) =>
      (hostOnly ? host === domain : isWithin(host, domain)) && isBelow(pathname, path) && (secure || !overTls)
    ).sort((a, b) => b.path.length - a.path.length);
  }

  /** All cookies that have not ended, in the order in which they were first set. */
  get cookies(): StoredCookie[] {
    const now = Date.now();
    for (const [key, { expires }] of this.#cookies) if (expires <= now) this.#cookies.delete(key);
    return [...this.#cookies.values()];
  }

  /** Forgets all cookies. */
  clear(): void {
    this.#cookies.clear();
  }

  /** Makes room, for which the oldest have to go. */
  #bound(domain: string): void {
    const same = [...this.#cookies].filter(([, cookie]) => cookie.domain === domain);
    if (same.length > MAX_PER_DOMAIN) this.#cookies.delete(same[0]![0]);
    if (this.#cookies.size > MAX_COOKIES) this.#cookies.delete(this.#cookies.keys().next().value!);
  }
}

function parse(url: string | URL): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new SyntaxError(`Cannot look for cookies: url is ${show(url)}, wanted an absolute URL`, { cause });
  }
}

/** Makes a cookie of a `Set-Cookie` (RFC 6265, sections 5.2 and 5.3); `undefined` when it does not fit its server. */
function makeCookie(text: string, from: URL): StoredCookie | undefined {
  // deno-lint-ignore no-control-regex -- they are what is looked for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return undefined;
  const [pair = "", ...attributes] = text.split(";");
  const at = pair.indexOf("=");
  const name = trimSpace(pair.slice(0, Math.max(at, 0)));
  const value = trimSpace(pair.slice(at + 1));
  if (name === "" || !isToken(name) || name.length + value.length > MAX_SIZE) return undefined;

  const given = new Map<string, string>();
  for (const attribute of attributes) {
    const equals = attribute.indexOf("=");
    const key = trimSpace(equals < 0 ? attribute : attribute.slice(0, equals)).toLowerCase();
    given.set(key, equals < 0 ? "" : trimSpace(attribute.slice(equals + 1)));
  }
  const host = from.hostname.toLowerCase();
  const wanted = (given.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  const hostOnly = wanted === "";
  const domain = hostOnly ? host : wanted;
  if (!hostOnly && !isWithin(host, domain)) return undefined;
  // Of a whole top-level domain.
  if (domain !== host && !domain.includes(".")) return undefined;

  const own = given.get("path") ?? "";
  const path = own.startsWith("/") ? own : defaultPath(from.pathname);
  const secure = given.has("secure");
  const overTls = from.protocol === "https:" || from.protocol === "wss:";
  if (secure && !overTls) return undefined;
  if (/^__secure-/i.test(name) && !secure) return undefined;
  if (/^__host-/i.test(name) && !(secure && hostOnly && given.get("path") === "/")) return undefined;
  return { name, value, domain, hostOnly, path, secure, expires: expiry(given) };
}

/** When a cookie ends: `Max-Age` goes before `Expires`. */
function expiry(given: ReadonlyMap<string, string>): number {
  const maxAge = given.get("max-age");
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
    return Number(maxAge) <= 0 ? 0 : Date.now() + Number(maxAge) * 1_000;
  }
  const expires = Date.parse(given.get("expires") ?? "");
  return Number.isNaN(expires) ? Infinity : expires;
}

/** The path of a cookie that has none: up to the last slash of that of the request (RFC 6265, section 5.1.4). */
function defaultPath(pathname: string): string {
  const last = pathname.lastIndexOf("/");
  return last <= 0 ? "/" : pathname.slice(0, last);
}

function isBelow(pathname: string, path: string): boolean {
  return pathname === path || (pathname.startsWith(path) && (path.endsWith("/") || pathname[path.length] === "/"));
}

/** Whether a host is a domain, or lies in it. Addresses lie in nothing. */
function isWithin(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$|^\[/.test(host));
}
