/** How sockets end: every row of the table of moments, at both ends, and what may be called when. */

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeWith, type Socket } from "../../src/socket/socket.ts";
import { closePayload, concat, hex, to } from "../frames.ts";
import { type Peer, turn } from "./peer.ts";
import { clientOf, connected, next, rightAnswer, serverAndPeer, SocketLog } from "./server.ts";

test("Socket.close takes 1000 and 3000 to 4999, and a reason of 123 bytes", async () => {
  const { client, server } = await connected();
  await next(client, "open");
  for (const code of [0, 999, 1001, 1005, 1006, 1011, 1015, 2999, 5000, 3000.5, NaN, -1]) {
    assertEquals(assertThrows(() => client.close(code), DOMException, `code is ${code}`).name, "InvalidAccessError");
  }
  assertThrows(() => client.close("3000" as never), DOMException, 'code is "3000"');
  for (const reason of ["x".repeat(124), "é".repeat(62), "\ud800".repeat(42)]) {
    assertEquals(
      assertThrows(() => client.close(1000, reason), DOMException, "bytes, wanted at most 123").name,
      "SyntaxError",
    );
  }
  assertEquals(client.readyState, 1);
  const ends = [new SocketLog(client), new SocketLog(server)];
  client.close(4999, "é".repeat(61) + "x");
  for (const log of ends) await log.closed;
  assertEquals(ends[1]!.told, [`close 4999 "${"é".repeat(61)}x" clean remote 3`]);
});

test("Socket.close tells both ends code, reason and who began, whoever it is", async () => {
  for (const from of ["client", "server"] as const) {
    for (
      const [args, wanted] of [
        [[], '1000 ""'],
        [[undefined, "why"], '1000 "why"'],
        [[1000, "why"], '1000 "why"'],
        [[3000], '3000 ""'],
        [[4000, "\ud800"], '4000 "\ufffd"'],
      ] as [Parameters<Socket["close"]>, string][]
    ) {
      const pair = await connected();
      await next(pair.client, "open");
      const near = new SocketLog(pair[from]);
      const far = new SocketLog(pair[from === "client" ? "server" : "client"]);
      pair[from].send("last");
      pair[from].close(...args);
      pair[from].close(4999, "again");
      assertEquals(pair[from].readyState, 2);
      await near.closed;
      await far.closed;
      pair[from].close();
      assertEquals(near.told, [`close ${wanted} clean local 3`]);
      assertEquals(far.told, ["message last", `close ${wanted} clean remote 3`]);
    }
  }
});

test("Socket.close sends what waits behind a Blob first, and is CLOSING meanwhile", async () => {
  const { client, server } = await connected();
  await next(client, "open");
  const log = new SocketLog(server);
  client.send(new Blob(["blob"]));
  client.send("behind");
  client.close(3000, "done");
  assertEquals(client.readyState, 2);
  client.close(4000, "again");
  client.send("too late");
  await log.closed;
  assertEquals(log.told, ["message bytes", "message behind", 'close 3000 "done" clean remote 3']);
  assertEquals(client.bufferedAmount, 8);
});

test("Socket sends no Blob behind the answer to the peer's Close frame", async () => {
  const { socket, peer } = await serverAndPeer();
  const blob = new Blob(["12345"]);
  let read: (bytes: ArrayBuffer) => void = () => {};
  blob.arrayBuffer = () => new Promise((resolve) => read = resolve);
  socket.send(blob);
  socket.send("behind");
  peer.send({ opcode: 8, payload: closePayload(1000) });
  await turn();
  read(new ArrayBuffer(5));
  await turn();
  assertEquals(peer.frames, ["8 03e8"]);
  assertEquals(socket.bufferedAmount, 11);
  socket.terminate();
});

test("Socket whose Blob cannot be read fails", async () => {
  const { client, server } = await connected();
  await next(client, "open");
  const log = new SocketLog(client);
  const broken = new Blob(["x"]);
  broken.arrayBuffer = () => Promise.reject(new Error("The file is gone"));
  client.send(broken);
  client.send("behind");
  await log.closed;
  assertEquals(log.told, ["error WS_ABORTED 1001 2", 'close 1006 "" unclean none 3']);
  server.terminate();
});

test("closeWith() closes with codes that an application may not send itself", async () => {
  for (const code of [1001, 1011]) {
    const { client, server } = await connected();
    const log = new SocketLog(client);
    await next(client, "open");
    closeWith(server, code, "going");
    await log.closed;
    assertEquals(log.told.at(-1), `close ${code} "going" clean remote 3`);
    closeWith(server, code, "again");
  }
});

