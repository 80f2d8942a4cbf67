/**
 * Byte connections from Deno: TCP, TLS and unix sockets, over `Deno.Conn`.
 *
 * ```
 *   conn.read, one at a time, none while paused -----------------> TransportSink.data
 *   write() --> gathered and queued --> one conn.write at a time   (what comes meanwhile leaves with the next)
 * ```
 */

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

/** What is used of a `Deno.Conn`. */
interface Conn {
  readonly remoteAddr: Address;
  read(into: Uint8Array): Promise<number | null>;
  write(from: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  /** On TCP only. */
  setNoDelay?(noDelay: boolean): void;
  /** On TLS only. */
  handshake?(): Promise<unknown>;
}

/** What is used of a `Deno.Addr`. */
interface Address {
  readonly transport: string;
  readonly hostname?: string;
  readonly port?: number;
}

/** What is used of a `Deno.Listener`. */
interface Acceptor {
  readonly addr: Address;
  accept(): Promise<Conn>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** Whom a TLS client trusts; `unsafelyDisableHostnameVerification` is unknown to Deno 2.4, which ignores it. */
interface Trust {
  hostname: string;
  caCerts: string[];
  unsafelyDisableHostnameVerification: boolean;
}

// Only what is used: the npm build knows no Deno.
declare const Deno: {
  connect(options: { transport: "unix"; path: string }): Promise<Conn>;
  connect(options: { hostname: string; port: number; signal: AbortSignal | undefined }): Promise<Conn>;
  connectTls(options: Trust & { port: number; cert: string; key: string }): Promise<Conn>;
  startTls(conn: Conn, options: Trust): Promise<Conn>;
  listen(options: { transport: "unix"; path: string } | { hostname: string; port: number }): Acceptor;
  listenTls(options: { hostname: string; port: number; cert: string; key: string }): Acceptor;
  removeSync(path: string): void;
  readonly errors: Readonly<Record<"BadResource" | "InvalidData" | "NotFound" | "UnexpectedEof", new () => Error>>;
};

/** Bytes of memory that a connection reads into: the first piece, and the largest that it grows to when reads fill it. */
const FIRST_MEMORY = 4096;
const LARGEST_MEMORY = 131_072;

/** Bytes of a piece of memory in which small chunks are gathered. */
const SEGMENT_SIZE = 16_384;

/** Segments without a use at the moment; no more than `SPARE_SEGMENTS`. */
const spare: Uint8Array[] = [];
const SPARE_SEGMENTS = 64;

/** A chunk of fewer bytes is cheaper to copy than to keep. */
const KEEP_FROM = 16_384;

/** How long to wait before the next `accept` when one has failed (too many open files), in milliseconds. */
const ACCEPT_RETRY = 100;

class DenoTransport implements Transport {
  readonly remote: Endpoint;
  readonly #conn: Conn;
  #sink: TransportSink | undefined;
  /** The connection is released, for whatever reason. */
  #over = false;
  /** Why it broke, while there was no sink to tell. */
  #untold: unknown;

  /** Reads fill it from `#offset` on, and what they brought is handed over in place. */
  #memory: Uint8Array | undefined;
  #offset = 0;
  #memorySize = FIRST_MEMORY;
  /** What the last read brought and the sink has not had yet: so many bytes from `#offset` on, or null for the FIN. */
  #arrived: number | null | undefined;
  #pumping = false;
  #paused = false;
  #ended = false;

  #output: "open" | "ending" | "ended" = "open";
  #buffered = 0;
  #sending = false;
  /** Runs to be written before the gathered bytes. */
  readonly #queue: Uint8Array[] = [];
  #segment: Uint8Array | undefined;
  #gathered = 0;
  /** Why a write failed, while the rest of what the peer sent is still being read. */
  #broken: unknown;

  constructor(conn: Conn, remote: Endpoint) {
    this.#conn = conn;
    this.remote = remote;
  }

