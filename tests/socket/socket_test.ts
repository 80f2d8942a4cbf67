/** Sockets at both ends of a connection in memory: messages, listeners, sending and flow control. */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { MessageEvent, SocketEvent } from "../../src/socket/events.ts";
import { Socket } from "../../src/socket/socket.ts";
import { toHex, utf8 } from "../frames.ts";
import { turn } from "./peer.ts";
import { clientOf, connected, next, rightAnswer, serverAndPeer, SocketLog } from "./server.ts";

/** The data of the next `count` messages. */
async function messages(socket: Socket, count: number): Promise<unknown[]> {
  const data: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    socket.on("message", (event) => {
      data.push(event.data instanceof Uint8Array ? toHex(event.data) : event.data);
      if (data.length === count) resolve();
    });
  });
  await all;
  return data;
}

/** Opens a pair. */
async function open(options: Parameters<typeof connected>[0] = {}): Promise<{ client: Socket; server: Socket }> {
  const pair = await connected(options);
  await next(pair.client, "open");
  return pair;
}

async function end(...sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.terminate();
  await turn();
}

test("Socket says what it is, at both ends, from CONNECTING to CLOSED", async () => {
  const options = { protocols: ["other", "chat"], origin: "http://a.example" };
  const { client, server } = await connected({ client: options, server: { protocol: "chat" } });
  assertEquals([client.url, server.url], ["ws://test/", ""]);
  assertEquals([client.readyState, server.readyState], [0, 1]);
  assertEquals([client.protocol, server.protocol], ["", "chat"]);
  assertEquals([client.origin, server.origin], ["http://a.example", "http://a.example"]);
  assertEquals([client.extensions, server.extensions], ["", ""]);
  assertEquals([client.bufferedAmount, server.bufferedAmount], [0, 0]);
  assertEquals(server.remote?.transport, "tcp");
  const event = await next(client, "open");
  assertEquals([client.readyState, client.protocol], [1, "chat"]);
  assertInstanceOf(event, SocketEvent);
  assertStrictEquals(event.target, client);
  assertStrictEquals(event.currentTarget, client);
  assertEquals([event.type, event.bubbles, event.cancelable, event.defaultPrevented], ["open", false, false, false]);
  client.close();
  assertEquals(client.readyState, 2);
  await next(client, "close");
  assertEquals([client.readyState, server.readyState], [3, 3]);
  assertEquals([Socket.CONNECTING, Socket.OPEN, Socket.CLOSING, Socket.CLOSED], [0, 1, 2, 3]);
  assertEquals([client.CONNECTING, client.OPEN, client.CLOSING, client.CLOSED], [0, 1, 2, 3]);
});

test("Socket sends every kind of data, both ways, in order", async () => {
  const { client, server } = await open();
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
  const shared = new SharedArrayBuffer(2);
  new Uint8Array(shared).set([8, 9]);
  const kinds: [unknown, unknown][] = [
    ["text", "text"],
    ["", ""],
    ["\ufeffwith a byte order mark", "\ufeffwith a byte order mark"],
    ["lone \ud800 surrogate \udc00", "lone \ufffd surrogate \ufffd"],
    [5, "5"],
    [new Date(0), String(new Date(0))],
    [null, "null"],
    [bytes.buffer.slice(0, 3), "000102"],
    [bytes, toHex(bytes)],
    [bytes.subarray(4, 6), "0405"],
    [new DataView(bytes.buffer, 18), "1213"],
    [new Uint16Array(bytes.buffer, 2, 1), "0203"],
    [new Uint8Array(0), ""],
    [shared, "0809"],
    [new Blob([bytes.subarray(7, 9)]), "0708"],
    ["behind a Blob", "behind a Blob"],
    [new Blob(["text in a Blob"]), toHex(utf8("text in a Blob"))],
    [new Blob([]), ""],
    [bytes.subarray(1, 2), "01"],
  ];
  for (const [from, to] of [[client, server], [server, client]] as const) {
    const received = messages(to, kinds.length);
    for (const [data] of kinds) assertEquals(from.send(data), true);
    assertEquals(await received, kinds.map(([, wanted]) => wanted));
  }
  assertThrows(() => client.send(Symbol("no")), TypeError, "Cannot send");
  await end(client, server);
});

