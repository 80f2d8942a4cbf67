/**
 * Compression from the web's `CompressionStream` and `DecompressionStream`, for runtimes without `node:zlib`.
 *
 * ```
 *   message -> CompressionStream("deflate-raw") -> its final block, and a zero byte -> owner.take, whole
 *   message, 00 00 ff ff, a final empty block -> DecompressionStream("deflate-raw") -> owner.take, chunk by chunk
 * ```
 *
 * These streams cannot keep a window from one message to the next, nor limit it: both ends have to begin each message
 * anew, and an offer that asks this end for less than 15 bits is declined. They cannot flush either, so what is sent ends in
 * a final block (RFC 7692, section 7.2.3.4). What is received may have one at its end, and then takes two attempts, since the
 * streams take whatever follows it for an error; with more behind it the message is refused.
 */

import type { Codec, CodecOwner, DeflateFactory, InflaterOptions, Progress } from "../protocol/codec.ts";
import type { Runtime } from "../socket/transport.ts";

/** The tail that is not sent (RFC 7692, section 7.2), and an empty stored block that is final. */
const END: Uint8Array<ArrayBuffer> = new Uint8Array([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);
/** The header of an empty stored block: what follows a final one. */
const AFTER_FINAL: Uint8Array = new Uint8Array([0x00]);

/**
 * Bytes that are written at a time. Deno inflates all that is written at once into one chunk, a thousand times as long at
 * worst; in these cuts it is held to half a MiB.
 */
const CUT = 512;

/** One message on its way through a stream. */
interface Passage {
  readonly message: readonly Uint8Array<ArrayBuffer>[];
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What has come out and was not taken yet. */
  readonly chunks: Uint8Array[];
  /** A chunk is waited for, or has come; none will come any more. */
  state: "reading" | "read" | "ended" | "failed";
}

abstract class WebCodec implements Codec {
  protected readonly owner: CodecOwner;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #passage: Passage | undefined;

  constructor(owner: CodecOwner) {
    this.owner = owner;
  }

  protected abstract open(): GenericTransformStream;
  /** What is written behind a message. */
  protected abstract readonly end: Uint8Array<ArrayBuffer>;
  /** What to pass in its place when a message has failed. */
  protected abstract again(message: readonly Uint8Array<ArrayBuffer>[]): readonly Uint8Array<ArrayBuffer>[] | undefined;
  /** Hands on what came out. */
  protected abstract hand(chunks: Uint8Array[], ended: boolean): void;

  push(bytes: Uint8Array, start: number, end: number, last: boolean): Progress {
    this.#pieces.push(bytes.slice(start, end));
    if (!last) return "done";
    const message = this.#pieces;
    this.#pieces = [];
    return this.#begin(message, [...message, this.end]);
  }

  #begin(message: Passage["message"], pieces: readonly Uint8Array<ArrayBuffer>[]): Progress {
    const { readable, writable } = this.open();
    const passage: Passage = { message, reader: readable.getReader(), chunks: [], state: "reading" };
    this.#passage = passage;
    void feed(writable, pieces);
    void this.#read(passage);
    return "waiting";
  }

  /** Reads one chunk, so that no more is held than what was not taken yet. */
  async #read(passage: Passage): Promise<void> {
    try {
      const { done, value } = await passage.reader.read();
      passage.state = done ? "ended" : "read";
      if (!done) passage.chunks.push(value);
    } catch {
      passage.state = "failed";
    }
    if (this.#passage === passage) this.owner.wake();
  }

  work(): Progress {
    const passage = this.#passage;
    if (passage === undefined) return "done";
    if (passage.state === "reading") return "waiting";
    if (passage.state === "failed") {
      const pieces = this.again(passage.message);
      if (pieces !== undefined) return this.#begin(passage.message, pieces);
      this.close();
      return "invalid";
    }
    if (passage.state === "ended") {
      this.#passage = undefined;
      this.hand(passage.chunks, true);
      return "done";
    }
    this.hand(passage.chunks, false);
    if (this.#passage !== passage) return "done";
    // An owner that wants no more now does not call this for the next one.
    passage.state = "reading";
    void this.#read(passage);
    return "waiting";
  }

  release(): void {}

  close(): void {
    const passage = this.#passage;
    this.#passage = undefined;
    this.#pieces = [];
    // Rejects when the stream has failed already, which is of no interest any more.
    passage?.reader.cancel().catch(() => {});
  }
}

/** Writes pieces to a stream; what goes wrong is seen by who reads it. */
async function feed(writable: WritableStream, pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
  const writer = writable.getWriter();
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += CUT) await writer.write(piece.subarray(at, at + CUT));
    }
    await writer.close();
  } catch {
    // The other side of the stream fails with the same.
  }
}

class WebDeflater extends WebCodec {
  protected override readonly end: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  protected override open(): GenericTransformStream {
    return new CompressionStream("deflate-raw");
  }

  protected override again(): undefined {}

  protected override hand(chunks: Uint8Array[], ended: boolean): void {
    if (!ended) return;
    const message = join([...chunks, AFTER_FINAL]);
    this.owner.take(message, 0, message.length, true);
  }
}

class WebInflater extends WebCodec {
  protected override readonly end: Uint8Array<ArrayBuffer> = END;
  /** Bytes of the message that were taken. */
  #taken = 0;
  /** In the second attempt: bytes still to come that the first has given already. */
  #known: number | undefined;

  protected override open(): GenericTransformStream {
    return new DecompressionStream("deflate-raw");
  }

  /** The message ends in a final block, perhaps, and the empty one behind it. */
  protected override again(
    message: readonly Uint8Array<ArrayBuffer>[],
  ): readonly Uint8Array<ArrayBuffer>[] | undefined {
    const bytes = join(message);
    if (this.#known !== undefined || bytes.at(-1) !== 0) return undefined;
    this.#known = this.#taken;
    return [bytes.subarray(0, -1)];
  }

  protected override hand(chunks: Uint8Array[], ended: boolean): void {
    for (const chunk of chunks.splice(0)) {
      const known = Math.min(this.#known ?? 0, chunk.length);
      if (this.#known !== undefined) this.#known -= known;
      this.#taken += chunk.length - known;
      if (known < chunk.length) this.owner.take(chunk, known, chunk.length, false);
    }
    if (!ended) return;
    this.#taken = 0;
    this.#known = undefined;
    this.owner.take(new Uint8Array(0), 0, 0, true);
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/**
 * Compression with the web's streams; `undefined` where there are none that know `deflate-raw`. The runtime chooses the
 * level.
 */
export function webDeflate(): DeflateFactory | undefined {
  try {
    new CompressionStream("deflate-raw");
    new DecompressionStream("deflate-raw");
  } catch {
    // Not there (ReferenceError), or without this format (TypeError).
    return undefined;
  }
  return {
    takeover: false,
    minWindowBits: 15,
    deflater: (_options, owner) => new WebDeflater(owner),
    inflater: (_options: InflaterOptions, owner) => new WebInflater(owner),
  };
}

/** A runtime that lends this compression too. */
export function withWebDeflate(runtime: Runtime): Runtime {
  return { ...runtime, deflate: webDeflate() };
}
