/** Time that a test moves by hand, so that no busy machine can change what it sees. */

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
const realNow = performance.now;

/** Stands in for the timers of the process until it is disposed of. */
export class Clock implements Disposable {
  #now = 0;
  readonly #timers = new Map<object, { at: number; call: () => void }>();
  /** Those that keep no process alive. */
  readonly #idle = new WeakSet<object>();

  constructor() {
    const set = (call: () => void, milliseconds = 0): object => {
      const timer = { ref: () => void this.#idle.delete(timer), unref: () => void this.#idle.add(timer) };
      this.#timers.set(timer, { at: this.#now + milliseconds, call });
      return timer;
    };
    const clear = (timer?: object): void => void this.#timers.delete(timer!);
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    performance.now = () => this.#now;
  }

  /** How many timers are set. */
  get size(): number {
    return this.#timers.size;
  }

  /** How many of them keep the process alive. */
  get awake(): number {
    return [...this.#timers.keys()].filter((timer) => !this.#idle.has(timer)).length;
  }

  /** Lets so many milliseconds pass, with what is due in them, and lets all come that is on its way in memory. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await new Promise<void>((resolve) => real.setTimeout(resolve, 0));
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [timer, { at, call }] = due;
      this.#timers.delete(timer);
      this.#now = at;
      call();
      await new Promise<void>((resolve) => real.setTimeout(resolve, 0));
    }
    this.#now = end;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, real);
    performance.now = realNow;
  }
}
