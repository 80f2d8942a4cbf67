/**
 * `HttpClient`: plain requests, whose cookies, proxy and TLS settings a WebSocket can share.
 *
 * ```
 *   request -> [proxy] -> Runtime.connect -> head, body -> Opening.readHead -> body -> Response
 *      ^                                                       |
 *      `---------------- nextHop: redirects -------------------'-> CookieJar -> the next request, or handshake
 * ```
 *
 * One connection for each request: what it is for is to log in before a handshake. Real work over HTTP is for `fetch`.
 */

import { MAX_HEAD_FIELDS, MAX_HEAD_SIZE, MAX_PAYLOAD } from "../protocol/constants.ts";
import { HandshakeError, WebSocketError } from "../protocol/errors.ts";
import { Fields, formatHead, type ResponseHead } from "../protocol/head.ts";
import { isToken, show } from "../protocol/headers.ts";
import {
  checkEach,
  checkFields,
  checkNames,
  checkNumber,
  checkSignal,
  checkType,
  toJson,
  wrongKind,
} from "../socket/check.ts";
import { connectorOf } from "../socket/connector.ts";
import { Deadline, reach } from "../socket/deadline.ts";
import { fieldsOf, firstHop, type Hop, keepCookies, MAX_REDIRECTS, nextHop } from "../socket/hops.ts";
import { checkClient, type CookieStore, type HttpClientLike, type LentClient } from "../socket/http_client.ts";
import { Opening } from "../socket/opening.ts";
import { parseUrl, routeOf } from "../socket/target.ts";
import type { ClientTls, Runtime } from "../socket/transport.ts";
import { readResponse } from "./client_body.ts";
import { CookieJar } from "./cookie_jar.ts";

/**
 * Options of an HTTP client.
 *
 * @example
 * ```ts
 * import { HttpClient, type HttpClientOptions } from "@sockeye/ws/http";
 *
 * const options: HttpClientOptions = { headers: { "user-agent": "example" }, maxRedirects: 3, timeout: 5_000 };
 * console.assert(new HttpClient(options) instanceof HttpClient);
 * ```
 */
export interface HttpClientOptions {
  /** Where cookies are kept. @default a new `CookieJar` */
  readonly cookieJar?: CookieStore;
  /** The proxy to connect by: `http:`, `https:` or `socks5:`, with a user and a password where it wants them. */
  readonly proxy?: string | URL;
  /** TLS settings. */
  readonly tls?: ClientTls;
  /** Fields of every request. */
  readonly headers?: Headers | Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;
  /** How many redirects are followed; with 0 they are given back. @default {10} */
  readonly maxRedirects?: number;
  /** Milliseconds for a request, from connecting to the end of the body; 0 for no limit. @default {30000} */
  readonly timeout?: number;
  /** Bytes of the body of a response. @default {67108864} */
  readonly maxBodySize?: number;
  /** Another way to connect than that of the runtime: its `connect`. */
  readonly connect?: Runtime["connect"];
}

/**
 * What a request may have beside its method and its URL.
 *
 * @example
 * ```ts
 * import { HttpClient, type HttpRequestOptions, Server } from "@sockeye/ws/http";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": (req) => new Response(req.query.get("q")) });
 * await server.start();
 * const options: HttpRequestOptions = { query: { q: "Hello" } };
 * const response = await new HttpClient().get(`http://127.0.0.1:${server.port}/`, options);
 * console.assert(response.ok);
 * await server.close();
 * ```
 */
export interface HttpRequestOptions {
  /** Fields of this request, in the place of those of the client. */
  readonly headers?: HttpClientOptions["headers"];
  /** The body: text, bytes, or the fields of a form. */
  readonly body?: string | Uint8Array | ArrayBuffer | URLSearchParams;
  /** A value that is the body as JSON. */
  readonly json?: unknown;
  /** More parameters for the query of the URL. */
  readonly query?: URLSearchParams | Readonly<Record<string, string>>;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
}

const CLIENT_OPTIONS: ReadonlySet<string> = new Set<keyof HttpClientOptions>([
  ...["cookieJar", "proxy", "tls", "headers", "maxRedirects", "timeout", "maxBodySize", "connect"] as const,
]);
const REQUEST_OPTIONS: ReadonlySet<string> = new Set<keyof HttpRequestOptions>([
  ...["headers", "body", "json", "query", "signal"] as const,
]);

const DEFAULTS: { readonly maxRedirects: number; readonly timeout: number; readonly maxBodySize: number } = {
  maxRedirects: MAX_REDIRECTS,
  timeout: 30_000,
  maxBodySize: MAX_PAYLOAD,
};

