/**
 * Writes an answer: its head, and its body with a length, or in chunks where it is a stream (RFC 9112, 6 and 7.1). The
 * connection ends behind it.
 */

import { formatHead, reasonPhrase } from "../protocol/head_format.ts";
import { Fields } from "../protocol/fields.ts";
import { exchangeOf, type HttpRequest } from "./request.ts";
import { type HttpResponse, join } from "./response.ts";
import type { Tail } from "./tail.ts";

/** Bodies up to this many bytes leave in one write with the head. */
const SMALL = 16_384;

/** What frames an answer, and is not for handlers to say. */
const FRAMING: ReadonlySet<string> = new Set(["connection", "content-length", "keep-alive", "transfer-encoding"]);

const encoder: TextEncoder = new TextEncoder();

/** The fields that handlers have set, without those that frame the answer. */
export function* ownFields(response: HttpResponse): Generator<readonly [name: string, value: string], void, void> {
  if (!response.hasHeaders) return;
  for (const field of response.headers) if (!FRAMING.has(field[0].toLowerCase())) yield field;
}

/** Sends the answer to a request. Resolves when the connection is over. Never rejects; what went wrong is reported. */
export async function sendAnswer(tail: Tail, req: HttpRequest): Promise<void> {
  try {
    await sendBody(tail, req);
  } catch (error) {
    // The peer has to see that the answer is not whole.
    tail.cut(error);
    exchangeOf(req).report(error);
    return;
  }
  await tail.finish();
}

async function sendBody(tail: Tail, req: HttpRequest): Promise<void> {
  const { response } = req;
  const { statusCode: status, body } = response;
  const bodiless = status === 204 || status === 304;
  const fields = new Fields(ownFields(response));
  if (!fields.has("date")) fields.append("Date", new Date().toUTCString());
  fields.append("Connection", fields.has("upgrade") ? "upgrade, close" : "close");
  const stream = body instanceof ReadableStream ? body : undefined;
  const bytes = body instanceof Uint8Array ? body : new Uint8Array(0);
  const chunked = stream !== undefined && exchangeOf(req).head.version === "1.1";
  if (!bodiless) {
    if (stream === undefined) fields.append("Content-Length", String(bytes.length));
    else if (chunked) fields.append("Transfer-Encoding", "chunked");
  }
  const head = formatHead({ kind: "response", version: "1.1", status, reason: reasonPhrase(status), fields });
  if (bodiless || req.method === "HEAD") {
    await tail.write(head, true);
    await stream?.cancel();
  } else if (stream !== undefined) {
    const reader = stream.getReader();
    await pump(tail, head, reader, chunked);
  } else if (bytes.length <= SMALL) {
    await tail.write(join([head, bytes]), true);
  } else if (await tail.write(head, true)) await tail.write(bytes, true);
}

async function pump(
  tail: Tail,
  head: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chunked: boolean,
): Promise<void> {
  const cancel = (reason: unknown): void => void reader.cancel(reason).catch(() => {});
  const { ongone } = tail;
  tail.ongone = (reason) => {
    ongone?.(reason);
    cancel(reason);
  };
  let going = await tail.write(head, true);
  while (going) {
    const { done, value } = await reader.read();
    if (done) {
      if (chunked) await tail.write(encoder.encode("0\r\n\r\n"), true);
      return;
    }
    if (!(value instanceof Uint8Array)) throw new TypeError("Cannot answer: the body gave what is no Uint8Array");
    if (value.length === 0) continue;
    if (chunked) going = await tail.write(encoder.encode(`${value.length.toString(16)}\r\n`), true);
    going = going && await tail.write(value, false);
    if (chunked) going = going && await tail.write(encoder.encode("\r\n"), true);
  }
  cancel(new Error("Cannot answer: the peer is gone"));
}
