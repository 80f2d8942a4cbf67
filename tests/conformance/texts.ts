/** Family 6 of the catalogue: UTF-8 (RFC 3629), right and wrong. The octets are those of Markus Kuhn's stress test. */

import { concat, type FrameParts, hex, utf8 } from "../frames.ts";
import {
  type Case,
  echo,
  fails,
  fragmented,
  fragments,
  gets,
  part,
  ping,
  send,
  silence,
  text,
  works,
} from "./script.ts";

const bad = fails(1007, "WS_INVALID_UTF8");

/** "κόσμε", with an accent that takes three octets: 11 octets. */
const KOSME = hex("cebae1bdb9cf83cebcceb5");
const EDITED = utf8("edited");
const MIXED = "Hello-µ@ßöäüàá-UTF-8!!";

const valid: Case[] = [
  works("6.1.1", send([text("")]), gets(echo(text("")))),
  works("6.1.2", send(fragments(1, ["", "", ""])), gets(echo(text("")))),
  works("6.1.3", send(fragments(1, ["", "middle frame payload", ""])), gets(echo(text("middle frame payload")))),
  works("6.2.1", send([text(MIXED)]), gets(echo(text(MIXED)))),
  works("6.2.2", send(fragments(1, ["Hello-µ@ßöä", "üàá-UTF-8!!"])), gets(echo(text(MIXED)))),
  works("6.2.3", send(fragmented(1, utf8(MIXED), 1)), gets(echo(text(MIXED)))),
  works("6.2.4", send(fragmented(1, KOSME, 1)), gets(echo(text(KOSME)))),
];

const surrogate = concat(KOSME, hex("eda080"), EDITED);
/** Its 13th octet would lead above U+10FFFF: octet 12, when counted from 0. */
const tooHigh = concat(KOSME, hex("f4908080"), EDITED);
const accepted = ping("accepted so far");

/** The text fails as soon as its second part has come: the third is never sent. */
function failsFast(id: string, first: number, second: number, inOneFrame: boolean): Case {
  if (inOneFrame) {
    const whole = text(tooHigh);
    return { id, steps: [part(whole, 0, first), silence, part(whole, first, second), bad] };
  }
  const open: FrameParts = { opcode: 1, fin: false, payload: tooHigh.subarray(0, first) };
  const next: FrameParts = { opcode: 0, fin: false, payload: tooHigh.subarray(first, second) };
  return { id, steps: [send([open, accepted]), gets(echo(accepted)), send([next]), bad] };
}

const invalid: Case[] = [
  { id: "6.3.1", steps: [send([text(surrogate)]), bad] },
  { id: "6.3.2", steps: [send(fragmented(1, surrogate, 1)), bad] },
  failsFast("6.4.1", 11, 15, false),
  failsFast("6.4.2", 12, 13, false),
  failsFast("6.4.3", 11, 15, true),
  failsFast("6.4.4", 12, 13, true),
];

/** A run of single octets, with or without a space behind each. */
function octets(from: number, to: number, space: string = ""): string {
  return Array.from({ length: to - from }, (_, at) => (from + at).toString(16) + space).join("");
}

const CUT_SHORT = [
  ...["c0", "e080", "f08080", "f8808080", "fc80808080"],
  ...["df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"],
];

/** The last two code points of each plane above the first, which are valid though they are no characters. */
const NONCHARACTERS = Array.from({ length: 16 }, (_, at) => at + 1).flatMap((plane) =>
  [0xfffe, 0xffff].map((low) => [...utf8(String.fromCodePoint(plane * 0x10000 + low))])
).map((bytes) => bytes.map((byte) => byte.toString(16)).join(""));

/** The groups 6.5 to 6.23: sequences in hex, those that are wrong behind an exclamation mark. */
const GROUPS: readonly (readonly string[])[] = [
  [
    "68656c6c6f24776f726c64",
    "68656c6c6fc2a2776f726c64",
    "68656c6c6fe282ac776f726c64",
    "68656c6c6ff0a4ada2776f726c64",
    "cebae1bdb9cf83cebcceb5",
  ],
  [
    "!ce",
    "ceba",
    "!cebae1",
    "!cebae1bd",
    "cebae1bdb9",
    "!cebae1bdb9cf",
    "cebae1bdb9cf83",
    "!cebae1bdb9cf83ce",
    "cebae1bdb9cf83cebc",
    "!cebae1bdb9cf83cebcce",
    "cebae1bdb9cf83cebcceb5",
  ],
  ["00", "c280", "e0a080", "f0908080"],
  ["!f888808080", "!fc8480808080"],
  ["7f", "dfbf", "efbfbf", "f48fbfbf"],
  ["!f7bfbfbf", "!fbbfbfbfbf", "!fdbfbfbfbfbf"],
  ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "!f4908080"],
  ["!80", "!bf", "!80bf", "!80bf80", "!80bf80bf", "!80bf80bf80", "!80bf80bf80bf", `!${octets(0x80, 0xbf)}`],
  [[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]].map(([from, to]) =>
    `!${octets(from!, to!, "20")}`
  ),
  CUT_SHORT.map((each) => `!${each}`),
  [`!${CUT_SHORT.join("")}`],
  ["!fe", "!ff", "!fefeffff"],
  ["!c0af", "!e080af", "!f08080af", "!f8808080af", "!fc80808080af"],
  ["!c1bf", "!e09fbf", "!f08fbfbf", "!f887bfbfbf", "!fc83bfbfbfbf"],
  ["!c080", "!e08080", "!f0808080", "!f880808080", "!fc8080808080"],
  ["!eda080", "!edadbf", "!edae80", "!edafbf", "!edb080", "!edbe80", "!edbfbf"],
  ["eda080", "edadbf", "edae80", "edafbf"].flatMap((high) => ["edb080", "edbfbf"].map((low) => `!${high}${low}`)),
  ["efbfbe", "efbfbf", ...NONCHARACTERS],
  ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"],
];

const sequences: Case[] = GROUPS.flatMap((group, family) =>
  group.map((sequence, at): Case => {
    const id = `6.${family + 5}.${at + 1}`;
    const frame = text(hex(sequence.replace("!", "")));
    if (sequence.startsWith("!")) return { id, steps: [send([frame]), bad] };
    return works(id, send([frame]), gets(echo(frame)));
  })
);

/** The cases of this family. */
export const texts: readonly Case[] = [...valid, ...invalid, ...sequences];