test("Socket takes a copy of what it is given to send, behind a Blob too", async () => {
  const { client, server } = await open();
  const received = messages(server, 3);
  const bytes = Uint8Array.of(1, 2);
  client.send(bytes);
  client.send(new Blob(["b"]));
  client.send(bytes);
  bytes.fill(9);
  assertEquals(await received, ["0102", "62", "0102"]);
  await end(client, server);
});

test("Socket delivers binary messages in the form of binaryType", async () => {
  const { client, server } = await open({ client: { binaryType: "arraybuffer" } });
  assertEquals([client.binaryType, server.binaryType], ["arraybuffer", "uint8array"]);
  for (const data of [Uint8Array.of(1, 2, 3), new Uint8Array(100_000).fill(7)]) {
    const events: MessageEvent[] = [];
    client.onmessage = (event) => void events.push(event);
    server.send("before");
    server.send(data);
    await turn();
    assertEquals(events.map(({ opcode, compress }) => [opcode, compress]), [[1, false], [2, false]]);
    assertEquals(events[0]!.data, "before");
    const buffer = events[1]!.data;
    assertInstanceOf(buffer, ArrayBuffer);
    assertEquals(buffer.byteLength, data.length);
    assertEquals(toHex(new Uint8Array(buffer).subarray(0, 3)), toHex(data.subarray(0, 3)));

    client.binaryType = "blob";
    server.send(data);
    const { data: blob, opcode: type } = await next(client, "message");
    assertInstanceOf(blob, Blob);
    assertEquals([blob.size, type], [data.length, 2]);
    assertEquals(toHex(new Uint8Array(await blob.arrayBuffer())), toHex(data));
    client.binaryType = "arraybuffer";
  }
  client.binaryType = "uint8array";
  server.send(Uint8Array.of(4));
  const event = await next(client, "message");
  assertInstanceOf(event, MessageEvent);
  assertInstanceOf(event.data, Uint8Array);
  assertEquals(event.data.constructor, Uint8Array);
  client.binaryType = "nodebuffer" as never;
  assertEquals(client.binaryType, "uint8array");
  await end(client, server);
});

test("Socket has its onname properties and all manners of listeners on one list", async () => {
  const { client, server } = await connected();
  const calls: string[] = [];
  client.onopen = function (event) {
    calls.push(`onopen ${event.type} ${this === client}`);
  };
  client.addEventListener("open", { handleEvent: (event) => void calls.push(`object ${event.type}`) });
  client.on({ message: (event) => calls.push(`on ${event.data}`), close: (event) => calls.push(`on ${event.code}`) });
  client.onmessage = (event) => calls.push(`onmessage ${event.data}`);
  client.once("message", (event) => calls.push(`once ${event.data}`));
  client.onclose = (event) => calls.push(`onclose ${event.code}`);
  client.onerror = () => calls.push("onerror");
  client.ondrain = () => calls.push("ondrain");
  for (const name of ["onopen", "onmessage", "onclose", "onerror", "ondrain"] as const) {
    assertEquals(typeof client[name], "function");
    assertEquals(server[name], null);
  }
  await next(client, "open");
  server.send("a");
  server.send("b");
  server.close(4000);
  await next(client, "close");
  assertEquals(calls, [
    "onopen open true",
    "object open",
    "on a",
    "onmessage a",
    "once a",
    "on b",
    "onmessage b",
    "on 4000",
    "onclose 4000",
  ]);
});

// Pings

