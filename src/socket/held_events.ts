/**
 * The events of a server's end that has no listener yet. They wait for the first one, so that an `accept` that awaits
 * something before it listens loses nothing. Meanwhile pings are answered and the peer's end is noticed.
 */

import type { SocketEvent } from "./events.ts";

/** How many bytes of messages are held before the peer is made to wait. */
const MAX_HELD = 1_048_576;

/** Events that wait for the first listener. */
export class HeldEvents {
  readonly #events: SocketEvent[] = [];
  #bytes = 0;
  #releasing = false;

  /** Holds an event of so many bytes. Returns whether the peer has to wait now. */
  add(event: SocketEvent, bytes: number): boolean {
    this.#events.push(event);
    this.#bytes += bytes;
    return this.#bytes >= MAX_HELD;
  }

  /** Delivers what is held at the end of this turn, so that all listeners that are added in it get it; then `done`. */
  release(deliver: (event: SocketEvent) => void, done: () => void): void {
    if (this.#releasing) return;
    this.#releasing = true;
    queueMicrotask(() => {
      // What comes while this goes on stands in order behind it.
      for (let at = 0; at < this.#events.length; at++) deliver(this.#events[at]!);
      done();
    });
  }
}
