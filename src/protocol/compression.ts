/**
 * The two directions of permessage-deflate in a session: what comes compressed is inflated as it arrives, and what goes out
 * is compressed in the order it was sent in.
 *
 * ```
 *   pieces of a compressed message -> WholeInflation -> limit, UTF-8 -> InflationHost.inflated(the whole message)
 *   text, bytes, fragments -> Deflation -> FIN RSV1 frame, or fragments --> DeflationHost.deflated
 *                      `-- what is sent behind a message that is still at work waits, in order
 * ```
 *
 * Small messages pass through at once. A large one takes several turns of the event loop: then `busy` is true, nothing
 * behind it is read or sent, and whoever drives the session calls `work`.
 */

import { Gatherer } from "./bytes.ts";
import { BINARY, CONTINUE, TEXT } from "./constants.ts";
import { type Codec, type CodecOwner, LENT, type Progress } from "./codec.ts";
import type { DeflateSetup } from "./deflate.ts";
import type { ErrorCode } from "./errors.ts";
import { FIN, RSV1 } from "./frame.ts";
import type { Framed, PreparedMessage } from "./prepared.ts";
import { utf8Length, type Utf8Validator } from "./utf8.ts";

/** Where a codec stands: nothing is in hand, it wants another turn of the event loop, or it will call `wake`. */
export type Pace = "idle" | "busy" | "waiting";

/** What both directions need of their session. */
export interface CompressionHost {
  /** A message cannot be inflated, or compressed: the connection fails. Returns false. */
  broken(code: ErrorCode, detail: string): false;
  /** A codec that waited can go on. */
  woken(): void;
}

/** What takes inflated messages whole. */
export interface InflationHost extends CompressionHost {
  /**
   * A whole message. Its bytes are lent when it is text, and its own when it is binary. `checked`: a text is UTF-8 but for
   * the end of its last character. Returns whether to go on.
   */
  inflated(bytes: Uint8Array, start: number, end: number, checked: boolean): boolean;
}

/** Inflates the messages of the peer; what becomes of them is said by `take`. */
export abstract class Inflation implements CodecOwner {
  readonly #setup: DeflateSetup;
  readonly #host: CompressionHost;
  #codec: Codec | undefined;
  /** Bytes that a message may inflate to. */
  protected readonly limit: number;
  /** Of the message that comes. */
  protected opcode = 0;
  /** Nothing comes any more. */
  protected closed = false;

  /** Whether the reader has to wait, and for what. */
  pace: Pace = "idle";
  /** How often it was used. */
  uses = 0;

  /** Makes one that inflates messages of up to `limit` bytes. */
  constructor(setup: DeflateSetup, host: CompressionHost, limit: number) {
    this.#setup = setup;
    this.#host = host;
    this.limit = limit;
  }

  /** {@inheritDoc CodecOwner.take} */
  abstract take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean;

  /** Takes a piece of a message of that type; `last` ends the message. The bytes are given for good. */
  push(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.closed) return;
    this.uses++;
    this.opcode = opcode;
    const { factory, agreement } = this.#setup;
    this.#codec ??= factory.inflater({ ...agreement.remote, limit: this.limit }, this);
    this.#follow(this.#codec.push(bytes, start, end, last));
  }

  /** Goes on with a piece. */
  work(): void {
    if (this.pace !== "idle") this.#follow(this.#codec!.work());
  }

  #follow(progress: Progress): void {
    if (this.closed) return;
    this.pace = progress === "busy" || progress === "waiting" ? progress : "idle";
    if (progress === "invalid") this.#host.broken("WS_INVALID_DEFLATE", "it is not DEFLATE");
    else if (progress === "too big") this.tooBig();
  }

  /** A message is over the limit. Returns false. */
  protected tooBig(): false {
    return this.#host.broken("WS_MESSAGE_TOO_BIG", `it inflates to more than can be held, maxPayload is ${this.limit}`);
  }

  /** {@inheritDoc CodecOwner.wake} */
  wake(): void {
    if (!this.closed) this.#host.woken();
  }

  /** Gives memory back that can be had again. */
  release(): void {
    this.#codec?.release();
  }

  /** Frees all; nothing comes any more. */
  close(): void {
    this.closed = true;
    this.pace = "idle";
    this.#codec?.close();
    this.#codec = undefined;
  }
}

