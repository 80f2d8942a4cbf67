/**
 * `MessageHandler`: request and response over WebSocket. Each message goes through a handler, and its `response` goes back,
 * strictly one after another.
 *
 * ```
 *   upgrade -> Socket -> message: pause -> handler(msg) -> send(msg.response) -> resume -> the next message
 *                                             | throws
 *                                             `-> msg.lastError, onerror, Close 1011
 * ```
 */

import { INTERNAL_ERROR, MAX_PAYLOAD, OPEN } from "../protocol/constants.ts";
import { checkNumber } from "../socket/check.ts";
import type { MessageEvent } from "../socket/events.ts";
import type { Message } from "../socket/message.ts";
import { closeWith, type Socket } from "../socket/socket.ts";
import { handler as toHandler, invoke, isPlain } from "./handler.ts";
import type { Handler, HandlerLike } from "./handler_types.ts";
import type { HttpRequest } from "./request.ts";
import { upgrade, type UpgradeOptions } from "./upgrade.ts";

/**
 * What a `MessageHandler` has done so far.
 *
 * @example
 * ```ts
 * import { Handler, type MessageStats } from "@sockeye/ws";
 *
 * const stats: MessageStats = new Handler(() => {}).stats;
 * console.assert(stats.total === 0 && stats.error === 0);
 * ```
 */
export interface MessageStats {
  /** Connections that were accepted. */
  readonly total: number;
  /** Messages that are being handled now. */
  readonly pending: number;
  /** Messages that were handed to the handler. */
  readonly request: number;
  /** Responses that were sent. */
  readonly response: number;
  /** Messages that could not be handled or answered. */
  readonly error: number;
}

/**
 * Handlers of errors, by status; 500 is the only one there is here.
 *
 * @example
 * ```ts
 * import type { ErrorHandlers } from "@sockeye/ws";
 *
 * const handlers: ErrorHandlers = { 500: (message) => console.error(message.lastError) };
 * console.assert(typeof handlers[500] === "function");
 * ```
 */
export interface ErrorHandlers {
  /** Gets the message whose handler threw; what it threw is in `lastError`. */
  readonly 500?: HandlerLike<Message>;
}

/**
 * Sets the handler of errors.
 *
 * @example
 * ```ts
 * import { type ErrorHandlerSetter, Handler } from "@sockeye/ws";
 *
 * const answering = new Handler(() => {});
 * const set: ErrorHandlerSetter = answering.onerror;
 * set((message) => console.error(message.lastError));
 * ```
 */
export type ErrorHandlerSetter = (handlers: HandlerLike<Message> | ErrorHandlers | null) => void;

/**
 * A handler of requests that upgrades them to WebSocket and answers each message that comes.
 *
 * A text or binary message goes to the handler as a `Message`, and then `msg.response` is sent, a message of the same type;
 * also when nobody wrote to it. The next message is not read before that. Pings are answered. Other handlers of HTTP may
 * stand before it, and it mounts wherever `upgrade` does.
 *
 * What the handler throws is put in `msg.lastError` and goes to `onerror`, or else to the server, and closes the connection
 * with 1011.
 *
 * @example
 * ```ts
 * import { Handler, Message, TEXT, connect } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, new Handler((msg) => {
 *   msg.response.write(`You said ${msg.data}`);
 * }));
 * await server.start();
 *
 * const stream = await connect(server.url("/"));
 * const message = new Message(TEXT);
 * message.write("Hello");
 * await message.sendTo(stream);
 * await message.readFrom(stream);
 * console.assert(message.data === "You said Hello");
 * await stream.close();
 * await server.close();
 * ```
 */
export class MessageHandler implements Handler {
  readonly #options: UpgradeOptions;
  #upgrade: Handler;
  #handler: Handler<Message>;
  #onerror: Handler<Message> | undefined;
  #maxSize: number;
  #total = 0;
  #pending = 0;
  #request = 0;
  #response = 0;
  #error = 0;

  /**
   * Makes a handler of a function, an array (`Chain`), an object (`Routing`, by `msg.value`) or a handler of messages.
   *
   * @param like What handles each message.
   * @param options Those of `upgrade`.
   * @throws {TypeError} When it is none of them, or an option is unknown or of the wrong kind.
   * @throws {RangeError} When a number is out of range.
   * @throws {SyntaxError} When a pattern of an object cannot be compiled.
   */
  constructor(like: HandlerLike<Message>, options: UpgradeOptions = {}) {
    this.#handler = toHandler<Message>(like);
    this.#options = options;
    this.#upgrade = this.#accepting(options);
    this.#maxSize = options.maxPayload ?? MAX_PAYLOAD;
  }

