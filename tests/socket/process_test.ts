// @runtimes deno
/** What sockets leave behind in a process, on each runtime: no timer, no unhandled rejection, and errors of listeners. */

import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { commandFor, others } from "../harness.ts";

/** Runs a program of `life.ts`. Resolves with what it prints, and rejects when it does not end well. */
function run(name: typeof others[number], program: string): Promise<{ output: string; milliseconds: number }> {
  const { command, args } = commandFor(name, "tests/socket/life.ts", [program]) as { command: string; args: string[] };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 60_000, env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`${name} ${program}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve({ output: stdout.trim(), milliseconds: performance.now() - started });
    });
  });
}

for (const name of others) {
  const command = commandFor(name, "tests/socket/life.ts", []);
  const skip = typeof command === "string" ? command : false;

  test(`A socket leaves no timer behind that keeps the process alive, on ${name}`, { skip }, async () => {
    for (const program of ["ends", "open", "unref"]) {
      const { output, milliseconds } = await run(name, program);
      assertEquals(output, "done");
      // The shortest time limit that could be left is 10 seconds.
      assert(milliseconds < 9_000, `${program} took ${milliseconds} ms`);
    }
  });

  test(`A listener that throws harms nobody, and is reported as uncaught, on ${name}`, { skip }, async () => {
    const { output } = await run(name, "throws");
    assertEquals(output.split("\n"), [
      "message a, message b, close 4000, the other end closes",
      "in open, in message, in handleEvent, no function, in message, in handleEvent, no function, in close",
    ]);
  });

  test(`A socket leaves no unhandled rejection, on ${name}`, { skip }, async () => {
    assertEquals((await run(name, "rejects")).output, "done");
  });
}
