/** Random numbers that are the same at every run: a test that fails says its seed, and fails again with it. */

/** A seeded generator (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number of at least 0 and below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor(((x ^ (x >>> 14)) >>> 0) / 0x1_0000_0000 * limit);
  }

  /** True once in `times`. */
  chance(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** So many bytes, all values alike. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** A text of so many characters from all planes, ASCII the most likely. */
  text(count: number): string {
    let text = "";
    for (let i = 0; i < count; i++) text += String.fromCodePoint(this.#codePoint());
    return text;
  }

  #codePoint(): number {
    switch (this.below(8)) {
      case 0:
        return 0x80 + this.below(0x780);
      case 1:
        return 0x800 + this.below(0xd000);
      case 2:
        return 0xe000 + this.below(0x2000);
      case 3:
        return 0x1_0000 + this.below(0x10_0000);
      default:
        return this.below(0x80);
    }
  }

  /** Copies of the parts of `bytes`, cut at `cuts` random places; parts may be empty. */
  cut(bytes: Uint8Array, cuts: number): Uint8Array<ArrayBuffer>[] {
    const places = Array.from({ length: cuts }, () => this.below(bytes.length + 1)).sort((a, b) => a - b);
    return [0, ...places].map((from, i) => bytes.slice(from, places[i] ?? bytes.length));
  }
}
