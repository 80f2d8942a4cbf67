/**
 * `WebSocketStream`: a connection as two promises and two streams, as the draft of that name for the web has it.
 *
 * ```
 *   opened -> { readable, writable, protocol, extensions }      closed -> { closeCode, reason }
 * ```
 */

import type { WebSocketError } from "../protocol/errors.ts";
import { CONNECTING } from "../protocol/constants.ts";
import { closeFor } from "./flow.ts";
import type { Data } from "./events.ts";
import type { SocketOptions } from "./options.ts";
import type { Socket } from "./socket.ts";

/**
 * Options of a `WebSocketStream`: those of `Socket`, of which `signal` ends connecting only.
 *
 * @example
 * ```ts
 * import { WebSocketStream, type WebSocketStreamOptions } from "@sockeye/ws/stream";
 *
 * const options: WebSocketStreamOptions = { protocols: ["chat"], signal: AbortSignal.abort(new Error("No")) };
 * const failed = await new WebSocketStream("ws://127.0.0.1:9/", options).opened.catch((error) => error.message);
 * console.assert(failed === "No");
 * ```
 */
export type WebSocketStreamOptions = SocketOptions;

/**
 * What `opened` gives.
 *
 * @example
 * ```ts
 * import type { WebSocketConnection } from "@sockeye/ws/stream";
 *
 * const greet = ({ writable }: WebSocketConnection) => writable.getWriter().write("Hello");
 * console.assert(greet.length === 1);
 * ```
 */
export interface WebSocketConnection {
  /** The messages: text as strings, binary ones as `Uint8Array`, or as `binaryType` says. */
  readonly readable: ReadableStream<Data>;
  /** Sends each chunk as a message. A write settles when there is room for another. */
  readonly writable: WritableStream<unknown>;
  /** The subprotocol, or "". */
  readonly protocol: string;
  /** The extensions, or "". */
  readonly extensions: string;
}

/**
 * How a connection ended, or is to end.
 *
 * @example
 * ```ts
 * import type { WebSocketCloseInfo } from "@sockeye/ws/stream";
 *
 * const info: WebSocketCloseInfo = { closeCode: 3000, reason: "done" };
 * console.assert(info.closeCode === 3000);
 * ```
 */
export interface WebSocketCloseInfo {
  /** 1000 or 3000 to 4999, to close with; what the peer sent, 1005 for nothing, when it has closed. */
  readonly closeCode?: number;
  /** Up to 123 bytes. */
  readonly reason?: string;
}

/**
 * A connection as two promises and two streams. Made for a runtime by the front doors.
 *
 * @example
 * ```ts
 * import { type BaseWebSocketStream, WebSocketStream } from "@sockeye/ws/stream";
 *
 * const stream: BaseWebSocketStream = new WebSocketStream("ws://127.0.0.1:9/nobody-is-there");
 * console.assert(await stream.closed.catch((error) => error.code) === "WS_CONNECT_FAILED");
 * ```
 */
export class WebSocketStream {
  /** The URL of a client's end, "" at the server's. */
  readonly url: string;
  /**
   * Resolves with the streams when the connection is open. Rejects with what kept it from opening: a `WebSocketError`, or
   * the reason of `signal`.
   */
  readonly opened: Promise<WebSocketConnection>;
  /** Resolves when both ends have closed. Rejects with the `WebSocketError` of a connection that failed. */
  readonly closed: Promise<WebSocketCloseInfo>;
  readonly #socket: Socket;

  /** Takes over a socket nobody else uses; an abort of `signal` ends connecting. */
  constructor(socket: Socket, signal?: AbortSignal) {
    this.#socket = socket;
    this.url = socket.url;
    // First: it holds messages from now on.
    const { readable } = socket;
    let error: WebSocketError | undefined;
    let aborted: { readonly reason: unknown } | undefined;
    const onabort = (): void => {
      if (socket.readyState !== CONNECTING) return;
      aborted = { reason: signal!.reason };
      socket.terminate();
    };
    socket.on("error", (event) => error = event.error);
    const failure = (): unknown => aborted === undefined ? error : aborted.reason;
    this.closed = new Promise((resolve, reject) => {
      socket.on("close", ({ code, reason, wasClean }) => {
        signal?.removeEventListener("abort", onabort);
        if (wasClean) resolve({ closeCode: code, reason });
        else reject(failure() ?? new DOMException("Connection was cut", "NetworkError"));
      });
    });
    const connection = (): WebSocketConnection => ({
      readable,
      writable: socket.writable,
      protocol: socket.protocol,
      extensions: socket.extensions,
    });
    this.opened = new Promise((resolve, reject) => {
      if (socket.readyState !== CONNECTING) return resolve(connection());
      socket.on("open", () => {
        signal?.removeEventListener("abort", onabort);
        resolve(connection());
      });
      // Behind it, nothing changes any more.
      socket.on("close", () => reject(failure()));
    });
    // Who looks at one of them need not look at the other.
    this.opened.catch(() => {});
    this.closed.catch(() => {});
    signal?.addEventListener("abort", onabort);
    if (signal?.aborted) onabort();
  }

  /**
   * Begins the closing handshake, with 1000 where no code is given; `closed` settles when it is done. What was written
   * before goes out first.
   *
   * @throws {DOMException} Named `InvalidAccessError` for a code that is not 1000 or 3000 to 4999, `SyntaxError` for a
   * reason of more than 123 bytes.
   */
  close(info: WebSocketCloseInfo = {}): void {
    const { closeCode, reason } = info;
    if (closeCode === undefined && reason === undefined) closeFor(this.#socket, undefined);
    else this.#socket.close(closeCode ?? 1000, reason ?? "");
  }

  /** Closes, and waits until the connection is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket[Symbol.asyncDispose]();
  }
}
