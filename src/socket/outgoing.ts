/**
 * A message that is sent as it is made, in fragments (RFC 6455, section 5.4): of a stream, or of anything that can be
 * iterated.
 *
 * ```
 *   source --next()--> chunk -> fragment -> Link.sendFragment      next chunk: when there is room
 * ```
 */

import { BINARY, CONTINUE, TEXT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { checkNames, checkType, wrongKind } from "./check.ts";
import { reasonText } from "./abort.ts";

/**
 * What a message can be made of: text and bytes, one after another.
 *
 * @example
 * ```ts
 * import type { MessageChunks, Socket } from "@sockeye/ws";
 *
 * async function* count(): AsyncGenerator<string> {
 *   for (let number = 0; number < 3; number++) yield `${number} `;
 * }
 * const chunks: MessageChunks = count();
 * const send = (conn: Socket) => conn.sendStream(chunks);
 * console.assert(send.length === 1);
 * ```
 */
export type MessageChunks =
  | ReadableStream<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

/**
 * How `sendStream` sends.
 *
 * @example
 * ```ts
 * import { type SendStreamOptions, TEXT } from "@sockeye/ws";
 *
 * const options: SendStreamOptions = { opcode: TEXT, signal: AbortSignal.timeout(60_000) };
 * console.assert(options.opcode === 1);
 * ```
 */
export interface SendStreamOptions {
  /** `TEXT` or `BINARY`. Bytes of a text have to be UTF-8. @default {TEXT where the first chunk is a string} */
  readonly opcode?: number;
  /**
   * Compress the message, fragment by fragment, where that was agreed on with the peer. How long it will be is not known, so
   * that no threshold can decide.
   *
   * @default {true}
   */
  readonly compress?: boolean;
  /** Gives up when it aborts. A message that has begun cannot be taken back: the connection fails. */
  readonly signal?: AbortSignal;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof SendStreamOptions>(["opcode", "compress", "signal"]);

/** Checks what `sendStream` is given. Throws a `TypeError` or `RangeError`. */
export function checkSendStream(source: unknown, options: SendStreamOptions): void {
  checkNames("send a stream", options, OPTIONS);
  const { opcode, compress, signal } = options;
  checkType("compress", compress, "boolean");
  if (opcode !== undefined && opcode !== TEXT && opcode !== BINARY) {
    throw new RangeError(`Cannot use the option opcode: got ${String(opcode)}, wanted TEXT (1) or BINARY (2)`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongKind("signal", signal, "an AbortSignal");
  const isSource = typeof source === "object" && source !== null &&
    (source instanceof ReadableStream || Symbol.asyncIterator in source || Symbol.iterator in source) &&
    !ArrayBuffer.isView(source);
  if (!isSource) throw new TypeError("Cannot send a stream: data is none, wanted a ReadableStream or an iterable");
}

/** Where fragments go. */
export interface OutgoingSink {
  /** Messages can be sent. */
  readonly open: boolean;
  /** Sends a fragment, or returns false while that has to wait for the compression of messages before it. */
  fragment(opcode: number, data: Uint8Array, last: boolean): boolean;
  /** Resolves when there is room, or no message can be sent any more. */
  drained(): Promise<void>;
  /** Are called when no message can be sent any more. */
  readonly watchers: Set<() => void>;
  /** The message cannot be finished: the connection fails. */
  fail(error: WebSocketError): void;
}

const NOTHING = new Uint8Array(0);
const encoder: TextEncoder = new TextEncoder();

/** Sends one message. Resolves when its last fragment was given to the connection. Rejects with what kept it from that. */
export async function pump(source: MessageChunks, options: SendStreamOptions, sink: OutgoingSink): Promise<void> {
  const { signal } = options;
  const chunks = iterate(source);
  const bytesOf = encodePieces();
  let stopped: { readonly reason: unknown } | undefined;
  let interrupt = (_reason: unknown): void => {};
  const stop = (reason: unknown): void => {
    stopped ??= { reason };
    interrupt(reason);
  };
  const onabort = (): void => stop(signal?.reason);
  if (signal?.aborted) onabort();
  signal?.addEventListener("abort", onabort);
  const onlost = (): void => stop(lost());
  if (!sink.open) onlost();
  sink.watchers.add(onlost);
  let begun = false;
  const send = async (opcode: number, data: Uint8Array, last: boolean): Promise<void> => {
    while (stopped === undefined && !sink.fragment(begun ? CONTINUE : opcode, data, last)) await turn();
    if (stopped !== undefined) throw stopped.reason;
    begun = true;
  };
  try {
    let { opcode } = options;
    for (;;) {
      if (stopped !== undefined) throw stopped.reason;
      const { done, value } = await new Promise<IteratorResult<string | Uint8Array>>((resolve, reject) => {
        interrupt = reject;
        Promise.resolve(chunks.next()).then(resolve, reject);
      });
      if (done) {
        await send(opcode ?? BINARY, bytesOf.end(), true);
        return;
      }
      opcode ??= typeof value === "string" ? TEXT : BINARY;
      const data = bytesOf.next(value);
      if (data.length === 0) continue;
      await send(opcode, data, false);
      await sink.drained();
    }
  } catch (error) {
    void Promise.resolve(chunks.return?.()).catch(() => {});
    if (begun && sink.open) {
      const text = `Cannot send the rest of a message: ${reasonText(error)}`;
      sink.fail(new WebSocketError("WS_ABORTED", text, { cause: error }));
    }
    throw error;
  } finally {
    sink.watchers.delete(onlost);
    signal?.removeEventListener("abort", onabort);
  }
}

function lost(): WebSocketError {
  return new WebSocketError("WS_PEER_VANISHED", "Cannot send a stream: the connection is closing or over");
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function iterate(source: MessageChunks): AsyncIterator<string | Uint8Array> | Iterator<string | Uint8Array> {
  if (!(source instanceof ReadableStream)) {
    return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }
  // Not all platforms can iterate a stream.
  const reader = source.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<string | Uint8Array>>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** Makes bytes of chunks. A character may be cut in two by the end of a string. */
function encodePieces(): { next(chunk: unknown): Uint8Array; end(): Uint8Array } {
  let half = "";
  return {
    next(chunk) {
      if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
      if (typeof chunk !== "string") {
        throw new TypeError("Cannot send a stream: a chunk is neither text nor bytes, wanted a string or a Uint8Array");
      }
      const text = half + chunk;
      const last = text.charCodeAt(text.length - 1);
      half = last >= 0xd800 && last < 0xdc00 ? text.slice(-1) : "";
      return encoder.encode(half === "" ? text : text.slice(0, -1));
    },
    end: () => half === "" ? NOTHING : encoder.encode(half),
  };
}
