/**
 * permessage-deflate (RFC 7692): what the two ends agree on.
 *
 * ```
 *   client: offerDeflate ---- Sec-WebSocket-Extensions ---> server: acceptDeflate (the first offer that can be met)
 *           confirmDeflate <-- Sec-WebSocket-Extensions ---- { extension }
 *                `---> DeflateAgreement { local, remote } <---'
 * ```
 *
 * The parameters are named after the client and the server. They are turned into this end's and the other end's here, once,
 * so that nothing behind the handshake asks for the role.
 *
 * A window of 8 bits is agreed on like any other. zlib has none for raw deflate; a codec compresses with 9 then, which is
 * within the limit: zlib looks back at most 262 bytes less than the window, and 250 is below the 256 of 8 bits.
 */

import type { DeflateAbility, DeflateFactory, DeflateSide } from "./codec.ts";
import { WebSocketError } from "./errors.ts";
import { type Extension, formatExtensions, quote } from "./headers.ts";

/**
 * The registered name of the extension (RFC 7692, section 7).
 *
 * @example
 * ```ts
 * import { parseExtensions, PERMESSAGE_DEFLATE } from "@sockeye/ws/protocol";
 *
 * const [offer] = parseExtensions("permessage-deflate; server_no_context_takeover") ?? [];
 * console.assert(offer?.name === PERMESSAGE_DEFLATE);
 * ```
 */
export const PERMESSAGE_DEFLATE = "permessage-deflate";

/** The largest LZ77 window there is, as a power of two: 32 KiB (RFC 7692, section 7.1.2). */
export const MAX_WINDOW_BITS = 15;
/** The smallest LZ77 window that can be agreed on: 256 bytes (RFC 7692, section 7.1.2). */
export const MIN_WINDOW_BITS = 8;

/**
 * The parameters an end asks for, named as in RFC 7692, section 7.1.
 *
 * @example
 * ```ts
 * import { type DeflateParameters, offerDeflate } from "@sockeye/ws/protocol";
 *
 * const wanted: DeflateParameters = { serverNoContextTakeover: true };
 * const offer = offerDeflate(wanted, { takeover: true, minWindowBits: 8 });
 * console.assert(offer?.name === "permessage-deflate");
 * ```
 */
export interface DeflateParameters {
  /** The server begins each message with an empty window. @default {false} */
  readonly serverNoContextTakeover?: boolean;
  /** The client begins each message with an empty window. @default {false} */
  readonly clientNoContextTakeover?: boolean;
  /** Bits of the server's window, 8 to 15. @default {15} */
  readonly serverMaxWindowBits?: number;
  /**
   * Bits of the client's window, 8 to 15. A server that asks for fewer than 15 declines the offer of a client that
   * cannot be limited. @default {15}
   */
  readonly clientMaxWindowBits?: number;
}

/**
 * What was agreed on: how this end compresses, and how the other one does.
 *
 * @example
 * ```ts
 * import { acceptDeflate, type DeflateAgreement, parseExtensions } from "@sockeye/ws/protocol";
 *
 * const offers = parseExtensions("permessage-deflate; client_no_context_takeover; server_max_window_bits=10")!;
 * const accepted = acceptDeflate(offers, {}, { takeover: true, minWindowBits: 8 });
 * const agreement: DeflateAgreement = accepted!.agreement;
 * console.assert(agreement.local.takeover && agreement.local.windowBits === 10);
 * console.assert(!agreement.remote.takeover && agreement.remote.windowBits === 15);
 * ```
 */
export interface DeflateAgreement {
  /** How this end compresses. */
  readonly local: DeflateSide;
  /** How the other end compresses. */
  readonly remote: DeflateSide;
}

