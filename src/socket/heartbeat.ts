/**
 * The heartbeat of a connection: finds out that a peer is dead although the network does not say so.
 *
 * ```
 *   rest --interval--> ping --timeout, and nothing came--> the connection fails with WS_HEARTBEAT_TIMEOUT
 *     ^                  |
 *     `------ pong ------'       whatever else comes, or while this end reads nothing: another timeout
 * ```
 */

import { WebSocketError } from "../protocol/errors.ts";
import type { Link } from "./link.ts";
import type { Pings } from "./pings.ts";
import { startIdleTimeout } from "./timeout.ts";

/** How a heartbeat beats, in milliseconds. */
export interface HeartbeatSettings {
  /** From the answer to the next ping. */
  readonly interval: number;
  /** After a ping, until something has to come from the peer. */
  readonly timeout: number;
}

/** Milliseconds from when nothing seems to have come until that is believed. */
const SECOND_LOOK = 100;

/** The heartbeat of one open connection. It keeps no process alive, where timers can do that. */
export class Heartbeat {
  readonly #settings: HeartbeatSettings;
  readonly #link: Link;
  readonly #pings: Pings;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** Begins with a rest. */
  constructor(settings: HeartbeatSettings, link: Link, pings: Pings) {
    this.#settings = settings;
    this.#link = link;
    this.#pings = pings;
    this.#rest();
  }

  /** Beats no more: the connection is closing. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #rest(): void {
    this.#start(this.#settings.interval, () => this.#ping());
  }

  #ping(): void {
    const payload = new TextEncoder().encode(this.#pings.nextPayload());
    // It rejects when the connection ends; then this has been stopped.
    this.#pings.expect(payload).then(() => this.#rest(), () => {});
    this.#link.ping(payload);
    this.#wait();
  }

  #wait(): void {
    const { heard } = this.#link;
    const { timeout } = this.#settings;
    const unlessHeard = (then: () => void) => (): void =>
      this.#link.deaf || this.#link.heard !== heard ? this.#wait() : then();
    const fail = (): void => {
      const why = `Connection is dead: nothing came within ${timeout} ms of a ping`;
      this.#link.terminate(new WebSocketError("WS_HEARTBEAT_TIMEOUT", why));
    };
    // A process that was busy, or asleep, gets to read first what has long come.
    this.#start(timeout, unlessHeard(() => this.#start(SECOND_LOOK, unlessHeard(fail))));
  }

  #start(milliseconds: number, call: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = startIdleTimeout(milliseconds, call);
  }
}
