/**
 * A connection whose opening handshake is under way, at either end: it reads one HTTP head, holds what comes behind it,
 * and hands the connection over.
 *
 * ```
 *   Transport -> Opening -> HeadReader -> head            then, after open(sink):
 *                   `-> held bytes, FIN, breaking ------> sink <- Transport
 * ```
 */

import { HANDSHAKE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { type HeadLimits, HeadReader, type RequestHead, type ResponseHead } from "../protocol/head.ts";
import { startTimeout } from "./timeout.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** The limits of a head and the time it may take. */
export interface HeadOptions extends Partial<HeadLimits> {
  /** Milliseconds until the head must be whole; 0 or Infinity for no limit. @default {10000} */
  readonly timeout?: number;
}

interface Heads {
  request: RequestHead;
  response: ResponseHead;
}

/** A connection whose opening handshake is under way. */
export class Opening implements TransportSink {
  /** The connection. */
  readonly transport: Transport;
  #receive: ((chunk: Uint8Array) => void) | undefined;
  #fail: ((error: WebSocketError) => void) | undefined;
  #held: Uint8Array[] = [];
  #ended = false;
  #broken: { readonly reason: unknown } | undefined;
  /** Called when the connection breaks while nobody reads a head: whoever handles the request may stop. */
  onbroken: ((reason: unknown) => void) | undefined;

  /** Takes a connection over; nothing is read before `readHead` or `open`. */
  constructor(transport: Transport) {
    this.transport = transport;
    transport.pause();
    transport.open(this);
  }

  /** The connection broke, or the peer's FIN came. */
  get gone(): boolean {
    return this.#ended || this.#broken !== undefined;
  }

  /** Bytes that came behind the head. */
  get held(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * Reads one head. What comes behind it is held, and reading pauses. Rejects with a `WebSocketError`: `WS_INVALID_HEAD`,
   * `WS_HEAD_TOO_LARGE`, `WS_HANDSHAKE_TIMEOUT`, or `WS_PEER_VANISHED` where the peer left in mid-head.
   */
  readHead<K extends keyof Heads>(kind: K, options: HeadOptions = {}): Promise<Heads[K]> {
    const timeout = options.timeout ?? HANDSHAKE_TIMEOUT;
    const reader = new HeadReader(kind, options);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.transport.pause();
        this.#receive = this.#fail = undefined;
      };
      this.#fail = (error) => {
        settle();
        reject(error);
      };
      this.#receive = (chunk) => {
        const head = reader.push(chunk);
        if (head === undefined) return;
        if (head instanceof WebSocketError) {
          this.#fail?.(head);
          return;
        }
        settle();
        if (reader.leftover.length > 0) this.#held.unshift(reader.leftover);
        resolve(head as Heads[K]);
      };
      const timer = startTimeout(timeout, () => {
        this.#fail?.(
          new WebSocketError("WS_HANDSHAKE_TIMEOUT", `Cannot read a ${kind}: no whole head within ${timeout} ms`),
        );
      });
      const held = this.#held;
      this.#held = [];
      for (const chunk of held) this.data(chunk);
      if (this.gone) this.#lost(kind);
      else if (this.#receive !== undefined) this.transport.resume();
    });
  }

  /** Hands the connection over: what is held goes to `sink` first, and reading goes on. */
  open(sink: TransportSink): void {
    this.transport.open(sink);
    // Before what is held is given to the sink, which may pause in the midst of it.
    if (!this.gone) this.transport.resume();
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) sink.data(chunk);
    if (this.#broken !== undefined) sink.abort(this.#broken.reason);
    else if (this.#ended) sink.end();
  }

  #lost(what: string): void {
    const options = this.#broken === undefined ? undefined : { cause: this.#broken.reason };
    this.#fail?.(
      new WebSocketError("WS_PEER_VANISHED", `Cannot read a ${what}: the peer left before its head was whole`, options),
    );
  }

  /** {@inheritDoc TransportSink.data} */
  data(chunk: Uint8Array): void {
    if (this.#receive !== undefined) this.#receive(chunk);
    else this.#held.push(chunk);
  }

  /** {@inheritDoc TransportSink.end} */
  end(): void {
    this.#ended = true;
    this.#lost("head");
  }

  /** {@inheritDoc TransportSink.drain} */
  drain(): void {}

  /** {@inheritDoc TransportSink.abort} */
  abort(reason: unknown): void {
    this.#broken = { reason };
    this.#lost("head");
    this.onbroken?.(reason);
  }
}
