/** A codec for messages over the `node:zlib` of whichever runtime runs the tests, and streams to read them from. */

import { Buffer } from "node:buffer";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { ErrorCode } from "../../src/protocol/errors.ts";
import type { MessageCodec } from "../../src/socket/message.ts";

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

interface SyncCodec extends MessageCodec {
  deflate(payload: Uint8Array): Uint8Array;
  inflate(payload: Uint8Array, limit: number): Uint8Array | ErrorCode;
}

/** Deflates and inflates as RFC 7692, sections 7.2.1 and 7.2.2, say. */
export const codec: SyncCodec = {
  deflate(payload) {
    const deflated = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
    return Uint8Array.from(deflated.subarray(0, deflated.length - TAIL.length));
  },
  inflate(payload, limit) {
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.min(limit + 1, 2 ** 31) };
      const inflated = Uint8Array.from(inflateRawSync(Buffer.concat([payload, TAIL]), options));
      return inflated.length > limit ? "WS_MESSAGE_TOO_BIG" : inflated;
    } catch (error) {
      return (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? "WS_MESSAGE_TOO_BIG" : "WS_INVALID_DEFLATE";
    }
  },
};

/** Bytes written as `"81 05 48"`. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter((each) => each !== ""), (each) => Number.parseInt(each, 16));
}

/** A readable that gives these chunks and ends. */
export function readableOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) if (chunk.length > 0) controller.enqueue(chunk);
      controller.close();
    },
  });
}

/** Bytes cut into chunks of `size`. */
export function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return chunks;
}

/** A writable that keeps what is written to it. */
export function writableTo(written: Uint8Array[]): WritableStream<Uint8Array> {
  return new WritableStream({
    write(chunk) {
      written.push(chunk);
    },
  });
}
