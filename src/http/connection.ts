/**
 * One connection of our own server, from its first byte on: it reads one head, and becomes a WebSocket, or is answered
 * and ends.
 *
 * ```
 *   Opening -> head -> HttpRequest -> handlers --takeOver()--> 101, SessionLink -> Socket
 *      |                                 `-----------------> Tail <- answer, FIN
 *      `-> no head: 400, 408, 431 ----------------------------^
 * ```
 */

import type { DeflateFactory } from "../protocol/codec.ts";
import { WebSocketError } from "../protocol/errors.ts";
import { formatAcceptance } from "../protocol/handshake.ts";
import type { HeadLimits, RequestHead } from "../protocol/head.ts";
import { formatText } from "../protocol/head_format.ts";
import { isHost, quote } from "../protocol/headers.ts";
import type { Link } from "../socket/link.ts";
import type { CodecProvider } from "../socket/message.ts";
import { Opening } from "../socket/opening.ts";
import type { LinkOptions, Source } from "../socket/link_options.ts";
import { SessionLink } from "../socket/session_link.ts";
import type { Socket } from "../socket/socket.ts";
import type { Endpoint, Runtime, Transport } from "../socket/transport.ts";
import { sendAnswer } from "./answer.ts";
import { bodyOf, type BodyReader } from "./body.ts";
import { dispatch, type ErrorReporter, safely } from "./dispatch.ts";
import { type Acceptance, type Exchange, RequestError } from "./exchange.ts";
import type { Handler } from "./handler_types.ts";
import type { Awaited, HeadClock } from "./head_clock.ts";
import { HttpRequest } from "./request.ts";
import type { Listed } from "./roster.ts";
import { Tail } from "./tail.ts";

/** The link of a WebSocket of a server's. */
export interface Member extends Listed {
  /** Known before it is listed. */
  readonly socket: Socket;
}

/** What a server lends all of its connections. */
export interface Host {
  /** What a request may not exceed. */
  readonly limits: Partial<HeadLimits> & { readonly timeout: number; readonly maxBodySize: number };
  /** Whether connections come over TLS. */
  readonly secure: boolean;
  /** Of the runtime. */
  readonly text: Runtime["text"];
  /** Of the runtime, too. */
  readonly deflate: DeflateFactory | undefined;
  /** What compresses single messages. */
  readonly codec: CodecProvider;
  /** The time that heads have. */
  readonly clock: HeadClock;
  /** What handles requests now. */
  readonly handler: Handler;
  /** Gets what handlers throw. */
  readonly report: ErrorReporter;
  /** Nothing is upgraded any more. */
  readonly closing: boolean;
  /** A connection has become a WebSocket. */
  opened(member: Member): void;
  /** That WebSocket is over. May be called of one that was never open. */
  closed(member: Member): void;
  /** A connection is over, or no longer one of HTTP. May be called more than once. */
  left(connection: Connection): void;
}

/** A request that somebody else has read off the connection. */
export interface Given {
  /** Its head; what came behind it is what the transport gives. */
  readonly head: RequestHead;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

const HEAD_FAULTS: ReadonlyMap<string, number> = new Map([
  ["WS_INVALID_HEAD", 400],
  ["WS_HANDSHAKE_TIMEOUT", 408],
  ["WS_HEAD_TOO_LARGE", 431],
]);

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** One connection of a server. */
export class Connection implements Exchange, Awaited, Listed {
  /** {@inheritDoc Listed.place} */
  place = -1;
  /** {@inheritDoc Awaited.since} */
  since: number = Infinity;
  readonly #host: Host;
  readonly #opening: Opening;
  /** Where it stays HTTP. */
  #tail: Tail | undefined;
  #request: HttpRequest | undefined;
  readonly #secure: boolean;
  #head: RequestHead | undefined;
  #body: BodyReader | undefined;
  #ongone: ((reason: unknown) => void) | undefined;
  #gone: { readonly reason: unknown } | undefined;
  #link: ServedLink | undefined;

