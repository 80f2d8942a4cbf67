/**
 * The opening handshake, both ends of it, as heads go in and out (RFC 6455, 4).
 *
 * ```
 *   client                                             server
 *   createKey -> requestHead ---- GET, Upgrade --> checkRequest -> { request } -> acceptHead ---.
 *                                                       `--------> { refusal }: 400, 405, 426   |
 *   { protocol, extensions } or WebSocketError <- checkResponse <------------------- 101 ------ '
 * ```
 *
 * What is wrong with the peer's head comes back as a value with a text that says what was met and what was wanted.
 */

import { acceptKey, isKey, writeAcceptKey } from "./accept_key.ts";
import { VERSION } from "./constants.ts";
import { WebSocketError } from "./errors.ts";
import { Fields, type RequestHead, type ResponseHead } from "./fields.ts";
import { formatHead } from "./head_format.ts";
import {
  type Extension,
  hasToken,
  isHandshakeField,
  isHost,
  isToken,
  parseExtensions,
  parseTokenList,
  quote,
} from "./headers.ts";

/**
 * Header fields to look up: `Fields`, or the web's `Headers`.
 *
 * @example
 * ```ts
 * import type { FieldSource } from "@sockeye/ws/protocol";
 *
 * const fields: FieldSource = new Headers({ Upgrade: "websocket" });
 * console.assert(fields.get("upgrade") === "websocket" && !fields.has("origin"));
 * ```
 */
export interface FieldSource {
  /** The value of a field, those of a repeated one joined by `", "`; `null` when it is absent. */
  get(name: string): string | null;
  /** Whether the field is there. */
  has(name: string): boolean;
}

/**
 * A request as `checkRequest` looks at it: a `RequestHead`, or parts of another server's request.
 *
 * @example
 * ```ts
 * import { checkRequest, type RequestSource } from "@sockeye/ws/protocol";
 *
 * const { method, headers } = new Request("http://a.example/chat");
 * const source: RequestSource = { method, fields: headers };
 * console.assert(!checkRequest(source).ok); // it asks for no upgrade
 * ```
 */
export interface RequestSource {
  /** In its case. */
  readonly method: string;
  /** Of HTTP: `"1.1"`. Absent when the server does not tell it, and then not checked. */
  readonly version?: string;
  /** The header fields. */
  readonly fields: FieldSource;
}

/**
 * What a client asks for, once its request has been found right.
 *
 * @example
 * ```ts
 * import { acceptHead, type HandshakeRequest } from "@sockeye/ws/protocol";
 *
 * const request: HandshakeRequest = { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: [], extensions: [], origin: null };
 * console.assert(acceptHead(request).status === 101);
 * ```
 */
export interface HandshakeRequest {
  /** As it was sent: 16 bytes in base64. */
  readonly key: string;
  /** The subprotocols offered, the best first. No name is there twice. */
  readonly protocols: readonly string[];
  /** The extensions offered, the best first. */
  readonly extensions: readonly Extension[];
  /** Of the page that connects; `null` when the client does not say, as those that are no browsers do not. */
  readonly origin: string | null;
}

/**
 * How to answer a request that is no right handshake.
 *
 * @example
 * ```ts
 * import { checkRequest, type HandshakeRefusal } from "@sockeye/ws/protocol";
 *
 * const answer = ({ status, reason, fields }: HandshakeRefusal) =>
 *   new Response(reason, { status, headers: Object.fromEntries(fields) });
 * const check = checkRequest({ method: "POST", fields: new Headers() });
 * console.assert(!check.ok && answer(check.refusal).headers.get("allow") === "GET");
 * ```
 */
export interface HandshakeRefusal {
  /** 400, 405 or 426. */
  readonly status: number;
  /** What the answer has to say beside its body. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What was met and what was wanted: one line of printable ASCII, to be sent as `text/plain`. */
  readonly reason: string;
}

