/**
 * What becomes of the extensions and the subprotocols that a client offers.
 */

import { type Extension, isToken, quote } from "../protocol/headers.ts";
import type { LinkOptions } from "../socket/session_link.ts";
import { wrongKind } from "./options.ts";
import type { HttpRequest } from "./request.ts";

/** What `perMessageDeflate` may be. */
export type DeflateOption = boolean | Readonly<Record<string, unknown>>;

/** What was agreed on. */
export interface Agreement {
  /** Value of `Sec-WebSocket-Extensions`, "" for none. */
  readonly extensions: string;
  /** What the link has to know of it. */
  readonly link: Pick<LinkOptions, "reservedBits">;
}

const NOTHING: Agreement = { extensions: "", link: {} };

/** Decides on the extensions offered. A server may decline all of them (RFC 6455, 9.1), and none is spoken here yet. */
export function negotiateExtensions(_offers: readonly Extension[], _deflate: DeflateOption): Agreement {
  return NOTHING;
}

/**
 * Which subprotocol to speak: a list, of which the first that is offered is taken; or a function that picks one of those
 * offered, or nothing.
 */
export type ProtocolPolicy =
  | readonly string[]
  | ((
    offered: readonly string[],
    req: HttpRequest,
  ) => string | undefined | null | void | Promise<string | undefined | null | void>);

/** Picks a subprotocol; "" for none. */
export type ProtocolPicker = (offered: readonly string[], req: HttpRequest) => string | Promise<string>;

/**
 * Makes the picker of a policy. It throws a `RangeError`, or rejects with one, when the function picks what was not offered.
 *
 * @throws {TypeError} When the policy is none, or an element of the list is no token.
 */
export function protocolPicker(policy: ProtocolPolicy | undefined): ProtocolPicker {
  if (policy === undefined) return () => "";
  if (typeof policy === "function") {
    return async (offered, req) => {
      const picked = await policy(offered, req) ?? "";
      if (picked === "" || offered.includes(picked)) return picked;
      const list = offered.map((each) => quote(each)).join(", ") || "none";
      throw new RangeError(
        `Cannot upgrade: the option protocols picked ${quote(String(picked))}, wanted one of those offered (${list})`,
      );
    };
  }
  if (!Array.isArray(policy)) throw wrongKind("protocols", policy, "a list of tokens or a function");
  for (const each of policy) {
    if (typeof each !== "string" || !isToken(each)) throw wrongKind("protocols", each, "a token");
  }
  const known: readonly string[] = [...policy];
  return (offered) => known.find((each) => offered.includes(each)) ?? "";
}
