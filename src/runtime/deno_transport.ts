/**
 * One connection of Deno: TCP, TLS or a unix socket, over `Deno.Conn`.
 *
 * ```
 *   conn.read, one at a time, none while paused -----------------> TransportSink.lent: its memory is read into again
 *   write() --> gathered and queued --> one conn.write at a time   (what comes meanwhile leaves with the next)
 * ```
 *
 * Echo on Deno 2.9, by server CPU: 1.15 times the messages of plain `node:net` with one of 32 B in flight, 1.2 in bursts.
 * Memory that is used again, in both directions: 1.4 times those of 1 KiB in bursts, and of 64 KiB. `node:tls` of Deno 2.9
 * loses data when paused and stops no writer.
 */

import type { Endpoint, ListenOptions, Transport, TransportSink, WriteResult } from "../socket/transport.ts";

/** What is used of a `Deno.Conn`: `setNoDelay` is there on TCP only, `handshake` on TLS only. */
export interface Conn {
  readonly remoteAddr: Address;
  read(into: Uint8Array): Promise<number | null>;
  write(from: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  setNoDelay?(noDelay: boolean): void;
  handshake?(): Promise<unknown>;
}

export type Address =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix" };

// Only what is used: the npm build knows no Deno.
declare const Deno: {
  readonly version: { readonly deno: string };
  readonly errors: Readonly<Record<"UnexpectedEof", new () => Error>>;
};

/** Pieces of memory of one size, some of which are kept for the next use; all of those that were lent. */
class Pool {
  readonly size: number;
  readonly #most: number;
  readonly #lend: ListenOptions["lendMemory"];
  /** Where all lent ones lie. */
  #lent: ArrayBufferLike | undefined;
  readonly #spare: Uint8Array[] = [];

  constructor(size: number, most: number, lend?: ListenOptions["lendMemory"]) {
    this.size = size;
    this.#most = most;
    this.#lend = lend;
  }

  take(): Uint8Array {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    const lent = this.#lend?.(this.size);
    this.#lent ??= lent?.buffer;
    return lent ?? new Uint8Array(this.size);
  }

  give(memory: Uint8Array | undefined): void {
    if (memory?.length !== this.size) return;
    if (this.#spare.length < this.#most || memory.buffer === this.#lent) this.#spare.push(memory);
  }
}

type Memories = readonly [Pool, Pool, Pool, Pool, Pool];

/** Makes what lends pieces of larger memory: an `ArrayBuffer` for each would take more than the bytes themselves. */
function carver(): (size: number) => Uint8Array {
  let slab = new Uint8Array(0);
  let used = 0;
  return (size) => {
    if (used + size > slab.length) {
      slab = new Uint8Array(65_536);
      used = 0;
    }
    return slab.subarray(used, used += size);
  };
}

function makeMemories(lend?: ListenOptions["lendMemory"]): Memories {
  const carve = carver();
  return [
    new Pool(64, Infinity, carve),
    new Pool(256, Infinity, carve),
    new Pool(1_024, 64),
    new Pool(16_384, 64, lend),
    new Pool(131_072, 16, lend),
  ];
}

/** What connections read into: one that is idle has the smallest, one whose reads fill it the next larger one. */
const memories = makeMemories();
/** The same of accepted connections, lent where a listener lends some. */
let accepted: Memories | undefined;

/** What an accepted connection reads into. */
export function acceptedMemories(lend: ListenOptions["lendMemory"]): Memories {
  return accepted ??= makeMemories(lend);
}

/** The first thing that comes is a head, for which the smaller ones are too small. */
const HEAD = 2;

/** So many reads in a row that a smaller memory would have held make it smaller again. */
const SMALL_READS = 16;

/** Segments: memory in which chunks are gathered. A thousand connections that are told something need a thousand. */
const smallSegments = new Pool(1_024, 1_024);
const segments = new Pool(16_384, 64);

/** Bytes to be written. */
interface Run {
  readonly bytes: Uint8Array;
  /** What the owner may have back: a chunk that was kept, or a copy of the owner's. */
  readonly returns: Uint8Array | undefined;
}

/** Nothing that is queued, as mostly: an array of its own is 32 bytes for each connection. */
const NONE: never[] = [];

/** A transport over a connection that stands. */
export class DenoTransport implements Transport {
  readonly remote: Endpoint;
  /** An operation has to refer to what it writes. */
  readonly copies: boolean = true;
  readonly #conn: Conn;
  #sink: TransportSink | undefined;
  /** The connection is released, for whatever reason. */
  #over = false;