test("Socket.ping resolves with the time until the pong, and tells both ends", async () => {
  const { client, server } = await open();
  const ping = next(server, "ping");
  const pong = next(client, "pong");
  const time = await client.ping();
  assert(time >= 0 && time < 10_000, `${time} ms`);
  assertEquals(toHex((await ping).data), toHex((await pong).data));
  for (const data of ["é", Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0xc3, 0xa9).buffer]) {
    const told = next(server, "ping");
    await client.ping(data);
    assertEquals(toHex((await told).data), "c3a9");
  }
  await client.ping("x".repeat(125));
  await Promise.all([client.ping(), client.ping(), client.ping("same"), client.ping("same"), server.ping()]);
  assertThrows(() => client.ping("x".repeat(126)), RangeError, "Cannot ping: data has 126 bytes, wanted at most 125");
  assertThrows(() => client.ping("é".repeat(63)), RangeError, "126 bytes");
  assertThrows(() => client.ping(new Blob(["x"]) as never), TypeError, "Cannot ping: data is an object of Blob");
  await end(client, server);
});

test("Socket.ping rejects when the connection ends first, and nobody has to handle that", async () => {
  const { client, server } = await connected();
  assertEquals(assertThrows(() => client.ping(), DOMException).name, "InvalidStateError");
  await next(client, "open");
  server.pause();
  const fate = client.ping().then(() => "resolved", (error) => `${error.name} ${error.code}`);
  void client.ping();
  const closed = next(client, "close");
  client.close();
  const late = client.ping().then(() => "resolved", (error) => `${error.name} ${error.code}`);
  void client.ping();
  client.terminate();
  await closed;
  assertEquals(await fate, "WebSocketError WS_PEER_VANISHED");
  assertEquals(await late, "WebSocketError WS_PEER_VANISHED");
  void client.ping();
  await turn();
});

test("Socket settles a ping by its pong only", async () => {
  const { socket, peer } = await serverAndPeer();
  const fates: string[] = [];
  void socket.ping("a").then(() => fates.push("a"));
  void socket.ping("b").then(() => fates.push("b"));
  peer.send({ opcode: 10, payload: "other" }, { opcode: 10 }, { opcode: 10, payload: "b" });
  await turn();
  assertEquals(fates, ["b"]);
  peer.send({ opcode: 10, payload: "b" }, { opcode: 10, payload: "a" });
  await turn();
  assertEquals(fates, ["b", "a"]);
  await end(socket);
});

// Flow control

test("Socket.send says when to wait, drain comes, and nothing is lost", async () => {
  const { client, server } = await open({ client: { highWaterMark: 200_000 } });
  const log = new SocketLog(client);
  server.onmessage = null;
  server.pause();
  const received: string[] = [];
  server.onmessage = (event) => received.push(event.data as string);
  await turn();
  let sent = 0;
  while (client.send(`${sent} `.padEnd(10_000, "x"))) sent++;
  sent++;
  assert(sent >= 19 && sent <= 28, `${sent} messages fit`);
  assertEquals(client.send("more"), false);
  await turn();
  assertEquals([log.told.includes("drain"), received.length], [false, 0]);
  const drained = next(client, "drain");
  server.resume();
  await drained;
  assertEquals(client.bufferedAmount, 0);
  await turn();
  assertEquals(received.length, sent + 1);
  assertEquals(received.map((text) => Number.parseInt(text)).slice(0, -1), Array.from({ length: sent }, (_, i) => i));
  assertEquals(client.send("again"), true);
  await end(client, server);
});

test("Socket.bufferedAmount counts the bytes of messages, and those sent too late", async () => {
  const { client, server } = await open();
  client.send("é€");
  client.send(new Uint8Array(10));
  client.send(new Blob(["12345"]));
  client.send("behind");
  assertEquals(client.bufferedAmount, 5 + 10 + 5 + 6);
  const last = messages(server, 4);
  await last;
  assertEquals(client.bufferedAmount, 0);
  client.close();
  assertEquals(client.send("late"), true);
  assertEquals(client.bufferedAmount, 4);
  await next(client, "close");
  assertEquals(client.bufferedAmount, 4);
  assertEquals(client.send(new Uint8Array(10)), true);
  assertEquals(client.send(new Blob(["123"])), true);
  assertEquals(client.send("é"), true);
  await turn();
  assertEquals(client.bufferedAmount, 4 + 10 + 3 + 2);
});

