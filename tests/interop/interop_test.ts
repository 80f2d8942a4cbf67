/**
 * Our server on this runtime with everybody's clients, and our client on this runtime with everybody's servers. As this runs
 * on every runtime, each of our clients meets each of our servers.
 */

import { test } from "node:test";
import { Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assertStringIncludes } from "@std/assert";
import { commandFor, others } from "../harness.ts";
import { runBattery, type WebSocketLike } from "./battery.ts";
import { run, start } from "./processes.ts";

type Where = typeof others[number];

const clients: readonly (readonly [kind: string, on: Where])[] = [
  ["ws", "node20"],
  ["ws", "node24"],
  ["native", "deno"],
  ["native", "bun"],
  ["native", "node24"],
  ...others.map((on) => ["ours", on] as const),
];

const servers: readonly (readonly [kind: string, on: Where])[] = [
  ["ws", "node20"],
  ["ws", "node24"],
  ["deno", "deno"],
  ["bun", "bun"],
  ...others.map((on) => ["ours", on] as const),
];

for (const [kind, on] of clients) {
  const probe = commandFor(on, "tests/interop/client.ts");
  test(`server with the client ${kind} of ${on}`, typeof probe === "string" ? { skip: probe } : {}, async () => {
    await using server = new Server({ port: 0, hostname: "127.0.0.1" }, {
      "/": upgrade({ protocols: ["echo"] }, (conn) => {
        conn.onmessage = ({ data }) => {
          if (data === "close me") conn.close(4002, "asked for");
          else conn.send(data);
        };
      }),
    });
    await server.start();
    const port = server.port;
    const command = commandFor(on, "tests/interop/client.ts", [kind, `ws://127.0.0.1:${port}/`]);
    if (typeof command === "string") throw new Error(command);
    assertStringIncludes(await run(command), "ok");
  });
}

for (const [kind, on] of servers) {
  const command = commandFor(on, "tests/interop/echo_server.ts", [kind]);
  test(`client with the server ${kind} of ${on}`, typeof command === "string" ? { skip: command } : {}, async () => {
    if (typeof command === "string") throw new Error(command);
    const server = await start(command);
    try {
      const url = `ws://127.0.0.1:${server.line}/`;
      await runBattery((protocols) => new Socket(url, protocols) as unknown as WebSocketLike);
    } finally {
      await server.stop();
    }
  });
}
