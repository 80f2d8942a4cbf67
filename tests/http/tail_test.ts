import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { BodyReader } from "../../src/http/body.ts";
import { Tail } from "../../src/http/tail.ts";
import { memoryPair } from "../../src/runtime/memory.ts";
import { Opening } from "../../src/socket/opening.ts";
import { RawClient } from "./raw_client.ts";

test("Tail waits for a peer that takes something, and cuts one that takes nothing", async () => {
  const [near, far] = memoryPair();
  const tail = new Tail(new Opening(far), { linger: 1000, stall: 300 });
  const reasons: unknown[] = [];
  tail.ongone = (reason) => reasons.push(reason);
  const client = new RawClient(near);
  const { data } = client;
  client.data = (chunk): void => {
    near.pause();
    data.call(client, chunk);
  };
  const written = tail.write(new Uint8Array(4_000_000), false);
  const start = performance.now();
  while (performance.now() - start < 700) {
    // A little is read each time, within the time for it.
    const before = client.received.length;
    near.resume();
    await client.until(() => client.received.length > before);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(reasons, []);
  assertEquals(await written, false);
  assert(/took nothing for 300 ms/.test(String(reasons[0])), String(reasons[0]));
  await client.over();
  assertEquals(client.ending, "abort");
  assertEquals(await tail.write(new Uint8Array(1), false), false);
  await tail.finish();
});

test("Tail ends when the peer ends, and drops it when it does not", async () => {
  for (const ends of [true, false]) {
    const [near, far] = memoryPair();
    const tail = new Tail(new Opening(far), { linger: 10, stall: 1000 });
    const client = new RawClient(near);
    if (!ends) client.end = (): void => {};
    client.send("unread");
    await tail.write(new Uint8Array(3), false);
    await tail.finish();
    await undefined;
    assertEquals([client.received.length, client.ending], [3, ends ? "end" : "abort"]);
  }
});

test("Tail holds what it was not asked to read, and makes the peer wait", async () => {
  const [near, far] = memoryPair();
  const tail = new Tail(new Opening(far), { linger: 10, stall: 1000 });
  const client = new RawClient(near).send("held");
  assert(await tail.write(new Uint8Array(200_000), false));
  client.send(new Uint8Array(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(near.buffered > 500_000, `${near.buffered} bytes wait`);
  const reader: BodyReader = { push: (chunk) => chunk };
  assertEquals(new TextDecoder().decode(await tail.readBody(reader, 0, "")), "held");
  await tail.finish();
  await client.over();
  assertEquals(near.buffered, 0);
});