/**
 * What `checkRequest` found.
 *
 * @example
 * ```ts
 * import { checkRequest, type RequestCheck } from "@sockeye/ws/protocol";
 *
 * const check: RequestCheck = checkRequest({ method: "GET", fields: new Headers() });
 * console.assert((check.ok ? check.request.key : check.refusal.reason) !== "");
 * ```
 */
export type RequestCheck =
  | { readonly ok: true; readonly request: HandshakeRequest }
  | { readonly ok: false; readonly refusal: HandshakeRefusal };

const NO_FIELDS: HandshakeRefusal["fields"] = [];
const ALLOW: HandshakeRefusal["fields"] = [["Allow", "GET"]];
const UPGRADE: HandshakeRefusal["fields"] = [
  ["Upgrade", "websocket"],
  // An Upgrade without it is not for this hop, and is to be ignored (RFC 9110, 7.8).
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Version", VERSION],
];

/**
 * Checks the request of an opening handshake, as a server has to (RFC 6455, 4.2.1). Its target and its origin are for
 * the caller to judge.
 *
 * Refused are: with 405 another method than GET; with 426 a request that asks for no upgrade to `websocket`, or for
 * another version than 13; with 400 another version of HTTP than 1.1, a `Host` that is absent, repeated or no host, a
 * `Connection` without `upgrade`, a key that is not 16 bytes in base64, malformed or repeated subprotocols, malformed
 * extensions.
 *
 * @example
 * ```ts
 * import { checkRequest } from "@sockeye/ws/protocol";
 *
 * const check = checkRequest({ method: "POST", fields: new Headers() });
 * console.assert(!check.ok && check.refusal.status === 405);
 * ```
 */
export function checkRequest(head: RequestSource): RequestCheck {
  const { method, version, fields } = head;
  if (method !== "GET") return refuse(405, ALLOW, `the method is ${quote(method)}, wanted GET`);
  if (version !== undefined && version !== "1.1") {
    return refuse(400, NO_FIELDS, `the version of HTTP is ${quote(version)}, wanted 1.1`);
  }
  const host = fields.get("host");
  if (host === null || !isHost(host)) return refuse(400, NO_FIELDS, `Host is ${show(host)}, wanted one host`);

  const upgrade = fields.get("upgrade");
  if (!hasToken(upgrade, "websocket")) return refuse(426, UPGRADE, `Upgrade is ${show(upgrade)}, wanted websocket`);
  const connection = fields.get("connection");
  if (!hasToken(connection, "upgrade")) {
    return refuse(400, NO_FIELDS, `Connection is ${show(connection)}, wanted Upgrade`);
  }
  const wsVersion = fields.get("sec-websocket-version");
  if (wsVersion !== VERSION) {
    return refuse(426, UPGRADE, `Sec-WebSocket-Version is ${show(wsVersion)}, wanted ${VERSION}`);
  }
  const key = fields.get("sec-websocket-key");
  if (key === null || !isKey(key)) {
    return refuse(400, NO_FIELDS, `Sec-WebSocket-Key is ${show(key)}, wanted 16 bytes in base64`);
  }
  const offered = fields.get("sec-websocket-protocol");
  const protocols = offered === null ? [] : parseTokenList(offered);
  if (protocols === undefined || (protocols.length > 1 && new Set(protocols).size < protocols.length)) {
    return refuse(400, NO_FIELDS, `Sec-WebSocket-Protocol is ${show(offered)}, wanted a list of tokens, each once`);
  }
  const wanted = fields.get("sec-websocket-extensions");
  const extensions = wanted === null ? [] : parseExtensions(wanted);
  if (extensions === undefined) {
    return refuse(400, NO_FIELDS, `Sec-WebSocket-Extensions is ${show(wanted)}, wanted a list of extensions`);
  }
  return { ok: true, request: { key, protocols, extensions, origin: fields.get("origin") } };
}

