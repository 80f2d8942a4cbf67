/**
 * Checks of options, for both ends. A wrong one is the caller's mistake and is refused at once, by name, with what was met
 * and what was wanted.
 */

import { Fields } from "../protocol/fields.ts";
import { isHandshakeField, quote, show } from "../protocol/headers.ts";

/** Refuses options that are no object, or have a name that is not known. */
export function checkNames(action: string, options: unknown, known: ReadonlySet<string>, wanted = "an object"): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot ${action}: options is ${show(options)}, wanted ${wanted}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.has(name)) {
      throw new TypeError(`Cannot ${action}: option ${quote(name)} is unknown, wanted one of ${[...known].join(", ")}`);
    }
  }
}

/** Makes the refusal of an option of the wrong kind. */
export function wrongKind(name: string, met: unknown, wanted: string): TypeError {
  return new TypeError(`Cannot use the option ${name}: got ${show(met)}, wanted ${wanted}`);
}

/** Refuses an option that is there and of another type. */
export function checkType(name: string, value: unknown, type: "string" | "function" | "object" | "boolean"): void {
  if (value === undefined || (typeof value === type && value !== null)) return;
  throw wrongKind(name, value, type === "object" ? "an object" : `a ${type}`);
}

/** Checks a limit: a number above or equal to 0, Infinity included. */
export function checkNumber(name: string, value: unknown): number {
  if (typeof value !== "number") throw wrongKind(name, value, "a number");
  if (!(value >= 0)) throw new RangeError(`Cannot use the option ${name}: got ${value}, wanted a number of at least 0`);
  return value;
}

/** Checks a limit that has to be a whole number above 0. */
export function checkCount(name: string, value: unknown): number {
  return checkInteger(name, value, 1, Number.MAX_SAFE_INTEGER, "a whole number above 0");
}

/** Checks a whole number that has a lower and an upper end. */
export function checkWhole(name: string, value: unknown, least: number, most: number): number {
  return checkInteger(name, value, least, most, `a whole number from ${least} to ${most}`);
}

function checkInteger(name: string, value: unknown, least: number, most: number, wanted: string): number {
  if (typeof value !== "number") throw wrongKind(name, value, "a number");
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`Cannot use the option ${name}: got ${value}, wanted ${wanted}`);
}

/** Those of the options that are there, each as its check gives it. */
export function checkEach<
  T extends object,
  C extends { readonly [K in keyof T]?: (name: string, value: unknown) => unknown },
>(
  options: T,
  checks: C,
): { -readonly [K in keyof C]?: C[K] extends (name: string, value: unknown) => infer R ? R : never } {
  const checked: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(checks) as [string, (name: string, value: unknown) => unknown][]) {
    const value = options[name as keyof T];
    if (value !== undefined) checked[name] = check(name, value);
  }
  return checked as ReturnType<typeof checkEach<T, C>>;
}

/** Makes fields of an option: the web's `Headers`, an object, or pairs. Those that frame a message, or make the handshake, are refused. */
export function checkFields(name: string, headers: unknown): Fields {
  if (typeof headers !== "object" || headers === null) throw wrongKind(name, headers, "Headers, or an object");
  try {
    const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
    const fields = new Fields();
    for (const [field, value] of pairs as Iterable<readonly [name: string, value: string]>) {
      if (isHandshakeField(String(field).toLowerCase())) {
        throw new TypeError(`the field ${field} is not the caller's to set`);
      }
      fields.append(field, value);
    }
    return fields;
  } catch (cause) {
    throw new TypeError(`Cannot use the option ${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Refuses what is there and no `AbortSignal`. */
export function checkSignal(name: string, value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal)) throw wrongKind(name, value, "an AbortSignal");
}

/**
 * The JSON of a value.
 *
 * @throws {TypeError} When it has none: `undefined`, a function, a bigint, an object in a circle.
 */
export function toJson(action: string, value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const why = cause instanceof Error ? ` (${cause.message})` : "";
  throw new TypeError(`Cannot ${action}: got ${show(value)}, wanted a value that JSON can hold${why}`, { cause });
}

/** Whether a value has to be awaited: a promise of any realm or library. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === "function";
}
