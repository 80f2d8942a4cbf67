/** What becomes of a reason to give a connection up. */

import type { CloseRecord } from "../protocol/close.ts";
import { WebSocketError } from "../protocol/errors.ts";

/** The error of a connection whose owner gave it up. */
export function abortError(reason: unknown): WebSocketError {
  return reason instanceof WebSocketError
    ? reason
    : new WebSocketError("WS_ABORTED", `Connection was given up: ${reasonText(reason)}`, { cause: reason });
}

/** What is thrown, as text. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

/** Calls back when a signal is aborted, if there is one; the call that is returned ends that. */
export function onAbort(
  signal: AbortSignal | undefined,
  callback: (error: WebSocketError) => void,
): (() => void) | undefined {
  if (signal === undefined) return undefined;
  const listener = (): void => callback(abortError(signal.reason));
  signal.addEventListener("abort", listener);
  return () => signal.removeEventListener("abort", listener);
}

/** The error of a connection that could not be made. */
export function connectError(url: string, cause: unknown): WebSocketError {
  return cause instanceof WebSocketError
    ? cause
    : new WebSocketError("WS_CONNECT_FAILED", `Cannot connect to ${url}: ${String(cause)}`, { cause });
}

/** The record of a connection that never was. */
export const NEVER_OPENED: CloseRecord = { sent: undefined, received: undefined, initiator: "none", failed: true };
