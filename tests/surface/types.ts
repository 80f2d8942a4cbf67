/** The names of the types that each entry point exports. Runs on Deno only. */

import { readManifest, root } from "../../scripts/manifest.ts";

/** The names of all that each exports, by entry point. */
export async function namesByDoor(): Promise<Record<string, string[]>> {
  const { exports } = await readManifest();
  const named = await Promise.all(
    Object.entries(exports).map(async ([door, file]): Promise<[string, string[]]> => [door, await namesOf(file)]),
  );
  return Object.fromEntries(named);
}

async function namesOf(file: string): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), { args: ["doc", "--json", file], cwd: root, stderr: "null" });
  const { stdout } = await command.output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Printed;
  return Object.values(nodes).flatMap(({ symbols }) => symbols.map(({ name }) => name)).sort();
}

interface Printed {
  nodes: Record<string, { symbols: { name: string }[] }>;
}