  /** Takes a connection that was accepted; `given` is its request, where that has been read. */
  constructor(host: Host, transport: Transport, given?: Given) {
    this.#host = host;
    this.#secure = given?.secure ?? host.secure;
    this.#head = given?.head;
    this.#opening = new Opening(transport);
  }

  /**
   * Serves its one request, and leaves. A handshake that nobody has to wait for is over when the call returns that brought
   * its head, without a promise: 1.1 times the handshakes on Node, by server CPU.
   */
  serve(): void {
    if (this.#head !== undefined) {
      this.#opening.watch();
      return this.#handle(this.#head);
    }
    this.#host.clock.begin(this);
    this.#opening.takeHead("request", this.#host.limits, (found) => {
      this.#host.clock.end(this);
      if (found instanceof WebSocketError) void this.#refuseHead(found);
      else this.#handle(found);
    });
  }

  /** {@inheritDoc Awaited.late} */
  late(): void {
    const text = `Cannot read a request: no whole head within ${this.#host.limits.timeout} ms`;
    this.#opening.giveUp(new WebSocketError("WS_HANDSHAKE_TIMEOUT", text));
  }

  #handle(head: RequestHead): void {
    this.#head = head;
    this.#opening.onbroken = (reason) => this.#lost(reason);
    const req = this.#request = new HttpRequest(this);
    const body = bodyOf(head, this.#host.limits.maxBodySize);
    const fault = body instanceof RequestError ? body : faultOf(head);
    if (fault !== undefined) {
      req.response.refuse(fault.status, fault.message);
      return this.#handled(req);
    }
    this.#body = body as BodyReader | undefined;
    const pending = dispatch(this.#host.handler, req);
    if (pending === undefined) this.#handled(req);
    else void pending.then(() => this.#handled(req));
  }

  #handled(req: HttpRequest): void {
    if (this.#link === undefined) void this.#answer(req);
    else this.#host.left(this);
  }

  async #answer(req: HttpRequest): Promise<void> {
    const tail = this.#stay();
    if (this.#body === undefined) tail.discard();
    await sendAnswer(tail, req);
    this.#host.left(this);
  }

  /** It stays HTTP. */
  #stay(): Tail {
    if (this.#tail === undefined) {
      this.#tail = new Tail(this.#opening);
      this.#tail.ongone = this.#opening.onbroken;
    }
    return this.#tail;
  }

  async #refuseHead(error: WebSocketError): Promise<void> {
    const status = HEAD_FAULTS.get(error.code);
    // The peer left: there is nobody to answer.
    if (status === undefined) this.#opening.transport.end();
    else {
      const tail = this.#stay();
      if (await tail.write(formatText(status, `${error.message}\n`), true)) await tail.finish();
    }
    this.#host.left(this);
  }

  /** Breaks it off when no request has come yet. */
  hurry(): void {
    if (this.#head === undefined) this.cut(new Error("Cannot go on: the server is closing"));
  }

  /** Breaks it off, whatever it is doing. */
  cut(reason: unknown): void {
    if (this.#link?.open) return this.#link.terminate();
    this.#opening.abort(reason);
    if (this.#tail === undefined) this.#opening.transport.abort(reason);
    else this.#tail.cut(reason);
  }

  #lost(reason: unknown): void {
    if (this.#gone !== undefined) return;
    this.#gone = { reason };
    // A handler may go on for long, or for ever: it has no hold on the server.
    this.#host.left(this);
    this.#ongone?.(reason);
  }

  // What it lends

  /** {@inheritDoc Exchange.head} */
  get head(): RequestHead {
    return this.#head!;
  }

  /** {@inheritDoc Exchange.secure} */
  get secure(): boolean {
    return this.#secure;
  }

  /** {@inheritDoc Exchange.remote} */
  get remote(): Endpoint | undefined {
    return this.#opening.transport.remote;
  }

  /** {@inheritDoc Exchange.deflate} */
  get deflate(): DeflateFactory | undefined {
    return this.#host.deflate;
  }

  /** {@inheritDoc Exchange.codec} */
  get codec(): CodecProvider {
    return this.#host.codec;
  }

  /** {@inheritDoc Exchange.ongone} */
  get ongone(): ((reason: unknown) => void) | undefined {
    return this.#ongone;
  }
  set ongone(callback: ((reason: unknown) => void) | undefined) {
    this.#ongone = callback;
    if (this.#gone !== undefined) callback?.(this.#gone.reason);
  }

  /** {@inheritDoc Exchange.readBody} */
  readBody(): Promise<Uint8Array> {
    const reader = this.#body;
    if (reader === undefined) return Promise.resolve(new Uint8Array(0));
    this.#body = undefined;
    const { fields, version } = this.head;
    if (version === "1.1" && fields.get("expect")?.toLowerCase() === "100-continue") {
      this.#opening.transport.write(new TextEncoder().encode(CONTINUE), true);
    }
    const length = fields.get("content-length");
    const wanted = length === null ? "wanted its last chunk" : `wanted ${length} bytes`;
    return this.#stay().readBody(reader, this.#host.limits.timeout, wanted);
  }

  /** {@inheritDoc Exchange.takeOver} */
  takeOver({ request, fields, link }: Acceptance): Link {
    if (this.#link !== undefined) throw new TypeError("Cannot upgrade: this connection was upgraded before");
    if (this.#gone !== undefined || this.#opening.gone) throw new RequestError(400, "Cannot upgrade: the peer is gone");
    if (this.#host.closing) throw new RequestError(503, "Cannot upgrade: the server is closing");
    const { protocol = "", extensions = "" } = link;
    this.#opening.transport.write(formatAcceptance(request, { protocol, extensions, fields }), false);
    const { text } = this.#host;
    const options = text === undefined ? link : { ...link, text };
    return this.#link = new ServedLink(this.#host, this.#opening, options);
  }

  /** {@inheritDoc Exchange.accepted} */
  accepted(socket: Socket): void {
    this.#link!.served(socket);
  }

  /** {@inheritDoc Exchange.report} */
  report(error: unknown): void {
    safely(this.#host.report, error, this.#request!);
  }
}

/**
 * A link that tells its server when it is over, whether or not anybody listens to its socket. It knows nothing of the request
 * it came from, which can be forgotten.
 */
class ServedLink extends SessionLink implements Member {
  readonly #host: Host;
  #life: "new" | "open" | "over" = "new";
  place = -1;
  socket!: Socket;

  constructor(host: Host, source: Source, options: LinkOptions) {
    super("server", source, options);
    this.#host = host;
  }

  /** It is not over. */
  get open(): boolean {
    return this.#life !== "over";
  }

  /** Makes the socket one of the server's, unless what had come behind the head has ended it at once. */
  served(socket: Socket): void {
    if (this.#life !== "new") return;
    this.#life = "open";
    this.socket = socket;
    this.#host.opened(this);
  }

  protected override ended(): void {
    this.#life = "over";
    this.#host.closed(this);
  }
}

/** What is wrong with a head that is well-formed. */
function faultOf({ method, target, version, fields }: RequestHead): RequestError | undefined {
  const host = fields.get("host");
  if (version === "1.1" && (host === null || !isHost(host))) {
    const met = host === null ? "absent" : quote(host);
    return new RequestError(400, `Cannot serve the request: Host is ${met}, wanted one host`);
  }
  if (method === "CONNECT" || method === "TRACE") {
    return new RequestError(501, `Cannot serve the request: the method ${method} is for proxies and tests`);
  }
  if (target.startsWith("/") || target === "*" || /^https?:\/\/[^/?]/i.test(target)) return undefined;
  return new RequestError(400, `Cannot serve the request: the target is ${quote(target)}, wanted a path`);
}
