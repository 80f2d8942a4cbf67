/** The key of an opening handshake, and what a server answers to it (RFC 6455, 1.3). */

import { quote } from "./headers.ts";
import { sha1 } from "./sha1.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** An equals sign. */
const PADDING = 0x3d;

/**
 * Makes the key of a request: 16 random bytes in base64 (RFC 6455, 4.1).
 *
 * @example
 * ```ts
 * import { createKey } from "@sockeye/ws/protocol";
 *
 * console.assert(createKey().length === 24);
 * ```
 */
export function createKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/** What is digested for an accept key: room for a key, and the text that RFC 6455, 1.3, puts behind it. */
const ACCEPT_INPUT: Uint8Array = new TextEncoder().encode(" ".repeat(24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
const ACCEPT_DIGEST: Uint8Array = new Uint8Array(20);

/**
 * Makes what a server answers to a key, to show that it speaks WebSocket (RFC 6455, 4.2.2).
 *
 * @throws {TypeError} When the key is not 16 bytes in base64.
 *
 * @example The key of the RFC
 * ```ts
 * import { acceptKey } from "@sockeye/ws/protocol";
 *
 * console.assert(acceptKey("dGhlIHNhbXBsZSBub25jZQ==") === "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
 * ```
 */
export function acceptKey(key: string): string {
  if (!isKey(key)) throw new TypeError(`Cannot make an accept key: met ${quote(key)}, wanted 16 bytes in base64`);
  for (let i = 0; i < key.length; i++) ACCEPT_INPUT[i] = key.charCodeAt(i);
  return base64(sha1(ACCEPT_INPUT, ACCEPT_DIGEST));
}

/** Not `btoa`, which wants a string of bytes first: with that it takes up to three times as long. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const word = bytes[i]! << 16 | (bytes[i + 1] ?? 0) << 8 | (bytes[i + 2] ?? 0);
    text += String.fromCharCode(
      BASE64.charCodeAt(word >> 18),
      BASE64.charCodeAt(word >> 12 & 63),
      i + 1 < bytes.length ? BASE64.charCodeAt(word >> 6 & 63) : PADDING,
      i + 2 < bytes.length ? BASE64.charCodeAt(word & 63) : PADDING,
    );
  }
  return text;
}

/** Whether a text is 16 bytes in base64. The four bits that are left over in its last digit may be anything. */
export function isKey(text: string): boolean {
  if (text.length !== 24 || !text.endsWith("==")) return false;
  for (let i = 0; i < 22; i++) if (!isBase64(text.charCodeAt(i))) return false;
  return true;
}

function isBase64(code: number): boolean {
  return code >= 0x61 && code <= 0x7a || code >= 0x41 && code <= 0x5a || code >= 0x2f && code <= 0x39 || code === 0x2b;
}
