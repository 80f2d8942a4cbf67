/**
 * A connection whose opening handshake is under way, at either end: it reads one HTTP head, holds what comes behind it,
 * and hands the connection over.
 *
 * ```
 *   Transport -> Opening -> HeadReader -> head            then, after open(sink):
 *                   `-> held bytes, FIN, breaking ------> sink <- Transport
 * ```
 */

import { WebSocketError } from "../protocol/errors.ts";
import { type HeadLimits, HeadReader, type RequestHead, type ResponseHead } from "../protocol/head.ts";
import type { Transport, TransportSink } from "./transport.ts";

interface Heads {
  request: RequestHead;
  response: ResponseHead;
}

/** Nothing that is held. */
const NONE: Uint8Array[] = [];

/** A head, or why there is none. */
type Found = RequestHead | ResponseHead | WebSocketError;

/** A connection whose opening handshake is under way. */
export class Opening implements TransportSink {
  /** The connection. */
  readonly transport: Transport;
  /** While a head is read: what reads it, and who gets it. */
  #reader: HeadReader<keyof Heads> | undefined;
  #settle: ((found: Found) => void) | undefined;
  #held: Uint8Array[] = NONE;
  #ended = false;
  #broken: { readonly reason: unknown } | undefined;
  /** Called when the connection breaks while nobody reads a head: whoever handles the request may stop. */
  onbroken: ((reason: unknown) => void) | undefined;

  /** Takes a connection over; nothing is read before a head is asked for, or `open`. */
  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Tells of a break where no head is to be read. */
  watch(): void {
    this.transport.pause();
    this.transport.open(this);
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
   * `WS_HEAD_TOO_LARGE`, that of `giveUp`, or `WS_PEER_VANISHED` where the peer left in mid-head.
   */
  readHead<K extends keyof Heads>(kind: K, limits: Partial<HeadLimits> = {}): Promise<Heads[K]> {
    let settle: (found: Heads[K] | WebSocketError) => void;
    const head = new Promise<Heads[K]>((resolve, reject) => {
      settle = (found) => {
        this.transport.pause();
        if (found instanceof WebSocketError) reject(found);
        else resolve(found);
      };
    });
    this.takeHead(kind, limits, settle!);
    return head;
  }

  /**
   * The same for who wants no promise: `settle` is called with the head, or the error, from inside of the call that brought
   * it. Reading pauses when something comes behind it: mostly nothing does, and to pause is a call of the system.
   */
  takeHead<K extends keyof Heads>(
    kind: K,
    limits: Partial<HeadLimits>,
    settle: (found: Heads[K] | WebSocketError) => void,
  ): void {
    this.#reader = new HeadReader<keyof Heads>(kind, limits);
    this.#settle = settle as (found: Found) => void;
    for (const chunk of this.#takeHeld()) this.data(chunk);
    if (this.gone) this.#lost(kind);
    else if (this.#reader !== undefined) {
      this.transport.open(this);
      // Whoever had it before may have left it paused.
      this.transport.resume();
    }
  }

  #end(found: Found): void {
    const settle = this.#settle;
    this.#reader = this.#settle = undefined;
    settle?.(found);
  }

  /** Waits for the head no longer. */
  giveUp(error: WebSocketError): void {
    this.#end(error);
  }

  /** Hands the connection over: what is held goes to `sink` first, and reading goes on. */
  open(sink: TransportSink): void {
    this.transport.open(sink);
    // Before what is held is given to the sink, which may pause in the midst of it.
    if (!this.gone) this.transport.resume();
    for (const chunk of this.#takeHeld()) sink.data(chunk);
    if (this.#broken !== undefined) sink.abort(this.#broken.reason);
    else if (this.#ended) sink.end();
  }

  #lost(what: string): void {
    if (this.#settle === undefined) return;
    const options = this.#broken === undefined ? undefined : { cause: this.#broken.reason };
    const text = `Cannot read a ${what}: the peer left before its head was whole`;
    this.#end(new WebSocketError("WS_PEER_VANISHED", text, options));
  }

  /** {@inheritDoc TransportSink.data} */
  data(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) this.#hold(chunk);
    else this.#read(reader, chunk, false);
  }

  /** {@inheritDoc TransportSink.lent} */
  lent(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) this.#hold(new Uint8Array(chunk));
    else this.#read(reader, chunk, true);
  }

  #read(reader: HeadReader<keyof Heads>, chunk: Uint8Array, lent: boolean): void {
    const found = reader.push(chunk);
    if (found === undefined) return;
    const { leftover } = reader;
    if (leftover.length > 0) this.#hold(lent ? new Uint8Array(leftover) : leftover);
    this.#end(found);
  }

  /** Keeps what nobody has asked for yet, and asks for no more. */
  #hold(chunk: Uint8Array): void {
    if (this.#held === NONE) this.#held = [];
    this.#held.push(chunk);
    this.transport.pause();
  }

  #takeHeld(): Uint8Array[] {
    const held = this.#held;
    this.#held = NONE;
    return held;
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
