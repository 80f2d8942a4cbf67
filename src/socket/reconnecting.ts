/**
 * `ReconnectingSocket`: a client for bad networks. It connects again and again, and keeps what is to be sent meanwhile.
 *
 * ```
 *   .-> waiting --delay, with jitter--> connecting --open--> open: what waited is sent
 *   |      ^                               | lost              | lost
 *   |      `-------------------------------^-------------------'
 *   `-- start                    close(), a fatal code, the signal, maxAttempts --> over
 * ```
 *
 * A message leaves once at most: what was given to a connection that breaks is not sent again.
 */

import { CLOSED, CLOSING, CONNECTING, OPEN } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { abortError } from "./abort.ts";
import { checkClose } from "./arguments.ts";
import { sizeOf, toPayload } from "./data.ts";
import { Emitter } from "./emitter.ts";
import { CloseEvent, ErrorEvent, MessageEvent } from "./events.ts";
import {
  AttemptEvent,
  checkReconnecting,
  DropEvent,
  LostEvent,
  type ReconnectingEventMap,
  type ReconnectingOptions,
  type ReconnectingSettings,
  type UrlProvider,
} from "./reconnecting_options.ts";
import type { SocketOptions } from "./options.ts";
import type { Socket } from "./socket.ts";
import { parseUrl } from "./target.ts";
import { startTimeout } from "./timeout.ts";

/** The longest time that a timer can be set to, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

interface Queued {
  readonly data: string | Uint8Array | Blob;
  readonly size: number;
}

/**
 * A client for bad networks. Made for a runtime by the front doors.
 *
 * @example
 * ```ts
 * import { type BaseReconnectingSocket, ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * const socket: BaseReconnectingSocket = new ReconnectingSocket("ws://127.0.0.1:9/", { maxAttempts: 1 });
 * await new Promise((resolve) => socket.onclose = resolve);
 * console.assert(socket.attempts === 1);
 * ```
 */
export class ReconnectingSocket extends Emitter<ReconnectingEventMap<ReconnectingSocket>> implements AsyncDisposable {
  readonly #provider: UrlProvider;
  readonly #settings: ReconnectingSettings;
  readonly #open: (url: URL, options: SocketOptions) => Socket;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #state: "connecting" | "open" | "waiting" | "closing" | "over" = "connecting";
  #socket: Socket | undefined;
  #url = "";
  #attempts = 0;
  /** Failures since a connection was last stable. */
  #failures = 0;
  #error: WebSocketError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stable: ReturnType<typeof setTimeout> | undefined;
  #unlisten: (() => void) | undefined;

  /** Begins to connect, at the end of this turn. Throws as the front doors say. */
  constructor(
    url: string | URL | UrlProvider,
    options: ReconnectingOptions,
    open: (url: URL, options: SocketOptions) => Socket,
  ) {
    super();
    this.#settings = checkReconnecting(options);
    this.#open = open;
    if (typeof url === "function") this.#provider = url;
    else {
      const target = parseUrl(url);
      this.#provider = () => target.href;
      this.#url = target.href;
    }
    const { signal } = this.#settings;
    if (signal !== undefined) {
      const onabort = (): void => this.#giveUp(abortError(signal.reason));
      this.#unlisten = () => signal.removeEventListener("abort", onabort);
      signal.addEventListener("abort", onabort);
      if (signal.aborted) queueMicrotask(onabort);
    }
    queueMicrotask(() => void this.#connect());
  }

  /** The URL of the last attempt. */
  get url(): string {
    return this.#url;
  }

  /** The subprotocol of the connection, or "". */
  get protocol(): string {
    return this.#socket?.protocol ?? "";
  }

  /** `CONNECTING` (0) also while it waits to connect again, `OPEN` (1), `CLOSING` (2), `CLOSED` (3) when it is over for good. */
  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#state === "open") return OPEN;
    return this.#state === "closing" ? CLOSING : this.#state === "over" ? CLOSED : CONNECTING;
  }

  /** How many attempts were begun. */
  get attempts(): number {
    return this.#attempts;
  }

  /** How many messages wait for a connection. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Bytes of messages that wait, for a connection or in it. */
  get bufferedAmount(): number {
    return this.#queuedBytes + (this.#socket?.bufferedAmount ?? 0);
  }

