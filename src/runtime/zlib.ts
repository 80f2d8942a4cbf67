/**
 * Compression from `node:zlib`, which Deno, Bun and Node all have: synchronous contexts that live as long as their owner
 * wants, or, where they cannot be had, one call for each message.
 *
 * `node:zlib` documents no synchronous call on a stream that goes on. The handle behind each stream has one, `writeSync`, with
 * which the module itself makes its one-shot calls. It is tried out once before it is relied on (`isRight`). The npm package
 * `fast-zlib` rests on the same handle, through `_processChunk`: that allocates for each call, cannot stop at a limit, and does
 * not say where a final block ended; so the handle is used here directly.
 */

import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  deflateRaw,
  deflateRawSync,
  inflateRaw,
  inflateRawSync,
  type ZlibOptions,
} from "node:zlib";
import type { DeflateContext, DeflateContexts } from "../protocol/contexts.ts";
import type {
  Codec,
  CodecOwner,
  DeflateFactory,
  DeflaterOptions,
  InflaterOptions,
  Progress,
} from "../protocol/codec.ts";
import type { Runtime } from "../socket/transport.ts";

/** The handle of a stream of `node:zlib`. */
interface Handle {
  onerror: (message: string, errno: number, code: string) => void;
  /** Older versions of Deno return what is left; the others write it to the stream's `_writeState`, the output's first. */
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): readonly [inputLeft: number, outputLeft: number] | undefined;
  reset(): void;
  close(): void;
}

/** What is not documented of a stream of `node:zlib`. */
interface Stream {
  readonly _handle: Handle;
  readonly _writeState?: Uint32Array;
}

const { Z_NO_FLUSH, Z_SYNC_FLUSH } = constants;
/** Bytes of the buffer that a stream has of its own and that is never used here: the smallest there is. */
const CHUNK_SIZE = 64;

/** A zlib stream, run synchronously. */
class HandleContext implements DeflateContext {
  readonly #handle: Handle;
  readonly #state: Uint32Array | undefined;
  #failed = false;
  inputLeft = 0;
  outputLeft = 0;

  constructor(stream: unknown) {
    const { _handle, _writeState } = stream as Stream;
    this.#handle = _handle;
    this.#state = _writeState;
    // The stream's own would destroy it, with an `error` event that nobody waits for.
    _handle.onerror = () => {
      this.#failed = true;
    };
  }

  run(input: Uint8Array, at: number, end: number, output: Uint8Array, outputAt: number, flush: boolean): boolean {
    const room = output.length - outputAt;
    const left = this.#handle.writeSync(
      flush ? Z_SYNC_FLUSH : Z_NO_FLUSH,
      input,
      at,
      end - at,
      output,
      outputAt,
      room,
    );
    if (this.#failed) return false;
    const state = this.#state;
    this.inputLeft = state === undefined ? left![0] : state[1]!;
    this.outputLeft = state === undefined ? left![1] : state[0]!;
    return true;
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    this.#handle.close();
  }
}

const handles: DeflateContexts = {
  deflater: (windowBits, level, memLevel, dictionary) => {
    const options = { windowBits, level, memLevel, chunkSize: CHUNK_SIZE };
    return new HandleContext(createDeflateRaw(dictionary === undefined ? options : { ...options, dictionary }));
  },
  inflater: (windowBits) => new HandleContext(createInflateRaw({ windowBits, chunkSize: CHUNK_SIZE })),
};

const TAIL: Uint8Array = new Uint8Array([0x00, 0x00, 0xff, 0xff]);
/** The largest window, in bytes. */
const WINDOW = 32_768;
/** What a deflater that is made for each message is given of what went before, in bytes. */
const DICTIONARY = 8_192;
/** Final blocks that a message may have, here; there is no telling where they end without doing all again. */
const FINAL_BLOCKS = 16;
/** What is longer is compressed off the thread, in bytes: some milliseconds of work. */
const LONG_TO_DEFLATE = 65_536;
/** The same for what is inflated, which may become a thousand times as long. */
const LONG_TO_INFLATE = 4_096;
/** Bytes that no result of `node:zlib` may exceed, on any runtime. */
const MAX_OUTPUT = 0x7fff_ffff;

