/**
 * Pings that wait for their pongs, by payload (RFC 6455, section 5.5.3: a pong carries what its ping did).
 */

import { WebSocketError } from "../protocol/errors.ts";
import type { Link } from "./link.ts";

interface Waiting {
  readonly at: number;
  readonly resolve: (milliseconds: number) => void;
  readonly reject: (error: WebSocketError) => void;
}

/** The pings of one connection that wait for their pongs. */
export class Pings {
  /** Milliseconds from the ping that was answered last to its pong. */
  last: number | undefined;
  #waiting: Map<string, Waiting[]> | undefined;
  #count = 0;

  /** A payload that no other ping of this connection carries. */
  nextPayload(): string {
    return String(++this.#count);
  }

  /** Resolves with the milliseconds until a pong with this payload comes. */
  expect(payload: Uint8Array): Promise<number> {
    const pong = new Promise<number>((resolve, reject) => {
      const key = keyOf(payload);
      this.#waiting ??= new Map();
      const waiting = this.#waiting.get(key);
      const entry = { at: performance.now(), resolve, reject };
      if (waiting === undefined) this.#waiting.set(key, [entry]);
      else waiting.push(entry);
    });
    return mayFail(pong);
  }

  /** Sends a ping and resolves with the milliseconds until its pong. Rejects where there is no open connection. */
  send(payload: Uint8Array, link: Link | undefined): Promise<number> {
    if (link === undefined) {
      const text = "Cannot ping: the connection is closing or over";
      return mayFail(Promise.reject(new WebSocketError("WS_PEER_VANISHED", text)));
    }
    const pong = this.expect(payload);
    link.ping(payload);
    return pong;
  }

  /** A pong came: it answers all pings with its payload. */
  settle(payload: Uint8Array): void {
    if (this.#waiting === undefined || this.#waiting.size === 0) return;
    const key = keyOf(payload);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    const now = performance.now();
    // Of several with this payload the first may have been answered before.
    this.last = now - waiting[waiting.length - 1]!.at;
    for (const { at, resolve } of waiting) resolve(now - at);
  }

  /** No pong will come any more. */
  fail(error: WebSocketError): void {
    if (this.#waiting === undefined) return;
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting = undefined;
  }

  /** The same, of a connection that is over. An error costs something, and mostly nobody waits. */
  end(): void {
    if (this.#waiting === undefined) return;
    this.fail(new WebSocketError("WS_PEER_VANISHED", "Cannot measure a ping: the connection is over"));
  }
}

/** Who pings without waiting for the pong hears of the end by its events. */
function mayFail(pong: Promise<number>): Promise<number> {
  pong.catch(() => {});
  return pong;
}

/** Bytes as a key: one character for each. */
function keyOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