  /** What handles each message. A new one gets the messages that come from then on. */
  get handler(): Handler<Message> {
    return this.#handler;
  }

  /** @throws {TypeError | SyntaxError} As the constructor. */
  set handler(like: HandlerLike<Message>) {
    this.#handler = toHandler<Message>(like);
  }

  /** Bytes of one message; more closes the connection with 1009. It holds for connections that come. @default {67108864} */
  get maxSize(): number {
    return this.#maxSize;
  }

  /** @throws {TypeError | RangeError} When it is no number, or below 0. */
  set maxSize(value: number) {
    this.#maxSize = checkNumber("maxSize", value);
    this.#upgrade = this.#accepting({ ...this.#options, maxPayload: value });
  }

  /** What it has done so far: a copy. */
  get stats(): MessageStats {
    return {
      total: this.#total,
      pending: this.#pending,
      request: this.#request,
      response: this.#response,
      error: this.#error,
    };
  }

  /**
   * What gets the messages whose handler threw: assign a handler, or call it with handlers by status, as in
   * `onerror({ 500: (msg) => console.error(msg.lastError) })`. The connection is closed afterwards. Without one the server
   * is told.
   */
  get onerror(): ErrorHandlerSetter {
    return (handlers) => this.onerror = handlers;
  }

  /** @throws {TypeError} When it is no handler. */
  set onerror(handlers: HandlerLike<Message> | ErrorHandlers | null) {
    const like = isByStatus(handlers) ? handlers[500] : handlers;
    this.#onerror = like === null || like === undefined ? undefined : toHandler<Message>(like);
  }

  /** Upgrades a request, or refuses it as `upgrade` does. */
  invoke(req: HttpRequest): ReturnType<Handler["invoke"]> {
    return this.#upgrade.invoke(req);
  }

  #accepting(options: UpgradeOptions): Handler {
    return upgrade(options, (conn) => this.#serve(conn));
  }

  /** Rejects with what a handler throws and no `onerror` takes: `upgrade` reports it and closes with 1011. */
  async #serve(conn: Socket): Promise<void> {
    this.#total++;
    const talk = new Conversation(conn);
    for (let msg = await talk.next(); msg !== undefined; msg = await talk.next()) {
      try {
        await this.#answer(msg, talk);
      } catch (error) {
        this.#error++;
        msg.lastError = error;
        if (this.#onerror === undefined) throw error;
        await invoke(this.#onerror, msg);
        return closeWith(conn, INTERNAL_ERROR, "");
      }
    }
  }

  async #answer(msg: Message, talk: Conversation): Promise<void> {
    this.#request++;
    this.#pending++;
    try {
      await invoke(this.#handler, msg);
    } finally {
      this.#pending--;
    }
    if (!talk.open) return;
    talk.send(msg.response);
    this.#response++;
    await talk.room();
  }
}

/** One connection, a message at a time: from one message to the asking for the next it is paused. */
class Conversation {
  readonly #conn: Socket;
  /** Those that came and were not asked for yet. */
  readonly #events: MessageEvent[] = [];
  #congested = false;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(conn: Socket) {
    this.#conn = conn;
    conn.on("message", (event) => {
      conn.pause();
      this.#events.push(event);
      this.#wake?.();
    });
    conn.on("drain", () => {
      this.#congested = false;
      this.#wake?.();
    });
    conn.on("close", () => {
      this.#over = true;
      this.#wake?.();
    });
  }

  /** The next message; `undefined` when the connection is over. */
  async next(): Promise<Message | undefined> {
    while (this.#events.length === 0 && !this.#over) {
      this.#conn.resume();
      await this.#change();
    }
    return this.#events.shift()?.message;
  }

  /** Something can be sent. */
  get open(): boolean {
    return this.#conn.readyState === OPEN;
  }

  /** Sends a message. */
  send(msg: Message): void {
    this.#congested = !this.#conn.send(msg);
  }

  /** Resolves when the peer has taken so much that there is room for another. */
  async room(): Promise<void> {
    while (this.#congested && !this.#over) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

/** Whether all keys are statuses: patterns of a routing are no numbers. */
function isByStatus(handlers: unknown): handlers is ErrorHandlers {
  return isPlain(handlers) && !("invoke" in handlers) && Object.keys(handlers).every((key) => /^\d{3}$/.test(key));
}
