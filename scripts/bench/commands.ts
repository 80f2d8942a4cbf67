/** How each program of the benchmarks is started on each runtime. */

import { join } from "node:path";
import { ca, serverCert, serverKey } from "../../tests/certs.ts";
import { findRuntime } from "../runtimes.ts";
import type { RuntimeName } from "./plan.ts";
import type { Command } from "./processes.ts";

/** What can be started, and where. */
export interface Commands {
  /** A program by the name of its file, without the ending. */
  program(runtime: RuntimeName, name: string, ...args: readonly string[]): Command;
  /** The folder to start in. */
  readonly cwd: string;
  /** Files of a certificate. */
  readonly cert: string;
  readonly key: string;
}

/** The name of the file of a peer's server. */
export function serverOf(peer: string, runtime: RuntimeName): string {
  return `servers/${peer === "native" ? runtime : peer}`;
}

/** Finds the runtimes. On all of them runs what was compiled into `folder`, against the packages that are installed there. */
export async function findCommands(folder: string): Promise<Commands> {
  const node = (await findRuntime("node24")).path;
  const bun = (await findRuntime("bun")).path;
  const compiled = join(folder, "bench");
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await Deno.writeTextFile(cert, serverCert + ca);
  await Deno.writeTextFile(key, serverKey);
  const starts: Record<RuntimeName, (name: string) => Command> = {
    node: (name) => [node, "--expose-gc", "--no-warnings", join(compiled, `${name}.js`)],
    deno: (name) => [
      ...[Deno.execPath(), "run", "-A", "--no-lock", "--no-check", "--quiet", "--v8-flags=--expose-gc"],
      join(compiled, `${name}.js`),
    ],
    bun: (name) => [bun, join(compiled, `${name}.js`)],
  };
  return {
    program: (runtime, name, ...args) => [...starts[runtime](name), ...args],
    cwd: folder,
    cert,
    key,
  };
}