/** A result of `node:zlib`, or why there is none. */
type Outcome = Info | { readonly error: unknown };

/** What `node:zlib` returns with the option `info`. */
interface Info {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** A documented call of `node:zlib`, with the option `info`. */
interface Call {
  now(input: Uint8Array, options: ZlibOptions): Uint8Array;
  /** Off the thread. */
  later(input: Uint8Array, options: ZlibOptions, done: (error: Error | null, result: Uint8Array) => void): void;
}

const DEFLATE: Call = { now: deflateRawSync, later: deflateRaw };
const INFLATE: Call = { now: inflateRawSync, later: inflateRaw };

/** Messages whole, one documented call for each: slower, and what is long is worked on off the thread. */
abstract class OneShot implements Codec {
  protected readonly owner: CodecOwner;
  readonly #call: Call;
  /** What is longer than this is worked on off the thread, in bytes. */
  readonly #long: number;
  readonly #history: number;
  #pieces: Uint8Array[] = [];
  /** What came of the call that was made off the thread. */
  #outcome: Outcome | undefined;
  protected closed = false;
  /** The end of what passed before. */
  protected window: Uint8Array = new Uint8Array(0);

  constructor(owner: CodecOwner, call: Call, long: number, history: number) {
    this.owner = owner;
    this.#call = call;
    this.#long = long;
    this.#history = history;
  }

  /** Begins with a message. */
  protected abstract message(bytes: Uint8Array): Progress;
  /** Goes on with what came of a call. */
  protected abstract follow(outcome: Outcome): Progress;

  push(bytes: Uint8Array, start: number, end: number, last: boolean): Progress {
    this.#pieces.push(bytes.slice(start, end));
    if (!last) return "done";
    const message = join(this.#pieces);
    this.#pieces = [];
    return this.message(message);
  }

  protected run(input: Uint8Array, options: ZlibOptions): Progress {
    const all = { ...options, finishFlush: Z_SYNC_FLUSH, info: true };
    if (input.length > this.#long) {
      this.#call.later(input, all, (error, result) => {
        if (this.closed) return;
        this.#outcome = error ? { error } : result as unknown as Info;
        this.owner.wake();
      });
      return "waiting";
    }
    let outcome: Outcome;
    try {
      outcome = this.#call.now(input, all) as unknown as Info;
    } catch (error) {
      outcome = { error };
    }
    return this.follow(outcome);
  }

  work(): Progress {
    const outcome = this.#outcome;
    if (outcome === undefined) return "waiting";
    this.#outcome = undefined;
    return this.follow(outcome);
  }

  release(): void {}

  close(): void {
    this.closed = true;
    this.#pieces = [];
    this.#outcome = undefined;
    this.window = new Uint8Array(0);
  }

  protected remember(bytes: Uint8Array): void {
    if (this.#history > 0) this.window = join([this.window, bytes]).slice(-this.#history);
  }
}

class OneShotDeflater extends OneShot {
  readonly #options: ZlibOptions;
  #message: Uint8Array = new Uint8Array(0);

  constructor({ takeover, windowBits, level, memLevel }: DeflaterOptions, owner: CodecOwner) {
    super(owner, DEFLATE, LONG_TO_DEFLATE, takeover ? Math.min(DICTIONARY, 1 << windowBits) : 0);
    this.#options = { level, memLevel, windowBits: Math.max(9, windowBits) };
  }