test("Socket.terminate cuts: 1006 here, and the peer's vanishing there", async () => {
  for (const from of ["client", "server"] as const) {
    const pair = await connected();
    await next(pair.client, "open");
    const near = new SocketLog(pair[from]);
    const far = new SocketLog(pair[from === "client" ? "server" : "client"]);
    await turn();
    pair[from].terminate();
    pair[from].terminate();
    pair[from].close();
    assertEquals(pair[from].readyState, 3);
    await far.closed;
    assertEquals(near.told, ['close 1006 "" unclean none 3']);
    assertEquals(far.told, ["error WS_PEER_VANISHED 1001 2", 'close 1006 "" unclean none 3']);
  }
});

// The table of moments

/** What a peer does to an open connection, and what the socket tells of it. `CLOSE` stands for the Close frame it got. */
const moments: Record<string, [act: (peer: Peer, masked: boolean) => void, told: string[], close: string | undefined]> =
  {
    "its FIN": [
      (peer) => peer.transport.end(),
      ["error WS_PEER_VANISHED 1001 2", 'close 1006 "" unclean none 3'],
      undefined,
    ],
    "its reset": [
      (peer) => peer.transport.abort(),
      ["error WS_PEER_VANISHED 1001 2", 'close 1006 "" unclean none 3'],
      undefined,
    ],
    "its FIN within a frame": [
      (peer) => {
        peer.write(hex("81"));
        peer.transport.end();
      },
      ["error WS_PEER_VANISHED 1001 2", 'close 1006 "" unclean none 3'],
      undefined,
    ],
    "a broken rule": [
      (peer) => peer.send({ opcode: 3 }),
      ["error WS_RESERVED_OPCODE 1002 2", 'close 1006 "" unclean local 3'],
      "8 03ea",
    ],
    "a wrong mask": [
      (peer, masked) => peer.write(masked ? hex("8100") : hex("8180 00000000")),
      ["error WS_MASK", 'close 1006 "" unclean local 3'],
      "8 03ea",
    ],
    "text that is not UTF-8": [
      (peer) => peer.send({ opcode: 1, payload: hex("ff") }),
      ["error WS_INVALID_UTF8 1007 2", 'close 1006 "" unclean local 3'],
      "8 03ef",
    ],
    "a close reason that is not UTF-8": [
      (peer) => peer.send({ opcode: 8, payload: concat(closePayload(1000), hex("ff")) }),
      ["error WS_INVALID_UTF8 1007 2", 'close 1006 "" unclean local 3'],
      "8 03ef",
    ],
    "a wrong close code": [
      (peer) => peer.send({ opcode: 8, payload: closePayload(1005) }),
      ["error WS_INVALID_CLOSE_CODE 1002 2", 'close 1006 "" unclean local 3'],
      "8 03ea",
    ],
    "a message over maxPayload": [
      (peer) => peer.send({ opcode: 1, payload: "x".repeat(101) }),
      ["error WS_MESSAGE_TOO_BIG 1009 2", 'close 1006 "" unclean local 3'],
      "8 03f1",
    ],
    "more than maxFragments": [
      (peer) => peer.send({ opcode: 1, fin: false }, ...Array.from({ length: 10 }, () => ({ opcode: 0, fin: false }))),
      ["error WS_TOO_MANY_FRAGMENTS 1009 2", 'close 1006 "" unclean local 3'],
      "8 03f1",
    ],
    "Close with a code": [
      (peer) => peer.send({ opcode: 8, payload: closePayload(1001, "bye") }),
      ['close 1001 "bye" clean remote 3'],
      "8 03e9627965",
    ],
    "Close with 1012": [
      (peer) => peer.send({ opcode: 8, payload: closePayload(1012) }),
      ['close 1012 "" clean remote 3'],
      "8 03f4",
    ],
    "Close without a code": [(peer) => peer.send({ opcode: 8 }), ['close 1005 "" clean remote 3'], "8"],
  };

async function openClient(): Promise<{ socket: Socket; peer: Peer }> {
  let peer: Peer | undefined;
  const socket = await clientOf((each, request) => {
    peer = each;
    each.write(rightAnswer(request));
  }, { maxPayload: 100, maxFragments: 10 });
  await next(socket, "open");
  return { socket, peer: peer! };
}

