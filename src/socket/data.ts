/**
 * What `send` takes, as payloads.
 */

import { Message, payloadOf } from "./message.ts";

/**
 * Turns a value into a payload: text stays, an ArrayBuffer or a view becomes a view of its bytes, a Blob has to be read
 * first, a `Message` gives its text or bytes. Anything else is sent as its string, numbers and dates too. Throws a
 * `TypeError` for a symbol, and for a message that is neither text nor binary.
 */
export function toPayload(data: unknown): string | Uint8Array | Blob {
  if (typeof data === "string") return data;
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof Blob) return data;
  if (typeof SharedArrayBuffer !== "undefined" && data instanceof SharedArrayBuffer) {
    return new Uint8Array(data).slice();
  }
  if (data instanceof Message) return payloadOf(data);
  if (typeof data === "symbol") throw new TypeError(`Cannot send: data is ${String(data)}, wanted a string or bytes`);
  return String(data);
}