function refuse(status: number, fields: HandshakeRefusal["fields"], fault: string): RequestCheck {
  return { ok: false, refusal: { status, fields, reason: `Cannot upgrade to WebSocket: ${fault}` } };
}

function show(value: string | null): string {
  return value === null ? "absent" : quote(value);
}

/**
 * What a request of the opening handshake is made of.
 *
 * @example
 * ```ts
 * import { createKey, requestHead, type RequestOptions } from "@sockeye/ws/protocol";
 *
 * const options: RequestOptions = { host: "a.example", path: "/chat", key: createKey(), protocols: ["chat"] };
 * console.assert(requestHead(options).fields.get("sec-websocket-protocol") === "chat");
 * ```
 */
export interface RequestOptions {
  /** Value of `Host`: the name or address, and the port where it is not the scheme's own. */
  readonly host: string;
  /** The path with its query; begins with a slash. */
  readonly path: string;
  /** From `createKey`. */
  readonly key: string;
  /** Subprotocols to offer, the best first. @default {[]} */
  readonly protocols?: readonly string[];
  /** Value of `Sec-WebSocket-Extensions`. Empty: none is offered. @default {""} */
  readonly extensions?: string;
  /** Value of `Origin`. Absent: none is sent. */
  readonly origin?: string;
  /** More fields; `Host` and `Origin` take the place of the above. */
  readonly fields?: Iterable<readonly [name: string, value: string]>;
}

/**
 * Makes the request of an opening handshake (RFC 6455, 4.1).
 *
 * @throws {TypeError} When `fields` has a field that belongs to the handshake or to a body (`Upgrade`, `Connection`,
 * `Sec-WebSocket-*`, `Content-Length`, `Transfer-Encoding`), or when a name or a value is not fit to be sent.
 * @throws {SyntaxError} When a subprotocol is no token, or is there twice.
 *
 * @example
 * ```ts
 * import { createKey, formatHead, requestHead } from "@sockeye/ws/protocol";
 *
 * const head = requestHead({ host: "a.example", path: "/chat", key: createKey(), protocols: ["chat"] });
 * console.assert(head.fields.get("sec-websocket-protocol") === "chat");
 * console.assert(new TextDecoder().decode(formatHead(head)).startsWith("GET /chat HTTP/1.1\r\nHost: a.example\r\n"));
 * ```
 */
export function requestHead(options: RequestOptions): RequestHead {
  const { protocols = [], extensions = "", origin } = options;
  const fields = new Fields();
  fields.append("Host", options.host);
  fields.append("Upgrade", "websocket");
  fields.append("Connection", "Upgrade");
  fields.append("Sec-WebSocket-Key", options.key);
  fields.append("Sec-WebSocket-Version", VERSION);
  for (const [i, protocol] of protocols.entries()) {
    if (!isToken(protocol)) throw new SyntaxError(`Cannot offer a subprotocol: met ${quote(protocol)}, wanted a token`);
    if (protocols.indexOf(protocol) < i) {
      throw new SyntaxError(`Cannot offer the subprotocol ${protocol}: it is there twice`);
    }
  }
  if (protocols.length > 0) fields.append("Sec-WebSocket-Protocol", protocols.join(", "));
  if (extensions !== "") fields.append("Sec-WebSocket-Extensions", extensions);
  if (origin !== undefined) fields.append("Origin", origin);
  addOwn(fields, "request", options.fields);
  return { kind: "request", method: "GET", target: options.path, version: "1.1", fields };
}

/**
 * What a server may add to its acceptance.
 *
 * @example
 * ```ts
 * import { acceptHead, type AcceptOptions } from "@sockeye/ws/protocol";
 *
 * const options: AcceptOptions = { fields: [["X-Served-By", "me"]] };
 * const request = { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: [], extensions: [], origin: null };
 * console.assert(acceptHead(request, options).fields.get("x-served-by") === "me");
 * ```
 */
