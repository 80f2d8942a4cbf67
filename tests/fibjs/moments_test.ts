/**
 * The table of moments over TCP: what ends a connection, what `error` and `close` carry and in which order, and what the peer
 * gets to see. `tests/socket/close_test.ts` has more of them, in memory.
 */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { closePayload, concat, type FrameParts, hex, to, utf8 } from "../frames.ts";
import { handshake, next, serving, story, Wire, wireServer } from "./kit.ts";

const ACCEPTED = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: ",
].join("\r\n");

/** Answers a handshake as it should be. */
async function acceptOn(wire: Wire): Promise<void> {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(await wire.head())![1]!;
  const digest = await crypto.subtle.digest("SHA-1", utf8(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`));
  wire.write(ACCEPTED, btoa(String.fromCharCode(...new Uint8Array(digest))), "\r\n\r\n");
}

const REFUSED = (code: string): string[] => [`error 1002 ${code}`, 'close 1006 "" unclean none'];

test("moment: the opening handshake fails", async () => {
  const answers: [answer: string, code: string][] = [
    ["HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "WS_HANDSHAKE_REFUSED"],
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "WS_HANDSHAKE_REFUSED"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "WS_HANDSHAKE_REFUSED"],
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", "WS_INVALID_HANDSHAKE"],
    ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "WS_INVALID_HANDSHAKE"],
    [`${ACCEPTED}c29ja2V5ZQ==\r\n\r\n`, "WS_INVALID_HANDSHAKE"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "WS_INVALID_HEAD"],
    [`HTTP/1.1 101 Switching Protocols\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "WS_HEAD_TOO_LARGE"],
    ["", "WS_PEER_VANISHED"],
    ["HTTP/1.1 101 Swi", "WS_PEER_VANISHED"],
  ];
  for (const [answer, code] of answers) {
    await wireServer(async (wire) => {
      await wire.head();
      wire.write(answer).socket.end();
    }, async (url) => {
      const socket = new ws.Socket(url);
      assertEquals(socket.readyState, ws.CONNECTING);
      const error = next(socket, "error");
      const told = await story(socket);
      // A server that leaves in mid-handshake is one that vanished: 1001.
      const wanted = code === "WS_PEER_VANISHED" ? [`error 1001 ${code}`, REFUSED("")[1]!] : REFUSED(code);
      assertEquals(told, wanted);
      assertEquals(socket.readyState, ws.CLOSED);
      const event = await error;
      assertStrictEquals(event.target, socket);
      assertInstanceOf(event.error, ws.WebSocketError);
      assertEquals(event.reason, event.error.message);
      if (code !== "WS_HANDSHAKE_REFUSED") return;
      assertInstanceOf(event.error, ws.HandshakeError);
      const { status, headers, body } = event.error;
      assertEquals([status, body], [Number(answer.slice(9, 12)), answer.includes("no") ? "no" : ""]);
      assert([...headers].length === 1);
    });
  }
});