  get buffered(): number {
    return this.#buffered;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    if (this.#untold !== undefined) queueMicrotask(() => this.#tell());
    this.#flow();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#flow();
  }

  write(chunk: Uint8Array, mayKeep: boolean): WriteResult {
    if (this.#output !== "open") return "refused";
    const size = chunk.length;
    if (size === 0) return "taken";
    const kept = mayKeep && size >= KEEP_FROM;
    if (kept || size > SEGMENT_SIZE) {
      this.#seal();
      this.#queue.push(kept ? chunk : new Uint8Array(chunk));
    } else {
      if (this.#gathered + size > SEGMENT_SIZE) this.#seal();
      this.#segment ??= spare.pop() ?? new Uint8Array(SEGMENT_SIZE);
      this.#segment.set(chunk, this.#gathered);
      this.#gathered += size;
    }
    this.#buffered += size;
    if (!this.#sending) void this.#send();
    return kept ? "kept" : "taken";
  }

  end(): void {
    if (this.#output !== "open") return;
    this.#output = "ending";
    if (!this.#sending) void this.#finish();
  }

  abort(): void {
    this.#untold = undefined;
    if (!this.#over) this.#release();
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

  #flow(): void {
    if (!this.#pumping && this.#flowing()) void this.#pump();
  }

  /** Reads and delivers, as long as it is wanted. */
  async #pump(): Promise<void> {
    this.#pumping = true;
    // What was held back must not come from inside resume().
    if (this.#arrived !== undefined) await undefined;
    while (this.#flowing()) {
      const arrived = this.#arrived;
      if (arrived === undefined) {
        try {
          this.#arrived = await this.#conn.read(this.#room());
        } catch (error) {
          if (!(error instanceof Deno.errors.UnexpectedEof)) {
            this.#fail(this.#broken ?? error);
            break;
          }
          // TCP's FIN without TLS's own before it. A WebSocket has its own close, and sees by it that something is missing.
          this.#arrived = null;
        }
      } else if (arrived === null) {
        this.#ended = true;
        this.#sink?.end();
        this.#releaseWhenDone();
      } else {
        this.#arrived = undefined;
        if (arrived > 0) this.#sink?.data(this.#take(arrived));
      }
    }
    this.#pumping = false;
    if (this.#broken !== undefined) this.#fail(this.#broken);
  }

  /** Where the next read goes. */
  #room(): Uint8Array {
    this.#memory ??= new Uint8Array(this.#memorySize);
    return this.#memory.subarray(this.#offset);
  }

  /** What a read has brought. Its memory is not read into again, and another is taken when three quarters are used. */
  #take(size: number): Uint8Array {
    const memory = this.#memory ?? new Uint8Array(size);
    const start = this.#offset;
    const end = start + size;
    const chunk = memory.subarray(start, end);
    if (end === memory.length) this.#memorySize = Math.min(memory.length * 4, LARGEST_MEMORY);
    if (end > memory.length * 0.75) {
      this.#memory = undefined;
      this.#offset = 0;
    } else {
      this.#offset = (end + 7) & ~7;
    }
    return chunk;
  }

  /** Writes all there is, one run after another. Deno refers to the memory of a run until it is written. */
  async #send(): Promise<void> {
    this.#sending = true;
    for (;;) {
      let run = this.#queue.shift();
      let segment: Uint8Array | undefined;
      if (run === undefined) {
        segment = this.#segment;
        if (segment === undefined) break;
        run = segment.subarray(0, this.#gathered);
        this.#segment = undefined;
        this.#gathered = 0;
      }
      try {
        for (;;) {
          const size = await this.#conn.write(run);
          if (this.#over) return;
          this.#buffered -= size;
          if (size === run.length) break;
          run = run.subarray(size);
        }
      } catch (error) {
        this.#sending = false;
        // What the peer sent before it broke the connection is still to be had, and the pump comes upon the break too.
        if (this.#pumping) this.#broken = error;
        else this.#fail(error);
        return;
      }
      if (segment !== undefined && spare.length < SPARE_SEGMENTS) spare.push(segment);
    }
    this.#sending = false;
    this.#sink?.drain();
    if (!this.#sending && this.#output === "ending") void this.#finish();
  }

  /** Puts the gathered bytes behind what is queued. */
  #seal(): void {
    if (this.#segment === undefined) return;
    this.#queue.push(this.#segment.subarray(0, this.#gathered));
    this.#segment = undefined;
    this.#gathered = 0;
  }

  async #finish(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#output = "ended";
    this.#releaseWhenDone();
  }

  #releaseWhenDone(): void {
    if (this.#ended && this.#output === "ended" && !this.#over) this.#release();
  }

  /** Pending reads and writes reject now, and find that it is over. */
  #release(): void {
    this.#over = true;
    this.#output = "ended";
    this.#buffered = 0;
    this.#memory = undefined;
    this.#segment = undefined;
    this.#queue.length = 0;
    this.#conn.close();
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#release();
    this.#untold = reason;
    this.#tell();
  }

  #tell(): void {
    const reason = this.#untold;
    if (this.#sink === undefined || reason === undefined) return;
    this.#untold = undefined;
    this.#sink.abort(reason);
  }
}

/** Sends small runs at once. Some systems refuse that on a connection which the peer has reset; reading will tell of it. */
function setNoDelay(conn: Conn): void {
  try {
    conn.setNoDelay?.(true);
  } catch {
    // The connection is as good without.
  }
}

function endpoint(address: Address, path: string): Endpoint {
  const { hostname, port } = address;
  return hostname !== undefined && port !== undefined
    ? { transport: "tcp", hostname, port }
    : { transport: "unix", path };
}

/** Settles as `promise` does, or rejects with the reason of `signal` when that is aborted before. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A connection that is still on its way when `signal` is aborted is closed on arrival. */
async function arrival(pending: Promise<Conn>, signal: AbortSignal | undefined): Promise<Conn> {
  try {
    return await unlessAborted(pending, signal);
  } catch (error) {
    pending.then((conn) => conn.close(), () => {});
    throw error;
  }
}

type TcpTarget = Target & { transport: "tcp" };

async function dialTcp({ hostname, port }: TcpTarget, signal: AbortSignal | undefined): Promise<Conn> {
  const conn = await Deno.connect({ hostname, port, signal });
  setNoDelay(conn);
  return conn;
}

async function dialTls(target: TcpTarget, tls: ClientTls, signal: AbortSignal | undefined): Promise<Conn> {
  const { hostname, port } = target;
  const { ca = [], cert, key, servername = hostname.replace(/^\[(.*)\]$/, "$1"), rejectUnauthorized = true } = tls;
  const trust = {
    hostname: servername,
    caCerts: typeof ca === "string" ? [ca] : [...ca],
    unsafelyDisableHostnameVerification: !rejectUnauthorized,
  };
  let conn: Conn;
  if (cert === undefined || key === undefined) {
    conn = await startTls(await dialTcp(target, signal), trust);
  } else if (tls.servername === undefined || tls.servername === hostname) {
    conn = await arrival(Deno.connectTls({ ...trust, hostname, port, cert, key }), signal);
  } else {
    throw new Error(
      `Cannot connect to ${hostname}:${port}: got a client certificate and the servername "${servername}", ` +
        "with a client certificate Deno takes only the host's own name",
    );
  }
  try {
    await unlessAborted(conn.handshake?.() ?? Promise.resolve(), signal);
    return conn;
  } catch (error) {
    conn.close();
    if (rejectUnauthorized || !(error instanceof Deno.errors.InvalidData)) throw error;
    throw new Error(
      `Cannot connect to ${hostname}:${port}: ${error.message}, Deno takes a certificate that it does not trust ` +
        "only when it is started with --unsafely-ignore-certificate-errors",
      { cause: error },
    );
  }
}

async function startTls(tcp: Conn, trust: Trust): Promise<Conn> {
  try {
    return await Deno.startTls(tcp, trust);
  } catch (error) {
    // Whether `tcp` has been taken depends on what was wrong with the options.
    try {
      tcp.close();
    } catch (closing) {
      if (!(closing instanceof Deno.errors.BadResource)) throw closing;
    }
    throw error;
  }
}

async function connect(target: Target, signal?: AbortSignal): Promise<Transport> {
  signal?.throwIfAborted();
  let conn: Conn;
  if (target.transport === "unix") {
    if (target.tls !== undefined) throw new Error(`Cannot connect to ${target.path}: ${NO_TLS_OVER_UNIX}`);
    conn = await arrival(Deno.connect({ transport: "unix", path: target.path }), signal);
  } else {
    conn = await (target.tls === undefined ? dialTcp(target, signal) : dialTls(target, target.tls, signal));
  }
  if (signal?.aborted) {
    conn.close();
    throw signal.reason;
  }
  return new DenoTransport(conn, endpoint(conn.remoteAddr, target.transport === "unix" ? target.path : ""));
}

const NO_TLS_OVER_UNIX = "got a unix socket with TLS, Deno has TLS over TCP only";

class DenoListener implements Listener {
  readonly address: Endpoint;
  readonly #acceptor: Acceptor;
  readonly #accept: (transport: Transport) => void;
  readonly #path: string;
  /** Connections in the TLS handshake. */
  readonly #handshakes = new Set<Conn>();
  readonly #done: Promise<void>;
  #closed = false;

  constructor(acceptor: Acceptor, path: string, accept: (transport: Transport) => void) {
    this.#acceptor = acceptor;
    this.#accept = accept;
    this.#path = path;
    this.address = endpoint(acceptor.addr, path);
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      // Before the socket is closed: afterwards the path may be another's. Newer versions of Deno remove it themselves.
      if (this.address.transport === "unix") removeSocket(this.#path);
      this.#acceptor.close();
      for (const conn of this.#handshakes) conn.close();
    }
    await this.#done;
  }

  ref(): void {
    this.#acceptor.ref();
  }

  unref(): void {
    this.#acceptor.unref();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      let conn: Conn;
      try {
        conn = await this.#acceptor.accept();
      } catch {
        // Closed, or out of something (file descriptors, most likely) that may come back.
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY));
        continue;
      }
      if (conn.handshake === undefined) {
        setNoDelay(conn);
        this.#accept(this.#transport(conn));
      } else {
        void this.#secure(conn, conn.handshake());
      }
    }
  }

  async #secure(conn: Conn, handshake: Promise<unknown>): Promise<void> {
    this.#handshakes.add(conn);
    let secured = true;
    try {
      await handshake;
    } catch {
      // The client's doing, and there is no connection yet to tell it on.
      secured = false;
    }
    this.#handshakes.delete(conn);
    if (this.#closed) return;
    if (secured) this.#accept(this.#transport(conn));
    else conn.close();
  }

  #transport(conn: Conn): Transport {
    return new DenoTransport(conn, endpoint(conn.remoteAddr, this.#path));
  }
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function bind(options: ListenOptions): Acceptor {
  if (options.transport === "unix") {
    const { path, tls } = options;
    if (tls !== undefined) throw new Error(`Cannot listen on ${path}: ${NO_TLS_OVER_UNIX}`);
    return Deno.listen({ transport: "unix", path });
  }
  const { hostname = "0.0.0.0", port, tls } = options;
  if (tls === undefined) return Deno.listen({ hostname, port });
  return Deno.listenTls({ hostname, port, cert: tls.cert, key: tls.key });
}

function listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
  return new Promise((resolve) => {
    resolve(new DenoListener(bind(options), options.transport === "unix" ? options.path : "", accept));
  });
}

/**
 * Deno's TCP, TLS and unix sockets.
 */
export const denoRuntime: Runtime = { name: "deno", connect, listen };
