/**
 * The codec of single messages, out of the compression that a runtime lends for connections.
 *
 * ```
 *   payload -> Codec.push -> take, take, ... -> the whole
 *                 `- busy: another turn; waiting: wake -> Codec.work
 * ```
 */

import { Gatherer } from "../protocol/bytes.ts";
import { deflateFactory } from "../protocol/context_codec.ts";
import type { Codec, CodecOwner, DeflateFactory, Progress } from "../protocol/codec.ts";
import { MAX_WINDOW_BITS } from "../protocol/deflate.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { CodecProvider, MessageCodec } from "./message.ts";
import type { Runtime } from "./transport.ts";

/** Each message has its own window. */
const ALONE = { takeover: false, windowBits: MAX_WINDOW_BITS } as const;
/** What zlib does when it is not told otherwise. */
const BALANCED = { level: 6, memLevel: 8 } as const;

/** Gets the codec of single messages from the runtime, when the first one needs it. */
export function codecOf(runtime: () => Promise<Runtime>): CodecProvider {
  return async () => {
    const { deflate, name } = await runtime();
    if (deflate === undefined) throw new Error(`Cannot compress a message: the runtime ${name} lends no compression`);
    return messageCodec(deflateFactory(deflate));
  };
}

/** Makes a codec of single messages. */
export function messageCodec(factory: DeflateFactory): MessageCodec {
  return {
    async deflate(payload) {
      const deflated = await pass(payload, Infinity, (owner) => factory.deflater({ ...ALONE, ...BALANCED }, owner));
      if (typeof deflated === "string") throw new Error(`Cannot compress a message: the codec says ${deflated}`);
      return deflated;
    },
    inflate: (payload, limit) => pass(payload, limit, (owner) => factory.inflater({ ...ALONE, limit }, owner)),
  };
}

function pass(
  payload: Uint8Array,
  limit: number,
  make: (owner: CodecOwner) => Codec,
): Promise<Uint8Array | ErrorCode> {
  return new Promise((resolve) => {
    const gatherer = new Gatherer();
    let tooBig = false;
    const codec = make({
      take(bytes, start, end) {
        tooBig ||= gatherer.length + end - start > limit || !gatherer.append(bytes, start, end);
        return !tooBig;
      },
      wake: () => step(codec.work()),
    });
    const finish = (result: Uint8Array | ErrorCode): void => {
      codec.close();
      resolve(result);
    };
    const step = (progress: Progress): void => {
      if (tooBig || progress === "too big") finish("WS_MESSAGE_TOO_BIG");
      else if (progress === "invalid") finish("WS_INVALID_DEFLATE");
      else if (progress === "done") finish(gatherer.take());
      else if (progress === "busy") setTimeout(() => step(codec.work()));
    };
    step(codec.push(payload, 0, payload.length, true));
  });
}