for (const role of ["client", "server"] as const) {
  test(`Socket at the ${role} tells of each moment in which a connection can end`, async () => {
    for (const [name, [act, told, close]] of Object.entries(moments)) {
      const { socket, peer } = role === "client"
        ? await openClient()
        : await serverAndPeer({ maxPayload: 100, maxFragments: 10 });
      const log = new SocketLog(socket);
      await turn();
      act(peer, role === "server");
      await turn();
      assertEquals(peer.frames, close === undefined ? [] : [close], name);
      // The Close frame is out, and then the FIN: it waits for the peer's. A client's waits too, unless it failed.
      if (close !== undefined) {
        assertEquals(peer.ended, role === "server" || told.some((each) => each.startsWith("error")), name);
        assertEquals(socket.readyState, 2, name);
        peer.transport.end();
      }
      await log.closed;
      assertEquals(log.told.map((each, i) => told[i] === "error WS_MASK" ? each.slice(0, 13) : each), told, name);
      const after = log.told.length;
      socket.close();
      socket.terminate();
      socket.pause().resume();
      await turn();
      assertEquals(log.told.length, after, name);
    }
  });
}

test("Socket drops what comes behind its own Close frame, as on the web", async () => {
  const { socket, peer } = await serverAndPeer();
  const log = new SocketLog(socket);
  await turn();
  socket.close();
  peer.send({ opcode: 1, payload: "late" }, { opcode: 8, payload: closePayload(1000) }).transport.end();
  await log.closed;
  assertEquals(log.told, ['close 1000 "" clean local 3']);
});

test("Socket gives up after closeTimeout", async () => {
  const { socket, peer } = await serverAndPeer({ closeTimeout: 5 });
  const log = new SocketLog(socket);
  socket.close();
  await log.closed;
  assertEquals(log.told, ["error WS_CLOSE_TIMEOUT 1001 2", 'close 1006 "" unclean local 3']);
  await turn();
  assert(peer.broken);
});

test("Socket fails with 1013 when the peer takes nothing", async () => {
  const { socket, peer } = await serverAndPeer({ maxBufferedAmount: 100_000 });
  const log = new SocketLog(socket);
  peer.transport.pause();
  socket.send(new Uint8Array(200_000));
  await log.closed;
  assertEquals(log.told, ["error WS_BUFFER_OVERFLOW 1013 2", 'close 1006 "" unclean none 3']);
});

test("Socket fails with 1013 in the midst of a loop of sends, before the loop has an end", async () => {
  const { socket, peer } = await serverAndPeer({ maxBufferedAmount: 100_000, highWaterMark: 50_000 });
  const log = new SocketLog(socket);
  await turn();
  peer.transport.pause();
  let sent = 0;
  while (socket.readyState === 1 && sent < 100) {
    socket.send(new Uint8Array(10_000));
    sent++;
  }
  assert(sent < 20, `${sent} messages were sent`);
  await log.closed;
  assertEquals(log.told, ["error WS_BUFFER_OVERFLOW 1013 2", 'close 1006 "" unclean none 3']);
});

test("Socket that its listeners end at any event ends once", async () => {
  const actions: Record<string, (socket: Socket) => void> = {
    close: (socket) => socket.close(),
    terminate: (socket) => socket.terminate(),
    both: (socket) => {
      socket.close();
      socket.terminate();
    },
  };
  const ends: Record<string, (peer: Peer) => void> = {
    close: (peer) => peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end(),
    vanish: (peer) => peer.transport.abort(),
    fault: (peer) => peer.write(hex("ff00")).transport.end(),
  };
  for (const [how, end] of Object.entries(ends)) {
    for (const [what, action] of Object.entries(actions)) {
      for (const event of ["message", "error", "close"] as const) {
        const { socket, peer } = await serverAndPeer({ closeTimeout: 100 });
        const log = new SocketLog(socket);
        socket.on(event, () => action(socket));
        await turn();
        peer.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" });
        await turn();
        end(peer);
        await log.closed;
        await turn();
        const name = `${what} in ${event}, ${how}: ${log.told.join(", ")}`;
        assertEquals(log.told.filter((each) => each.startsWith("close")).length, 1, name);
        assert(log.told.filter((each) => each.startsWith("error")).length <= 1, name);
        assert(log.told.at(-1)!.startsWith("close"), name);
        if (event === "message") assert(!log.told.includes("message b"), name);
      }
    }
  }
});

// A server's end that nobody listens to yet

