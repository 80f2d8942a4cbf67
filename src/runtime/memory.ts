/**
 * Connections in memory: a pair of transports, and a network of names to listen on and to connect to.
 *
 * ```
 *   write -> Pipe [ window, 64 KiB | what is beyond it: `buffered` ] -> in a microtask -> sink.data of the other end
 * ```
 *
 * Like a real connection it carries a bounded number of bytes for a reader that does not read, and delivers nothing from
 * inside a call. Unlike most, `abort()` drops at once what was on its way.
 */

import type {
  Endpoint,
  Listener,
  ListenOptions,
  Runtime,
  Target,
  Transport,
  TransportSink,
  WriteResult,
} from "../socket/transport.ts";

/** Bytes that one direction carries before its writer is backed up, and the largest chunk it delivers. */
const WINDOW = 65_536;
/** The first of the ports that the system hands out. */
const FIRST_PORT = 49_152;

/** One direction: what has been written and not yet been read. */
class Pipe {
  /** In order; the first `#gone` bytes of the first have been read. */
  readonly #chunks: Uint8Array[] = [];
  #gone = 0;
  length = 0;
  /** The writer has sent its FIN. */
  ended = false;

  /** Bytes beyond the window. */
  get backlog(): number {
    return Math.max(0, this.length - WINDOW);
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  /** The next bytes, or undefined when there are none. */
  shift(): Uint8Array | undefined {
    const first = this.#chunks[0];
    if (first === undefined) return undefined;
    const part = first.subarray(this.#gone, this.#gone + WINDOW);
    this.length -= part.length;
    this.#gone += part.length;
    if (this.#gone === first.length) {
      this.#chunks.shift();
      this.#gone = 0;
    }
    return part;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#gone = 0;
    this.length = 0;
  }
}

/** One end of a connection. */
class MemoryTransport implements Transport {
  readonly remote: Endpoint;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #peer: MemoryTransport = this;
  #sink: TransportSink | undefined;
  #scheduled = false;
  #paused = false;
  #owesDrain = false;
  /** The peer's FIN was delivered. */
  #ended = false;
  /** Dropped, by this end or by the other. */
  #dropped = false;
  /** Why the other end's abort broke the connection, until the sink knows. */
  #broken: Error | undefined;

  constructor(incoming: Pipe, outgoing: Pipe, remote: Endpoint) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.remote = remote;
  }

  static pair(nearRemote: Endpoint, farRemote: Endpoint): [near: MemoryTransport, far: MemoryTransport] {
    const there = new Pipe();
    const back = new Pipe();
    const near = new MemoryTransport(back, there, nearRemote);
    const far = new MemoryTransport(there, back, farRemote);
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  get buffered(): number {
    return this.#outgoing.backlog;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (this.#dropped || this.#outgoing.ended) return "refused";
    if (chunk.length === 0) return "taken";
    const keep = mayKeep && this.#outgoing.length + chunk.length > WINDOW;
    this.#outgoing.push(keep ? chunk : new Uint8Array(chunk));
    if (this.#outgoing.backlog > 0) this.#owesDrain = true;
    this.#peer.#schedule();
    return keep ? "kept" : "taken";
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    this.#outgoing.ended = true;
    this.#peer.#schedule();
  }

  abort(): void {
    this.#broken = undefined;
    if (this.#dropped) return;
    this.#drop();
    const peer = this.#peer;
    if (peer.#dropped || peer.#isReleased()) return;
    peer.#drop();
    peer.#broken = new Error("Read from memory: connection reset by the peer");
    peer.#schedule();
  }

  ref(): void {}

  unref(): void {}

  /** What is lent is overwritten when the call returns: who keeps it shall notice. */
  #give(chunk: Uint8Array): void {
    if (this.#sink?.lent === undefined) this.#sink?.data(chunk);
    else {
      this.#sink.lent(chunk);
      chunk.fill(0xff);
    }
  }

  #drop(): void {
    this.#dropped = true;
    this.#incoming.clear();
    this.#outgoing.clear();
  }

  /** Both have sent their FIN, and nothing of this end's is on its way: the connection was over for it. */
  #isReleased(): boolean {
    return this.#ended && this.#outgoing.ended && this.#outgoing.length === 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#sink === undefined) return;
    this.#scheduled = true;
    queueMicrotask(this.#deliver);
  }

  // Every call of the sink may pause, abort or hand over: nothing is remembered across one.
  readonly #deliver = (): void => {
    this.#scheduled = false;
    if (this.#broken !== undefined) {
      const reason = this.#broken;
      this.#broken = undefined;
      this.#sink?.abort(reason);
    }
    if (!this.#dropped && this.#owesDrain && this.#outgoing.backlog === 0) {
      this.#owesDrain = false;
      this.#sink?.drain();
    }
    while (!this.#dropped && !this.#paused) {
      const chunk = this.#incoming.shift();
      if (chunk === undefined) break;
      if (this.#peer.#owesDrain) this.#peer.#schedule();
      this.#give(chunk);
    }
    if (this.#dropped || this.#paused || this.#ended || !this.#incoming.ended) return;
    this.#ended = true;
    this.#sink?.end();
  };
}

/** A listening name: what to do with a connection to it. */
interface Door {
  readonly secure: boolean;
  readonly accept: (transport: Transport) => void;
}

class MemoryNetwork implements Runtime {
  readonly name = "memory";
  readonly #doors = new Map<string, Door>();
  #nextPort = FIRST_PORT;

  async connect(target: Target, signal?: AbortSignal): Promise<Transport> {
    // Not before the call has returned, so that a signal can come in between as it does elsewhere.
    await undefined;
    signal?.throwIfAborted();
    const where = key(target);
    const door = this.#doors.get(where) ??
      (target.transport === "tcp" ? this.#doors.get(key({ ...target, hostname: "0.0.0.0" })) : undefined);
    if (door === undefined) throw new Error(`Connect to ${where}: connection refused`);
    const secure = target.tls !== undefined;
    if (door.secure !== secure) {
      throw new Error(
        `Connect to ${where}: TLS is ${secure ? "on" : "off"}, the listener wants it ${onOff(door.secure)}`,
      );
    }
    const [near, far] = target.transport === "tcp"
      ? MemoryTransport.pair(
        { transport: "tcp", hostname: target.hostname, port: target.port },
        { transport: "tcp", hostname: "127.0.0.1", port: this.#nextPort++ },
      )
      : MemoryTransport.pair(unixEndpoint(target.path), unixEndpoint(target.path));
    door.accept(far);
    return near;
  }

  async listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
    await undefined;
    const address: Exclude<Endpoint, { transport: "memory" }> = options.transport === "tcp"
      ? { transport: "tcp", hostname: options.hostname ?? "0.0.0.0", port: options.port || this.#nextPort++ }
      : unixEndpoint(options.path);
    const where = key(address);
    if (this.#doors.has(where)) throw new Error(`Listen on ${where}: address already in use`);
    const door: Door = { secure: options.tls !== undefined, accept };
    this.#doors.set(where, door);
    return {
      address,
      close: (): Promise<void> => {
        // Closed twice, it must not take the name from the one who listens there now.
        if (this.#doors.get(where) === door) this.#doors.delete(where);
        return Promise.resolve();
      },
      ref(): void {},
      unref(): void {},
    };
  }
}

function onOff(on: boolean): string {
  return on ? "on" : "off";
}

function unixEndpoint(path: string): { transport: "unix"; path: string } {
  return { transport: "unix", path };
}

function key(
  address: { transport: "tcp"; hostname: string; port: number } | { transport: "unix"; path: string },
): string {
  return address.transport === "tcp" ? `tcp:${address.hostname}:${address.port}` : `unix:${address.path}`;
}

/**
 * Makes one connection in memory and gives its two ends, not opened. Each direction carries 64 KiB for a reader that does
 * not read; what is written beyond that is `buffered`. Bytes arrive in a microtask, never from inside a call.
 * `abort()` at one end drops what is on its way in both directions and breaks the other end.
 *
 * @example
 * ```ts
 * import { memoryPair } from "@sockeye/ws/testing";
 *
 * const [near, far] = memoryPair();
 * const received = new Promise<Uint8Array>((resolve) => {
 *   far.open({ data: resolve, end() {}, drain() {}, abort() {} });
 * });
 * near.write(Uint8Array.of(1, 2, 3), false);
 * console.log(await received); // Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export function memoryPair(): [near: Transport, far: Transport] {
  return MemoryTransport.pair({ transport: "memory" }, { transport: "memory" });
}

/**
 * Makes a network in memory: a runtime on which to listen and to connect by name, apart from the system's network and
 * from every other such network. Host names are compared as they are written; who listens on `0.0.0.0` is reached under
 * all of them. With `tls` on both ends the connection is made as usual, without encryption and without looking
 * at certificates; with `tls` on one end only it is refused.
 *
 * `connect` rejects with an `Error` when nobody listens there; `listen` when somebody does.
 *
 * @example
 * ```ts
 * import { memoryNetwork } from "@sockeye/ws/testing";
 *
 * const network = memoryNetwork();
 * const listener = await network.listen({ transport: "tcp", port: 80 }, (transport) => {
 *   transport.write(new TextEncoder().encode("hello"), false);
 *   transport.end();
 * });
 * const transport = await network.connect({ transport: "tcp", hostname: "example.com", port: 80 });
 * await new Promise<void>((resolve) => {
 *   transport.open({ data: (chunk) => console.log(chunk.length), end: resolve, drain() {}, abort() {} });
 * });
 * await listener.close();
 * ```
 */
export function memoryNetwork(): Runtime {
  return new MemoryNetwork();
}
