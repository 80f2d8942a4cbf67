/** What a socket's methods are given, checked. */

import { MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { show } from "../protocol/headers.ts";
import { utf8Length } from "../protocol/utf8.ts";
import { toBytes } from "./memory_stream.ts";

/** Checks what `close` is given. Throws as it says. */
export function checkClose(code: unknown, reason: unknown): void {
  if (code !== 1000 && !(Number.isInteger(code) && (code as number) >= 3000 && (code as number) <= 4999)) {
    throw new DOMException(`Cannot close: code is ${show(code)}, wanted 1000 or 3000 to 4999`, "InvalidAccessError");
  }
  if (typeof reason !== "string") throw new TypeError(`Cannot close: reason is ${show(reason)}, wanted a string`);
  const size = utf8Length(reason);
  if (size > MAX_CLOSE_REASON) {
    throw new DOMException(`Cannot close: reason has ${size} bytes, wanted at most ${MAX_CLOSE_REASON}`, "SyntaxError");
  }
}

/** The bytes that `ping` is to send. Throws as it says. */
export function checkPing(data: unknown): Uint8Array {
  if (typeof data !== "string" && !(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) {
    throw new TypeError(`Cannot ping: data is ${show(data)}, wanted a string or bytes`);
  }
  const bytes = toBytes(data);
  if (bytes.length > MAX_CONTROL_PAYLOAD) {
    throw new RangeError(`Cannot ping: data has ${bytes.length} bytes, wanted at most ${MAX_CONTROL_PAYLOAD}`);
  }
  return bytes;
}

/** Checks what `terminate` is given. Throws as it says. */
export function checkFailure(error: unknown): void {
  if (error === undefined || error instanceof WebSocketError) return;
  throw new TypeError(`Cannot terminate: error is ${show(error)}, wanted a WebSocketError`);
}
