/**
 * DEFLATE contexts, as a runtime lends them, and what becomes of them in a process: how many live, and where they wait for
 * their next use.
 */

/**
 * One stream of raw DEFLATE (RFC 1951), compressing or inflating.
 *
 * @example
 * ```ts
 * import type { DeflateContext } from "@sockeye/ws/protocol";
 *
 * // A context that does not compress: each run is a stored block, and an empty one behind it.
 * class Stored implements DeflateContext {
 *   inputLeft = 0;
 *   outputLeft = 0;
 *   run(input: Uint8Array, at: number, end: number, output: Uint8Array, outputAt: number): boolean {
 *     const length = end - at;
 *     output.set([0, length, length >> 8, ~length, ~length >> 8], outputAt);
 *     output.set(input.subarray(at, end), outputAt + 5);
 *     output.set([0, 0, 0, 0xff, 0xff], outputAt + 5 + length);
 *     this.outputLeft = output.length - outputAt - length - 10;
 *     return true;
 *   }
 *   reset(): void {}
 *   close(): void {}
 * }
 * const output = new Uint8Array(64);
 * const context = new Stored();
 * console.assert(context.run(Uint8Array.of(1, 2, 3), 0, 3, output, 0) && context.outputLeft === 51);
 * ```
 */
export interface DeflateContext {
  /** Bytes of the input that the last `run` did not use. */
  readonly inputLeft: number;
  /** Room that the last `run` left in the output. */
  readonly outputLeft: number;
  /**
   * Runs over `input[at..end)` until it is used up, the output is full, or a final block has ended; writes from
   * `output[outputAt]` on. With `flush`, all that came in goes out, and a compressed stream ends with `00 00 ff ff`; when
   * the output was full, it is called again for the rest. Returns false when the input is not DEFLATE.
   */
  run(
    input: Uint8Array,
    at: number,
    end: number,
    output: Uint8Array,
    outputAt: number,
    flush: boolean,
  ): boolean;
  /** Begins anew, with an empty window. */
  reset(): void;
  /** Frees it. */
  close(): void;
}

/**
 * What makes contexts: the part of compression that a runtime lends.
 *
 * @example
 * ```ts
 * import { type DeflateContexts, deflateFactory } from "@sockeye/ws/protocol";
 *
 * // The same contexts, counted.
 * function counted(contexts: DeflateContexts, made: (direction: string) => void): DeflateContexts {
 *   return {
 *     deflater: (...options) => (made("deflate"), contexts.deflater(...options)),
 *     inflater: (...options) => (made("inflate"), contexts.inflater(...options)),
 *   };
 * }
 * const factory = (contexts: DeflateContexts) => deflateFactory(counted(contexts, console.log));
 * console.assert(factory.length === 1);
 * ```
 */
export interface DeflateContexts {
  /** The level that pays with these, where the application asks for none. @default {6} */
  readonly level?: number | undefined;
  /**
   * Makes one that compresses; `windowBits` is 9 to 15. A `dictionary` is put into its window, or passed over; it
   * is lent until the call returns.
   */
  deflater(windowBits: number, level: number, memLevel: number, dictionary?: Uint8Array): DeflateContext;
  /** Makes one that inflates; `windowBits` is 9 to 15. */
  inflater(windowBits: number): DeflateContext;
}

/** Contexts of one kind that wait for their next use. */
const MAX_POOLED = 4;
/**
 * Contexts of one direction that are kept for their connections, in the process. Beyond that the one that was not used for
 * longest is given back. To make it anew costs as much as to compress some messages, which is little beside its memory.
 */
const MAX_LIVE = 256;
/** The codecs of one direction that keep a context; which has not been used for longest is known roughly (a clock). */
export class LiveContexts {
  readonly #codecs: ContextHolder[] = [];
  #hand = 0;

  /** Takes one that has got a context; another may have to give its own back. */
  add(codec: ContextHolder): void {
    if (this.#codecs.length >= MAX_LIVE) this.#evict();
    codec.slot = this.#codecs.length;
    this.#codecs.push(codec);
  }

  /** Leaves one out whose context is gone. */
  remove(codec: ContextHolder): void {
    const last = this.#codecs.pop()!;
    if (last === codec) return;
    this.#codecs[codec.slot] = last;
    last.slot = codec.slot;
  }

  /** Releases the first that was not used since the hand last passed, and is not in mid-message. */
  #evict(): void {
    for (let step = 2 * this.#codecs.length; step > 0; step--) {
      this.#hand = (this.#hand + 1) % this.#codecs.length;
      const codec = this.#codecs[this.#hand]!;
      if (!codec.used && !codec.inMessage) return codec.release();
      codec.used = false;
    }
  }
}

/** What keeps a context for a connection. */
export interface ContextHolder {
  /** Where `LiveContexts` has it. */
  slot: number;
  /** The context was used since the hand of `LiveContexts` last passed. */
  used: boolean;
  /** A message has begun and has not ended: the context cannot be given back. */
  readonly inMessage: boolean;
  /** Gives the context back. */
  release(): void;
}

/** Contexts between two uses, by kind. To make one takes longer than to reset it, and leaves holes in the heap. */
export class ContextPool {
  readonly #idle: Map<string, DeflateContext[]> = new Map();

  /** Takes one that is as good as new, where there is one. */
  borrow(kind: string): DeflateContext | undefined {
    return this.#idle.get(kind)?.pop();
  }

  /** Takes one back. */
  giveBack(kind: string, context: DeflateContext): void {
    let idle = this.#idle.get(kind);
    if (idle === undefined) this.#idle.set(kind, idle = []);
    if (idle.length < MAX_POOLED) {
      context.reset();
      idle.push(context);
    } else {
      context.close();
    }
  }
}
