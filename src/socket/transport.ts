/**
 * What a runtime lends to the core: byte connections, and nothing that knows WebSocket.
 *
 * ```
 *   runtime --- TransportSink.data / end / drain / abort --> core
 *   runtime <-- Transport.write / end / abort / pause / resume --- core
 * ```
 *
 * It is push-shaped, because a read that costs a promise costs 40 % of the messages with one in flight.
 */

import type { DeflateContexts } from "../protocol/contexts.ts";
import type { Allocator } from "../protocol/pool.ts";
import type { TextCoder } from "../protocol/utf8.ts";
import type { DeflateFactory } from "../protocol/codec.ts";

/**
 * One end of a connection, for logs and policy; never for decisions of the protocol.
 *
 * @example
 * ```ts
 * import type { Endpoint } from "@sockeye/ws";
 *
 * const show = (at: Endpoint) => at.transport === "tcp" ? `${at.hostname}:${at.port}` : at.transport;
 * console.assert(show({ transport: "tcp", hostname: "::1", port: 80 }) === "::1:80");
 * ```
 */
export type Endpoint =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "memory" };

/**
 * What a transport tells its owner. No method is called before the call that caused it has returned.
 *
 * @example
 * ```ts
 * import type { TransportSink } from "@sockeye/ws";
 * import { memoryPair } from "@sockeye/ws/testing";
 *
 * const [near, far] = memoryPair();
 * const came = new Promise<number>((resolve) => {
 *   const sink: TransportSink = { data: (chunk) => resolve(chunk.length), end() {}, drain() {}, abort() {} };
 *   far.open(sink);
 * });
 * near.write(Uint8Array.of(1, 2, 3), false);
 * console.assert(await came === 3);
 * near.abort();
 * ```
 */
export interface TransportSink {
  /** Bytes from the peer, at least one. They are handed over for good: the receiver may overwrite and keep them. */
  data(chunk: Uint8Array): void;
  /**
   * The same, with bytes that are only lent: they may be overwritten, and not kept when the call has returned. A sink that
   * has this gets them so from a transport that reads into the same memory again.
   */
  lent?(chunk: Uint8Array): void;
  /** Nothing is kept of the chunk that `data` had last: its memory may be used for something else. @default {false} */
  readonly spent?: boolean;
  /** The peer's FIN: no more data comes. The other direction stays open. Called at most once. */
  end(): void;
  /**
   * Copies bytes that have to wait, to memory that is used again: it comes back by `returned`. This alone is called from
   * within `write`; without it a transport makes the copy.
   */
  copy?(chunk: Uint8Array): Uint8Array;
  /** A chunk that was `kept`, or a `copy`, is written, and may be used again. Not every transport tells, nor of each. */
  returned?(chunk: Uint8Array): void;
  /** `buffered` was above zero and is zero again. */
  drain(): void;
  /**
   * The connection broke in both directions. Called at most once, nothing follows it, and not in answer to the
   * owner's own `abort()`.
   */
  abort(reason: unknown): void;
}

/**
 * What became of a chunk: `taken` (it may be used again at once), `kept` (the transport keeps it; it must not be
 * touched again) or `refused` (the transport has ended: the bytes are lost).
 *
 * @example
 * ```ts
 * import type { WriteResult } from "@sockeye/ws";
 * import { memoryPair } from "@sockeye/ws/testing";
 *
 * const [near] = memoryPair();
 * near.abort();
 * const result: WriteResult = near.write(Uint8Array.of(1), false);
 * console.assert(result === "refused");
 * ```
 */
export type WriteResult = "taken" | "kept" | "refused";

/**
 * One reliable, ordered byte connection that is already open (TLS, if any, done).
 *
 * @example
 * ```ts
 * import type { Transport } from "@sockeye/ws";
 * import { memoryPair } from "@sockeye/ws/testing";
 *
 * const [near]: [Transport, Transport] = memoryPair();
 * console.assert(near.buffered === 0);
 * near.abort();
 * ```
 */
export interface Transport {
  /**
   * Starts delivery. Called again, it hands the connection over: all that comes from then on goes to the new sink
   * (the opening handshake and the open WebSocket are two receivers of one connection).
   */
  open(sink: TransportSink): void;
  /**
   * Takes bytes, all of them, in order. The chunk is lent until the call returns: what the runtime has not taken by
   * then is copied; only with `mayKeep` may the transport keep the chunk itself, and then says `kept`.
   * A chunk without bytes is nothing.
   */
  write(chunk: Uint8Array, mayKeep: boolean): WriteResult;
  /** `write` copies whatever it does not keep: a large message is better given in memory that it may keep. @default {false} */
  readonly copies?: boolean;
  /** Where large messages lie, where the runtime has something better than the language. @default {memory of zeros} */
  readonly allocator?: Allocator;
  /**
   * Stops reading, so that the peer feels it. From the return of the call until `resume()` neither `data` nor `end`
   * is called; what had been read by then comes after `resume()`. `abort` may come at any time.
   */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
  /** FIN, after all that was written. Reading goes on. Once both ends have sent theirs, the connection is released. */
  end(): void;
  /** Drops both directions now. May be called more than once, at any time, and never throws. */
  abort(reason?: unknown): void;
  /** Bytes taken and not yet given to the runtime's socket. */
  readonly buffered: number;
  /** The connection keeps the process alive (the default). */
  ref(): void;
  /** The connection does not keep the process alive. */
  unref(): void;
  /** The other end. */
  readonly remote?: Endpoint;
}

