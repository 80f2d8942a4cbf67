/**
 * One connection of Bun: TCP, TLS or a unix socket, of `Bun.listen` or `Bun.connect`.
 *
 * ```
 *   handlers.data --> (held while paused) --> TransportSink.data
 *   write() --> socket.write takes at once what the system takes --> the rest waits for handlers.drain
 * ```
 *
 * The handlers are the same for all sockets. `socket.data` is whose turn it is: the listener's or the dialling one's
 * until the connection stands, then the transport's.
 *
 * Echo on Bun 1.4, by server CPU: 0.95 to 1.0 times the messages of bare `Bun.listen`, 1.1 to 1.4 of plain `node:net`.
 */

import { Buffer } from "node:buffer";
import type { PeerCertificate } from "node:tls";
import type { Allocator } from "../protocol/pool.ts";
import type { Endpoint, Transport, TransportSink, WriteResult } from "../socket/transport.ts";

/** What is used of a `Bun.Socket`. */
export interface BunSocket {
  data: Turn;
  /** Unknown when the peer has left. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  /** Takes bytes at once, and says how many; -1 when the socket is closed. */
  write(bytes: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
  getPeerCertificate(): PeerCertificate | null | undefined;
}
/** Whose turn it is with a socket. */
export interface Turn {
  opened?(socket: BunSocket): void;
  secured?(socket: BunSocket, done: boolean, error: Error | null): void;
  received?(chunk: Uint8Array): void;
  drained?(): void;
  ended?(): void;
  closed(socket: BunSocket, error?: Error): void;
}

/** What `Bun.listen` and `Bun.connect` call. */
export const handlers = {
  binaryType: "uint8array",
  open: (socket: BunSocket): void => socket.data.opened?.(socket),
  handshake: (socket: BunSocket, done: boolean, error: Error | null): void =>
    socket.data.secured?.(socket, done, error),
  data: (socket: BunSocket, chunk: Uint8Array): void => socket.data.received?.(chunk),
  drain: (socket: BunSocket): void => socket.data.drained?.(),
  end: (socket: BunSocket): void => socket.data.ended?.(),
  close: (socket: BunSocket, error?: Error): void => socket.data.closed(socket, error),
} as const;

/** Bytes of a piece of memory in which small chunks are gathered while the socket takes no more. */
const SEGMENT_SIZE = 16_384;

/** Nothing that is held or queued, as mostly: an array of its own is 50 bytes for each connection. */
const NONE: never[] = [];

/** Bytes to be written. */
interface Run {
  readonly bytes: Uint8Array;
  /** What the owner gets back when they are written: a chunk that was kept, or a copy of the owner's. */
  readonly returns: Uint8Array | undefined;
}

/**
 * From this size on, the memory of a chunk that is spent is freed at once. Bun makes a new one for each, and would collect
 * them much later: 1.15 to 1.24 times the messages of 16 MiB, 1.07 to 1.15 times those of 1 MiB. Smaller ones it costs more
 * than it gains (0.96 at 64 KiB).
 */
const FREED_FROM = 262_144;

/** From this size on, memory is made without zeros: 1.05 times the messages of 256 KiB, 1.08 times those of 1 MiB. */
const UNCLEARED_FROM = 262_144;

/**
 * Bytes that lie there from the first large message on, and that nobody touches, so that the system has no page for them. Bun
 * collects when the heap has doubled, and of large messages a small one has doubled soon: 1.16 times the messages of 1 and of
 * 4 MiB with them, and 20 MiB more of garbage at a time.
 */
const BALLAST = 16_777_216;
let ballast: Uint8Array | undefined;

/** Memory for large messages. */
const allocator: Allocator = {
  allocate(size) {
    if (size < UNCLEARED_FROM) return undefined;
    ballast ??= new Uint8Array(BALLAST);
    return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
  },
  // What outlives a collection, as it does while pieces come, is not looked at again before a full one, and the system has
  // its pages back until then: 1.2 to 1.3 times the messages of 16 MiB, 1.04 to 1.08 times those of 1 MiB.
  renew(message) {
    return message.length < UNCLEARED_FROM ? message : new Uint8Array(message.buffer.transfer());
  },
};

/** A transport over a socket that stands. */
export class BunTransport implements Transport, Turn {
  readonly remote?: Endpoint;
  readonly #socket: BunSocket;
  #sink: TransportSink | undefined;
  #paused = false;
  /** Bun was told to stop reading. */
  #stopped = false;
  /** Chunks that came all the same. */
  #held: Uint8Array[] = NONE;
  /** Whether the peer's FIN has come, and whether the sink has heard of it. */
  #input: "open" | "ended" | "told" = "open";
  #output: "open" | "ending" | "ended" = "open";
  #closed = false;
  /** Why the connection broke, until the sink has heard of it. */
  #broken: Error | undefined;

  /** Bytes that the socket has not taken: those of the queue, then the gathered ones. */
  #buffered = 0;
  #queue: Run[] = NONE;
  #segment: Uint8Array | undefined;
  #gathered = 0;

  constructor(socket: BunSocket, remote: Endpoint | undefined) {
    if (remote !== undefined) this.remote = remote;
    this.#socket = socket;
    socket.data = this;
  }

  get allocator(): Allocator {
    return allocator;
  }

