/**
 * Sends that have to wait: a Blob has to be read first, and what is sent after it waits for it, so that order is kept.
 */

import { WebSocketError } from "../protocol/errors.ts";
import { sizeOf } from "./data.ts";

/** Sends in order, some of which have to be read first. */
export class SendQueue {
  /** Bytes that wait. */
  bytes = 0;
  #last: Promise<void> | undefined;
  readonly #fail: (error: WebSocketError) => void;

  /** Makes a queue that calls `fail` when something cannot be read. */
  constructor(fail: (error: WebSocketError) => void) {
    this.#fail = fail;
  }

  /** Something waits. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /** Calls `send` with the payload, read, when all before it has been sent. */
  push(payload: string | Uint8Array | Blob, send: (payload: string | Uint8Array) => void): void {
    const size = sizeOf(payload);
    this.bytes += size;
    // Bytes are lent until the call returns; reading a Blob need not wait for its turn.
    const ready = payload instanceof Blob
      ? payload.arrayBuffer().then((bytes) => new Uint8Array(bytes))
      : typeof payload === "string"
      ? payload
      : new Uint8Array(payload);
    this.#chain(async () => {
      try {
        const data = await ready;
        this.bytes -= size;
        send(data);
      } catch (cause) {
        this.#fail(new WebSocketError("WS_ABORTED", `Cannot read a Blob to send: ${String(cause)}`, { cause }));
      }
    });
  }

  /** Calls `work` when all has been sent. */
  after(work: () => void | Promise<void>): void {
    this.#chain(work);
  }

  #chain(work: () => void | Promise<void>): void {
    const last = (this.#last ?? Promise.resolve()).then(work).then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
  }
}