/**
 * A client for plain requests, to be given to `Socket` as `httpClient`: cookies that a request brought travel with the
 * handshake. Made for a runtime by the front doors, where it is `HttpClient`; there it needs no `connect`.
 *
 * @example
 * ```ts
 * import type { BaseHttpClient } from "@sockeye/ws";
 * import { HttpClient } from "@sockeye/ws/http";
 *
 * const cookies = (client: BaseHttpClient) => client.cookieJar.getCookieString("http://a.example/");
 * console.assert(await cookies(new HttpClient()) === "");
 * ```
 */
export class HttpClient implements HttpClientLike {
  /** Where cookies are kept. */
  readonly cookieJar: CookieStore;
  /** The proxy. */
  readonly proxy: string | URL | undefined;
  /** TLS settings. */
  readonly tls: ClientTls | undefined;
  readonly #lent: LentClient;
  readonly #headers: Fields;
  readonly #limits: typeof DEFAULTS;
  readonly #connect: Runtime["connect"] | undefined;
  readonly #runtime: () => Promise<Runtime>;

  /**
   * Makes a client.
   *
   * @throws {TypeError} When an option is unknown or of the wrong kind.
   * @throws {RangeError} When a number is out of range.
   * @throws {DOMException} Named `SyntaxError`, when the proxy's URL is malformed.
   */
  constructor(options: HttpClientOptions, runtime: () => Promise<Runtime>) {
    checkNames("make an HTTP client", options, CLIENT_OPTIONS);
    const { cookieJar = new CookieJar() } = options;
    this.cookieJar = cookieJar;
    this.proxy = options.proxy;
    this.tls = options.tls;
    this.#lent = checkClient("httpClient", this);
    this.#headers = options.headers === undefined ? new Fields() : checkFields("headers", options.headers);
    this.#limits = {
      ...DEFAULTS,
      ...checkEach(options, { maxRedirects: checkNumber, timeout: checkNumber, maxBodySize: checkNumber }),
    };
    checkType("connect", options.connect, "function");
    this.#connect = options.connect;
    this.#runtime = runtime;
  }

  /** Sends a GET. Rejects as `request`. */
  get(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("GET", url, options);
  }

  /** Sends a HEAD. Rejects as `request`. */
  head(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("HEAD", url, options);
  }

  /** Sends a POST. Rejects as `request`. */
  post(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("POST", url, options);
  }

  /** Sends a PUT. Rejects as `request`. */
  put(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("PUT", url, options);
  }

  /** Sends a PATCH. Rejects as `request`. */
  patch(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("PATCH", url, options);
  }

  /** Sends a DELETE. Rejects as `request`. */
  del(url: string | URL, options?: HttpRequestOptions): Promise<Response> {
    return this.request("DELETE", url, options);
  }

  /**
   * Sends a request, follows redirects, and resolves with the answer, whose body is there as a whole.
   *
   * Rejects with a `WebSocketError` that tells what failed, among them `WS_CONNECT_FAILED`, `WS_HANDSHAKE_TIMEOUT` (over
   * `timeout`), `WS_INVALID_HEAD`, `WS_MESSAGE_TOO_BIG` (over `maxBodySize`), `WS_PEER_VANISHED`, and
   * `WS_HANDSHAKE_REFUSED` for a redirect that cannot be followed; with a `TypeError` for a wrong argument, and with a
   * `DOMException` named `SyntaxError` for a malformed URL.
   */
  async request(method: string, url: string | URL, options: HttpRequestOptions = {}): Promise<Response> {
    checkNames("make a request", options, REQUEST_OPTIONS);
    if (typeof method !== "string" || !isToken(method)) {
      throw new TypeError(`Cannot make a request: method is ${show(method)}, wanted a token`);
    }
    checkSignal("signal", options.signal);
    const { signal = new AbortController().signal, query } = options;
    const target = parseUrl(url);
    if (query !== undefined) { for (const [name, value] of pairsOf(query)) target.searchParams.append(name, value); }
    const fields = new Fields(this.#headers);
    if (options.headers !== undefined) {
      for (const [name, value] of checkFields("headers", options.headers)) fields.set(name, value);
    }
    const body = bodyOf(options, fields);
    const deadline = new Deadline(this.#limits.timeout, signal, "the request was not done");
    try {
      return await this.#follow(
        { method: method.toUpperCase(), hop: firstHop(target, fields, this.tls), body },
        deadline,
      );
    } finally {
      deadline.clear();
    }
  }

  async #follow(first: Asked, deadline: Deadline): Promise<Response> {
    let asked = first;
    const { maxRedirects } = this.#limits;
    for (let left = maxRedirects;; left--) {
      const { head, body } = await this.#ask(asked, deadline);
      const next = nextHop(asked.hop, head);
      if (next === undefined || maxRedirects === 0) return responseOf(head, body);
      const why = typeof next === "string"
        ? next
        : left > 0
        ? undefined
        : "no more of them are followed (maxRedirects)";
      if (typeof next === "string" || why !== undefined) {
        const { status } = head;
        const refusal = { status, headers: [...head.fields], body: "" };
        throw new HandshakeError("WS_HANDSHAKE_REFUSED", `Cannot follow a redirect (${status}): ${why}`, refusal);
      }
      asked = redirected(asked, head.status, next);
    }
  }

  async #ask({ method, hop, body }: Asked, deadline: Deadline): Promise<{ head: ResponseHead; body: Uint8Array }> {
    const { target, host, path } = routeOf(hop.url, hop.tls);
    const fields = new Fields([["Host", host]]);
    for (const [name, value] of await fieldsOf(hop, this.cookieJar, deadline)) {
      if (name.toLowerCase() === "host") fields.set(name, value);
      else fields.append(name, value);
    }
    if (body !== undefined) fields.set("Content-Length", String(body.length));
    fields.set("Connection", "close");
    const head = formatHead({ kind: "request", method, target: path, version: "1.1", fields });
    const { proxy } = this.#lent;
    const runtime = await this.#runtime();
    const connect = connectorOf({ connector: this.#connect, ...(proxy === undefined ? {} : { proxy }) }, runtime);
    const transport = await reach(hop.url.href.replace(/^ws/, "http"), target, connect, deadline);
    const opening = new Opening(transport);
    const giveUp = (): void => opening.abort(deadline.reason);
    deadline.signal.addEventListener("abort", giveUp);
    try {
      transport.write(head, true);
      if (body !== undefined) transport.write(body, false);
      const limits = { maxHeadSize: MAX_HEAD_SIZE, maxHeadFields: MAX_HEAD_FIELDS };
      let answer: ResponseHead;
      do answer = await opening.readHead("response", limits); while (answer.status < 200);
      await keepCookies(hop, answer, this.cookieJar, deadline);
      const content = readResponse(opening, method, answer, this.#limits.maxBodySize);
      return { head: answer, body: await deadline.race(content) };
    } catch (error) {
      throw deadline.reason ?? error;
    } finally {
      deadline.signal.removeEventListener("abort", giveUp);
      transport.abort();
    }
  }
}

/** One request of those that redirects may make of one. */
interface Asked {
  readonly method: string;
  readonly hop: Hop;
  readonly body: Uint8Array | undefined;
}

/** A request as a redirect changes it: what was no GET becomes one with 303, and a POST with 301 and 302, as on the web. */
function redirected({ method, body }: Asked, status: number, hop: Hop): Asked {
  const becomesGet = (status === 303 && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST");
  if (!becomesGet) return { method, hop, body };
  const fields = hop.fields.filter(([name]) => !/^content-/i.test(name));
  return { method: "GET", hop: { ...hop, fields }, body: undefined };
}

/** The bytes of a body; sets its type unless that is set. */
function bodyOf({ body, json }: HttpRequestOptions, fields: Fields): Uint8Array | undefined {
  const typed = (type: string): void => {
    if (!fields.has("content-type")) fields.append("Content-Type", type);
  };
  if (json !== undefined) {
    if (body !== undefined) throw new TypeError("Cannot make a request: json is there beside body, wanted one of them");
    const text = toJson("make a request with json", json);
    typed("application/json");
    return new TextEncoder().encode(text);
  }
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (body instanceof URLSearchParams) typed("application/x-www-form-urlencoded;charset=UTF-8");
  else if (typeof body === "string") typed("text/plain;charset=UTF-8");
  else throw wrongKind("body", body, "text, bytes or URLSearchParams");
  return new TextEncoder().encode(String(body));
}

function pairsOf(query: unknown): Iterable<readonly [name: string, value: string]> {
  if (query instanceof URLSearchParams) return query;
  if (typeof query !== "object" || query === null) throw wrongKind("query", query, "an object or URLSearchParams");
  return Object.entries(query).map(([name, value]) => [name, String(value)] as const);
}

/** The answer as the web has it. */
function responseOf({ status, reason, fields }: ResponseHead, body: Uint8Array): Response {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  if (status > 599) {
    throw new WebSocketError("WS_INVALID_HEAD", `Cannot take the answer: the status is ${status}, wanted 200 to 599`);
  }
  const bodiless = status === 204 || status === 205 || status === 304;
  return new Response(bodiless ? null : new Uint8Array(body), { status, statusText: reason, headers });
}
