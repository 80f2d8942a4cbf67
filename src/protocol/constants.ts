/**
 * The numbers of RFC 6455 and the defaults of this module, in one place.
 */

/**
 * Opcode of a continuation frame (RFC 6455, section 5.4).
 *
 * @example
 * ```ts
 * import { CONTINUE } from "@sockeye/ws";
 *
 * console.assert(CONTINUE === 0);
 * ```
 */
export const CONTINUE = 0;
/**
 * Opcode of a text frame; type of a text message (RFC 6455, section 5.6).
 *
 * @example
 * ```ts
 * import { TEXT } from "@sockeye/ws";
 *
 * console.assert(TEXT === 1);
 * ```
 */
export const TEXT = 1;
/**
 * Opcode of a binary frame; type of a binary message (RFC 6455, section 5.6).
 *
 * @example
 * ```ts
 * import { BINARY } from "@sockeye/ws";
 *
 * console.assert(BINARY === 2);
 * ```
 */
export const BINARY = 2;
/**
 * Opcode of a Close frame (RFC 6455, section 5.5.1).
 *
 * @example
 * ```ts
 * import { CLOSE } from "@sockeye/ws";
 *
 * console.assert(CLOSE === 8);
 * ```
 */
export const CLOSE = 8;
/**
 * Opcode of a Ping frame (RFC 6455, section 5.5.2).
 *
 * @example
 * ```ts
 * import { PING } from "@sockeye/ws";
 *
 * console.assert(PING === 9);
 * ```
 */
export const PING = 9;
/**
 * Opcode of a Pong frame (RFC 6455, section 5.5.3).
 *
 * @example
 * ```ts
 * import { PONG } from "@sockeye/ws";
 *
 * console.assert(PONG === 10);
 * ```
 */
export const PONG = 10;

/**
 * `readyState` of a connection whose opening handshake is not finished.
 *
 * @example
 * ```ts
 * import { CONNECTING } from "@sockeye/ws";
 *
 * console.assert(CONNECTING === 0);
 * ```
 */
export const CONNECTING = 0;
/**
 * `readyState` of a connection that can send and receive.
 *
 * @example
 * ```ts
 * import { OPEN } from "@sockeye/ws";
 *
 * console.assert(OPEN === 1);
 * ```
 */
export const OPEN = 1;
/**
 * `readyState` of a connection whose closing handshake has begun.
 *
 * @example
 * ```ts
 * import { CLOSING } from "@sockeye/ws";
 *
 * console.assert(CLOSING === 2);
 * ```
 */
export const CLOSING = 2;
/**
 * `readyState` of a connection that is over.
 *
 * @example
 * ```ts
 * import { CLOSED } from "@sockeye/ws";
 *
 * console.assert(CLOSED === 3);
 * ```
 */
export const CLOSED = 3;

/**
 * The end of the connection a piece of code speaks for: it decides who masks (RFC 6455, section 5.1).
 *
 * @example
 * ```ts
 * import { Session, type Role, type SessionEvents } from "@sockeye/ws/protocol";
 *
 * const open = (role: Role, events: SessionEvents) => new Session(role, events);
 * console.assert(open.length === 2);
 * ```
 */
export type Role = "client" | "server";

/** The only version of the protocol there is (RFC 6455, section 4.1). */
export const VERSION = "13";

/** The most a control frame may carry, in bytes (RFC 6455, section 5.5). */
export const MAX_CONTROL_PAYLOAD = 125;

/** The longest reason of a Close frame, in bytes of UTF-8: 125 less the two of the code. */
export const MAX_CLOSE_REASON = 123;

/** Close codes that have a meaning here (RFC 6455, section 7.4.1). */
export const NORMAL_CLOSURE = 1000;
/** The endpoint is leaving: a server shutting down, a page left. */
export const GOING_AWAY = 1001;
/** The peer broke the protocol. */
export const PROTOCOL_ERROR = 1002;
/** The Close frame carried no code. Never sent. */
export const NO_STATUS = 1005;
/** The connection ended without a closing handshake. Never sent. */
export const ABNORMAL_CLOSURE = 1006;
/** Text, or a close reason, was not UTF-8. */
export const INVALID_PAYLOAD = 1007;
/** The application refuses the message on policy. */
export const POLICY_VIOLATION = 1008;
/** A message was over a limit. */
export const MESSAGE_TOO_BIG = 1009;
/** The application of this end failed. */
export const INTERNAL_ERROR = 1011;
/** The peer does not take what is sent to it fast enough. */
export const TRY_AGAIN_LATER = 1013;

/**
 * Default of `maxPayload`: bytes of one message, before and after inflating.
 *
 * @example
 * ```ts
 * import { MAX_PAYLOAD } from "@sockeye/ws/protocol";
 *
 * console.assert(MAX_PAYLOAD === 67_108_864);
 * ```
 */
export const MAX_PAYLOAD = 67_108_864;
/**
 * Default of `maxFragments`: frames of one message. What a message holds is counted in bytes
 * (`maxPayload`); this stops a flood of fragments that hold next to nothing, and lets a 4 MiB
 * message in fragments of 64 bytes pass.
 *
 * @example
 * ```ts
 * import { MAX_FRAGMENTS } from "@sockeye/ws/protocol";
 *
 * console.assert(MAX_FRAGMENTS === 131_072);
 * ```
 */
export const MAX_FRAGMENTS = 131_072;
/**
 * Default of `maxHeadSize`: bytes of an HTTP head, request or response.
 *
 * @example
 * ```ts
 * import { MAX_HEAD_SIZE } from "@sockeye/ws/protocol";
 *
 * console.assert(MAX_HEAD_SIZE === 16_384);
 * ```
 */
export const MAX_HEAD_SIZE = 16_384;
/**
 * Default of `maxHeadFields`: fields of an HTTP head.
 *
 * @example
 * ```ts
 * import { MAX_HEAD_FIELDS } from "@sockeye/ws/protocol";
 *
 * console.assert(MAX_HEAD_FIELDS === 128);
 * ```
 */
export const MAX_HEAD_FIELDS = 128;
/** Default of `handshakeTimeout`: milliseconds for the opening handshake, the TCP connect included. */
export const HANDSHAKE_TIMEOUT = 10_000;
/** Default of `messageTimeout`: milliseconds from the beginning of a message to its end. */
export const MESSAGE_TIMEOUT = 600_000;
/** Default of `closeTimeout`: milliseconds for the closing handshake and the end of the connection after it. */
export const CLOSE_TIMEOUT = 10_000;
/** Default of `highWaterMark`: bytes waiting to be sent from which on `send()` returns false. */
export const HIGH_WATER_MARK = 1_048_576;
/** Default of `maxBufferedAmount`: bytes waiting to be sent at which the connection is failed. */
export const MAX_BUFFERED_AMOUNT = 268_435_456;
