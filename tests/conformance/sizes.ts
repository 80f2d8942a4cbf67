/**
 * Family 9 of the catalogue: messages of up to 16 MiB, in fragments of 64 octets and more, in chops of 64 octets and more,
 * and a thousand of them one after another. All of it has to pass with the limits that are on by default.
 */

import { hex, utf8 } from "../frames.ts";
import { type Case, echo, fragmented, gets, repeated, send, works } from "./script.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const WHOLE = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
const FRAGMENTS = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
const CHOPS = [64, 128, 256, 512, 1024, 2048];
const ROUNDS = [0, 16, 64, 256, 1024, 4096];

/** Text and binary, and what they are filled with: in most cases, in those of fragments, and in rounds. */
const KINDS = [
  { opcode: 1, families: ["9.1", "9.3", "9.5", "9.7"], filling: utf8("BAsd7&jh23"), plain: utf8("*") },
  { opcode: 2, families: ["9.2", "9.4", "9.6", "9.8"], filling: hex("00fe23faf0"), plain: hex("fe") },
] as const;

/** A case whose steps are made only when it runs: all at once would take 200 MB. */
function late(id: string, make: () => Case): Case {
  return {
    id,
    get steps() {
      return make().steps;
    },
  };
}

/** The cases of this family. */
export const sizes: readonly Case[] = KINDS.flatMap(({ opcode, families, filling, plain }) => [
  ...WHOLE.map((size, at) => {
    const id = `${families[0]}.${at + 1}`;
    return late(id, () => {
      const frame = { opcode, payload: repeated(filling, size) };
      return works(id, send([frame]), gets(echo(frame)));
    });
  }),
  ...FRAGMENTS.map((size, at) => {
    const id = `${families[1]}.${at + 1}`;
    return late(id, () => {
      const payload = repeated(plain, 4 * MIB);
      return works(id, send(fragmented(opcode, payload, size)), gets({ opcode, payload }));
    });
  }),
  ...CHOPS.map((chop, at) => {
    const id = `${families[2]}.${at + 1}`;
    return late(id, () => {
      const frame = { opcode, payload: repeated(filling, MIB) };
      return works(id, send([frame], chop), gets(echo(frame)));
    });
  }),
  ...ROUNDS.map((size, at) =>
    works(`${families[3]}.${at + 1}`, {
      kind: "rounds",
      count: 1000,
      frame: { opcode, payload: repeated(plain, size) },
    })
  ),
]);
