/**
 * What the connections of one server share, ours or one that handlers are mounted in: the handler, the limits, and what is
 * open, so that all of it can be closed.
 *
 * ```
 *   Server, mounts -> HttpHost --served--> Connection, MountedRequest
 *                        `----- sockets: from the 101 until the connection is over
 * ```
 */

import { isReceivableCode } from "../protocol/close.ts";
import { GOING_AWAY, MAX_CLOSE_REASON } from "../protocol/constants.ts";
import { deflateFactory } from "../protocol/context_codec.ts";
import type { DeflateFactory } from "../protocol/codec.ts";
import { show } from "../protocol/headers.ts";
import { utf8Length } from "../protocol/utf8.ts";
import { checkNames, checkNumber, checkType } from "../socket/check.ts";
import type { CodecProvider } from "../socket/message.ts";
import { closeWith, type Socket } from "../socket/socket.ts";
import { startTimeout } from "../socket/timeout.ts";
import type { Runtime, Transport } from "../socket/transport.ts";
import { Connection, type Given, type Host, type Member } from "./connection.ts";
import { type ErrorReporter, reportOnConsole } from "./dispatch.ts";
import type { Handler } from "./handler_types.ts";
import { type Awaited, HeadClock } from "./head_clock.ts";
import { type Listed, Roster } from "./roster.ts";

/** Bytes of the body of a request, where nobody says otherwise. */
export const MAX_BODY_SIZE = 1_048_576;

const DEADLINE = 10_000;

/**
 * How a server, or a mount, ends what is open.
 *
 * @example
 * ```ts
 * import { type CloseOptions, Server } from "@sockeye/ws/http";
 *
 * const options: CloseOptions = { code: 1012, reason: "back in a minute", deadline: 5_000 };
 * await new Server({ port: 0 }, {}).close(options);
 * ```
 */
export interface CloseOptions {
  /** Code of the Close frames. @default {1001} */
  readonly code?: number;
  /** Their reason, of at most 123 bytes. @default {""} */
  readonly reason?: string;
  /** Milliseconds for all connections to end by themselves, before they are cut; `Infinity` for ever. @default {10000} */
  readonly deadline?: number;
}

const CLOSE_OPTIONS: ReadonlySet<string> = new Set<keyof CloseOptions>(["code", "reason", "deadline"]);

/**
 * Checks how to close.
 *
 * @throws {TypeError} When an option is unknown or of the wrong kind.
 * @throws {RangeError} When the code is none that may be sent, the reason is too long, or the deadline is below 0.
 */
export function checkClose(action: string, options: CloseOptions): Required<CloseOptions> {
  checkNames(action, options, CLOSE_OPTIONS);
  const { code = GOING_AWAY, reason = "", deadline = DEADLINE } = options;
  if (!Number.isInteger(code) || !isReceivableCode(code)) {
    throw new RangeError(`Cannot ${action}: code is ${show(code)}, wanted 1000 to 1003, 1007 to 1014 or 3000 to 4999`);
  }
  checkType("reason", reason, "string");
  if (utf8Length(reason) > MAX_CLOSE_REASON) {
    throw new RangeError(`Cannot ${action}: reason is too long, wanted at most ${MAX_CLOSE_REASON} bytes`);
  }
  return { code, reason, deadline: checkNumber("deadline", deadline) };
}

/** Something that a request keeps busy. */
export interface Served extends Listed, Awaited {
  /** Breaks it off when no request has come yet. */
  hurry(): void;
  /** Breaks it off, whatever it is doing. */
  cut(reason: unknown): void;
}

/** What the connections of one server share. */
export class HttpHost implements Host {
  readonly limits: Host["limits"];
  readonly secure: boolean;
  readonly report: ErrorReporter;
  readonly codec: CodecProvider;
  /** {@inheritDoc Host.clock} */
  readonly clock: HeadClock;
  /** The WebSockets that are open or closing. */
  readonly sockets: Roster<Member> = new Roster();
  readonly #served: Roster<Served> = new Roster();
  #clients: Set<Socket> | undefined;
  handler: Handler;
  /** What connections get their compression from. */
  runtime: Runtime | undefined;
  closing = false;
  /** What WebSockets are told that open while all is being closed. */
  #farewell: Required<CloseOptions> | undefined;
  /** Called when nothing is open any more. */
  #onidle: (() => void)[] = [];

  /** Makes one with nothing open. `secure`: all that it accepts came over TLS. */
  constructor(
    limits: Host["limits"],
    secure: boolean,
    report: ErrorReporter | undefined,
    handler: Handler,
    codec: CodecProvider,
  ) {
    this.limits = limits;
    this.secure = secure;
    this.report = report ?? reportOnConsole;
    this.handler = handler;
    this.codec = codec;
    this.clock = new HeadClock(limits.timeout, this.#served);
  }

  /** {@inheritDoc Host.text} */
  get text(): Runtime["text"] {
    return this.runtime?.text;
  }

  /** {@inheritDoc Host.deflate} */
  get deflate(): DeflateFactory | undefined {
    const lent = this.runtime?.deflate;
    return lent === undefined ? undefined : deflateFactory(lent);
  }

  /** The WebSockets that are open or closing, as users have them: kept once somebody asks, since it costs what `Roster` says. */
  get clients(): ReadonlySet<Socket> {
    return this.#clients ??= new Set([...this.sockets].map(({ socket }) => socket));
  }

  /** Serves a connection; `given` is the request, where somebody else has read it. */
  accept(transport: Transport, given?: Given): void {
    if (this.closing && given === undefined) return transport.abort();
    const connection = new Connection(this, transport, given);
    this.entered(connection);
    void connection.serve();
  }

  /** Something is busy with a request. */
  entered(served: Served): void {
    this.#served.add(served);
  }

  /** {@inheritDoc Host.left} */
  left(served: Served): void {
    this.#served.delete(served);
    this.#settle();
  }

  /** {@inheritDoc Host.opened} */
  opened(member: Member): void {
    const { socket } = member;
    this.sockets.add(member);
    this.#clients?.add(socket);
    if (this.closing && this.#farewell !== undefined) closeWith(socket, this.#farewell.code, this.#farewell.reason);
  }

  /** {@inheritDoc Host.closed} */
  closed(member: Member): void {
    this.sockets.delete(member);
    this.#clients?.delete(member.socket);
    this.#settle();
  }

  #settle(): void {
    if (this.sockets.size > 0 || this.#served.size > 0) return;
    this.clock.rest();
    for (const callback of this.#onidle.splice(0)) callback();
  }

  /** Ends what is open. Resolves when all is over. */
  async close(how: Required<CloseOptions>): Promise<void> {
    const { code, reason, deadline } = how;
    this.closing = true;
    this.#farewell = how;
    for (const { socket } of this.sockets) closeWith(socket, code, reason);
    for (const each of this.#served) each.hurry();
    await this.#idle(deadline);
    for (const { socket } of this.sockets) socket.terminate();
    for (const each of this.#served) each.cut(new Error("Cannot go on: the server was closed"));
    for (const member of this.sockets) this.closed(member);
    for (const each of this.#served) this.left(each);
    this.#settle();
  }

  /** Waits until nothing is open, or the time is over. */
  #idle(milliseconds: number): Promise<void> {
    if (milliseconds === 0 || (this.sockets.size === 0 && this.#served.size === 0)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = startTimeout(milliseconds, resolve);
      this.#onidle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
