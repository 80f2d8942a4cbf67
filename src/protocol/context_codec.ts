/**
 * Codecs over synchronous DEFLATE contexts, such as those of zlib: what a runtime lends is a call that takes bytes and gives
 * bytes, and everything that RFC 7692 asks for stands here.
 *
 * ```
 *   push(piece) -> DeflateContext.run -> one scratch buffer of the process -> owner.take, a piece of at most 64 KiB
 *                      |
 *                      `-- release --> the pool; what it knew stays in History --> another one, primed with it
 * ```
 *
 * A context keeps the window of a connection, and is by far the largest thing a connection has (some 200 KiB to compress,
 * 40 KiB to inflate). So a connection has one only while it is in use: without context takeover from the beginning of a
 * message to its end; with it until `release`, or until more than `MAX_LIVE` others have been in use since.
 */

import {
  type Codec,
  type CodecOwner,
  type DeflateFactory,
  type DeflaterOptions,
  type DeflateSide,
  type InflaterOptions,
  LENT,
  type Progress,
} from "./codec.ts";
import {
  type ContextHolder,
  ContextPool,
  type DeflateContext,
  type DeflateContexts,
  LiveContexts,
} from "./contexts.ts";
import { History, STORED_HEADER } from "./history.ts";

/** Bytes that a codec makes before it gives them to its owner, and bytes it compresses in one turn of the event loop. */
const PIECE = LENT;
/** What an inflater makes in one turn of the event loop, in pieces. */
const PIECES_PER_TURN = 16;
/** Compressed messages up to this size are copied together with their tail, which costs less than a call for each. */
const SMALL = 4_096;
/** What a deflater that comes back is primed with, in bytes: some 50 us of work, and nearly the ratio of a full window. */
const DEFLATER_HISTORY = 8_192;
/**
 * How many final blocks a message may have: these, and one more for each 32 bytes. Behind each the window has to be made
 * anew, which takes a hundred times as long as to read it.
 */
const FINAL_BLOCKS = 16;
const BYTES_PER_FINAL_BLOCK = 32;
/** The largest window, in bytes. */
const WINDOW = 32_768;
/** The smallest window zlib has for raw DEFLATE. */
const MIN_CONTEXT_BITS = 9;

/** What stands at the end of each compressed message and is not sent (RFC 7692, section 7.2). */
const TAIL: Uint8Array = new Uint8Array([0x00, 0x00, 0xff, 0xff]);
/** An empty message: the header of an empty stored block (RFC 7692, section 7.2.3.6). */
const EMPTY_MESSAGE: Uint8Array = new Uint8Array([0x00]);
const NOTHING: Uint8Array = new Uint8Array(0);

/** What all codecs of one `DeflateContexts` share. */
class Shared {
  readonly contexts: DeflateContexts;
  readonly pool: ContextPool = new ContextPool();
  readonly deflaters: LiveContexts = new LiveContexts();
  readonly inflaters: LiveContexts = new LiveContexts();

  // What is in these is taken before the call that filled them returns.
  readonly inflated: Uint8Array = new Uint8Array(PIECE);
  /** Longer than a piece that cannot be compressed, so that a message of one turn is one frame. */
  readonly deflated: Uint8Array = new Uint8Array(PIECE + 1_024);
  /** A small compressed message and its tail. */
  readonly joined: Uint8Array = new Uint8Array(SMALL + TAIL.length);
  /** A history on its way into a context, and out of it again. Larger than that, or the context has more to say. */
  readonly stored: Uint8Array = new Uint8Array(STORED_HEADER + WINDOW);
  readonly passed: Uint8Array = new Uint8Array(STORED_HEADER + WINDOW);

  constructor(contexts: DeflateContexts) {
    this.contexts = contexts;
  }
}

/** What both directions have in common: the piece in hand, the context, and what is left when it is given back. */
abstract class ContextCodec implements Codec, ContextHolder {
  protected readonly owner: CodecOwner;
  protected readonly shared: Shared;
  protected readonly history: History | undefined;
  protected input: Uint8Array = NOTHING;
  protected at = 0;
  protected end = 0;
  protected last = false;
  readonly #takeover: boolean;
  readonly #kind: string;
  readonly #live: LiveContexts;
  #context: DeflateContext | undefined;
  /** A message has begun and has not ended: the context cannot be given back. */
  inMessage = false;
  /** The context was used since the hand of `LiveContexts` last passed. */
  used = false;
  /** Where `LiveContexts` has it. */
  slot = 0;

