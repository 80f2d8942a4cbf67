/** Looks whether JSR answers, and says how to do without it. */

import { join } from "node:path";
import { root } from "./manifest.ts";

/** Longest wait for JSR, in milliseconds. */
const patience = 5_000;

/** The flags that make `deno` run our code without JSR: the stand-ins of `tests/offline` take the place of its packages. */
export const offlineFlags: readonly string[] = [
  "--no-lock",
  "--import-map",
  join(root, "tests", "offline", "import_map.json"),
];

/** Whether JSR hands out a small module: from the net, or from what was kept of it. */
export async function jsrAnswers(
  specifier = "jsr:@std/assert@^1/equals",
  timeout: number = patience,
): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--no-config", "--no-lock", "--quiet", specifier],
    signal: AbortSignal.timeout(timeout),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

/** The flags for `deno test`, `deno check` and the like on this machine. Says in one line when JSR does not answer. */
export async function denoFlags(): Promise<string[]> {
  if (await jsrAnswers()) return ["--no-lock"];
  console.log("JSR does not answer: tests/offline/assert.ts stands in for @std/assert");
  return [...offlineFlags];
}