test("Socket.bufferedAmount does not fall when the connection is cut, as on the web", async () => {
  const { client, server } = await open();
  server.pause();
  client.send(new Uint8Array(300_000));
  await turn();
  const waiting = client.bufferedAmount;
  assert(waiting > 200_000, `${waiting} bytes wait`);
  client.send("more");
  await end(client);
  assertEquals(client.bufferedAmount, waiting + 4);
  client.send("and more");
  assertEquals(client.bufferedAmount, waiting + 12);
  await end(server);
});

test("Socket.pause stops delivery at once, and makes the sender wait", async () => {
  const { client, server } = await open();
  const received: unknown[] = [];
  client.onmessage = ({ data }) => {
    received.push(data);
    assertStrictEquals(client.pause(), client);
  };
  for (const text of ["a", "b", "c"]) server.send(text);
  await turn();
  assertEquals(received, ["a"]);
  assertStrictEquals(client.resume(), client);
  await turn();
  assertEquals(received, ["a", "b"]);
  for (let i = 0; i < 100; i++) server.send(new Uint8Array(20_000));
  await turn();
  assert(server.bufferedAmount > 1_800_000, `${server.bufferedAmount} bytes wait at the sender`);
  client.onmessage = ({ data }) => received.push(data);
  client.resume();
  await turn();
  assertEquals(received.length, 103);
  assertEquals(server.bufferedAmount, 0);
  await end(client, server);
});

test("Socket that is paused while connecting opens, and delivers nothing before resume", async () => {
  const { client, server } = await connected();
  const received: unknown[] = [];
  client.pause();
  client.onmessage = ({ data }) => received.push(data);
  server.send("a");
  await next(client, "open");
  await turn();
  assertEquals(received, []);
  client.resume();
  await turn();
  assertEquals(received, ["a"]);
  await end(client, server);
});

test("Socket delivers what came with the server's answer behind open", async () => {
  const socket = await clientOf((peer, request) => {
    const head = rightAnswer(request);
    const frames = Uint8Array.of(0x81, 1, 0x61, 0x81, 1, 0x62);
    peer.write(new Uint8Array([...head, ...frames]));
  });
  const log = new SocketLog(socket);
  await next(socket, "message");
  await turn();
  assertEquals(log.told, ["open 1", "message a", "message b"]);
  socket.terminate();
  await log.closed;
});

test("Socket does what it is told within its open event", async () => {
  const actions: Record<string, [(socket: Socket) => void, string]> = {
    "close": [(socket) => socket.close(3000, "x"), 'close 3000 "x" clean local 3'],
    "terminate": [(socket) => socket.terminate(), 'close 1006 "" unclean none 3'],
    "send and close": [(socket) => {
      socket.send("last");
      socket.close(3000, "x");
    }, 'close 3000 "x" clean local 3'],
  };
  for (const [name, [action, wanted]] of Object.entries(actions)) {
    const { client, server } = await connected();
    const log = new SocketLog(client);
    const other = new SocketLog(server);
    client.onopen = () => action(client);
    await log.closed;
    await other.closed;
    assertEquals(log.told, ["open 1", wanted], name);
    assertEquals(other.told.includes("message last"), name.startsWith("send"));
  }
});

test("Socket.ref and unref return the socket, in every state", async () => {
  const { client, server } = await connected();
  assertStrictEquals(client.unref(), client);
  await next(client, "open");
  assertStrictEquals(client.ref(), client);
  assertStrictEquals(server.unref(), server);
  await end(client, server);
  assertStrictEquals(client.ref(), client);
});
