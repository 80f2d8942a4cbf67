/**
 * What can go wrong, as values with stable names. The peer's faults are never thrown out of the core: they
 * travel as a `WebSocketError` to the `error` event. Exceptions are for the caller's own mistakes.
 */

import {
  GOING_AWAY,
  INVALID_PAYLOAD,
  MESSAGE_TOO_BIG,
  POLICY_VIOLATION,
  PROTOCOL_ERROR,
  TRY_AGAIN_LATER,
} from "./constants.ts";

/**
 * The stable names of all failures.
 *
 * @example
 * ```ts
 * import { type ErrorCode, WebSocketError } from "@sockeye/ws";
 *
 * const retry: readonly ErrorCode[] = ["WS_CONNECT_FAILED", "WS_HANDSHAKE_TIMEOUT", "WS_PEER_VANISHED"];
 * const error = new WebSocketError("WS_PEER_VANISHED", "Connection ended");
 * console.assert(retry.includes(error.code));
 * ```
 */
export type ErrorCode =
  /** A reserved bit is set that no negotiated extension gives a meaning (RFC 6455, 5.2). */
  | "WS_RESERVED_BITS"
  /** The opcode is reserved (RFC 6455, 5.2). */
  | "WS_RESERVED_OPCODE"
  /** A control frame is fragmented (RFC 6455, 5.4). */
  | "WS_FRAGMENTED_CONTROL"
  /** A control frame carries more than 125 bytes (RFC 6455, 5.5). */
  | "WS_CONTROL_TOO_LONG"
  /** A continuation frame came with no message in progress (RFC 6455, 5.4). */
  | "WS_UNEXPECTED_CONTINUATION"
  /** A new message began before the last one had ended (RFC 6455, 5.4). */
  | "WS_EXPECTED_CONTINUATION"
  /** A client sent a frame without a mask (RFC 6455, 5.1). */
  | "WS_MASK_REQUIRED"
  /** A server sent a masked frame (RFC 6455, 5.1). */
  | "WS_MASK_FORBIDDEN"
  /** A length is not in its shortest form, or its top bit is set (RFC 6455, 5.2). */
  | "WS_INVALID_LENGTH"
  /** Text or a close reason is not UTF-8 (RFC 6455, 8.1). */
  | "WS_INVALID_UTF8"
  /** A Close frame carries a code that must not be sent (RFC 6455, 7.4). */
  | "WS_INVALID_CLOSE_CODE"
  /** A Close frame carries one byte: no code, and not empty (RFC 6455, 5.5.1). */
  | "WS_INVALID_CLOSE_PAYLOAD"
  /** A message is larger than `maxPayload`. */
  | "WS_MESSAGE_TOO_BIG"
  /** A message has more frames than `maxFragments`. */
  | "WS_TOO_MANY_FRAGMENTS"
  /** A message was not whole within `messageTimeout`. */
  | "WS_MESSAGE_TIMEOUT"
  /** A compressed message could not be inflated (RFC 7692, 7.2.2). */
  | "WS_INVALID_DEFLATE"
  /** The peer did not take what was sent, and `maxBufferedAmount` was passed. */
  | "WS_BUFFER_OVERFLOW"
  /** The peer ended the connection without a Close frame. */
  | "WS_PEER_VANISHED"
  /** The transport broke. */
  | "WS_TRANSPORT_FAILED"
  /** The closing handshake was not over within `closeTimeout`. */
  | "WS_CLOSE_TIMEOUT"
  /** The peer answered no ping within the time of `heartbeat`. */
  | "WS_HEARTBEAT_TIMEOUT"
  /** This end cut the connection: `terminate()`, or its signal. */
  | "WS_ABORTED"
  /** No connection could be made: unreachable, refused, name not found, certificate not trusted. */
  | "WS_CONNECT_FAILED"
  /** The opening handshake was not over within `handshakeTimeout`. */
  | "WS_HANDSHAKE_TIMEOUT"
  /** The server answered with another status than 101. */
  | "WS_HANDSHAKE_REFUSED"
  /** The handshake breaks RFC 6455, section 4. */
  | "WS_INVALID_HANDSHAKE"
  /** What came is not an HTTP/1.1 head. */
  | "WS_INVALID_HEAD"
  /** An HTTP head is over `maxHeadSize` or `maxHeadFields`. */
  | "WS_HEAD_TOO_LARGE";