  protected override message(bytes: Uint8Array): Progress {
    this.#message = bytes;
    return this.run(bytes, this.window.length === 0 ? this.#options : { ...this.#options, dictionary: this.window });
  }

  protected override follow(outcome: Outcome): Progress {
    if ("error" in outcome) return "invalid";
    const { buffer } = outcome;
    this.remember(this.#message);
    this.#message = new Uint8Array(0);
    this.owner.take(buffer, 0, buffer.length - TAIL.length, true);
    return "done";
  }
}

class OneShotInflater extends OneShot {
  readonly #limit: number;
  #input: Uint8Array = new Uint8Array(0);
  /** Bytes that the message may still come to. */
  #room = 0;
  #finals = 0;
  /** Bytes that stand before the input, so that the window is known. */
  #before = 0;

  constructor(options: InflaterOptions, owner: CodecOwner) {
    super(owner, INFLATE, LONG_TO_INFLATE, options.takeover ? WINDOW : 0);
    this.#limit = options.limit;
  }

  protected override message(bytes: Uint8Array): Progress {
    this.#room = this.#limit;
    this.#finals = FINAL_BLOCKS;
    return this.#inflate(join([bytes, TAIL]));
  }

  #inflate(input: Uint8Array): Progress {
    this.#input = input;
    // Deno knows no dictionary for raw DEFLATE; a stored block does the same everywhere.
    const block = storedBlock(this.window);
    this.#before = block.length;
    const maxOutputLength = Math.min(MAX_OUTPUT, this.window.length + this.#room + 1);
    return this.run(join([block, input]), { maxOutputLength });
  }

  protected override follow(outcome: Outcome): Progress {
    if ("error" in outcome) {
      return (outcome.error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "too big" : "invalid";
    }
    const { buffer, engine } = outcome;
    const output = buffer.subarray(this.window.length);
    const left = this.#input.subarray(engine.bytesWritten - this.#before);
    this.#input = left;
    this.remember(output);
    this.#room = Math.max(0, this.#room - output.length);
    // What is left stands behind a final block; the tail alone is nothing (RFC 7692, section 7.2.3.4).
    const last = left.length === 0 || left.length === TAIL.length;
    this.owner.take(output, 0, output.length, last);
    if (last || this.closed) return "done";
    return this.#finals-- > 0 ? this.#inflate(left) : "invalid";
  }
}

const oneShots: DeflateFactory = {
  takeover: true,
  minWindowBits: 8,
  deflater: (options, owner) => new OneShotDeflater(options, owner),
  inflater: (options, owner) => new OneShotInflater(options, owner),
};

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Bytes as a stored block that is not final (RFC 1951, section 3.2.4). */
function storedBlock(bytes: Uint8Array): Uint8Array {
  const length = bytes.length;
  return join([new Uint8Array([0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff]), bytes]);
}

/** "Hello" as RFC 7692, section 7.2.3, has it: alone, again in the same window, and in a final block; each with its tail. */
const HELLO: Uint8Array = new Uint8Array([0x48, 0x65, 0x6c, 0x6c, 0x6f]);
const ALONE: Uint8Array = new Uint8Array([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff]);
const AGAIN: Uint8Array = new Uint8Array([0xf2, 0x00, 0x11, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff]);
const FINAL: Uint8Array = new Uint8Array([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff]);

/** Tries everything out that is asked of a context. The handles of another version may be anything. */
function areRight(contexts: DeflateContexts): boolean {
  const made: DeflateContext[] = [];
  const make = (context: DeflateContext): DeflateContext => {
    made.push(context);
    return context;
  };
  const output = new Uint8Array(64);
  /** Whether a run uses all of the input but `left` bytes and makes just these bytes. */
  const makes = (context: DeflateContext, input: Uint8Array, wanted: Uint8Array, left: number = 0): boolean =>
    context.run(input, 0, input.length, output, 0, true) && context.inputLeft === left &&
    context.outputLeft === output.length - wanted.length && wanted.every((byte, at) => output[at] === byte);
  try {
    const inflater = make(contexts.inflater(15));
    if (!makes(inflater, ALONE, HELLO) || !makes(inflater, AGAIN, HELLO) || !makes(inflater, FINAL, HELLO, 5)) {
      return false;
    }
    inflater.reset();
    if (!makes(inflater, storedBlock(HELLO), HELLO) || !makes(inflater, AGAIN, HELLO)) return false;
    if (makes(inflater, new Uint8Array([0xff, 0xff]), HELLO) || inflater.run(ALONE, 0, 1, output, 0, true)) {
      return false;
    }

    const narrow = output.subarray(0, 3);
    const second = make(contexts.inflater(9));
    if (!second.run(ALONE, 0, ALONE.length, narrow, 0, true) || second.outputLeft !== 0) return false;
    if (!second.run(ALONE, ALONE.length - second.inputLeft, ALONE.length, output, 3, true)) return false;
    if (second.outputLeft !== output.length - 5 || !HELLO.every((byte, at) => output[at] === byte)) return false;

    // What a deflater makes is its own choice; it must come back as it was, in pieces, again, and behind a dictionary.
    second.reset();
    const returns = (context: DeflateContext, from: number): boolean => {
      if (!context.run(HELLO, from, 5, output, 0, true) || context.inputLeft !== 0) return false;
      const bytes = output.slice(0, output.length - context.outputLeft);
      return TAIL.every((byte, at) => bytes.at(at - 4) === byte) && makes(second, bytes, HELLO);
    };
    const deflater = make(contexts.deflater(9, 6, 8));
    if (!deflater.run(HELLO, 0, 2, output, 0, false) || deflater.outputLeft !== output.length) return false;
    if (!returns(deflater, 2) || !returns(deflater, 0)) return false;
    deflater.reset();
    second.reset();
    if (!returns(deflater, 0) || !returns(make(contexts.deflater(9, 6, 8, HELLO)), 0)) return false;
    // A dictionary that is overwritten when the call has returned: `second` does not know what is in it then.
    second.reset();
    const lent = new Uint8Array(HELLO.length);
    const primed = make(contexts.deflater(9, 6, 8, lent));
    lent.set(HELLO);
    return returns(primed, 0);
  } catch {
    return false;
  } finally {
    for (const context of made) context.close();
  }
}

/** The same for messages. */
function isRight(factory: DeflateFactory): boolean {
  const passed: number[] = [];
  const side = { takeover: true, windowBits: 15 };
  const owner: CodecOwner = {
    take(bytes, start, end) {
      passed.push(...bytes.subarray(start, end));
      return true;
    },
    wake() {},
  };
  const makes = (codec: Codec, input: Uint8Array, wanted: Uint8Array): boolean =>
    codec.push(input, 0, input.length, true) === "done" &&
    passed.splice(0).join() === wanted.join();
  try {
    const inflater = factory.inflater({ ...side, limit: 1_024 }, owner);
    const untailed = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - TAIL.length);
    if (![ALONE, AGAIN, FINAL, AGAIN].every((bytes) => makes(inflater, untailed(bytes), HELLO))) return false;
    const deflater = factory.deflater({ ...side, level: 6, memLevel: 8 }, owner);
    return [1, 2].every(() =>
      deflater.push(HELLO, 0, 5, true) === "done" && makes(inflater, new Uint8Array(passed.splice(0)), HELLO)
    );
  } catch {
    return false;
  }
}

/** The contexts, where they are right; else the codecs, where these are. */
export function chooseDeflate(
  contexts: DeflateContexts,
  codecs: DeflateFactory,
): DeflateContexts | DeflateFactory | undefined {
  return areRight(contexts) ? contexts : isRight(codecs) ? codecs : undefined;
}

/**
 * The level on Deno and Bun. There it takes an eighth of the time of level 6 and makes a third more bytes (200 B of JSON, with
 * context: 34 % in the place of 24 %); on Node it takes half of the time.
 */
const FAST = 1;

let found: { readonly deflate: DeflateContexts | DeflateFactory | undefined } | undefined;

/** The best that `node:zlib` has to offer here; `undefined` when nothing of it works. */
export function zlibDeflate(): DeflateContexts | DeflateFactory | undefined {
  found ??= { deflate: chooseDeflate(handles, oneShots) };
  return found.deflate;
}

/** A runtime that lends this compression too; it is tried out when it is first asked for. */
export function withZlib(runtime: Runtime): Runtime {
  let lent: DeflateContexts | DeflateFactory | undefined;
  return {
    ...runtime,
    get deflate(): DeflateContexts | DeflateFactory | undefined {
      if (runtime.name === "node") return zlibDeflate();
      // One object for all: what it makes is shared by it.
      const found = zlibDeflate();
      return lent ??= found && { ...found, level: FAST };
    },
  };
}

/** The documented calls alone, for tests. */
export const oneShotDeflate: DeflateFactory = oneShots;