  get buffered(): number {
    return this.#buffered;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    this.flow();
  }

  pause(): void {
    this.#paused = true;
    this.flow();
  }

  resume(): void {
    this.#paused = false;
    this.flow();
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (this.#output !== "open") return "refused";
    const size = chunk.length;
    if (size === 0) return "taken";
    let taken = 0;
    if (this.#buffered === 0) {
      taken = this.#socket.write(chunk);
      if (taken === size) return "taken";
      // Closed: the handler will tell.
      if (taken < 0) return "refused";
    }
    this.#buffered += size - taken;
    const rest = taken > 0 ? chunk.subarray(taken) : chunk;
    const kept = mayKeep && rest.length > SEGMENT_SIZE;
    if (kept) this.#enqueue(rest, chunk);
    else this.#keepCopy(rest);
    return kept ? "kept" : "taken";
  }

  #keepCopy(rest: Uint8Array): void {
    if (rest.length > SEGMENT_SIZE) {
      const copy = this.#sink?.copy?.(rest);
      return this.#enqueue(copy ?? new Uint8Array(rest), copy);
    }
    if (this.#gathered + rest.length > SEGMENT_SIZE) this.#seal();
    this.#segment ??= new Uint8Array(SEGMENT_SIZE);
    this.#segment.set(rest, this.#gathered);
    this.#gathered += rest.length;
  }

  #enqueue(bytes: Uint8Array, returns: Uint8Array | undefined): void {
    this.#seal();
    this.#push({ bytes, returns });
  }

  #push(run: Run): void {
    if (this.#queue === NONE) this.#queue = [];
    this.#queue.push(run);
  }

  end(): void {
    if (this.#output !== "open") return;
    this.#output = "ending";
    if (this.#buffered === 0) this.#finish();
  }

  abort(): void {
    this.#input = "told";
    this.#held.length = 0;
    this.#broken = undefined;
    if (this.#closed) return;
    this.#release();
    this.#socket.terminate();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  /** Makes Bun read or stop as the owner wants it, and brings what was held back, when the caller has returned. */
  flow(): void {
    const stop = !this.#flowing();
    if (stop !== this.#stopped && !this.#closed) {
      this.#stopped = stop;
      if (stop) this.#socket.pause();
      else this.#socket.resume();
    }
    if (this.#held.length > 0 || this.#input === "ended" || this.#broken !== undefined) {
      queueMicrotask(() => this.#deliver());
    }
  }

  #flowing(): boolean {
    return this.#sink !== undefined && !this.#paused;
  }

  #deliver(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    if (this.#broken !== undefined) {
      const reason = this.#broken;
      this.#broken = undefined;
      sink.abort(reason);
      return;
    }
    while (this.#flowing()) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#sink?.data(chunk);
    }
    if (this.#input !== "ended" || !this.#flowing()) return;
    this.#input = "told";
    this.#sink?.end();
  }

  #seal(): void {
    if (this.#segment === undefined) return;
    this.#push({ bytes: this.#segment.subarray(0, this.#gathered), returns: undefined });
    this.#segment = undefined;
    this.#gathered = 0;
  }

  #finish(): void {
    this.#output = "ended";
    this.#socket.shutdown();
  }

  #release(): void {
    this.#closed = true;
    this.#output = "ended";
    this.#buffered = 0;
    this.#queue.length = 0;
    this.#segment = undefined;
  }

  received(chunk: Uint8Array): void {
    if (this.#input !== "open") return;
    if (this.#held.length === 0 && this.#flowing()) {
      const sink = this.#sink!;
      sink.data(chunk);
      if (chunk.length >= FREED_FROM && sink.spent) (chunk.buffer as ArrayBuffer).transfer(0);
    } else if (this.#held === NONE) this.#held = [chunk];
    else this.#held.push(chunk);
  }

  ended(): void {
    if (this.#input === "open") this.#input = "ended";
    this.#deliver();
  }

  drained(): void {
    if (this.#buffered === 0) return;
    while (this.#buffered > 0) {
      if (this.#queue.length === 0) this.#seal();
      const [head] = this.#queue;
      if (head === undefined) return;
      const { bytes, returns } = head;
      const taken = this.#socket.write(bytes);
      if (taken <= 0) return;
      this.#buffered -= taken;
      if (taken < bytes.length) {
        this.#queue[0] = { bytes: bytes.subarray(taken), returns };
        return;
      }
      this.#queue.shift();
      if (returns !== undefined) this.#sink?.returned?.(returns);
    }
    this.#sink?.drain();
    if (this.#output === "ending" && this.#buffered === 0) this.#finish();
  }

  /** Bun may call this from inside `write` or `shutdown`: the sink hears of it when they have returned. */
  closed(_socket: BunSocket, error?: Error): void {
    if (this.#closed) return;
    // Where this end has sent its FIN, or cannot go on alone, Bun tells of the peer's FIN by closing.
    const graceful = error === undefined && this.#buffered === 0;
    this.#release();
    if (graceful) {
      if (this.#input === "open") this.#input = "ended";
    } else {
      this.#input = "told";
      this.#held.length = 0;
      this.#broken = error ?? new Error("Connection closed by the peer with bytes still to be sent");
    }
    this.flow();
  }
}