/**
 * What a session needs to speak permessage-deflate.
 *
 * @example
 * ```ts
 * import { type DeflateFactory, type DeflateSetup, Session, type SessionEvents } from "@sockeye/ws/protocol";
 *
 * const side = { takeover: true, windowBits: 15 };
 * const open = (factory: DeflateFactory, events: SessionEvents): Session => {
 *   const agreement = { local: side, remote: side };
 *   const deflate: DeflateSetup = { factory, agreement, level: 6, memLevel: 6, threshold: 0, releaseAfter: 10_000 };
 *   return new Session("server", events, { deflate });
 * };
 * console.assert(open.length === 2);
 * ```
 */
export interface DeflateSetup {
  /** What compresses. */
  readonly factory: DeflateFactory;
  /** What was agreed on. */
  readonly agreement: DeflateAgreement;
  /** From 0 (stored) over 1 (fast) to 9 (small). */
  readonly level: number;
  /** From 1 (little memory) to 9. */
  readonly memLevel: number;
  /** Bytes from which on a message is compressed, where its sender does not say. */
  readonly threshold: number;
  /** Milliseconds without a compressed message after which memory is given back; 0 or Infinity for never. */
  readonly releaseAfter: number;
}

/** The parameters as they stand in an offer or an answer. `true`: the client can be limited (RFC 7692, 7.1.2.2). */
interface Stated {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverMaxWindowBits: number | undefined;
  clientMaxWindowBits: number | true | undefined;
}

/**
 * Makes the offer of a client (RFC 7692, section 5). `undefined` when the codec cannot do what is asked for.
 *
 * @example
 * ```ts
 * import { formatExtensions, offerDeflate } from "@sockeye/ws/protocol";
 *
 * const offer = offerDeflate({ serverMaxWindowBits: 10 }, { takeover: true, minWindowBits: 8 });
 * console.assert(
 *   formatExtensions([offer!]) === "permessage-deflate; server_max_window_bits=10; client_max_window_bits",
 * );
 * ```
 */
export function offerDeflate(wanted: DeflateParameters, ability: DeflateAbility): Extension | undefined {
  const own = wanted.clientMaxWindowBits ?? MAX_WINDOW_BITS;
  if (own < ability.minWindowBits) return undefined;
  const limitable = ability.minWindowBits < MAX_WINDOW_BITS;
  return format({
    serverNoContextTakeover: wanted.serverNoContextTakeover === true || !ability.takeover,
    clientNoContextTakeover: wanted.clientNoContextTakeover === true || !ability.takeover,
    serverMaxWindowBits: below15(wanted.serverMaxWindowBits),
    clientMaxWindowBits: limitable ? below15(own) ?? true : undefined,
  });
}

/**
 * What a server answers, and what that means.
 *
 * @example
 * ```ts
 * import { acceptDeflate, type DeflateAcceptance, parseExtensions } from "@sockeye/ws/protocol";
 *
 * const ability = { takeover: true, minWindowBits: 8 };
 * const accepted: DeflateAcceptance | undefined = acceptDeflate(parseExtensions("permessage-deflate")!, {}, ability);
 * console.assert(accepted?.agreement.remote.takeover);
 * ```
 */
export interface DeflateAcceptance {
  /** For the answer's `Sec-WebSocket-Extensions`. */
  readonly extension: Extension;
  /** What was agreed on. */
  readonly agreement: DeflateAgreement;
}

/**
 * Chooses among the offers of a client, as a server: the first that is well-formed and can be met (RFC 7692, section 5).
 * An offer is declined when a parameter is unknown, repeated or has a value that is not allowed (7.1), when this end cannot
 * compress with as small a window as is asked for, and when `clientMaxWindowBits` is wanted and the client does not let
 * itself be limited. Offers of other extensions are passed over. `undefined` when none is left.
 *
 * @example
 * ```ts
 * import { acceptDeflate, parseExtensions } from "@sockeye/ws/protocol";
 *
 * const offers = parseExtensions("permessage-deflate; server_max_window_bits=7, permessage-deflate")!;
 * const accepted = acceptDeflate(offers, {}, { takeover: true, minWindowBits: 8 });
 * console.assert(accepted?.extension.params.length === 0);
 * console.assert(accepted?.agreement.local.windowBits === 15);
 * ```
 */
