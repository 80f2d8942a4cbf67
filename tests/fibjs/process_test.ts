/** What sockets do to the process they are in: `ref` and `unref`, time limits, and what the garbage collector may take. */

import { spawn } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Command } from "../harness.ts";
import { run, start } from "../interop/processes.ts";
import { here, program, skip } from "./kit.ts";

/** Runs `work` with the URL of a server in another process. */
async function withServer(work: (url: string) => Promise<void>): Promise<void> {
  const server = await start(program("server") as Command);
  try {
    await work(server.line);
  } finally {
    await server.stop();
  }
}

/** Whether a program is still there a while after its first line. One that has nothing to do ends at once. */
function stays({ command, args }: Command): Promise<boolean> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve) => {
    child.stdout.once("data", () => {
      setTimeout(() => {
        resolve(child.exitCode === null);
        child.kill("SIGKILL");
      }, 1_500);
    });
    child.once("exit", () => resolve(false));
  });
}

test("a process with an open socket stays", { skip }, async () => {
  await withServer(async (url) => {
    assert(await stays(program("stays", url) as Command));
    assert(await stays(program("takesHold", url) as Command));
  });
});

test(
  "a process that has let go of its socket ends, also with a heartbeat, and while it connects",
  { skip },
  async () => {
    await withServer(async (url) => {
      for (const name of ["ends", "letsGo", "heartbeat"]) {
        const started = performance.now();
        assertEquals(await run(program(name, url) as Command), "open 1\n", name);
        assert(performance.now() - started < 9_000, name);
      }
    });
  },
);

test("a process ends when its sockets and servers are closed, with no time limit left behind", { skip }, async () => {
  await withServer(async (url) => {
    const started = performance.now();
    assertEquals(await run(program("closes", url) as Command), "close 1000\n");
    assertEquals(await run(program("serverEnds") as Command), "closed\n");
    assert(performance.now() - started < 18_000);
  });
});

test("sockets that are over can be collected; one that is open and has a listener lives", { skip }, async () => {
  const { command, args } = program("garbage") as Command;
  const flags = here === "deno" ? ["--v8-flags=--expose-gc"] : here === "bun" ? [] : ["--expose-gc"];
  const all = here === "deno" ? [args[0]!, ...flags, ...args.slice(1)] : [...flags, ...args];
  assertStringIncludes(await run({ command, args: all }), "all of 21 collected, still here");
});
