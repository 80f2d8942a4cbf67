/** Raw DEFLATE (RFC 1951) read in the plainest way, to see what a compressor really wrote: how far back it looks. */

/** What was read. */
export interface Inflated {
  bytes: Uint8Array;
  /** The farthest that a match looks back, in bytes; 0 without a match. */
  distance: number;
  /** How many blocks, and how many of them say they are final. */
  blocks: number;
  finals: number;
}

const LENGTHS = [
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
  131,
  163,
  195,
  227,
  258,
];
const DISTANCES = Array.from({ length: 30 }, (_, i) => i < 4 ? i + 1 : ((2 + (i & 1)) << ((i >> 1) - 1)) + 1);
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A code by its lengths: of each length how many, and the symbols in their order. */
interface Code {
  counts: number[];
  symbols: number[];
}

function codeOf(lengths: readonly number[]): Code {
  const counts = new Array<number>(16).fill(0);
  for (const length of lengths) if (length > 0) counts[length]!++;
  const symbols = [...lengths.keys()].filter((symbol) => lengths[symbol]! > 0)
    .sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return { counts, symbols };
}

const FIXED = codeOf(Array.from({ length: 288 }, (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
const FIXED_DISTANCES = codeOf(new Array<number>(30).fill(5));

/** Inflates blocks up to the end of the input, with `before` in the window. Throws on what is not DEFLATE. */
export function inflate(input: Uint8Array, before: Uint8Array = new Uint8Array(0)): Inflated {
  const out: number[] = [...before];
  let at = 0, bit = 0, distance = 0, blocks = 0, finals = 0;

  const bits = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) {
      if (at >= input.length) throw new Error("the input ends in mid-block");
      value |= ((input[at]! >> bit) & 1) << i;
      if (++bit === 8) {
        bit = 0;
        at++;
      }
    }
    return value;
  };
  const symbol = ({ counts, symbols }: Code): number => {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      code |= bits(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error("no such code");
  };
  const align = (): void => {
    if (bit > 0) at++;
    bit = 0;
  };
  const stored = (): void => {
    align();
    const length = bits(16);
    if ((bits(16) ^ 0xffff) !== length) throw new Error("the lengths of a stored block differ");
    for (let i = 0; i < length; i++) out.push(bits(8));
  };
  const dynamic = (): [Code, Code] => {
    const literals = bits(5) + 257, distances = bits(5) + 1, count = bits(4) + 4;
    const lengths = new Array<number>(19).fill(0);
    for (let i = 0; i < count; i++) lengths[ORDER[i]!] = bits(3);
    const code = codeOf(lengths);
    const all: number[] = [];
    while (all.length < literals + distances) {
      const next = symbol(code);
      if (next < 16) all.push(next);
      else if (next === 16) all.push(...new Array<number>(3 + bits(2)).fill(all.at(-1)!));
      else all.push(...new Array<number>(next === 17 ? 3 + bits(3) : 11 + bits(7)).fill(0));
    }
    return [codeOf(all.slice(0, literals)), codeOf(all.slice(literals))];
  };
  const compressed = (literals: Code, distances: Code): void => {
    for (;;) {
      const next = symbol(literals);
      if (next === 256) return;
      if (next < 256) {
        out.push(next);
        continue;
      }
      const length = LENGTHS[next - 257]! + (next < 265 || next === 285 ? 0 : bits((next - 261) >> 2));
      const code = symbol(distances);
      const back = DISTANCES[code]! + (code < 4 ? 0 : bits((code >> 1) - 1));
      if (back > out.length) throw new Error("a match looks back behind the beginning");
      distance = Math.max(distance, back);
      for (let i = 0; i < length; i++) out.push(out[out.length - back]!);
    }
  };

  while (at < input.length) {
    blocks++;
    const final = bits(1) === 1, type = bits(2);
    if (type === 0) stored();
    else if (type === 1) compressed(FIXED, FIXED_DISTANCES);
    else if (type === 2) compressed(...dynamic());
    else throw new Error("a block is of no type");
    if (!final) continue;
    finals++;
    align();
  }
  return { bytes: Uint8Array.from(out.slice(before.length)), distance, blocks, finals };
}
