/**
 * TLS on a connection that is open, over `node:tls`, which all three runtimes have: for `wss:` through a proxy.
 *
 * ```
 *   Transport <-> Duplex <-> tls.connect -> two web streams
 * ```
 *
 * It is slower than a TLS connection of the runtime's own, and loaded when it is needed.
 */

import type { Duplex } from "node:stream";
import type { ClientTls, Runtime, StreamPair, Transport } from "../socket/transport.ts";

/** A runtime that can begin TLS on an open connection, too. */
export function withStartTls(runtime: Runtime): Runtime {
  return { ...runtime, startTls };
}

/** Bytes that may wait for the transport before the next write is taken. */
const HIGH_WATER = 65_536;

async function startTls(
  transport: Transport,
  hostname: string,
  tls: ClientTls,
  signal?: AbortSignal,
): Promise<StreamPair> {
  const [{ connect }, { Duplex }, { isIP }] = await Promise.all([
    import("node:tls"),
    import("node:stream"),
    import("node:net"),
  ]);
  signal?.throwIfAborted();
  const { ca, servername = isIP(hostname) === 0 ? hostname : undefined, cert, key, rejectUnauthorized = true } = tls;
  const socket = connect({
    socket: duplexOf(transport, Duplex),
    host: servername ?? hostname,
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }),
    ...(servername === undefined ? {} : { servername }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => settle(signal?.reason);
    const close = (): void => settle(new Error("Connect: connection closed before TLS was ready"));
    const settle = (reason?: unknown): void => {
      socket.off("error", settle);
      socket.off("close", close);
      signal?.removeEventListener("abort", abort);
      if (reason === undefined) return resolve();
      socket.on("error", () => {});
      socket.destroy();
      reject(reason);
    };
    socket.once("secureConnect", () => settle());
    socket.on("error", settle);
    socket.on("close", close);
    signal?.addEventListener("abort", abort);
  });
  return pairOf(socket, transport);
}

/** A transport as a duplex stream. */
function duplexOf(transport: Transport, Stream: typeof Duplex): Duplex {
  let waiting: (() => void) | undefined;
  const duplex = new Stream({
    read: () => transport.resume(),
    write(chunk: Uint8Array, _encoding, done) {
      if (transport.write(chunk, false) === "refused") done(new Error("Write: the connection is over"));
      else if (transport.buffered < HIGH_WATER) done();
      else waiting = done;
    },
    final(done) {
      transport.end();
      done();
    },
    destroy(error, done) {
      transport.abort(error);
      done(error);
    },
  });
  transport.open({
    data: (chunk) => {
      if (!duplex.push(chunk)) transport.pause();
    },
    end: () => duplex.push(null),
    drain: () => {
      const done = waiting;
      waiting = undefined;
      done?.();
    },
    abort: (reason) => duplex.destroy(reason instanceof Error ? reason : new Error(String(reason))),
  });
  return duplex;
}

/** A duplex stream as web streams. */
function pairOf(socket: Duplex, transport: Transport): StreamPair {
  let ended = false;
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      const end = (reason?: Error): void => {
        if (ended) return;
        ended = true;
        if (reason === undefined) controller.close();
        else controller.error(reason);
      };
      socket.on("data", (chunk: Uint8Array) => {
        if (ended) return;
        controller.enqueue(new Uint8Array(chunk));
        if (controller.desiredSize! <= 0) socket.pause();
      });
      socket.on("end", () => end());
      socket.on("error", end);
      socket.on("close", () => end(new Error("Connection closed before its end")));
    },
    pull: () => void socket.resume(),
    cancel() {
      ended = true;
      socket.destroy();
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER }));
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) =>
      new Promise((resolve, reject) => socket.write(chunk, (error) => error ? reject(error) : resolve())),
    close: () => new Promise((resolve) => void socket.end(resolve)),
    abort: (reason) => void socket.destroy(reason instanceof Error ? reason : undefined),
  });
  return {
    readable,
    writable,
    close: () => void socket.destroy(),
    ref: () => transport.ref(),
    unref: () => transport.unref(),
  };
}
