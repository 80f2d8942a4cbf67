/**
 * One WebSocket after its opening handshake, as a state machine without I/O (RFC 6455, sections 5 to 8).
 *
 * ```
 *   receive(chunk) -> FrameReader -> rules -> [inflate] -> [gather] -> [UTF-8] -> SessionEvents.text / binary / ponged
 *                                                 | pong, Close, failure
 *                                                 v
 *   sendText / sendBinary / ping / close -> [deflate] -> frames -> Output -> SessionEvents.write(run)
 * ```
 *
 * What the peer sends never makes it throw: a broken rule becomes a Close frame in the output and an event. It has no
 * clock and no promise; who drives it flushes, keeps the time, and calls `work` while a large compressed message is at
 * work: until then nothing behind it is read, or sent.
 */

import { Gatherer } from "./bytes.ts";
import { type CloseFrame, type CloseRecord, formatClose, parseClose } from "./close.ts";
import { Deflation, type Inflation, WholeInflation } from "./compression.ts";
import {
  BINARY,
  CLOSE,
  MAX_CONTROL_PAYLOAD,
  MAX_FRAGMENTS,
  MAX_PAYLOAD,
  PING,
  PONG,
  type Role,
  TEXT,
} from "./constants.ts";
import type { ErrorCode, WebSocketError } from "./errors.ts";
import { CANNOT_HOLD, describe, faults, hex, peerError } from "./faults.ts";
import { checkHeader, DISCARD, FIN, type FrameHandler, FrameReader, type Reader, RSV1 } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { PieceReader } from "./piece_reader.ts";
import type { PreparedMessage } from "./prepared.ts";
import type { SessionEvents, SessionOptions } from "./session_options.ts";
import { decodeAscii, decodeText, highBits, type TextCoder, Utf8Validator } from "./utf8.ts";

/** Inflated texts up to this many bytes are looked through for ASCII, which is decoded faster. */
const SHORT_TEXT = 1_024;

/**
 * One WebSocket after its opening handshake.
 *
 * @example
 * ```ts
 * import { Session } from "@sockeye/ws/protocol";
 *
 * const run: number[] = [];
 * const server = new Session("server", {
 *   text() {},
 *   binary() {},
 *   pinged() {},
 *   ponged() {},
 *   closed() {},
 *   failed() {},
 *   write(chunk) {
 *     run.push(...chunk);
 *     return false;
 *   },
 * });
 * server.sendText("Hello");
 * server.flush();
 * console.assert(run.length === 7 && run[0] === 0x81 && run[1] === 5);
 * ```
 */
export class Session implements FrameHandler {
  readonly #role: Role;
  readonly #events: SessionEvents;
  readonly #maxPayload: number;
  readonly #maxFragments: number;
  readonly #reservedBits: number;
  readonly #decodeAscii: TextCoder["decodeAscii"];
  readonly #inflation: Inflation | undefined;
  readonly #deflation: Deflation | undefined;
  readonly #writer: FrameWriter;
  #reader: Reader;
  #paused = false;

  /** The message in progress: its opcode, or 0 when there is none. Set in `begin`, cleared in `#deliver`. */
  #opcode = 0;
  /** Messages that have begun. */
  #begun = 0;
  /** Messages given on as views of their chunk. NaN where pieces are, and where a codec keeps what is not inflated yet. */
  views: number;
  #compressed = false;
  /** Bytes and frames declared so far of the message in progress. */
  #declared = 0;
  #fragments = 0;
  /** Of one that comes in pieces. */
  #gatherer: Gatherer | undefined;
  #utf8: Utf8Validator | undefined;
  /** First byte of the frame that is being read. */
  #first = 0;
  #control: Gatherer | undefined;

  /** The Close frame that waits behind messages at work. */
  #closing: CloseFrame | undefined;
  #sent: CloseFrame | undefined;
  #received: CloseFrame | undefined;
  #initiator: CloseRecord["initiator"] = "none";
  #failed = false;
  #congested = false;
  #owedPong: Uint8Array | undefined;

