/**
 * A message that goes to many: framed once, and compressed once for each set of parameters that its receivers agreed on.
 *
 * ```
 *   text, bytes -> PreparedMessage --.- plain -----------------> the same frame for all receivers
 *                                    `- deflated(parameters) --> the same frame for all that take no context over
 *                                          those with a context, and those still at work, get `data` like any other message
 * ```
 */

import { Gatherer } from "./bytes.ts";
import type { CodecOwner, DeflateFactory, DeflaterOptions } from "./codec.ts";
import { BINARY, TEXT } from "./constants.ts";
import type { DeflateSetup } from "./deflate.ts";
import { FIN, headerSize, RSV1, writeHeader } from "./frame.ts";

/**
 * A frame without a mask. Nobody writes to it.
 *
 * @example
 * ```ts
 * import { type Framed, prepare } from "@sockeye/ws";
 *
 * const { bytes, start }: Framed = prepare("Hello").plain;
 * console.assert(new TextDecoder().decode(bytes.subarray(start)) === "Hello");
 * ```
 */
export interface Framed {
  /** Header and payload. */
  readonly bytes: Uint8Array;
  /** Where the payload begins. */
  readonly start: number;
}

/**
 * A message that can be sent any number of times, over any number of connections. `prepare` makes it.
 *
 * @example
 * ```ts
 * import { type PreparedMessage, prepare, Socket } from "@sockeye/ws";
 *
 * const news: PreparedMessage = prepare(JSON.stringify({ price: 12 }));
 * const tell = (sockets: Iterable<Socket>) => {
 *   for (const socket of sockets) socket.send(news);
 * };
 * tell([]);
 * console.assert(news.data === '{"price":12}');
 * ```
 */
export class PreparedMessage {
  /** What is sent: a text, or bytes, which are not to be changed. */
  readonly data: string | Uint8Array;
  /** Whether it is to be compressed; the threshold of each connection decides, where this does not say. */
  readonly compress: boolean | undefined;
  readonly #plain: Framed;
  /** By the parameters as one number. Made when the first receiver needs them. */
  #deflated: Map<number, Framed | undefined> | undefined;
  #factory: DeflateFactory | undefined;

  /** Frames a text, or a copy of the bytes, in `room` where there is one. Lone surrogates become U+FFFD. */
  constructor(data: string | Uint8Array, compress?: boolean, room?: FrameRoom) {
    const text = typeof data === "string";
    this.#plain = frame(FIN | (text ? TEXT : BINARY), text ? encoder.encode(data) : data, room);
    this.data = text ? data : this.#plain.bytes.subarray(this.#plain.start);
    this.compress = compress;
  }

  /** Bytes of the message. */
  get size(): number {
    return this.#plain.bytes.length - this.#plain.start;
  }

  /** Its frame. */
  get plain(): Framed {
    return this.#plain;
  }

  /**
   * Its compressed frame for connections that take no context over. `undefined` where the codec does not compress at once:
   * then each connection has to.
   */
  deflated({ factory, agreement, level, memLevel }: DeflateSetup): Framed | undefined {
    if (this.#deflated === undefined || this.#factory !== factory) {
      this.#deflated = new Map();
      this.#factory = factory;
    }
    const { local } = agreement;
    const key = local.windowBits | (level << 4) | (memLevel << 8);
    if (!this.#deflated.has(key)) {
      this.#deflated.set(key, this.#deflate(factory, { ...local, level, memLevel }));
    }
    return this.#deflated.get(key);
  }

  #deflate(factory: DeflateFactory, options: DeflaterOptions): Framed | undefined {
    const gatherer = new Gatherer();
    const owner: CodecOwner = {
      take(bytes, start, end) {
        gatherer.append(bytes, start, end);
        return true;
      },
      wake() {},
    };
    const codec = factory.deflater(options, owner);
    const { bytes, start } = this.#plain;
    let progress = codec.push(bytes, start, bytes.length, true);
    // It is done once for all, so that it takes less time than to do it in turns for each.
    while (progress === "busy") progress = codec.work();
    codec.close();
    if (progress !== "done") return undefined;
    return frame(bytes[0]! | RSV1, gatherer.take());
  }
}

const encoder: TextEncoder = new TextEncoder();

/** Bytes of a `FrameRoom`, and the most that one frame takes of it. */
const ROOM_SIZE = 65_536;
const ROOM_FRAME = 8_192;

/**
 * Where frames lie one behind the other, so that several leave a connection as they lie, uncopied. For messages that are
 * soon forgotten: each keeps the memory of its neighbours.
 */
export class FrameRoom {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;

  /** Memory for a frame of so many bytes. */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (size > ROOM_FRAME) return new Uint8Array(size);
    if (this.#bytes === undefined || this.#used + size > ROOM_SIZE) {
      this.#bytes = new Uint8Array(ROOM_SIZE);
      this.#used = 0;
    }
    this.#used += size;
    return this.#bytes.subarray(this.#used - size, this.#used);
  }
}

function frame(b0: number, payload: Uint8Array, room?: FrameRoom): Framed {
  const start = headerSize(payload.length, false);
  const size = start + payload.length;
  const bytes = room === undefined ? new Uint8Array(size) : room.take(size);
  writeHeader(bytes, 0, b0, payload.length, false);
  bytes.set(payload, start);
  return { bytes, start };
}
