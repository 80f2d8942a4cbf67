/**
 * The part of a link of our own protocol that only passes on: what the session has read, and memory between the transport and
 * the process.
 */

import { recycle } from "../protocol/bytes.ts";
import { type Allocator, copyToPool } from "../protocol/pool.ts";
import type { LinkEvents } from "./link.ts";
import type { Transport } from "./transport.ts";

/** Passes on what a session tells. */
export abstract class Teller {
  protected readonly transport: Transport;
  /** Who is told, since `start`. */
  protected events: LinkEvents | undefined;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** {@inheritDoc SessionEvents.text} */
  text(data: string, compressed: boolean): void {
    this.events!.text(data, compressed);
  }

  /** {@inheritDoc SessionEvents.binary} */
  binary(data: Uint8Array, compressed: boolean): void {
    this.events!.binary(data, compressed);
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

  /** {@inheritDoc SessionEvents.copies} */
  get copies(): boolean {
    return this.transport.copies ?? false;
  }

  /** {@inheritDoc SessionEvents.allocator} */
  get allocator(): Allocator | undefined {
    return this.transport.allocator;
  }

  /** {@inheritDoc TransportSink.copy} */
  copy(chunk: Uint8Array): Uint8Array {
    return copyToPool(chunk);
  }

  /** {@inheritDoc TransportSink.returned} */
  returned(chunk: Uint8Array): void {
    recycle(chunk);
  }
}
