/**
 * A transport over any pair of web streams: all that a runtime must offer.
 *
 * ```
 *   readable --- read(), one at a time, none while paused ---> sink.data / end
 *   writable <-- write(), counted until its promise settles -- Transport.write
 * ```
 */

import type { Endpoint, StreamPair, Transport, TransportSink, WriteResult } from "./transport.ts";

export type { StreamPair } from "./transport.ts";

/** From this many bytes on a chunk is kept where it may be. Smaller ones would hold on to much larger buffers. */
const WORTH_KEEPING = 16_384;

/** What an owner hears that has aborted, or was told of the abort. */
const SILENCE: TransportSink = { data() {}, end() {}, drain() {}, abort() {} };

class StreamTransport implements Transport {
  readonly remote?: Endpoint;
  readonly #pair: StreamPair;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #sink: TransportSink | undefined;
  #paused = false;
  /** A read is under way. */
  #reading = false;
  /** Read, and not yet told. */
  #held: Uint8Array | undefined;
  /** The peer's FIN: not come, come, told. */
  #incoming: "open" | "ended" | "told" = "open";
  /** The own FIN: not wanted, to be sent after the writes, on its way, sent. */
  #outgoing: "open" | "ending" | "closing" | "closed" = "open";
  /** Lengths of the writes that have not settled, in order. */
  readonly #unsettled: number[] = [];
  #buffered = 0;
  /** Nothing goes in or out any more. */
  #over = false;
  /** Why the connection broke, until it was told. */
  #broken: { readonly reason: unknown } | undefined;

  constructor(pair: StreamPair, remote: Endpoint | undefined) {
    if (remote !== undefined) this.remote = remote;
    this.#pair = pair;
    this.#reader = pair.readable.getReader();
    this.#writer = pair.writable.getWriter();
    this.#writer.closed.then(undefined, this.#onBroken);
  }

  get buffered(): number {
    return this.#buffered;
  }

  open(sink: TransportSink): void {
    if (this.#sink === SILENCE) return;
    this.#sink = sink;
    queueMicrotask(this.#deliver);
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (this.#over || this.#outgoing !== "open") return "refused";
    if (chunk.length === 0) return "taken";
    const keep = mayKeep && chunk.length >= WORTH_KEEPING;
    this.#unsettled.push(chunk.length);
    this.#buffered += chunk.length;
    this.#writer.write(keep ? chunk : new Uint8Array(chunk)).then(this.#onWritten, this.#onBroken);
    return keep ? "kept" : "taken";
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    queueMicrotask(this.#deliver);
  }

  end(): void {
    if (this.#over || this.#outgoing !== "open") return;
    this.#outgoing = "ending";
    this.#sendFin();
  }

  abort(reason?: unknown): void {
    this.#sink = SILENCE;
    this.#drop(reason);
  }

  ref(): void {
    this.#pair.ref?.();
  }

  unref(): void {
    this.#pair.unref?.();
  }

  /** Tells what is held and reads on. Every call of the sink may pause, abort or hand over: all is looked at anew. */
  readonly #deliver = (): void => {
    while (this.#sink !== undefined) {
      if (this.#broken !== undefined) {
        const { reason } = this.#broken;
        const sink = this.#sink;
        this.#sink = SILENCE;
        this.#broken = undefined;
        sink.abort(reason);
      }
      if (this.#over || this.#paused) return;
      if (this.#held !== undefined) {
        const chunk = this.#held;
        this.#held = undefined;
        this.#sink.data(chunk);
      } else if (this.#incoming === "ended") {
        this.#incoming = "told";
        this.#sink.end();
        this.#releaseWhenDone();
      } else {
        if (this.#incoming === "open" && !this.#reading) this.#read();
        return;
      }
    }
  };

  #read(): void {
    this.#reading = true;
    this.#reader.read().then(this.#onRead, this.#onBroken);
  }

  readonly #onRead = (result: ReadableStreamReadResult<Uint8Array>): void => {
    this.#reading = false;
    if (this.#over) return;
    if (result.done) {
      this.#incoming = "ended";
    } else {
      const chunk = asBytes(result.value);
      if (chunk === undefined) {
        return this.#onBroken(new TypeError(`Read from a stream: got ${typeof result.value}, wanted bytes`));
      }
      if (chunk.length > 0) this.#held = chunk;
    }
    this.#deliver();
  };

  readonly #onWritten = (): void => {
    if (this.#over) return;
    this.#buffered -= this.#unsettled.shift() ?? 0;
    if (this.#buffered > 0) return;
    if (this.#outgoing === "ending") this.#sendFin();
    this.#sink?.drain();
  };

  /** Sends the FIN: the stream does so after its writes, `closeWrite` knows nothing of them. */
  #sendFin(): void {
    const closeWrite = this.#pair.closeWrite;
    if (closeWrite !== undefined && this.#buffered > 0) return;
    this.#outgoing = "closing";
    const closed = closeWrite === undefined ? this.#writer.close() : closeWrite.call(this.#pair);
    closed.then(this.#onFinSent, this.#onBroken);
  }

  readonly #onFinSent = (): void => {
    this.#outgoing = "closed";
    this.#releaseWhenDone();
  };

  readonly #onBroken = (reason: unknown): void => {
    if (this.#over) return;
    this.#broken = { reason: reason ?? new Error("Stream failed: no reason was given") };
    this.#drop(reason);
    this.#deliver();
  };

  #releaseWhenDone(): void {
    if (!this.#over && this.#incoming === "told" && this.#outgoing === "closed") this.#drop(undefined);
  }

  /** Ends both streams, wherever they are, and releases what is behind them. */
  #drop(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#held = undefined;
    // Both reject when the stream has failed already. That is known by then, and nobody waits for them.
    this.#reader.cancel(reason).catch(() => {});
    this.#writer.abort(reason).catch(() => {});
    try {
      if (this.#pair.close !== undefined) this.#pair.close();
      else this.#pair[Symbol.dispose]?.();
    } catch {
      // It was closed already, when its streams ended.
    }
  }
}

/** The bytes of a chunk as a plain Uint8Array, which a Buffer is not. */
function asBytes(chunk: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array && Object.getPrototypeOf(chunk) === Uint8Array.prototype) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : undefined;
}

/**
 * Makes a transport of a pair of web streams and locks both. `buffered` counts the bytes of the writes that have not
 * settled. `abort()` cancels the one stream, aborts the other and calls `close()` of the pair, if it has one.
 *
 * What comes out of `readable` must be bytes: anything else breaks the connection with a `TypeError`.
 * Throws a `TypeError` when one of the streams is locked.
 *
 * @example
 * ```ts
 * import { streamTransport } from "@sockeye/ws";
 *
 * const there = new TransformStream<Uint8Array, Uint8Array>();
 * const back = new TransformStream<Uint8Array, Uint8Array>();
 * const near = streamTransport({ readable: back.readable, writable: there.writable });
 * const far = streamTransport({ readable: there.readable, writable: back.writable });
 *
 * const received = new Promise<Uint8Array>((resolve) => {
 *   far.open({ data: resolve, end() {}, drain() {}, abort() {} });
 * });
 * near.write(Uint8Array.of(1, 2, 3), false);
 * console.log(await received); // Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export function streamTransport(pair: StreamPair, remote?: Endpoint): Transport {
  return new StreamTransport(pair, remote);
}
