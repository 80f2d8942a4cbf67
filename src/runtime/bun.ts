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
 */

import { rmSync } from "node:fs";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type {
  ClientTls,
  Endpoint,
  Listener,
  ListenOptions,
  Runtime,
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
  setNoDelay(noDelay: boolean): boolean;
  timeout(seconds: number): void;
  getPeerCertificate(): PeerCertificate | null | undefined;
}

/** What is used of a `Bun.SocketListener`. */
interface BunListener {
  readonly hostname: string;
  readonly port: number;
  stop(closeActiveConnections?: boolean): void;
  ref(): void;
  unref(): void;
}

interface Handlers {
  readonly binaryType: "uint8array";
  open(socket: BunSocket): void;
  handshake(socket: BunSocket, done: boolean, error: Error | null): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  timeout(socket: BunSocket): void;
  close(socket: BunSocket, error?: Error): void;
}

type Where = { hostname: string; port: number } | { unix: string };
type Common = Where & { socket: Handlers; data: Turn; allowHalfOpen: true };

interface BunClientTls {
  ca?: string | string[];
  cert?: string;
  key?: string;
  serverName?: string;
  rejectUnauthorized: boolean;
}

// Only what is used: a global `Bun` would need types that the other runtimes lack.
declare const Bun: {
  connect(options: Common & { tls?: BunClientTls }): Promise<unknown>;
  listen(options: Common & { tls?: { cert: string; key: string } }): BunListener;
};

/** Whose turn it is with a socket. */
interface Turn {
  opened(socket: BunSocket): void;
  secured(socket: BunSocket, done: boolean, error: Error | null): void;
  received(chunk: Uint8Array): void;
  drained(): void;
  ended(): void;
  closed(socket: BunSocket, error: Error | undefined): void;
}

const handlers: Handlers = {
  binaryType: "uint8array",
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, done, error) => socket.data.secured(socket, done, error),
  data: (socket, chunk) => socket.data.received(chunk),
  drain: (socket) => socket.data.drained(),
  end: (socket) => socket.data.ended(),
  timeout: (socket) => socket.terminate(),
  close: (socket, error) => socket.data.closed(socket, error),
};

/** Bytes of a piece of memory in which small chunks are gathered while the socket takes no more. */
const SEGMENT_SIZE = 16_384;

