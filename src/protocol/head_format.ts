/**
 * Writes HTTP/1.1 heads (RFC 9112, 2 to 5). What this end says is checked, so that no text of a caller's can end its
 * line and begin another.
 */

import { checkText, Fields, isTargetChar, type RequestHead, type ResponseHead } from "./fields.ts";
import { isToken, quote } from "./headers.ts";

/** The statuses that this module answers with, and those that handlers are likely to. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [101, "Switching Protocols"],
  [200, "OK"],
  [201, "Created"],
  [204, "No Content"],
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [304, "Not Modified"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [413, "Content Too Large"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [503, "Service Unavailable"],
]);

/**
 * The words that go with a status (RFC 9110, 15); none for one that is not known here, which is legal too.
 *
 * @example
 * ```ts
 * import { reasonPhrase } from "@sockeye/ws/protocol";
 *
 * console.assert(reasonPhrase(404) === "Not Found");
 * ```
 */
export function reasonPhrase(status: number): string {
  return REASONS.get(status) ?? "";
}

/**
 * Writes a head, the empty line at its end included: into `room` when that is large enough, and then the result is a
 * view of it; else into an array of its own.
 *
 * @throws {TypeError} When the method, the target or the reason holds what would end its line, or be refused by a peer.
 * @throws {RangeError} When the status is not one of 100 to 999.
 *
 * @example
 * ```ts
 * import { Fields, formatHead } from "@sockeye/ws/protocol";
 *
 * const fields = new Fields([["Allow", "GET"]]);
 * const bytes = formatHead({ kind: "response", version: "1.1", status: 405, reason: "Method Not Allowed", fields });
 * console.assert(new TextDecoder().decode(bytes) === "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n\r\n");
 * ```
 */
export function formatHead(head: RequestHead | ResponseHead, room?: Uint8Array): Uint8Array {
  const text = headText(head);
  const bytes = room !== undefined && room.length >= text.length
    ? room.subarray(0, text.length)
    : new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function headText(head: RequestHead | ResponseHead): string {
  if (head.kind === "response") {
    if (!Number.isInteger(head.status) || head.status < 100 || head.status > 999) {
      throw new RangeError(`Cannot write a response head: the status is ${head.status}, wanted 100 to 999`);
    }
    checkText("write a response head", head.reason);
    return `HTTP/${head.version} ${head.status} ${head.reason}\r\n${head.fields}\r\n`;
  }
  if (!isToken(head.method)) {
    throw new TypeError(`Cannot write a request head: the method is ${quote(head.method)}, wanted a token`);
  }
  if (!isTarget(head.target)) {
    throw new TypeError(`Cannot write a request head: the target is ${quote(head.target)}, wanted visible ASCII, no #`);
  }
  return `${head.method} ${head.target} HTTP/${head.version}\r\n${head.fields}\r\n`;
}

function isTarget(text: string): boolean {
  let at = 0;
  while (at < text.length && isTargetChar(text.charCodeAt(at))) at++;
  return at > 0 && at === text.length;
}

/**
 * Writes a whole small response: a head, and a text as its body, after which the connection is to be closed. The fields
 * come first; `Content-Type`, `Content-Length` and `Connection: close` are added here.
 *
 * @throws {TypeError} When a field is not fit to be sent.
 * @throws {RangeError} When the status is not one of 100 to 999.
 */
export function formatText(
  status: number,
  text: string,
  more: Iterable<readonly [name: string, value: string]> = [],
): Uint8Array {
  const body = new TextEncoder().encode(text);
  const fields = new Fields(more);
  fields.set("Content-Type", "text/plain; charset=utf-8");
  fields.set("Content-Length", String(body.length));
  fields.append("Connection", "close");
  const head = formatHead({ kind: "response", version: "1.1", status, reason: reasonPhrase(status), fields });
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
