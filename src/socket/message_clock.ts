/**
 * Sees to it that a message that has begun ends in time: one that comes byte by byte holds memory for as long as its sender
 * likes.
 */

import { startIdleTimeout } from "./timeout.ts";

/** The time that the message in progress has. */
export class MessageClock {
  readonly #milliseconds: number;
  readonly #late: () => void;
  /** The message in progress, or 0. */
  #message = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that calls `late` for a message that takes longer. */
  constructor(milliseconds: number, late: () => void) {
    this.#milliseconds = milliseconds;
    this.#late = late;
  }

  /** Tells which message is in progress, or 0: there is none, or nobody reads. */
  look(message: number): void {
    if (message === this.#message) return;
    clearTimeout(this.#timer);
    this.#message = message;
    if (message !== 0) this.#timer = startIdleTimeout(this.#milliseconds, this.#late);
  }
}
