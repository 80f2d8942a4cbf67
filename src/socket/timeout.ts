/**
 * Limits of time, as the options give them.
 */

/** The longest time that a timer can be set to, in milliseconds: about 24 days. With more it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Whether there is a limit at all: 0 is none, nor is what no timer can wait for, Infinity among it. */
export function isLimit(milliseconds: number): boolean {
  return milliseconds > 0 && milliseconds <= LONGEST;
}

/**
 * Calls `call` after so many milliseconds, unless `clearTimeout` gets what it returns; never, where that is no limit.
 */
export function startTimeout(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> | undefined {
  return isLimit(milliseconds) ? setTimeout(call, milliseconds) : undefined;
}

/** The same with a timer that keeps no process alive. Before Deno 2.9 timers there cannot do that. */
export function startIdleTimeout(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> | undefined {
  const timer = startTimeout(milliseconds, call);
  keepAlive(timer, false);
  return timer;
}

/** Lets a timer keep the process alive, or not, where the runtime's timers can. */
export function keepAlive(timer: ReturnType<typeof setTimeout> | undefined, on: boolean): void {
  (timer as { ref?(): void; unref?(): void } | undefined)?.[on ? "ref" : "unref"]?.();
}
