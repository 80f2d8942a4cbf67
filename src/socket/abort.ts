/** What becomes of a reason to give a connection up. */

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