  /**
   * Sends a message, or keeps it until there is a connection. Returns false when the caller should stop: so much waits in
   * the connection, or the message was dropped.
   *
   * Throws a `RangeError` when the queue is full and `overflow` is `"throw"`, a `TypeError` for what cannot be sent. After
   * `close` it does nothing.
   */
  send(data: unknown): boolean {
    if (this.#state === "open") return this.#socket!.send(data);
    if (this.#state === "closing" || this.#state === "over") return false;
    const payload = toPayload(data);
    // Bytes are lent until the call returns.
    const kept = payload instanceof Uint8Array ? new Uint8Array(payload) : payload;
    return this.#keep({ data: kept, size: sizeOf(kept) });
  }

  #keep(message: Queued): boolean {
    const { maxQueue, maxQueueBytes, overflow } = this.#settings;
    const fits = (): boolean => this.#queue.length < maxQueue && this.#queuedBytes + message.size <= maxQueueBytes;
    while (!fits()) {
      if (overflow === "throw") {
        const limits = `maxQueue is ${maxQueue} messages, maxQueueBytes is ${maxQueueBytes}`;
        throw new RangeError(
          `Cannot send: ${this.#queue.length} messages of ${this.#queuedBytes} bytes wait for a connection, ${limits}`,
        );
      }
      if (overflow === "drop-newest" || this.#queue.length === 0) {
        this.deliver("drop", new DropEvent(this, message.data));
        return false;
      }
      this.deliver("drop", new DropEvent(this, this.#shift()!.data));
    }
    this.#queue.push(message);
    this.#queuedBytes += message.size;
    return true;
  }

  #shift(): Queued | undefined {
    const message = this.#queue.shift();
    if (message !== undefined) this.#queuedBytes -= message.size;
    return message;
  }

  /** Ends it for good, and the connection with it. Throws as `Socket.close`. */
  close(code: number = 1000, reason: string = ""): void {
    checkClose(code, reason);
    if (this.#state === "closing" || this.#state === "over") return;
    const wasOpen = this.#state === "open";
    this.#stop("closing");
    if (wasOpen) this.#socket!.close(code, reason);
    else this.#giveUp(undefined);
  }

  /** Ends it for good, without a closing handshake. */
  terminate(): void {
    this.#giveUp(undefined);
  }

  /** Connects at once where it waits to connect again: the network is back, perhaps. */
  retry(): void {
    if (this.#state !== "waiting") return;
    clearTimeout(this.#timer);
    void this.#connect();
  }

  /** Closes, and waits until it is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "over") return;
    const over = new Promise<void>((resolve) => this.once("close", () => resolve()));
    this.close();
    await over;
  }

  /** Called each time a connection is open. */
  get onopen(): ((event: AttemptEvent<ReconnectingSocket>) => unknown) | null {
    return this.slot("open");
  }
  set onopen(listener: ((event: AttemptEvent<ReconnectingSocket>) => unknown) | null) {
    this.setSlot("open", listener);
  }

  /** Called with each message. */
  get onmessage(): ((event: MessageEvent<ReconnectingSocket>) => unknown) | null {
    return this.slot("message");
  }
  set onmessage(listener: ((event: MessageEvent<ReconnectingSocket>) => unknown) | null) {
    this.setSlot("message", listener);
  }

  /** Called with each failure. */
  get onerror(): ((event: ErrorEvent<ReconnectingSocket>) => unknown) | null {
    return this.slot("error");
  }
  set onerror(listener: ((event: ErrorEvent<ReconnectingSocket>) => unknown) | null) {
    this.setSlot("error", listener);
  }

  /** Called once, when it is over for good. */
  get onclose(): ((event: CloseEvent<ReconnectingSocket>) => unknown) | null {
    return this.slot("close");
  }
  set onclose(listener: ((event: CloseEvent<ReconnectingSocket>) => unknown) | null) {
    this.setSlot("close", listener);
  }

  // One attempt after another

  async #connect(): Promise<void> {
    if (this.#state === "over") return;
    this.#state = "connecting";
    this.#error = undefined;
    const attempt = ++this.#attempts;
    this.deliver("attempt", new AttemptEvent("attempt", this, attempt));
    let target: [URL, SocketOptions];
    try {
      target = await this.#ask();
    } catch (cause) {
      if (this.#isAt(attempt)) this.#failed(cause, false);
      return;
    }
    // It may have ended meanwhile.
    if (!this.#isAt(attempt)) return;
    this.#url = target[0].href;
    let socket: Socket;
    try {
      socket = this.#socket = this.#open(...target);
    } catch (cause) {
      // A wrong option is wrong the next time too.
      return this.#failed(cause, true);
    }
    socket.on("open", () => this.#opened(attempt));
    socket.on("message", ({ data, compress }) => this.deliver("message", new MessageEvent(this, data, compress)));
    socket.on("error", ({ error }) => {
      if (this.#state === "over") return;
      this.#error = error;
      this.deliver("error", new ErrorEvent(this, error));
    });
    socket.on("close", (event) => this.#lost(event));
  }

  #isAt(attempt: number): boolean {
    return this.#state === "connecting" && attempt === this.#attempts;
  }

  #failed(cause: unknown, forGood: boolean): void {
    const text = `Cannot connect: ${cause instanceof Error ? cause.message : String(cause)}`;
    const error = this.#error = new WebSocketError("WS_CONNECT_FAILED", text, { cause });
    this.deliver("error", new ErrorEvent(this, error));
    if (forGood) this.#over(undefined);
    else this.#lost(undefined);
  }

  /** Where to connect, and how, this time. */
  async #ask(): Promise<[URL, SocketOptions]> {
    const { token, tokenParameter, socket } = this.#settings;
    const url = parseUrl(await this.#provider());
    if (token === undefined) return [url, socket];
    const value = await token();
    if (tokenParameter !== undefined) {
      url.searchParams.set(tokenParameter, value);
      return [url, socket];
    }
    const headers = new Headers(socket.headers as HeadersInit | undefined);
    headers.set("Authorization", `Bearer ${value}`);
    return [url, { ...socket, headers }];
  }

  #opened(attempt: number): void {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    this.#stable = startTimeout(this.#settings.stableAfter, () => this.#failures = 0);
    // Before the listeners: what they send comes behind what waited.
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) this.#socket!.send(message.data);
    this.deliver("open", new AttemptEvent("open", this, attempt));
  }

  #lost(event: CloseEvent<Socket> | undefined): void {
    if (this.#state === "over") return;
    clearTimeout(this.#stable);
    const { maxAttempts } = this.#settings;
    if (this.#state === "closing" || this.#isFatal(event) || ++this.#failures >= maxAttempts) return this.#over(event);
    this.#socket = undefined;
    this.#state = "waiting";
    const delay = this.#delay();
    // Before the listeners, who may want to connect at once, or not at all.
    this.#timer = setTimeout(() => void this.#connect(), delay);
    this.deliver("lost", new LostEvent(this, this.#attempts, delay, event, this.#error));
  }

  /** Half of the delay is fixed, the other half is left to chance, so that not all clients of a server come at once. */
  #delay(): number {
    const { minDelay, maxDelay, random } = this.#settings;
    const delay = Math.min(maxDelay, minDelay * 2 ** (this.#failures - 1), LONGEST);
    return Math.round(delay / 2 + random() * delay / 2);
  }

  #isFatal(event: CloseEvent<Socket> | undefined): boolean {
    const { fatalCodes, fatalStatuses } = this.#settings;
    const status = (this.#error as { status?: unknown } | undefined)?.status;
    return (event?.wasClean === true && fatalCodes.has(event.code)) ||
      (typeof status === "number" && fatalStatuses.has(status));
  }

  #stop(state: "closing" | "over"): void {
    this.#state = state;
    clearTimeout(this.#timer);
    clearTimeout(this.#stable);
    this.#unlisten?.();
  }

  #giveUp(error: WebSocketError | undefined): void {
    if (this.#state === "over") return;
    const socket = this.#socket;
    this.#stop("over");
    if (error !== undefined) this.deliver("error", new ErrorEvent(this, error));
    this.#finish(undefined);
    socket?.terminate();
  }

  #over(event: CloseEvent<Socket> | undefined): void {
    this.#stop("over");
    this.#finish(event);
  }

  #finish(event: CloseEvent<Socket> | undefined): void {
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) {
      this.deliver("drop", new DropEvent(this, message.data));
    }
    const record = event?.record ?? { sent: undefined, received: undefined, initiator: "none", failed: true } as const;
    this.deliver("close", new CloseEvent(this, record));
  }
}