/** Inflates messages and gives them on whole. */
export class WholeInflation extends Inflation {
  readonly #host: InflationHost;
  readonly #utf8: Utf8Validator;
  /** A message that comes in several pieces. */
  readonly #gatherer: Gatherer = new Gatherer();

  /** Makes one that inflates messages of up to `limit` bytes, and checks text with `utf8`. */
  constructor(setup: DeflateSetup, host: InflationHost, limit: number, utf8: Utf8Validator) {
    super(setup, host, limit);
    this.#host = host;
    this.#utf8 = utf8;
  }

  /** {@inheritDoc CodecOwner.take} */
  override take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (this.closed) return false;
    if (this.#gatherer.length + end - start > this.limit) return this.tooBig();
    const { opcode } = this;
    const first = this.#gatherer.idle;
    if (!last || !first) {
      const wrong = opcode === TEXT ? this.#utf8.push(bytes, start, end) : -1;
      if (wrong >= 0) {
        return this.#host.broken("WS_INVALID_UTF8", `byte 0x${bytes[wrong]!.toString(16)} cannot stand where it does`);
      }
      if (!this.#gatherer.append(bytes, start, end, undefined, this.limit)) return this.tooBig();
      if (!last) return true;
      bytes = this.#gatherer.take();
      start = 0;
      end = bytes.length;
    } else if (opcode === BINARY) {
      bytes = new Uint8Array(bytes.subarray(start, end));
      end -= start;
      start = 0;
    }
    return this.#host.inflated(bytes, start, end, !first) && !this.closed;
  }

  /** {@inheritDoc Inflation.close} */
  override close(): void {
    this.#gatherer.clear();
    super.close();
  }
}

/** What sends frames. */
export interface DeflationHost extends CompressionHost {
  /** Sends a frame of a compressed message: its first byte and its payload, which is lent. */
  deflated(b0: number, bytes: Uint8Array, start: number, end: number): void;
  /** Sends a message plain, which had to wait. */
  plain(payload: string | Uint8Array): void;
  /** All that waited has been sent. */
  drained(): void;
}

/** A message that waits. */
interface Waiting {
  readonly payload: string | Uint8Array;
  readonly compress: boolean;
  readonly size: number;
}

const encoder = new TextEncoder();
/** Where short texts are encoded; the codec has read it when its call returns. Made when it is first needed. */
let encoded: Uint8Array | undefined;
/** Texts up to this many characters are encoded here; the call of an encoder costs more. */
const CHARACTERS_UP_TO = 64;

/** Compresses the messages of this end. */
export class Deflation implements CodecOwner {
  readonly #setup: DeflateSetup;
  readonly #host: DeflationHost;
  #codec: Codec | undefined;
  #closed = false;
  /** First byte of the next frame, but for FIN: that of a message, or of its continuation. */
  #first = 0;
  /** The message that is sent in fragments is compressed. */
  #fragmented = false;
  #queue: Waiting[] = [];
  /** Bytes of the message, or fragment, at work, while it is. */
  #working = 0;

  /** Whether what is sent has to wait, and for what. */
  pace: Pace = "idle";
  /** How often it was used. */
  uses = 0;
  /** Bytes of messages that were not sent yet. */
  waiting = 0;

  /** Makes one; contexts are made when the first message needs them. */
  constructor(setup: DeflateSetup, host: DeflationHost) {
    this.#setup = setup;
    this.#host = host;
  }

