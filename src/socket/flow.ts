/**
 * A socket as the language's and the web's streams have it: a loop over its messages, a pair of streams, and `await using`.
 *
 * ```
 *   messages -> Inbox -.-> for await (const event of conn)      who asks slowly makes the peer wait
 *                      `-> conn.readable
 *   conn.writable -> send -> drained()                          a write settles when there is room
 * ```
 */

import { CLOSED, CONNECTING, OPEN } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import type { Data, EventOwner, MessageEvent } from "./events.ts";
import { Inbox, type InboxOwner } from "./inbox.ts";
import { checkSendStream, type MessageChunks, type SendStreamOptions } from "./outgoing.ts";
import { Room } from "./room.ts";
import { SocketEmitter } from "./slots.ts";

/** The room that a socket has to send. */
export let roomOf: (flow: object) => Room;

/**
 * What a socket is beside its events: an asynchronous iterable of messages, a pair of streams, something to dispose of.
 *
 * @typeParam T The socket.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade(async (conn) => {
 *   for await (const { data } of conn) conn.send(`you said ${data}`);
 * }));
 * await using conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = () => conn.send("Hello");
 * for await (const { data } of conn) {
 *   console.assert(data === "you said Hello");
 *   break;
 * }
 * ```
 */
export abstract class SocketFlow<T extends EventOwner> extends SocketEmitter<T>
  implements AsyncIterable<MessageEvent<T>>, AsyncDisposable {
  readonly #room: Room = new Room(this);
  #inTurn = false;
  #inbox: Inbox<T> | undefined;
  #readable: ReadableStream<Data> | undefined;
  #writable: WritableStream<unknown> | undefined;

  /** 0 to 3, as on the web. */
  abstract readonly readyState: 0 | 1 | 2 | 3;
  /** Sends a message; false when so much waits that the caller should stop. */
  abstract send(data: unknown): boolean;
  /** Stops delivery. */
  abstract pause(): this;
  /** Goes on delivering. */
  abstract resume(): this;
  /** Begins the closing handshake. */
  abstract close(code?: number, reason?: string): void;
  /** Cuts the connection. */
  abstract terminate(error?: WebSocketError): void;

  static {
    roomOf = (flow) => (flow as SocketFlow<EventOwner>).#room;
  }

  /**
   * The messages, one by one: `for await (const event of conn)`. While the loop is busy, the peer is made to wait. It ends
   * when the connection has closed, and throws the `WebSocketError` of one that failed. Leaving it leaves the connection
   * open, and paused: another loop goes on where it was left.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageEvent<T>> {
    return this.#inbox ??= new Inbox(this as unknown as InboxOwner<T>);
  }

  /**
   * The messages as a stream of what `event.data` would be. Who reads slowly makes the peer wait. It closes when the
   * connection has closed, and breaks with the `WebSocketError` of one that failed. Cancelling it closes the connection; a
   * reason with a `closeCode`, and perhaps a `reason`, says how.
   */
  get readable(): ReadableStream<Data> {
    if (this.#readable !== undefined) return this.#readable;
    const messages = this[Symbol.asyncIterator]();
    return this.#readable = new ReadableStream<Data>({
      pull: async (controller) => {
        const { done, value } = await messages.next();
        if (done) controller.close();
        else controller.enqueue(value.data);
      },
      cancel: (reason) => closeFor(this, reason),
    }, { highWaterMark: 0 });
  }

  /**
   * A stream that sends what is written to it, each chunk as a message, as `send` does. A write settles when there is room
   * for another. Closing it closes the connection, with 1000, behind all that was written, and settles when that is over.
   * Aborting it closes as cancelling `readable` does. Writes reject once the connection is closing.
   */
  get writable(): WritableStream<unknown> {
    return this.#writable ??= new WritableStream<unknown>({
      start: ({ signal }) => {
        // `abort` of a stream waits for the write in hand, which may wait for room that never comes.
        signal.addEventListener("abort", () => closeFor(this, signal.reason));
        return this.readyState === CONNECTING ? this.#opened() : undefined;
      },
      write: async (chunk) => {
        this.#checkOpen();
        if (this.send(chunk)) return;
        await this.drained();
        this.#checkOpen();
      },
      close: async () => {
        this.close();
        await this.#closed();
      },
    });
  }

  /** Resolves when there is room to send: at once, or with `drain`. And when nothing can be sent any more. */
  drained(): Promise<void> {
    return this.#room.drained();
  }

  /**
   * Sends one message as it is made: a frame for each chunk of the source, and the next chunk when there is room. Nothing
   * of it is held. What is sent after it waits for it. Where compression was agreed on it goes compressed, unless the option
   * `compress` is false. Resolves when all of it was given to the
   * connection. Rejects with what the source throws, the reason of the signal, or a `WebSocketError` when the connection is
   * over; where the message had begun by then, the connection fails, as no message can be left unfinished.
   *
   * Throws a `DOMException` named `InvalidStateError` while connecting, a `TypeError` for what is no source.
   *
   * @param source A `ReadableStream`, or what can be iterated: strings or bytes.
   * @param options Text or binary, and what ends it.
   *
   * @example
   * ```ts
   * import { Socket, upgrade } from "@sockeye/ws";
   * import { memoryServer } from "@sockeye/ws/testing";
   *
   * await using server = await memoryServer(upgrade((conn) => {
   *   conn.onmessage = (event) => conn.send(event.data);
   * }));
   * const conn = new Socket("ws://memory/", { connect: server.connect });
   * conn.onopen = () => conn.sendStream(["one message, ", "in two fragments"]);
   * const event = await new Promise<{ data: unknown }>((resolve) => conn.onmessage = resolve);
   * console.assert(event.data === "one message, in two fragments");
   * conn.close();
   * ```
   */
  sendStream(source: MessageChunks, options: SendStreamOptions = {}): Promise<void> {
    checkSendStream(source, options);
    if (this.readyState === CONNECTING) {
      throw new DOMException("Cannot send: the connection is CONNECTING, wanted OPEN", "InvalidStateError");
    }
    return this.#room.sendStream(source, options);
  }

  /** A message is being handled, and the next has to wait for its turn. */
  protected get inTurn(): boolean {
    return this.#inTurn;
  }

  /** Reads on, unless something is against it. */
  protected abstract goOn(): void;

  /** From now on a message waits until all promises are settled that the listeners of the one before it gave back. */
  protected keepOrder(): void {
    const deliver = this.deliver;
    this.deliver = (type, event) => {
      if (type !== "message") return deliver.call(this, type, event);
      const handled = this.deliverAwaited(type, event);
      if (handled === undefined) return;
      this.#inTurn = true;
      this.#room.link!.pause();
      void handled.then(() => {
        this.#inTurn = false;
        this.goOn();
      });
    };
  }

  #checkOpen(): void {
    if (this.readyState === OPEN) return;
    throw new WebSocketError("WS_PEER_VANISHED", "Cannot send: the connection is closing or over");
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.once("open", () => resolve());
      this.once("error", ({ error }) => reject(error));
    });
  }

  #closed(): Promise<void> {
    if (this.readyState === CLOSED) return Promise.resolve();
    return new Promise((resolve) => this.once("close", () => resolve()));
  }

  /** Closes, and waits until the connection is over: `await using conn = new Socket(url)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#closed();
    this.close();
    await closed;
  }
}

/** Closes for a reason that may say how, as `cancel` and `abort` get it (the WebSocketStream draft). */
export function closeFor(socket: { close(code?: number, reason?: string): void }, why: unknown): void {
  const { closeCode, reason } = typeof why === "object" && why !== null
    ? why as { closeCode?: unknown; reason?: unknown }
    : {};
  const text = typeof reason === "string" ? reason : "";
  const isSendable = closeCode === 1000 || (typeof closeCode === "number" && closeCode >= 3000 && closeCode <= 4999);
  if (isSendable) socket.close(closeCode, text);
  else socket.close();
}
