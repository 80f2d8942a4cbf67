/** The heartbeat: it measures, it finds dead peers, and it leaves alone those that are alive. */

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { upgrade } from "../../src/http/upgrade.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { Setup } from "../http/raw_client.ts";
import { readFrames, toHex } from "../frames.ts";
import type { Peer } from "./peer.ts";
import { clientOf, next, rightAnswer, SocketLog } from "./server.ts";

/** A heartbeat keeps no process alive, nor do connections in memory. */
function check(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    const awake = setInterval(() => {}, 1_000);
    try {
      await run();
    } finally {
      clearInterval(awake);
    }
  });
}

const fast = { heartbeat: { interval: 5, timeout: 30 } };

/** A client with a heartbeat, and a server that speaks in bytes and calls `onping` with the payload of each ping. */
async function beating(
  onping: (peer: Peer, payload: Uint8Array) => void,
  heartbeat: { interval?: number; timeout?: number } = fast.heartbeat,
): Promise<{ socket: Socket; peer: Peer }> {
  let given: (peer: Peer) => void = () => {};
  const taken = new Promise<Peer>((resolve) => given = resolve);
  const socket = await clientOf((peer, request) => {
    peer.write(rightAnswer(request));
    peer.data = (chunk) => {
      for (const { opcode, payload } of readFrames(chunk)) if (opcode === 9) onping(peer, payload);
    };
    given(peer);
  }, { heartbeat });
  await next(socket, "open");
  return { socket, peer: await taken };
}

check("heartbeat pings again and again, and tells the round-trip time", async () => {
  const payloads: string[] = [];
  const { socket } = await beating((peer, payload) => {
    payloads.push(toHex(payload));
    peer.send({ opcode: 10, payload });
  });
  assertEquals(socket.roundTripTime, undefined);
  for (let i = 0; i < 3; i++) await next(socket, "pong");
  const time = socket.roundTripTime!;
  assert(time >= 0 && time < 1_000, `${time} ms`);
  assertEquals(new Set(payloads).size, payloads.length);
  socket.terminate();
  const count = payloads.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(payloads.length, count);
});

check("heartbeat fails the connection with 1001 and 1006 when nothing comes", async () => {
  const { socket } = await beating(() => {});
  const log = new SocketLog(socket);
  const waiting = socket.ping().catch((error) => error.code);
  await log.closed;
  assertEquals(log.told, ["error WS_HEARTBEAT_TIMEOUT 1001 2", 'close 1006 "" unclean none 3']);
  assertEquals(log.errors[0]!.message, "Connection is dead: nothing came within 30 ms of a ping");
  assertEquals(await waiting, "WS_HEARTBEAT_TIMEOUT");
  assertEquals(socket.roundTripTime, undefined);
});

check("heartbeat takes whatever comes for a sign of life", async () => {
  const { socket, peer } = await beating(() => {});
  const log = new SocketLog(socket);
  for (let i = 0; i < 40; i++) {
    peer.send({ opcode: 1, payload: "alive" });
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  await log.closed;
  assertEquals(log.told.filter((each) => each === "message alive").length, 40);
  assertEquals(log.told[40], "error WS_HEARTBEAT_TIMEOUT 1001 2");
});

check("heartbeat finds nobody dead while its own end is paused, and goes on afterwards", async () => {
  const pings: Uint8Array[] = [];
  const { socket, peer } = await beating((_, payload) => pings.push(payload));
  const log = new SocketLog(socket);
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 250));
  assertEquals([log.told, pings.length], [[], 1]);
  const pong = next(socket, "pong");
  peer.send({ opcode: 10, payload: pings[0]! });
  socket.resume();
  await pong;
  await log.closed;
  assertEquals(pings.length, 2);
});

check("heartbeat of a server that nobody listens to ends a dead connection", async () => {
  let over: (open: number) => void = () => {};
  const ended = new Promise<number>((resolve) => over = resolve);
  const setup = await Setup.start(upgrade(fast, (conn) => {
    setTimeout(() => conn.on("close", () => over(setup.server.clients.size)), 300);
  }));
  const client = await setup.connect();
  client.send(
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  assertEquals(await ended, 0);
  assertEquals(client.ending, "abort");
  await setup.server.close();
});

check("heartbeat between two ends of ours keeps a quiet connection", async () => {
  let server: Socket | undefined;
  const setup = await Setup.start(upgrade(fast, (conn) => void (server = conn)));
  const client = setup.socket("/", { ...fast });
  await next(client, "open");
  const log = new SocketLog(client);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert(server!.roundTripTime! >= 0 && client.roundTripTime! >= 0);
  client.close();
  await log.closed;
  assertEquals(log.told, ['close 1000 "" clean local 3']);
  await setup.server.close();
});

test("heartbeat refuses by name what it cannot use", () => {
  const wrong: [value: unknown, kind: typeof TypeError | typeof RangeError, text: string][] = [
    [5, TypeError, "Cannot use the option heartbeat: got 5, wanted a boolean or an object"],
    [null, TypeError, "heartbeat: got null"],
    [[], TypeError, "heartbeat: got a list of 0"],
    [{ intervall: 5 }, TypeError, 'option "intervall" is unknown, wanted one of interval, timeout'],
    [{ interval: "5" }, TypeError, 'heartbeat.interval: got "5", wanted a number'],
    [{ interval: 0 }, RangeError, "heartbeat.interval: got 0, wanted more"],
    [{ timeout: -1 }, RangeError, "heartbeat.timeout: got -1"],
    [{ timeout: NaN }, RangeError, "heartbeat.timeout: got NaN"],
  ];
  for (const [heartbeat, kind, text] of wrong) {
    assertThrows(() => upgrade({ heartbeat } as never, () => {}), kind, text);
  }
  for (const heartbeat of [true, false, undefined, {}, { timeout: Infinity }]) {
    upgrade({ heartbeat } as never, () => {});
  }
});
