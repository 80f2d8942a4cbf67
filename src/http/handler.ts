/**
 * Handlers: what becomes of a request. A function, a chain and a routing coerce each other, so they live together.
 *
 * ```
 *   invoke(handler, req):  handler.invoke(req) -> another handler for the same request -> ... -> nothing: done
 *
 *   [a, b, c]      Chain     each in its order, until the request is ended
 *   { "/p": a }    Routing   the first pattern that matches; a nested object gets what follows its prefix
 *   (req) => ...   function  a Response ends the request; a handler goes on with it
 * ```
 */

import { isToken, quote, show } from "../protocol/headers.ts";
import { isThenable } from "../socket/check.ts";
import { decode } from "./cookies.ts";
import type { Handler, HandlerFunction, HandlerLike, Next, Routable, RouteMap } from "./handler_types.ts";
import { compileHost, compilePath, compilePrefix, type Pattern } from "./pattern.ts";
import { HttpRequest } from "./request.ts";

/**
 * Makes a handler of a function, an array (`Chain`), an object (`Routing`), or gives back the handler it is.
 *
 * @throws {TypeError} When it is none of them.
 * @throws {SyntaxError} When a pattern of an object cannot be compiled.
 *
 * @example
 * ```ts
 * import { handler } from "@sockeye/ws/http";
 *
 * const app = handler([
 *   (req) => req.cookies.has("session") ? undefined : new Response("Log in first", { status: 403 }),
 *   { "/hello/:name": (req, name) => new Response(`hello ${name}`) },
 * ]);
 * ```
 */
export function handler<V extends Routable = HttpRequest>(like: HandlerLike<V>): Handler<V> {
  const made = coerce<V>(like);
  if (made === undefined) {
    throw new TypeError(
      `Cannot make a handler: met ${show(like)}, wanted a function, an array, an object or a Handler`,
    );
  }
  return made;
}

/**
 * Runs a handler, and those it gives back, to the end: at once where none has anything to wait for. Throws, or rejects with,
 * what one of them throws.
 */
export function invoke<V extends Routable>(first: Handler<V>, req: V): void | Promise<void> {
  let next: Next<V> = first;
  while (next !== undefined) {
    const given: Next<V> | Promise<Next<V>> = next.invoke(req);
    if (isThenable(given)) return goOn(given, req);
    next = given;
  }
}

async function goOn<V extends Routable>(given: Promise<Next<V>>, req: V): Promise<void> {
  let next = await given;
  while (next !== undefined) next = await next.invoke(req);
}

function coerce<V extends Routable>(like: unknown): Handler<V> | undefined {
  if (typeof like === "function") return new FunctionHandler(like as HandlerFunction<V>);
  if (typeof (like as Partial<Handler<V>> | null | undefined)?.invoke === "function") return like as Handler<V>;
  if (Array.isArray(like)) return new Chain(like as HandlerLike<V>[]);
  return isPlain(like) ? new Routing(like as RouteMap<V>) : undefined;
}

/** Whether it is an object of no class. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

class FunctionHandler<V extends Routable> implements Handler<V> {
  readonly #call: HandlerFunction<V>;

  constructor(call: HandlerFunction<V>) {
    this.#call = call;
  }

  async invoke(req: V): Promise<Next<V>> {
    const result = await this.#call(req, ...req.params as string[]);
    if (!(result instanceof Response)) return coerce(result);
    if (!(req instanceof HttpRequest)) throw new TypeError("Cannot answer with a Response: this is no HTTP request");
    req.response.adopt(result);
    return undefined;
  }
}

/**
 * Handlers in a row: each gets the request, until it is ended (`req.end()`, `req.response.end()`, a `Response`).
 *
 * @example
 * ```ts
 * import { Chain } from "@sockeye/ws/http";
 *
 * const app = new Chain([
 *   (req) => {
 *     if (req.query.get("token") === "secret") return;
 *     req.response.statusCode = 403;
 *     req.end();
 *   },
 * ]);
 * app.append((req) => req.response.end("welcome"));
 * ```
 */
export class Chain<V extends Routable = HttpRequest> implements Handler<V> {
  readonly #handlers: Handler<V>[] = [];

  /** Makes a chain; throws as `handler` does. */
  constructor(list: readonly HandlerLike<V>[] = []) {
    this.append(list);
  }

  /** Adds a handler, or each of an array, at the end; throws as `handler` does. */
  append(like: HandlerLike<V>): this {
    if (Array.isArray(like)) this.#handlers.push(...like.map((each: HandlerLike<V>) => handler<V>(each)));
    else this.#handlers.push(handler<V>(like));
    return this;
  }

