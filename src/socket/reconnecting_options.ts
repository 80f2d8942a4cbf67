/**
 * What a `ReconnectingSocket` is made with, and what it tells.
 */

import type { WebSocketError } from "../protocol/errors.ts";
import { checkCount, checkNumber, checkType, wrongKind } from "./check.ts";
import { type CloseEvent, type ErrorEvent, type EventOwner, type MessageEvent, SocketEvent } from "./events.ts";
import type { SocketOptions } from "./options.ts";

/**
 * Says where to connect; asked before each attempt. What it throws counts as an attempt that failed.
 *
 * @example
 * ```ts
 * import { ReconnectingSocket, type UrlProvider } from "@sockeye/ws/reconnecting";
 *
 * const servers = ["ws://127.0.0.1:9/a", "ws://127.0.0.1:9/b"];
 * let turn = 0;
 * const next: UrlProvider = () => servers[turn++ % servers.length]!;
 * await using socket = new ReconnectingSocket(next);
 * ```
 */
export type UrlProvider = () => string | URL | Promise<string | URL>;

/**
 * Options of a `ReconnectingSocket`: those of `Socket`, for each connection, and its own.
 *
 * @example
 * ```ts
 * import { ReconnectingSocket, type ReconnectingOptions } from "@sockeye/ws/reconnecting";
 *
 * const options: ReconnectingOptions = { minDelay: 1_000, maxQueue: 50, overflow: "drop-oldest", fatalCodes: [1000, 4401] };
 * await using socket = new ReconnectingSocket("ws://127.0.0.1:9/", options);
 * ```
 */
export interface ReconnectingOptions extends SocketOptions {
  /** Milliseconds before the second attempt, at most; doubled with each that fails. @default {500} */
  readonly minDelay?: number;
  /** Milliseconds between two attempts, at most. Half of each delay is left to chance. @default {30000} */
  readonly maxDelay?: number;
  /** Attempts that fail in a row before it is over; Infinity for no limit. @default {Infinity} */
  readonly maxAttempts?: number;
  /** Milliseconds that a connection must last to count as a success. @default {5000} */
  readonly stableAfter?: number;
  /** Messages that wait for a connection, at most. @default {1000} */
  readonly maxQueue?: number;
  /** Their bytes, at most. @default {1048576} */
  readonly maxQueueBytes?: number;
  /**
   * What becomes of a message for which there is no room: `send` throws a `RangeError`; or the message is dropped; or those
   * that have waited longest are. The event `drop` tells of each that is.
   *
   * @default {"throw"}
   */
  readonly overflow?: "throw" | "drop-newest" | "drop-oldest";
  /**
   * Codes of the peer's Close frame that end it: it is done, or would happen again.
   *
   * @default {[1000, 1002, 1003, 1007, 1008, 1010]}
   */
  readonly fatalCodes?: readonly number[];
  /** Statuses of a refused handshake that end it. @default {[400, 403, 404, 405, 410, 426]} */
  readonly fatalStatuses?: readonly number[];
  /** Gives a token for the next attempt; sent as `Authorization: Bearer`. What it throws counts as one that failed. */
  readonly token?: () => string | Promise<string>;
  /** Sends the token as this parameter of the URL, for browsers, where no header can be set. */
  readonly tokenParameter?: string;
  /** A number of at least 0 and below 1, for the delays. @default {Math.random} */
  readonly random?: () => number;
}

/** The options, checked. */
export interface ReconnectingSettings {
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly maxAttempts: number;
  readonly stableAfter: number;
  readonly maxQueue: number;
  readonly maxQueueBytes: number;
  readonly overflow: "throw" | "drop-newest" | "drop-oldest";
  readonly fatalCodes: ReadonlySet<number>;
  readonly fatalStatuses: ReadonlySet<number>;
  readonly token: (() => string | Promise<string>) | undefined;
  readonly tokenParameter: string | undefined;
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
  /** Those of each connection. */
  readonly socket: SocketOptions;
}

const FATAL_CODES = [1000, 1002, 1003, 1007, 1008, 1010];
const FATAL_STATUSES = [400, 403, 404, 405, 410, 426];