test("Socket of a server holds its events for the first listener, whatever it waits for before", async () => {
  const { socket, peer } = await serverAndPeer();
  peer.send({ opcode: 1, payload: "a" }, { opcode: 9, payload: "p" }, { opcode: 2, payload: "b" });
  await turn();
  assertEquals(peer.frames, ["10 70"], "pings are answered meanwhile");
  peer.send({ opcode: 1, payload: "c" });
  await turn();
  const told: string[] = [];
  socket.on("message", ({ data }) => told.push(`first ${data}`));
  assertEquals(told, []);
  socket.onmessage = ({ data }) => told.push(`second ${data}`);
  peer.send({ opcode: 1, payload: "d" });
  await turn();
  const wanted = ["a", "98", "c", "d"].flatMap((data) => [`first ${data}`, `second ${data}`]);
  assertEquals(told, wanted);
  peer.send({ opcode: 8 }).transport.end();
  const log = new SocketLog(socket);
  await log.closed;
});

test("Socket of a server tells the first listener of an end that has long been", async () => {
  for (const [name, [act, told]] of Object.entries(moments)) {
    if (name === "a wrong mask") continue;
    const { socket, peer } = await serverAndPeer({ maxPayload: 100, maxFragments: 10 });
    peer.send({ opcode: 1, payload: "before" });
    act(peer, true);
    peer.transport.end();
    await turn();
    assertEquals(socket.readyState, 3, `${name}: it notices its peer's end with nobody listening`);
    socket.send("too late");
    const log = new SocketLog(socket);
    await log.closed;
    assertEquals(
      log.told,
      ["message before", ...told.map((each) => each.replace(" 2", " 3"))].slice(name === "its reset" ? 1 : 0),
    );
  }
});

test("Socket of a server that nobody listens to makes its peer wait, empty messages or not", async () => {
  for (const payload of ["", "x".repeat(1000)]) {
    const { socket, peer } = await serverAndPeer();
    const count = 300_000 / (6 + payload.length / 20) | 0;
    const frame = to("server", { opcode: 1, payload });
    const flood = new Uint8Array(frame.length * 100);
    for (let i = 0; i < 100; i++) flood.set(frame, i * frame.length);
    for (let i = 0; i < count; i += 100) peer.write(flood);
    await turn();
    assert(peer.transport.buffered > 20_000, `${peer.transport.buffered} bytes wait at the peer`);
    let received = 0;
    socket.on("message", () => received++);
    await turn();
    await turn();
    assertEquals([received, peer.transport.buffered], [Math.ceil(count / 100) * 100, 0]);
    socket.terminate();
  }
});

test("Socket of a server that nobody listens to lets its peer wait for messageTimeout, and no longer", async () => {
  const { socket, peer } = await serverAndPeer({ messageTimeout: 60 });
  peer.send({ opcode: 2, payload: new Uint8Array(1_100_000) });
  await turn();
  peer.transport.end();
  while (socket.readyState !== 3) await turn();
  const log = new SocketLog(socket);
  let received = 0;
  socket.on("message", () => received++);
  await log.closed;
  assertEquals([received, ...log.told], [
    1,
    "message bytes",
    "error WS_MESSAGE_TIMEOUT 1008 3",
    'close 1006 "" unclean none 3',
  ]);
});

test("Socket of a server that somebody listens to in time is not given up", async () => {
  const { socket, peer } = await serverAndPeer({ messageTimeout: 60 });
  peer.send({ opcode: 2, payload: new Uint8Array(1_100_000) });
  await turn();
  const log = new SocketLog(socket);
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 120));
  assertEquals([socket.readyState, log.told], [1, []]);
  socket.resume();
  socket.terminate();
  await log.closed;
});

test("Socket of a server can be paused before and while held events are delivered", async () => {
  const { socket, peer } = await serverAndPeer();
  for (const payload of ["a", "b", "c"]) peer.send({ opcode: 1, payload });
  await turn();
  const told: unknown[] = [];
  socket.on("message", ({ data }) => {
    told.push(data);
    socket.pause();
  });
  socket.pause();
  await turn();
  assertEquals(told, []);
  for (const wanted of [["a"], ["a", "b"], ["a", "b", "c"]]) {
    socket.resume();
    await turn();
    assertEquals(told, wanted);
  }
  peer.send({ opcode: 1, payload: "d" });
  await turn();
  assertEquals(told.length, 3, "still paused when all that was held is delivered");
  const log = new SocketLog(socket);
  socket.close(3000, "enough");
  peer.send({ opcode: 8, payload: closePayload(3000) }).transport.end();
  await log.closed;
  assertEquals(told.length, 3);
});

test("Socket of a server that is closed before anybody listens tells of it", async () => {
  for (const way of ["close", "terminate"] as const) {
    const { socket, peer } = await serverAndPeer();
    socket[way]();
    peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
    await turn();
    const log = new SocketLog(socket);
    await log.closed;
    assertEquals(log.told, [way === "close" ? 'close 1000 "" clean local 3' : 'close 1006 "" unclean none 3']);
  }
});