  /** Runs the handlers in their order. Rejects with what one throws, and when there is none. */
  async invoke(req: V): Promise<void> {
    if (this.#handlers.length === 0) throw new TypeError("Cannot run a chain: it has no handlers");
    for (const each of this.#handlers) {
      if (req.isEnded()) return;
      await invoke(each, req);
    }
  }
}

/** One pattern and what it leads to. */
interface Rule<V extends Routable> {
  /** In upper case; `*` for all, `HOST` for a pattern of the host. */
  readonly method: string;
  readonly pattern: Pattern;
  readonly handler: Handler<V>;
}

/**
 * Handlers by pattern: the first pattern that was added and matches leads to its handler, without regard to case, with or
 * without a slash at the end.
 *
 * | pattern | matches |
 * | --- | --- |
 * | `:name` | one segment of a path, or the part of one up to the text that follows |
 * | `:name(re)`, `(re)` | what the regular expression matches |
 * | `?`, `+`, `*` behind one of these | none or one; segments, one or more; segments, none or more |
 * | `*` | any text, slashes included |
 * | `\` before a character | that character |
 * | `^...` | the whole of it is a regular expression |
 *
 * What is captured comes, decoded, as further arguments of a function and in `req.params`. A nested object or `Routing`
 * is mounted: it gets what follows the pattern as `req.value`, and what its own patterns capture comes behind what this
 * one did. Where a parameter stands behind another in one segment (`:a-:b`), it does not contain the text between them. An
 * expression under `+` or `*` must not match the separator. Rules for `GET` serve `HEAD` too.
 *
 * Where no pattern matches, the answer is 404, or 405 when one does for another method; where an escape of a captured part
 * is malformed, 400.
 *
 * @example
 * ```ts
 * import { Routing } from "@sockeye/ws/http";
 *
 * const app = new Routing({
 *   "/": () => new Response("home"),
 *   "/users/:id(\\d+)": {
 *     "/": (req, id) => new Response(`user ${id}`),
 *     "/posts/:post?": (req, id, post?: string) => new Response(`post ${post ?? "list"} of user ${id}`),
 *   },
 * });
 * app.post("/users", () => new Response("made", { status: 201 }));
 * app.host("*.example.com", (req, name) => new Response(`the site of ${name}`));
 * ```
 */
export class Routing<V extends Routable = HttpRequest> implements Handler<V> {
  #rules: Rule<V>[] = [];

  /** Makes a routing of a map, for all methods; throws as `append` does. */
  constructor(map?: RouteMap<V>);
  /** Makes a routing of a map, for one method; `"*"` is all, and with `"host"` the patterns are of hosts. */
  constructor(method: string, map: RouteMap<V>);
  constructor(first: string | RouteMap<V> = {}, map?: RouteMap<V>) {
    if (map === undefined && typeof first !== "string") this.#addAll("*", first);
    else this.#addAll(first, map);
  }

  /**
   * Adds the rules of a map, or of another routing, which is empty afterwards, behind those there are.
   *
   * @throws {TypeError} When a handler is none, naming its pattern.
   * @throws {SyntaxError} When a pattern cannot be compiled, naming it.
   */
  append(rules: Routing<V> | RouteMap<V>): this;
  /**
   * Adds a rule for all methods. Throws as with one argument.
   *
   * Where a map follows a text, that is a method when it is `*` or upper-case letters only: its rules are for that method.
   */
  append(pattern: string, like: HandlerLike<V>): this;
  /** Adds a rule for one method; with `"host"`, for a host. Throws as with one argument. */
  append(method: string, pattern: string, like: HandlerLike<V>): this;
  append(first: string | Routing<V> | RouteMap<V>, second?: string | HandlerLike<V>, third?: HandlerLike<V>): this {
    if (first instanceof Routing) {
      const rules = first.#rules;
      first.#rules = [];
      this.#rules.push(...rules);
    } else if (third !== undefined) this.#add(first, second, third);
    else if (second === undefined && typeof first !== "string") this.#addAll("*", first);
    else if (typeof first === "string" && /^(?:\*|[A-Z]+)$/.test(first) && isMap(second)) this.#addAll(first, second);
    else this.#add("*", first, second);
    return this;
  }

  /** Adds rules for all methods. Throws as `append`. */
  all(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("*", pattern, like);
  }

  /** Adds rules for `GET`, and with it for `HEAD`. Throws as `append`. */
  get(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("GET", pattern, like);
  }

  /** Adds rules for `POST`. Throws as `append`. */
  post(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("POST", pattern, like);
  }

  /** Adds rules for `PUT`. Throws as `append`. */
  put(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("PUT", pattern, like);
  }

