/** What tests need to know of where they run, and how to start another runtime. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** The runtime that runs this. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** The runtimes that a test can start. */
export const others = ["deno", "bun", "node20", "node24"] as const;

/** A command, to be given to `spawn` of `node:child_process`. */
export interface Command {
  command: string;
  args: string[];
}

const executables = {
  deno: "SOCKEYE_DENO",
  bun: "SOCKEYE_BUN",
  node20: "SOCKEYE_NODE",
  node24: "SOCKEYE_NODE24",
} as const;

/**
 * The command that runs a file of this tree on another runtime: Deno from the source, Bun and Node what was compiled,
 * against the built package. A text instead says why it cannot be run, for the option `skip` of a test; so it is where
 * the tests run without `deno task test`.
 *
 * @param name The runtime to start
 * @param file The file from the top of the tree, such as `tests/interop/echo.ts`
 * @param args What the file finds in `process.argv` from the third on
 */
export function commandFor(name: typeof others[number], file: string, args: readonly string[] = []): Command | string {
  const { SOCKEYE_ROOT: root, SOCKEYE_TESTS: tests, SOCKEYE_DENO_FLAGS: flags = "" } = process.env;
  const command = process.env[executables[name]];
  if (command === undefined || root === undefined) return `no ${name}: run "deno task test"`;
  if (name === "deno") {
    const config = ["--config", join(root, "deno.json"), ...flags.split("\n").filter((flag) => flag !== "")];
    return { command, args: ["run", "-A", "--no-check", ...config, join(root, file), ...args] };
  }
  const compiled = tests === undefined ? "" : join(tests, "..", file.replace(/\.ts$/, ".js"));
  if (!existsSync(compiled)) return `${file} is not compiled: run "deno task test" with ${name}`;
  return { command, args: [compiled, ...args] };
}
