/**
 * `Socket`: one WebSocket as its application sees it, at either end.
 *
 * ```
 *   new Socket(url) -> openHandshake -> Link --. text / binary / closing / close
 *   upgrade(accept) ------------------> Link --+--------> Socket --> onmessage, on("message"), ...
 *                                              `<-------- send / ping / close
 *
 *   CONNECTING --open--> OPEN --either end closes, or fails--> CLOSING --the transport is over--> CLOSED
 * ```
 */

import type { CloseRecord } from "../protocol/close.ts";
import { CLOSED, CLOSING, CONNECTING, OPEN } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { PreparedMessage } from "../protocol/prepared.ts";
import { abortError, connectError, NEVER_OPENED, onAbort } from "./abort.ts";
import { type AcceptInfo, ServerStart } from "./accept.ts";
import { checkClose, checkFailure, checkPing } from "./arguments.ts";
import { binaryData, compressOf, type SendOptions, sizeOf, toPayload } from "./data.ts";
import type { Data } from "./events.ts";
import { CloseEvent, ControlEvent, ErrorEvent, lendCodecs, MessageEvent, SocketEvent, StreamEvent } from "./events.ts";
import { Heartbeat, type HeartbeatSettings } from "./heartbeat.ts";
import { roomOf, SocketFlow } from "./flow.ts";
import { HeldEvents, type HeldOwner } from "./held_events.ts";
import type { Link, LinkEvents } from "./link.ts";
import type { CodecProvider } from "./message.ts";
import { type BinaryType, isBinaryType } from "./options.ts";
import { Incoming } from "./incoming.ts";
import { Pings } from "./pings.ts";
import type { Room } from "./room.ts";
import type { ClientStart } from "./start.ts";
import type { Endpoint } from "./transport.ts";

/** Makes the server's end of a connection: it is OPEN, and its events are held until it gets its first listener. */
export function acceptSocket(link: Link, info: AcceptInfo = {}): Socket {
  return new Socket(new ServerStart(link, info));
}

/** Closes with any code that may be sent: 1001 for a server that goes, 1011 for one that failed. */
export let closeWith: (socket: Socket, code: number, reason: string) => void;

let makeInlet: (socket: Socket) => LinkEvents & HeldOwner;

/**
 * One WebSocket: the client's end, made with `new`, or the server's, which `upgrade` hands to its `accept`.
 *
 * @example A client
 * ```ts ignore
 * import { Socket } from "@sockeye/ws";
 *
 * const socket = new Socket("ws://127.0.0.1:8080/ws");
 * socket.onopen = () => socket.send("Hello");
 * socket.onmessage = (event) => console.log(event.data);
 * ```
 */
export class Socket extends SocketFlow<Socket> {
  readonly #url: string;
  #protocol = "";
  readonly #origin: string;
  readonly #remote: Endpoint | undefined;
  readonly #codec: CodecProvider | undefined;
  #binaryType: BinaryType = "uint8array";
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #link: Link | undefined;
  /** Ends connecting. */
  #controller: AbortController | undefined;
  #unlisten: (() => void) | undefined;

  /** The application has called `pause`. */
  #paused = false;
  /** Events for the first listener, of a server's end that has none yet. */
  #held: HeldEvents | undefined;
  #refed = true;

  readonly #inlet: LinkEvents & HeldOwner = makeInlet(this);
  readonly #room: Room = roomOf(this);
  /** Bytes given to `send` after closing, as the web counts them. */
  #lostBytes = 0;
  /** Messages that come as streams, where that was asked for. */
  #incoming: Incoming | undefined;
  #pings: Pings | undefined;
  #heartbeat: Heartbeat | undefined;