  /** Makes a session for one end of an open connection. */
  constructor(role: Role, events: SessionEvents, options: SessionOptions = {}) {
    this.#role = role;
    this.#events = events;
    this.#maxPayload = options.maxPayload ?? MAX_PAYLOAD;
    this.#maxFragments = options.maxFragments ?? MAX_FRAGMENTS;
    const { deflate } = options;
    const pieces = options.streaming ? new PieceReader(this, role, options, events.piece!.bind(events)) : undefined;
    if (deflate !== undefined) {
      this.#utf8 = new Utf8Validator();
      this.#inflation = pieces?.inflation ?? new WholeInflation(deflate, this, this.#maxPayload, this.#utf8);
      this.#deflation = new Deflation(deflate, this);
    }
    this.views = deflate === undefined && pieces === undefined ? 0 : NaN;
    this.#reservedBits = options.reservedBits ?? (deflate === undefined ? 0 : RSV1);
    this.#decodeAscii = options.text?.decodeAscii ?? decodeAscii;
    this.#writer = new FrameWriter(role === "client", events, options.text?.encode);
    this.#reader = new FrameReader(pieces ?? this);
  }

  /** The closing handshake so far. */
  get closeRecord(): CloseRecord {
    return { sent: this.#sent, received: this.#received, initiator: this.#initiator, failed: this.#failed };
  }

  /** Messages can be sent: no Close frame has gone out, nor waits to. */
  get open(): boolean {
    return this.#sent === undefined && this.#closing === undefined;
  }

  /** Both Close frames have passed, or the session failed: the transport may end. */
  get done(): boolean {
    return this.#failed || (this.#sent !== undefined && this.#received !== undefined);
  }

  /** More may be read: this is neither paused nor over. */
  get reading(): boolean {
    return !this.#paused && this.#reader !== DISCARD;
  }

  /** Bytes in the run that has not left yet, and of messages that are not compressed yet. */
  get pending(): number {
    return this.#writer.length + this.waiting;
  }

  /** Bytes of messages that are not compressed yet. */
  get waiting(): number {
    return this.#deflation === undefined ? 0 : this.#deflation.waiting;
  }

  /** A message is being compressed; what is sent waits behind it. */
  get compressing(): boolean {
    return this.#deflation !== undefined && this.#deflation.pace !== "idle";
  }

  /** `receive` reads nothing: a message that came is not inflated yet. */
  get stalled(): boolean {
    return this.#inflation !== undefined && this.#inflation.pace !== "idle";
  }

  /** `work` is to be called in another turn of the event loop. */
  get busy(): boolean {
    return this.#deflation?.pace === "busy" || (!this.#paused && this.#inflation?.pace === "busy");
  }

  /** How often something was compressed or inflated. */
  get compressions(): number {
    return this.#inflation === undefined ? 0 : this.#inflation.uses + this.#deflation!.uses;
  }

  /** The number of the message that has begun and not ended, or 0. */
  get unfinished(): number {
    return this.#opcode === 0 ? 0 : this.#begun;
  }

  /** Goes on with messages that are at work. */
  work(): void {
    if (!this.#paused) this.#inflation?.work();
    this.#deflation?.work();
  }

  /** Gives back memory of compression that can be had again; for when nothing has come or gone for a while. */
  release(): void {
    this.#inflation?.release();
    this.#deflation?.release();
  }

  /** How many of the bytes written since this was last set to 0 are not of messages: headers, masks, control frames. */
  get overhead(): number {
    return this.#writer.overhead;
  }
  set overhead(value: number) {
    this.#writer.overhead = value;
  }

  /**
   * Takes bytes from the peer, which it may overwrite, and keep unless they are `lent`. Returns how many were read: fewer
   * than there are when `pause` was called meanwhile, or it is `stalled`; the rest is then to be given again after it.
   */
  receive(chunk: Uint8Array, lent: boolean = false): number {
    return this.#reader.push(chunk, lent);
  }

  /** Stops reading behind the message that is being delivered. */
  pause(): void {
    this.#paused = true;
  }

  /** Allows `receive` again. */
  resume(): void {
    this.#paused = false;
  }

  /** Lets the bytes of this run leave through `write`. */
  flush(): void {
    this.#writer.flush();
  }

  /** While the peer takes nothing, pings get one pong, that of the latest (RFC 6455, 5.5.3), when it takes again. */
  set congested(value: boolean) {
    this.#congested = value;
    if (value || this.#owedPong === undefined) return;
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    if (this.open) this.pong(payload);
  }

  /**
   * Sends a text message; in one frame, save a large one that is compressed. Lone surrogates become U+FFFD. Without
   * `compress` the threshold decides, where compression was agreed on.
   */
  sendText(text: string, compress?: boolean): void {
    if (this.#deflation === undefined || !this.#deflation.send(text, compress)) this.#writer.text(text);
  }

  /** The same for a binary message. The bytes are lent until the call returns. */
  sendBinary(data: Uint8Array, compress?: boolean): void {
    if (this.#deflation === undefined || !this.#deflation.send(data, compress)) this.plain(data);
  }

  /** Sends a fragment of a message: its opcode, then 0. Other messages, and `compressing` ones, come before or behind. */
  sendFragment(opcode: number, data: Uint8Array, last: boolean, compress?: boolean): void {
    const isDone = this.#deflation?.fragment(opcode, data, last, compress) ?? false;
    if (!isDone) this.#writer.frame(last ? FIN | opcode : opcode, data, 0, data.length);
  }

  /** Sends a message that is framed already; without `compress` it says itself, or the threshold. */
  sendPrepared(message: PreparedMessage, compress: boolean | undefined = message.compress): void {
    const { data, plain } = message;
    const framed = this.#deflation === undefined ? plain : this.#deflation.framed(message, compress);
    if (framed !== undefined) this.#writer.framed(framed);
    else if (typeof data === "string") this.sendText(data, compress);
    else this.sendBinary(data, compress);
  }

  /** For the compression: sends a message plain, which had to wait. */
  plain(payload: string | Uint8Array): void {
    if (typeof payload === "string") this.#writer.text(payload);
    else this.#writer.frame(FIN | BINARY, payload, 0, payload.length);
  }

  /** For the compression: sends a frame of a compressed message, by its first byte and its payload, which is lent. */
  deflated(b0: number, bytes: Uint8Array, start: number, end: number): void {
    this.#writer.frame(b0, bytes, start, end);
  }

  /** For the compression: all that waited has been sent. */
  drained(): void {
    if (this.#closing !== undefined) this.#sendClose(this.#closing);
  }

  /** For the compression: a codec that waited can go on. */
  woken(): void {
    this.#events.woken?.();
  }

  /** Sends a ping of at most 125 bytes. */
  ping(data: Uint8Array): void {
    this.#writer.frame(FIN | PING, data, 0, data.length);
  }

  /** Sends a pong of at most 125 bytes that no ping asked for (RFC 6455, section 5.5.3). */
  pong(data: Uint8Array): void {
    this.#writer.frame(FIN | PONG, data, 0, data.length);
  }

  /**
   * Sends a Close frame, unless one has been sent, behind all messages that were sent before. Nothing but its answer is
   * waited for after it.
   */
  close(frame: CloseFrame): void {
    if (!this.open) return;
    if (this.#initiator === "none") this.#initiator = "local";
    if (this.compressing) this.#closing = frame;
    else this.#sendClose(frame);
  }

  #sendClose(frame: CloseFrame): void {
    this.#closing = undefined;
    this.#sent = frame;
    const payload = formatClose(frame);
    this.#writer.frame(FIN | CLOSE, payload, 0, payload.length);
  }

  /** Fails the connection (RFC 6455, section 7.1.7): a Close frame with the error's code, and nothing is read any more. */
  fail(error: WebSocketError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#closing = undefined;
    this.#deflation?.close();
    this.close({ code: error.closeCode, reason: "" });
    this.discard();
    this.#events.failed(error);
  }

  /** Reads nothing any more and forgets what is half read. */
  discard(): void {
    this.#reader = DISCARD;
    this.#gatherer = undefined;
    this.#owedPong = undefined;
    this.#inflation?.close();
  }

  /** The connection is over: frees all. */
  free(): void {
    this.discard();
    this.#deflation?.close();
  }

  /** {@inheritDoc FrameHandler.header} */
  header(b0: number, b1: number): boolean {
    const fault = checkHeader(b0, b1, this.#role, this.#reservedBits, this.#opcode !== 0);
    return fault === undefined || this.broken(fault, `header bytes are 0x${hex(b0)} 0x${hex(b1)}`);
  }

  /** {@inheritDoc FrameHandler.begin} */
  begin(b0: number, length: number): boolean {
    this.#first = b0;
    if (length < 0) return this.broken("WS_INVALID_LENGTH", "length is not in its shortest form, or over 2^63");
    if ((b0 & CLOSE) !== 0) return true;
    if (this.#opcode === 0) {
      this.#opcode = b0 & 0x0f;
      this.#begun++;
      this.#compressed = (b0 & RSV1) !== 0;
      this.#declared = 0;
      this.#fragments = 0;
    }
    this.#declared += length;
    this.#fragments++;
    if (this.#declared > this.#maxPayload) {
      return this.broken("WS_MESSAGE_TOO_BIG", `it has ${this.#declared} bytes, maxPayload is ${this.#maxPayload}`);
    }
    if (this.#fragments > this.#maxFragments) {
      return this.broken("WS_TOO_MANY_FRAGMENTS", `maxFragments is ${this.#maxFragments}`);
    }
    return true;
  }

  /** {@inheritDoc FrameHandler.keeps} Pieces are gathered, texts decoded, control frames copied. */
  keeps(b0: number, whole: boolean): boolean {
    return this.#compressed || (whole && b0 === (FIN | BINARY) && this.#gatherer === undefined);
  }

  /** {@inheritDoc FrameHandler.payload} */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const first = this.#first;
    if ((first & CLOSE) !== 0) return this.#controlPayload(first & 0x0f, bytes, start, end, last);
    const final = last && (first & FIN) !== 0;
    if (this.#compressed && this.#inflation !== undefined) {
      this.#inflation.push(this.#opcode, bytes, start, end, final);
      return !this.#paused && this.#reader !== DISCARD && this.#inflation.pace === "idle";
    }
    if (final && this.#gatherer === undefined) return this.#deliver(bytes, start, end, high, false);
    if (this.#opcode === TEXT && (high !== 0 || this.#utf8?.complete === false)) {
      const wrong = (this.#utf8 ??= new Utf8Validator()).push(bytes, start, end);
      if (wrong >= 0) return this.broken("WS_INVALID_UTF8", `byte 0x${hex(bytes[wrong]!)} cannot stand where it does`);
    }
    const total = (first & FIN) !== 0 ? this.#declared : undefined;
    const gatherer = this.#gatherer ??= new Gatherer(this.#events.allocator);
    const held = gatherer.append(bytes, start, end, total, this.#maxPayload);
    if (!held) return this.broken("WS_MESSAGE_TOO_BIG", CANNOT_HOLD);
    if (!final) return true;
    this.#gatherer = undefined;
    const message = gatherer.take();
    return this.#deliver(message, 0, message.length, 1, true);
  }

  /** For the compression: takes a whole message that was inflated. `checked`: a text is UTF-8 but for its last character. */
  inflated(bytes: Uint8Array, start: number, end: number, checked: boolean): boolean {
    const high = this.#opcode === TEXT && end - start <= SHORT_TEXT ? highBits(bytes, start, end) : 1;
    return this.#deliver(bytes, start, end, high, checked);
  }

  /** Ends the message in progress. `checked`: a text has been through the validator. */
  #deliver(bytes: Uint8Array, start: number, end: number, high: number, checked: boolean): boolean {
    const opcode = this.#opcode;
    this.#opcode = 0;
    if (opcode === TEXT) {
      if (checked && this.#utf8?.complete === false) {
        this.#utf8.reset();
        return this.broken("WS_INVALID_UTF8", "it ends inside a character");
      }
      const text = decodeText(bytes, start, end, high, this.#decodeAscii);
      if (text === undefined && checked) return this.broken("WS_MESSAGE_TOO_BIG", CANNOT_HOLD);
      if (text === undefined) return this.broken("WS_INVALID_UTF8", "it is not UTF-8");
      this.#events.text(text, this.#compressed);
    } else {
      if (!checked) this.views++;
      this.#events.binary(bytes.subarray(start, end), this.#compressed);
    }
    return this.reading;
  }

  #controlPayload(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    // A copy in any case: it is small, and the chunk around it may be large.
    const payload = (this.#control ??= new Gatherer()).join(bytes, start, end, last, MAX_CONTROL_PAYLOAD);
    if (payload === undefined) return true;
    if (opcode === CLOSE) return this.#closeFrame(payload);
    if (opcode === PONG) this.#events.ponged(payload);
    else {
      if (this.#congested) this.#owedPong = payload;
      else if (this.open) this.pong(payload);
      this.#events.pinged(payload);
    }
    return this.reading;
  }

  #closeFrame(payload: Uint8Array): boolean {
    const frame = parseClose(payload);
    if (typeof frame === "string") return this.broken(frame, `Close frame carries ${describe(payload)}`);
    this.#received = frame;
    if (this.#sent === undefined) this.#initiator = "remote";
    // The code is echoed (RFC 6455, section 5.5.1), and the reason with it, so that both ends tell the same of the end.
    this.close(frame);
    this.discard();
    this.#events.closed();
    return false;
  }

  /** Fails the connection over what the peer sent. Returns false. */
  broken(code: ErrorCode, detail: string): false {
    this.fail(peerError(code, `Cannot read from the peer: ${faults[code] ?? "broken frame"}: ${detail}`));
    return false;
  }
}