  constructor(side: DeflateSide, owner: CodecOwner, shared: Shared, live: LiveContexts, kind: string, history: number) {
    this.owner = owner;
    this.shared = shared;
    this.#takeover = side.takeover;
    this.#kind = kind;
    this.#live = live;
    this.history = side.takeover ? new History(history) : undefined;
  }

  /** Makes a context that knows the history, out of one that knows nothing where there is one. */
  protected abstract open(pooled: () => DeflateContext | undefined): DeflateContext;
  abstract work(): Progress;

  push(bytes: Uint8Array, start: number, end: number, last: boolean): Progress {
    this.inMessage = this.used = true;
    this.input = bytes;
    this.at = start;
    this.end = end;
    this.last = last;
    return this.work();
  }

  protected get context(): DeflateContext {
    return this.#context ?? this.#begin();
  }

  #begin(): DeflateContext {
    this.#live.add(this);
    return this.#context = this.open(() => this.shared.pool.borrow(this.#kind));
  }

  /** The context is not as a new one would be after a reset. */
  protected unlike = false;

  /** The piece in hand is used up. */
  protected done(): Progress {
    this.input = NOTHING;
    if (this.last) {
      this.inMessage = false;
      if (!this.#takeover) this.release();
    }
    return "done";
  }

  protected invalid(): Progress {
    this.unlike = true;
    this.close();
    return "invalid";
  }

  release(): void {
    if (this.#context === undefined || this.inMessage) return;
    this.#live.remove(this);
    if (this.unlike) this.#context.close();
    else this.shared.pool.giveBack(this.#kind, this.#context);
    this.#context = undefined;
    this.unlike = false;
  }

  close(): void {
    this.inMessage = false;
    this.release();
    this.input = NOTHING;
  }
}

class ContextDeflater extends ContextCodec {
  readonly #windowBits: number;
  readonly #options: DeflaterOptions;

  constructor(options: DeflaterOptions, owner: CodecOwner, shared: Shared) {
    // A window of 8 bits is kept with one of 9: see the head of deflate.ts.
    const windowBits = Math.max(options.windowBits, MIN_CONTEXT_BITS);
    const { level, memLevel } = options;
    const history = Math.min(DEFLATER_HISTORY, 1 << options.windowBits);
    super(options, owner, shared, shared.deflaters, `deflate ${windowBits} ${level} ${memLevel}`, history);
    this.#windowBits = windowBits;
    this.#options = options;
  }

  protected override open(pooled: () => DeflateContext | undefined): DeflateContext {
    const { level, memLevel } = this.#options;
    const { contexts } = this.shared;
    // Without its window a deflater is still right: it only finds less.
    if (this.history !== undefined && this.history.length > 0) {
      // A reset would bring the dictionary back.
      this.unlike = true;
      const { stored } = this.shared;
      this.history.write(stored, 0);
      return contexts.deflater(this.#windowBits, level, memLevel, stored.subarray(0, this.history.length));
    }
    return pooled() ?? contexts.deflater(this.#windowBits, level, memLevel);
  }

  override work(): Progress {
    const { context, input, owner } = this;
    const output = this.shared.deflated;
    const end = Math.min(this.end, this.at + PIECE);
    // What is pushed goes out to its end, so that fragments can be inflated as they come (RFC 7692, section 7.2.1).
    const flush = end === this.end;
    const last = flush && this.last;
    this.history?.add(input, this.at, end);
    for (let made = 0;;) {
      if (!context.run(input, this.at, end, output, made, flush)) return this.invalid();
      this.at = end - context.inputLeft;
      made = output.length - context.outputLeft;
      if (context.outputLeft > 0) {
        // Nothing comes out when nothing has come in since the last flush.
        if (last && made === 0) owner.take(EMPTY_MESSAGE, 0, 1, true);
        else if (last) owner.take(output, 0, made - TAIL.length, true);
        else if (made > 0 && !owner.take(output, 0, made, false)) return this.done();
        return flush ? this.done() : "busy";
      }
      // The last four bytes may be the tail, which is not sent.
      const kept = last ? TAIL.length : 0;
      if (!owner.take(output, 0, made - kept, false)) return this.done();
      output.copyWithin(0, made - kept, made);
      made = kept;
    }
  }
}

class ContextInflater extends ContextCodec {
  readonly #windowBits: number;
  /** The tail stands at the end of the input in hand. */
  #tailed = false;
  /** Final blocks that the message may still have. */
  #finals = FINAL_BLOCKS;

  constructor(options: InflaterOptions, owner: CodecOwner, shared: Shared) {
    // A larger window than was agreed on harms nothing.
    const windowBits = Math.max(options.windowBits, MIN_CONTEXT_BITS);
    // The history is needed behind a final block too, whether or not anything is ever given back.
    super(options, owner, shared, shared.inflaters, `inflate ${windowBits}`, 1 << windowBits);
    this.#windowBits = windowBits;
  }

  protected override open(pooled: () => DeflateContext | undefined): DeflateContext {
    const context = pooled() ?? this.shared.contexts.inflater(this.#windowBits);
    this.#prime(context);
    return context;
  }

  /** Puts the history into an empty window, as a stored block: there is no dictionary for raw DEFLATE everywhere. */
  #prime(context: DeflateContext): void {
    if (this.history === undefined || this.history.length === 0) return;
    const { stored, passed } = this.shared;
    context.run(stored, 0, this.history.writeStoredBlock(stored), passed, 0, true);
  }

  override push(bytes: Uint8Array, start: number, end: number, last: boolean): Progress {
    const { joined } = this.shared;
    const length = end - start;
    this.#finals += length / BYTES_PER_FINAL_BLOCK;
    this.#tailed = last && length <= SMALL;
    if (!this.#tailed) return super.push(bytes, start, end, last);
    joined.set(bytes.subarray(start, end));
    joined.set(TAIL, length);
    return super.push(joined, 0, length + TAIL.length, last);
  }

  override work(): Progress {
    const { owner, history } = this;
    const output = this.shared.inflated;
    let made = 0;
    for (let turn = 0; turn < PIECES_PER_TURN;) {
      const { context } = this;
      if (!context.run(this.input, this.at, this.end, output, made, true)) return this.invalid();
      const { inputLeft, outputLeft } = context;
      this.at = this.end - inputLeft;
      history?.add(output, made, output.length - outputLeft);
      made = output.length - outputLeft;
      if (outputLeft === 0) {
        if (!owner.take(output, 0, made, false)) return this.#later();
        made = 0;
        turn++;
      } else if (inputLeft > 0) {
        // A final block has ended. Another stream begins at the next byte (RFC 7692, section 7.2.1), and may refer to this.
        if (this.#finals-- < 1) return this.invalid();
        context.reset();
        this.#prime(context);
        // Nothing but the tail: the sender did not put the empty block of section 7.2.3.4 behind it.
        if (this.#tailed && inputLeft === TAIL.length) return this.#finish(made);
        turn++;
      } else if (this.last && !this.#tailed) {
        this.#tailed = true;
        this.input = TAIL;
        this.at = 0;
        this.end = TAIL.length;
      } else {
        return this.#finish(made);
      }
    }
    if (made > 0) owner.take(output, 0, made, false);
    return this.#later();
  }

  /** Keeps the rest of the piece for another turn, unless this was closed. */
  #later(): Progress {
    if (!this.inMessage) return "done";
    // The scratch buffer is another message's in the next turn.
    if (this.input === this.shared.joined) {
      this.input = this.input.slice(this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    return "busy";
  }

  #finish(made: number): Progress {
    if (this.last) this.#finals = FINAL_BLOCKS;
    if (made > 0 || this.last) this.owner.take(this.shared.inflated, 0, made, this.last);
    return this.done();
  }
}

/** Makes codecs out of contexts. They share buffers and idle contexts, so one for a process is right. */
export class ContextDeflate implements DeflateFactory {
  readonly takeover: boolean = true;
  readonly minWindowBits: number = 8;
  readonly flushes: boolean = true;
  readonly level: number | undefined;
  readonly #shared: Shared;

  /** Takes what makes the contexts. */
  constructor(contexts: DeflateContexts) {
    this.level = contexts.level;
    this.#shared = new Shared(contexts);
  }

  deflater(options: DeflaterOptions, owner: CodecOwner): Codec {
    return new ContextDeflater(options, owner, this.#shared);
  }

  inflater(options: InflaterOptions, owner: CodecOwner): Codec {
    return new ContextInflater(options, owner, this.#shared);
  }
}

const factories: WeakMap<DeflateContexts, DeflateFactory> = new WeakMap();

/**
 * The codecs of what a runtime lends: it lends contexts, or codecs of its own.
 *
 * @example
 * ```ts
 * import { type DeflateContexts, deflateFactory } from "@sockeye/ws/protocol";
 *
 * const factory = (lent: DeflateContexts) => deflateFactory(lent);
 * console.assert(factory.length === 1);
 * ```
 */
export function deflateFactory(lent: DeflateContexts | DeflateFactory): DeflateFactory {
  if ("takeover" in lent) return lent;
  let factory = factories.get(lent);
  if (factory === undefined) factories.set(lent, factory = new ContextDeflate(lent));
  return factory;
}