/**
 * TLS settings of a client.
 *
 * @example
 * ```ts
 * import { type ClientTls, Socket } from "@sockeye/ws";
 *
 * const tls: ClientTls = { servername: "a.example" };
 * const socket = new Socket("wss://127.0.0.1:9/", { tls });
 * socket.close();
 * ```
 */
export interface ClientTls {
  /** Certificates of authorities to trust, in PEM; added to or replacing the system's, as the runtime does it. */
  readonly ca?: string | readonly string[];
  /** Name for SNI and for checking the certificate, where it is not the host's. */
  readonly servername?: string;
  /** Certificate chain of the client, in PEM. */
  readonly cert?: string;
  /** Private key of the client, in PEM. */
  readonly key?: string;
  /** Whether a certificate that cannot be trusted ends the connection. @default {true} */
  readonly rejectUnauthorized?: boolean;
}

/**
 * TLS settings of a server.
 *
 * @example
 * ```ts
 * import type { ServerTls } from "@sockeye/ws";
 *
 * const read = (cert: string, key: string): ServerTls => ({ cert, key });
 * console.assert(read("a", "b").cert === "a");
 * ```
 */
export interface ServerTls {
  /** Certificate chain, in PEM. */
  readonly cert: string;
  /** Private key, in PEM. */
  readonly key: string;
}

/**
 * Where a client wants to go.
 *
 * @example
 * ```ts
 * import type { Target } from "@sockeye/ws";
 *
 * const target: Target = { transport: "tcp", hostname: "127.0.0.1", port: 80 };
 * console.assert(target.transport === "tcp");
 * ```
 */
export type Target =
  | {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
    /** Present: over TLS. */
    readonly tls?: ClientTls;
  }
  | {
    readonly transport: "unix";
    readonly path: string;
    /** Present: over TLS. */
    readonly tls?: ClientTls;
  };

/**
 * Where a server wants to listen, and what it lends.
 *
 * @example
 * ```ts
 * import type { ListenOptions } from "@sockeye/ws";
 *
 * const options: ListenOptions = { transport: "unix", path: "/run/chat.sock" };
 * console.assert(options.transport === "unix");
 * ```
 */
export type ListenOptions =
  | {
    readonly transport: "tcp";
    /** @default {"0.0.0.0"} */
    readonly hostname?: string;
    /** 0 picks a free one. */
    readonly port: number;
    readonly tls?: ServerTls;
    /** Milliseconds that a client has for the TLS handshake. @default as long as the runtime waits */
    readonly handshakeTimeout?: number;
    /**
     * Lends memory of so many bytes, for good, in which frames are unmasked faster than in other: for what is read from
     * clients, and lent by `TransportSink.lent`. `undefined` where there is no more of it.
     */
    readonly lendMemory?: (size: number) => Uint8Array | undefined;
  }
  | {
    readonly transport: "unix";
    readonly path: string;
    readonly tls?: ServerTls;
    /** Milliseconds that a client has for the TLS handshake. @default as long as the runtime waits */
    readonly handshakeTimeout?: number;
    /** As for TCP. */
    readonly lendMemory?: (size: number) => Uint8Array | undefined;
  };

/**
 * A listening socket.
 *
 * @example
 * ```ts
 * import type { TransportListener } from "@sockeye/ws";
 * import { memoryNetwork } from "@sockeye/ws/testing";
 *
 * const address = { transport: "tcp", hostname: "memory", port: 80 } as const;
 * const listener: TransportListener = await memoryNetwork().listen(address, () => {});
 * console.assert(listener.address.transport === "tcp");
 * await listener.close();
 * ```
 */
export interface Listener {
  /** Where it listens; the port is the real one. */
  readonly address: Endpoint;
  /** Stops listening. Connections that were accepted go on. Resolves when the address is free. */
  close(): Promise<void>;
  /** The listener keeps the process alive (the default). */
  ref(): void;
  /** The listener does not keep the process alive. */
  unref(): void;
}

/**
 * What happens on a WebSocket of the platform: the members of all kinds of events.
 *
 * @example
 * ```ts
 * import type { PlatformEvent } from "@sockeye/ws";
 *
 * const event: PlatformEvent = { code: 1000, reason: "", wasClean: true };
 * console.assert(event.wasClean);
 * ```
 */
export interface PlatformEvent {
  /** Of `message`, `ping` and `pong`. */
  readonly data?: unknown;
  /** Of `close`: the code, 1005 where the Close frame was empty. */
  readonly code?: number;
  /** Of `close`. */
  readonly reason?: string;
  /** Of `close`: both ends sent a Close frame. */
  readonly wasClean?: boolean;
  /** Of `error`: what happened, where the platform says so. */
  readonly message?: string;
}

