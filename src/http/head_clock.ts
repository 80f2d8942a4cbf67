/**
 * Sees to it that the heads of requests come in time: one timer for all connections of a server that have not sent theirs.
 *
 * A timer for each took 5 % of what a handshake costs on Deno, where most heads come before the next connection does. So it
 * goes on when nobody is waited for, until its time is over or the server has nothing open.
 */

import { isLimit, startIdleTimeout } from "../socket/timeout.ts";

/** How much later than its time a head may be found late, as a part of that: so seldom all of them are gone over. */
const SLACK = 1 / 64;

/** Whose head has to come in time. */
export interface Awaited {
  /** Since when it is waited for; Infinity where it is not. */
  since: number;
  /** It has not come. */
  late(): void;
}

/** The time that each head has. */
export class HeadClock {
  readonly #milliseconds: number;
  readonly #all: Iterable<Awaited>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that gives each head so many milliseconds; 0 or Infinity for no limit. `all` may be waited for. */
  constructor(milliseconds: number, all: Iterable<Awaited>) {
    this.#milliseconds = milliseconds;
    this.#all = all;
  }

  /** A head is waited for. */
  begin(awaited: Awaited): void {
    if (!isLimit(this.#milliseconds)) return;
    awaited.since = performance.now();
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
  }

  /** It is not waited for any more. May be called more than once. */
  end(awaited: Awaited): void {
    awaited.since = Infinity;
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
    const ended = performance.now() - this.#milliseconds;
    const late: Awaited[] = [];
    let left = Infinity;
    for (const awaited of this.#all) {
      // A timer may be a little early.
      if (awaited.since - ended < 1) late.push(awaited);
      else left = Math.min(left, awaited.since - ended);
    }
    if (left < Infinity) this.#wait(Math.max(left, this.#milliseconds * SLACK));
    for (const awaited of late) {
      awaited.since = Infinity;
      awaited.late();
    }
  }
}
