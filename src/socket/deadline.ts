/** The time that a client gives to connecting, and what comes of a connection that is there too late. */

import { WebSocketError } from "../protocol/errors.ts";
import { abortError, reasonText } from "./abort.ts";
import { startTimeout } from "./timeout.ts";
import type { Runtime, Target, Transport } from "./transport.ts";

/** Aborts at a time or with another signal, and keeps why. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #outer: AbortSignal;
  readonly #onabort: () => void;
  /** Why it is over. */
  reason: WebSocketError | undefined;

  /** Aborts after so many milliseconds (0 or Infinity for never), or when `outer` does. `what` has not been done then. */
  constructor(milliseconds: number, outer: AbortSignal, what: string) {
    this.#outer = outer;
    this.#onabort = () => this.#abort(abortError(outer.reason));
    if (outer.aborted) this.#onabort();
    outer.addEventListener("abort", this.#onabort);
    this.#timer = startTimeout(milliseconds, () => {
      this.#abort(new WebSocketError("WS_HANDSHAKE_TIMEOUT", `Cannot connect: ${what} within ${milliseconds} ms`));
    });
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #abort(reason: WebSocketError): void {
    this.reason ??= reason;
    this.#controller.abort(reason);
  }

  /** Settles as `promise` does, or rejects when it is over before. What comes of `promise` after that goes to `drop`. */
  race<T>(promise: T | PromiseLike<T>, drop?: (late: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(this.reason);
      if (this.reason !== undefined) giveUp();
      this.signal.addEventListener("abort", giveUp);
      Promise.resolve(promise).then((value) => {
        if (this.reason === undefined) resolve(value);
        else drop?.(value);
      }, reject).finally(() => this.signal.removeEventListener("abort", giveUp));
    });
  }

  /** It is done in time. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onabort);
  }
}

/** Connects, if it can be done in time. A transport that comes too late is dropped. */
export async function reach(
  href: string,
  target: Target,
  connect: Runtime["connect"],
  deadline: Deadline,
): Promise<Transport> {
  try {
    if (deadline.reason !== undefined) throw deadline.reason;
    // Who connects may not look at the signal, or not in time.
    return await deadline.race(connect(target, deadline.signal), (late) => late.abort());
  } catch (cause) {
    if (deadline.reason !== undefined) throw deadline.reason;
    if (cause instanceof WebSocketError) throw cause;
    throw new WebSocketError("WS_CONNECT_FAILED", `Cannot connect to ${href}: ${reasonText(cause)}`, { cause });
  }
}
