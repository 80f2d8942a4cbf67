/**
 * Messages that are given on piece by piece, as they come, and never held: a reader of frames between the `FrameReader` and
 * the session.
 *
 * ```
 *   FrameReader -> PieceReader -.- plain messages: UTF-8 -> SessionEvents.piece(opcode, bytes, last)
 *                               `- control frames, compressed messages -> Session
 * ```
 *
 * The limits on one message do not hold for these, as nothing of it is held.
 */

import { CLOSE, TEXT } from "./constants.ts";
import type { ErrorCode } from "./errors.ts";
import { hex } from "./faults.ts";
import { checkHeader, FIN, type FrameHandler, RSV1 } from "./frame.ts";
import type { Role } from "./constants.ts";
import { Utf8Validator } from "./utf8.ts";

/** What a reader of pieces needs of its session. */
export interface PieceHost extends FrameHandler {
  /** More may be read: it is neither paused nor over. */
  readonly reading: boolean;
  /** The peer broke a rule: the connection fails. Returns false. */
  broken(code: ErrorCode, detail: string): false;
}

/** Reads messages piece by piece. */
export class PieceReader implements FrameHandler {
  readonly #host: PieceHost;
  readonly #role: Role;
  readonly #piece: (opcode: number, data: Uint8Array, last: boolean) => void;
  /** The message in progress, or 0. Set in `begin`, cleared with its last piece. */
  #opcode = 0;
  /** First byte of the frame that is being read. */
  #first = 0;
  readonly #utf8: Utf8Validator = new Utf8Validator();

  /** Makes one that gives what it reads to `piece`, and all else to `host`. */
  constructor(host: PieceHost, role: Role, piece: (opcode: number, data: Uint8Array, last: boolean) => void) {
    this.#host = host;
    this.#role = role;
    this.#piece = piece;
  }

  /** {@inheritDoc FrameHandler.header} */
  header(b0: number, b1: number): boolean {
    if (this.#opcode === 0 || (b0 & CLOSE) !== 0) return this.#host.header(b0, b1);
    // No bit is reserved for the frames of a message that is plain.
    const fault = checkHeader(b0, b1, this.#role, 0, true);
    return fault === undefined || this.#host.broken(fault, `header bytes are 0x${hex(b0)} 0x${hex(b1)}`);
  }

  /** {@inheritDoc FrameHandler.begin} */
  begin(b0: number, length: number): boolean {
    this.#first = b0;
    const opcode = b0 & 0x0f;
    const isMine = (b0 & CLOSE) === 0 && (this.#opcode !== 0 || (opcode !== 0 && (b0 & RSV1) === 0));
    // It also says what is wrong with a length.
    if (!isMine || length < 0) return this.#host.begin(b0, length);
    if (this.#opcode === 0) this.#opcode = opcode;
    return true;
  }

  /** {@inheritDoc FrameHandler.payload} */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean, high: number): boolean {
    const first = this.#first;
    if (this.#opcode === 0 || (first & CLOSE) !== 0) return this.#host.payload(bytes, start, end, last, high);
    const opcode = this.#opcode;
    const isEnd = last && (first & FIN) !== 0;
    if (opcode === TEXT && (high !== 0 || !this.#utf8.complete)) {
      const wrong = this.#utf8.push(bytes, start, end);
      if (wrong >= 0) {
        return this.#host.broken("WS_INVALID_UTF8", `byte 0x${hex(bytes[wrong]!)} cannot stand where it does`);
      }
    }
    if (isEnd && !this.#utf8.complete) return this.#host.broken("WS_INVALID_UTF8", "it ends inside a character");
    if (isEnd) this.#opcode = 0;
    this.#piece(opcode, bytes.subarray(start, end), isEnd);
    return this.#host.reading;
  }
}
