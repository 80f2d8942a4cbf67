/**
 * The option `perMessageDeflate` of both ends: what it is, the check of what the caller gave, and what the link is told once
 * the two ends have agreed.
 */

import type { DeflateFactory } from "../protocol/codec.ts";
import {
  type DeflateAgreement,
  type DeflateParameters,
  type DeflateSetup,
  MAX_WINDOW_BITS,
  MIN_WINDOW_BITS,
} from "../protocol/deflate.ts";
import { checkNames, checkNumber, checkType, checkWhole, wrongKind } from "./check.ts";

/**
 * Options of compression (RFC 7692).
 *
 * @example
 * ```ts
 * import { type DeflateOptions, upgrade } from "@sockeye/ws";
 *
 * const perMessageDeflate: DeflateOptions = { threshold: 512, level: 1 };
 * console.assert(typeof upgrade({ perMessageDeflate }, () => {}) === "object");
 * ```
 */
export interface DeflateOptions extends DeflateParameters {
  /**
   * Bytes from which on a message is compressed, where `send` does not say. Small messages gain from what came before
   * them, so by default all are compressed where this end keeps its context.
   *
   * @default {0} where this end keeps its context; 1024 where not
   */
  readonly threshold?: number;
  /** How hard to compress: from 0 (not at all) over 1 (fast) to 9 (small). @default {6} on Node; 1 on Deno and Bun */
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
export interface DeflateSettings extends Required<Pick<DeflateSetup, "memLevel" | "releaseAfter">> {
  /** As it was given: otherwise what compresses knows best. */
  readonly level: number | undefined;
  /** What this end asks for. */
  readonly wanted: DeflateParameters;
  /** As it was given. */
  readonly threshold: number | undefined;
}

/** The whole numbers, and from where to where they go. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  serverMaxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
  clientMaxWindowBits: [MIN_WINDOW_BITS, MAX_WINDOW_BITS],
  level: [0, 9],
  memLevel: [1, 9],
};
const FLAGS: readonly string[] = ["serverNoContextTakeover", "clientNoContextTakeover"];
/** Numbers that have no upper end. */
const AMOUNTS: readonly string[] = ["threshold", "releaseAfter"];
const KNOWN: ReadonlySet<string> = new Set([...FLAGS, ...AMOUNTS, ...Object.keys(RANGES)]);

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
    throw wrongKind("perMessageDeflate", value, "a boolean or an object");
  }
  checkNames("use the option perMessageDeflate", options, KNOWN);
  for (const [name, each] of Object.entries(options)) {
    if (each !== undefined) check(name, each);
  }
  const { threshold, level, memLevel, releaseAfter, ...wanted } = options as DeflateOptions;
  return {
    wanted,
    threshold,
    level,
    memLevel: memLevel ?? MEM_LEVEL,
    releaseAfter: releaseAfter ?? RELEASE_AFTER,
  };
}

function check(name: string, value: unknown): void {
  const option = `perMessageDeflate.${name}`;
  if (FLAGS.includes(name)) checkType(option, value, "boolean");
  else if (AMOUNTS.includes(name)) checkNumber(option, value);
  else checkWhole(option, value, ...RANGES[name]!);
}

/** What the link has to know, once the two ends have agreed. */
export function deflateSetup(
  settings: DeflateSettings,
  factory: DeflateFactory,
  agreement: DeflateAgreement,
): DeflateSetup {
  const {
    level = factory.level ?? LEVEL,
    memLevel,
    releaseAfter,
    threshold = agreement.local.takeover ? 0 : THRESHOLD,
  } = settings;
  return { factory, agreement, level, memLevel, releaseAfter, threshold };
}
