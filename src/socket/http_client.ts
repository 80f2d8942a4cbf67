/**
 * What the option `httpClient` lends to a handshake: cookies, a proxy, TLS settings. `HttpClient` is one; an object with
 * these members does too.
 */

import { checkEach, wrongKind } from "./check.ts";
import { checkTls } from "./client_tls.ts";
import { checkProxy, type Proxy } from "./proxy.ts";
import type { ClientTls } from "./transport.ts";

/**
 * Cookies that are kept from one request to the next. `CookieJar` is such a jar, and so is that of npm `tough-cookie`.
 * URLs are of `http:` or `https:`, those of WebSockets too.
 *
 * @example
 * ```ts
 * import type { CookieStore } from "@sockeye/ws";
 *
 * const store: CookieStore = { getCookieString: () => "a=b", setCookie() {} };
 * console.assert(store.getCookieString("http://a.example/") === "a=b");
 * ```
 */
export interface CookieStore {
  /** The value of `Cookie` for a request, "" for none. */
  getCookieString(url: string): string | Promise<string>;
  /** Keeps a cookie: the value of one `Set-Cookie`. What it throws is ignored, as it is the server's fault. */
  setCookie(cookie: string, url: string): unknown;
}

/**
 * What an HTTP client lends to a handshake.
 *
 * @example
 * ```ts
 * import { type HttpClientLike, Socket } from "@sockeye/ws";
 *
 * const httpClient: HttpClientLike = { proxy: "http://127.0.0.1:9/" };
 * new Socket("ws://a.example/", { httpClient }).close();
 * ```
 */
export interface HttpClientLike {
  /** Its cookies go with the handshake, and those of the answer are kept in it. */
  readonly cookieJar?: CookieStore | undefined;
  /** The proxy to connect by: `http:`, `https:` or `socks5:`, with a user and a password where it wants them. */
  readonly proxy?: string | URL | undefined;
  /** TLS settings; those of the option `tls` take their place one by one. */
  readonly tls?: ClientTls | undefined;
}

/** What it lends, checked. */
export interface LentClient {
  /** Absent: cookies are none of our business. */
  readonly cookieJar?: CookieStore;
  /** Absent: none. */
  readonly proxy?: Proxy;
  /** Absent: the defaults. */
  readonly tls?: ClientTls;
}

/** Checks the option `httpClient`. Members of other names are the client's own. */
export function checkClient(name: string, value: unknown): LentClient {
  if (typeof value !== "object" || value === null) throw wrongKind(name, value, "an HTTP client");
  return checkEach(value as HttpClientLike, {
    cookieJar: (member: string, jar: unknown) => checkJar(`${name}.${member}`, jar),
    proxy: (member: string, proxy: unknown) => checkProxy(`${name}.${member}`, proxy),
    tls: (member: string, tls: unknown) => checkTls(`${name}.${member}`, tls),
  });
}

/** Checks a cookie jar. */
export function checkJar(name: string, value: unknown): CookieStore {
  const jar = value as Partial<CookieStore> | null;
  if (typeof jar === "object" && typeof jar?.getCookieString === "function" && typeof jar.setCookie === "function") {
    return jar as CookieStore;
  }
  throw wrongKind(name, value, "an object with getCookieString and setCookie");
}
