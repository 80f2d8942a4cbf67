/**
 * The WebSockets of `Bun.serve`, which calls one set of functions for all of them, as objects with listeners.
 *
 * ```
 *   server.upgrade(request, { data: BunSocket }) -> websocket.open / message / ping / pong / drain / close(ws)
 *                                                                 `-> ws.data -> its listeners: NativeLink
 * ```
 */

import type { PlatformEvent, PlatformSocket } from "../socket/transport.ts";

/**
 * What Bun makes: the members that are used.
 *
 * @example
 * ```ts
 * import type { BunWebSocket } from "@sockeye/ws/mount/bun";
 *
 * const waits = (ws: BunWebSocket): boolean => ws.getBufferedAmount() > 0;
 * console.assert(waits.length === 1);
 * ```
 */
export interface BunWebSocket {
  /** What `server.upgrade` was given. */
  readonly data: unknown;
  /** In which form bytes come. */
  binaryType?: string | undefined;
  /** Sends a message. */
  send(data: string | Uint8Array<ArrayBuffer>, compress?: boolean): number;
  /** Sends a Close frame, and is done. */
  close(code?: number, reason?: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Sends a ping. */
  ping(data?: string | Uint8Array<ArrayBuffer>): number;
  /** Bytes that wait for the peer. */
  getBufferedAmount(): number;
  /** Stops reading, since Bun 1.4. */
  pause?(): void;
  /** Goes on reading. */
  resume?(): void;
}

/**
 * What `Bun.serve` calls.
 *
 * @example
 * ```ts
 * import { type BunHandlers, mount } from "@sockeye/ws/mount/bun";
 *
 * const handlers: BunHandlers = mount({}).websocket;
 * console.assert(typeof handlers.message === "function");
 * ```
 */
export interface BunHandlers {
  /** It has opened. */
  open(ws: BunWebSocket): void;
  /** A message came. */
  message(ws: BunWebSocket, message: string | Uint8Array): void;
  /** A ping came, and was answered. */
  ping(ws: BunWebSocket, data: Uint8Array): void;
  /** A pong came. */
  pong(ws: BunWebSocket, data: Uint8Array): void;
  /** Nothing waits for the peer any more. */
  drain(ws: BunWebSocket): void;
  /** It is over. */
  close(ws: BunWebSocket, code: number, reason: string): void;
}

/** What it calls for WebSockets whose `data` is a `BunSocket`. */
export const bunHandlers: BunHandlers = {
  open: (ws) => (ws.data as BunSocket).open(ws),
  message: ({ data }, message) => (data as BunSocket).emit("message", { data: message }),
  ping: ({ data }, payload) => (data as BunSocket).emit("ping", { data: payload }),
  pong: ({ data }, payload) => (data as BunSocket).emit("pong", { data: payload }),
  drain: ({ data }) => (data as BunSocket).drain(),
  close: ({ data }, code, reason) => (data as BunSocket).over(code, reason),
};

/** One WebSocket of `Bun.serve`. */
export class BunSocket implements PlatformSocket {
  /** In which form bytes come is set when it opens. */
  binaryType = "uint8array";
  /** {@inheritDoc PlatformSocket.readyState} */
  readyState = 0;
  /** {@inheritDoc PlatformSocket.protocol} */
  readonly protocol: string;
  /** Bun does not tell whether it compresses. */
  readonly extensions: string = "";
  readonly #listeners: Map<string, ((event: PlatformEvent) => void)[]> = new Map();
  #ws: BunWebSocket | undefined;
  /** The reading is stopped, or is to be when it opens. */
  #paused = false;
  /** The Close frame that goes out when nothing waits before it. */
  #closing: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;

  /** Makes one that is connecting. */
  constructor(protocol: string) {
    this.protocol = protocol;
  }

  /** Bun has opened it. */
  open(ws: BunWebSocket): void {
    ws.binaryType = "uint8array";
    this.#ws = ws;
    this.readyState = 1;
    if (this.#paused) ws.pause?.();
    this.emit("open", {});
  }

  /** The peer takes more. */
  drain(): void {
    this.emit("drain", {});
    if (this.#closing === undefined || this.bufferedAmount > 0) return;
    this.#ws!.close(this.#closing.code, this.#closing.reason);
  }

  /** Bun has ended it; it tells so from inside of the call where we did. */
  over(code: number, reason: string): void {
    this.readyState = 3;
    // Bun says 1006 where no Close frame came.
    queueMicrotask(() => this.emit("close", { code, reason, wasClean: code !== 1006 }));
  }

  /** {@inheritDoc PlatformSocket.addEventListener} */
  addEventListener(type: string, listener: (event: PlatformEvent) => void): void {
    const list = this.#listeners.get(type);
    if (list === undefined) this.#listeners.set(type, [listener]);
    else list.push(listener);
  }

  /** Calls the listeners of an event. */
  emit(type: string, event: PlatformEvent): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }

  /** {@inheritDoc PlatformSocket.bufferedAmount} */
  get bufferedAmount(): number {
    return this.readyState === 1 ? this.#ws!.getBufferedAmount() : 0;
  }

  /** {@inheritDoc PlatformSocket.send} */
  send(data: string | Uint8Array<ArrayBuffer>, compress?: boolean): void {
    this.#ws?.send(data, compress ?? true);
  }

  /**
   * {@inheritDoc PlatformSocket.close} Bun does not wait for the peer's Close frame, nor for what is before its own: a
   * process that then ends would take that with it.
   */
  close(code?: number, reason?: string): void {
    if (this.bufferedAmount > 0) this.#closing ??= { code, reason };
    else this.#ws?.close(code, reason);
  }

  /** {@inheritDoc PlatformSocket.terminate} */
  terminate(): void {
    this.#ws?.terminate();
  }

  /** {@inheritDoc PlatformSocket.ping} */
  ping(data: Uint8Array): void {
    this.#ws?.ping(new Uint8Array(data));
  }

  /** {@inheritDoc PlatformSocket.pause} */
  pause(): void {
    this.#paused = true;
    if (this.readyState === 1) this.#ws!.pause?.();
  }

  /** {@inheritDoc PlatformSocket.resume} */
  resume(): void {
    this.#paused = false;
    if (this.readyState === 1) this.#ws!.resume?.();
  }
}
