/**
 * The requests that one connection may take: the first, and those to which redirects lead.
 *
 * ```
 *   firstHop -> fieldsOf: the caller's fields, cookies of the jar -> request
 *      ^                                                              |
 *      `---- nextHop: another URL, without credentials where the host is another <-- 301, 302, 303, 307, 308
 * ```
 */

import type { ResponseHead } from "../protocol/fields.ts";
import { quote } from "../protocol/headers.ts";
import { basicAuthorization } from "./basic_auth.ts";
import type { Deadline } from "./deadline.ts";
import type { CookieStore } from "./http_client.ts";
import { parseUrl } from "./target.ts";
import type { ClientTls } from "./transport.ts";

/** How many redirects are followed, by default. */
export const MAX_REDIRECTS = 10;

type Field = readonly [name: string, value: string];

/** One request: where it goes, and what goes along. */
export interface Hop {
  /** Of `ws:`, `wss:`, `ws+unix:` or `wss+unix:`, without a user and a password. */
  readonly url: URL;
  /** The caller's own fields. */
  readonly fields: readonly Field[];
  /** TLS settings. */
  readonly tls: ClientTls | undefined;
}

/** The first request. A user and a password of the URL become a field, unless the caller has that. */
export function firstHop(url: URL, headers: Iterable<Field>, tls: ClientTls | undefined): Hop {
  const fields = [...headers];
  if (url.username === "" && url.password === "") return { url, fields, tls };
  if (!fields.some(([name]) => name.toLowerCase() === "authorization")) {
    fields.push(["Authorization", basicAuthorization(url)]);
  }
  return { url: withoutUser(url), fields, tls };
}

function withoutUser(url: URL): URL {
  const bare = new URL(url);
  bare.username = bare.password = "";
  return bare;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** What is not for another host. */
const CREDENTIALS: readonly string[] = ["authorization", "cookie", "host", "proxy-authorization"];

/**
 * Where an answer sends the client: `undefined` where it does not, the reason where it cannot be followed. Of what goes
 * along, credentials stay behind where the host or the port is another: the fields `Authorization` and `Cookie`, a client's
 * certificate, and the name that the certificate of the server was to have.
 */
export function nextHop(hop: Hop, { status, fields }: ResponseHead): Hop | string | undefined {
  const location = fields.get("location");
  if (!REDIRECTS.includes(status) || location === null) return undefined;
  const to = resolve(location, hop.url);
  if (to === undefined) return `Location is ${quote(location)}, wanted a URL of ws:, wss:, http: or https:`;
  if (isSecure(hop.url) && !isSecure(to)) return `Location is ${quote(location)}, wanted TLS as before`;
  if (hop.url.host === to.host && isUnix(hop.url) === isUnix(to)) return { ...hop, url: to };
  const { ca, rejectUnauthorized } = hop.tls ?? {};
  return {
    url: to,
    fields: hop.fields.filter(([name]) => !CREDENTIALS.includes(name.toLowerCase())),
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}

/** The URL that `Location` means. What answers over a Unix socket may name another path on it, and hosts; others no socket. */
function resolve(location: string, base: URL): URL | undefined {
  try {
    if (isUnix(base) && /^\/(?!\/)/.test(location)) {
      const [socket] = base.pathname.split(":", 1);
      return parseUrl(`${base.protocol}${socket}:${location.replace(/#.*/, "")}`);
    }
    const url = new URL(location, isUnix(base) ? "ws://localhost/" : base);
    url.hash = url.username = url.password = "";
    const to = parseUrl(url);
    return isUnix(to) ? undefined : to;
  } catch {
    return undefined;
  }
}

function isSecure(url: URL): boolean {
  return url.protocol.startsWith("wss");
}

function isUnix(url: URL): boolean {
  return url.protocol.endsWith("+unix:");
}

/** The fields of a request: the caller's, and the cookies that the jar has for it, behind those of the caller. */
export async function fieldsOf(hop: Hop, jar: CookieStore | undefined, deadline: Deadline): Promise<readonly Field[]> {
  if (jar === undefined) return hop.fields;
  const kept = await deadline.race(jar.getCookieString(hrefOf(hop.url)));
  if (kept === "") return hop.fields;
  const own = hop.fields.filter(([name]) => name.toLowerCase() === "cookie").map(([, value]) => value);
  const others = hop.fields.filter(([name]) => name.toLowerCase() !== "cookie");
  return [...others, ["Cookie", [...own, kept].join("; ")]];
}

/** Keeps the cookies of an answer. */
export async function keepCookies(
  hop: Hop,
  { fields }: ResponseHead,
  jar: CookieStore | undefined,
  deadline: Deadline,
): Promise<void> {
  if (jar === undefined) return;
  for (const cookie of fields.all("set-cookie")) {
    // A cookie that the jar does not take is the server's fault, and no reason not to connect.
    await deadline.race(Promise.resolve(cookie).then((each) => jar.setCookie(each, hrefOf(hop.url))).catch(() => {}));
  }
}

/** The URL as a cookie jar knows it. */
function hrefOf(url: URL): string {
  const path = isUnix(url) ? url.pathname.slice(url.pathname.indexOf(":") + 1) : url.pathname;
  return `http${isSecure(url) ? "s" : ""}://${isUnix(url) ? "localhost" : url.host}${path}${url.search}`;
}
