/**
 * A request as handlers see it. All of it is made when it is first asked for: a handshake that is only accepted makes no
 * `Headers`, no `URL` and no `AbortController`.
 */

import type { RequestHead } from "../protocol/head.ts";
import { hasToken, isHost, quote } from "../protocol/headers.ts";
import type { Endpoint } from "../socket/transport.ts";
import { parseCookies } from "./cookies.ts";
import { type Exchange, RequestError } from "./exchange.ts";
import { HttpResponse } from "./response.ts";

/** The door that a request came in by: for what takes its connection over. */
export let exchangeOf: (req: HttpRequest) => Exchange;

/**
 * A request, and the answer to it.
 *
 * @example
 * ```ts
 * import { Routing } from "@sockeye/ws/http";
 *
 * const app = new Routing({
 *   "/hello/:name": (req, name) => {
 *     if (req.method !== "GET" || req.query.has("quiet")) return;
 *     req.response.write(`hello ${name}, you sent ${req.cookies.size} cookies to ${req.address}`);
 *   },
 * });
 * ```
 */
export class HttpRequest {
  /** What the pattern that led here captured, decoded: also the further arguments of a function. */
  params: readonly (string | undefined)[] = [];
  readonly #exchange: Exchange;
  readonly #head: RequestHead;
  #value: string | undefined;
  #ended = false;
  #response: HttpResponse | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;
  #query: URLSearchParams | undefined;
  #headers: Headers | undefined;
  #controller: AbortController | undefined;
  #body: Promise<Uint8Array> | undefined;
  #request: Request | undefined;

  /**
   * Makes the request that a door lends.
   *
   * @ignore
   */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#head = exchange.head;
  }

  static {
    exchangeOf = (req) => req.#exchange;
  }

  /** The method, in its case: `"GET"`. */
  get method(): string {
    return this.#head.method;
  }

  /** The path, as it was sent: encoded, without the query. */
  get address(): string {
    const { target } = this.#head;
    const path = target.startsWith("/") ? 0 : pathStart(target);
    const query = target.indexOf("?");
    return target.slice(path, query === -1 ? target.length : query) || "/";
  }

  /** The part of the path that routing matches on: all of it at first, what follows the prefix in a mounted routing. */
  get value(): string {
    return this.#value ??= this.address;
  }
  set value(value: string) {
    this.#value = value;
  }

  /** What stands behind the `?`, without it. */
  get queryString(): string {
    const { target } = this.#head;
    const at = target.indexOf("?");
    return at === -1 ? "" : target.slice(at + 1);
  }

  /** The parameters of the query: `req.query.get("name")`. */
  get query(): URLSearchParams {
    return this.#query ??= new URLSearchParams(this.queryString);
  }

  /** The cookies, decoded: `req.cookies.get("name")`. */
  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies ??= parseCookies(this.#head.fields.all("cookie"));
  }

  /** The fields of the head, as the web has them. A copy. */
  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      for (const [name, value] of this.#head.fields) this.#headers.append(name, value);
    }
    return this.#headers;
  }

  /** The first value of a field, `null` when it is absent. */
  firstHeader(name: string): string | null {
    return this.#head.fields.all(name)[0] ?? null;
  }

  /** Whether there is a field of that name. */
  hasHeader(name: string): boolean {
    return this.#head.fields.has(name);
  }

  /** All values of a field, in their order. */
  allHeader(name: string): string[] {
    return this.#head.fields.all(name);
  }

  /** Whether the client asks for another protocol on this connection (`Connection: upgrade`). */
  get upgrade(): boolean {
    return hasToken(this.#head.fields.get("connection"), "upgrade");
  }

  /** The host that the client asked, without its port and in lower case; `null` when it does not say. */
  get hostname(): string | null {
    const host = this.#authority;
    return host === null ? null : host.replace(/:\d*$/, "").toLowerCase();
  }

  get #authority(): string | null {
    const { target, fields } = this.#head;
    const path = target.startsWith("/") ? -1 : pathStart(target);
    return path > 0 ? target.slice(target.indexOf("//") + 2, path) : fields.get("host");
  }

  /** The other end. */
  get remote(): Endpoint | undefined {
    return this.#exchange.remote;
  }

  /** Aborted when the peer is gone before it was answered. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = this.#controller = new AbortController();
      this.#exchange.ongone = (reason) => controller.abort(reason);
    }
    return this.#controller.signal;
  }

  /** The answer, to be put together by the handlers. */
  get response(): HttpResponse {
    return this.#response ??= new HttpResponse();
  }

  /** Ends the request: the next handlers of a chain do not get it. */
  end(): void {
    this.#ended = true;
  }

  /** Whether the request, or its answer, has ended. */
  isEnded(): boolean {
    return this.#ended || this.#response?.isEnded() === true;
  }

  /**
   * The body, all of it. The same bytes each time. Rejects with a `RequestError` when the body is malformed or over the
   * limit of the door (`maxBodySize`), or the peer is gone.
   */
  bytes(): Promise<Uint8Array> {
    return this.#body ??= this.#exchange.readBody();
  }

  /** The body as text. Rejects as `bytes`. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** The body as JSON. Rejects as `bytes`, and with a `RequestError` (status 400) when it is none. */
  async json(): Promise<unknown> {
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new RequestError(400, "Cannot read the body: it is not JSON", { cause: error });
    }
  }

  /** The body as a stream, a new one each time; it reads nothing before it is read. */
  get body(): ReadableStream<Uint8Array> {
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      const bytes = await this.bytes();
      if (bytes.length > 0) controller.enqueue(bytes.slice());
      controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }

  /**
   * The request as the web has it.
   *
   * @throws {RequestError} When the host or the method cannot stand in one.
   */
  get request(): Request {
    return this.#request ??= this.#makeRequest();
  }

  #makeRequest(): Request {
    const { method, fields } = this.#head;
    const authority = this.#authority;
    const host = authority !== null && isHost(authority) ? authority : "localhost";
    const query = this.queryString;
    const url = `${this.#exchange.secure ? "https" : "http"}://${host}${this.address}${query && `?${query}`}`;
    const hasBody = method !== "GET" && method !== "HEAD" &&
      (fields.has("transfer-encoding") || Number(fields.get("content-length") ?? 0) !== 0);
    const init: RequestInit & { duplex?: "half" } = { method, headers: this.headers, signal: this.signal };
    if (hasBody) {
      init.body = this.body;
      init.duplex = "half";
    }
    try {
      return new Request(url, init);
    } catch (error) {
      throw new RequestError(400, `Cannot make a Request of ${quote(method)} ${quote(url)}`, { cause: error });
    }
  }
}

/** Where the path begins in a target that names a scheme and a host (RFC 9112, 3.2.2); 0 when it does not. */
function pathStart(target: string): number {
  const host = /^https?:\/\//i.exec(target)?.[0].length;
  if (host === undefined) return 0;
  const end = target.slice(host).search(/[/?]/);
  return end === -1 ? target.length : host + end;
}
