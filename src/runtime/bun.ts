/** Bun: connects and listens over TCP, TLS and unix sockets; `bun_transport.ts` is what comes of it. */

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
} from "../socket/transport.ts";
import { type BunSocket, BunTransport, handlers, type Turn } from "./bun_transport.ts";

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