/** Checks the options of its own; those of `Socket` are checked with the first connection. Throws a `TypeError` or `RangeError`. */
export function checkReconnecting(options: ReconnectingOptions): ReconnectingSettings {
  const { minDelay, maxDelay, maxAttempts, stableAfter, maxQueue, maxQueueBytes, overflow = "throw", ...others } =
    options;
  const { fatalCodes, fatalStatuses, token, tokenParameter, random = Math.random, signal, ...socket } = others;
  if (!["throw", "drop-newest", "drop-oldest"].includes(overflow)) {
    throw wrongKind("overflow", overflow, `"throw", "drop-newest" or "drop-oldest"`);
  }
  checkType("token", token, "function");
  checkType("tokenParameter", tokenParameter, "string");
  checkType("random", random, "function");
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongKind("signal", signal, "an AbortSignal");
  return {
    minDelay: checkNumber("minDelay", minDelay ?? 500),
    maxDelay: checkNumber("maxDelay", maxDelay ?? 30_000),
    maxAttempts: maxAttempts === Infinity
      ? Infinity
      : checkCount("maxAttempts", maxAttempts ?? Number.MAX_SAFE_INTEGER),
    stableAfter: checkNumber("stableAfter", stableAfter ?? 5_000),
    maxQueue: checkNumber("maxQueue", maxQueue ?? 1_000),
    maxQueueBytes: checkNumber("maxQueueBytes", maxQueueBytes ?? 1_048_576),
    overflow,
    fatalCodes: checkNumbers("fatalCodes", fatalCodes ?? FATAL_CODES),
    fatalStatuses: checkNumbers("fatalStatuses", fatalStatuses ?? FATAL_STATUSES),
    token,
    tokenParameter,
    random,
    signal,
    socket,
  };
}

function checkNumbers(name: string, list: unknown): ReadonlySet<number> {
  if (!Array.isArray(list)) throw wrongKind(name, list, "a list of numbers");
  return new Set(list.map((each) => checkNumber(name, each)));
}

/**
 * An attempt has begun, or has led to an open connection.
 *
 * @example
 * ```ts
 * import { type AttemptEvent, ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * const socket = new ReconnectingSocket("ws://127.0.0.1:9/");
 * const event = await new Promise<AttemptEvent>((resolve) => socket.once("attempt", resolve));
 * console.assert(event.attempt === 1);
 * socket.close();
 * ```
 */
export class AttemptEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** Which it is, from 1 on. */
  readonly attempt: number;

  /** Makes an event. */
  constructor(type: "attempt" | "open", target: T, attempt: number) {
    super(type, target);
    this.attempt = attempt;
  }
}

/**
 * An attempt failed, or its connection was lost: another follows.
 *
 * @example
 * ```ts
 * import { type LostEvent, ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * const socket = new ReconnectingSocket("ws://127.0.0.1:9/nobody-is-there");
 * const event = await new Promise<LostEvent>((resolve) => socket.once("lost", resolve));
 * console.assert(event.code === 1006 && event.delay >= 250 && event.delay <= 500);
 * socket.close();
 * ```
 */
export class LostEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** Which attempt it was. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly delay: number;
  /** The code of the peer's Close frame, 1006 where there was none. */
  readonly code: number;
  /** The peer's reason. */
  readonly reason: string;
  /** What failed, where the peer did not close. */
  readonly error: WebSocketError | undefined;

  /** Makes an event. */
  constructor(
    target: T,
    attempt: number,
    delay: number,
    close: { readonly code: number; readonly reason: string } | undefined,
    error: WebSocketError | undefined,
  ) {
    super("lost", target);
    this.attempt = attempt;
    this.delay = delay;
    this.code = close?.code ?? 1006;
    this.reason = close?.reason ?? "";
    this.error = error;
  }
}

/**
 * A message will not be sent: there was no room for it, or it waited until the end.
 *
 * @example
 * ```ts
 * import { type DropEvent, ReconnectingSocket } from "@sockeye/ws/reconnecting";
 *
 * const socket = new ReconnectingSocket("ws://127.0.0.1:9/", { maxQueue: 1, overflow: "drop-oldest" });
 * const dropped = new Promise<DropEvent>((resolve) => socket.once("drop", resolve));
 * socket.send("first");
 * socket.send("second");
 * console.assert((await dropped).data === "first");
 * socket.close();
 * ```
 */
export class DropEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** What was to be sent: text or bytes. */
  readonly data: string | Uint8Array | Blob;

  /** Makes an event. */
  constructor(target: T, data: string | Uint8Array | Blob) {
    super("drop", target);
    this.data = data;
  }
}

/**
 * The events of a `ReconnectingSocket` by name.
 *
 * @example
 * ```ts
 * import type { ReconnectingEventMap } from "@sockeye/ws/reconnecting";
 *
 * const names: (keyof ReconnectingEventMap)[] = ["attempt", "open", "message", "error", "lost", "drop", "close"];
 * console.assert(names.includes("lost"));
 * ```
 */
export interface ReconnectingEventMap<T extends EventOwner = EventOwner> {
  /** An attempt has begun. */
  attempt: AttemptEvent<T>;
  /** A connection is open. */
  open: AttemptEvent<T>;
  /** A message came. */
  message: MessageEvent<T>;
  /** An attempt or a connection failed; `lost` or `close` follows. */
  error: ErrorEvent<T>;
  /** An attempt failed, or a connection was lost; another attempt follows. */
  lost: LostEvent<T>;
  /** A message will not be sent. */
  drop: DropEvent<T>;
  /** It is over for good. */
  close: CloseEvent<T>;
}