  readonly #memories: Memories;
  /** What is read into, and which of the memories it is. */
  #memory: Uint8Array | undefined;
  #size: number = HEAD;
  #isHead = true;
  #smallReads = 0;
  /** What the last read brought and the sink has not had yet: so many bytes of the memory, or null for the FIN. */
  #arrived: number | null | undefined;
  #pumping = false;
  #paused = false;
  #ended = false;

  #output: "open" | "ending" | "ended" = "open";
  #buffered = 0;
  #sending = false;
  /** Runs to be written before the gathered bytes. */
  #queue: Run[] = NONE;
  #segment: Uint8Array | undefined;
  #gathered = 0;
  /** The run on its way: what is not written of it, the segment that it is of, and what the owner has back. */
  #writing: Uint8Array | undefined;
  #leaving: Uint8Array | undefined;
  #returns: Uint8Array | undefined;
  /** Why a write failed, until what the peer had sent is read. */
  #broken: unknown;

  constructor(conn: Conn, remote: Endpoint, readInto: Memories = memories) {
    this.#conn = conn;
    this.#memories = readInto;
    this.remote = remote;
  }

  get buffered(): number {
    return this.#buffered;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    this.#pump();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (this.#output !== "open") return "refused";
    const size = chunk.length;
    if (size === 0) return "taken";
    // What nothing has to wait for leaves by itself; to gather it would take a segment of its own.
    const isSmall = size <= (this.#sending ? segments : smallSegments).size;
    const kept = mayKeep && !isSmall;
    if (this.#gathered + size > (this.#segment?.length ?? 0)) this.#seal();
    if (!isSmall) this.#enqueue(chunk, kept);
    else {
      this.#segment ??= (this.#buffered + size > smallSegments.size ? segments : smallSegments).take();
      this.#segment.set(chunk, this.#gathered);
      this.#gathered += size;
    }
    this.#buffered += size;
    if (!this.#sending) this.#send();
    return kept ? "kept" : "taken";
  }

  end(): void {
    if (this.#output !== "open") return;
    this.#output = "ending";
    if (!this.#sending) void this.#finish();
  }

  abort(): void {
    this.#release();
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  #flowing(): boolean {
    return this.#sink !== undefined && !this.#paused && !this.#ended && !this.#over;
  }

  /** Reads, where nothing is against it, or delivers what has been read. */
  #pump(): void {
    if (this.#pumping || !this.#flowing()) return;
    this.#pumping = true;
    // What was held back must not come from inside resume().
    if (this.#arrived !== undefined) queueMicrotask(() => this.#deliver());
    else {
      this.#memory ??= this.#memories[this.#size]!.take();
      this.#conn.read(this.#memory).then(this.#onread, this.#onread);
    }
  }

  // What is called when an operation ends lives as long as the connection: an async function would make a generator and a
  // promise for each. 1.07 times the messages of 32 B with one in flight. It takes an error too: a function of its own for
  // that is 56 bytes for each connection.
  readonly #onread = (result: unknown): void => {
    if (typeof result === "number" || result === null) this.#arrived = result;
    // TCP's FIN without TLS's own before it. A WebSocket has its own close, and sees by it that something is missing.
    else if (result instanceof Deno.errors.UnexpectedEof) this.#arrived = null;
    else {
      this.#pumping = false;
      this.#break(this.#broken ?? result);
      return this.#giveMemory();
    }
    this.#deliver();
  };

  /** Gives the sink what has arrived, if it is wanted still, and reads on. */
  #deliver(): void {
    if (this.#flowing()) {
      const size = this.#arrived!;
      this.#arrived = undefined;
      if (size === null) {
        this.#ended = true;
        this.#sink?.end();
        if (this.#output === "ended") this.#release();
      } else if (size > 0) this.#give(size);
    }
    this.#pumping = false;
    if (this.#over) this.#giveMemory();
    else if (this.#broken !== undefined && !this.#flowing()) this.#break(this.#broken);
    else this.#pump();
  }

  /** What a read has brought. */
  #give(size: number): void {
    const memory = this.#memory!;
    const chunk = memory.subarray(0, size);
    if (this.#sink!.lent === undefined) this.#sink!.data(new Uint8Array(chunk));
    else this.#sink!.lent(chunk);
    if (size === memory.length) this.#readInto(this.#size + 1);
    else if (this.#isHead) this.#readInto(0);
    else if (size > (this.#memories[this.#size - 1]?.size ?? 0)) this.#smallReads = 0;
    else if (++this.#smallReads === SMALL_READS) this.#readInto(this.#size - 1);
  }

  #readInto(size: number): void {
    if (this.#memories[size] === undefined) return;
    this.#giveMemory();
    this.#size = size;
    this.#isHead = false;
    this.#smallReads = 0;
  }

  #giveMemory(): void {
    this.#memories[this.#size]!.give(this.#memory);
    this.#memory = undefined;
  }

  /** Writes the next run, if there is one; else all is sent. Deno refers to the memory of a run until it is written. */
  #send(): void {
    const run = this.#queue.shift();
    const segment = this.#segment;
    this.#sending = run !== undefined || segment !== undefined;
    if (run !== undefined) {
      this.#returns = run.returns;
      this.#writeRun(run.bytes);
    } else if (segment !== undefined) {
      const bytes = segment.subarray(0, this.#gathered);
      this.#leaving = segment;
      this.#segment = undefined;
      this.#gathered = 0;
      this.#writeRun(bytes);
    } else {
      this.#sink?.drain();
      if (!this.#sending && this.#output === "ending") void this.#finish();
    }
  }

  #writeRun(run: Uint8Array): void {
    this.#writing = run;
    this.#conn.write(run).then(this.#onwrite, this.#onwrite);
  }

  readonly #onwrite = (result: unknown): void => {
    if (typeof result === "number") return this.#wrote(result);
    this.#sending = false;
    if (!this.#over) this.#fail(result);
  };

  #wrote(size: number): void {
    if (this.#over) return;
    this.#buffered -= size;
    const run = this.#writing!;
    if (size < run.length) return this.#writeRun(run.subarray(size));
    smallSegments.give(this.#leaving);
    segments.give(this.#leaving);
    this.#writing = this.#leaving = undefined;
    if (this.#returns !== undefined) this.#sink?.returned?.(this.#returns);
    this.#returns = undefined;
    this.#send();
  }

  #enqueue(chunk: Uint8Array, kept: boolean): void {
    const copy = kept ? chunk : this.#sink?.copy?.(chunk);
    this.#push({ bytes: copy ?? new Uint8Array(chunk), returns: copy });
  }

  #push(run: Run): void {
    if (this.#queue === NONE) this.#queue = [];
    this.#queue.push(run);
  }

  /** Puts the gathered bytes behind what is queued. */
  #seal(): void {
    if (this.#segment === undefined) return;
    this.#push({ bytes: this.#segment.subarray(0, this.#gathered), returns: undefined });
    this.#segment = undefined;
    this.#gathered = 0;
  }

  async #finish(): Promise<void> {
    try {
      await this.#conn.closeWrite();
      this.#output = "ended";
      if (this.#ended) this.#release();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Pending reads and writes reject now, and find that it is over. */
  #release(): void {
    if (this.#over) return;
    this.#over = true;
    this.#output = "ended";
    this.#buffered = 0;
    // Until it has an end, the pump reads into it, or delivers from it.
    if (!this.#pumping) this.#giveMemory();
    this.#segment = undefined;
    this.#queue.length = 0;
    // Deno 2.8 holds the socket open until a read that is under way has an end: let the peer make one.
    if (this.#pumping && Deno.version.deno.startsWith("2.8.")) this.#conn.closeWrite().catch(() => {});
    this.#conn.close();
  }

  /** What the peer sent before it broke the connection is still to be had. Reading it, the pump comes upon the break too. */
  #fail(reason: unknown): void {
    if (this.#pumping || this.#sink === undefined) this.#broken ??= reason;
    else this.#break(reason);
  }

  #break(reason: unknown): void {
    if (this.#over) return;
    this.#release();
    this.#sink?.abort(reason);
  }
}
