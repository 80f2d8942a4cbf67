/**
 * From a URL to where to connect: `ws:`, `wss:` (and `http:`, `https:` in their place, as on the web), and `ws+unix:`,
 * `wss+unix:` for Unix sockets, where the path of the socket and the path of the request stand on either side of a colon.
 */

import { isToken, quote, show } from "../protocol/headers.ts";
import type { ClientTls, Target } from "./transport.ts";

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"],
  ["ws+unix:", "ws+unix:"],
  ["wss+unix:", "wss+unix:"],
]);

/**
 * Parses the URL of a WebSocket.
 *
 * Throws a `DOMException` named `SyntaxError`, as the web does, for what is no URL, another scheme, or a fragment; a
 * `TypeError` where there is nothing.
 */
export function parseUrl(input: string | URL): URL {
  if (input === undefined) throw new TypeError("Cannot connect: url is missing, wanted an absolute URL");
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    throw syntaxError(`Cannot connect: url is ${show(input)}, wanted an absolute URL`);
  }
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    throw syntaxError(`Cannot connect: url has the scheme ${quote(url.protocol)}, wanted ws: or wss:`);
  }
  if (url.hash !== "" || url.href.endsWith("#")) {
    throw syntaxError(`Cannot connect: url is ${quote(url.href)}, wanted one without a fragment`);
  }
  if (scheme.endsWith("+unix:") && (url.host !== "" || !/[^/]/.test(splitPath(url)[0]))) {
    throw syntaxError(`Cannot connect: url is ${quote(url.href)}, wanted the path of a Unix socket and no host in it`);
  }
  if (url.protocol !== scheme) url = new URL(scheme + url.href.slice(url.protocol.length));
  return url;
}

/** Checks subprotocols to offer: tokens, each once (RFC 6455, section 4.1). Throws as `parseUrl` does. */
export function checkProtocols(protocols: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== "string" || !isToken(protocol)) {
      throw syntaxError(`Cannot connect: protocol is ${show(protocol)}, wanted a token`);
    }
    if (seen.has(protocol)) throw syntaxError(`Cannot connect: protocol ${quote(protocol)} is there twice`);
    seen.add(protocol);
  }
  return protocols;
}

/** Where the URL leads, and what its request says. */
export interface Route {
  /** Where to connect. */
  readonly target: Target;
  /** Value of `Host`. */
  readonly host: string;
  /** Path and query of the request. */
  readonly path: string;
}

/** Splits a URL that `parseUrl` returned. */
export function routeOf(url: URL, tls: ClientTls = {}): Route {
  const secure = url.protocol.startsWith("wss");
  const over = secure ? { tls } : {};
  if (url.protocol.endsWith("+unix:")) {
    const [path, request] = splitPath(url);
    return {
      target: { transport: "unix", path, ...over },
      host: "localhost",
      path: (request.startsWith("/") ? request : `/${request}`) + url.search,
    };
  }
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  // An IPv6 address stands in brackets in a URL and without them everywhere else.
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  return {
    target: { transport: "tcp", hostname, port, ...over },
    host: url.host,
    path: url.pathname + url.search,
  };
}

/** Splits the path of a URL of a Unix socket: at its first colon. The socket's is "" where it cannot be decoded. */
function splitPath({ pathname }: URL): [socket: string, request: string] {
  const colon = pathname.indexOf(":");
  const [socket, request] = colon < 0 ? [pathname, "/"] : [pathname.slice(0, colon), pathname.slice(colon + 1)];
  try {
    return [decodeURIComponent(socket), request];
  } catch {
    return ["", request];
  }
}

function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
