/** The examples run, on the runtime that runs this. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Socket } from "@sockeye/ws";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Command, commandFor, type others, runtime } from "./harness.ts";
import { run, start } from "./interop/processes.ts";

const here: typeof others[number] = runtime === "node"
  ? process.versions.node.startsWith("20.") ? "node20" : "node24"
  : runtime;

function example(name: string, ...args: string[]): Command | string {
  return commandFor(here, `examples/${name}.ts`, args);
}

function skipOf(command: Command | string): { skip?: string } {
  return typeof command === "string" ? { skip: command } : {};
}

const server = example("server", "0");

test("examples/server.ts and examples/client.ts talk to each other", skipOf(server), async () => {
  const running = await start(server as Command);
  try {
    const client = example("client", running.line, "Hello", "", "Grüße");
    assertEquals(await run(client as Command), "Hello\n\nGrüße\nclosed with 1000 That was all\n");
  } finally {
    await running.stop();
  }
});

const once = example("demo", "--once");

test("examples/demo.ts --once shows two clients that talk, and ends", skipOf(once), async () => {
  const output = await run(once as Command);
  assertStringIncludes(output, "A chat is at http://127.0.0.1:");
  assertStringIncludes(output, "  Ben reads  Ann: Hello, Ben!\n");
  assertStringIncludes(output, "  Ann reads  Ben: Hello, Ann! \u{1F41F}\n");
  assertStringIncludes(output, "Ann has left: 1001 The chat is over\n");
});

const demo = example("demo");

test("examples/demo.ts serves its page and closes all with 1001 on Ctrl-C", skipOf(demo), async () => {
  const { command, args } = demo as Command;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.includes("Ctrl-C ends")) resolve();
    });
    child.once("exit", () => reject(new Error(`The demo ended: ${output}`)));
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    await ready;
    const url = /http:\/\/[\d.:]+\//.exec(output)![0];
    assertStringIncludes(await (await fetch(url)).text(), "new WebSocket(");
    const socket = new Socket(`${url.replace("http", "ws")}chat`);
    await new Promise((resolve) => socket.onopen = resolve);
    const closed = new Promise<[number, string]>((resolve) => {
      socket.onclose = (event) => resolve([event.code, event.reason]);
    });
    // Not child.kill(): behind it, Deno tells the signal in the place of the exit code.
    process.kill(child.pid!, "SIGINT");
    assertEquals(await closed, [1001, "The chat is over"]);
    assertEquals(await ended, 0);
  } finally {
    child.kill("SIGKILL");
  }
});

const login = example("login");

test("examples/login.ts refuses who has no session before the upgrade", skipOf(login), async () => {
  const lines = (await run(login as Command)).trim().split("\n");
  assertEquals(lines, [
    "Without a session: refused with 401: Log in first",
    "With a wrong password: 403",
    "With a session: Welcome, ann",
  ]);
});

test("examples/proxy.ts pipes a client and a server, and carries how either ends", skipOf(server), async () => {
  const running = await start(server as Command);
  try {
    const proxy = await start(example("proxy", "0", running.line) as Command);
    try {
      const client = example("client", proxy.line, "Hello", "", "Grüße");
      assertEquals(await run(client as Command), "Hello\n\nGrüße\nclosed with 1000 That was all\n");
    } finally {
      await proxy.stop();
    }
  } finally {
    await running.stop();
  }
});

/** 1 GiB on one runtime; it takes some ten seconds. */
const SIZE = runtime === "deno" ? 2 ** 30 : 50_000_000;
const upload = example("upload", "--size", String(SIZE));

test("examples/upload.ts sends a message in fragments with a bar, and all of it arrives", skipOf(upload), async () => {
  const output = await run(upload as Command);
  assertStringIncludes(output, `[${"#".repeat(40)}] 100 %`);
  const hash = createHash("sha256");
  const nothing = new Uint8Array(2 ** 20);
  for (let left = SIZE; left > 0; left -= nothing.length) hash.update(nothing.subarray(0, left));
  const sha256 = hash.digest("hex");
  assertStringIncludes(output, `\n${SIZE} bytes, SHA-256 ${sha256}\n`);
});

const uploadPage = example("upload_page");

test("examples/upload_page.ts serves its page, and each module that it imports", skipOf(uploadPage), async () => {
  const running = await start(uploadPage as Command);
  try {
    const found = /from "(\/[^"]+)"/.exec(await (await fetch(running.line)).text())![1]!;
    const urls = new Set([new URL(found, running.line).href]);
    for (const url of urls) {
      const answer = await fetch(url);
      assertEquals([url, answer.status, answer.headers.get("content-type")?.split(";")[0]], [
        url,
        200,
        "text/javascript",
      ]);
      for (const [, path] of (await answer.text()).matchAll(/^(?:import|export|} from)\b[^;]*?"(\.[^"]+)";$/gm)) {
        urls.add(new URL(path!, url).href);
      }
    }
    assert(urls.size > 20, [...urls].join());
    assertEquals((await fetch(new URL("/sockeye/%2e%2e%2fpackage.json", running.line))).status, 404);
  } finally {
    await running.stop();
  }
});

const ofFile = example("upload", fileURLToPath(import.meta.url));

test("examples/upload.ts sends a file", skipOf(ofFile), async () => {
  const bytes = await readFile(fileURLToPath(import.meta.url));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assertStringIncludes(await run(ofFile as Command), `\n${bytes.length} bytes, SHA-256 ${sha256}\n`);
});
