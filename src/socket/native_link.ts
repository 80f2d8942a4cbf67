/**
 * The second kind of link: a WebSocket that the platform made, which gives messages and no bytes. Browsers and workers have
 * it, and `Deno.upgradeWebSocket` hands one out.
 *
 * ```
 *   PlatformSocket --- message / close ---> NativeLink [ held while paused ] ---> LinkEvents
 *   PlatformSocket <-- send / close ------- NativeLink <--- sendText / sendBinary / close / terminate
 * ```
 *
 * What such a WebSocket cannot do is refused with a `NotSupportedError`, or stands in the tables of
 * `docs/browsers.md` and `docs/mounts.md`.
 */

import type { CloseFrame, CloseRecord } from "../protocol/close.ts";
import {
  CLOSE_TIMEOUT,
  HIGH_WATER_MARK,
  MAX_BUFFERED_AMOUNT,
  MAX_PAYLOAD,
  NO_STATUS,
  OPEN,
} from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import type { PreparedMessage } from "../protocol/prepared.ts";
import { utf8Length } from "../protocol/utf8.ts";
import type { Link, LinkEvents } from "./link.ts";
import { startTimeout } from "./timeout.ts";
import type { PlatformEvent, PlatformSocket } from "./transport.ts";

/** The limits that hold over a platform's WebSocket, and what was agreed on, where the platform does not say. */
export interface NativeLimits {
  /** The subprotocol. @default what the platform says */
  readonly protocol?: string;
  /** Bytes of one received message, looked at when it is whole; more fails the connection. @default {67108864} */
  readonly maxPayload?: number;
  /** Milliseconds for the closing handshake. @default {10000} */
  readonly closeTimeout?: number;
  /** Bytes waiting to be sent from which on the link is congested. @default {1048576} */
  readonly highWaterMark?: number;
  /** Bytes waiting to be sent, or held while paused, at which the connection is failed. @default {268435456} */
  readonly maxBufferedAmount?: number;
}

/** What Deno says when its own heartbeat finds the peer dead, and when the connection ends without a Close frame. */
const NO_PONG = "No response from ping frame.";
const NO_CLOSE = "Unexpected EOF";

/** How often a congested link looks whether it still is, in milliseconds: the platform does not tell. */
const DRAIN_INTERVAL = 10;

/** One open WebSocket of the platform. */
export class NativeLink implements Link {
  readonly protocol: string;
  readonly extensions: string;
  readonly #socket: PlatformSocket;
  readonly #maxPayload: number;
  readonly #closeTimeout: number;
  readonly #highWaterMark: number;
  readonly #maxBufferedAmount: number;
  #events: LinkEvents | undefined;
  /** {@inheritDoc Link.heard} */
  heard = 0;
  /** {@inheritDoc Link.deaf} What comes while paused is held here, where the platform cannot pause. */
  get deaf(): boolean {
    return this.#paused && this.#socket.pause !== undefined;
  }
  /** {@inheritDoc Link.pingable} */
  readonly pingable: boolean;