/** What a peer does, what the socket tells of it, and the Close frame that the peer gets. */
const moments: [name: string, act: FrameParts[] | "FIN" | "RST", told: string[], close: string][] = [
  ["FIN without a Close", "FIN", ["error 1001 WS_PEER_VANISHED", 'close 1006 "" unclean none'], ""],
  ["a reset", "RST", ["error 1001 WS_PEER_VANISHED", 'close 1006 "" unclean none'], ""],
  ["a reserved opcode", [{ opcode: 3 }], ["error 1002 WS_RESERVED_OPCODE", 'close 1006 "" unclean local'], "03ea"],
  [
    "a reserved bit",
    [{ opcode: 1, rsv: 0x40, payload: "a" }],
    ["error 1002 WS_RESERVED_BITS", 'close 1006 "" unclean local'],
    "03ea",
  ],
  [
    "a continuation of nothing",
    [{ opcode: 0, payload: "a" }],
    ["error 1002 WS_UNEXPECTED_CONTINUATION", 'close 1006 "" unclean local'],
    "03ea",
  ],
  [
    "text that is not UTF-8",
    [{ opcode: 1, payload: hex("ff") }],
    ["error 1007 WS_INVALID_UTF8", 'close 1006 "" unclean local'],
    "03ef",
  ],
  [
    "a close reason that is not UTF-8",
    [{ opcode: 8, payload: concat(closePayload(1000), hex("ff")) }],
    ["error 1007 WS_INVALID_UTF8", 'close 1006 "" unclean local'],
    "03ef",
  ],
  [
    "a message over maxPayload",
    [{ opcode: 2, payload: "x".repeat(101) }],
    ["error 1009 WS_MESSAGE_TOO_BIG", 'close 1006 "" unclean local'],
    "03f1",
  ],
  ["Close 1000", [{ opcode: 8, payload: closePayload(1000, "bye") }], ['close 1000 "bye" clean remote'], "03e8627965"],
  ["Close 1001", [{ opcode: 8, payload: closePayload(1001) }], ['close 1001 "" clean remote'], "03e9"],
  ["Close 1011", [{ opcode: 8, payload: closePayload(1011, "x") }], ['close 1011 "x" clean remote'], "03f378"],
  ["Close 4999", [{ opcode: 8, payload: closePayload(4999) }], ['close 4999 "" clean remote'], "1387"],
  ["Close without a code", [{ opcode: 8 }], ['close 1005 "" clean remote'], ""],
];

/** Does it, and checks what the peer gets: what was sent before, and one Close frame. */
async function act(
  wire: Wire,
  reader: "client" | "server",
  [name, what, , close]: typeof moments[number],
): Promise<void> {
  if (typeof what === "string") return wire.cut(what);
  wire.write(...what.map((parts) => to(reader, parts)));
  const [first, second] = await wire.bytes(2);
  assertEquals(first, 0x88, name);
  const key = second! & 0x80 ? [...await wire.bytes(4)] : [0, 0, 0, 0];
  const payload = (await wire.bytes(second! & 0x7f)).map((byte, i) => byte ^ key[i & 3]!);
  // Behind the code of a failure is a reason of ours.
  const shown = Array.from(payload, (byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals(name.startsWith("Close") ? shown : shown.slice(0, 4), close, name);
  // Nothing comes behind it but the FIN, which a client that has closed well leaves to the server (RFC 6455, 7.1.1).
  if (reader === "client" && name.startsWith("Close")) wire.socket.end();
  assertEquals([...await wire.rest()], [], name);
  wire.socket.end();
}

test("moment: each end of an open connection, at the client", async () => {
  for (const moment of moments) {
    await wireServer(async (wire) => {
      await acceptOn(wire);
      wire.write(to("client", { opcode: 1, payload: "first" }));
      await wire.bytes(6 + 5);
      await act(wire, "client", moment);
    }, async (url) => {
      const socket = new ws.Socket(url, { maxPayload: 100 });
      socket.onmessage = () => socket.send("ready");
      assertEquals(await story(socket), ["open", "message first", ...moment[2]], moment[0]);
      assertEquals(socket.readyState, ws.CLOSED);
      socket.send("too late");
      assertEquals(socket.bufferedAmount, 8);
    });
  }
});

test("moment: each end of an open connection, at the server", async () => {
  for (const moment of moments) {
    let told: Promise<string[]> | undefined;
    const handler = ws.upgrade({ maxPayload: 100 }, (conn) => {
      told = story(conn);
      conn.onmessage = () => conn.send("ready");
    });
    await serving(handler, async (svr) => {
      const wire = (await Wire.connect(svr.port)).write(handshake());
      await wire.head();
      wire.write(to("server", { opcode: 1, payload: "first" }));
      await wire.bytes(2 + 5);
      await act(wire, "server", moment);
      assertEquals(await told, ["message first", ...moment[2]], moment[0]);
      assertEquals(svr.clients.size, 0);
    });
  }
});

test("moment: no event comes behind close, and each comes once", async () => {
  await serving(ws.upgrade((conn) => conn.terminate()), async (svr) => {
    const socket = new ws.Socket(svr.url());
    const told = await story(socket);
    socket.close();
    socket.terminate();
    socket.send("x");
    await socket.ping().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(told.length, 3);
    assertEquals(told.filter((each) => each.startsWith("close")).length, 1);
  });
});
