/**
 * The time that compression takes in a connection: turns of the event loop for large messages, and memory given back when
 * nothing has been compressed for a while.
 *
 * ```
 *   Session.busy ----> another turn -----------------> work
 *   Session.compressions stands still for releaseAfter --> Session.release
 * ```
 */

import type { Session } from "../protocol/session.ts";
import { startIdleTimeout } from "./timeout.ts";

type Timer = ReturnType<typeof setTimeout>;

/** Comes back when what waits on the network had its turn; a timer may take milliseconds. */
const nextTurn: (call: () => void) => unknown = (globalThis as { setImmediate?: (call: () => void) => unknown })
  .setImmediate ?? ((call) => setTimeout(call, 0));

/** Paces the compression of one session. */
export class Pacer {
  readonly #session: Session;
  readonly #releaseAfter: number;
  readonly #turn: () => void;
  #inTurn = false;
  #timer: Timer | undefined;
  /** `Session.compressions` when memory was last given back. */
  #released = 0;
  #stopped = false;

  /** Makes one that calls `work` in turns of their own, and lets memory be given back. */
  constructor(session: Session, releaseAfter: number, work: () => void) {
    this.#session = session;
    this.#releaseAfter = releaseAfter;
    this.#turn = () => {
      this.#inTurn = false;
      if (!this.#stopped) work();
    };
  }

  /** To be called when something may have been compressed or inflated. */
  look(): void {
    if (this.#stopped) return;
    if (this.#session.busy) this.turn();
    if (this.#timer === undefined && this.#session.compressions !== this.#released) this.#watch();
  }

  /** Takes a turn. */
  turn(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    nextTurn(this.#turn);
  }

  #watch(): void {
    const seen = this.#session.compressions;
    this.#timer = startIdleTimeout(this.#releaseAfter, () => {
      this.#timer = undefined;
      if (this.#session.compressions !== seen) {
        this.#watch();
      } else {
        this.#released = seen;
        this.#session.release();
      }
    });
  }

  /** Nothing is called any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
