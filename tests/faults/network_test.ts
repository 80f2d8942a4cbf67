/** What the network and TLS do wrong: half-closes, certificates that will not do, ports that are taken. */

import net from "node:net";
import { test } from "node:test";
import { Socket, type SocketOptions, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ca,
  expiredCa,
  expiredCert,
  expiredKey,
  otherServerCert,
  otherServerKey,
  serverCert,
  serverKey,
} from "../certs.ts";
import { dial, join, octetsOf, RawServer } from "../conformance/peer.ts";
import { closePayload, utf8 } from "../frames.ts";
import { openSockets } from "../open_sockets.ts";

/** How a socket ends. */
function endOf(socket: Socket): Promise<string[]> {
  const told: string[] = [];
  socket.on("open", () => told.push("open"));
  socket.on("message", ({ data }) => told.push(`message ${data}`));
  socket.on("error", ({ error }) => told.push(error.code));
  return new Promise((resolve) => socket.on("close", ({ code }) => resolve([...told, `close ${code}`])));
}

const text = (to: "client" | "server", payload: string): Uint8Array =>
  join(octetsOf(to, { opcode: 1, fin: true, rsv: 0, payload: utf8(payload) }));
const close = (to: "client" | "server"): Uint8Array =>
  join(octetsOf(to, { opcode: 8, fin: true, rsv: 0, payload: closePayload(4001) }));

test("a client's FIN behind its messages: they are told, then that it vanished", async () => {
  let ended: Promise<string[]> | undefined;
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": upgrade((conn) => ended = endOf(conn)) });
  await server.start();
  const peer = await dial(server.port, "/");
  await peer.write(join([text("server", "a"), text("server", "b")]));
  peer.end();
  // Bun resets what it cuts; the others end it.
  assertEquals(await peer.next().catch((error) => error.code === "ECONNRESET" ? "end" : error), "end");
  assertEquals(await ended, ["message a", "message b", "WS_PEER_VANISHED", "close 1006"]);
  await server.close();
});

test("a client's FIN behind its Close frame: it is answered all the same, behind all that waits", async () => {
  const payload = "x".repeat(2_000_000);
  let ended: Promise<string[]> | undefined;
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade((conn) => {
      ended = endOf(conn);
      conn.on("message", () => conn.send(payload));
    }),
  });
  await server.start();
  const peer = await dial(server.port, "/");
  await peer.write(join([text("server", "a"), close("server")]));
  peer.end();
  const message = await peer.next();
  assert(message !== "end" && message.payload.length === payload.length);
  const answer = await peer.next();
  assert(answer !== "end" && answer.opcode === 8);
  assertEquals([answer.payload, await peer.next()], [closePayload(4001), "end"]);
  assertEquals(await ended, ["message a", "close 4001"]);
  await server.close();
});

test("a server's FIN behind its messages, and behind its Close frame", async () => {
  for (const closes of [false, true]) {
    const raw = await RawServer.listen();
    const told = endOf(new Socket(`ws://127.0.0.1:${raw.port}/`));
    const peer = await raw.accept();
    await peer.write(join([text("client", "a"), ...(closes ? [close("client")] : [])]));
    peer.end();
    assertEquals(await told, ["open", "message a", ...(closes ? ["close 4001"] : ["WS_PEER_VANISHED", "close 1006"])]);
    if (closes) {
      const answer = await peer.next();
      assert(answer !== "end" && answer.opcode === 8);
    }
    raw.close();
  }
});

const failures: [string, { cert: string; key: string }, SocketOptions["tls"]][] = [
  ["of an authority that nobody knows", { cert: serverCert, key: serverKey }, undefined],
  ["of another authority", { cert: otherServerCert, key: otherServerKey }, { ca }],
  ["for another name", { cert: serverCert, key: serverKey }, { ca, servername: "wrong.test" }],
  ["that has expired", { cert: expiredCert, key: expiredKey }, { ca: expiredCa }],
];

for (const [what, tls, trust] of failures) {
  test(`TLS: a certificate ${what} is refused, and nothing is left open`, async () => {
    const before = openSockets();
    let upgraded = 0;
    const server = new Server({ port: 0, hostname: "127.0.0.1", tls }, { "/": upgrade(() => upgraded++) });
    await server.start();
    const socket = new Socket(server.url("/"), trust === undefined ? {} : { tls: trust });
    let text = "";
    socket.on("error", ({ error }) => text = error.message);
    assertEquals(await endOf(socket), ["WS_CONNECT_FAILED", "close 1006"]);
    assertStringIncludes(text, server.url("/"));
    assertEquals(upgraded, 0);
    await server.close();
    for (const started = Date.now(); openSockets() > before;) {
      assert(Date.now() - started < 10_000, `${openSockets()} sockets are open, ${before} were before`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
}

test("TLS: the same server is reached with the right authority", async () => {
  const tls = { cert: serverCert, key: serverKey };
  const server = new Server({ port: 0, hostname: "127.0.0.1", tls }, { "/": upgrade((conn) => conn.close(4002)) });
  await server.start();
  assertEquals(await endOf(new Socket(server.url("/"), { tls: { ca } })), ["open", "close 4002"]);
  await server.close();
});

test("a port that is taken: start() rejects, whoever has it, and may be called again", async () => {
  const holder = net.createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as net.AddressInfo;
  const server = new Server({ port, hostname: "127.0.0.1" }, { "/": upgrade((conn) => conn.close(4003)) });
  await assertRejects(() => server.start(), Error);
  const other = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": upgrade(() => {}) });
  await other.start();
  const second = new Server({ port: other.port, hostname: "127.0.0.1" }, { "/": upgrade(() => {}) });
  await assertRejects(() => second.start(), Error);
  await other.close();
  await new Promise((resolve) => holder.close(resolve));
  await server.start();
  assertEquals(await endOf(new Socket(server.url("/"))), ["open", "close 4003"]);
  await server.close();
});

test("a listener on :: tells clients of IPv4 by their address, mapped or not, and lets their pages connect", async (t) => {
  const server = new Server({ port: 0, hostname: "::" }, {
    "/": upgrade((conn) => conn.send(JSON.stringify(conn.remote))),
  });
  try {
    await server.start();
  } catch (error) {
    t.diagnostic(`No IPv6 here: ${error}`);
    return;
  }
  for (const host of ["127.0.0.1", "[::1]"]) {
    const socket = new Socket(`ws://${host}:${server.port}/`, { origin: `http://${host}:1` });
    const data = await new Promise<unknown>((resolve, reject) => {
      socket.on("message", (event) => resolve(event.data));
      socket.on("error", ({ error }) => reject(error));
    });
    socket.close();
    const remote = JSON.parse(String(data)) as { transport: string; hostname: string };
    assertEquals(remote.transport, "tcp");
    assert(
      host === "[::1]" ? remote.hostname === "::1" : /^(::ffff:)?127\.0\.0\.1$/.test(remote.hostname),
      String(data),
    );
  }
  await server.close();
});
