/** Arguments given wrongly: values of every wrong kind, and the check of how they are refused. */

import { assert, assertRejects, assertStringIncludes } from "@std/assert";

/** What is given, and how the refusal shows it. */
export type Wrong = readonly [value: unknown, shown: string];

const BARE: unknown = Object.create(null);
export const SYMBOL: Wrong = [Symbol("s"), "Symbol(s)"];
export const LIST: Wrong = [[1, 2], "a list of 2"];
export const CALL: Wrong = [() => {}, "a function"];
export const NULL: Wrong = [null, "null"];
export const TRUE: Wrong = [true, "true"];
export const FIVE: Wrong = [5, "5"];
export const BIG: Wrong = [5n, "5n"];
export const TEXT: Wrong = ["x\r\n", String.raw`"x\x0d\x0a"`];
export const DATE: Wrong = [new Date(0), "an object of Date"];
export const NONE: Wrong = [BARE, "an object"];

export const notNumber: readonly Wrong[] = [["5", '"5"'], NULL, TRUE, SYMBOL, BIG, LIST, CALL, NONE];
export const notAmount: readonly Wrong[] = [...notNumber, [-1, "-1"], [NaN, "NaN"]];
export const notCount: readonly Wrong[] = [...notAmount, [0, "0"], [1.5, "1.5"], [Infinity, "Infinity"]];
export const notText: readonly Wrong[] = [FIVE, NULL, TRUE, SYMBOL, LIST, CALL, DATE, NONE];
export const notFlag: readonly Wrong[] = [["true", '"true"'], [1, "1"], NULL, SYMBOL, NONE];
export const notCall: readonly Wrong[] = [["x", '"x"'], FIVE, NULL, DATE, NONE];
export const notObject: readonly Wrong[] = [["x", '"x"'], FIVE, NULL, TRUE, SYMBOL, LIST];
export const notHandler: readonly Wrong[] = [["./public", '"./public"'], FIVE, NULL, TRUE, SYMBOL, DATE];
export const notUrl: readonly Wrong[] = [FIVE, NULL, SYMBOL, NONE, ["/ws", '"/ws"'], ["", '""']];
export const misspelt: readonly Wrong[] = [[{ maxpayload: 1 }, '"maxpayload" is unknown']];

/** One argument: how the refusal names it, what is wrong in it, what is wanted, and who takes it. */
export type Row = readonly [name: string, wrongs: readonly Wrong[], wanted: string, give: (value: never) => unknown];

/** Gives each wrong value, and checks that the refusal names the argument, and shows what was met and what was wanted. */
export async function check(rows: readonly Row[]): Promise<void> {
  for (const [name, wrongs, wanted, give] of rows) {
    assert(wrongs.length > 0, name);
    for (const [value, shown] of wrongs) {
      const what = `${name}: ${shown}`;
      // What throws at once, and what rejects: both are told at once.
      // deno-lint-ignore require-await -- for what throws
      const error = await assertRejects(async () => give(value as never), Error, "", `${what} is refused`);
      const { name: kind, message } = error;
      assert(["TypeError", "RangeError", "SyntaxError", "InvalidAccessError"].includes(kind), `${what}: ${kind}`);
      assert(/^Cannot [a-z]/.test(message) && !message.endsWith("."), `${what}: ${message}`);
      for (const part of [name, shown, wanted]) assertStringIncludes(message, part, `${what}: ${message}`);
    }
  }
}