  /** Begins one end. The entry points of the package make the client's from a URL, and `upgrade` the server's. */
  constructor(start: ClientStart | ServerStart) {
    super();
    if (start instanceof ServerStart) {
      const { link, info } = start;
      this.#url = "";
      this.#origin = info.origin ?? "";
      this.#remote = info.remote;
      this.#held = new HeldEvents(this.#inlet, info.messageTimeout);
      this.#codec = info.codec;
      if (info.ordered) this.keepOrder();
      this.#open(link, info.heartbeat);
      return;
    }
    const { url, options } = start;
    this.#url = url.href;
    this.#origin = options.origin;
    this.#binaryType = options.binaryType;
    this.#codec = start.codec;
    const { signal, heartbeat, ordered } = options;
    if (ordered) this.keepOrder();
    this.#unlisten = onAbort(signal, (error) => this.#abort(error));
    const controller = this.#controller = new AbortController();
    if (signal?.aborted) controller.abort(abortError(signal.reason));
    start.connect(controller.signal).then((link) => {
      if (!controller.signal.aborted) return this.#open(link, heartbeat);
      link.terminate();
      this.#neverOpened(controller.signal.reason);
    }, (error) => this.#neverOpened(error));
  }

  static {
    closeWith = (socket, code, reason) => socket.#closeWith(code, reason);
    lendCodecs((owner) => owner instanceof Socket ? owner.#codec : undefined);

    /** One object for each socket: a closure for each event would be 1 KiB for each connection. */
    class Inlet implements LinkEvents, HeldOwner {
      readonly #socket: Socket;
      constructor(socket: Socket) {
        this.#socket = socket;
      }
      text(data: string, compressed: boolean): void {
        if (this.#socket.#readyState === OPEN) this.#socket.#message(data, data.length, compressed);
      }
      binary(data: Uint8Array, compressed: boolean): void {
        const socket = this.#socket;
        if (socket.#readyState !== OPEN) return;
        const type = socket.#binaryType;
        socket.#message(binaryData(data, type), data.length, compressed, type === "blob" ? data : undefined);
      }
      piece(opcode: number, data: Uint8Array, last: boolean): void {
        this.#socket.#piece(opcode, data, last);
      }
      ping(data: Uint8Array): void {
        this.#socket.#control("ping", data);
      }
      pong(data: Uint8Array): void {
        this.#socket.#pings?.settle(data);
        this.#socket.#control("pong", data);
      }
      drain(): void {
        this.#socket.#room.relieve();
        this.#socket.#tell(new SocketEvent("drain", this.#socket));
      }
      closing(): void {
        const socket = this.#socket;
        socket.#room.over();
        socket.#heartbeat?.stop();
        if (socket.#readyState === OPEN) socket.#readyState = CLOSING;
        // Nothing is read any more that could be stopped.
        if (socket.#paused) socket.resume();
      }
      error(why: () => WebSocketError): void {
        const socket = this.#socket;
        // To make an error that nobody wants is a tenth of a connection that comes, breaks and goes, on Deno.
        if (socket.#held === undefined && socket.#pings === undefined && socket.listenerCount("error") === 0) return;
        const error = why();
        socket.#pings?.fail(error);
        socket.#tell(new ErrorEvent(socket, error));
      }
      close(record: CloseRecord): void {
        this.#socket.#closed(record);
      }
      deliver(event: SocketEvent): void {
        this.#socket.deliver(event.type, event);
      }
      isPaused(): boolean {
        return this.#socket.#paused || this.#socket.inTurn;
      }
      done(): void {
        this.#socket.#held = undefined;
        this.#socket.#readOn();
      }
      fail(error: WebSocketError): void {
        this.#socket.terminate(error);
      }
    }
    makeInlet = (socket) => new Inlet(socket);
  }

  // What it is

  /** The URL it was made with, "" at the server's end. */
  get url(): string {
    return this.#url;
  }

  /** The subprotocol that was chosen, or "". */
  get protocol(): string {
    return this.#protocol;
  }

  /** The `Origin` that was sent, or came, or "". */
  get origin(): string {
    return this.#origin;
  }

  /** The extensions in use, as the header names them, or "". */
  get extensions(): string {
    return this.#link?.extensions ?? "";
  }

  /** The other end, where the runtime tells it. For logs and policy. */
  get remote(): Endpoint | undefined {
    return this.#remote;
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. */
  override get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** Bytes of messages given to `send` and not yet to the runtime; after closing it only grows, as on the web. */
  get bufferedAmount(): number {
    return (this.#link?.bufferedAmount ?? 0) + this.#room.bytes + this.#lostBytes;
  }

  /** Milliseconds between the last ping that was answered and its pong: one of `heartbeat`, or of `ping()`. */
  get roundTripTime(): number | undefined {
    return this.#pings?.last;
  }

  /**
   * The form in which binary messages are delivered. To set it to anything else changes nothing, as on the web.
   *
   * @default {"uint8array"}
   */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    if (isBinaryType(value)) this.#binaryType = value;
  }

  // What it does

  /**
   * Sends a message: a string as text; an ArrayBuffer, a view or a Blob as binary; a `Message` as what it is; anything else
   * as its string; what `prepare` made without framing it again. Order is kept and nothing is lost. After closing it does nothing but count, as on the web.
   *
   * Returns false when so much waits to be sent that the caller should stop; `drain` follows. Throws a `DOMException` named
   * `InvalidStateError` while connecting, a `TypeError` for what cannot be sent, and for a wrong option.
   *
   * @param data What to send.
   * @param options How to send it.
   */
  override send(data: unknown, options?: SendOptions): boolean {
    if (arguments.length === 0) throw new TypeError("Cannot send: data is missing, wanted anything");
    if (data instanceof PreparedMessage) return this.#sendPrepared(data, options);
    const payload = typeof data === "string" ? data : toPayload(data);
    const compress = typeof data === "string" && options === undefined ? undefined : compressOf(data, options);
    if (this.#readyState !== OPEN) return this.#refuse(payload);
    if (payload instanceof Blob || this.#room.busy) return this.#sendLater(payload, compress);
    return this.#sendNow(payload, compress);
  }

  #sendNow(payload: string | Uint8Array, compress: boolean | undefined, link: Link = this.#link!): boolean {
    if (typeof payload === "string") link.sendText(payload, compress);
    else link.sendBinary(payload, compress);
    return !link.congested;
  }

  #sendPrepared(message: PreparedMessage, options: SendOptions | undefined): boolean {
    const compress = options === undefined ? undefined : compressOf(message, options);
    if (this.#readyState !== OPEN) return this.#refuse(message.data);
    if (this.#room.busy) return this.#sendLater(message.data, compress ?? message.compress);
    this.#link!.sendPrepared(message, compress);
    return !this.#link!.congested;
  }

  #refuse(payload: string | Uint8Array | Blob): boolean {
    if (this.#readyState === CONNECTING) {
      throw new DOMException("Cannot send: the connection is CONNECTING, wanted OPEN", "InvalidStateError");
    }
    this.#lostBytes += sizeOf(payload);
    return true;
  }

  /** A Blob has to be read first; what is sent after it waits for it. */
  #sendLater(payload: string | Uint8Array | Blob, compress: boolean | undefined): boolean {
    this.#room.queue.push(payload, (ready) => {
      if (this.#room.takes) this.#sendNow(ready, compress);
      else this.#refuse(ready);
    });
    return true;
  }

  /**
   * Sends a ping of up to 125 bytes and resolves with the milliseconds until its pong. Rejects with a `WebSocketError` when
   * the connection ends first, or has ended; nobody has to handle that. Without data, the ping carries a number of its own.
   *
   * Throws a `TypeError` or `RangeError` for wrong data, a `DOMException` named `InvalidStateError` while connecting.
   */
  ping(data?: string | ArrayBuffer | ArrayBufferView): Promise<number> {
    const pings = this.#pings ??= new Pings();
    const bytes = checkPing(data === undefined ? pings.nextPayload() : data);
    if (this.#readyState === CONNECTING) {
      throw new DOMException("Cannot ping: the connection is CONNECTING, wanted OPEN", "InvalidStateError");
    }
    return pings.send(bytes, this.#readyState === OPEN ? this.#link : undefined);
  }

  /**
   * Begins the closing handshake; what was sent before goes out first. While connecting, gives up. Calling it again does
   * nothing.
   *
   * Throws a `DOMException`: `InvalidAccessError` for a code that is not 1000 or 3000 to 4999, `SyntaxError` for a reason of
   * more than 123 bytes; a `TypeError` for a reason that is no string.
   */
  override close(code: number = 1000, reason: string = ""): void {
    checkClose(code, reason);
    this.#closeWith(code, reason);
  }

  #closeWith(code: number, reason: string): void {
    if (this.#readyState === CONNECTING) {
      this.#abort(new WebSocketError("WS_ABORTED", "Connection was closed before it was open"));
    } else if (this.#readyState === OPEN && this.#room.busy) {
      this.#readyState = CLOSING;
      this.#room.queue.after(() => this.#link!.close(code, reason));
    } else if (this.#readyState === OPEN) this.#link!.close(code, reason);
  }

  /**
   * Cuts the connection without a closing handshake: `close` comes with 1006. With an error, `error` comes first.
   *
   * Throws a `TypeError` for what is no `WebSocketError`.
   */
  terminate(error?: WebSocketError): void {
    checkFailure(error);
    if (this.#readyState === CONNECTING) {
      this.#abort(error ?? new WebSocketError("WS_ABORTED", "Connection was cut before it was open"));
    } else this.#link?.terminate(error);
  }

  /** Stops delivery at once; the peer feels it when its buffers are full. Nothing is lost. */
  override pause(): this {
    this.#paused = true;
    this.#link?.pause();
    return this;
  }

  /** Goes on delivering. */
  override resume(): this {
    this.#paused = false;
    this.goOn();
    return this;
  }

  /** {@inheritDoc SocketFlow.goOn} */
  protected override goOn(): void {
    if (this.#held === undefined) this.#readOn();
    else this.#held.goOn();
  }

  /** The connection keeps the process alive (the default). */
  ref(): this {
    this.#refed = true;
    this.#link?.ref();
    return this;
  }

  /** The connection does not keep the process alive. */
  unref(): this {
    this.#refed = false;
    this.#link?.unref();
    return this;
  }

  // Its life

  #open(link: Link, heartbeat: HeartbeatSettings | undefined): void {
    this.#link = link;
    this.#protocol = link.protocol;
    this.#readyState = OPEN;
    this.#room.link = link;
    this.#room.takes = true;
    if (!this.#refed) link.unref();
    if (heartbeat && link.pingable) this.#heartbeat = new Heartbeat(heartbeat, link, this.#pings ??= new Pings());
    link.start(this.#inlet);
    if (this.#paused) link.pause();
    if (this.#held === undefined) this.deliver("open", new SocketEvent("open", this));
  }

  #message(data: Data, size: number, compressed: boolean, bytes?: Uint8Array): void {
    const event = new MessageEvent(this, data, compressed, bytes);
    if (this.#held === undefined) this.deliver("message", event);
    else if (this.#held.add(event, size)) this.#link!.pause();
  }

  #piece(opcode: number, data: Uint8Array, last: boolean): void {
    if (this.#readyState !== OPEN) return;
    this.#incoming ??= new Incoming({
      begin: (opcode, readable) => this.#tell(new StreamEvent(this, opcode, readable)),
      wait: () => this.#link!.pause(),
      goOn: () => this.#readOn(),
    });
    this.#incoming.piece(opcode, data, last);
  }

  /** Reads on, unless the application, or a message that was not read yet, is against it. */
  #readOn(): void {
    if (!this.#paused && !this.inTurn && !this.#incoming?.waiting) this.#link?.resume();
  }

  #control(type: "ping" | "pong", data: Uint8Array): void {
    if (this.listenerCount(type) > 0) this.#tell(new ControlEvent(type, this, data));
  }

  #tell(event: SocketEvent): void {
    if (this.#held === undefined) this.deliver(event.type, event);
    else this.#held.add(event, 0);
  }

  #closed(record: CloseRecord): void {
    this.#room.over();
    this.#heartbeat?.stop();
    this.#readyState = CLOSED;
    this.#unlisten?.();
    this.#held?.stop();
    this.#incoming?.fail();
    this.#pings?.end();
    this.#tell(new CloseEvent(this, record));
  }

  #abort(error: WebSocketError): void {
    if (this.#readyState === CONNECTING) {
      this.#readyState = CLOSING;
      this.#controller!.abort(error);
    } else if (this.#readyState !== CLOSED) this.#link?.terminate(error);
  }

  #neverOpened(error: unknown): void {
    this.#readyState = CLOSED;
    this.#unlisten?.();
    this.deliver("error", new ErrorEvent(this, connectError(this.#url, error)));
    this.deliver("close", new CloseEvent(this, NEVER_OPENED));
  }

  /** {@inheritDoc Emitter.listenerAdded} */
  protected override listenerAdded(): void {
    this.#held?.release();
  }
}