export function acceptDeflate(
  offers: readonly Extension[],
  wanted: DeflateParameters,
  ability: DeflateAbility,
): DeflateAcceptance | undefined {
  for (const { name, params } of offers) {
    if (name !== PERMESSAGE_DEFLATE) continue;
    const offer = read(params);
    if (typeof offer === "string" || !canMeet(offer, wanted, ability)) continue;
    const answer: Stated = {
      serverNoContextTakeover: offer.serverNoContextTakeover || wanted.serverNoContextTakeover === true ||
        !ability.takeover,
      clientNoContextTakeover: offer.clientNoContextTakeover || wanted.clientNoContextTakeover === true ||
        !ability.takeover,
      serverMaxWindowBits: smaller(offer.serverMaxWindowBits, below15(wanted.serverMaxWindowBits)),
      // Without the parameter in the offer, the client must fail on it in the answer (RFC 7692, 7.1.2.2).
      clientMaxWindowBits: offer.clientMaxWindowBits === undefined
        ? undefined
        : smaller(valueOf(offer.clientMaxWindowBits), below15(wanted.clientMaxWindowBits)),
    };
    const agreement = {
      local: { takeover: !answer.serverNoContextTakeover, windowBits: answer.serverMaxWindowBits ?? MAX_WINDOW_BITS },
      remote: {
        takeover: !answer.clientNoContextTakeover,
        windowBits: valueOf(answer.clientMaxWindowBits) ?? MAX_WINDOW_BITS,
      },
    };
    return { extension: format(answer), agreement };
  }
  return undefined;
}

function canMeet(offer: Stated, wanted: DeflateParameters, ability: DeflateAbility): boolean {
  const own = smaller(offer.serverMaxWindowBits, wanted.serverMaxWindowBits) ?? MAX_WINDOW_BITS;
  if (own < ability.minWindowBits) return false;
  return below15(wanted.clientMaxWindowBits) === undefined || offer.clientMaxWindowBits !== undefined;
}

/**
 * Checks what a server answered to the offer that `offerDeflate` made of the same arguments (RFC 7692, section 5.1 and 7.1).
 * `undefined`: it chose no extension. Comes back as a `WebSocketError` (`WS_INVALID_HANDSHAKE`), with which the connection
 * fails: an extension that was not offered, or more than one; a parameter that is unknown, repeated or has a value that is
 * not allowed; `client_max_window_bits` that was not offered, or more than was offered; `server_no_context_takeover` or
 * `server_max_window_bits` that was asked for and is missing, or a larger window than was asked for. Without an offer
 * (`undefined`) every extension is one that was not offered.
 *
 * @example
 * ```ts
 * import { confirmDeflate, offerDeflate, parseExtensions, WebSocketError } from "@sockeye/ws/protocol";
 *
 * const offer = offerDeflate({}, { takeover: true, minWindowBits: 9 });
 * const agreed = confirmDeflate(parseExtensions("permessage-deflate") ?? [], offer);
 * console.assert(agreed !== undefined && !(agreed instanceof WebSocketError));
 * console.assert(confirmDeflate(parseExtensions("x-other") ?? [], offer) instanceof WebSocketError);
 * ```
 */
