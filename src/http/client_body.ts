/** Reads the body of a response: of a stated length, in chunks, or up to the end of the connection (RFC 9112, section 6.3). */

import { Gatherer } from "../protocol/bytes.ts";
import { WebSocketError } from "../protocol/errors.ts";
import type { ResponseHead } from "../protocol/head.ts";
import type { Opening } from "../socket/opening.ts";
import { bodyOf, type BodyReader } from "./body.ts";
import { RequestError } from "./exchange.ts";

/** Reads the body behind a head. Rejects with a `WebSocketError` when it is malformed, too large, or cut off. */
export function readResponse(
  opening: Opening,
  method: string,
  head: ResponseHead,
  maxSize: number,
): Promise<Uint8Array> {
  const { status, fields } = head;
  const nothing = new Uint8Array(0);
  if (method === "HEAD" || status === 204 || status === 304) return Promise.resolve(nothing);
  const framed = fields.has("transfer-encoding") || fields.has("content-length");
  const reader = framed ? bodyOf(head, maxSize) : new UntilEnd(maxSize);
  if (reader === undefined) return Promise.resolve(nothing);
  if (reader instanceof RequestError) return Promise.reject(failure(reader));
  return new Promise((resolve, reject) => {
    const lost = (reason?: unknown): void => {
      const message = "Cannot read the body: the server left before it was whole";
      reject(new WebSocketError("WS_PEER_VANISHED", message, { cause: reason }));
    };
    opening.open({
      data(chunk) {
        const result = reader.push(chunk);
        if (result instanceof RequestError) reject(failure(result));
        else if (result !== undefined) resolve(result);
      },
      end() {
        if (reader instanceof UntilEnd) resolve(reader.take());
        else lost();
      },
      drain() {},
      abort: lost,
    });
  });
}

function failure({ status, message }: RequestError): WebSocketError {
  return new WebSocketError(status === 413 ? "WS_MESSAGE_TOO_BIG" : "WS_INVALID_HEAD", message);
}

/** A body that ends with the connection. */
class UntilEnd implements BodyReader {
  readonly #gatherer = new Gatherer();
  readonly #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  push(chunk: Uint8Array): RequestError | undefined {
    const fits = this.#gatherer.length + chunk.length <= this.#maxSize;
    if (!fits || !this.#gatherer.append(chunk, 0, chunk.length, undefined, this.#maxSize)) {
      return new RequestError(
        413,
        `Cannot read the body: it is over the limit of ${this.#maxSize} bytes (maxBodySize)`,
      );
    }
    return undefined;
  }

  take(): Uint8Array {
    return this.#gatherer.take();
  }
}
