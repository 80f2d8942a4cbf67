/**
 * Patterns of routes, made into regular expressions once, when a route is added.
 *
 * ```
 *   "/users/:id"          -> /^\/users\/([^/]+?)\/?$/is     params [1]
 *   "/static", a prefix   -> /^\/static(\/.*)?$/is          rest 1
 *   "*.example.com", host -> /^([^.]+)\.example\.com$/is    params [1]
 *   "^/a(/([0-9]+))$"     -> as it is                       value 1, params [2]
 * ```
 *
 * Patterns are the developer's and paths are the peer's, so the expressions made here must not be made slow by a path.
 * A variable that another variable can run into never contains the text right before it: where that text occurs is
 * then the only place where it can begin, and no part of a path is tried more than once for each variable.
 */

import { quote } from "../protocol/headers.ts";

/** A compiled pattern. */
export interface Pattern {
  /** What the developer wrote. */
  readonly source: string;
  /** Finds the groups below. */
  readonly regexp: RegExp;
  /** The groups that become parameters, in their order. */
  readonly params: readonly number[];
  /** The group that becomes the value of the request; 0: it becomes empty; -1: it stays. */
  readonly value: number;
}

const FLAGS = "is";
const NAME = /[A-Za-z0-9_]/;
const SPECIAL = /[\\^$.*+?()[\]{}|/]/;

/**
 * Compiles the pattern of a path: a raw regular expression when it begins with `^`, else text with `:name`,
 * `:name(re)`, `(re)`, `*`, and `?`, `+` or `*` behind a parameter.
 *
 * @throws {SyntaxError} When it cannot be compiled; the message names the pattern.
 */
export function compilePath(source: string): Pattern {
  if (source.startsWith("^")) return compileRaw(source);
  const path = new PathCompiler(source, source.endsWith("/") ? source.length - 1 : source.length);
  path.run();
  const { params } = path;
  const value = params.length === 0 ? -1 : params.length === 1 ? params[0]! : 0;
  return { source, regexp: regexp(source, `^${path.out}\\/?$`), params, value };
}

/**
 * Compiles the pattern of a prefix, under which another routing is mounted: what follows it, from a slash on, becomes
 * the value of the request. A final slash or `/*` adds nothing.
 *
 * @throws {SyntaxError} When it cannot be compiled; the message names the pattern.
 */
export function compilePrefix(source: string): Pattern {
  if (source.startsWith("^")) return compileRaw(source);
  const tail = source.endsWith("/*") ? 2 : source.endsWith("/") ? 1 : 0;
  const path = new PathCompiler(source, source.length - tail);
  path.run();
  return { source, regexp: regexp(source, `^${path.out}(\\/.*)?$`), params: path.params, value: path.groups + 1 };
}

/**
 * Compiles the pattern of a host, without its port: `*` is one label or a part of it; alone it is any host.
 *
 * @throws {SyntaxError} When it cannot be compiled; the message names the pattern.
 */
export function compileHost(source: string): Pattern {
  if (source.startsWith("^")) return { ...compileRaw(source), value: -1 };
  if (source === "*") return { source, regexp: /^/, params: [], value: -1 };
  const parts = source.split("*");
  if (parts.slice(1, -1).includes("")) throw bad(source, "nothing stands between two wildcards");
  let out = escape(parts[0]!);
  for (let i = 1; i < parts.length; i++) {
    // Within one label the text before a wildcard keeps it from being matched in more than one way.
    const before = i > 1 && !parts[i - 1]!.includes(".") ? `(?!${escape(parts[i - 1]!)})` : "";
    out += `((?:${before}[^.])+)${escape(parts[i]!)}`;
  }
  const params = parts.slice(1).map((_, i) => i + 1);
  return { source, regexp: regexp(source, `^${out}$`), params, value: -1 };
}

/**
 * Compiles a raw expression. One group at the top is the value of the request, and the groups right inside of it, or
 * else it itself, are the parameters; several groups at the top are all parameters.
 */
function compileRaw(source: string): Pattern {
  const compiled = regexp(source, source);
  const depths = groupDepths(source);
  const top = depths.filter((depth) => depth === 1).length;
  const wanted = top === 1 && depths.includes(2) ? 2 : 1;
  const params = depths.flatMap((depth, i) => depth === wanted ? [i + 1] : []);
  return { source, regexp: compiled, params, value: top === 0 ? -1 : top === 1 ? depths.indexOf(1) + 1 : 0 };
}

/** For each capturing group of an expression how many capturing groups it is in, itself counted. */
function groupDepths(source: string): number[] {
  const depths: number[] = [];
  const open: boolean[] = [];
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < source.length; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (inClass) inClass = char !== "]";
    else if (char === "[") inClass = true;
    else if (char === "(") {
      const captures = source[at + 1] !== "?" || /^\?<[^=!]/.test(source.slice(at + 1, at + 4));
      open.push(captures);
      if (captures) depths.push(++depth);
    } else if (char === ")" && open.pop() === true) depth--;
  }
  return depths;
}

