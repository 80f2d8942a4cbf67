/**
 * One connection of `node:net` or `node:tls`, or any other duplex stream of bytes.
 *
 * ```
 *   socket onread  -> memory that many sockets read into -------------> sink.lent
 *   socket "data"  -> a plain view of the chunk (TLS, other streams) --> sink.data
 *   socket "end"   -> held back while paused or not opened ------------> sink.end
 *   socket "close" -> unless both ends had sent their FIN -------------> sink.abort
 *   write -> small: copied to the slab; large: as it is, or a copy ----> socket.write
 * ```
 *
 * A socket of `node:net` writes at once what the system takes: `writableLength` is zero after the call, and the memory may
 * be used again. What is left over it holds by reference, until the callback of the write.
 */

import { Buffer } from "node:buffer";
import net from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import type { Allocator } from "../protocol/pool.ts";
import type { Endpoint, ListenOptions, Transport, TransportSink, WriteResult } from "../socket/transport.ts";

/** The most that is copied to the slab at once. */
const PIECE = 131_072;
/** Up to this size a chunk is copied even if it may be kept: that costs next to nothing, and the writer keeps its buffer. */
const COPIED = 16_384;
/** A slab is at least half full when another takes its place. */
const SLAB = 2 * PIECE;
const NOTHING = new Uint8Array(0);

/** Where lent chunks lie while the system takes them. What a socket holds on to stays, all else is used again. */
const slab: { bytes: Buffer | undefined; used: number } = { bytes: undefined, used: 0 };

/** A copy of at most `PIECE` bytes, good until the next call unless `slab.used` is moved past it. */
function copyToSlab(chunk: Uint8Array): Buffer {
  if (slab.bytes === undefined || slab.used + chunk.length > SLAB) {
    slab.bytes = Buffer.allocUnsafeSlow(SLAB);
    slab.used = 0;
  }
  slab.bytes.set(chunk, slab.used);
  return slab.bytes.subarray(slab.used, slab.used + chunk.length);
}

/** From this size on, memory is made without zeros: 1.05 to 1.15 times the messages of 1 MiB, 1.2 times those of 16 MiB. */
const UNCLEARED_FROM = 262_144;

/** Memory for large messages. */
const allocator: Allocator = {
  allocate(size) {
    return size < UNCLEARED_FROM ? undefined : new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
  },
};

/** How many writes are under way to streams that are not sockets of the system. */
let writing = 0;

/** What an owner hears that has aborted, or was told of the abort. */
const SILENCE: TransportSink = { data() {}, end() {}, drain() {}, abort() {} };

/** Where a stream has its transport: so the listeners are the same for all, which saves half a kilobyte for each. */
const TRANSPORT: unique symbol = Symbol("transport");

interface Owned extends Duplex {
  [TRANSPORT]: NodeTransport;
}

function onData(this: Owned, chunk: Buffer): void {
  this[TRANSPORT].received(chunk);
}
function onEnd(this: Owned): void {
  this[TRANSPORT].ended();
}
function onFinish(this: Owned): void {
  this[TRANSPORT].written();
}
function onError(this: Owned, error: Error): void {
  this[TRANSPORT].failed(error);
}
function onClose(this: Owned): void {
  this[TRANSPORT].closed();
}

/**
 * What sockets without TLS read into: a read is over when its bytes were delivered, so one memory serves all. Twice as large
 * as what Node reads into: a tenth more messages of 64 KiB, a fifth more of 1 MiB.
 */
const ARRIVALS = 131_072;
/**
 * How clients do it. Without this Node makes a `Buffer` of 64 KiB for every read, and collects it. Echo, by server CPU:
 * 1.15 times the messages with one of 32 B in flight, 1.3 of 1 KiB in bursts, 1.4 of 64 KiB.
 */
export const onread: net.OnReadOpts & { readonly buffer: Uint8Array } = {
  buffer: new Uint8Array(ARRIVALS),
  callback(this: Owned, size: number): boolean {
    this[TRANSPORT].arrived(size);
    return true;
  },
};
/** What accepted sockets read into: lent, where a listener lends some. */
let accepted: Uint8Array | undefined;

