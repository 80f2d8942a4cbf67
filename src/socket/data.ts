/**
 * What `send` takes: payloads, and how to send them.
 */

import { show } from "../protocol/headers.ts";
import { utf8Length } from "../protocol/utf8.ts";
import { checkNames, checkType } from "./check.ts";
import type { Data } from "./events.ts";
import { Message, payloadOf } from "./message.ts";
import type { BinaryType } from "./options.ts";

/**
 * Turns a value into a payload: text stays, an ArrayBuffer or a view becomes a view of its bytes, a Blob has to be read
 * first, a `Message` gives its text or bytes. Anything else is sent as its string, numbers and dates too. Throws a
 * `TypeError` for a symbol, and for a message that is neither text nor binary.
 */
export function toPayload(data: unknown): string | Uint8Array | Blob {
  if (typeof data === "string") return data;
  if (data instanceof Uint8Array) return unshared(data);
  if (ArrayBuffer.isView(data)) return unshared(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof Blob) return data;
  if (isShared(data)) return new Uint8Array(new Uint8Array(data));
  if (data instanceof Message) return payloadOf(data);
  if (typeof data !== "symbol") {
    try {
      return String(data);
    } catch (cause) {
      throw new TypeError(`Cannot send: data is ${show(data)}, wanted what can be made a string`, { cause });
    }
  }
  throw new TypeError(`Cannot send: data is ${show(data)}, wanted a string or bytes`);
}

/** From this many bytes on a payload may reach a transport uncopied, and shared memory is not what all of them take. */
const LARGE = 65_536;

function unshared(view: Uint8Array): Uint8Array {
  return view.byteLength >= LARGE && isShared(view.buffer) ? new Uint8Array(view) : view;
}

function isShared(data: unknown): data is SharedArrayBuffer {
  return typeof SharedArrayBuffer !== "undefined" && data instanceof SharedArrayBuffer;
}

/** The bytes of a message in the form that `binaryType` names. */
export function binaryData(data: Uint8Array, type: BinaryType): Data {
  if (type === "uint8array") return data;
  if (type === "blob") return new Blob([data as Uint8Array<ArrayBuffer>]);
  const { buffer } = data;
  // A short one may lie among others; a long one has memory of its own.
  const isAlone = data.length === buffer.byteLength && buffer instanceof ArrayBuffer;
  return isAlone ? buffer : new Uint8Array(data).buffer;
}

/** How many bytes a payload is, as `bufferedAmount` counts them. */
export function sizeOf(payload: string | Uint8Array | Blob): number {
  if (typeof payload === "string") return utf8Length(payload);
  return payload instanceof Blob ? payload.size : payload.length;
}

/**
 * How `send` is to send a message.
 *
 * @example
 * ```ts
 * import { type SendOptions, Socket } from "@sockeye/ws";
 *
 * const options: SendOptions = { compress: false };
 * const send = (socket: Socket, data: string) => socket.send(data, options);
 * console.assert(send.length === 2);
 * ```
 */
export interface SendOptions {
  /**
   * Compress the message, where that was agreed on with the peer.
   *
   * @default what a `Message` says that is to be compressed; else from the `threshold` of `perMessageDeflate` on
   */
  readonly compress?: boolean;
}

const KNOWN: ReadonlySet<string> = new Set<keyof SendOptions>(["compress"]);

/** Whether a message is to be compressed, where its sender says. Throws a `TypeError` for a wrong option. */
export function compressOf(data: unknown, options: SendOptions | undefined): boolean | undefined {
  if (options !== undefined) checkNames("send", options, KNOWN);
  const compress = options?.compress;
  checkType("compress", compress, "boolean");
  return compress ?? (data instanceof Message && data.compress ? true : undefined);
}