/** How long a client may take for the TLS handshake, in seconds. */
const TLS_HANDSHAKE_TIMEOUT = 120;

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
    socket.setNoDelay(true);
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

  opened(): void {}

  secured(): void {}

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
  closed(_socket: BunSocket, error: Error | undefined): void {
    if (this.#closed) return;
    const graceful = this.#output === "ended" && error === undefined;
    this.#release();
    if (graceful) {
      // When this end has sent its FIN, Bun tells of the peer's by closing.
      if (this.#input === "open") this.#input = "ended";
    } else {
      this.#input = "told";
      this.#held.length = 0;
      this.#broken = error ?? new Error("Connection closed by the peer before its end");
    }
    this.flow();
  }
}

/** A connection until it stands: over TCP or a unix socket, then through the TLS handshake, if there is one. */
class Dialing implements Turn {
  readonly #target: Target;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (transport: Transport) => void;
  readonly #reject: (reason: unknown) => void;
  #socket: BunSocket | undefined;
  #over = false;

  constructor(
    target: Target,
    signal: AbortSignal | undefined,
    resolve: (transport: Transport) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#target = target;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { tls } = this.#target;
    this.#signal?.addEventListener("abort", this.#abort);
    Bun.connect({
      ...where(this.#target),
      ...(tls === undefined ? {} : { tls: clientTls(tls, serverName(this.#target)) }),
      socket: handlers,
      data: this,
      allowHalfOpen: true,
    }).catch((error) => this.#fail(error));
  }

  readonly #abort = (): void => this.#fail(this.#signal?.reason);

  opened(socket: BunSocket): void {
    this.#socket = socket;
    if (this.#over) socket.terminate();
    else if (this.#target.tls === undefined) this.#stands(socket);
  }

  secured(socket: BunSocket, done: boolean, error: Error | null): void {
    if (this.#over) return;
    const certificate = socket.getPeerCertificate();
    let reason: unknown = error;
    if (this.#target.tls?.rejectUnauthorized === false) {
      // Bun 1.4 says "not done" of a handshake that is, when the certificate is for another name.
      if (done || certificate) return this.#stands(socket);
    } else if (done && certificate && error === null) {
      // Bun 1.2 does not look at the name.
      reason = checkServerIdentity(serverName(this.#target), certificate);
      if (reason === undefined) return this.#stands(socket);
    }
    this.#fail(reason ?? new Error(`Cannot connect to ${name(this.#target)}: the TLS handshake failed`));
  }

  received(): void {}

  drained(): void {}

  ended(): void {
    this.#fail(
      new Error(`Cannot connect to ${name(this.#target)}: the peer ended the connection in the TLS handshake`),
    );
  }

  closed(_socket: BunSocket, error: Error | undefined): void {
    if (error === undefined) this.ended();
    else this.#fail(error);
  }

  #stands(socket: BunSocket): void {
    this.#settle();
    const transport = new BunTransport(socket, endpoint(socket, this.#target));
    // Not read before it is opened.
    transport.flow();
    this.#resolve(transport);
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#settle();
    this.#socket?.terminate();
    this.#reject(reason);
  }

  #settle(): void {
    this.#over = true;
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}

/** What a listener does with the sockets that come in. */
class Accepting implements Turn {
  readonly #options: ListenOptions;
  readonly #accept: (transport: Transport) => void;
  /** Sockets in the TLS handshake. */
  readonly #handshakes = new Set<BunSocket>();

  constructor(options: ListenOptions, accept: (transport: Transport) => void) {
    this.#options = options;
    this.#accept = accept;
  }

  opened(socket: BunSocket): void {
    if (this.#options.tls === undefined) {
      this.#stands(socket);
    } else {
      this.#handshakes.add(socket);
      socket.timeout(TLS_HANDSHAKE_TIMEOUT);
    }
  }

  /** The error is of no interest: it is about the certificate of a client, and none was asked for. */
  secured(socket: BunSocket, done: boolean): void {
    if (!this.#handshakes.delete(socket)) return;
    socket.timeout(0);
    if (done) this.#stands(socket);
    else socket.terminate();
  }

  received(): void {}

  drained(): void {}

  ended(): void {}

  closed(socket: BunSocket): void {
    this.#handshakes.delete(socket);
  }

  stop(): void {
    const sockets = [...this.#handshakes];
    this.#handshakes.clear();
    for (const socket of sockets) socket.terminate();
  }

  #stands(socket: BunSocket): void {
    const transport = new BunTransport(socket, endpoint(socket, this.#options));
    this.#accept(transport);
    // Not read before it is opened.
    transport.flow();
  }
}

class ListenerOfBun implements Listener {
  readonly address: Endpoint;
  readonly #listener: BunListener;
  readonly #accepting: Accepting;
  #closed = false;

  constructor(options: ListenOptions, accept: (transport: Transport) => void) {
    this.#accepting = new Accepting(options, accept);
    this.#listener = Bun.listen({
      ...where(options),
      ...(options.tls === undefined ? {} : { tls: { cert: options.tls.cert, key: options.tls.key } }),
      socket: handlers,
      data: this.#accepting,
      allowHalfOpen: true,
    });
    this.address = options.transport === "unix"
      ? { transport: "unix", path: options.path }
      : { transport: "tcp", hostname: this.#listener.hostname, port: this.#listener.port };
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      // Bun 1.2 leaves it, and newer versions remove it themselves. Before the socket is closed: then it may be another's.
      if (this.address.transport === "unix") rmSync(this.address.path, { force: true });
      this.#listener.stop();
      this.#accepting.stop();
    }
    return Promise.resolve();
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }
}

function where(options: Target | ListenOptions): Where {
  if (options.transport === "unix") return { unix: options.path };
  return { hostname: options.hostname ?? "0.0.0.0", port: options.port };
}

function name(target: Target): string {
  return target.transport === "unix" ? target.path : `${target.hostname}:${target.port}`;
}

function endpoint(socket: BunSocket, options: Target | ListenOptions): Endpoint | undefined {
  if (options.transport === "unix") return { transport: "unix", path: options.path };
  const { remoteAddress: hostname, remotePort: port } = socket;
  // Unknown where the peer has left by now.
  return hostname === undefined ? undefined : { transport: "tcp", hostname, port };
}

/** For whom the certificate must be. Over a unix socket for `localhost`, as on Node. */
function serverName(target: Target): string {
  const { servername } = target.tls ?? {};
  if (servername !== undefined) return servername;
  return target.transport === "unix" ? "localhost" : target.hostname.replace(/^\[(.*)\]$/, "$1");
}

function clientTls(tls: ClientTls, serverName: string): BunClientTls {
  const { ca, cert, key, rejectUnauthorized = true } = tls;
  return {
    serverName,
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function connect(target: Target, signal?: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    new Dialing(target, signal, resolve, reject).start();
  });
}

function listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
  return new Promise((resolve) => resolve(new ListenerOfBun(options, accept)));
}

/** Bun's TCP, TLS and unix sockets. */
export const bunRuntime: Runtime = { name: "bun", connect, listen };
