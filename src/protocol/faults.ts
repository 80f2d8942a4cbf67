/**
 * The faults of a peer, for people.
 */

import { type ErrorCode, WebSocketError } from "./errors.ts";

/**
 * Makes the error of something that the peer did. It has no stack: that would name nothing but functions of this module,
 * and the peer could have it walked as often as it likes. On Node it is 5 % of a connection that is opened and dropped.
 */
export function peerError(code: ErrorCode, message: string, options?: ErrorOptions): WebSocketError {
  const limit: unknown = Reflect.get(Error, "stackTraceLimit");
  // Where it is frozen this changes nothing, and throws nothing.
  if (typeof limit === "number") Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return new WebSocketError(code, message, options);
  } finally {
    if (typeof limit === "number") Reflect.set(Error, "stackTraceLimit", limit);
  }
}

/** A byte as two digits. */
export function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** What a Close frame carries that is wrong. */
export function describe(payload: Uint8Array): string {
  return payload.length < 2 ? `${payload.length} byte` : `code ${(payload[0]! << 8) | payload[1]!}`;
}

/** What the rules say. */
export const faults: Partial<Record<ErrorCode, string>> = {
  WS_RESERVED_BITS: "reserved bits must be 0 without an extension that uses them",
  WS_RESERVED_OPCODE: "opcode must be 0, 1, 2, 8, 9 or 10",
  WS_FRAGMENTED_CONTROL: "control frame must not be fragmented",
  WS_CONTROL_TOO_LONG: "control frame must carry at most 125 bytes",
  WS_UNEXPECTED_CONTINUATION: "continuation frame must follow a message that has begun",
  WS_EXPECTED_CONTINUATION: "message must end before the next one begins",
  WS_MASK_REQUIRED: "frame of a client must be masked",
  WS_MASK_FORBIDDEN: "frame of a server must not be masked",
  WS_INVALID_LENGTH: "length must be in its shortest form",
  WS_INVALID_UTF8: "text must be UTF-8",
  WS_INVALID_CLOSE_CODE: "Close code must be one that may be sent",
  WS_INVALID_CLOSE_PAYLOAD: "Close frame must be empty or begin with a code of two bytes",
  WS_INVALID_DEFLATE: "compressed message must be DEFLATE",
  WS_MESSAGE_TOO_BIG: "message is too big",
  WS_TOO_MANY_FRAGMENTS: "message has too many frames",
};

/** Why a message that is within its limit cannot be read all the same. */
export const CANNOT_HOLD = "the runtime cannot hold it, though maxPayload allows it";
