/**
 * Families 12 and 13 of the catalogue: compressed messages of many sizes, whole and in fragments, of five kinds of content
 * and with seven sets of parameters, one after another. The catalogue sends a thousand in each case; here it is as many as
 * make up 64 KiB, at least two and at most 30, unless `SOCKEYE_MESSAGES` says how many.
 */

import process from "node:process";
import { utf8 } from "../frames.ts";
import { Random } from "../random.ts";

/** What the raw peer asks for, of the other end: as a client in its offer, as a server in its answer. */
export interface Asked {
  /** The other end gives up its context behind each message. */
  readonly noTakeover: boolean;
  /** Bits of the other end's window; 0: not limited. */
  readonly windowBits: 0 | 9 | 15;
}

/** One case. */
export interface CompressedCase {
  readonly id: string;
  readonly opcode: 1 | 2;
  /** What the peer offers as a client, in order, or takes as a server: the first that can be had. */
  readonly asked: readonly Asked[];
  /** Octets of a fragment; 0: each message is one frame. */
  readonly fragment: number;
  readonly count: number;
  /** The messages. */
  message(number: number): Uint8Array<ArrayBuffer>;
}

const SIZES = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

/** The size of a message, in characters or octets, and of a fragment. */
const SHAPES: readonly (readonly [size: number, fragment: number])[] = [
  ...SIZES.map((size) => [size, 0] as const),
  ...SIZES.slice(5).map((size) => [size, 256] as const),
  ...[1024, 4096, 32_768].map((fragment) => [131_072, fragment] as const),
];

const WORDS = ["Habe", "nun,", "ach!", "Philosophie,", "Juristerei", "und", "Medizin,", "durchaus", "studiert,", "mit"];

function json(random: Random): string {
  const row = (at: number): string =>
    JSON.stringify({ id: at, name: random.text(8), value: random.below(100_000) / 7, tags: [random.pick(WORDS)] });
  return `[${Array.from({ length: 2000 }, (_, at) => row(at)).join(",\n")}]`;
}

function html(random: Random): string {
  const row = (at: number): string =>
    `<li id="n${at}"><a href="/${random.below(1e6)}">${random.pick(WORDS)}</a> “ü”</li>`;
  return `<!doctype html><ul>${Array.from({ length: 4000 }, (_, at) => row(at)).join("\n")}</ul>`;
}

function prose(random: Random): Uint8Array<ArrayBuffer> {
  return utf8(Array.from({ length: 35_000 }, () => random.pick(WORDS)).join(" "));
}

/** A picture: neighbours are alike, with some noise. */
function picture(random: Random): Uint8Array<ArrayBuffer> {
  let grey = 128;
  return Uint8Array.from({ length: 263_222 }, () => grey = (grey + random.below(9) - 4) & 0xff);
}

/** A document that has been compressed already, for the most part. */
function document(random: Random): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 300_000 }, (_, at) => at % 4096 < 300 ? 0x20 + (at % 23) : random.below(256));
}

/** Makes a part of the content that begins at a place and goes on at the front behind the end; once, when it is needed. */
function slices(
  make: (random: Random) => string | Uint8Array<ArrayBuffer>,
): (from: number, size: number) => Uint8Array<ArrayBuffer> {
  let content: readonly string[] | Uint8Array<ArrayBuffer> | undefined;
  return (from, size) => {
    if (content === undefined) {
      const made = make(new Random(12));
      // By characters, so that none is cut.
      content = typeof made === "string" ? [...made] : made;
    }
    const { length } = content;
    const start = from % length;
    const end = Math.min(length, start + size);
    const [first, second] = [content.slice(start, end), content.slice(0, size - (end - start))];
    if (Array.isArray(first)) return utf8([...first, ...second as string[]].join(""));
    const whole = new Uint8Array(size);
    whole.set(first as Uint8Array);
    whole.set(second as Uint8Array, first.length);
    return whole;
  };
}

type Kind = { readonly opcode: 1 | 2; readonly slice: ReturnType<typeof slices> };

const JSON_DATA: Kind = { opcode: 1, slice: slices(json) };

const KINDS: readonly Kind[] = [
  JSON_DATA,
  { opcode: 2, slice: slices(picture) },
  { opcode: 2, slice: slices(prose) },
  { opcode: 1, slice: slices(html) },
  { opcode: 2, slice: slices(document) },
];

const NOTHING: Asked = { noTakeover: false, windowBits: 0 };

const ASKED: readonly (readonly Asked[])[] = [
  [NOTHING],
  [{ noTakeover: true, windowBits: 0 }],
  [{ noTakeover: false, windowBits: 9 }],
  [{ noTakeover: false, windowBits: 15 }],
  [{ noTakeover: true, windowBits: 9 }],
  [{ noTakeover: true, windowBits: 15 }],
  [{ noTakeover: true, windowBits: 9 }, { noTakeover: true, windowBits: 0 }, NOTHING],
];

const wanted = Number(process.env["SOCKEYE_MESSAGES"] ?? 0);

function cases(family: string, { opcode, slice }: Kind, asked: readonly Asked[]): CompressedCase[] {
  return SHAPES.map(([size, fragment], at) => {
    const count = wanted > 0 ? wanted : Math.max(2, Math.min(30, 65_536 / size));
    return {
      id: `${family}.${at + 1}`,
      opcode,
      asked,
      fragment,
      count,
      message: (number) => slice(number * size, size),
    };
  });
}

/** The cases of these families. */
export const compressed: readonly CompressedCase[] = [
  ...KINDS.flatMap((kind, at) => cases(`12.${at + 1}`, kind, [NOTHING])),
  ...ASKED.flatMap((asked, at) => cases(`13.${at + 1}`, JSON_DATA, asked)),
];
