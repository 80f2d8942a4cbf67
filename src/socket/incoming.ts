/**
 * Messages that come as streams: one after another, each as it arrives.
 *
 * ```
 *   piece -> queue --read()--> the application      full, or the message is not read to its end: the peer has to wait
 * ```
 */

import { WebSocketError } from "../protocol/errors.ts";

/** How many bytes wait to be read before the peer is made to wait. */
const MAX_WAITING = 65_536;

/** What becomes of messages that come as streams. */
export interface IncomingOwner {
  /** A message has begun. */
  begin(opcode: number, readable: ReadableStream<Uint8Array>): void;
  /** Nothing shall come now. */
  wait(): void;
  /** More may come. */
  goOn(): void;
}

/** The messages of one connection, as streams. */
export class Incoming {
  readonly #owner: IncomingOwner;
  /** The message in progress: being received, or not yet read to its end. */
  #message: IncomingMessage | undefined;

  /** Makes the place they come in at. */
  constructor(owner: IncomingOwner) {
    this.#owner = owner;
  }

  /** The peer has to wait, as what has come was not read yet. */
  get waiting(): boolean {
    return this.#message?.full ?? false;
  }

  /** Takes a piece of a message; `last` ends it. */
  piece(opcode: number, data: Uint8Array, last: boolean): void {
    let message = this.#message;
    if (message === undefined) {
      const fresh = message = new IncomingMessage(() => this.#read(fresh));
      this.#message = fresh;
      fresh.push(data, last);
      this.#owner.begin(opcode, fresh.readable);
    } else message.push(data, last);
    if (message.over) this.#message = undefined;
    else if (message.full) this.#owner.wait();
  }

  #read(message: IncomingMessage): void {
    if (this.#message !== message || message.full) return;
    if (message.over) this.#message = undefined;
    this.#owner.goOn();
  }

  /** The connection is over: a message that has not come to its end breaks. */
  fail(): void {
    const text = "Cannot read the rest of a message: the connection is over";
    this.#message?.fail(new WebSocketError("WS_PEER_VANISHED", text));
  }
}

/** One message as a stream. */
class IncomingMessage {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #queue: Uint8Array[] = [];
  #waiting = 0;
  /** Its last piece has come. */
  #complete = false;
  /** It was read to its end, or nobody wants it. */
  #state: "wanted" | "cancelled" | "read" = "wanted";
  #error: WebSocketError | undefined;
  /** Wakes who reads. */
  #wake: (() => void) | undefined;

  constructor(onread: () => void) {
    this.readable = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (this.#queue.length === 0 && !this.#complete && this.#error === undefined) {
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
        const data = this.#queue.shift();
        if (data !== undefined) {
          this.#waiting -= data.length;
          controller.enqueue(data);
        } else if (this.#error !== undefined) controller.error(this.#error);
        if (this.#queue.length === 0 && this.#complete) {
          this.#state = "read";
          controller.close();
        }
        onread();
      },
      cancel: () => {
        this.#state = "cancelled";
        this.#queue.length = 0;
        this.#waiting = 0;
        onread();
      },
    }, { highWaterMark: 0 });
  }

  /** Nothing more can come, nor be read. */
  get over(): boolean {
    return this.#state === "read" || (this.#state === "cancelled" && this.#complete);
  }

  /** The rest of it, or the next message, has to wait. */
  get full(): boolean {
    return this.#state === "wanted" && (this.#complete || this.#waiting >= MAX_WAITING);
  }

  push(data: Uint8Array, last: boolean): void {
    this.#complete = last;
    if (this.#state === "wanted" && data.length > 0) {
      this.#queue.push(data);
      this.#waiting += data.length;
    }
    this.#wake?.();
  }

  fail(error: WebSocketError): void {
    if (!this.#complete) this.#error = error;
    this.#wake?.();
  }
}