/** The number of each: the `error` event carries it, and for a fault of the peer's the Close frame too. */
const closeCodes: Readonly<Record<ErrorCode, number>> = {
  WS_RESERVED_BITS: PROTOCOL_ERROR,
  WS_RESERVED_OPCODE: PROTOCOL_ERROR,
  WS_FRAGMENTED_CONTROL: PROTOCOL_ERROR,
  WS_CONTROL_TOO_LONG: PROTOCOL_ERROR,
  WS_UNEXPECTED_CONTINUATION: PROTOCOL_ERROR,
  WS_EXPECTED_CONTINUATION: PROTOCOL_ERROR,
  WS_MASK_REQUIRED: PROTOCOL_ERROR,
  WS_MASK_FORBIDDEN: PROTOCOL_ERROR,
  WS_INVALID_LENGTH: PROTOCOL_ERROR,
  WS_INVALID_UTF8: INVALID_PAYLOAD,
  WS_INVALID_CLOSE_CODE: PROTOCOL_ERROR,
  WS_INVALID_CLOSE_PAYLOAD: PROTOCOL_ERROR,
  WS_MESSAGE_TOO_BIG: MESSAGE_TOO_BIG,
  WS_TOO_MANY_FRAGMENTS: MESSAGE_TOO_BIG,
  WS_MESSAGE_TIMEOUT: POLICY_VIOLATION,
  WS_INVALID_DEFLATE: INVALID_PAYLOAD,
  WS_BUFFER_OVERFLOW: TRY_AGAIN_LATER,
  WS_PEER_VANISHED: GOING_AWAY,
  WS_TRANSPORT_FAILED: GOING_AWAY,
  WS_CLOSE_TIMEOUT: GOING_AWAY,
  WS_HEARTBEAT_TIMEOUT: GOING_AWAY,
  WS_ABORTED: GOING_AWAY,
  WS_CONNECT_FAILED: PROTOCOL_ERROR,
  WS_HANDSHAKE_TIMEOUT: PROTOCOL_ERROR,
  WS_HANDSHAKE_REFUSED: PROTOCOL_ERROR,
  WS_INVALID_HANDSHAKE: PROTOCOL_ERROR,
  WS_INVALID_HEAD: PROTOCOL_ERROR,
  WS_HEAD_TOO_LARGE: PROTOCOL_ERROR,
};

/**
 * A connection failed. `code` is stable; the message is for people. What the peer of an open connection does wrong comes
 * without the names of functions.
 *
 * @example Telling failures apart
 * ```ts
 * import { WebSocketError } from "@sockeye/ws";
 *
 * const error = new WebSocketError("WS_INVALID_UTF8", "Cannot read a text message: byte 0xff is not UTF-8");
 * console.assert(error.code === "WS_INVALID_UTF8");
 * console.assert(error.closeCode === 1007);
 * ```
 */
export class WebSocketError extends Error {
  /** Always `"WebSocketError"`, or the name of the subclass. */
  override name: string = "WebSocketError";
  /** The stable name of the failure. */
  readonly code: ErrorCode;

  /** Makes the error with a stable name, a text for people and, where there is one, its `cause`. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The number the `error` event carries as `code`: 1001, 1002, 1007, 1008, 1009 or 1013. */
  get closeCode(): number {
    return closeCodes[this.code];
  }
}

/**
 * What a server answered instead of 101.
 *
 * @example
 * ```ts
 * import { HandshakeError, type Refusal } from "@sockeye/ws";
 *
 * const refusal: Refusal = { status: 404, headers: [], body: "Not found" };
 * const error = new HandshakeError("WS_HANDSHAKE_REFUSED", "Cannot open ws://a.example/: status 404", refusal);
 * console.assert(error.body === "Not found");
 * ```
 */
export interface Refusal {
  /** The status of the answer. */
  readonly status: number;
  /** The fields of the answer, in the order they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The beginning of its body, as text. */
  readonly body: string;
}

/**
 * The opening handshake was answered with another status than 101, or with one that breaks the RFC.
 *
 * @example
 * ```ts
 * import { HandshakeError } from "@sockeye/ws";
 *
 * const error = new HandshakeError("WS_HANDSHAKE_REFUSED", "Cannot open ws://127.0.0.1/: status 403, wanted 101", {
 *   status: 403,
 *   headers: [["content-type", "text/plain"]],
 *   body: "No",
 * });
 * console.assert(error.status === 403 && error.body === "No");
 * ```
 */
export class HandshakeError extends WebSocketError {
  /** Always `"HandshakeError"`. */
  override name: string = "HandshakeError";
  /** The status of the answer. */
  readonly status: number;
  /** The fields of the answer. */
  readonly headers: Headers;
  /** The beginning of its body, as text. */
  readonly body: string;

  /** Makes the error from the answer of the server. */
  constructor(code: ErrorCode, message: string, refusal: Refusal, options?: ErrorOptions) {
    super(code, message, options);
    this.status = refusal.status;
    this.headers = new Headers(refusal.headers.map(([name, value]): [string, string] => [name, value]));
    this.body = refusal.body;
  }
}
