/**
 * Our own protocol over a transport: a session that lives in time. Here are the flushing, the closing timer, pausing and
 * the bound on what waits to be sent; what a frame means is the session's.
 *
 * ```
 *   Transport.data(chunk) -> Session.receive -> LinkEvents.text / binary / ...
 *                                | pong, Close
 *   Transport.write(run) <- flush, at the end of the chunk or at the next microtask <- sendText / sendBinary / close
 *
 *   open --(both Close frames, or failure)--> ending: a server's FIN is out --(peer's FIN, or closeTimeout)--> over
 *     `------------------- the peer vanished, terminate -----------------------------------------------------^
 * ```
 */

import type { Role } from "../protocol/constants.ts";
import { CLOSE_TIMEOUT, HIGH_WATER_MARK, MAX_BUFFERED_AMOUNT, MESSAGE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { peerError } from "../protocol/faults.ts";
import type { PreparedMessage } from "../protocol/prepared.ts";
import { Session } from "../protocol/session.ts";
import type { SessionEvents } from "../protocol/session_options.ts";
import { reasonText } from "./abort.ts";
import { type Departing, flushSoon } from "./departures.ts";
import { BULK, keepFreed } from "./heap.ts";
import type { Link, LinkEvents } from "./link.ts";
import type { LinkOptions, Source } from "./link_options.ts";
import { type ClockOwner, type MessageClock, watch } from "./message_clock.ts";
import { Pacer } from "./pacer.ts";
import { Teller } from "./teller.ts";
import { keepAlive, startTimeout } from "./timeout.ts";
import type { TransportSink } from "./transport.ts";

/** Nothing: most links never have anything to keep, and an array of its own for each is 50 bytes on Bun. */
const NONE: Uint8Array[] = [];

/** One open WebSocket over a transport. */
export class SessionLink extends Teller implements Link, TransportSink, SessionEvents, ClockOwner, Departing {
  readonly protocol: string;
  readonly extensions: string;
  readonly #role: Role;
  #source: Source | undefined;
  readonly #session: Session;
  readonly #closeTimeout: number;
  readonly #highWaterMark: number;
  readonly #maxBufferedAmount: number;
  readonly #messageTimeout: number;
  #clock: MessageClock | undefined;
  /** Where there is compression. */
  readonly #pacer: Pacer | undefined;
  /** {@inheritDoc Link.heard} */
  heard = 0;
  /** {@inheritDoc TransportSink.spent} All that came in it was copied: parts of messages, texts, control frames. */
  spent = false;
  /** {@inheritDoc Link.pingable} */
  readonly pingable: boolean = true;

  #phase: "open" | "ending" | "over" = "open";
  #receiving = false;
  #scheduled = false;
  #congested = false;
  #paused = false;
  /** A compressed message is not inflated yet; nothing behind it is read. */
  #stalled = false;
  /** What had come when the application paused, or behind a message that is not inflated yet. */
  #rest: Uint8Array[] = NONE;
  /** The peer's FIN stands behind `#rest`. */
  #ended = false;
  /** What waited when the connection was cut, as the web goes on to count it. */
  #unsent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refed = true;
  #failed = false;

  /** Makes a link on a connection whose opening handshake is done. */
  constructor(role: Role, source: Source, options: LinkOptions = {}) {
    super(source.transport);
    this.protocol = options.protocol ?? "";
    this.extensions = options.extensions ?? "";
    this.#role = role;
    this.#source = source;
    this.#closeTimeout = options.closeTimeout ?? CLOSE_TIMEOUT;
    this.#highWaterMark = options.highWaterMark ?? HIGH_WATER_MARK;
    this.#maxBufferedAmount = options.maxBufferedAmount ?? MAX_BUFFERED_AMOUNT;
    this.#session = new Session(role, this, options);
    // The head of the handshake may still wait.
    this.#session.overhead = this.transport.buffered;
    this.#messageTimeout = options.messageTimeout ?? MESSAGE_TIMEOUT;
    if (options.deflate !== undefined) {
      this.#pacer = new Pacer(this.#session, options.deflate.releaseAfter, () => this.woken());
    }
  }

  /** {@inheritDoc Link.start} */
  start(events: LinkEvents): void {
    this.events = events;
    // Nothing is told from inside of the call: its owner tells of the opening first.
    queueMicrotask(() => {
      if (this.#phase === "over") return;
      this.#source!.open(this);
      this.#source = undefined;
      // To open is to resume.
      if (this.#paused) this.transport.pause();
    });
  }

  /** {@inheritDoc Link.buffered} */
  get buffered(): number {
    return this.#session.pending + this.transport.buffered;
  }

  /** {@inheritDoc Link.bufferedAmount} */
  get bufferedAmount(): number {
    return Math.max(this.#unsent, this.buffered - this.#session.overhead);
  }

  /** {@inheritDoc Link.congested} */
  get congested(): boolean {
    if (!this.#congested && this.buffered >= this.#highWaterMark) this.#congested = true;
    return this.#congested;
  }

  /** {@inheritDoc Link.deaf} */
  get deaf(): boolean {
    return this.#paused || this.#stalled;
  }

  // What comes from the transport

  /** {@inheritDoc TransportSink.data} */
  data(chunk: Uint8Array): void {
    this.heard++;
    const { views } = this.#session;
    if (this.deaf || this.#rest.length > 0) this.#rest = [...this.#rest, chunk];
    else this.#receive(chunk, false);
    this.spent = views === this.#session.views && this.#rest.length === 0;
  }

  /** {@inheritDoc TransportSink.lent} */
  lent(chunk: Uint8Array): void {
    if (this.deaf || this.#rest.length > 0) return this.data(new Uint8Array(chunk));
    this.heard++;
    this.#receive(chunk, true);
  }

  #receive(chunk: Uint8Array, lent: boolean): void {
    if (chunk.length >= BULK) keepFreed();
    this.#receiving = true;
    const read = this.#session.receive(chunk, lent);
    this.#receiving = false;
    if (this.#session.stalled && this.#phase !== "over") {
      this.#stalled = true;
      this.transport.pause();
    }
    if (this.deaf && this.#phase !== "over" && read < chunk.length) {
      this.#rest = [lent ? new Uint8Array(chunk.subarray(read)) : chunk.subarray(read), ...this.#rest];
    }
    this.#clock = watch(this.#clock, this.deaf ? 0 : this.#session.unfinished, this.#messageTimeout, this);
    this.flush();
  }

  /** {@inheritDoc SessionEvents.woken} A turn for messages that are inflated or compressed piece by piece. */
  woken(): void {
    if (this.#phase === "over") return;
    this.#receiving = true;
    this.#session.work();
    this.#receiving = false;
    // The Close frame may have waited for them.
    if (this.#session.done) this.#finish();
    else if (!this.#session.open && !this.#session.compressing && this.#timer === undefined) this.#startTimer();
    this.flush();
    if (this.transport.buffered === 0) this.#relieve();
    if (!this.#stalled || this.#session.stalled) return;
    this.#stalled = false;
    this.heard++;
    this.#goOn();
  }

  /** {@inheritDoc TransportSink.end} */
  end(): void {
    if (this.deaf || this.#rest.length > 0) this.#ended = true;
    else if (this.#phase === "ending") {
      this.#ended = true;
      if (!this.#endsFirst) this.transport.end();
      this.#endIfSent();
    } else if (this.#phase === "open") {
      this.#cut();
      this.#lost(() => peerError("WS_PEER_VANISHED", "Connection ended: the peer sent no Close frame"));
    }
  }

  /** {@inheritDoc TransportSink.drain} */
  drain(): void {
    this.#relieve();
    this.#endIfSent();
  }

  /** {@inheritDoc TransportSink.abort} */
  abort(reason: unknown): void {
    if (this.#phase === "ending") this.#over();
    else if (this.#phase === "open") {
      const what = "Connection broke without a Close frame";
      this.#lost(() => peerError("WS_PEER_VANISHED", `${what}: ${reasonText(reason)}`, { cause: reason }));
    }
  }

  // What comes from the session

  /** {@inheritDoc SessionEvents.closed} */
  closed(): void {
    this.events!.closing();
    // The answer may wait for messages that are not compressed yet.
    if (this.#session.done) this.#finish();
  }

  /** {@inheritDoc SessionEvents.failed} */
  failed(error: WebSocketError): void {
    this.#fail(() => error);
    this.#finish();
  }

  #fail(why: () => WebSocketError): void {
    this.#failed = true;
    this.events?.closing();
    if (this.#phase !== "over") this.events?.error(why);
  }

  /** {@inheritDoc SessionEvents.write} */
  write(chunk: Uint8Array, mayKeep: boolean): boolean {
    return this.transport.write(chunk, mayKeep) === "kept";
  }

  // What comes from the application

  /** {@inheritDoc Link.sendText} */
  sendText(data: string, compress: boolean | undefined): void {
    this.#session.sendText(data, compress);
    this.#afterSend();
  }

  /** {@inheritDoc Link.sendBinary} */
  sendBinary(data: Uint8Array, compress: boolean | undefined): void {
    this.#session.sendBinary(data, compress);
    this.#afterSend();
  }

  /** {@inheritDoc Link.sendFragment} */
  sendFragment(opcode: number, data: Uint8Array, last: boolean, compress: boolean | undefined): boolean {
    if (this.#session.compressing) return false;
    this.#session.sendFragment(opcode, data, last, compress);
    this.#afterSend();
    return true;
  }

  #afterSend(): void {
    if (!this.#receiving) this.#schedule();
    // A loop of sends may never come to its end otherwise.
    if (this.#congested) this.#checkOverflow();
  }

  /** {@inheritDoc Link.sendPrepared} */
  sendPrepared(message: PreparedMessage, compress: boolean | undefined): void {
    this.#session.sendPrepared(message, compress);
    this.#afterSend();
  }

  /** {@inheritDoc Link.ping} */
  ping(data: Uint8Array): void {
    this.#session.ping(data);
    if (!this.#receiving) this.#schedule();
  }

  /** {@inheritDoc Link.close} */
  close(code: number | undefined, reason: string): void {
    if (this.#phase !== "open" || !this.#session.open) return;
    this.#session.close(code === undefined ? { reason: "" } : { code, reason });
    this.events!.closing();
    // The peer's answer stands behind what was not read yet.
    this.resume();
    if (!this.#session.compressing) this.#startTimer();
    if (!this.#receiving) this.#schedule();
  }

  /** {@inheritDoc Link.terminate} */
  terminate(error?: WebSocketError): void {
    if (this.#phase === "over") return;
    this.#cut(error);
    // Once both Close frames have passed, nothing can fail any more.
    if (this.#phase === "ending") this.#over();
    else this.#lost(error && (() => error));
  }

  /** {@inheritDoc Link.pause} */
  pause(): void {
    if (this.#paused || this.#phase !== "open" || !this.#session.open) return;
    this.#paused = true;
    this.#clock?.look(0);
    this.#session.pause();
    this.transport.pause();
  }

  /** {@inheritDoc Link.resume} */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.heard++;
    this.#session.resume();
    // Nothing is delivered from inside of the call; within a delivery, the reader just goes on.
    if (!this.#receiving) queueMicrotask(() => this.#goOn());
    else if (this.#rest.length === 0 && !this.#stalled) this.transport.resume();
  }

  #goOn(): void {
    if (this.#stalled) this.#pacer!.turn();
    while (!this.#paused && !this.#stalled && this.#rest.length > 0) this.#receive(this.#rest.shift()!, false);
    if (this.#paused || this.#stalled || this.#phase === "over") return;
    this.#clock = watch(this.#clock, this.#session.unfinished, this.#messageTimeout, this);
    if (this.#ended) this.end();
    else this.transport.resume();
  }

  /** {@inheritDoc Link.ref} */
  ref(): void {
    this.#refed = true;
    this.transport.ref();
    keepAlive(this.#timer, true);
  }

  /** {@inheritDoc Link.unref} */
  unref(): void {
    this.#refed = false;
    this.transport.unref();
    keepAlive(this.#timer, false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    flushSoon(this);
  }

  /** {@inheritDoc Departing.flush} */
  flush(): void {
    this.#scheduled = false;
    if (this.#phase === "over") return;
    this.#session.flush();
    this.#pacer?.look();
    if (this.transport.buffered === 0) this.#session.overhead = 0;
    if (this.#checkOverflow() || !this.congested) return;
    this.#session.congested = true;
    if (this.transport.buffered === 0) this.#relieve();
  }

  /** Fails the connection when too much waits for the peer. */
  #checkOverflow(): boolean {
    const { buffered } = this;
    if (this.#phase !== "open" || buffered <= this.#maxBufferedAmount) return false;
    const text = `Cannot send: ${buffered} bytes wait for the peer, maxBufferedAmount is ${this.#maxBufferedAmount}`;
    this.terminate(new WebSocketError("WS_BUFFER_OVERFLOW", text));
    return true;
  }

  #relieve(): void {
    if (this.#phase === "over" || this.#session.waiting > 0) return;
    const wasCongested = this.#congested;
    this.#congested = false;
    this.#session.congested = false;
    this.#session.flush();
    if (this.transport.buffered === 0) this.#session.overhead = 0;
    if (wasCongested) this.events!.drain();
  }

  /** Our FIN does not wait for the peer's: a client lets that of the server come first (RFC 6455, section 7.1.1). */
  get #endsFirst(): boolean {
    return this.#role === "server" || this.#failed;
  }

  /** Both Close frames have passed, or the session failed: our FIN goes out, and the peer's is waited for. */
  #finish(): void {
    if (this.#phase !== "open") return;
    this.#phase = "ending";
    this.#session.flush();
    this.#rest.length = 0;
    if (this.#endsFirst || this.#ended) this.transport.end();
    this.#startTimer();
    this.resume();
    if (this.#stalled) {
      this.#stalled = false;
      queueMicrotask(() => this.#goOn());
    }
    this.#endIfSent();
  }

  /** It is over when the peer's FIN has come and the peer has been given all that was for it. */
  #endIfSent(): void {
    if (this.#phase === "ending" && this.#ended && this.transport.buffered === 0) this.#over();
  }

  /** {@inheritDoc ClockOwner.late} */
  late(error: WebSocketError): void {
    if (this.#session.open) this.#session.fail(error);
  }

  #startTimer(): void {
    if (this.#phase === "over") return;
    clearTimeout(this.#timer);
    this.#timer = startTimeout(this.#closeTimeout, () => {
      this.#cut();
      if (this.#phase === "ending") return this.#over();
      const text = `Cannot close: the peer sent no Close frame within ${this.#closeTimeout} ms`;
      this.#lost(() => peerError("WS_CLOSE_TIMEOUT", text));
    });
    if (!this.#refed) keepAlive(this.#timer, false);
  }

  #cut(reason?: WebSocketError): void {
    this.#unsent = this.bufferedAmount;
    this.transport.abort(reason);
  }

  /** The connection ends without its closing handshake. */
  #lost(why: (() => WebSocketError) | undefined): void {
    if (this.#phase === "over") return;
    this.#session.discard();
    if (why !== undefined && !this.#failed) this.#fail(why);
    this.#over();
  }

  /** Called when it is over, before the owner hears of it. */
  protected ended(): void {}

  #over(): void {
    // A listener that heard of the error may have ended it.
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearTimeout(this.#timer);
    this.#clock?.stop();
    this.#pacer?.stop();
    this.#session.free();
    this.#rest.length = 0;
    this.ended();
    const record = this.#session.closeRecord;
    this.events?.close(this.#failed ? { ...record, failed: true } : record);
  }
}
