/**
 * One WebSocket after its opening handshake, as a state machine without I/O (RFC 6455, sections 5 to 8).
 *
 * ```
 *   receive(chunk) -> FrameReader -> rules -> [gather] -> [UTF-8] -> SessionEvents.text / binary / pinged / ponged
 *                                                 | pong, Close, failure
 *                                                 v
 *   sendText / sendBinary / ping / close -> frames -> Output -> SessionEvents.write(run)
 * ```
 *
 * What the peer sends never makes it throw: a broken rule becomes a Close frame in the output and an event. It has no
 * clock and no promise; who drives it flushes and keeps the time.
 */

import { Gatherer, MAX_RUN, Output } from "./bytes.ts";
import { type CloseFrame, type CloseRecord, formatClose, parseClose } from "./close.ts";
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
import { type ErrorCode, WebSocketError } from "./errors.ts";
import {
  checkHeader,
  FIN,
  type FrameHandler,
  FrameReader,
  headerSize,
  MAX_HEADER,
  RSV1,
  writeHeader,
  writeKey,
} from "./frame.ts";
import { freshKey, mask } from "./mask.ts";
import { type AsciiDecoder, decodeAscii, decodeUtf8, highBits, Utf8Validator } from "./utf8.ts";

/** The limits of a session, each on by default, and what the runtime and the handshake decide. */
export interface SessionOptions {
  /** Bytes of one message. @default {67108864} */
  readonly maxPayload?: number;
  /** Frames of one message. @default {131072} */
  readonly maxFragments?: number;
  /** Reserved bits that the negotiated extensions allow on the first frame of a message. @default {0} */
  readonly reservedBits?: number;
  /** A decoder of ASCII that is faster than the language's. */
  readonly decodeAscii?: AsciiDecoder;
}

/** What a session tells its owner. */
export interface SessionEvents {
  /** A text message. */
  text(data: string, compressed: boolean): void;
  /** A binary message: a view of the chunk it came in, or bytes of its own. */
  binary(data: Uint8Array, compressed: boolean): void;
  /** A ping came; its pong is in the output. */
  pinged(data: Uint8Array): void;
  /** A pong came. */
  ponged(data: Uint8Array): void;
  /** The peer's Close frame came; the answer, where one was owed, is in the output. */
  closed(): void;
  /** The peer broke a rule; the Close frame is in the output, and nothing is read any more. */
  failed(error: WebSocketError): void;
  /** Takes bytes for the peer; returns whether it keeps the chunk itself, which is only allowed with `mayKeep`. */
  write(chunk: Uint8Array, mayKeep: boolean): boolean;
}

/** What reads: frames, or nothing any more (all that comes after a Close frame is discarded, RFC 6455, section 1.4). */
interface Reader {
  push(chunk: Uint8Array): number;
}

const DISCARD: Reader = { push: (chunk) => chunk.length };

/** Texts up to this many characters are encoded here; the call of an encoder costs more. */
const CHARACTERS_UP_TO = 64;

const encoder = new TextEncoder();

/** One WebSocket after its opening handshake. */
export class Session implements FrameHandler {
  readonly #role: Role;
  readonly #masks: boolean;
  readonly #events: SessionEvents;
  readonly #maxPayload: number;
  readonly #maxFragments: number;
  readonly #reservedBits: number;
  readonly #decodeAscii: AsciiDecoder;

  readonly #output: Output;
  #reader: Reader;
  #paused = false;

  /** The message in progress: its opcode, or 0 when there is none. Set in `begin`, cleared in `#deliver`. */
  #opcode = 0;
  #compressed = false;
  /** Bytes and frames declared so far of the message in progress. */
  #declared = 0;
  #fragments = 0;
  readonly #gatherer: Gatherer = new Gatherer();
  readonly #utf8: Utf8Validator = new Utf8Validator();

  /** First byte of the frame that is being read. */
  #first = 0;
  readonly #control: Gatherer = new Gatherer();

  #sent: CloseFrame | undefined;
  #received: CloseFrame | undefined;
  #initiator: CloseRecord["initiator"] = "none";
  #failed = false;
  #congested = false;
  #owedPong: Uint8Array | undefined;