export function confirmDeflate(
  answers: readonly Extension[],
  offer: Extension | undefined,
): DeflateAgreement | undefined | WebSocketError {
  const [answer] = answers;
  if (answer === undefined) return undefined;
  if (offer === undefined || answers.length > 1 || answer.name !== PERMESSAGE_DEFLATE) {
    const wanted = offer === undefined ? "none, for none was offered" : `${PERMESSAGE_DEFLATE}, once`;
    return wrong(answers, `wanted ${wanted}`);
  }
  const asked = read(offer.params), given = read(answer.params);
  if (typeof asked === "string") throw new TypeError(`Cannot check an answer against this offer: ${asked}`);
  if (typeof given === "string") return wrong(answers, given);
  if (given.clientMaxWindowBits === true) {
    return wrong(answers, "client_max_window_bits must have a value in an answer");
  }
  const server = asked.serverMaxWindowBits ?? MAX_WINDOW_BITS;
  if (server < MAX_WINDOW_BITS && (given.serverMaxWindowBits ?? MAX_WINDOW_BITS) > server) {
    return wrong(answers, `wanted server_max_window_bits of at most ${server}`);
  }
  if (asked.serverNoContextTakeover && !given.serverNoContextTakeover) {
    return wrong(answers, "wanted server_no_context_takeover");
  }
  const client = valueOf(asked.clientMaxWindowBits) ?? MAX_WINDOW_BITS;
  if (given.clientMaxWindowBits !== undefined) {
    if (asked.clientMaxWindowBits === undefined) return wrong(answers, "client_max_window_bits was not offered");
    if (given.clientMaxWindowBits > client) {
      return wrong(answers, `wanted client_max_window_bits of at most ${client}`);
    }
  }
  return {
    local: {
      takeover: !given.clientNoContextTakeover && !asked.clientNoContextTakeover,
      windowBits: given.clientMaxWindowBits ?? client,
    },
    remote: {
      takeover: !given.serverNoContextTakeover,
      windowBits: given.serverMaxWindowBits ?? MAX_WINDOW_BITS,
    },
  };
}

function wrong(answers: readonly Extension[], fault: string): WebSocketError {
  return new WebSocketError(
    "WS_INVALID_HANDSHAKE",
    `Cannot finish the opening handshake: Sec-WebSocket-Extensions is ${quote(formatExtensions(answers))}, ${fault}`,
  );
}

/** Reads the parameters of an offer or an answer. Returns what is wrong with them as a text. */
function read(params: Extension["params"]): Stated | string {
  const stated: Stated = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen = new Set<string>();
  for (const [name, value] of params) {
    if (seen.has(name)) return `wanted the parameter ${quote(name)} once`;
    seen.add(name);
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== true) return `wanted ${name} without a value`;
        stated[name === "server_no_context_takeover" ? "serverNoContextTakeover" : "clientNoContextTakeover"] = true;
        break;
      case "server_max_window_bits":
      case "client_max_window_bits": {
        const server = name === "server_max_window_bits";
        // A decimal integer without leading zeros (RFC 7692, 7.1.2); only the client's may stand alone.
        if (value === true ? server : !/^([89]|1[0-5])$/.test(value)) return `wanted ${name} from 8 to 15`;
        if (server) stated.serverMaxWindowBits = Number(value);
        else stated.clientMaxWindowBits = value === true ? true : Number(value);
        break;
      }
      default:
        return `the parameter ${quote(name)} is unknown`;
    }
  }
  return stated;
}

function format(stated: Stated): Extension {
  const params: [string, string | true][] = [];
  if (stated.serverNoContextTakeover) params.push(["server_no_context_takeover", true]);
  if (stated.clientNoContextTakeover) params.push(["client_no_context_takeover", true]);
  const { serverMaxWindowBits: server, clientMaxWindowBits: client } = stated;
  if (server !== undefined) params.push(["server_max_window_bits", String(server)]);
  if (client !== undefined) params.push(["client_max_window_bits", client === true ? true : String(client)]);
  return { name: PERMESSAGE_DEFLATE, params };
}

/** The full window is what there is without the parameter. */
function below15(bits: number | undefined): number | undefined {
  return bits === MAX_WINDOW_BITS ? undefined : bits;
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

function valueOf(bits: number | true | undefined): number | undefined {
  return bits === true ? undefined : bits;
}
