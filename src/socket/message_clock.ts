/**
 * Sees to it that a message that has begun ends in time: one that comes byte by byte holds memory for as long as its sender
 * likes.
 */

import { WebSocketError } from "../protocol/errors.ts";
import { startIdleTimeout } from "./timeout.ts";

/** Whose messages have to end in time. */
export interface ClockOwner {
  /** The message in progress takes longer than it may. */
  late(error: WebSocketError): void;
}

/**
 * The time that the message in progress has. The timer is not set anew for each message: most end within the next read, and
 * to set and clear one takes Deno 3 µs. When it fires, it looks how much is left.
 */
export class MessageClock {
  readonly #milliseconds: number;
  readonly #owner: ClockOwner;
  /** The message in progress, or 0, and when it began. */
  #message = 0;
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that gives messages so many milliseconds. */
  constructor(milliseconds: number, owner: ClockOwner) {
    this.#milliseconds = milliseconds;
    this.#owner = owner;
  }

  /** Tells which message is in progress, or 0: there is none, or nobody reads. */
  look(message: number): void {
    if (message === this.#message) return;
    this.#message = message;
    if (message === 0) return;
    this.#since = performance.now();
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
  }

  /** No message comes any more. */
  stop(): void {
    this.#message = 0;
    clearTimeout(this.#timer);
  }

  #wait(milliseconds: number): void {
    this.#timer = startIdleTimeout(milliseconds, () => {
      this.#timer = undefined;
      if (this.#message === 0) return;
      const left = this.#since + this.#milliseconds - performance.now();
      // A timer may be a little early.
      if (left < 1) this.#late();
      else this.#wait(left);
    });
  }

  #late(): void {
    const limit = `within ${this.#milliseconds} ms (messageTimeout)`;
    const text = `Cannot read from the peer: a message that has begun did not end ${limit}`;
    this.#owner.late(new WebSocketError("WS_MESSAGE_TIMEOUT", text));
  }
}

/** Tells the clock which message is in progress, or 0. It is made with the first that does not come whole. */
export function watch(
  clock: MessageClock | undefined,
  message: number,
  milliseconds: number,
  owner: ClockOwner,
): MessageClock | undefined {
  if (message !== 0) clock ??= new MessageClock(milliseconds, owner);
  clock?.look(message);
  return clock;
}
