/** Deno: connects and listens over TCP, TLS and unix sockets; `deno_transport.ts` is what comes of it. */

import type {
  ClientTls,
  Endpoint,
  Listener,
  ListenOptions,
  Runtime,
  ServerTls,
  Target,
  Transport,
} from "../socket/transport.ts";
import { acceptedMemories, type Address, type Conn, DenoTransport } from "./deno_transport.ts";

/** What is used of a `Deno.Listener`. */
interface Acceptor {
  readonly addr: Address;
  accept(): Promise<Conn>;
  close(): void;
  ref(): void;
  unref(): void;
}

type UnixPath = { transport: "unix"; path: string };
type HostPort = { hostname: string; port: number };
/** Deno 2.4 does not know `unsafelyDisableHostnameVerification`, and checks the name all the same. */
type Trust = { hostname: string; caCerts: string[]; unsafelyDisableHostnameVerification: boolean };

// Only what is used: the npm build knows no Deno.
declare const Deno: {
  connect(options: UnixPath | (HostPort & { signal: AbortSignal | undefined })): Promise<Conn>;
  connectTls(options: Trust & { port: number; cert: string; key: string }): Promise<Conn>;
  startTls(conn: Conn, options: Trust): Promise<Conn>;
  listen(options: UnixPath | HostPort): Acceptor;
  listenTls(options: HostPort & ServerTls): Acceptor;
  removeSync(path: string): void;
  readonly errors: Readonly<
    Record<"BadResource" | "ConnectionAborted" | "InvalidData" | "NotConnected" | "NotFound", new () => Error>
  >;
};
/** How long to wait before the next `accept` when one has failed (too many open files), in milliseconds. */
const ACCEPT_RETRY = 100;

/** Whether `accept` has failed because the peer had gone by then; it has taken that connection from those that wait. */
function wasLate(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionAborted;
}

/** macOS refuses where the peer has reset the connection; reading will tell of that. Over TLS there is no such setting. */
function setNoDelay(conn: Conn): void {
  tolerate(Error, () => conn.setNoDelay?.(true));
}

/** Of TCP, Deno's own object will do: it is there anyway for as long as the connection is. */
function endpoint(address: Address, path: string): Endpoint {
  return address.transport === "tcp" ? address : { transport: "unix", path };
}

