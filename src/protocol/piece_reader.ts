/**
 * Messages that are given on piece by piece, as they come, and never held: a reader of frames between the `FrameReader` and
 * the session.
 *
 * ```
 *   FrameReader -> PieceReader -.- plain messages ----------------------.-> UTF-8 -> SessionEvents.piece(opcode, bytes, last)
 *                               |- compressed ones -> PieceInflation ---'
 *                               `- control frames -> Session
 * ```
 *
 * The limits on one message do not hold for these, as nothing of it is held; save for `maxPayload` where it is compressed,
 * since a few bytes can become a great many.
 */

import { Inflation } from "./compression.ts";
import { CLOSE, MAX_PAYLOAD, type Role, TEXT } from "./constants.ts";
import type { DeflateSetup } from "./deflate.ts";
import type { ErrorCode } from "./errors.ts";
import { hex } from "./faults.ts";
import { checkHeader, FIN, type FrameHandler, RSV1 } from "./frame.ts";
import type { SessionOptions } from "./session_options.ts";
import { Utf8Validator } from "./utf8.ts";

/** What a reader of pieces needs of its session. */
export interface PieceHost extends FrameHandler {
  /** More may be read: it is neither paused nor over. */
  readonly reading: boolean;
  /** The peer broke a rule: the connection fails. Returns false. */
  broken(code: ErrorCode, detail: string): false;
  /** A codec that waited can go on. */
  woken(): void;
}

/** What takes inflated pieces; returns whether to go on. */
type Give = (bytes: Uint8Array, start: number, end: number, last: boolean, high: number) => boolean;

/** Inflates messages and gives them on piece by piece. */
class PieceInflation extends Inflation {
  readonly #give: Give;
  /** Bytes of the message in progress that came, and that were made of them. */
  #came = 0;
  #made = 0;

  constructor(setup: DeflateSetup, host: PieceHost, limit: number, give: Give) {
    super(setup, host, limit);
    this.#give = give;
  }

  override push(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#came += end - start;
    // A codec may hold it until it has come whole.
    if (this.#came > this.limit) this.tooBig();
    else super.push(opcode, bytes, start, end, last);
  }

  override take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (this.closed) return false;
    this.#made += end - start;
    if (this.#made > this.limit) return this.tooBig();
    if (last) this.#came = this.#made = 0;
    // Not slice(), which is no copy where the bytes are a Buffer of Node.
    const own = new Uint8Array(bytes.subarray(start, end));
    return this.#give(own, 0, own.length, last, 1) && !this.closed;
  }
}

/** Reads messages piece by piece. */
export class PieceReader implements FrameHandler {
  readonly #host: PieceHost;
  readonly #role: Role;
  readonly #piece: (opcode: number, data: Uint8Array, last: boolean) => void;
  /** What inflates, where compression was agreed on. */
  readonly inflation: Inflation | undefined;
  /** The message in progress, or 0. Set in `begin`, cleared with its last piece. */
  #opcode = 0;
  #compressed = false;
  /** First byte of the frame that is being read. */
  #first = 0;
  readonly #utf8: Utf8Validator = new Utf8Validator();

  /** Makes one that gives what it reads to `piece`, and all else to `host`. */
  constructor(
    host: PieceHost,
    role: Role,
    { deflate, maxPayload = MAX_PAYLOAD }: SessionOptions,
    piece: (opcode: number, data: Uint8Array, last: boolean) => void,
  ) {
    this.#host = host;
    this.#role = role;
    this.#piece = piece;
    if (deflate !== undefined) this.inflation = new PieceInflation(deflate, host, maxPayload, this.#give.bind(this));
  }

  /** {@inheritDoc FrameHandler.header} */
  header(b0: number, b1: number): boolean {
    if (this.#opcode === 0 || (b0 & CLOSE) !== 0) return this.#host.header(b0, b1);
    const fault = checkHeader(b0, b1, this.#role, 0, true);
    return fault === undefined || this.#host.broken(fault, `header bytes are 0x${hex(b0)} 0x${hex(b1)}`);
  }

  /** {@inheritDoc FrameHandler.begin} */
  begin(b0: number, length: number): boolean {
    this.#first = b0;
    // It also says what is wrong with a length.
    if ((b0 & CLOSE) !== 0 || length < 0) return this.#host.begin(b0, length);
    if (this.#opcode === 0) {
      this.#opcode = b0 & 0x0f;
      this.#compressed = (b0 & RSV1) !== 0;
    }
    return true;
  }

  /** {@inheritDoc FrameHandler.keeps} Control frames are copied. */
  keeps(b0: number): boolean {
    return (b0 & CLOSE) === 0;
  }

  /** {@inheritDoc FrameHandler.payload} */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const first = this.#first;
    if ((first & CLOSE) !== 0) return this.#host.payload(bytes, start, end, last, high);
    const isEnd = last && (first & FIN) !== 0;
    const { inflation } = this;
    if (!this.#compressed || inflation === undefined) return this.#give(bytes, start, end, isEnd, high);
    inflation.push(this.#opcode, bytes, start, end, isEnd);
    return this.#host.reading && inflation.pace === "idle";
  }

  /** Gives on a piece of the message in progress; `high`: some byte of it may be over 0x7f. */
  #give(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const opcode = this.#opcode;
    if (opcode === TEXT && (high !== 0 || !this.#utf8.complete)) {
      const wrong = this.#utf8.push(bytes, start, end);
      if (wrong >= 0) {
        return this.#host.broken("WS_INVALID_UTF8", `byte 0x${hex(bytes[wrong]!)} cannot stand where it does`);
      }
    }
    if (last && !this.#utf8.complete) return this.#host.broken("WS_INVALID_UTF8", "it ends inside a character");
    if (last) this.#opcode = 0;
    this.#piece(opcode, bytes.subarray(start, end), last);
    return this.#host.reading;
  }
}