  #phase: "open" | "closing" | "over" = "open";
  /** Nothing is delivered before `start`. */
  #paused = true;
  #scheduled = false;
  /** Messages that came while paused. */
  #held: (string | Uint8Array)[] = [];
  #heldBytes = 0;
  /** The end that stands behind them. */
  #ended: PlatformEvent | undefined;
  #sent: CloseFrame | undefined;
  /** What the platform said of an error. */
  #broke: string | undefined;
  #draining: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes over a WebSocket that has delivered nothing yet. It must be open before `start`. */
  constructor(socket: PlatformSocket, limits: NativeLimits = {}) {
    this.protocol = limits.protocol ?? socket.protocol;
    this.extensions = socket.extensions;
    this.#socket = socket;
    this.pingable = socket.ping !== undefined;
    this.#maxPayload = limits.maxPayload ?? MAX_PAYLOAD;
    this.#closeTimeout = limits.closeTimeout ?? CLOSE_TIMEOUT;
    this.#highWaterMark = limits.highWaterMark ?? HIGH_WATER_MARK;
    this.#maxBufferedAmount = limits.maxBufferedAmount ?? MAX_BUFFERED_AMOUNT;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => this.#message(event.data));
    socket.addEventListener("error", ({ message }) => this.#broke ??= message ?? "");
    socket.addEventListener("close", (event) => this.#close(event));
    socket.addEventListener("drain", () => this.#drained());
    if (socket.ping === undefined) return;
    socket.addEventListener("ping", ({ data }) => this.#control("ping", data));
    socket.addEventListener("pong", ({ data }) => this.#control("pong", data));
  }

  /** {@inheritDoc Link.start} */
  start(events: LinkEvents): void {
    this.#events = events;
    this.resume();
  }

  /** {@inheritDoc Link.buffered} */
  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  /** {@inheritDoc Link.bufferedAmount} */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** {@inheritDoc Link.congested} */
  get congested(): boolean {
    if (this.#draining !== undefined) return true;
    if (this.#phase === "over" || this.buffered < this.#highWaterMark) return false;
    this.#watch();
    return true;
  }

  // What comes from the platform

  #message(data: unknown): void {
    if (this.#phase === "over") return;
    this.heard++;
    const message = typeof data === "string" ? data : bytesOf(data);
    if (!this.#paused && this.#held.length === 0) {
      this.#deliver(message);
      return;
    }
    this.#held.push(message);
    this.#heldBytes += message.length;
    if (this.#events !== undefined) this.#bound(this.#heldBytes, "are held while paused");
  }

  #deliver(message: string | Uint8Array): void {
    const size = this.#sizeOf(message);
    if (size > this.#maxPayload) {
      const met = `${size} bytes, wanted at most ${this.#maxPayload}`;
      const error = new WebSocketError("WS_MESSAGE_TOO_BIG", `Cannot receive a message: it has ${met}`);
      if (this.#phase === "open" && this.#socket.readyState === OPEN) this.#sendClose(error.closeCode, "");
      this.#over(this.#failed(), error);
    } else if (typeof message === "string") this.#events!.text(message, false);
    else this.#events!.binary(message, false);
  }

  /** Bytes of a message; those of a text are counted only where it matters: a character has three at most. */
  #sizeOf(message: string | Uint8Array): number {
    const { length } = message;
    return typeof message === "string" && length * 3 > this.#maxPayload ? utf8Length(message) : length;
  }

  #control(type: "ping" | "pong", data: unknown): void {
    this.heard++;
    if (this.#phase !== "over") this.#events?.[type](bytesOf(data));
  }

  #close(event: PlatformEvent): void {
    if (this.#phase === "over") return;
    if (this.#paused || this.#held.length > 0) this.#ended = event;
    else this.#finish(event);
  }

  #finish({ code = NO_STATUS, reason = "", wasClean = false }: PlatformEvent): void {
    if (!wasClean) {
      this.#over(this.#failed(), brokenBy(this.#broke));
      return;
    }
    const received: CloseFrame = code === NO_STATUS ? { reason } : { code, reason };
    const initiator = this.#sent === undefined ? "remote" : "local";
    if (this.#phase === "open") this.#events!.closing();
    // The platform answers a Close frame by itself, with the code that came.
    this.#over({ sent: this.#sent ?? received, received, initiator, failed: false });
  }

  // What comes from the application

  /** {@inheritDoc Link.sendText} */
  sendText(data: string, compress: boolean | undefined): void {
    this.#send(data, compress);
  }

  /** {@inheritDoc Link.sendBinary} */
  sendBinary(data: Uint8Array, compress: boolean | undefined): void {
    this.#send(isOwn(data) ? data : new Uint8Array(data), compress);
  }

  /** {@inheritDoc Link.sendPrepared} The platform frames it for each anew. */
  sendPrepared({ data }: PreparedMessage): void {
    if (typeof data === "string") this.#send(data, undefined);
    else this.sendBinary(data, undefined);
  }

  /** Throws a `DOMException` named `NotSupportedError`: the platform takes whole messages. */
  sendFragment(): boolean {
    throw notSupported("Cannot send a message in fragments: the platform's WebSocket takes whole ones");
  }

  #send(data: string | Uint8Array<ArrayBuffer>, compress: boolean | undefined): void {
    // It may be closing already: of a Close frame that came, the platform tells when all is over.
    if (this.#phase !== "open" || this.#socket.readyState !== OPEN) return;
    if (compress === undefined) this.#socket.send(data);
    else this.#socket.send(data, compress);
    this.#bound(this.buffered, "wait for the peer");
  }

  /** Sends a ping, where the platform can. Throws a `DOMException` named `NotSupportedError` where it cannot. */
  ping(data: Uint8Array): void {
    if (this.#socket.ping === undefined) throw notSupported("Cannot ping: the platform's WebSocket sends none");
    if (this.#phase === "open" && this.#socket.readyState === OPEN) this.#socket.ping(data);
  }

  /** {@inheritDoc Link.close} A code that the platform does not send leaves the Close frame empty. */
  close(code: number | undefined, reason: string): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    if (this.#socket.readyState === OPEN) this.#sendClose(code, reason);
    this.#events!.closing();
    // The end stands behind what was not delivered yet.
    this.resume();
    this.#timer = startTimeout(this.#closeTimeout, () => {
      const limit = `within ${this.#closeTimeout} ms`;
      this.terminate(new WebSocketError("WS_CLOSE_TIMEOUT", `Cannot close: the peer sent no Close frame ${limit}`));
    });
  }

  /** Browsers send 1000 and 3000 to 4999 and throw on others; platforms of servers send more. */
  #sendClose(code: number | undefined, reason: string): void {
    this.#sent = code === undefined ? { reason: "" } : { code, reason };
    try {
      if (code === undefined) this.#socket.close();
      else this.#socket.close(code, reason);
    } catch {
      this.#sent = { reason: "" };
      this.#socket.close();
    }
  }

  /** {@inheritDoc Link.terminate} Where the platform cannot cut, it makes the closing handshake for itself. */
  terminate(error?: WebSocketError): void {
    if (this.#phase === "over") return;
    const socket = this.#socket;
    if (socket.terminate === undefined) socket.close();
    else socket.terminate();
    this.#over(this.#failed(), error);
  }

  /** Stops delivery at once. What comes meanwhile is held here: the peer feels it only where the platform can pause. */
  pause(): void {
    if (this.#phase !== "open") return;
    this.#paused = true;
    this.#socket.pause?.();
  }

  /** {@inheritDoc Link.resume} */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume?.();
    if (this.#scheduled || (this.#held.length === 0 && this.#ended === undefined)) return;
    // Nothing is delivered from inside of the call.
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#goOn();
    });
  }

  #goOn(): void {
    let at = 0;
    while (!this.#paused && at < this.#held.length) {
      const message = this.#held[at++]!;
      this.#heldBytes -= message.length;
      this.#deliver(message);
    }
    this.#held.splice(0, at);
    if (!this.#paused && this.#phase !== "over" && this.#ended !== undefined) this.#finish(this.#ended);
  }

  /** {@inheritDoc Link.ref} A page has no process to keep alive. */
  ref(): void {
    this.#socket.ref?.();
  }

  /** {@inheritDoc Link.unref} A page has no process to keep alive. */
  unref(): void {
    this.#socket.unref?.();
  }

  // Time, and the end

  #bound(bytes: number, what: string): void {
    if (bytes <= this.#maxBufferedAmount) return;
    const met = `${bytes} bytes ${what}, maxBufferedAmount is ${this.#maxBufferedAmount}`;
    this.terminate(new WebSocketError("WS_BUFFER_OVERFLOW", `Cannot go on: ${met}`));
  }

  #watch(): void {
    this.#draining = setTimeout(() => {
      if (this.buffered > 0 && this.#phase !== "over") this.#watch();
      else this.#drained();
    }, DRAIN_INTERVAL);
  }

  /** Nothing waits any more, perhaps: some platforms tell when. */
  #drained(): void {
    if (this.#draining === undefined || this.#phase === "over" || this.buffered > 0) return;
    clearTimeout(this.#draining);
    this.#draining = undefined;
    this.#events!.drain();
  }

  #failed(): CloseRecord {
    const initiator = this.#sent === undefined ? "none" : "local";
    return { sent: this.#sent, received: undefined, initiator, failed: true };
  }

  #over(record: CloseRecord, error?: WebSocketError): void {
    this.#phase = "over";
    clearTimeout(this.#timer);
    clearTimeout(this.#draining);
    this.#draining = undefined;
    this.#held.length = 0;
    if (error !== undefined) {
      this.#events?.closing();
      this.#events?.error(() => error);
    }
    this.ended();
    this.#events?.close(record);
  }

  /** Called when the connection is over, before it is told. */
  protected ended(): void {}
}

/** Why a connection ended without a Close frame, by what the platform said. */
function brokenBy(said: string | undefined): WebSocketError {
  if (said === undefined || said === NO_CLOSE) {
    return new WebSocketError("WS_PEER_VANISHED", "Connection ended: the peer sent no Close frame");
  }
  if (said === NO_PONG) return new WebSocketError("WS_HEARTBEAT_TIMEOUT", "Connection is dead: no pong came to a ping");
  const why = said === "" ? "the platform does not say why" : said;
  return new WebSocketError("WS_TRANSPORT_FAILED", `Connection failed: ${why}`);
}

/** The error of what the platform's WebSocket cannot do. */
export function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError");
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data as ArrayBuffer);
}

/** Whether bytes lie in memory that is not shared, as the web's `send` wants it. */
function isOwn(data: Uint8Array): data is Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer;
}
