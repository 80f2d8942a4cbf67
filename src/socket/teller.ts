/**
 * The part of a link of our own protocol that only passes on what the session has read.
 */

import { BINARY, TEXT } from "../protocol/constants.ts";
import type { LinkEvents } from "./link.ts";

/** Passes on what a session tells. */
export abstract class Teller {
  /** Who is told, since `start`. */
  protected events: LinkEvents | undefined;
  readonly #streaming: boolean;

  /** With `streaming`, messages that come whole are pieces too: their first, and their last. */
  constructor(streaming: boolean) {
    this.#streaming = streaming;
  }

  /** {@inheritDoc SessionEvents.text} */
  text(data: string, compressed: boolean): void {
    if (this.#streaming) this.piece(TEXT, new TextEncoder().encode(data), true);
    else this.events!.text(data, compressed);
  }

  /** {@inheritDoc SessionEvents.binary} */
  binary(data: Uint8Array, compressed: boolean): void {
    if (this.#streaming) this.piece(BINARY, data, true);
    else this.events!.binary(data, compressed);
  }

  /** {@inheritDoc SessionEvents.piece} */
  piece(opcode: number, data: Uint8Array, last: boolean): void {
    this.events!.piece!(opcode, data, last);
  }

  /** {@inheritDoc SessionEvents.pinged} */
  pinged(data: Uint8Array): void {
    this.events!.ping(data);
  }

  /** {@inheritDoc SessionEvents.ponged} */
  ponged(data: Uint8Array): void {
    this.events!.pong(data);
  }
}
