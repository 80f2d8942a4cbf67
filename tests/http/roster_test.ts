/** What is open at a server. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Roster } from "../../src/http/roster.ts";
import { upgrade } from "../../src/http/upgrade.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { type RawClient, requestText, Setup } from "./raw_client.ts";

const HANDSHAKE = requestText("GET /ws HTTP/1.1", [
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
]);

async function open(setup: Setup): Promise<RawClient> {
  const client = (await setup.connect()).send(HANDSHAKE);
  return await client.until(() => client.received.endsWith("\r\n\r\n"));
}

test("Roster has what was added, until it is taken out, each once", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => ({ name, place: -1 }));
  const roster = new Roster<{ name: string; place: number }>();
  const names = (): string[] => [...roster].map(({ name }) => name).sort();
  roster.delete(a!);
  assertEquals([names(), roster.size], [[], 0]);
  for (const item of [a!, b!, c!]) roster.add(item);
  assertEquals([names(), roster.size], [["a", "b", "c"], 3]);
  for (let times = 0; times < 2; times++) {
    roster.delete(a!);
    assertEquals([names(), roster.size], [["b", "c"], 2]);
  }
  roster.add(d!);
  // Those that moved are found where they are now.
  roster.delete(c!);
  assertEquals(names(), ["b", "d"]);
  roster.add(a!);
  for (const item of [a!, d!, b!]) roster.delete(item);
  assertEquals(names(), []);
});

test("Roster is gone over as it was when that began", () => {
  const all = ["a", "b", "c"].map((name) => ({ name, place: -1 }));
  const roster = new Roster<{ name: string; place: number }>();
  for (const item of all) roster.add(item);
  const seen: string[] = [];
  for (const item of roster) {
    seen.push(item.name);
    roster.delete(item);
    roster.add({ name: "new", place: -1 });
  }
  assertEquals([seen, roster.size], [["a", "b", "c"], 3]);
});

test("A handshake puts nothing into a Set or a Map, nor does the end of the connection", async () => {
  const setup = await Setup.start({ "/ws": upgrade((conn) => conn.send("welcome")) });
  const { add } = Set.prototype;
  const { set } = Map.prototype;
  const put: unknown[] = [];
  Set.prototype.add = function (value) {
    put.push(value);
    return add.call(this, value);
  };
  Map.prototype.set = function (key, value) {
    put.push(key);
    return set.call(this, key, value);
  };
  try {
    for (let times = 0; times < 3; times++) {
      const client = await open(setup);
      client.transport.end();
      await client.over();
    }
  } finally {
    Set.prototype.add = add;
    Map.prototype.set = set;
  }
  assertEquals(put, []);
  await setup.server.close();
});

test("server.clients is a Set, the same one always, and has those that are there now", async () => {
  const accepted: Socket[] = [];
  const setup = await Setup.start({ "/ws": upgrade((conn) => void accepted.push(conn)) });
  const { server } = setup;
  const client = await open(setup);
  const { clients } = server;
  assertEquals([clients instanceof Set, [...clients]], [true, [accepted[0]]]);
  const others = [await open(setup), await open(setup)];
  assertEquals([[...clients], server.clients === clients], [accepted, true]);
  client.transport.abort();
  for (let turns = 0; turns < 100 && clients.size === 3; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals([...clients], accepted.slice(1));
  for (const { transport } of others) transport.abort();
  await server.close();
  assertEquals(clients.size, 0);
});
