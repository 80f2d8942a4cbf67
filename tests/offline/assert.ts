/**
 * Stands in for `@std/assert` where JSR cannot be reached: the functions the tests use, with the same signatures,
 * over `node:assert/strict`. Where the two differ this one is the stricter (`0` is not `-0`; a prototype of null is
 * not that of an object), so that what passes here passes there.
 */
import strict from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";

/** What is used of it. The versions of Node's types do not agree on what a message may be. */
interface NodeAssert {
  ok(value: unknown, message?: string): void;
  deepEqual(actual: unknown, expected: unknown, message?: string): void;
  notDeepEqual(actual: unknown, expected: unknown, message?: string): void;
  equal(actual: unknown, expected: unknown, message?: string): void;
  match(actual: string, expected: RegExp, message?: string): void;
  fail(message?: string): never;
}

const nodeAssert: NodeAssert = strict as unknown as NodeAssert;

/** A class of errors, to be looked for. */
// deno-lint-ignore no-explicit-any -- the type that `@std/assert` has
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg: string = ""): asserts expr {
  nodeAssert.ok(expr, msg || undefined);
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  if (msg === undefined && isShort(actual) && isShort(expected)) nodeAssert.deepEqual(actual, expected);
  fail(explain(msg ?? "Expected both to be equal", actual, expected));
}

/** Fails when both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  nodeAssert.notDeepEqual(actual, expected, msg);
}

/** Fails unless both are the same value. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  if (msg === undefined && isShort(actual) && isShort(expected)) nodeAssert.equal(actual, expected);
  fail(explain(msg ?? "Expected both to be the same", actual, expected));
}

/** Fails unless `actual` is an instance of `expectedType`. */
// deno-lint-ignore no-explicit-any -- the type that `@std/assert` has
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg: string = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  fail(msg || `Expected an instance of ${expectedType.name}: got ${describe(actual)}`);
}

/** Fails unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  nodeAssert.match(actual, expected, msg);
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) fail(msg ?? `Expected ${describe(actual)} to contain ${describe(expected)}`);
}

/** Fails when `actual` is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) fail(msg ?? `Expected a value: got ${actual}`);
}

/** Fails. */
export function fail(msg?: string): never {
  nodeAssert.fail(msg ?? "Failed");
}

/** Fails unless `fn` throws, and throws such an error where one is named; returns what was thrown. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws such an error; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  wanted?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    return check(thrown, wanted, msgIncludes, msg);
  }
  fail(text(wanted, msg) ?? "Expected the function to throw");
}

/** Fails unless the promise of `fn` is rejected, with such an error where one is named; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless the promise of `fn` is rejected with such an error; resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  wanted?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    fail(`${text(wanted, msg) ?? "Expected the function to reject"}: it threw at once: ${describe(error)}`);
  }
  try {
    await promise;
  } catch (error) {
    return check(error, wanted, msgIncludes, msg);
  }
  fail(text(wanted, msg) ?? "Expected the function to reject");
}

function check<E extends Error>(
  thrown: unknown,
  wanted: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): unknown {
  if (typeof wanted !== "function") return thrown;
  assertInstanceOf(thrown, wanted, msg);
  if (msgIncludes !== undefined) assertStringIncludes(thrown.message, msgIncludes, msg);
  return thrown;
}

function text(wanted: unknown, msg: string | undefined): string | undefined {
  return typeof wanted === "string" ? wanted : msg;
}

/** Characters of a value that are shown, and up to which `node:assert` may compare it line by line. */
const MANY = 10_000;

/** Whether a difference can be shown: what that takes grows with the square of what there is, to many GiB for 70,000 bytes. */
function isShort(value: unknown): boolean {
  return inspect(value, { depth: Infinity, maxArrayLength: MANY, maxStringLength: MANY }).length < MANY;
}

/** The message of a comparison that fails; of short values `node:assert` writes a better one itself. */
function explain(msg: string, actual: unknown, expected: unknown): string {
  return `${msg}: got ${describe(actual)}, wanted ${describe(expected)}`;
}

function describe(value: unknown): string {
  const text = describeAll(value);
  return text.length <= MANY ? text : `${text.slice(0, MANY)}... (${text.length} characters)`;
}

function describeAll(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Uint8Array) {
    return `bytes ${Array.from(value, (b) => b.toString(16).padStart(2, "0")).join(" ")}`;
  }
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