export interface AcceptOptions {
  /** The subprotocol chosen, one of those offered. Empty: none. @default {""} */
  readonly protocol?: string;
  /** Value of `Sec-WebSocket-Extensions`: what was agreed on. Empty: nothing. @default {""} */
  readonly extensions?: string;
  /** More fields. */
  readonly fields?: Iterable<readonly [name: string, value: string]>;
}

/**
 * Makes the response that accepts a request (RFC 6455, 4.2.2).
 *
 * @throws {RangeError} When the subprotocol is not one of those offered.
 * @throws {TypeError} When `fields` has a field that belongs to the handshake or to a body (`Upgrade`, `Connection`,
 * `Sec-WebSocket-*`, `Content-Length`, `Transfer-Encoding`), or when a name or a value is not fit to be sent.
 *
 * @example
 * ```ts
 * import { acceptHead } from "@sockeye/ws/protocol";
 *
 * const request = { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: ["chat"], extensions: [], origin: null };
 * const head = acceptHead(request, { protocol: "chat" });
 * console.assert(head.status === 101 && head.fields.get("sec-websocket-protocol") === "chat");
 * ```
 */
export function acceptHead(request: HandshakeRequest, options: AcceptOptions = {}): ResponseHead {
  const { protocol = "", extensions = "" } = options;
  const fields = new Fields();
  fields.append("Upgrade", "websocket");
  fields.append("Connection", "Upgrade");
  fields.append("Sec-WebSocket-Accept", acceptKey(request.key));
  if (protocol !== "") {
    if (!request.protocols.includes(protocol)) {
      const offered = request.protocols.join(", ") || "none";
      throw new RangeError(
        `Cannot accept the subprotocol ${quote(protocol)}: wanted one of those offered (${offered})`,
      );
    }
    fields.append("Sec-WebSocket-Protocol", protocol);
  }
  if (extensions !== "") fields.append("Sec-WebSocket-Extensions", extensions);
  addOwn(fields, "response", options.fields);
  return { kind: "response", version: "1.1", status: 101, reason: "Switching Protocols", fields };
}

/** The response that accepts a key and says nothing else, as bytes, and where in it the accept key stands. */
let bare: { readonly bytes: Uint8Array; readonly at: number } | undefined;

/**
 * The bytes of `acceptHead(request, options)`, which may be overwritten by the next call. Throws as that does. Most say
 * nothing but the accept key, which is written over the last one: on Bun that is 6 % of a handshake.
 */
export function formatAcceptance(request: HandshakeRequest, options: AcceptOptions): Uint8Array {
  const { protocol = "", extensions = "", fields } = options;
  if (protocol !== "" || extensions !== "" || hasFields(fields)) return formatHead(acceptHead(request, options));
  if (bare === undefined) {
    const head = acceptHead(request);
    const bytes = formatHead(head);
    const text = String.fromCharCode(...bytes);
    bare = { bytes, at: text.indexOf(head.fields.get("sec-websocket-accept")!) };
  }
  writeAcceptKey(request.key, bare.bytes, bare.at);
  return bare.bytes;
}

function hasFields(own: AcceptOptions["fields"]): boolean {
  return own !== undefined && !(own instanceof Fields && own.size === 0);
}

/** Adds the caller's own fields to those of the handshake: in the place of one of the same name, or behind them. */
function addOwn(fields: Fields, kind: string, own: RequestOptions["fields"]): void {
  if (own === undefined) return;
  const seen = new Set<string>();
  for (const [name, value] of own) {
    const key = String(name).toLowerCase();
    if (isHandshakeField(key)) {
      throw new TypeError(`Cannot make the ${kind} of the handshake: the field ${name} is not the caller's to set`);
    }
    if (seen.has(key)) fields.append(name, value);
    else fields.set(name, value);
    seen.add(key);
  }
}

