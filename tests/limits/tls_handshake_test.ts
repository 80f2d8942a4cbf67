/** A client that connects to a TLS port, and takes its time over the handshake, is let go. */

import net from "node:net";
import { test } from "node:test";
import { Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals } from "@std/assert";
import { ca, serverCert, serverKey } from "../certs.ts";
import { runtime } from "../harness.ts";

const options = runtime === "deno"
  ? { skip: "Deno lets nobody close a connection in its TLS handshake: it goes on until the client leaves" }
  : {};

/** Connects, sends these bytes, and gives the milliseconds until the connection is over. */
function ended(port: number, bytes: Uint8Array): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.once("close", () => resolve(performance.now() - started));
  });
}

test("a TLS handshake that is not made in time ends; others go on", options, async () => {
  await using server = new Server({
    ...{ port: 0, hostname: "127.0.0.1", handshakeTimeout: 2_000 },
    tls: { cert: serverCert, key: serverKey },
  }, {
    "/": upgrade((conn) => {
      conn.onmessage = ({ data }) => conn.send(data);
    }),
  });
  await server.start();
  // One that says nothing, and one that stops in the middle of its first record.
  const silent = [new Uint8Array(0), Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1)].map((bytes) =>
    ended(server.port, bytes)
  );
  const socket = new Socket(`wss://localhost:${server.port}/`, { tls: { ca } });
  await new Promise((resolve) => socket.onopen = resolve);
  for (const took of await Promise.all(silent)) assert(took >= 1_900 && took < 60_000, `it ended after ${took} ms`);
  // The one that is open was not touched.
  const echo = new Promise<unknown>((resolve) => socket.onmessage = ({ data }) => resolve(data));
  socket.send("still here");
  assertEquals(await echo, "still here");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});
