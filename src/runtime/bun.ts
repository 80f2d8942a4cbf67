/**
 * Byte connections from Bun: TCP, TLS and unix sockets, over `Bun.listen` and `Bun.connect`.
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

import { rmSync } from "node:fs";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type {
  ClientTls,
  Endpoint,
  Listener,
  ListenOptions,
  Runtime,
  ServerTls,
  Target,
  Transport,
  TransportSink,
  WriteResult,
} from "../socket/transport.ts";

/** What is used of a `Bun.Socket`. */
interface BunSocket {
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

/** What is used of a `Bun.SocketListener`. */
interface BunListener {
  readonly hostname: string;
  readonly port: number;
  stop(): void;
  ref(): void;
  unref(): void;
}

type Where = { hostname: string; port: number } | { unix: string };
type Common = Where & { socket: typeof handlers; data: Turn; allowHalfOpen: boolean };

// Only what is used: a global `Bun` would need types that the other runtimes lack.
declare const Bun: {
  readonly version: string;
  connect(options: Common & { tls?: ReturnType<typeof clientTls> }): Promise<unknown>;
  listen(options: Common & { tls?: ServerTls }): BunListener;
};

/** Whose turn it is with a socket. */
interface Turn {
  opened?(socket: BunSocket): void;
  secured?(socket: BunSocket, done: boolean, error: Error | null): void;
  received?(chunk: Uint8Array): void;
  drained?(): void;
  ended?(): void;
  closed(socket: BunSocket, error?: Error): void;
}

const handlers = {
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

class BunTransport implements Transport, Turn {
  readonly remote?: Endpoint;
  readonly #socket: BunSocket;
  #sink: TransportSink | undefined;
  #paused = false;
  /** Bun was told to stop reading. */
  #stopped = false;
  /** Chunks that came all the same. */
  readonly #held: Uint8Array[] = [];
  /** Whether the peer's FIN has come, and whether the sink has heard of it. */
  #input: "open" | "ended" | "told" = "open";
  #output: "open" | "ending" | "ended" = "open";
  #closed = false;
  /** Why the connection broke, until the sink has heard of it. */
  #broken: Error | undefined;

  /** Bytes that the socket has not taken: those of the queue, then the gathered ones. */
  #buffered = 0;
  readonly #queue: Uint8Array[] = [];
  #segment: Uint8Array | undefined;
  #gathered = 0;

  constructor(socket: BunSocket, remote: Endpoint | undefined) {
    if (remote !== undefined) this.remote = remote;
    this.#socket = socket;
    socket.data = this;
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
    const kept = mayKeep && size - taken > SEGMENT_SIZE;
    if (taken > 0) chunk = chunk.subarray(taken);
    if (kept || chunk.length > SEGMENT_SIZE) {
      this.#seal();
      this.#queue.push(kept ? chunk : new Uint8Array(chunk));
    } else {
      if (this.#gathered + chunk.length > SEGMENT_SIZE) this.#seal();
      this.#segment ??= new Uint8Array(SEGMENT_SIZE);
      this.#segment.set(chunk, this.#gathered);
      this.#gathered += chunk.length;
    }
    return kept ? "kept" : "taken";
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
    this.#queue.push(this.#segment.subarray(0, this.#gathered));
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
    if (this.#held.length === 0 && this.#flowing()) this.#sink?.data(chunk);
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
      const taken = this.#socket.write(head);
      if (taken <= 0) return;
      this.#buffered -= taken;
      if (taken < head.length) {
        this.#queue[0] = head.subarray(taken);
        return;
      }
      this.#queue.shift();
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

function connect(target: Target, signal?: AbortSignal): Promise<Transport> {
  const { tls } = target;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let socket: BunSocket | undefined;
    let over = false;
    const abort = (): void => fail(signal?.reason);
    const settle = (): void => {
      over = true;
      signal?.removeEventListener("abort", abort);
    };
    const fail = (reason: unknown): void => {
      if (over) return;
      settle();
      socket?.terminate();
      reject(reason);
    };
    const stand = (socket: BunSocket): void => {
      settle();
      const transport = new BunTransport(socket, endpoint(socket, target));
      // Not read before it is opened.
      transport.flow();
      resolve(transport);
    };
    const dialling: Turn = {
      opened(opened) {
        socket = opened;
        if (over) opened.terminate();
        else if (tls === undefined) stand(opened);
      },
      secured(socket, done, error) {
        if (over) return;
        const reason = distrust(target, done, error, socket.getPeerCertificate());
        if (reason === undefined) stand(socket);
        else fail(reason);
      },
      ended: () => fail(new Error(`${cannotConnect(target)}: the peer has left`)),
      closed: (_socket, error) => fail(error ?? new Error(`${cannotConnect(target)}: the peer has left`)),
    };
    Bun.connect({
      ...where(target),
      ...(tls === undefined ? {} : { tls: clientTls(tls, serverName(target)) }),
      socket: handlers,
      data: dialling,
      allowHalfOpen: canHalfClose(tls),
    }).catch(fail);
    signal?.addEventListener("abort", abort);
  });
}

function cannotConnect(target: Target): string {
  return `Cannot connect to ${target.transport === "unix" ? target.path : `${target.hostname}:${target.port}`}`;
}

/** Why a TLS handshake will not do, if so. */
function distrust(
  target: Target,
  done: boolean,
  error: Error | null,
  certificate: PeerCertificate | null | undefined,
): Error | undefined {
  // Bun 1.4 says "not done" of a handshake that is, when the certificate is for another name.
  if (target.tls?.rejectUnauthorized === false && certificate) return undefined;
  // Bun 1.2 does not look at the name.
  if (done && error === null && certificate) return checkServerIdentity(serverName(target), certificate);
  return error ?? new Error(`${cannotConnect(target)}: the TLS handshake failed`);
}

/** For whom the certificate must be. Over a unix socket for `localhost`, as on Node. */
function serverName(target: Target): string {
  const { servername } = target.tls ?? {};
  if (servername !== undefined) return servername;
  return target.transport === "unix" ? "localhost" : target.hostname.replace(/^\[(.*)\]$/, "$1");
}

function clientTls(tls: ClientTls, serverName: string) {
  const { ca, cert, key, rejectUnauthorized = true } = tls;
  return {
    serverName,
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function where(options: Target | ListenOptions): Where {
  if (options.transport === "unix") return { unix: options.path };
  return { hostname: options.hostname ?? "0.0.0.0", port: options.port };
}

/** Before 1.4, Bun loses a FIN over TLS unless it closes both directions with it. */
function canHalfClose(tls: ClientTls | ServerTls | undefined): boolean {
  return tls === undefined || !/^1\.[0-3]\./.test(Bun.version);
}

function endpoint(socket: BunSocket, options: Target | ListenOptions): Endpoint | undefined {
  if (options.transport === "unix") return { transport: "unix", path: options.path };
  const { remoteAddress: hostname, remotePort: port } = socket;
  // Unknown where the peer has left by now.
  return hostname === undefined ? undefined : { transport: "tcp", hostname, port };
}

function listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
  const { tls, handshakeTimeout } = options;
  const handshakes = new Map<BunSocket, ReturnType<typeof setTimeout> | undefined>();
  const leave = (socket: BunSocket): boolean => {
    clearTimeout(handshakes.get(socket));
    return handshakes.delete(socket);
  };
  const stand = (socket: BunSocket): void => {
    const transport = new BunTransport(socket, endpoint(socket, options));
    accept(transport);
    // Not read before it is opened.
    transport.flow();
  };
  const accepting: Turn = {
    opened(socket) {
      if (tls === undefined) return stand(socket);
      const late = (): void => socket.terminate();
      handshakes.set(socket, handshakeTimeout === undefined ? undefined : setTimeout(late, handshakeTimeout));
    },
    // An error is about the certificate of the client: none was asked for.
    secured(socket, done) {
      if (!leave(socket)) return;
      if (done) stand(socket);
      else socket.terminate();
    },
    closed: leave,
  };
  return new Promise((resolve) => {
    const listener = Bun.listen({
      ...where(options),
      ...(tls === undefined ? {} : { tls }),
      socket: handlers,
      data: accepting,
      allowHalfOpen: canHalfClose(tls),
    });
    let closed = false;
    resolve({
      address: options.transport === "unix"
        ? { transport: "unix", path: options.path }
        : { transport: "tcp", hostname: listener.hostname, port: listener.port },
      close() {
        if (closed) return Promise.resolve();
        closed = true;
        // Bun 1.2 leaves it. Before the socket is closed: afterwards the path may be another's.
        if (options.transport === "unix") rmSync(options.path, { force: true });
        listener.stop();
        for (const socket of handshakes.keys()) socket.terminate();
        return Promise.resolve();
      },
      ref: () => listener.ref(),
      unref: () => listener.unref(),
    });
  });
}

/** Bun's TCP, TLS and unix sockets. */
export const bunRuntime: Runtime = { name: "bun", connect, listen };
