/**
 * Fuzzing with fixed seeds: each property runs on what was found in the past, and then on what fast-check makes.
 *
 * `SOCKEYE_FUZZ_SEED` is another seed. `SOCKEYE_FUZZ_SECONDS` gives each property that much time; without it each has a
 * number of runs. What fails is shrunk and printed; it goes to `corpus.ts` with the change that mends it.
 */

import process from "node:process";
import { test } from "node:test";
import * as fc from "fast-check";

const seed = Number(process.env["SOCKEYE_FUZZ_SEED"] ?? 6455);
const seconds = Number(process.env["SOCKEYE_FUZZ_SECONDS"] ?? 0);

/** What is told of a property: how many runs it has where no time is given, and what it runs on first. */
export interface FuzzOptions<T> {
  readonly runs: number;
  readonly finds?: readonly T[];
}

/** Registers a property. `holds` throws, or rejects, where it does not hold. */
export function fuzz<T>(
  name: string,
  input: fc.Arbitrary<T>,
  { runs, finds = [] }: FuzzOptions<T>,
  holds: (input: T) => void | Promise<void>,
): void {
  test(name, async () => {
    for (const find of finds) await holds(find);
    const property = fc.asyncProperty(input, async (each) => {
      await holds(each);
    });
    const time = seconds > 0 ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000 } : { numRuns: runs };
    const result = await fc.check(property, { seed, ...time });
    // Without a run nothing has been shown, and fast-check does not take that for a failure.
    if (result.failed || result.numRuns === 0) {
      throw new Error(fc.defaultReportMessage(result) ?? "No run", { cause: result.errorInstance });
    }
  });
}

/** Where to cut: each number is a share of the length, in thousandths. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([]),
  fc.array(fc.nat(1000), { maxLength: 8 }),
  fc.array(fc.nat(1000), { minLength: 100, maxLength: 400 }),
);

/** Copies of the parts of `bytes` between the cuts; parts may be empty. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const at = places.map((place) => Math.floor(place * bytes.length / 1000)).sort((a, b) => a - b);
  return [0, ...at].map((from, index) => new Uint8Array(bytes.subarray(from, at[index] ?? bytes.length)));
}

/** Changes of single bytes: a place as a share of the length, in thousandths, and what is put there. */
export const damage: fc.Arbitrary<readonly (readonly [place: number, value: number])[]> = fc.array(
  fc.tuple(fc.nat(1000), fc.nat(255)),
  { maxLength: 4 },
);

/** The bytes with that damage. */
export function damaged(
  bytes: Uint8Array,
  changes: readonly (readonly [place: number, value: number])[],
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  for (const [place, value] of changes) {
    if (copy.length > 0) copy[Math.min(copy.length - 1, Math.floor(place * copy.length / 1000))] = value;
  }
  return copy;
}

/** Bytes. */
export function bytes(maxLength: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.uint8Array({ maxLength }).map((each) => new Uint8Array(each));
}