/** Turns a path pattern into the body of an expression, from left to right. */
class PathCompiler {
  readonly #source: string;
  readonly #end: number;
  #at = 0;
  /** Text since the last variable, or since the start. */
  #text = "";
  /** Whether a variable stands before, in this segment. */
  #variable = false;
  /** Whether a variable that crosses slashes stands before. */
  #crossing = false;
  /** The expression so far. */
  out = "";
  /** How many groups it has. */
  groups = 0;
  /** The groups that are parameters. */
  readonly params: number[] = [];

  constructor(source: string, end: number) {
    this.#source = source;
    this.#end = end;
  }

  run(): void {
    while (this.#at < this.#end) {
      const char = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
      const next = this.#peek(1);
      if (char === "\\" && next !== "") {
        this.#literal(String.fromCodePoint(this.#source.codePointAt(this.#at + 1)!), 1);
      } else if (char === "*") this.#wildcard();
      else if (char === "(" || (char === ":" && NAME.test(next))) this.#parameter();
      else this.#literal(char, 0);
    }
  }

  #peek(ahead: number): string {
    return this.#at + ahead < this.#end ? this.#source[this.#at + ahead]! : "";
  }

  #literal(char: string, skip: number): void {
    this.#at += skip + char.length;
    this.#text += char;
    if (char === "/") this.#variable = false;
    this.out += escape(char);
  }

  /** `*`: any text, slashes included. At the end of the pattern it cannot fail, and needs no care. */
  #wildcard(): void {
    this.#at++;
    const guard = this.#guard();
    this.#add(this.#at === this.#end || guard === "" ? "(.*)" : `((?:${guard}.)*)`);
    this.#crossing = true;
  }

  /** `:name`, `:name(re)` or `(re)`, and what modifies it. */
  #parameter(): void {
    const before = this.#text.at(-1) ?? "";
    if (this.#peek(0) === ":") {
      do this.#at++; while (NAME.test(this.#peek(0)));
    }
    const own = this.#peek(0) === "(" ? this.#expression() : undefined;
    const modifier = /[?+*]/.test(this.#peek(0)) ? this.#peek(0) : "";
    this.#at += modifier.length;

    const separator = before === "/" || before === "." ? escape(before) : "";
    const repeated = modifier === "+" || modifier === "*";
    if (repeated && own !== undefined && separator === "") {
      throw bad(this.#source, `${modifier} behind an expression needs a / or a . before the parameter`);
    }
    const guard = own === undefined ? this.#guard() : "";
    const one = own ?? `(?:${guard}[^${before === "." ? "./" : "/"}])+`;
    const body = repeated && separator !== "" ? `${one}(?:${guard}${separator}${one})*` : one;
    const lazy = own === undefined && !repeated ? "?" : "";
    const optional = modifier === "?" || modifier === "*";
    const alone = before === "." || (before === "/" && (this.#peek(0) === "" || this.#peek(0) === "/"));
    if (optional && alone) {
      // The separator goes with the parameter: "/a/:b?" matches "/a".
      this.out = this.out.slice(0, -separator.length);
      this.#add(`(?:${separator}(${body}${lazy}))?`);
    } else this.#add(`(${body}${lazy})${optional ? "?" : ""}`);
    this.groups += own === undefined ? 0 : groupDepths(body).length;
    if (repeated && before === "/") this.#crossing = true;
  }

  /** Reads the developer's own expression, in its parentheses. */
  #expression(): string {
    const start = this.#at;
    let depth = 0;
    let inClass = false;
    for (; this.#at < this.#end; this.#at++) {
      const char = this.#source[this.#at];
      if (char === "\\") this.#at++;
      else if (inClass) inClass = char !== "]";
      else if (char === "[") inClass = true;
      else if (char === "(") depth++;
      else if (char === ")" && --depth === 0) break;
    }
    if (this.#at >= this.#end) throw bad(this.#source, "a closing parenthesis is missing");
    const body = this.#source.slice(start + 1, this.#at++);
    if (body === "") throw bad(this.#source, "an expression is empty");
    return `(?:${body})`;
  }

  /** What keeps a variable from running over the place where it begins: a look at the text before it, or nothing. */
  #guard(): string {
    if (!this.#variable && !this.#crossing) return "";
    if (this.#text === "") throw bad(this.#source, "nothing stands between two parameters");
    return `(?!${escape(this.#text)})`;
  }

  #add(expression: string): void {
    this.params.push(++this.groups);
    this.out += expression;
    this.#text = "";
    this.#variable = true;
  }
}

/** Text as an expression that matches it. What a URL cannot hold as it is also matches in its encoded form. */
function escape(text: string): string {
  let out = "";
  for (const char of text) {
    if (SPECIAL.test(char)) out += "\\" + char;
    else if (char > "\x7e" && char.isWellFormed()) out += `(?:${char}|${encodeURIComponent(char)})`;
    else out += char;
  }
  return out;
}

function regexp(source: string, expression: string): RegExp {
  try {
    return new RegExp(expression, FLAGS);
  } catch (error) {
    throw bad(source, (error as Error).message, error);
  }
}

function bad(source: string, why: string, cause?: unknown): SyntaxError {
  return new SyntaxError(`Cannot compile the pattern ${quote(source)}: ${why}`, { cause });
}
