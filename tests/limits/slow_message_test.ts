/** A message that has begun must end within `messageTimeout`, and only then is its sender to blame. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { closePayload, show, to } from "../frames.ts";
import { linked, turn } from "../socket/peer.ts";

const LIMIT = 60;

/** Waits so many milliseconds: what is tested here is time. */
function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("a message that never ends fails the connection with 1008, at its time, however much of it comes", async () => {
  const { log, peer } = linked("server", { messageTimeout: LIMIT });
  const started = performance.now();
  const bytes = to("server", { opcode: 1, payload: "x".repeat(1000) });
  let sent = 0;
  while (log.errors.length === 0 && sent < 900) {
    peer.write(bytes.slice(sent, ++sent));
    await wait(1);
  }
  const took = performance.now() - started;
  assert(took >= LIMIT - 2, `it failed after ${took} ms`);
  await turn();
  assertEquals(log.told, ["closing", "error WS_MESSAGE_TIMEOUT"]);
  assertEquals(peer.frames, [`8 ${show(closePayload(1008))}`]);
  assert(peer.ended);
  peer.transport.end();
  await log.over;
  assertEquals(log.told.at(-1), 'close 1006 "" unclean local');
});

test("fragments belong to one message: those that come in time do not prolong it", async () => {
  const { log, peer } = linked("server", { messageTimeout: LIMIT });
  peer.send({ opcode: 2, fin: false });
  while (log.errors.length === 0) {
    peer.send({ opcode: 0, fin: false }, { opcode: 9, payload: "still here" });
    await wait(5);
  }
  assertEquals(log.errors.map(({ code }) => code), ["WS_MESSAGE_TIMEOUT"]);
  peer.transport.end();
  await log.over;
});

test("each message has its own time, and between them there is none", async () => {
  const { link, log, peer } = linked("server", { messageTimeout: LIMIT });
  const message = to("server", { opcode: 1, payload: "abcd" });
  for (let round = 0; round < 4; round++) {
    peer.write(message.slice(0, 8));
    await wait(LIMIT / 2);
    // The rest, and the beginning of the next one: another message is in progress, and its time begins now.
    peer.write(message.slice(8));
    peer.write(message.slice(0, 7));
    await wait(LIMIT / 2);
    peer.write(message.slice(7));
    await turn();
  }
  await wait(LIMIT + 10);
  assertEquals(log.told, Array.from({ length: 8 }, () => "text abcd"));
  link.terminate();
});

test("while this end reads nothing, time does not count", async () => {
  const { link, log, peer } = linked("server", { messageTimeout: LIMIT });
  const message = to("server", { opcode: 1, payload: "abcd" });
  peer.write(message.slice(0, 8));
  await turn();
  link.pause();
  peer.write(message.slice(8));
  await wait(2 * LIMIT);
  assertEquals(log.told, []);
  link.resume();
  await turn();
  assertEquals(log.told, ["text abcd"]);
  peer.write(message.slice(0, 8));
  await turn();
  link.pause();
  link.resume();
  await wait(LIMIT + 20);
  assertEquals(log.errors.map(({ code }) => code), ["WS_MESSAGE_TIMEOUT"]);
  peer.transport.end();
  await log.over;
});

test("without a limit, and behind our own Close frame, a message takes as long as it likes", async () => {
  for (const messageTimeout of [0, Infinity]) {
    const { link, log, peer } = linked("server", { messageTimeout });
    peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(0, 8));
    await wait(20);
    assertEquals(log.told, []);
    link.terminate();
  }
  const { link, log, peer } = linked("server", { messageTimeout: 20, closeTimeout: 1000 });
  peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(0, 8));
  await turn();
  link.close(1000, "");
  await wait(50);
  peer.write(to("server", { opcode: 1, payload: "abcd" }).slice(8));
  peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
  await log.over;
  assertEquals([log.errors, log.told.at(-1)], [[], 'close 1000 "" clean local']);
});