  /** Makes a session for one end of an open connection. */
  constructor(role: Role, events: SessionEvents, options: SessionOptions = {}) {
    this.#role = role;
    this.#masks = role === "client";
    this.#events = events;
    this.#maxPayload = options.maxPayload ?? MAX_PAYLOAD;
    this.#maxFragments = options.maxFragments ?? MAX_FRAGMENTS;
    this.#reservedBits = options.reservedBits ?? 0;
    this.#decodeAscii = options.decodeAscii ?? decodeAscii;
    this.#output = new Output((chunk, mayKeep) => events.write(chunk, mayKeep));
    this.#reader = new FrameReader(this);
  }

  /** The closing handshake so far. */
  get closeRecord(): CloseRecord {
    return { sent: this.#sent, received: this.#received, initiator: this.#initiator, failed: this.#failed };
  }

  /** Messages can be sent: no Close frame has gone out. */
  get open(): boolean {
    return this.#sent === undefined;
  }

  /** Both Close frames have passed, or the session failed: the transport may end. */
  get done(): boolean {
    return this.#failed || (this.#sent !== undefined && this.#received !== undefined);
  }

  /** Bytes in the run that has not left yet. */
  get pending(): number {
    return this.#output.length;
  }

  /** How many of the bytes written since this was last set to 0 are not of messages: headers, masks, control frames. */
  overhead = 0;

  /**
   * Takes bytes from the peer, which it may overwrite. Returns how many were read: fewer than there are when `pause` was
   * called meanwhile; the rest is then to be given again after `resume`.
   */
  receive(chunk: Uint8Array): number {
    return this.#reader.push(chunk);
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
    this.#output.flush();
  }

  /**
   * While the peer does not take what is sent to it, pings are answered with one pong, that of the latest
   * (RFC 6455, section 5.5.3), when it takes again.
   */
  set congested(value: boolean) {
    this.#congested = value;
    if (value || this.#owedPong === undefined) return;
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    if (this.open) this.#writeFrame(FIN | PONG, payload, 0, payload.length);
  }

  /** Sends a text message in one frame. Lone surrogates become U+FFFD. */
  sendText(text: string): void {
    const count = text.length;
    if (count * 3 > MAX_RUN) {
      const bytes = encoder.encode(text);
      this.#writeLarge(FIN | TEXT, bytes, true);
      return;
    }
    const output = this.#output;
    output.reserve(MAX_HEADER + count * 3);
    const { bytes } = output;
    const start = output.length;
    const body = start + headerSize(count, this.#masks);
    let length = count;
    let at = 0;
    if (count <= CHARACTERS_UP_TO) {
      for (; at < count; at++) {
        const unit = text.charCodeAt(at);
        if (unit >= 0x80) break;
        bytes[body + at] = unit;
      }
    }
    if (at < count) {
      length = encoder.encodeInto(text, bytes.subarray(body)).written;
      // The place was chosen for a text of ASCII; a longer one may need a longer header.
      const right = start + headerSize(length, this.#masks);
      if (right !== body) bytes.copyWithin(right, body, body + length);
    }
    this.#seal(FIN | TEXT, length);
  }

  /** Sends a binary message in one frame. The bytes are lent until the call returns. */
  sendBinary(data: Uint8Array): void {
    if (data.length >= MAX_RUN) this.#writeLarge(FIN | BINARY, data, false);
    else this.#writeFrame(FIN | BINARY, data, 0, data.length);
  }

  /** Sends a ping of at most 125 bytes. */
  ping(data: Uint8Array): void {
    this.#writeFrame(FIN | PING, data, 0, data.length);
  }

  /** Sends a pong of at most 125 bytes that no ping asked for (RFC 6455, section 5.5.3). */
  pong(data: Uint8Array): void {
    this.#writeFrame(FIN | PONG, data, 0, data.length);
  }

  /** Sends a Close frame, unless one has been sent. Nothing but its answer is waited for after it. */
  close(frame: CloseFrame): void {
    if (this.#sent !== undefined) return;
    if (this.#initiator === "none") this.#initiator = "local";
    this.#sent = frame;
    const payload = formatClose(frame);
    this.#writeFrame(FIN | CLOSE, payload, 0, payload.length);
  }

  /** Fails the connection (RFC 6455, section 7.1.7): a Close frame with the error's code, and nothing is read any more. */
  fail(error: WebSocketError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.close({ code: error.closeCode, reason: "" });
    this.discard();
    this.#events.failed(error);
  }

  /** Reads nothing any more and forgets what is half read. */
  discard(): void {
    this.#reader = DISCARD;
    this.#gatherer.clear();
    this.#owedPong = undefined;
  }

  /** {@inheritDoc FrameHandler.header} */
  header(b0: number, b1: number): boolean {
    const fault = checkHeader(b0, b1, this.#role, this.#reservedBits, this.#opcode !== 0);
    return fault === undefined || this.#break(fault, `header bytes are 0x${hex(b0)} 0x${hex(b1)}`);
  }

  /** {@inheritDoc FrameHandler.begin} */
  begin(b0: number, length: number): boolean {
    this.#first = b0;
    if (length < 0) return this.#break("WS_INVALID_LENGTH", "length is not in its shortest form, or over 2^63");
    if ((b0 & CLOSE) !== 0) return true;
    if (this.#opcode === 0) {
      this.#opcode = b0 & 0x0f;
      this.#compressed = (b0 & RSV1) !== 0;
      this.#declared = 0;
      this.#fragments = 0;
    }
    this.#declared += length;
    this.#fragments++;
    if (this.#declared > this.#maxPayload) {
      return this.#break("WS_MESSAGE_TOO_BIG", `it has ${this.#declared} bytes, maxPayload is ${this.#maxPayload}`);
    }
    if (this.#fragments > this.#maxFragments) {
      return this.#break("WS_TOO_MANY_FRAGMENTS", `maxFragments is ${this.#maxFragments}`);
    }
    return true;
  }

  /** {@inheritDoc FrameHandler.payload} */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const first = this.#first;
    if ((first & CLOSE) !== 0) return this.#controlPayload(first & 0x0f, bytes, start, end, last);
    const final = last && (first & FIN) !== 0;
    if (final && this.#gatherer.idle) return this.#deliver(bytes, start, end, high, false);
    if (this.#opcode === TEXT && !this.#compressed && (high !== 0 || !this.#utf8.complete)) {
      const wrong = this.#utf8.push(bytes, start, end);
      if (wrong >= 0) return this.#break("WS_INVALID_UTF8", `byte 0x${hex(bytes[wrong]!)} cannot stand where it does`);
    }
    this.#gatherer.append(bytes, start, end, (first & FIN) !== 0 ? this.#declared : undefined);
    if (!final) return true;
    const message = this.#gatherer.take();
    return this.#deliver(message, 0, message.length, 1, true);
  }

  /** Ends the message in progress. `checked`: a text has been through the validator. */
  #deliver(bytes: Uint8Array, start: number, end: number, high: number, checked: boolean): boolean {
    const opcode = this.#opcode;
    this.#opcode = 0;
    if (opcode === TEXT) {
      if (checked && !this.#utf8.complete) {
        this.#utf8.reset();
        return this.#break("WS_INVALID_UTF8", "it ends inside a character");
      }
      const ascii = high === 0 || (end - start <= CHARACTERS_UP_TO && highBits(bytes, start, end) === 0);
      const text = ascii ? this.#decodeAscii(bytes, start, end) : decodeUtf8(bytes, start, end);
      if (text === undefined) return this.#break("WS_INVALID_UTF8", "it is not UTF-8");
      this.#events.text(text, this.#compressed);
    } else {
      this.#events.binary(bytes.subarray(start, end), this.#compressed);
    }
    return !this.#paused && this.#reader !== DISCARD;
  }

  #controlPayload(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (!last || !this.#control.idle) {
      this.#control.append(bytes, start, end, MAX_CONTROL_PAYLOAD);
      if (!last) return true;
      bytes = this.#control.take();
      start = 0;
      end = bytes.length;
    }
    // A copy: it is small, and the chunk around it may be large.
    const payload = new Uint8Array(bytes.subarray(start, end));
    if (opcode === PING) this.#answer(payload);
    else if (opcode === PONG) this.#events.ponged(payload);
    else return this.#closeFrame(payload);
    return !this.#paused && this.#reader !== DISCARD;
  }

  #answer(payload: Uint8Array): void {
    if (this.open) {
      if (this.#congested) this.#owedPong = payload;
      else this.#writeFrame(FIN | PONG, payload, 0, payload.length);
    }
    this.#events.pinged(payload);
  }

  #closeFrame(payload: Uint8Array): boolean {
    const frame = parseClose(payload);
    if (typeof frame === "string") return this.#break(frame, `Close frame carries ${describe(payload)}`);
    this.#received = frame;
    if (this.#initiator === "none") this.#initiator = "remote";
    // The code is echoed (RFC 6455, section 5.5.1), and the reason with it, so that both ends tell the same of the end.
    this.close(frame);
    this.discard();
    this.#events.closed();
    return false;
  }

  #break(code: ErrorCode, detail: string): false {
    this.fail(new WebSocketError(code, `Cannot read from the peer: ${faults[code] ?? "broken frame"}: ${detail}`));
    return false;
  }

  #writeFrame(b0: number, payload: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const output = this.#output;
    output.reserve(MAX_HEADER + length);
    const body = output.length + headerSize(length, this.#masks);
    if (length > 0) {
      output.bytes.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), body);
    }
    this.#seal(b0, length);
  }

  /** Writes header and mask around a payload of `length` bytes that stands where the header will end. */
  #seal(b0: number, length: number): void {
    const { bytes, length: start } = this.#output;
    let at = writeHeader(bytes, start, b0, length, this.#masks);
    if (this.#masks) {
      const key = freshKey();
      at = writeKey(bytes, at, key);
      mask(bytes, at, at + length, key);
    }
    this.overhead += (b0 & CLOSE) === 0 ? at - start : at - start + length;
    this.#output.length = at + length;
  }

  /** Sends a payload that is not worth copying once more: `own` bytes may be masked in place and kept. */
  #writeLarge(b0: number, payload: Uint8Array, own: boolean): void {
    const output = this.#output;
    output.reserve(MAX_HEADER);
    this.overhead += headerSize(payload.length, this.#masks);
    const at = writeHeader(output.bytes, output.length, b0, payload.length, this.#masks);
    output.length = at;
    if (!this.#masks) {
      output.through(payload, own);
      return;
    }
    const key = freshKey();
    output.length = writeKey(output.bytes, at, key);
    // Not slice(), which is no copy where the bytes are a Buffer of Node.
    const masked = own ? payload : new Uint8Array(payload);
    mask(masked, 0, masked.length, key);
    output.through(masked, true);
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function describe(payload: Uint8Array): string {
  return payload.length < 2 ? `${payload.length} byte` : `code ${(payload[0]! << 8) | payload[1]!}`;
}

/** What the rules say, for people. */
const faults: Partial<Record<ErrorCode, string>> = {
  WS_RESERVED_BITS: "reserved bits must be 0 without an extension that uses them",
  WS_RESERVED_OPCODE: "opcode must be 0, 1, 2, 8, 9 or 10",
  WS_FRAGMENTED_CONTROL: "control frame must not be fragmented",
  WS_CONTROL_TOO_LONG: "control frame must carry at most 125 bytes",
  WS_UNEXPECTED_CONTINUATION: "continuation frame must follow a message that has begun",
  WS_EXPECTED_CONTINUATION: "message must end before the next one begins",
  WS_MASK_REQUIRED: "frame of a client must be masked",
  WS_MASK_FORBIDDEN: "frame of a server must not be masked",
  WS_INVALID_LENGTH: "length must be in its shortest form",
  WS_INVALID_UTF8: "text must be UTF-8",
  WS_INVALID_CLOSE_CODE: "Close code must be one that may be sent",
  WS_INVALID_CLOSE_PAYLOAD: "Close frame must be empty or begin with a code of two bytes",
  WS_MESSAGE_TOO_BIG: "message is too big",
  WS_TOO_MANY_FRAGMENTS: "message has too many frames",
};
