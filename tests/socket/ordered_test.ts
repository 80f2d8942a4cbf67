/** The option `ordered`: messages are handled one by one, and the peer waits meanwhile. */

import { test } from "node:test";
import { Socket, type SocketOptions, upgrade, type UpgradeOptions } from "@sockeye/ws";
import type { BaseSocket } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { memoryServer } from "@sockeye/ws/testing";
import { assert, assertEquals } from "@std/assert";
import { deferred } from "../http/raw_client.ts";
import { turn } from "./peer.ts";

/** Handles messages slowly, and tells when it begins and ends. */
function slow(conn: BaseSocket, told: string[]): void {
  conn.on("message", async ({ data }) => {
    told.push(`begin ${data}`);
    await turn();
    told.push(`end ${data}`);
  });
}

const inTurn = (...names: string[]): string[] => names.flatMap((name) => [`begin ${name}`, `end ${name}`]);

async function talk(served: UpgradeOptions, options: SocketOptions, slowEnd: "server" | "client"): Promise<string[]> {
  const told: string[] = [];
  const accepted = deferred<BaseSocket>();
  await using server = await memoryServer(upgrade(served, (conn) => accepted.resolve(conn)));
  const client = new Socket("ws://memory/", { connect: server.connect, ...options });
  await new Promise((resolve) => client.once("open", resolve));
  const [from, to] = slowEnd === "server" ? [client, await accepted.promise] : [await accepted.promise, client];
  slow(to, told);
  for (const each of ["a", "b", "c"]) from.send(each);
  const closed = new Promise((resolve) => to.on("close", resolve));
  from.close();
  await closed;
  return told;
}

test("with ordered, a message waits until the one before it was handled, at both ends", async () => {
  assertEquals(await talk({ ordered: true }, {}, "server"), inTurn("a", "b", "c"));
  assertEquals(await talk({}, { ordered: true }, "client"), inTurn("a", "b", "c"));
});

test("without ordered, it does not wait", async () => {
  assertEquals((await talk({}, {}, "server")).slice(0, 3), ["begin a", "begin b", "begin c"]);
});

test("with ordered, messages that were held before the first listener come one by one too", async () => {
  const told: string[] = [];
  const over = deferred();
  await using server = await memoryServer(upgrade({ ordered: true }, async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    slow(conn, told);
    conn.on("close", () => over.resolve());
  }));
  const client = new Socket("ws://memory/", { connect: server.connect });
  client.onopen = () => {
    for (const each of ["a", "b", "c"]) client.send(each);
    client.close();
  };
  await over.promise;
  assertEquals(told, inTurn("a", "b", "c"));
});

test("with ordered, pause holds, and a listener that gives back no promise lets the next message come at once", async () => {
  const told: unknown[] = [];
  const gate = deferred();
  const accepted = deferred<BaseSocket>();
  await using server = await memoryServer(upgrade({ ordered: true }, accepted.resolve));
  const client = new Socket("ws://memory/", { connect: server.connect });
  await new Promise((resolve) => client.once("open", resolve));
  const conn = await accepted.promise;
  conn.on("message", ({ data }) => {
    told.push(data);
    if (data === "b") conn.pause();
    return data === "b" ? gate.promise : undefined;
  });
  for (const each of ["a", "b", "c", "d"]) client.send(each);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(told, ["a", "b"]);
  conn.resume();
  await turn();
  assertEquals(told, ["a", "b"]);
  conn.pause();
  gate.resolve();
  await turn();
  assertEquals(told, ["a", "b"]);
  conn.resume();
  await turn();
  assertEquals(told, ["a", "b", "c", "d"]);
  client.close();
  await new Promise((resolve) => client.once("close", resolve));
});

test("with ordered, TCP pushes back while a message is being handled", async () => {
  const gate = deferred();
  let handled = 0;
  await using server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade({ ordered: true }, (conn) => {
      conn.on("message", async () => {
        handled++;
        await gate.promise;
      });
    }),
  });
  await server.start();
  const client = new Socket(server.url());
  await new Promise((resolve) => client.once("open", resolve));
  const total = 400;
  const chunk = new Uint8Array(65_536);
  let sent = 0;
  const all = (async () => {
    for (; sent < total; sent++) if (!client.send(chunk)) await client.drained();
  })();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert(sent < total, "all was sent although nothing is handled");
  assertEquals(handled, 1);
  gate.resolve();
  await all;
  client.close();
  await new Promise((resolve) => client.once("close", resolve));
  assertEquals(handled, total);
});