/** Settles as `promise` does, or rejects when `signal` is aborted before; then what is left is given up. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, giveUp: () => unknown): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      giveUp();
    };
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
}

async function dialTcp({ hostname, port }: HostPort, signal: AbortSignal | undefined): Promise<Conn> {
  const conn = await Deno.connect({ hostname, port, signal });
  setNoDelay(conn);
  return conn;
}

async function dialTls(target: HostPort, tls: ClientTls, signal: AbortSignal | undefined): Promise<Conn> {
  const { hostname, port } = target;
  const { ca = [], cert, key, servername = hostname.replace(/^\[(.*)\]$/, "$1"), rejectUnauthorized = true } = tls;
  const trust: Trust = {
    hostname: servername,
    caCerts: typeof ca === "string" ? [ca] : [...ca],
    unsafelyDisableHostnameVerification: !rejectUnauthorized,
  };
  let conn: Conn;
  if (cert === undefined || key === undefined) {
    conn = await startTls(await dialTcp(target, signal), trust);
  } else if (tls.servername === undefined || tls.servername === hostname) {
    const dialling = Deno.connectTls({ ...trust, hostname, port, cert, key });
    conn = await unlessAborted(dialling, signal, () => dialling.then((late) => late.close(), () => {}));
  } else {
    const got = `a client certificate and the servername "${servername}"`;
    throw new Error(`Cannot connect to ${hostname}:${port}: got ${got}, Deno wants only one of them`);
  }
  try {
    await unlessAborted(conn.handshake?.() ?? Promise.resolve(), signal, () => {});
    return conn;
  } catch (error) {
    conn.close();
    if (rejectUnauthorized || !(error instanceof Deno.errors.InvalidData)) throw error;
    const wanted = "Deno takes it only when started with --unsafely-ignore-certificate-errors";
    throw new Error(`Cannot connect to ${hostname}:${port}: ${error.message}, ${wanted}`, { cause: error });
  }
}

async function startTls(tcp: Conn, trust: Trust): Promise<Conn> {
  try {
    return await Deno.startTls(tcp, trust);
  } catch (error) {
    // Whether `tcp` has been taken depends on what was wrong with the options.
    tolerate(Deno.errors.BadResource, () => tcp.close());
    throw error;
  }
}

async function connect(target: Target, signal?: AbortSignal): Promise<Transport> {
  signal?.throwIfAborted();
  const { transport, tls } = target;
  let conn: Conn;
  if (transport === "tcp") {
    conn = await (tls === undefined ? dialTcp(target, signal) : dialTls(target, tls, signal));
  } else {
    if (tls !== undefined) throw new Error(`Cannot connect to ${target.path}: ${NO_TLS_OVER_UNIX}`);
    conn = await Deno.connect({ transport, path: target.path });
  }
  if (signal?.aborted) {
    conn.close();
    throw signal.reason;
  }
  return new DenoTransport(conn, endpoint(conn.remoteAddr, transport === "unix" ? target.path : ""));
}

const NO_TLS_OVER_UNIX = "got a unix socket with TLS, Deno has TLS over TCP only";

function bind(options: ListenOptions): Acceptor {
  const { transport, tls } = options;
  if (transport === "unix") {
    if (tls !== undefined) throw new Error(`Cannot listen on ${options.path}: ${NO_TLS_OVER_UNIX}`);
    return Deno.listen({ transport, path: options.path });
  }
  const { hostname = "0.0.0.0", port } = options;
  return tls === undefined ? Deno.listen({ hostname, port }) : Deno.listenTls({ hostname, port, ...tls });
}

function listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
  return new Promise((resolve) => {
    const acceptor = bind(options);
    const path = options.transport === "unix" ? options.path : "";
    const handshakes = new Set<Conn>();
    let closed = false;
    const readInto = acceptedMemories(options.lendMemory);
    const stand = (conn: Conn): void => accept(new DenoTransport(conn, endpoint(conn.remoteAddr, path), readInto));
    // What goes wrong, or takes too long, is the client's doing, and there is no connection yet to tell it on.
    const secure = async (conn: Conn, handshake: Promise<unknown>): Promise<void> => {
      handshakes.add(conn);
      const timer = options.handshakeTimeout && setTimeout(() => conn.close(), options.handshakeTimeout);
      const done = await handshake.then(() => true, () => false).finally(() => clearTimeout(timer));
      handshakes.delete(conn);
      if (done && !closed) stand(conn);
      else tolerate(Deno.errors.BadResource, () => conn.close());
    };
    const running = (async (): Promise<void> => {
      while (!closed) {
        let conn: Conn;
        try {
          conn = await acceptor.accept();
        } catch (error) {
          // Closed, or out of something (file descriptors, most likely) that may come back.
          if (!closed && !wasLate(error)) await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY));
          continue;
        }
        setNoDelay(conn);
        if (conn.handshake === undefined) stand(conn);
        else void secure(conn, conn.handshake());
      }
    })();
    resolve({
      address: endpoint(acceptor.addr, path),
      close() {
        if (closed) return running;
        closed = true;
        // Deno 2.4 leaves it. Before the socket is closed: afterwards the path may be another's.
        if (options.transport === "unix") tolerate(Deno.errors.NotFound, () => Deno.removeSync(path));
        acceptor.close();
        for (const conn of handshakes) conn.close();
        return running;
      },
      ref: () => acceptor.ref(),
      unref: () => acceptor.unref(),
    });
  });
}

function tolerate(kind: new () => Error, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}

/** Deno's TCP, TLS and unix sockets. */
export const denoRuntime: Runtime = { name: "deno", connect, listen };
