/**
 * Limits of time, as the options give them.
 */

/** The longest time that a timer can be set to, in milliseconds: about 24 days. With more it would fire at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls `call` after so many milliseconds, unless `clearTimeout` gets what it returns. 0 is no limit; nor is what no
 * timer can wait for, Infinity among it.
 */
export function startTimeout(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > 0 && milliseconds <= LONGEST ? setTimeout(call, milliseconds) : undefined;
}

/** The same with a timer that keeps no process alive. Before Deno 2.9 timers there cannot do that. */
export function startIdleTimeout(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> | undefined {
  const timer = startTimeout(milliseconds, call);
  (timer as { unref?(): void } | undefined)?.unref?.();
  return timer;
}
