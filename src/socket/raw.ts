/**
 * `connect`: the opening handshake and nothing more. What it gives is the bytes of the connection, to be framed by hand.
 *
 * ```
 *   openHandshake -> Opening -> RawConnection: readable <- data, FIN       writable -> write, FIN
 *                                              (full: pause; read: resume) (full: until drain)
 * ```
 */

import { CLOSE_TIMEOUT, HIGH_WATER_MARK } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { show } from "../protocol/headers.ts";
import { abortError } from "./abort.ts";
import { checkNames } from "./check.ts";
import { openHandshake } from "./connect.ts";
import { connectorOf } from "./connector.ts";
import type { Opening } from "./opening.ts";
import { checkOptions, type SocketOptions } from "./options.ts";
import { parseUrl } from "./target.ts";
import type { Runtime, Transport, TransportSink } from "./transport.ts";

/**
 * Options of `connect`.
 *
 * @example
 * ```ts
 * import { connect, type RawOptions } from "@sockeye/ws";
 *
 * const options: RawOptions = { origin: "http://a.example", handshakeTimeout: 3_000 };
 * const failed = await connect("ws://127.0.0.1:9/", options).catch((error) => error.code);
 * console.assert(failed === "WS_CONNECT_FAILED");
 * ```
 */
export type RawOptions = Pick<
  SocketOptions,
  | ("origin" | "headers" | "handshakeTimeout" | "maxHeadSize" | "maxHeadFields" | "maxRedirects")
  | ("tls" | "httpClient" | "signal" | "connect")
>;

const KNOWN: ReadonlySet<string> = new Set<keyof RawOptions>([
  ...["origin", "headers", "handshakeTimeout", "maxHeadSize", "maxHeadFields", "maxRedirects"] as const,
  ...["tls", "httpClient", "signal", "connect"] as const,
]);

/**
 * The bytes of a connection whose opening handshake is done.
 *
 * @example
 * ```ts
 * import { connect, Message, type RawStream } from "@sockeye/ws";
 *
 * const read = async (stream: RawStream) => {
 *   const message = new Message();
 *   await message.readFrom(stream);
 *   return message.data;
 * };
 * const failed = await connect("ws://127.0.0.1:9/").then(read, (error) => error.code);
 * console.assert(failed === "WS_CONNECT_FAILED");
 * ```
 */
export interface RawStream extends AsyncDisposable {
  /** The bytes that come, from the first behind the handshake on. It ends with the peer's FIN. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes the bytes that go. Closing it sends FIN and leaves the other direction open. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Ends the connection, behind what was written, and reads no more. It sends no Close frame: that is a frame like others.
   * Resolves when the connection is over, and cuts one that the peer keeps open after 10 seconds. May be called again.
   */
  close(): Promise<void>;
}

/** How many bytes are read ahead of who reads, before the peer is made to wait. */
const READ_AHEAD = 65_536;

/**
 * Connects, makes the opening handshake, and gives the raw bytes of the connection.
 *
 * Rejects with a `DOMException` named `SyntaxError` for a malformed URL, with a `TypeError` or `RangeError` for a wrong
 * option, and else with a `WebSocketError` as `openHandshake` does.
 */
export async function connectRaw(
  url: string | URL,
  origin: string | RawOptions = "",
  runtime?: () => Promise<Runtime>,
): Promise<RawStream> {
  const target = parseUrl(url);
  const options = checkOptions(ownOptions(origin), undefined);
  const connect = connectorOf(options, await runtime?.());
  const signal = options.signal ?? new AbortController().signal;
  const { opening } = await openHandshake(target, options.connect, connect, signal);
  if (signal.aborted) {
    opening.transport.abort();
    throw abortError(signal.reason);
  }
  return new RawConnection(opening, signal);
}

function ownOptions(origin: unknown): RawOptions {
  if (typeof origin === "string") return { origin };
  if (typeof origin !== "object" || origin === null) {
    throw new TypeError(`Cannot connect: origin is ${show(origin)}, wanted a string or options`);
  }
  checkNames("connect", origin, KNOWN);
  return origin as RawOptions;
}

