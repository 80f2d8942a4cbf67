/** Node: connects and listens with `node:net` and `node:tls`; `node_transport.ts` is what comes of it. */

import net from "node:net";
import tls from "node:tls";
import type { Duplex } from "node:stream";
import type { Endpoint, Listener, ListenOptions, Runtime, Target, Transport } from "../socket/transport.ts";
import { NodeTransport, onread, shareArrivals } from "./node_transport.ts";

class NodeListener implements Listener {
  readonly address: Endpoint;
  readonly #server: net.Server;

  constructor(server: net.Server, address: Endpoint) {
    this.#server = server;
    this.address = address;
  }

  close(): Promise<void> {
    // The handle is closed before the call returns. Its callback would wait for the last connection.
    this.#server.close();
    return Promise.resolve();
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }
}

function tcpEndpoint(socket: net.Socket): Endpoint | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { transport: "tcp", hostname: remoteAddress, port: remotePort };
}

function unixEndpoint(path: string): Endpoint {
  return { transport: "unix", path };
}

/** Begins to connect. */
function dial(target: Target): net.Socket {
  const where = target.transport === "tcp" ? { host: target.hostname, port: target.port } : { path: target.path };
  if (target.tls === undefined) return net.connect({ ...where, onread });
  const { ca, servername, cert, key, rejectUnauthorized = true } = target.tls;
  return tls.connect({
    ...where,
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }),
    ...(servername === undefined ? {} : { servername }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}

function connect(target: Target, signal?: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = dial(target);
    const connected = target.tls === undefined ? "connect" : "secureConnect";
    const settle = (): void => {
      socket.off(connected, onConnected);
      socket.off("error", fail);
      socket.off("close", onClose);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (reason: unknown): void => {
      settle();
      // What it says of its end is of no interest any more.
      socket.on("error", () => {});
      socket.destroy();
      reject(reason);
    };
    const onClose = (): void => fail(new Error("Connect: connection closed before it was open"));
    const onAbort = (): void => fail(signal?.reason);
    const onConnected = (): void => {
      settle();
      const remote = target.transport === "tcp" ? tcpEndpoint(socket) : unixEndpoint(target.path);
      resolve(new NodeTransport(socket, remote, target.tls === undefined ? onread.buffer : undefined));
    };
    socket.on(connected, onConnected);
    socket.on("error", fail);
    socket.on("close", onClose);
    signal?.addEventListener("abort", onAbort);
  });
}

function listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const onConnection = (socket: net.Socket): void => {
      // A handshake that was over only after the listener was closed.
      if (!server.listening) {
        socket.destroy();
        return;
      }
      const remote = options.transport === "tcp" ? tcpEndpoint(socket) : unixEndpoint(options.path);
      const shared = options.tls === undefined ? shareArrivals(socket, options.lendMemory) : undefined;
      accept(new NodeTransport(socket, remote, shared));
    };
    const server: net.Server = options.tls === undefined
      ? net.createServer({ pauseOnConnect: true }, onConnection)
      : tls.createServer({
        cert: options.tls.cert,
        key: options.tls.key,
        ...(options.handshakeTimeout === undefined ? {} : { handshakeTimeout: options.handshakeTimeout }),
      }, onConnection);
    // Of a handshake that took too long Node only tells: it leaves the socket open.
    server.on("tlsClientError", (_error: Error, socket: tls.TLSSocket) => socket.destroy());
    server.once("error", reject);
    const onListening = (): void => {
      server.off("error", reject);
      // One connection could not be accepted (no file descriptor was left, say): the next may be.
      server.on("error", () => {});
      const bound = server.address();
      const address: Endpoint = typeof bound === "object" && bound !== null
        ? { transport: "tcp", hostname: bound.address, port: bound.port }
        : unixEndpoint(bound ?? "");
      resolve(new NodeListener(server, address));
    };
    if (options.transport === "unix") server.listen({ path: options.path }, onListening);
    else server.listen({ host: options.hostname ?? "0.0.0.0", port: options.port }, onListening);
  });
}

/**
 * The runtime of Node, for whoever wants to name it: `connect` and `listen` over TCP, TLS and Unix sockets.
 * An own `ca` replaces the authorities that Node trusts. Over a Unix socket a certificate is checked for `localhost`,
 * unless `servername` says otherwise.
 */
export const nodeRuntime: Runtime = { name: "node", connect, listen };

/**
 * Makes a transport of a socket that somebody else opened: of an `upgrade` event of `node:http`, above all. Its listeners
 * for data must be gone. `head` is what was read of it already: it is delivered first.
 *
 * Throws a `TypeError` when the stream gives text or objects in place of bytes.
 */
export function fromSocket(socket: Duplex, head?: Uint8Array): Transport {
  if (socket.readableEncoding !== null || socket.readableObjectMode || socket.writableObjectMode) {
    throw new TypeError("Take over a socket: it gives text or objects, wanted a stream of bytes");
  }
  if (socket instanceof net.Socket) socket.setTimeout(0);
  const transport = new NodeTransport(socket, socket instanceof net.Socket ? tcpEndpoint(socket) : undefined);
  if (head !== undefined && head.length > 0) socket.unshift(new Uint8Array(head));
  return transport;
}
