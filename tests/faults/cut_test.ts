/**
 * The peer goes at every byte of a handshake and of the conversation behind it: by its FIN, or by a reset. Over TCP, with
 * our server and with our client.
 */

import net from "node:net";
import { test } from "node:test";
import { Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { closePayload, concat, frame, KEY, utf8 } from "../frames.ts";
import { rightAnswer } from "../socket/server.ts";

/** Ways to go. */
type Way = "FIN" | "reset";

function go(socket: net.Socket, way: Way): void {
  if (way === "FIN") socket.end();
  else socket.resetAndDestroy();
}

const REQUEST = utf8(
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);

/** Frames of every kind, a Close the last. */
function conversation(key?: typeof KEY): Uint8Array<ArrayBuffer> {
  const parts = [
    { opcode: 1, payload: "one" },
    { opcode: 9, payload: "ping" },
    { opcode: 2, fin: false, payload: "tw" },
    { opcode: 0, payload: "o" },
    { opcode: 1, payload: "x".repeat(130) },
    { opcode: 8, payload: closePayload(3000, "done") },
  ];
  return concat(...parts.map((each) => frame({ ...each, key })));
}

/** What a connection tells, in short. */
function storyOf(socket: Socket): { told: string[]; over: Promise<void> } {
  const told: string[] = [];
  socket.on("message", () => told.push("message"));
  socket.on("error", ({ error }) => told.push(error.code));
  const over = new Promise<void>((resolve) =>
    socket.on("close", ({ code }) => {
      told.push(`close ${code}`);
      resolve();
    })
  );
  return { told, over };
}

/** An end in mid-conversation; one in which all has come; and one that came too early for the answer to the Close. */
const ENDS = /^(message,){0,3}(WS_PEER_VANISHED,close 1006|close 3000)$/;

/** Over, one way or the other. */
function gone(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.on("close", () => resolve());
  });
}

for (const way of ["FIN", "reset"] as const) {
  test(`a client that goes at every byte, by ${way}`, async () => {
    const stories: ReturnType<typeof storyOf>[] = [];
    const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
      "/": upgrade((conn) => {
        stories.push(storyOf(conn));
        conn.on("message", ({ data }) => conn.send(data));
      }),
    });
    await server.start();
    const whole = concat(REQUEST, conversation(KEY));
    for (let count = 0; count <= whole.length; count++) {
      const client = net.connect({ port: server.port, host: "127.0.0.1" });
      client.on("error", () => {});
      client.resume();
      await new Promise((resolve) => client.once("connect", resolve));
      if (count > 0) await new Promise((resolve) => client.write(whole.slice(0, count), resolve));
      go(client, way);
      await gone(client);
    }
    // It still serves; and then nothing is left that it would have to wait for.
    const last = new Socket(server.url("/"));
    const { told, over } = storyOf(last);
    last.on("open", () => last.send("hello"));
    last.on("message", () => last.close());
    await over;
    assertEquals(told, ["message", "close 1000"]);
    const started = performance.now();
    await server.close({ deadline: 30_000 });
    assert(performance.now() - started < 25_000, "something was left open");
    assertEquals(stories.pop()?.told, ["message", "close 1000"]);
    for (const each of stories) {
      await each.over;
      assertMatch(each.told.join(), way === "FIN" ? ENDS : /^(message,){0,3}(WS_\w+,close 1006|close (3000|1000))$/);
    }
    assert(stories.length > conversation(KEY).length / 2 || way === "reset", `${stories.length} were upgraded`);
    assertEquals(server.clients.size, 0);
  });

  test(`a server that goes at every byte, by ${way}`, async () => {
    let answered = 0;
    const raw = net.createServer((socket) => {
      socket.on("error", () => {});
      let request = "";
      socket.on("data", async (chunk) => {
        request += String(chunk);
        if (!request.endsWith("\r\n\r\n")) return;
        const whole = concat(rightAnswer(request), conversation());
        const count = answered++;
        if (count > 0) await new Promise((resolve) => socket.write(whole.slice(0, count), resolve));
        go(socket, way);
      });
    });
    await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
    const { port } = raw.address() as net.AddressInfo;
    const size = rightAnswer("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").length + conversation().length;
    let opened = 0;
    for (let count = 0; count <= size; count++) {
      const socket = new Socket(`ws://127.0.0.1:${port}/`);
      socket.on("open", () => opened++);
      const { told, over } = storyOf(socket);
      await over;
      const handshake = "WS_PEER_VANISHED,close 1006|WS_CONNECT_FAILED,close 1006|WS_INVALID_HANDSHAKE,close 1006";
      assertMatch(told.join(), new RegExp(`^(${handshake}|(message,){0,3}(WS_PEER_VANISHED,close 1006|close 3000))$`));
      assertEquals(socket.readyState, 3);
    }
    assert(opened > 0 && (way === "reset" || opened > conversation().length), `${opened} were opened`);
    await new Promise((resolve) => raw.close(resolve));
  });
}
