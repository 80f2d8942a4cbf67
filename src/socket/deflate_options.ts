/**
 * The option `perMessageDeflate` of both ends: what it is, the check of what the caller gave, and what the link is told once
 * the two ends have agreed.
 */

import {
  type DeflateAgreement,
  type DeflateFactory,
  type DeflateParameters,
  type DeflateSetup,
  MAX_WINDOW_BITS,
  MIN_WINDOW_BITS,
} from "../protocol/deflate.ts";
import { quote } from "../protocol/headers.ts";

/** Options of compression (RFC 7692). */
export interface DeflateOptions extends DeflateParameters {
  /**
   * Bytes from which on a message is compressed, where `send` does not say. Small messages gain from what came before
   * them, so by default all are compressed where this end keeps its context.
   *
   * @default {0} where this end keeps its context; 1024 where not
   */
  readonly threshold?: number;
  /** How hard to compress: from 0 (not at all) over 1 (fast) to 9 (small). @default {6} */
  readonly level?: number;
  /** How much memory to use for it, from 1 to 9; above 6 it gains next to nothing. @default {6} */
  readonly memLevel?: number;
  /**
   * Milliseconds without a compressed message after which the memory of the connection's contexts is given back, at the
   * latest after twice that time; up to 40 KiB of what passed last are kept, out of which they are made anew. 0 or Infinity
   * for never. @default {10000}
   */
  readonly releaseAfter?: number;
}

/** The option, checked. */
export interface DeflateSettings extends Required<Pick<DeflateSetup, "level" | "memLevel" | "releaseAfter">> {
  /** What this end asks for. */
  readonly wanted: DeflateParameters;
  /** As it was given. */
  readonly threshold: number | undefined;
}

const FLAGS = ["serverNoContextTakeover", "clientNoContextTakeover"] as const;
const BITS = ["serverMaxWindowBits", "clientMaxWindowBits"] as const;

/** The whole numbers, and from where to where they go. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  serverMaxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
  clientMaxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
  level: [0, 9],
  memLevel: [1, 9],
};
/** Numbers that have no upper end. */
const AMOUNTS: readonly string[] = ["threshold", "releaseAfter"];

const LEVEL = 6;
const MEM_LEVEL = 6;
const RELEASE_AFTER = 10_000;
/** What a message without context has to have to become smaller. */
const THRESHOLD = 1_024;

/**
 * Checks the option `perMessageDeflate`. `undefined`: no compression.
 *
 * @throws {TypeError} When it is neither a boolean nor an object, or holds what is unknown or of the wrong kind.
 * @throws {RangeError} When a number in it is out of range.
 */
export function checkDeflate(value: unknown): DeflateSettings | undefined {
  if (value === undefined || value === false) return undefined;
  const options = value === true ? {} : value;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw wrong("perMessageDeflate", value, "a boolean or an object");
  }
  for (const [name, each] of Object.entries(options)) check(name, each);
  const { threshold, level, memLevel, releaseAfter, ...wanted } = options as DeflateOptions;
  return {
    wanted,
    threshold,
    level: level ?? LEVEL,
    memLevel: memLevel ?? MEM_LEVEL,
    releaseAfter: releaseAfter ?? RELEASE_AFTER,
  };
}

function check(name: string, value: unknown): void {
  const option = `perMessageDeflate.${name}`;
  const range = Object.hasOwn(RANGES, name) ? RANGES[name] : undefined;
  if (range === undefined && !AMOUNTS.includes(name) && !(FLAGS as readonly string[]).includes(name)) {
    const known = [...FLAGS, ...BITS, ...AMOUNTS, "level", "memLevel"];
    throw new TypeError(`Cannot use the option ${quote(option)}: it is unknown, wanted one of ${known.join(", ")}`);
  }
  if (value === undefined) return;
  if (range === undefined && !AMOUNTS.includes(name)) {
    if (typeof value !== "boolean") throw wrong(option, value, "a boolean");
    return;
  }
  if (typeof value !== "number") throw wrong(option, value, "a number");
  if (range === undefined) {
    if (!(value >= 0)) throw new RangeError(`Cannot use the option ${option}: got ${value}, wanted at least 0`);
    return;
  }
  const [least, most] = range;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `Cannot use the option ${option}: got ${value}, wanted a whole number from ${least} to ${most}`,
    );
  }
}

function wrong(name: string, value: unknown, wanted: string): TypeError {
  const met = typeof value === "string" ? quote(value) : Array.isArray(value) ? "a list" : String(value);
  return new TypeError(`Cannot use the option ${name}: got ${met}, wanted ${wanted}`);
}

/** What the link has to know, once the two ends have agreed. */
export function deflateSetup(
  settings: DeflateSettings,
  factory: DeflateFactory,
  agreement: DeflateAgreement,
): DeflateSetup {
  const { level, memLevel, releaseAfter, threshold = agreement.local.takeover ? 0 : THRESHOLD } = settings;
  return { factory, agreement, level, memLevel, releaseAfter, threshold };
}