/**
 * What a server agreed to.
 *
 * @example
 * ```ts
 * import type { HandshakeResponse } from "@sockeye/ws/protocol";
 *
 * const speaks = ({ protocol }: HandshakeResponse): string => protocol || "no subprotocol";
 * console.assert(speaks({ protocol: "chat", extensions: [] }) === "chat");
 * ```
 */
export interface HandshakeResponse {
  /** The subprotocol; empty when the server chose none. */
  readonly protocol: string;
  /** The extensions accepted; whether they were offered is for the caller to check. */
  readonly extensions: readonly Extension[];
}

/**
 * Checks the answer to a request, as a client has to (RFC 6455, 4.1). `sent` is what was asked for. A server that chooses
 * none of the subprotocols offered is at fault, as on the web.
 *
 * Comes back as a `WebSocketError`: another status than 101 (`WS_HANDSHAKE_REFUSED`); and (`WS_INVALID_HANDSHAKE`)
 * HTTP/1.0, an `Upgrade` that is not `websocket`, a `Connection` without `upgrade`, a wrong accept key, a subprotocol
 * that was not offered, none where some were, or more than one, malformed extensions.
 *
 * @example
 * ```ts
 * import { acceptHead, checkResponse, WebSocketError } from "@sockeye/ws/protocol";
 *
 * const sent = { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: ["chat"] };
 * const head = acceptHead({ ...sent, extensions: [], origin: null }, { protocol: "chat" });
 * const answer = checkResponse(head, sent);
 * console.assert(!(answer instanceof WebSocketError) && answer.protocol === "chat");
 * ```
 */
export function checkResponse(
  head: ResponseHead,
  sent: { readonly key: string; readonly protocols: readonly string[] },
): HandshakeResponse | WebSocketError {
  const { status, fields } = head;
  if (status !== 101) {
    const reason = head.reason === "" ? "" : ` ${quote(head.reason)}`;
    return new WebSocketError("WS_HANDSHAKE_REFUSED", `${CANNOT_OPEN}: the status is ${status}${reason}, wanted 101`);
  }
  if (head.version !== "1.1") return invalid(`the version of HTTP is ${head.version}, wanted 1.1`);
  const upgrade = fields.get("upgrade");
  if (upgrade?.toLowerCase() !== "websocket") return invalid(`Upgrade is ${show(upgrade)}, wanted websocket`);
  const connection = fields.get("connection");
  if (!hasToken(connection, "upgrade")) return invalid(`Connection is ${show(connection)}, wanted Upgrade`);
  const accept = fields.get("sec-websocket-accept");
  const wanted = acceptKey(sent.key);
  if (accept !== wanted) return invalid(`Sec-WebSocket-Accept is ${show(accept)}, wanted ${wanted}`);
  const protocol = fields.get("sec-websocket-protocol");
  if (protocol !== null && !sent.protocols.includes(protocol)) {
    const offered = sent.protocols.length === 0 ? "none, for none was offered" : `one of ${sent.protocols.join(", ")}`;
    return invalid(`Sec-WebSocket-Protocol is ${show(protocol)}, wanted ${offered}`);
  }
  // The RFC leaves it to the client; browsers fail, and so does an application that would not know what to speak.
  if (protocol === null && sent.protocols.length > 0) {
    return invalid(`Sec-WebSocket-Protocol is absent, wanted one of ${sent.protocols.join(", ")}`);
  }
  const accepted = fields.get("sec-websocket-extensions");
  const extensions = accepted === null ? [] : parseExtensions(accepted);
  if (extensions === undefined) {
    return invalid(`Sec-WebSocket-Extensions is ${show(accepted)}, wanted a list of extensions`);
  }
  return { protocol: protocol ?? "", extensions };
}

const CANNOT_OPEN = "Cannot finish the opening handshake";

function invalid(fault: string): WebSocketError {
  return new WebSocketError("WS_INVALID_HANDSHAKE", `${CANNOT_OPEN}: ${fault}`);
}
