/** Writes `surface.ts` anew, for a change of what is exported that is meant: `deno run -A tests/surface/write.ts`. */

import { join } from "node:path";
import { root } from "../../scripts/manifest.ts";
import { inLines } from "./describe.ts";
import { doors } from "./doors.ts";
import { namesByDoor } from "./types.ts";

const file = join(root, "tests/surface/surface.ts");
const names = await namesByDoor();
const surface = Object.fromEntries(
  Object.entries(doors).map(([door, values]) => {
    const types = inLines(names[door]!.filter((name) => !(name in values)));
    return [door, { values, types }];
  }),
);
const text =
  `/** All that the entry points export. Written by \`write.ts\`; read what changes in it as what changes for users. */

/** Of each entry point what it exports at run time, and the names of its types. */
export const surface: Readonly<
  Record<string, { readonly values: Readonly<Record<string, string>>; readonly types: readonly string[] }>
> = ${JSON.stringify(surface)};
`;
await Deno.writeTextFile(file, text);
await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", file] }).output();