  /** Adds rules for `DELETE`. Throws as `append`. */
  del(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("DELETE", pattern, like);
  }

  /** Adds rules for `PATCH`. Throws as `append`. */
  patch(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("PATCH", pattern, like);
  }

  /** Adds rules for `FIND`. Throws as `append`. */
  find(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("FIND", pattern, like);
  }

  /**
   * Adds rules by host, without its port: `*` is one label or a part of one, and alone any host. The path stays for the
   * handler. Throws as `append`.
   */
  host(pattern: string | RouteMap<V>, like?: HandlerLike<V>): this {
    return this.#addFor("HOST", pattern, like);
  }

  /**
   * Gives the handler of the first pattern that matches. Where there is none an HTTP request is answered.
   *
   * @throws {RangeError} When no pattern matches the value of what is no HTTP request.
   */
  invoke(req: V): Next<V> | Promise<Next<V>> {
    return this.#route(req, []);
  }

  /** `before`: what the patterns captured under which this routing is mounted. */
  #route(req: V, before: readonly (string | undefined)[]): Next<V> | Promise<Next<V>> {
    const http = req instanceof HttpRequest ? req : undefined;
    for (const { method, pattern, handler } of this.#rules) {
      if (!servesMethod(method, http)) continue;
      const { value } = req;
      const found = pattern.regexp.exec(method === "HOST" ? http!.hostname ?? "" : value);
      if (found === null) continue;

      const params = [...before];
      for (const group of pattern.params) {
        const text = found[group] || undefined;
        const decoded = text === undefined ? undefined : decode(text);
        if (text !== undefined && decoded === undefined && http !== undefined) {
          return http.response.refuse(400, `Cannot read the path: ${quote(text)} holds a malformed escape`);
        }
        params.push(decoded ?? text);
      }
      req.params = params;
      if (pattern.value !== -1) req.value = pattern.value === 0 ? "" : found[pattern.value] ?? "";
      return handler instanceof Routing ? handler.#route(req, params) : handler;
    }
    if (http === undefined) throw new RangeError(`Cannot route a message: no pattern matches ${quote(req.value)}`);
    this.#miss(http);
  }

  #miss(req: HttpRequest): void {
    const methods = this.#rules.filter(({ method, pattern }) => method !== "HOST" && pattern.regexp.test(req.value))
      .map(({ method }) => method === "GET" ? "GET, HEAD" : method);
    if (methods.length === 0) return req.response.refuse(404, `Cannot route: no pattern matches ${quote(req.address)}`);
    const allow = [...new Set(methods)].join(", ");
    req.response.setHeader("Allow", allow);
    req.response.refuse(
      405,
      `Cannot route: the method is ${quote(req.method)}, wanted ${allow} for ${quote(req.address)}`,
    );
  }

  #addFor(method: string, first: string | RouteMap<V>, like: HandlerLike<V> | undefined): this {
    if (like === undefined && typeof first !== "string") this.#addAll(method, first);
    else this.#add(method, first, like);
    return this;
  }

  #addAll(method: unknown, map: unknown): void {
    checkMethod(method);
    if (!isMap(map)) throw new TypeError(`Cannot add routes: met ${show(map)}, wanted an object of patterns`);
    for (const [pattern, like] of Object.entries(map)) this.#add(method, pattern, like);
  }

  #add(method: unknown, source: unknown, like: unknown): void {
    checkMethod(method);
    if (typeof source !== "string") {
      throw new TypeError(`Cannot add a route: the pattern is ${show(source)}, wanted a string`);
    }
    const made = coerce<V>(like);
    if (made === undefined) {
      throw new TypeError(
        `Cannot add the route ${quote(source)}: met ${show(like)}, wanted a function, an array, an object or a Handler`,
      );
    }
    const upper = method.toUpperCase();
    const compile = upper === "HOST" ? compileHost : made instanceof Routing ? compilePrefix : compilePath;
    this.#rules.push({ method: upper, pattern: compile(source), handler: made });
  }
}

function checkMethod(method: unknown): asserts method is string {
  if (typeof method === "string" && isToken(method)) return;
  throw new TypeError(`Cannot add routes: the method is ${show(method)}, wanted a token, "*" or "host"`);
}

function isMap(value: unknown): value is object {
  return isPlain(value) && !("invoke" in value);
}

function servesMethod(method: string, req: HttpRequest | undefined): boolean {
  // What is no HTTP request has no host, and no method that could be another.
  if (req === undefined) return method !== "HOST";
  return method === "*" || method === "HOST" || method === req.method || (method === "GET" && req.method === "HEAD");
}
