/** A message that has begun must end within `messageTimeout`, and only then is its sender to blame. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Clock } from "../clock.ts";
import { closePayload, show, to } from "../frames.ts";
import { linked } from "../socket/peer.ts";

const LIMIT = 60;

test("a message that never ends fails the connection with 1008, at its time, however much of it comes", async () => {
  using clock = new Clock();
  const { log, peer } = linked("server", { messageTimeout: LIMIT });
  const bytes = to("server", { opcode: 1, payload: "x".repeat(1000) });
  let sent = 0;
  while (log.errors.length === 0 && sent < 900) {
    peer.write(bytes.slice(sent, ++sent));
    await clock.pass(1);
  }
  // Its time begins when its header is whole, with the last of 8 bytes.
  assertEquals(sent, LIMIT + 7);
  assertEquals(log.told, ["closing", "error WS_MESSAGE_TIMEOUT"]);
  assertEquals(peer.frames, [`8 ${show(closePayload(1008))}`]);
  assert(peer.ended);
  peer.transport.end();
  await clock.pass(0);
  assertEquals(log.told.at(-1), 'close 1006 "" unclean local');
  assertEquals(clock.size, 0);
});

test("fragments belong to one message: those that come in time do not prolong it", async () => {
  using clock = new Clock();
  const { log, peer } = linked("server", { messageTimeout: LIMIT });
  peer.send({ opcode: 2, fin: false });
  for (let time = 0; time < LIMIT; time += 5) {
    assertEquals(log.errors, []);
    peer.send({ opcode: 0, fin: false }, { opcode: 9, payload: "still here" });
    await clock.pass(5);
  }
  assertEquals(log.errors.map(({ code }) => code), ["WS_MESSAGE_TIMEOUT"]);
  peer.transport.end();
  await clock.pass(0);
  assertEquals(clock.size, 0);
});

test("each message has its own time, and between them there is none", async () => {
  using clock = new Clock();
  const { link, log, peer } = linked("server", { messageTimeout: LIMIT });
  const message = to("server", { opcode: 1, payload: "abcd" });
  for (let round = 0; round < 4; round++) {
    peer.write(message.slice(0, 8));
    await clock.pass(LIMIT - 1);
    // The rest, and the beginning of the next one: another message is in progress, and its time begins now.
    peer.write(message.slice(8));
    peer.write(message.slice(0, 7));
    await clock.pass(LIMIT - 1);
    peer.write(message.slice(7));
    await clock.pass(10 * LIMIT);
  }
  assertEquals(log.told, Array.from({ length: 8 }, () => "text abcd"));
  link.terminate();
  assertEquals(clock.size, 0);
});

test("while this end reads nothing, time does not count", async () => {
  using clock = new Clock();
  const { link, log, peer } = linked("server", { messageTimeout: LIMIT });
  const message = to("server", { opcode: 1, payload: "abcd" });
  peer.write(message.slice(0, 8));
  await clock.pass(0);
  link.pause();
  peer.write(message.slice(8));
  await clock.pass(2 * LIMIT);
  assertEquals(log.told, []);
  link.resume();
  await clock.pass(0);
  assertEquals(log.told, ["text abcd"]);
  peer.write(message.slice(0, 8));
  await clock.pass(0);
  link.pause();
  link.resume();
  await clock.pass(LIMIT - 1);
  assertEquals(log.errors, []);
  await clock.pass(1);
  assertEquals(log.errors.map(({ code }) => code), ["WS_MESSAGE_TIMEOUT"]);
  peer.transport.end();
  await clock.pass(0);
  assertEquals(clock.size, 0);
});

test("without a limit, and behind our own Close frame, a message takes as long as it likes", async () => {
  using clock = new Clock();
  for (const messageTimeout of [0, Infinity]) {
    const { link, log, peer } = linked("server", { messageTimeout });
    peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(0, 8));
    await clock.pass(1e9);
    assertEquals(log.told, []);
    link.terminate();
  }
  const { link, log, peer } = linked("server", { messageTimeout: 20, closeTimeout: 1000 });
  peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(0, 8));
  await clock.pass(0);
  link.close(1000, "");
  await clock.pass(900);
  peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(8));
  peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
  await clock.pass(0);
  assertEquals([log.errors, log.told.at(-1)], [[], 'close 1000 "" clean local']);
});