/** A connection as a pair of web streams. */
class RawConnection implements RawStream, TransportSink {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #transport: Transport;
  #in!: ReadableStreamDefaultController<Uint8Array>;
  #out!: WritableStreamDefaultController;
  /** What comes is handed on, or dropped because nobody wants it, or nothing comes any more. */
  #incoming: "read" | "dropped" | "ended" = "read";
  /** Nothing goes out any more: our FIN has, or the connection broke. */
  #finished = false;
  /** Ends the wait of a write for room. */
  #drained: (() => void) | undefined;
  readonly #over: Promise<void>;
  #settle!: () => void;
  #closing: Promise<void> | undefined;

  constructor(opening: Opening, signal: AbortSignal) {
    const transport = this.#transport = opening.transport;
    const onabort = (): void => this.#break(abortError(signal.reason));
    this.#over = new Promise((resolve) => {
      this.#settle = () => {
        signal.removeEventListener("abort", onabort);
        resolve();
      };
    });
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#in = controller),
      pull: () => transport.resume(),
      cancel: () => this.#drop(),
    }, new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD }));
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#out = controller;
        const { signal } = controller;
        // `abort` below waits for the write in hand, which may wait for room that never comes.
        signal.addEventListener("abort", () => {
          transport.abort(signal.reason);
          this.#drained?.();
        });
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#finish(),
      abort: (reason) => this.#break(reason),
    });
    signal.addEventListener("abort", onabort);
    opening.open(this);
  }

  // What comes from the transport

  data(chunk: Uint8Array): void {
    if (this.#incoming !== "read") return;
    this.#in.enqueue(chunk);
    if (this.#in.desiredSize! <= 0) this.#transport.pause();
  }

  end(): void {
    if (this.#incoming === "read") this.#in.close();
    this.#incoming = "ended";
    if (this.#finished) this.#settle();
  }

  drain(): void {
    this.#drained?.();
  }

  abort(reason: unknown): void {
    const text = reason instanceof Error ? reason.message : String(reason);
    this.#fail(new WebSocketError("WS_PEER_VANISHED", `Connection broke: ${text}`, { cause: reason }));
  }

  // What comes from who uses the streams

  #write(chunk: Uint8Array): Promise<void> | void {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError(`Cannot write: chunk is ${show(chunk)}, wanted a Uint8Array`);
    }
    if (this.#transport.write(chunk, false) === "refused") {
      throw new WebSocketError("WS_PEER_VANISHED", "Cannot write: the connection is over");
    }
    if (this.#transport.buffered < HIGH_WATER_MARK) return;
    return new Promise((resolve) => this.#drained = resolve);
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#transport.end();
    if (this.#incoming === "ended") this.#settle();
  }

  /** Goes on reading, for the peer's FIN stands behind what nobody wants. */
  #drop(): void {
    if (this.#incoming !== "read") return;
    this.#incoming = "dropped";
    this.#transport.resume();
  }

  #break(reason: unknown): void {
    this.#transport.abort(reason);
    this.#fail(reason);
  }

  /** The connection is over, and both streams fail. */
  #fail(reason: unknown): void {
    if (this.#incoming === "read") this.#in.error(reason);
    this.#incoming = "ended";
    if (!this.#finished) this.#out.error(reason);
    this.#finished = true;
    this.#drained?.();
    this.#settle();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (this.#incoming === "read") {
      this.#in.close();
      this.#drop();
    }
    const timer = setTimeout(() => {
      this.#break(new WebSocketError("WS_CLOSE_TIMEOUT", `Cannot close: the peer did not within ${CLOSE_TIMEOUT} ms`));
    }, CLOSE_TIMEOUT);
    if (this.writable.locked) {
      this.#finish();
      this.#out.error(new TypeError("Cannot write: the connection was closed"));
    } else {
      // What was written goes out first. A stream that is closed, or failed over a wrong chunk, has nothing to wait for.
      this.writable.close().catch(() => this.#finish());
    }
    await this.#over;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
