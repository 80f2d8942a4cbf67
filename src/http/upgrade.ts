/**
 * `upgrade`: the handler that makes a WebSocket of a request, over any door (RFC 6455, 4.2).
 *
 * ```
 *   request -> checkRequest -> origin -> subprotocol, extensions -> takeOver: 101, Link -> Socket -> accept(conn, req)
 *                 | 400, 405, 426  | 403
 *                 `----------------`---> req.response
 * ```
 */

import { HANDSHAKE_TIMEOUT, INTERNAL_ERROR } from "../protocol/constants.ts";
import { checkRequest, type HandshakeRequest } from "../protocol/handshake.ts";
import { Fields, type RequestHead } from "../protocol/head.ts";
import { show } from "../protocol/headers.ts";
import { checkFields, checkNames, checkNumber, checkType, isThenable } from "../socket/check.ts";
import type { Link } from "../socket/link.ts";
import {
  checkConnection,
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  type ConnectionSettings,
} from "../socket/shared_options.ts";
import { acceptSocket, closeWith, type Socket } from "../socket/socket.ts";
import { startTimeout } from "../socket/timeout.ts";
import { ownFields } from "./answer.ts";
import { type ErrorReporter, safely } from "./dispatch.ts";
import type { Handler } from "./handler_types.ts";
import {
  negotiateExtensions,
  NO_EXTENSIONS,
  type ProtocolPicker,
  protocolPicker,
  type ProtocolPolicy,
} from "./negotiate.ts";
import { type OriginCheck, originCheck, type OriginPolicy, originRefusal } from "./origin.ts";
import { exchangeOf, type HttpRequest } from "./request.ts";

/**
 * Gets each connection, open, and the request it came with. What it throws closes the connection with 1011.
 *
 * @example
 * ```ts
 * import { type Accept, upgrade } from "@sockeye/ws";
 *
 * const echo: Accept = (conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * };
 * console.assert(typeof upgrade(echo).invoke === "function");
 * ```
 */
export type Accept = (conn: Socket, req: HttpRequest) => unknown;

/**
 * Options of `upgrade`.
 *
 * @example
 * ```ts
 * import { upgrade, type UpgradeOptions } from "@sockeye/ws";
 *
 * const options: UpgradeOptions = { protocols: ["chat"], origin: "https://a.example", maxPayload: 65_536 };
 * console.assert(typeof upgrade(options, () => {}).invoke === "function");
 * ```
 */
export interface UpgradeOptions extends ConnectionOptions {
  /** Subprotocols: a list, of which the first that is offered is taken, or a function of those offered. @default {[]} */
  readonly protocols?: ProtocolPolicy;
  /**
   * Whose pages may connect: `"*"`, an origin, a list of them, or a function; others get 403. Clients that send no origin
   * pass, unless a function says otherwise.
   *
   * @default the host that is asked, and the loopback interface where that is asked
   */
  readonly origin?: OriginPolicy;
  /** More fields for the 101. */
  readonly headers?: Headers | Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;
  /** Milliseconds for the functions `origin` and `protocols` together, then 503; 0 for no limit. @default {10000} */
  readonly handshakeTimeout?: number;
  /** Gets what `accept` throws. @default that of the server, else the console */
  readonly onerror?: ErrorReporter;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...CONNECTION_OPTIONS,
  ...["protocols", "origin", "headers", "handshakeTimeout", "onerror"],
]);

/**
 * Makes a handler that accepts WebSockets, as `upgrade(options, accept)` does without options.
 *
 * @throws {TypeError} When `accept` is no function.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 *
 * const echo = upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * });
 * ```
 */
export function upgrade(accept: Accept): Handler;
/**
 * Makes a handler that accepts WebSockets.
 *
 * Answers 405 to another method than GET, 426 to a request that does not ask for WebSocket or asks for another version,
 * 400 to a malformed one, 403 to a page of another origin; each with a text that says what was met and what was wanted.
 * Fields and cookies that earlier handlers have put on `req.response` go out with the 101, and with a refusal.
 *
 * `accept` may be asynchronous, and may wait before it listens: no message is lost. What it throws is reported and closes
 * the connection with 1011.
 *
 * @throws {TypeError} When an option is unknown or of the wrong kind.
 * @throws {RangeError} When a number is out of range.
 *
 * @example
 * ```ts
 * import { Routing } from "@sockeye/ws/http";
 * import { upgrade } from "@sockeye/ws";
 *
 * const app = new Routing({
 *   "/echo": upgrade((conn) => {
 *     conn.onmessage = (event) => conn.send(event.data);
 *   }),
 *   "/chat": upgrade({ protocols: ["chat.v2", "chat.v1"], maxPayload: 65_536 }, async (conn, req) => {
 *     const name = req.cookies.get("name");
 *     conn.send(`welcome ${name}, you speak ${conn.protocol}`);
 *   }),
 * });
 * ```
 */
/**
 * Makes a handler that accepts WebSockets, with options; the same otherwise.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 *
 * const chat = upgrade({ protocols: ["chat"], heartbeat: true }, (conn) => conn.send("welcome"));
 * console.assert(typeof chat.invoke === "function");
 * ```
 */