/** What `net.Socket` calls the option of its constructor; found on the first socket. */
let names: { readonly buffer: symbol; readonly callback: symbol } | undefined;

/**
 * Makes an accepted socket read into memory that all of them have, and returns that: `net.Server` has no option for it, so
 * it is told as the constructor would. A Node that has other names for that goes without.
 */
export function shareArrivals(socket: net.Socket, lendMemory: ListenOptions["lendMemory"]): Uint8Array | undefined {
  const inner = socket as unknown as Record<symbol, unknown> & {
    _handle?: { useUserBuffer?(buffer: Uint8Array): void };
  };
  const handle = inner._handle;
  if (typeof handle?.useUserBuffer !== "function") return undefined;
  if (names === undefined) {
    const symbols = Object.getOwnPropertySymbols(socket);
    const buffer = symbols.find(({ description }) => description === "kBuffer");
    const callback = symbols.find(({ description }) => description === "kBufferCb");
    if (buffer === undefined || callback === undefined) return undefined;
    names = { buffer, callback };
  }
  accepted ??= lendMemory?.(ARRIVALS) ?? new Uint8Array(ARRIVALS);
  inner[names.buffer] = accepted;
  inner[names.callback] = onread.callback;
  handle.useUserBuffer(accepted);
  return accepted;
}

function tellHeld(transport: NodeTransport): void {
  transport.tellHeld();
}

/** A transport over a socket that is connected, and over any other duplex stream of bytes. */
export class NodeTransport implements Transport {
  readonly remote?: Endpoint;
  readonly #socket: Duplex;
  /**
   * Whether this is a socket of the system, which is done with the memory of a chunk when it has written it, and gives what it
   * reads to nobody else. Any other stream may pass the chunk itself on to somebody, from within `write()` too.
   */
  readonly #isSystem: boolean;
  /**
   * What the socket reads into, where others do so too. It never flows then: to resume and pause it in one turn would leave
   * it reading.
   */
  readonly #arrivals: Uint8Array | undefined;
  /** Callback of every write. A socket without TLS goes without: mostly it is done when the call returns. */
  readonly #written: (() => void) | undefined;
  #sink: TransportSink | undefined;
  #paused = false;
  /** The FIN has come and was not yet told. */
  #endHeld = false;
  /** Why the connection broke, until it was told. */
  #broken: Error | undefined;
  #error: Error | undefined;
  #owesDrain = false;

  constructor(socket: Duplex, remote: Endpoint | undefined, shared?: Uint8Array) {
    if (remote !== undefined) this.remote = remote;
    this.#socket = socket;
    this.#arrivals = shared;
    this.#isSystem = socket instanceof net.Socket;
    this.#written = this.#isSystem && !("encrypted" in socket) ? undefined : () => this.written();
    if (socket instanceof net.Socket) socket.setNoDelay(true);
    // Not before TLS is done: a client that left within the handshake would not be noticed.
    socket.allowHalfOpen = true;
    // Before there is a listener for data, or the stream would begin to flow.
    socket.pause();
    const owned = socket as Owned;
    owned[TRANSPORT] = this;
    if (shared === undefined) owned.on("data", onData);
    owned.on("end", onEnd);
    owned.on("finish", onFinish);
    owned.on("error", onError);
    owned.on("close", onClose);
  }