/**
 * A WebSocket that the platform made: the members of the web's interface that are used, and after them those that only
 * some platforms have.
 *
 * @example
 * ```ts
 * import type { PlatformSocket } from "@sockeye/ws";
 *
 * const open = (url: string): PlatformSocket => new WebSocket(url);
 * console.assert(open.length === 1);
 * ```
 */
export interface PlatformSocket {
  /** `"arraybuffer"` is set. */
  binaryType: string;
  /** 0 to 3, as on the web. */
  readonly readyState: number;
  /** The negotiated subprotocol, or "". */
  readonly protocol: string;
  /** The negotiated extensions, or "". */
  readonly extensions: string;
  /** Bytes given to `send` and not yet to the network. */
  readonly bufferedAmount: number;
  /** Sends a message. The bytes are lent until the call returns. `compress` is obeyed where the platform can. */
  send(data: string | Uint8Array<ArrayBuffer>, compress?: boolean): void;
  /** Begins the closing handshake. Throws on a code that the platform does not send. */
  close(code?: number, reason?: string): void;
  /**
   * Listens to `open`, `message`, `error` and `close`; where there is `ping`, to `ping` and `pong` too; and to `drain`,
   * which some platforms have.
   */
  addEventListener(type: string, listener: (event: PlatformEvent) => void): void;
  /** Sends a ping. */
  ping?(data: Uint8Array): void;
  /** Cuts the connection. */
  terminate?(): void;
  /** Stops reading. */
  pause?(): void;
  /** Goes on reading. */
  resume?(): void;
  /** The connection keeps the process alive. */
  ref?(): void;
  /** The connection does not keep the process alive. */
  unref?(): void;
}

/**
 * A connection as two web streams. `Deno.Conn`, the streams of WebTransport and what Node's `Duplex.toWeb` gives are such
 * pairs as they are.
 *
 * @example
 * ```ts
 * import type { StreamPair } from "@sockeye/ws";
 * import { streamTransport } from "@sockeye/ws/testing";
 *
 * const there = new TransformStream<Uint8Array, Uint8Array>();
 * const back = new TransformStream<Uint8Array, Uint8Array>();
 * const pair: StreamPair = { readable: back.readable, writable: there.writable };
 * streamTransport(pair).abort();
 * ```
 */
export interface StreamPair {
  /** Bytes from the peer, until its FIN. A chunk that was read belongs to the reader, who may overwrite it. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Bytes to the peer. A write settles when the peer, or the system, has taken the chunk. */
  readonly writable: WritableStream<Uint8Array>;
  /** Sends the FIN, for pairs of which `writable.close()` closes both directions. @default {writable.close()} */
  closeWrite?(): Promise<void>;
  /** Releases what is behind the streams. Called once, after both have ended or were aborted; what it throws is ignored. */
  close?(): void;
  /** As `close`, where there is none. */
  [Symbol.dispose]?(): void;
  /** The connection keeps the process alive. */
  ref?(): void;
  /** The connection does not keep the process alive. */
  unref?(): void;
}

/**
 * What a runtime must lend. Everything else comes from the web's globals.
 *
 * @example
 * ```ts
 * import { type Runtime, Socket } from "@sockeye/ws";
 * import { memoryNetwork } from "@sockeye/ws/testing";
 *
 * const runtime: Runtime = memoryNetwork();
 * const socket = new Socket("ws://memory/", { connect: (target, signal) => runtime.connect(target, signal) });
 * const event = await new Promise<{ code: number }>((resolve) => socket.onclose = resolve);
 * console.assert(event.code === 1006);
 * ```
 */
export interface Runtime {
  /** Name for messages: `"deno"`, `"bun"`, `"node"`, `"memory"`. */
  readonly name: string;
  /**
   * What compresses and inflates: synchronous contexts, or codecs of its own. Absent: permessage-deflate is neither offered
   * nor accepted.
   */
  readonly deflate?: DeflateContexts | DeflateFactory | undefined;
  /** What encodes and decodes text, where the runtime has something faster than the language. */
  readonly text?: TextCoder;
  /** Where there are no byte connections: begins a WebSocket of the platform's own, and clients use it. */
  readonly webSocket?: (url: string, protocols: readonly string[]) => PlatformSocket;
  /**
   * Begins TLS, as a client, on a connection that is open: in the tunnel of a proxy. The connection is given away, and is
   * dropped where this rejects. Absent: `wss:` cannot go through a proxy.
   */
  readonly startTls?: (
    transport: Transport,
    hostname: string,
    tls: ClientTls,
    signal?: AbortSignal,
  ) => Promise<StreamPair>;
  /** Opens a connection. Rejects with the runtime's own error, or with `signal.reason` when aborted. */
  connect(target: Target, signal?: AbortSignal): Promise<Transport>;
  /** Listens; `accept` is called for each connection, which is not read before its `open()`. */
  listen(options: ListenOptions, accept: (transport: Transport) => void): Promise<Listener>;
}
