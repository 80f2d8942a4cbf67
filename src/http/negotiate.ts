/**
 * What becomes of the extensions and the subprotocols that a client offers.
 */

import type { DeflateFactory } from "../protocol/codec.ts";
import { acceptDeflate } from "../protocol/deflate.ts";
import { type Extension, formatExtensions, isToken, quote, show } from "../protocol/headers.ts";
import { type DeflateSettings, deflateSetup } from "../socket/deflate_options.ts";
import type { LinkOptions } from "../socket/link_options.ts";
import { wrongKind } from "../socket/check.ts";
import type { HttpRequest } from "./request.ts";

/** What was agreed on. */
export interface Agreement {
  /** Value of `Sec-WebSocket-Extensions`, "" for none. */
  readonly extensions: string;
  /** What the link has to know of it. */
  readonly link: Pick<LinkOptions, "deflate">;
}

/** Without an extension. */
export const NO_EXTENSIONS: Agreement = { extensions: "", link: {} };

/**
 * Decides on the extensions offered. A server may decline all of them (RFC 6455, 9.1); only permessage-deflate is spoken
 * here, where it is wanted and there is what compresses.
 */
export function negotiateExtensions(
  offers: readonly Extension[],
  settings: DeflateSettings,
  factory: DeflateFactory | undefined,
): Agreement {
  if (factory === undefined) return NO_EXTENSIONS;
  const accepted = acceptDeflate(offers, settings.wanted, factory);
  if (accepted === undefined) return NO_EXTENSIONS;
  const { extension, agreement } = accepted;
  return { extensions: formatExtensions([extension]), link: { deflate: deflateSetup(settings, factory, agreement) } };
}

/**
 * Which subprotocol to speak: a list, of which the first that is offered is taken; or a function that picks one of those
 * offered, or nothing.
 *
 * @example
 * ```ts
 * import { type ProtocolPolicy, upgrade } from "@sockeye/ws";
 *
 * const protocols: ProtocolPolicy = (offered) => offered.find((name) => name.startsWith("chat.")) ?? "";
 * console.assert(typeof upgrade({ protocols }, () => {}).invoke === "function");
 * ```
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
        `Cannot upgrade: the option protocols picked ${show(picked)}, wanted one of those offered (${list})`,
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
