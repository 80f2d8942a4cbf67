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
  const key = new Uint8Array(24);
  writeBase64(crypto.getRandomValues(new Uint8Array(16)), key, 0);
  return String.fromCharCode(...key);
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
  const accept = new Uint8Array(28);
  writeAcceptKey(key, accept, 0);
  return String.fromCharCode(...accept);
}

/** The same as ASCII, to bytes that are there. */
export function writeAcceptKey(key: string, into: Uint8Array, at: number): void {
  if (!isKey(key)) throw new TypeError(`Cannot make an accept key: met ${quote(key)}, wanted 16 bytes in base64`);
  for (let i = 0; i < key.length; i++) ACCEPT_INPUT[i] = key.charCodeAt(i);
  writeBase64(sha1(ACCEPT_INPUT, ACCEPT_DIGEST), into, at);
}

/** Not `btoa`, which wants a string of bytes and makes another: with that it takes up to three times as long. */
function writeBase64(bytes: Uint8Array, into: Uint8Array, at: number): void {
  for (let i = 0; i < bytes.length; i += 3) {
    const word = bytes[i]! << 16 | (bytes[i + 1] ?? 0) << 8 | (bytes[i + 2] ?? 0);
    into[at++] = BASE64.charCodeAt(word >> 18);
    into[at++] = BASE64.charCodeAt(word >> 12 & 63);
    into[at++] = i + 1 < bytes.length ? BASE64.charCodeAt(word >> 6 & 63) : PADDING;
    into[at++] = i + 2 < bytes.length ? BASE64.charCodeAt(word & 63) : PADDING;
  }
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
