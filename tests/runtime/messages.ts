/** Drives codecs as a connection does, and gathers what they make into messages. */

import type { Codec, CodecOwner, Progress } from "../../src/protocol/codec.ts";

/** The owner of one codec. */
export class Messages implements CodecOwner {
  /** What the message in hand has brought so far, in bytes. */
  taken = 0;
  /** The largest piece. */
  largest = 0;
  /** How many pieces the last message came in. */
  pieces = 0;
  /** Times that the codec asked for another turn. */
  turns = 0;
  #message: Uint8Array[] = [];
  /** The last message that was whole. */
  last: Uint8Array | undefined;
  #wake: (() => void) | undefined;
  readonly #limit: number;
  readonly codec: Codec;

  /** Makes the codec. More than `limit` bytes of a message are not taken. */
  constructor(make: (owner: CodecOwner) => Codec, limit: number = Infinity) {
    this.#limit = limit;
    this.codec = make(this);
  }

  take(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    this.taken += end - start;
    this.largest = Math.max(this.largest, end - start);
    this.pieces++;
    if (this.taken > this.#limit) {
      this.codec.close();
      return false;
    }
    this.#message.push(bytes.slice(start, end));
    if (last) this.last = join(this.#message);
    return true;
  }

  wake(): void {
    this.#wake?.();
  }

  /** Passes a message through, in these pieces. Returns what came of it, or what is wrong with it. */
  async pass(...pieces: readonly Uint8Array[]): Promise<Uint8Array | Exclude<Progress, "busy" | "waiting">> {
    this.taken =
      this.pieces =
      this.largest =
      this.turns =
        0;
    this.#message = [];
    this.last = undefined;
    let progress: Progress = "done";
    for (const [i, piece] of pieces.entries()) {
      const woken = this.#woken();
      // Around the piece stands what is not of it.
      const padded = new Uint8Array(piece.length + 7).fill(0xaa);
      padded.set(piece, 3);
      progress = this.codec.push(padded, 3, 3 + piece.length, i === pieces.length - 1);
      let next = woken;
      while (progress === "busy" || progress === "waiting") {
        this.turns++;
        if (progress === "waiting") await next;
        else await new Promise((resolve) => setTimeout(resolve, 0));
        next = this.#woken();
        progress = this.codec.work();
      }
      if (progress !== "done") return progress;
    }
    return this.last ?? progress;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

/** Joins pieces. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
