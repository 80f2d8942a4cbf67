/**
 * The answer of a server that does not accept: its status, its fields and the beginning of its body.
 */

import { Gatherer } from "../protocol/bytes.ts";
import { HandshakeError, type WebSocketError } from "../protocol/errors.ts";
import type { ResponseHead } from "../protocol/head.ts";
import type { Opening } from "./opening.ts";

/** How much of the body is kept, in bytes. */
const MAX_BODY = 16_384;
/** How long it is waited for, in milliseconds. */
const BODY_TIMEOUT = 2_000;

const CR = 0x0d, LF = 0x0a, ZERO = 0x30;

/**
 * Reads the beginning of the body behind a head and makes the error that tells of the answer. It drops the connection,
 * and takes what has come by the time when `signal` aborts.
 */
export function readRefusal(
  opening: Opening,
  head: ResponseHead,
  error: WebSocketError,
  signal: AbortSignal,
): Promise<HandshakeError> {
  const { status, fields } = head;
  const chunked = (fields.get("transfer-encoding") ?? "").toLowerCase() === "chunked";
  const declared = Number(fields.get("content-length") ?? NaN);
  const hasBody = status >= 200 && status !== 204 && status !== 304;
  const wanted = hasBody ? Math.min(Number.isNaN(declared) ? Infinity : declared, MAX_BODY) : 0;
  const gatherer = new Gatherer();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      opening.transport.abort();
      const bytes = gatherer.take();
      const body = new TextDecoder().decode(chunked ? unchunk(bytes) : bytes);
      resolve(new HandshakeError(error.code, error.message, { status, headers: [...fields], body }));
    };
    const timer = setTimeout(finish, BODY_TIMEOUT);
    signal.addEventListener("abort", finish);
    if (wanted === 0 || signal.aborted) {
      finish();
      return;
    }
    opening.open({
      data(chunk) {
        gatherer.append(chunk, 0, Math.min(chunk.length, Math.max(0, wanted - gatherer.length)));
        if (gatherer.length >= wanted || (chunked && endsChunks(chunk))) finish();
      },
      end: finish,
      drain() {},
      abort: finish,
    });
  });
}

/** Whether a chunk ends as a chunked body does. Where it is cut elsewhere, the time ends the wait. */
function endsChunks(chunk: Uint8Array): boolean {
  return [ZERO, CR, LF, CR, LF].every((byte, i) => chunk[chunk.length - 5 + i] === byte);
}

/** Takes the content out of the chunked coding (RFC 9112, section 7.1), as far as it came. */
function unchunk(body: Uint8Array): Uint8Array {
  const content = new Gatherer();
  let at = 0;
  for (;;) {
    const line = body.indexOf(CR, at);
    const size = line < 0 ? NaN : Number.parseInt(String.fromCharCode(...body.subarray(at, line)), 16);
    if (!(size > 0)) return content.take();
    const start = line + 2;
    content.append(body, Math.min(start, body.length), Math.min(start + size, body.length));
    at = start + size + 2;
  }
}