  get allocator(): Allocator {
    return allocator;
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  open(sink: TransportSink): void {
    if (this.#sink === SILENCE) return;
    this.#sink = sink;
    this.#goOn();
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (!this.#socket.writable) return "refused";
    if (chunk.length === 0) return "taken";
    if (!this.#isSystem) return this.#writeToStream(chunk, mayKeep);
    if (mayKeep && chunk.length > COPIED) return this.#writeAsIs(chunk) ? "taken" : "kept";
    if (chunk.length <= PIECE) {
      this.#writeCopy(chunk);
      return "taken";
    }
    let at = 0;
    while (at < chunk.length && this.#writeCopy(chunk.subarray(at, at + PIECE))) at += PIECE;
    at += PIECE;
    if (at < chunk.length) this.#writeAsIs(chunk.slice(at));
    return "taken";
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#goOn();
  }

  end(): void {
    this.#socket.end();
  }

  abort(): void {
    this.#sink = SILENCE;
    this.#socket.destroy();
  }

  ref(): void {
    if (this.#socket instanceof net.Socket) this.#socket.ref();
  }

  unref(): void {
    if (this.#socket instanceof net.Socket) this.#socket.unref();
  }

  /** Writes at most `PIECE` bytes from the slab, and tells whether the system took them at once. */
  #writeCopy(chunk: Uint8Array): boolean {
    const taken = this.#writeAsIs(copyToSlab(chunk));
    if (!taken) slab.used += chunk.length;
    return taken;
  }

  /** Writes the chunk itself, and tells whether the system took it at once. */
  #writeAsIs(chunk: Uint8Array): boolean {
    const socket = this.#socket;
    socket.write(chunk, this.#written);
    if (socket.writableLength === 0) return true;
    this.#watch();
    return false;
  }

  #writeToStream(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    writing++;
    this.#socket.write(mayKeep ? chunk : new Uint8Array(chunk), this.#written);
    writing--;
    if (this.#socket.writableLength > 0) this.#watch();
    return mayKeep ? "kept" : "taken";
  }

  /** Something is left over: sees to it that the end of that is noticed. */
  #watch(): void {
    if (this.#owesDrain) return;
    this.#owesDrain = true;
    this.#mark();
  }

  /** Puts a mark behind what is left over, where its own writes do not call back. After `end()`, `finish` comes. */
  #mark(): void {
    if (this.#written === undefined && this.#socket.writable) this.#socket.write(NOTHING, () => this.written());
  }

  /** Lets data flow where nothing is against it; what is held is told when the caller has returned. */
  #goOn(): void {
    if (this.#sink === undefined) return;
    if (!this.#paused && this.#arrivals !== undefined) this.#socket.read(0);
    else if (!this.#paused) this.#socket.resume();
    if (this.#endHeld || this.#broken !== undefined) process.nextTick(tellHeld, this);
  }

  tellHeld(): void {
    if (this.#sink === undefined) return;
    if (this.#endHeld && !this.#paused) {
      this.#endHeld = false;
      this.#sink.end();
    }
    if (this.#broken !== undefined) {
      const sink = this.#sink;
      this.#sink = SILENCE;
      sink.abort(this.#broken);
    }
  }

  /** So many bytes of the memory that others read into too. */
  arrived(size: number): void {
    const chunk = this.#arrivals!.subarray(0, size);
    if (this.#sink?.lent === undefined) this.#sink?.data(new Uint8Array(chunk));
    else this.#sink.lent(chunk);
  }

  received(chunk: Buffer): void {
    if (this.#isSystem) {
      // Each read of the system has memory of its own. A Buffer's `slice` is not that of other runtimes' chunks.
      this.#sink?.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } else if (writing > 0) {
      // Its peer is a stream in JavaScript: what is written there comes out here at once.
      this.#socket.pause();
      this.#socket.unshift(chunk);
      process.nextTick(() => this.#goOn());
    } else if (chunk.length > 0) {
      this.#sink?.data(new Uint8Array(chunk));
    }
  }

  ended(): void {
    this.#endHeld = true;
    this.tellHeld();
  }

  written(): void {
    if (!this.#owesDrain || this.#socket.destroyed) return;
    if (this.#socket.writableLength > 0) return this.#mark();
    this.#owesDrain = false;
    this.#sink?.drain();
  }

  failed(error: Error): void {
    this.#error = error;
  }

  closed(): void {
    if (this.#sink === SILENCE || (this.#socket.readableEnded && this.#socket.writableFinished)) return;
    this.#broken = this.#error ?? new Error("Connection closed before its end");
    this.tellHeld();
  }
}
