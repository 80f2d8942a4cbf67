/**
 * Checks of options. A wrong one is the caller's mistake and is refused at once, by name, with what was met and what was
 * wanted.
 */

import { quote } from "../protocol/headers.ts";

/** Refuses options that are no object, or have a name that is not known. */
export function checkNames(action: string, options: unknown, known: ReadonlySet<string>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot ${action}: options is ${show(options)}, wanted an object`);
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
export function checkType(name: string, value: unknown, type: "string" | "function"): void {
  if (value !== undefined && typeof value !== type) throw wrongKind(name, value, `a ${type}`);
}

/** Checks a limit that has to be a whole number above 0, or gives the default. */
export function checkCount(name: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== "number") throw wrongKind(name, value, "a number");
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot use the option ${name}: got ${value}, wanted a whole number above 0`);
}

function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  return Array.isArray(value) ? `a list of ${value.length}` : String(value);
}
