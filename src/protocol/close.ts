/**
 * Close codes and reasons (RFC 6455, sections 5.5.1 and 7.4), and close as data: what was sent, what was received and in
 * which order. Everything that is told about an end is derived from that.
 */

import { ABNORMAL_CLOSURE, NO_STATUS } from "./constants.ts";
import type { ErrorCode } from "./errors.ts";

/**
 * What one Close frame carries; without a code it was empty.
 *
 * @example
 * ```ts
 * import { type CloseFrame, formatClose } from "@sockeye/ws/protocol";
 *
 * const frame: CloseFrame = { code: 1000, reason: "bye" };
 * console.assert(formatClose(frame).length === 5);
 * ```
 */
export interface CloseFrame {
  /** The code, where the frame has a body. */
  readonly code?: number;
  /** The reason, "" where there is none. */
  readonly reason: string;
}

/**
 * The end of a connection: both Close frames and who began.
 *
 * @example
 * ```ts
 * import { type CloseRecord, summarizeClose } from "@sockeye/ws/protocol";
 *
 * const frame = { code: 1001, reason: "going" };
 * const record: CloseRecord = { sent: frame, received: frame, initiator: "remote", failed: false };
 * console.assert(summarizeClose(record).wasClean);
 * ```
 */
export interface CloseRecord {
  /** The Close frame this end sent. */
  readonly sent: CloseFrame | undefined;
  /** The Close frame the peer sent. */
  readonly received: CloseFrame | undefined;
  /** Who sent the first Close frame: this end, the peer, or nobody. */
  readonly initiator: "local" | "remote" | "none";
  /** The connection failed: it broke, or one end broke a rule. */
  readonly failed: boolean;
}

/**
 * What the web tells of an end.
 *
 * @example
 * ```ts
 * import { type CloseSummary, summarizeClose } from "@sockeye/ws/protocol";
 *
 * const summary: CloseSummary = summarizeClose({ sent: undefined, received: undefined, initiator: "none", failed: true });
 * console.assert(summary.code === 1006 && !summary.wasClean);
 * ```
 */
export interface CloseSummary {
  /** The peer's code, 1005 where its Close frame was empty, 1006 where there was no clean end. */
  readonly code: number;
  /** The peer's reason. */
  readonly reason: string;
  /** Both ends sent a Close frame and nothing failed. */
  readonly wasClean: boolean;
}

/**
 * Derives what the web tells of an end (RFC 6455, sections 7.1.4 to 7.1.6).
 *
 * @example
 * ```ts
 * import { summarizeClose } from "@sockeye/ws/protocol";
 *
 * const frame = { code: 1000, reason: "bye" };
 * const end = summarizeClose({ sent: frame, received: frame, initiator: "local", failed: false });
 * console.assert(end.code === 1000 && end.wasClean);
 * ```
 */
export function summarizeClose(record: CloseRecord): CloseSummary {
  const { sent, received, failed } = record;
  if (failed || sent === undefined || received === undefined) {
    return { code: ABNORMAL_CLOSURE, reason: "", wasClean: false };
  }
  return { code: received.code ?? NO_STATUS, reason: received.reason, wasClean: true };
}

/**
 * Whether a peer may send this code (RFC 6455, section 7.4, and the IANA registry up to 1014).
 *
 * @example
 * ```ts
 * import { isReceivableCode } from "@sockeye/ws/protocol";
 *
 * console.assert(isReceivableCode(1001) && isReceivableCode(4000));
 * console.assert(!isReceivableCode(1005) && !isReceivableCode(2999));
 * ```
 */
export function isReceivableCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_STATUS && code !== ABNORMAL_CLOSURE) ||
    (code >= 3000 && code <= 4999);
}

/**
 * Reads the payload of a Close frame; a string is the name of the rule that it breaks.
 *
 * @example
 * ```ts
 * import { parseClose } from "@sockeye/ws/protocol";
 *
 * const frame = parseClose(new Uint8Array([0x03, 0xe8, 0x62, 0x79, 0x65]));
 * console.assert(typeof frame === "object" && frame.code === 1000 && frame.reason === "bye");
 * console.assert(parseClose(new Uint8Array([0x03, 0xed])) === "WS_INVALID_CLOSE_CODE");
 * ```
 */
export function parseClose(payload: Uint8Array): CloseFrame | ErrorCode {
  if (payload.length === 0) return { reason: "" };
  if (payload.length === 1) return "WS_INVALID_CLOSE_PAYLOAD";
  const code = (payload[0]! << 8) | payload[1]!;
  if (!isReceivableCode(code)) return "WS_INVALID_CLOSE_CODE";
  try {
    return { code, reason: strictDecoder.decode(payload.subarray(2)) };
  } catch {
    // The only thing a fatal decoder throws for is bytes that are not UTF-8.
    return "WS_INVALID_UTF8";
  }
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Makes the payload of a Close frame.
 *
 * @example
 * ```ts
 * import { formatClose } from "@sockeye/ws/protocol";
 *
 * console.assert(formatClose({ code: 1000, reason: "bye" }).length === 5);
 * console.assert(formatClose({ reason: "" }).length === 0);
 * ```
 */
export function formatClose(frame: CloseFrame): Uint8Array {
  if (frame.code === undefined) return new Uint8Array(0);
  const reason = encoder.encode(frame.reason);
  const payload = new Uint8Array(2 + reason.length);
  payload[0] = frame.code >>> 8;
  payload[1] = frame.code & 0xff;
  payload.set(reason, 2);
  return payload;
}
