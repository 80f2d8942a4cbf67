/**
 * The options that `new Socket` and `upgrade` have in common, as they are about an open connection: what they are, and the
 * check of what the caller gave.
 */

import { checkEach, checkNames, checkNumber, checkType, wrongKind } from "./check.ts";
import { checkDeflate, type DeflateOptions, type DeflateSettings } from "./deflate_options.ts";
import type { HeartbeatSettings } from "./heartbeat.ts";

/**
 * How a heartbeat beats.
 *
 * @example
 * ```ts
 * import { type HeartbeatOptions, upgrade } from "@sockeye/ws";
 *
 * const heartbeat: HeartbeatOptions = { interval: 15_000, timeout: 5_000 };
 * console.assert(typeof upgrade({ heartbeat }, () => {}) === "object");
 * ```
 */
export interface HeartbeatOptions {
  /** Milliseconds from the answer to the next ping. @default {30000} */
  readonly interval?: number;
  /** Milliseconds after a ping in which something has to come from the peer. Infinity for ever. @default {10000} */
  readonly timeout?: number;
}

/**
 * Options of a connection, at either end.
 *
 * @example
 * ```ts
 * import { type ConnectionOptions, upgrade } from "@sockeye/ws";
 *
 * const options: ConnectionOptions = { maxPayload: 65_536, highWaterMark: 262_144, closeTimeout: 5_000 };
 * console.assert(typeof upgrade(options, () => {}) === "object");
 * ```
 */
export interface ConnectionOptions {
  /**
   * Compression (RFC 7692): `true`, or how. A client offers it. A server takes the first offer that can be met; with none
   * the connection is open without.
   *
   * @default {false}
   */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /**
   * Pings the peer when the connection has been open for a while, and again and again: `true`, or how. A peer from which
   * nothing comes is dead, and the connection fails with `WS_HEARTBEAT_TIMEOUT`. `roundTripTime` has the last measurement.
   * While this end is paused, nothing can be heard, and nobody is found dead.
   *
   * @default {false}
   */
  readonly heartbeat?: boolean | HeartbeatOptions;
  /**
   * Messages are handled one by one: the next is delivered when all promises are settled that the listeners of `message`
   * gave back. Meanwhile nothing is read, and the peer feels it.
   *
   * @default {false}
   */
  readonly ordered?: boolean;
  /**
   * Received messages come as streams, by the event `stream` in the place of `message`: each as it arrives, one after
   * another, and the peer waits while nobody reads. `maxFragments` and `messageTimeout` hold for none of them, and
   * `maxPayload` only for those that come compressed, inflated: a few bytes can become a great many. Infinity lifts it.
   *
   * @default {false}
   */
  readonly streaming?: boolean;
  /** Bytes of one received message, inflated; more fails the connection with 1009. @default {67108864} */
  readonly maxPayload?: number;
  /** Frames of one received message; more fails the connection with 1009. @default {131072} */
  readonly maxFragments?: number;
  /**
   * Milliseconds from the beginning of a received message to its end; a slower one fails the connection with 1008; 0 for
   * no limit. While this end is paused, it does not count. A server's end that nobody listens to gets as long, from when
   * more than 1 MiB waits for its first listener.
   *
   * @default {600000}
   */
  readonly messageTimeout?: number;
  /** Milliseconds for the closing handshake; 0 for no limit. @default {10000} */
  readonly closeTimeout?: number;
  /** Bytes waiting to be sent from which on `send` returns false. @default {1048576} */
  readonly highWaterMark?: number;
  /** Bytes waiting to be sent at which the connection is failed with 1013. @default {268435456} */
  readonly maxBufferedAmount?: number;
}

type Limit = "maxPayload" | "maxFragments" | "messageTimeout" | "closeTimeout" | "highWaterMark" | "maxBufferedAmount";

const LIMITS: Readonly<Record<Limit, typeof checkNumber>> = {
  maxPayload: checkNumber,
  maxFragments: checkNumber,
  messageTimeout: checkNumber,
  closeTimeout: checkNumber,
  highWaterMark: checkNumber,
  maxBufferedAmount: checkNumber,
};

/** Their names. */
export const CONNECTION_OPTIONS: readonly string[] = [
  ...Object.keys(LIMITS),
  "perMessageDeflate",
  "heartbeat",
  "streaming",
  "ordered",
];

/** The options, checked. */
export interface ConnectionSettings {
  /** Those limits that were given. */
  readonly limits: { readonly [K in Limit]?: number } & { readonly streaming?: boolean };
  /** Messages are handled one by one. */
  readonly ordered: boolean;
  /** Absent: no compression. */
  readonly compression?: DeflateSettings;
  /** Absent: no heartbeat. */
  readonly heartbeat?: HeartbeatSettings;
}

/**
 * Checks the options that both ends have.
 *
 * @throws {TypeError} When one is of the wrong kind, or has a name in it that is not known.
 * @throws {RangeError} When a number is out of range.
 */
export function checkConnection(options: ConnectionOptions): ConnectionSettings {
  const compression = checkDeflate(options.perMessageDeflate);
  const heartbeat = checkHeartbeat(options.heartbeat);
  checkType("streaming", options.streaming, "boolean");
  checkType("ordered", options.ordered, "boolean");
  return {
    ordered: options.ordered ?? false,
    limits: { ...checkEach(options, LIMITS), ...(options.streaming ? { streaming: true } : {}) },
    ...(compression === undefined ? {} : { compression }),
    ...(heartbeat === undefined ? {} : { heartbeat }),
  };
}

const BEATS: ReadonlySet<string> = new Set<keyof HeartbeatOptions>(["interval", "timeout"]);
const INTERVAL = 30_000;
const TIMEOUT = 10_000;

function checkHeartbeat(value: unknown): HeartbeatSettings | undefined {
  if (value === undefined || value === false) return undefined;
  if (value !== true && (typeof value !== "object" || value === null || Array.isArray(value))) {
    throw wrongKind("heartbeat", value, "a boolean or an object");
  }
  const options: HeartbeatOptions = value === true ? {} : value;
  checkNames("use the option heartbeat", options, BEATS);
  const { interval = INTERVAL, timeout = TIMEOUT } = options;
  return {
    interval: checkTime("heartbeat.interval", interval),
    timeout: checkTime("heartbeat.timeout", timeout),
  };
}

function checkTime(name: string, value: unknown): number {
  if (checkNumber(name, value) > 0) return value as number;
  throw new RangeError(`Cannot use the option ${name}: got 0, wanted more`);
}
