/** Families 1 to 5 of the catalogue: framing, pings and pongs, reserved bits, opcodes, fragmentation. */

import { type FrameParts, hex, utf8 } from "../frames.ts";
import {
  binary,
  breaks,
  type Case,
  echo,
  fragmented,
  fragments,
  gets,
  ping,
  repeated,
  send,
  text,
  works,
} from "./script.ts";

const HELLO = "Hello, world!";
/** Bytes that are no text. */
const BYTES = hex("00 ff fe fd fc fb 00 ff");
const asterisks = (count: number): Uint8Array => repeated(utf8("*"), count);
const fes = (count: number): Uint8Array => repeated(hex("fe"), count);

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536];

const framing: Case[] = [
  ...SIZES.map((size, at) => back(`1.1.${at + 1}`, text(asterisks(size)))),
  back("1.1.8", text(asterisks(65_536)), 997),
  ...SIZES.map((size, at) => back(`1.2.${at + 1}`, binary(fes(size)))),
  back("1.2.8", binary(fes(65_536)), 997),
];

/** A frame that comes back. */
function back(id: string, frame: FrameParts, chop: number | "whole" = "whole"): Case {
  return works(id, send([frame], chop), gets(echo(frame)));
}

const tenPings = Array.from({ length: 10 }, (_, at) => ping(`payload-${at}`));
const unasked: FrameParts = { opcode: 10, payload: "unsolicited pong payload" };

const pings: Case[] = [
  back("2.1", ping()),
  back("2.2", ping(HELLO)),
  back("2.3", ping(BYTES)),
  back("2.4", ping(fes(125))),
  breaks("2.5", "WS_CONTROL_TOO_LONG", send([ping(fes(126))])),
  back("2.6", ping(fes(125)), 1),
  works("2.7", send([{ opcode: 10 }])),
  works("2.8", send([unasked])),
  works("2.9", send([unasked, ping("ping payload")]), gets(echo(ping("ping payload")))),
  works("2.10", send(tenPings), gets(...tenPings.map(echo))),
  works("2.11", send(tenPings, 1), gets(...tenPings.map(echo))),
];

/** A good text, then a bad frame, and a ping to which no pong may come. */
function afterText(id: string, error: "WS_RESERVED_BITS" | "WS_RESERVED_OPCODE", bad: FrameParts, chop: Chop): Case {
  return breaks(id, error, send([text(HELLO), bad, ping()], chop), gets(echo(text(HELLO))));
}

type Chop = "whole" | "frames" | 1;

/** The bits of the catalogue's numbers 1 to 7. */
const rsv = (number: number): number => number << 4;

const reservedBits: Case[] = [
  breaks("3.1", "WS_RESERVED_BITS", send([{ ...text(HELLO), rsv: rsv(1) }])),
  afterText("3.2", "WS_RESERVED_BITS", { ...text(HELLO), rsv: rsv(2) }, "whole"),
  afterText("3.3", "WS_RESERVED_BITS", { ...text(HELLO), rsv: rsv(3) }, "frames"),
  afterText("3.4", "WS_RESERVED_BITS", { ...text(HELLO), rsv: rsv(4) }, 1),
  breaks("3.5", "WS_RESERVED_BITS", send([{ ...binary(BYTES), rsv: rsv(5) }])),
  breaks("3.6", "WS_RESERVED_BITS", send([{ ...ping(HELLO), rsv: rsv(6) }])),
  breaks("3.7", "WS_RESERVED_BITS", send([{ opcode: 8, rsv: rsv(7) }])),
];

/** The five cases of a range of opcodes that mean nothing. */
function opcodes(family: string, first: number): Case[] {
  return [
    breaks(`${family}.1`, "WS_RESERVED_OPCODE", send([{ opcode: first }])),
    breaks(`${family}.2`, "WS_RESERVED_OPCODE", send([{ opcode: first + 1, payload: "reserved opcode payload" }])),
    afterText(`${family}.3`, "WS_RESERVED_OPCODE", { opcode: first + 2 }, "whole"),
    afterText(`${family}.4`, "WS_RESERVED_OPCODE", { opcode: first + 3, payload: HELLO }, "whole"),
    afterText(`${family}.5`, "WS_RESERVED_OPCODE", { opcode: first + 4, payload: HELLO }, 1),
  ];
}

