/**
 * Sees to it that the heads of requests come in time: one timer for all connections of a server that have not sent theirs.
 *
 * A timer for each took 5 % of what a handshake costs on Deno, where most heads come before the next connection does. So it
 * goes on when nobody is waited for, until its time is over or the server has nothing open.
 */

import { isLimit, startIdleTimeout } from "../socket/timeout.ts";

/** Whose head has to come in time. */
export interface Awaited {
  /** It has not come. */
  late(): void;
}

/** The time that each head has. */
export class HeadClock {
  readonly #milliseconds: number;
  /** Since when each is waited for: who began first is late first. */
  readonly #since: Map<Awaited, number> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that gives each head so many milliseconds; 0 or Infinity for no limit. */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** A head is waited for. */
  begin(awaited: Awaited): void {
    if (!isLimit(this.#milliseconds)) return;
    this.#since.set(awaited, performance.now());
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
  }

  /** It is not waited for any more. May be called more than once. */
  end(awaited: Awaited): void {
    this.#since.delete(awaited);
  }

  /** Nobody is waited for, and nothing is open. */
  rest(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(milliseconds: number): void {
    this.#timer = startIdleTimeout(milliseconds, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    const late: Awaited[] = [];
    for (const [awaited, since] of this.#since) {
      const left = since + this.#milliseconds - performance.now();
      // A timer may be a little early.
      if (left >= 1) {
        this.#wait(left);
        break;
      }
      late.push(awaited);
      this.#since.delete(awaited);
    }
    for (const awaited of late) awaited.late();
  }
}