  /**
   * Sends a message, or lets it wait behind others; binary ones are lent until the call returns. Returns false for one
   * that is to be sent plain, now, by the caller. Without `compress` the threshold decides.
   */
  send(payload: string | Uint8Array, compress: boolean | undefined): boolean {
    if (this.#closed) return false;
    const wanted = compress ?? this.#isLong(payload);
    if (this.pace !== "idle") {
      const size = typeof payload === "string" ? utf8Length(payload) : payload.length;
      // Not slice(), which is no copy where the bytes are a Buffer of Node.
      const kept = typeof payload === "string" ? payload : new Uint8Array(payload);
      this.#queue.push({ payload: kept, compress: wanted, size });
      this.waiting += size;
      return true;
    }
    if (wanted) this.#compress(payload, false);
    return wanted;
  }

  /**
   * The frame of a message that goes to many. `undefined`: it is sent like any other, because the context is taken over, or
   * something is still at work.
   */
  framed(message: PreparedMessage, compress: boolean | undefined): Framed | undefined {
    if (this.#closed) return message.plain;
    if (this.pace !== "idle") return undefined;
    if (!(compress ?? message.size >= this.#setup.threshold)) return message.plain;
    return this.#setup.agreement.local.takeover ? undefined : message.deflated(this.#setup);
  }

  /**
   * Sends a fragment of a message: its opcode with the first, 0 with the others. Each is flushed, so that the peer has all of
   * it (RFC 7692, section 7.2.1). Returns false for one that is to be sent plain, by the caller. How long the message will
   * be nobody knows; so without `compress` it counts as long.
   */
  fragment(opcode: number, data: Uint8Array, last: boolean, compress: boolean = true): boolean {
    if (this.#closed) return false;
    if (opcode !== CONTINUE) {
      this.#fragmented = compress && this.#setup.factory.flushes === true;
      this.#first = RSV1 | opcode;
    }
    if (this.#fragmented) this.#push(data.length <= LENT ? data : new Uint8Array(data), data.length, last);
    return this.#fragmented;
  }

  #isLong(payload: string | Uint8Array): boolean {
    const { threshold } = this.#setup;
    // What holds for the characters holds for the bytes.
    return payload.length >= threshold || (typeof payload === "string" && payload.length * 3 >= threshold &&
      utf8Length(payload) >= threshold);
  }

  #compress(payload: string | Uint8Array, own: boolean): void {
    let bytes: Uint8Array, length: number;
    if (typeof payload !== "string") {
      this.#first = RSV1 | BINARY;
      bytes = own || payload.length <= LENT ? payload : new Uint8Array(payload);
      length = bytes.length;
    } else {
      this.#first = RSV1 | TEXT;
      if (payload.length * 3 > LENT) {
        bytes = encoder.encode(payload);
        length = bytes.length;
      } else {
        bytes = encoded ??= new Uint8Array(LENT);
        length = encode(payload, bytes);
      }
    }
    this.#push(bytes, length, true);
  }

  #push(bytes: Uint8Array, length: number, last: boolean): void {
    this.uses++;
    const { factory, agreement: { local }, level, memLevel } = this.#setup;
    const codec = this.#codec ??= factory.deflater({ ...local, level, memLevel }, this);
    if (!this.#goesOn(codec.push(bytes, 0, length, last))) return;
    this.#working = length;
    this.waiting += length;
  }

  /** Whether the codec has more to do with the message at work. */
  #goesOn(progress: Progress): boolean {
    if (this.#closed) return false;
    const goesOn = progress === "busy" || progress === "waiting";
    this.pace = goesOn ? progress : "idle";
    if (!goesOn && progress !== "done") this.#host.broken("WS_INVALID_DEFLATE", "a message could not be compressed");
    return goesOn;
  }

  /** {@inheritDoc CodecOwner.take} */
  take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (this.#closed) return false;
    this.#host.deflated(last ? this.#first | FIN : this.#first, bytes, start, end);
    this.#first = 0;
    return !this.#closed;
  }

  /** Goes on with the message at work, and with those behind it. */
  work(): void {
    if (this.pace === "idle") return;
    if (this.#goesOn(this.#codec!.work()) || this.#closed) return;
    this.waiting -= this.#working;
    this.#working = 0;
    this.#next();
  }

  #next(): void {
    let next: Waiting | undefined;
    while (this.pace === "idle" && (next = this.#queue.shift()) !== undefined) {
      this.waiting -= next.size;
      if (next.compress) this.#compress(next.payload, true);
      else this.#host.plain(next.payload);
    }
    if (this.pace === "idle") this.#host.drained();
  }

  /** {@inheritDoc CodecOwner.wake} */
  wake(): void {
    if (!this.#closed) this.#host.woken();
  }

  /** Gives memory back that can be had again. */
  release(): void {
    this.#codec?.release();
  }

  /** Frees all; what waits is lost. */
  close(): void {
    this.#closed = true;
    this.pace = "idle";
    this.#queue = [];
    this.waiting = this.#working = 0;
    this.#codec?.close();
    this.#codec = undefined;
  }
}

/** Encodes a text whose bytes fit. Returns how many they are. */
function encode(text: string, bytes: Uint8Array): number {
  const count = text.length;
  if (count > CHARACTERS_UP_TO) return encoder.encodeInto(text, bytes).written;
  for (let at = 0; at < count; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) return encoder.encodeInto(text, bytes).written;
    bytes[at] = unit;
  }
  return count;
}