const two = fragments(1, ["fragment1", "fragment2"]);
const twoWithPing = [two[0]!, ping("ping payload"), two[1]!];
const joined = echo(text("fragment1fragment2"));

/** A continuation of nothing. */
const stray = (fin: boolean, payload: string): FrameParts => ({ opcode: 0, fin, payload });
const strayThenText = (fin: boolean): FrameParts[] => [stray(fin, "non-continuation payload"), text(HELLO)];
const twice = (fin: boolean): FrameParts[] => {
  const once = [stray(fin, "fragment1"), ...fragments(1, ["fragment2", "fragment3"])];
  return [...once, ...once];
};

const five = fragments(1, ["fragment1", "fragment2", "fragment3", "fragment4", "fragment5"]);
const all = echo(text("fragment1fragment2fragment3fragment4fragment5"));

/** Five fragments with two pings between them, each of which is answered before the rest has come. */
function twoPings(id: string, chop: Chop): Case {
  const [first, second] = [ping("pongme 1!"), ping("pongme 2!")];
  return works(
    id,
    send([five[0]!, five[1]!, first], chop),
    gets(echo(first)),
    send([five[2]!, five[3]!, second, five[4]!], chop),
    gets(echo(second), all),
  );
}

const UNEXPECTED = "WS_UNEXPECTED_CONTINUATION";

const fragmentation: Case[] = [
  breaks("5.1", "WS_FRAGMENTED_CONTROL", send(fragments(9, ["fragment1", "fragment2"]))),
  breaks("5.2", "WS_FRAGMENTED_CONTROL", send(fragments(10, ["fragment1", "fragment2"]))),
  works("5.3", send(two), gets(joined)),
  works("5.4", send(two, "frames"), gets(joined)),
  works("5.5", send(two, 1), gets(joined)),
  works("5.6", send(twoWithPing), gets(echo(twoWithPing[1]!), joined)),
  works("5.7", send(twoWithPing, "frames"), gets(echo(twoWithPing[1]!), joined)),
  works("5.8", send(twoWithPing, 1), gets(echo(twoWithPing[1]!), joined)),
  breaks("5.9", UNEXPECTED, send(strayThenText(true))),
  breaks("5.10", UNEXPECTED, send(strayThenText(true), "frames")),
  breaks("5.11", UNEXPECTED, send(strayThenText(true), 1)),
  breaks("5.12", UNEXPECTED, send(strayThenText(false))),
  breaks("5.13", UNEXPECTED, send(strayThenText(false), "frames")),
  breaks("5.14", UNEXPECTED, send(strayThenText(false), 1)),
  breaks("5.15", UNEXPECTED, send([...two, stray(false, "fragment3"), text("fragment4")]), gets(joined)),
  breaks("5.16", UNEXPECTED, send(twice(false))),
  breaks("5.17", UNEXPECTED, send(twice(true))),
  breaks("5.18", "WS_EXPECTED_CONTINUATION", send([two[0]!, text("fragment2")])),
  twoPings("5.19", "whole"),
  twoPings("5.20", "frames"),
];

/** Family 10: a message in fragments of the size that a sender might choose by itself. */
const automatic: Case[] = [
  works("10.1.1", send(fragmented(1, asterisks(65_536), 1300)), gets(echo(text(asterisks(65_536))))),
];

/** The cases of these families. */
export const basics: readonly Case[] = [
  ...framing,
  ...pings,
  ...reservedBits,
  ...opcodes("4.1", 3),
  ...opcodes("4.2", 11),
  ...fragmentation,
  ...automatic,
];
