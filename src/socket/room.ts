/**
 * The room that there is to send: who waits for it, what waits its turn, and whether anything can be sent at all.
 */

import type { WebSocketError } from "../protocol/errors.ts";
import type { Link } from "./link.ts";
import { type MessageChunks, pump, type SendStreamOptions } from "./outgoing.ts";
import { SendQueue } from "./send_queue.ts";

/** Whose room it is. */
export interface RoomOwner {
  /** What was begun cannot be sent to its end. */
  terminate(error: WebSocketError): void;
}

/** The room of one socket. */
export class Room {
  /** The open connection. */
  link: Link | undefined;
  /** The link takes messages: a Close frame has neither come nor gone. */
  takes = false;
  #queue: SendQueue | undefined;
  /** Those who wait for `drain`. */
  #waiting: (() => void)[] | undefined;
  /** Those who want to know when nothing can be sent any more. */
  #watchers: Set<() => void> | undefined;
  readonly #owner: RoomOwner;

  /** Makes the room of a socket. */
  constructor(owner: RoomOwner) {
    this.#owner = owner;
  }

  /** Something is being sent that takes its time; what is sent now has to wait behind it. */
  get busy(): boolean {
    return this.#queue?.busy ?? false;
  }

  /** Bytes that wait behind it. */
  get bytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  /** Where what has to wait does so; `close` too. */
  get queue(): SendQueue {
    return this.#queue ??= new SendQueue((error) => this.#owner.terminate(error));
  }

  /** Resolves when there is room, or nothing can be sent any more. */
  drained(): Promise<void> {
    if (!this.takes || !this.link!.congested) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }

  /** There is room. */
  relieve(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.forEach((resolve) => resolve());
  }

  /** Nothing can be sent any more. */
  over(): void {
    this.takes = false;
    this.relieve();
    if (this.#watchers !== undefined) { for (const call of [...this.#watchers]) call(); }
  }

  /** Sends a message as it is made, behind what was sent before it. */
  sendStream(source: MessageChunks, options: SendStreamOptions): Promise<void> {
    const isOpen = (): boolean => this.takes;
    const sink = {
      get open() {
        return isOpen();
      },
      watchers: this.#watchers ??= new Set(),
      fragment: (opcode: number, data: Uint8Array, last: boolean) =>
        this.link!.sendFragment(opcode, data, last, options.compress),
      drained: () => this.drained(),
      fail: (error: WebSocketError) => this.#owner.terminate(error),
    };
    return new Promise((resolve, reject) => {
      this.queue.after(() => pump(source, options, sink).then(resolve, reject));
    });
  }
}
