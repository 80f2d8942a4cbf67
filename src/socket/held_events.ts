/**
 * The events of a server's end that has no listener yet. They wait for the first one, so that an `accept` that awaits
 * something before it listens loses nothing. Meanwhile pings are answered and the peer's end is noticed.
 */

import { MESSAGE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import type { SocketEvent } from "./events.ts";
import { startIdleTimeout } from "./timeout.ts";

/** How many bytes are held before the peer is made to wait. */
const MAX_HELD = 1_048_576;
/** What an event takes beside the bytes of its message: a flood of empty messages must end too. */
const EVENT_SIZE = 128;

/** What becomes of held events. */
export interface HeldOwner {
  /** Delivers an event. */
  deliver(event: SocketEvent): void;
  /** Whether the application wants nothing now. */
  isPaused(): boolean;
  /** All has been delivered, and nothing is to be held any more. */
  done(): void;
  /** The peer has waited for long, and still nobody listens. */
  fail(error: WebSocketError): void;
}

/** Events that wait for the first listener. */
export class HeldEvents {
  readonly #owner: HeldOwner;
  readonly #events: SocketEvent[] = [];
  #bytes = 0;
  #listened = false;
  #scheduled = false;
  /** Runs while the peer is made to wait: nothing is read then, not even its end, so this must not last for ever. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #patience: number;

  /** Makes a place for the events of `owner`, which gives up after so many milliseconds when it is full. */
  constructor(owner: HeldOwner, patience: number = MESSAGE_TIMEOUT) {
    this.#owner = owner;
    this.#patience = patience;
  }

  /** Holds an event of so many bytes. Returns whether the peer has to wait now. */
  add(event: SocketEvent, bytes: number): boolean {
    this.#events.push(event);
    this.#bytes += bytes + EVENT_SIZE;
    if (this.#bytes < MAX_HELD) return false;
    if (!this.#listened) this.#timer ??= startIdleTimeout(this.#patience, () => this.#giveUp());
    return true;
  }

  #giveUp(): void {
    const text = `Cannot deliver: nobody listens, and the peer has waited for ${this.#patience} ms (messageTimeout)`;
    this.#owner.fail(new WebSocketError("WS_MESSAGE_TIMEOUT", text));
  }

  /** Nothing comes any more that somebody could miss. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Somebody listens: what is held is delivered at the end of this turn, so that all who are added in it get it. */
  release(): void {
    this.#listened = true;
    this.stop();
    this.goOn();
  }

  /** Goes on after a pause. */
  goOn(): void {
    if (!this.#listened || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const owner = this.#owner;
    // What comes while this goes on stands in order behind it.
    let at = 0;
    while (!owner.isPaused() && at < this.#events.length) owner.deliver(this.#events[at++]!);
    this.#events.splice(0, at);
    if (!owner.isPaused()) owner.done();
  }
}