export function upgrade(options: UpgradeOptions, accept: Accept): Handler;
export function upgrade(first: UpgradeOptions | Accept, second?: Accept): Handler {
  const alone = typeof first === "function" && second === undefined;
  const [options, accept] = alone ? [{}, first] : [first, second];
  checkNames("upgrade", options, KNOWN, second === undefined ? "an object or a function" : "an object");
  if (typeof accept !== "function") {
    throw new TypeError(`Cannot upgrade: accept is ${show(accept)}, wanted a function`);
  }
  return new UpgradeHandler(options as UpgradeOptions, accept);
}

class UpgradeHandler implements Handler {
  readonly #accept: Accept;
  readonly #allows: OriginCheck;
  readonly #pick: ProtocolPicker;
  readonly #timeout: number;
  readonly #connection: ConnectionSettings;
  readonly #fields: Fields;
  readonly #report: ErrorReporter | undefined;

  constructor(options: UpgradeOptions, accept: Accept) {
    this.#accept = accept;
    this.#allows = originCheck(options.origin);
    this.#pick = protocolPicker(options.protocols);
    const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
    this.#timeout = checkNumber("handshakeTimeout", handshakeTimeout);
    this.#fields = options.headers === undefined ? new Fields() : checkFields("headers", options.headers);
    checkType("onerror", options.onerror, "function");
    this.#report = options.onerror;
    this.#connection = checkConnection(options);
  }

  invoke(req: HttpRequest): void | Promise<void> {
    const { head } = exchangeOf(req);
    const check = checkRequest(head);
    if (!check.ok) {
      const { status, fields, reason } = check.refusal;
      for (const [name, value] of fields) req.response.setHeader(name, value);
      return req.response.refuse(status, reason);
    }
    if (hasBody(head)) return req.response.refuse(400, "Cannot upgrade to WebSocket: the request has a body");
    const decision = this.#decide(check.request, req);
    if (!(decision instanceof Promise)) return this.#settle(decision, check.request, req);
    return within(this.#timeout, decision).then((decided) => this.#settle(decided, check.request, req));
  }

  #settle(decided: Decision | typeof LATE, request: HandshakeRequest, req: HttpRequest): void | Promise<void> {
    const { response } = req;
    if (decided === LATE) return response.refuse(503, "Cannot upgrade to WebSocket: the decision took too long");
    if (decided === REFUSED) return response.refuse(403, originRefusal(request.origin, req));

    const exchange = exchangeOf(req);
    const { compression, limits, heartbeat } = this.#connection;
    const { extensions, link } = compression === undefined
      ? NO_EXTENSIONS
      : negotiateExtensions(request.extensions, compression, exchange.deflate);
    const fields = response.hasHeaders ? new Fields([...this.#fields, ...ownFields(response)]) : this.#fields;
    const settings = { ...limits, ...link, protocol: decided, extensions };
    const taken = exchange.takeOver({ request, fields, link: settings, heartbeat });
    if (!(taken instanceof Promise)) return this.#open(taken, request, req);
    return taken.then((open) => this.#open(open, request, req));
  }

  /** Whether the page may connect, and the subprotocol; at once, where the application does not have to be waited for. */
  #decide(request: HandshakeRequest, req: HttpRequest): Decision | Promise<Decision> {
    const allowed = this.#allows(request.origin, req);
    if (typeof allowed === "object") return this.#decideLater(allowed, request, req);
    return allowed ? this.#pick(request.protocols, req) : REFUSED;
  }

  async #decideLater(allowed: Promise<boolean>, request: HandshakeRequest, req: HttpRequest): Promise<Decision> {
    return await allowed ? this.#pick(request.protocols, req) : REFUSED;
  }

  #open(link: Link, request: HandshakeRequest, req: HttpRequest): void {
    // From here on nobody else may answer.
    req.end();
    const exchange = exchangeOf(req);
    const { heartbeat, ordered, limits: { messageTimeout } } = this.#connection;
    const { remote, codec } = exchange;
    const conn = acceptSocket(link, {
      origin: request.origin ?? "",
      remote,
      heartbeat,
      messageTimeout,
      ordered,
      codec,
    });
    exchange.accepted(conn);
    const fail = (error: unknown): void => {
      if (this.#report === undefined) exchange.report(error);
      else safely(this.#report, error, req);
      closeWith(conn, INTERNAL_ERROR, "");
    };
    try {
      const pending = this.#accept(conn, req);
      if (isThenable(pending)) pending.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }
}

/** The page may not connect. */
const REFUSED: unique symbol = Symbol("refused");
/** The application took too long to decide. */
const LATE: unique symbol = Symbol("late");

/** The subprotocol, where the page may connect. */
type Decision = string | typeof REFUSED;

/** Waits for a promise, but not for longer than so many milliseconds. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof LATE>((resolve) => timer = startTimeout(milliseconds, () => resolve(LATE)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function hasBody({ fields }: RequestHead): boolean {
  return fields.has("transfer-encoding") || Number.parseInt(fields.get("content-length") ?? "0", 10) > 0;
}
