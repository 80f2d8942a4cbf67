/**
 * The messages of a socket for who asks for them one by one: `for await`, or a stream.
 *
 * ```
 *   message -> queue --next()--> the application      full: the socket is paused, and the peer feels it; empty: it goes on
 *   error, close ----^ stand behind them
 * ```
 */

import type { WebSocketError } from "../protocol/errors.ts";
import type { CloseEvent, Data, ErrorEvent, EventOwner, MessageEvent } from "./events.ts";

/** How many messages, and how many of their bytes, wait here before the socket is paused. */
const MAX_MESSAGES = 64;
const MAX_BYTES = 262_144;

/** What an inbox needs of its socket. */
export interface InboxOwner<T extends EventOwner> {
  /** 3: it is over. */
  readonly readyState: number;
  pause(): unknown;
  resume(): unknown;
  on(type: "message", listener: (event: MessageEvent<T>) => void): unknown;
  on(type: "error", listener: (event: ErrorEvent<T>) => void): unknown;
  on(type: "close", listener: (event: CloseEvent<T>) => void): unknown;
}

interface Waiter<T extends EventOwner> {
  resolve(result: IteratorResult<MessageEvent<T>, undefined>): void;
  reject(error: unknown): void;
}

/** The messages of one socket, in order. Ends when the socket has closed; a failure is thrown, once. */
export class Inbox<T extends EventOwner> implements AsyncIterableIterator<MessageEvent<T>> {
  readonly #owner: InboxOwner<T>;
  readonly #queue: MessageEvent<T>[] = [];
  #bytes = 0;
  readonly #waiting: Waiter<T>[] = [];
  #paused = false;
  #error: WebSocketError | undefined;
  #over: boolean;

  /** Begins to listen. */
  constructor(owner: InboxOwner<T>) {
    this.#owner = owner;
    this.#over = owner.readyState === 3;
    owner.on("message", (event) => this.#message(event));
    owner.on("error", ({ error }) => this.#error = error);
    owner.on("close", () => this.#close());
  }

  #message(event: MessageEvent<T>): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) return waiter.resolve({ done: false, value: event });
    this.#queue.push(event);
    this.#bytes += sizeOf(event.data);
    if (this.#queue.length >= MAX_MESSAGES || this.#bytes >= MAX_BYTES) this.#pause();
  }

  #pause(): void {
    if (this.#paused || this.#over) return;
    this.#paused = true;
    this.#owner.pause();
  }

  #close(): void {
    this.#over = true;
    const error = this.#error;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#error = undefined;
    if (error === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(error);
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  /** The next message; done when the socket has closed. Rejects with the `WebSocketError` of one that failed. */
  next(): Promise<IteratorResult<MessageEvent<T>, undefined>> {
    const value = this.#queue.shift();
    if (value !== undefined) {
      this.#bytes -= sizeOf(value.data);
      return Promise.resolve({ done: false, value });
    }
    if (this.#over) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#paused) return;
      this.#paused = false;
      this.#owner.resume();
    });
  }

  /** The loop was left: the socket stays open, and is paused until somebody asks for the next message. */
  return(): Promise<IteratorResult<MessageEvent<T>, undefined>> {
    this.#pause();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself: each loop goes on where the last was left. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

function sizeOf(data: Data): number {
  return typeof data === "string" ? data.length : data instanceof Blob ? data.size : data.byteLength;
}
