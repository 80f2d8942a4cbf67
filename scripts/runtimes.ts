/**
 * Finds the runtimes that the tests run on, as paths of executables: Deno is the one that runs this; Bun and Node are
 * taken from PATH where the right version is there, and from npm otherwise. npm is asked once, and only for what its
 * cache does not hold, so that a warm cache is enough without a network.
 */

/** The runtimes, in the order they run. */
export const runtimeNames = ["deno", "bun", "node20", "node22", "node24"] as const;

/** The name of a runtime. */
export type RuntimeName = typeof runtimeNames[number];

/** Those that the tests run on when none is named: the oldest Node and the newest, and not what lies between. */
export const usualRuntimes: readonly RuntimeName[] = runtimeNames.filter((name) => name !== "node22");

/** A runtime that can be run. */
export interface Found {
  /** The path of the executable. */
  path: string;
  /** What it says its version is. */
  version: string;
}

/** Finds one runtime. Throws when it is neither on PATH nor to be had from npm. */
export async function findRuntime(name: RuntimeName): Promise<Found> {
  switch (name) {
    case "deno":
      return { path: Deno.execPath(), version: Deno.version.deno };
    case "bun":
      return await ask("bun", bunQuestion) ?? await askNpm("bun", bunQuestion);
    case "node20":
      return await nodeOnPath(20, 19) ?? await askNpm("node@20", nodeQuestion);
    case "node22":
      return await nodeOnPath(22, 0) ?? await askNpm("node@22", nodeQuestion);
    case "node24":
      return await nodeOnPath(24, 0) ?? await askNpm("node@24", nodeQuestion);
  }
}

/** What makes a runtime print its path and version as JSON. */
const nodeQuestion = ["-p", "JSON.stringify({ path: process.execPath, version: process.versions.node })"];
const bunQuestion = [
  "-e",
  "console.log(JSON.stringify({ path: process.execPath, version: process.versions.bun }))",
];

async function nodeOnPath(major: number, minor: number): Promise<Found | undefined> {
  const found = await ask("node", nodeQuestion);
  if (found === undefined) return undefined;
  const [foundMajor = 0, foundMinor = 0] = found.version.split(".").map(Number);
  return foundMajor === major && foundMinor >= minor ? found : undefined;
}

async function askNpm(spec: string, question: readonly string[]): Promise<Found> {
  const found = await ask("npx", ["-y", "--prefer-offline", spec, ...question]);
  if (found === undefined) throw new Error(`Cannot find ${spec}: it is not on PATH, and npx does not get it`);
  return found;
}

/** Runs a command that prints what it is. Nothing when there is no such command, or it fails. */
async function ask(command: string, args: readonly string[]): Promise<Found | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
