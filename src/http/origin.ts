/**
 * Whose pages may connect. A browser sends its cookies along with a handshake, whichever page asks for it, and tells which
 * in `Origin`; no rule of the browser keeps another site's page away (RFC 6455, 10.2). So the server has to.
 */

import { quote } from "../protocol/headers.ts";
import { wrongKind } from "../socket/check.ts";
import type { HttpRequest } from "./request.ts";

/**
 * Whose pages may connect: `"*"` any; one origin, or a list of them (`"https://a.example"`); or a function of the origin,
 * which is `null` where the client sends none.
 *
 * @example
 * ```ts
 * import { type OriginPolicy, upgrade } from "@sockeye/ws";
 *
 * const origin: OriginPolicy = (from) => from === null || from.endsWith(".a.example");
 * console.assert(typeof upgrade({ origin }, () => {}).invoke === "function");
 * ```
 */
export type OriginPolicy =
  | string
  | readonly string[]
  | ((origin: string | null, req: HttpRequest) => boolean | Promise<boolean>);

/** Says whether a page may connect. */
export type OriginCheck = (origin: string | null, req: HttpRequest) => boolean | Promise<boolean>;

/**
 * Makes the check of a policy. Without one pass: clients that send no origin, as browsers always do; pages of the host
 * that is asked, whatever their port; and pages of the loopback interface where that is also asked.
 *
 * @throws {TypeError} When the policy is none, or an element of the list is no origin.
 */
export function originCheck(policy: OriginPolicy | undefined): OriginCheck {
  if (policy === undefined) return sameHost;
  if (typeof policy === "function") return policy;
  if (policy === "*") return () => true;
  const list = typeof policy === "string" ? [policy] : policy;
  if (!Array.isArray(list)) throw wrongKind("origin", policy, '"*", an origin, a list of origins or a function');
  const allowed = new Set<string>();
  for (const each of list) {
    if (typeof each !== "string" || (each !== "null" && hostOf(each) === undefined)) {
      throw wrongKind("origin", each, 'an origin such as "https://a.example"');
    }
    allowed.add(each.toLowerCase());
  }
  return (origin) => origin === null || allowed.has(origin.toLowerCase());
}

/** The body of a refusal: it is read by the developer whose page was refused. */
export function originRefusal(origin: string | null, req: HttpRequest): string {
  const met = origin === null ? "absent" : quote(origin);
  return `Cannot upgrade to WebSocket: Origin is ${met} and the host is ${quote(req.hostname ?? "")}, ` +
    "wanted the same host, or one that the option `origin` of upgrade() allows";
}

function sameHost(origin: string | null, req: HttpRequest): boolean {
  if (origin === null) return true;
  const from = hostOf(origin);
  const to = req.hostname;
  if (from === undefined || to === null) return false;
  return from === to || (isLoopback(from) && isLoopback(to));
}

/** The host of an origin, in lower case and without its port (RFC 6454, 6.2); `undefined` when it is none. */
function hostOf(origin: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[^\s/?#@\\:[\]]+)(?::\d+)?$/i.exec(origin)?.[1]?.toLowerCase();
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
