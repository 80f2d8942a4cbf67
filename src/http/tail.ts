/**
 * A connection behind the head of a request, when it stays HTTP: the body comes, the answer goes, and it ends.
 *
 * ```
 *   held --readBody--> reading --whole, or a fault--> held --finish--> discarding --FIN, or 1 s--> over
 * ```
 *
 * After the answer what still comes is discarded for a while: a connection that is dropped with unread bytes in it is
 * reset, and the answer might be lost on its way (RFC 9112, 9.6).
 */

import type { Opening } from "../socket/opening.ts";
import { startTimeout } from "../socket/timeout.ts";
import type { Transport, TransportSink } from "../socket/transport.ts";
import type { BodyReader } from "./body.ts";
import { RequestError } from "./exchange.ts";

/** How long a tail waits, in milliseconds. */
export interface TailTimes {
  /** For the peer's FIN, after the answer. */
  readonly linger: number;
  /** For a peer that is being answered to take something. */
  readonly stall: number;
}

const TIMES: TailTimes = { linger: 1_000, stall: 10_000 };
/** Bytes that may wait for the peer before the next part of an answer is asked for. */
const HIGH_WATER = 65_536;

/** A connection behind the head of a request. */
export class Tail implements TransportSink {
  readonly #opening: Opening;
  readonly #transport: Transport;
  readonly #times: TailTimes;
  #opened = false;
  #discarding = false;
  #held: Uint8Array[] = [];
  #ended = false;
  #gone = false;
  #onbody: ((chunk: Uint8Array | RequestError) => void) | undefined;
  #ondrain: ((drained: boolean) => void) | undefined;
  #onover: (() => void) | undefined;
  /** Called when the connection breaks. */
  ongone: ((reason: unknown) => void) | undefined;

  /** Takes over the connection, which goes on as it is until something is asked of it. */
  constructor(opening: Opening, times: TailTimes = TIMES) {
    this.#opening = opening;
    this.#times = times;
    this.#transport = opening.transport;
  }

  /** Whether the connection broke. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Reads a body. Rejects with a `RequestError` when it is malformed, or not whole within `timeout` milliseconds. */
  readBody(reader: BodyReader, timeout: number, length: string): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = (result: Uint8Array | RequestError): void => {
        clearTimeout(timer);
        this.#onbody = undefined;
        this.#transport.pause();
        if (result instanceof RequestError) reject(result);
        else resolve(result);
      };
      const timer = startTimeout(timeout, () => {
        settle(new RequestError(408, `Cannot read the body: not whole within ${timeout} ms, ${length}`));
      });
      this.#onbody = (chunk) => {
        const result = chunk instanceof RequestError ? chunk : reader.push(chunk);
        if (result !== undefined) settle(result);
      };
      this.#open();
      const held = this.#held;
      this.#held = [];
      for (const chunk of held) this.data(chunk);
      if (this.#ended || this.#gone) this.#truncated();
      else if (this.#onbody !== undefined) this.#transport.resume();
    });
  }

  /** Writes a part of the answer; the bytes are given away. False when the peer is gone, or takes nothing any more. */
  async write(chunk: Uint8Array, mayKeep: boolean): Promise<boolean> {
    if (this.#gone || this.#transport.write(chunk, mayKeep) === "refused") return false;
    return this.#transport.buffered < HIGH_WATER || await this.#drained();
  }

  /** Ends the connection, once the peer has taken the answer. Resolves when it is over. */
  async finish(): Promise<void> {
    this.#transport.end();
    this.discard();
    if (!await this.#drained() || this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#times.linger);
      this.#onover = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (!this.#ended) this.#transport.abort();
  }

  /** Drops what comes from the peer from now on. */
  discard(): void {
    if (this.#discarding) return;
    this.#discarding = true;
    this.#held = [];
    this.#open();
    this.#transport.resume();
  }

  /** Resolves when nothing waits for the peer any more; with false when it is gone, or cut because it takes nothing. */
  #drained(): Promise<boolean> {
    this.#open();
    if (this.#gone || this.#transport.buffered === 0) return Promise.resolve(!this.#gone);
    return new Promise((resolve) => {
      const { stall } = this.#times;
      let last = this.#transport.buffered;
      const timer = setInterval(() => {
        const { buffered } = this.#transport;
        if (buffered < last) last = buffered;
        else this.cut(new Error(`Cannot answer: the peer took nothing for ${stall} ms`));
      }, stall);
      this.#ondrain = (drained) => {
        clearInterval(timer);
        this.#ondrain = undefined;
        resolve(drained);
      };
    });
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#opening.open(this);
    if (!this.#discarding && this.#onbody === undefined) this.#transport.pause();
  }

  /** Breaks the connection off. */
  cut(reason: unknown): void {
    this.#transport.abort(reason);
    this.abort(reason);
  }

  #truncated(): void {
    this.#onbody?.(new RequestError(400, "Cannot read the body: the peer left before it was whole"));
  }

  /** {@inheritDoc TransportSink.data} */
  data(chunk: Uint8Array): void {
    if (this.#onbody !== undefined) this.#onbody(chunk);
    else if (!this.#discarding) this.#held.push(chunk);
  }

  /** {@inheritDoc TransportSink.end} */
  end(): void {
    this.#ended = true;
    this.#truncated();
    this.#onover?.();
  }

  /** {@inheritDoc TransportSink.drain} */
  drain(): void {
    this.#ondrain?.(true);
  }

  /** {@inheritDoc TransportSink.abort} */
  abort(reason: unknown): void {
    if (this.#gone) return;
    this.#gone = this.#ended = true;
    this.#truncated();
    this.#ondrain?.(false);
    this.#onover?.();
    this.ongone?.(reason);
  }
}
