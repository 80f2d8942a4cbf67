/** A client's opening handshake, from the URL to the open connection, and each way in which it can fail. */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { HandshakeError, type WebSocketError } from "../../src/protocol/errors.ts";
import { memoryNetwork, memoryPair } from "../../src/runtime/memory.ts";
import type { SocketOptions } from "../../src/socket/options.ts";
import { Socket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { Target, Transport } from "../../src/socket/transport.ts";
import { concat, to, utf8 } from "../frames.ts";
import { Peer, turn } from "./peer.ts";
import { type Answer, clientOf, connectTo, next, rightAnswer, SocketLog } from "./server.ts";

/** How a client fails with an answer: what it told, and its error. */
async function fails(answer: Answer, options: SocketOptions = {}): Promise<{ told: string[]; error: WebSocketError }> {
  const socket = await clientOf(answer, options);
  const log = new SocketLog(socket);
  await log.closed;
  assertEquals(log.told.length, 2, log.told.join(", "));
  assertEquals(log.told[1], 'close 1006 "" unclean none 3');
  await turn();
  return { told: log.told, error: log.errors[0] as WebSocketError };
}

const text = (answer: string): Answer => (peer) => void peer.write(utf8(answer));

test("Socket asks for what its arguments say", async () => {
  let request = "";
  const socket = await clientOf((peer, head) => {
    request = head;
    peer.write(rightAnswer(head, "Sec-WebSocket-Protocol: b"));
  }, { protocols: ["a", "b"], origin: "http://a.example", headers: { "X-One": "1", Cookie: "c=2" } });
  await next(socket, "open");
  const lines = request.trimEnd().split("\r\n");
  assertEquals(lines[0], "GET /chat HTTP/1.1");
  assertMatch(lines.find((line) => line.startsWith("Sec-WebSocket-Key"))!, /^Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==$/);
  const wanted = ["host: test", "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"];
  wanted.push("sec-websocket-protocol: a, b", "origin: http://a.example", "x-one: 1", "cookie: c=2");
  const got = lines.slice(1).map((line) => line.toLowerCase()).filter((line) => !line.startsWith("sec-websocket-key"));
  assertEquals(got.sort(), wanted.sort());
  assertEquals(socket.protocol, "b");
  socket.terminate();
});

test("Socket opens when the answer comes byte by byte, and behind other heads", async () => {
  const socket = await clientOf(async (peer, request) => {
    const head = rightAnswer(request);
    const early = utf8("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    for (const byte of concat(early, head, to("client", { opcode: 1, payload: "a" }))) {
      peer.write(Uint8Array.of(byte));
      await Promise.resolve();
    }
  });
  const log = new SocketLog(socket);
  await next(socket, "message");
  assertEquals(log.told, ["open 1", "message a"]);
  socket.terminate();
});

test("Socket throws at once only for what the caller got wrong", () => {
  const network = memoryNetwork();
  for (const url of ["", "no url", "ftp://a.example/", "ws://a.example/#x"]) {
    assertEquals(assertThrows(() => connectTo(network, url), DOMException).name, "SyntaxError");
  }
  assertThrows(() => connectTo(network, "ws://test/", { nothing: 1 } as never), TypeError, "is unknown");
});

test("Socket fails when nobody listens and when there is no way to connect", async () => {
  const refused = new SocketLog(connectTo(memoryNetwork(), "ws://test:81/"));
  await refused.closed;
  assertEquals(refused.told, ["error WS_CONNECT_FAILED 1002 3", 'close 1006 "" unclean none 3']);
  assertStringIncludes(
    refused.errors[0]!.message,
    "Cannot connect to ws://test:81/: Connect to tcp:test:81: connection",
  );

  const unbound = new SocketLog(new Socket(new ClientStart("ws://test/", undefined, undefined, undefined)));
  await unbound.closed;
  assertEquals(unbound.told[0], "error WS_CONNECT_FAILED 1002 3");

  const broken = new SocketLog(
    new Socket(new ClientStart("ws://test/", undefined, undefined, () => Promise.reject(new Error("No runtime")))),
  );
  await broken.closed;
  assertStringIncludes(broken.errors[0]!.message, "No runtime");

  const thrown = new SocketLog(connectTo(memoryNetwork(), "ws://test/", {
    connect: () => {
      throw new Error("At once");
    },
  }));
  await thrown.closed;
  assertStringIncludes(thrown.errors[0]!.message, "Cannot connect to ws://test/: At once");
});

test("Socket fails with the server's answer when that is no 101", async () => {
  const body = "A reason of 21 bytes\n";
  const long = "x".repeat(20_000);
  const cases: [answer: string, status: number, body: string][] = [
    [`HTTP/1.1 403 Forbidden\r\nContent-Length: 21\r\nX-Why: a\r\n\r\n${body}`, 403, body],
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""],
    ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
    ["HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, ""],
    ["HTTP/1.1 301 \r\nLocation: ws://b.example/\r\nContent-Length: 0\r\n\r\n", 301, ""],
    [`HTTP/1.1 500 Oh\r\nContent-Length: 20000\r\n\r\n${long}`, 500, long.slice(0, 16_384)],
    ["HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\u20ac\r\n2;x=y\r\nab\r\n0\r\n\r\n", 400, "\u20acab"],
    [`HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nabcdef`, 400, "abc"],
  ];
  for (const [answer, status, wanted] of cases) {
    const { told, error } = await fails(text(answer));
    assertEquals(told[0], "error WS_HANDSHAKE_REFUSED 1002 3");
    assertInstanceOf(error, HandshakeError);
    assertEquals([error.status, error.body], [status, wanted], answer.slice(0, 40));
    assertStringIncludes(error.message, `the status is ${status}`);
    if (status === 403) assertEquals(error.headers.get("x-why"), "a");
  }
});

test("Socket takes what has come of a refusal when its server leaves", async () => {
  for (const way of ["end", "abort"] as const) {
    const { error } = await fails(async (peer) => {
      peer.write(utf8("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nbusy"));
      await turn();
      peer.transport[way]();
    });
    assertInstanceOf(error, HandshakeError);
    assertEquals(error.body, "busy");
  }
});

test("Socket fails when the answer breaks the rules of the handshake", async () => {
  const change = (from: RegExp, into: string): Answer => (peer, request) => {
    const head = new TextDecoder().decode(rightAnswer(request));
    assertMatch(head, from);
    peer.write(utf8(head.replace(from, into)));
  };
  const cases: [Answer, code: string, text: string][] = [
    [change(/Accept: ./, "Accept: !"), "WS_INVALID_HANDSHAKE", "Sec-WebSocket-Accept"],
    [change(/Sec-WebSocket-Accept.*\r\n/, ""), "WS_INVALID_HANDSHAKE", "Sec-WebSocket-Accept is absent"],
    [change(/Upgrade: websocket\r\n/, ""), "WS_INVALID_HANDSHAKE", "Upgrade is absent"],
    [change(/websocket/, "h2c"), "WS_INVALID_HANDSHAKE", "Upgrade"],
    [change(/Connection: Upgrade/, "Connection: close"), "WS_INVALID_HANDSHAKE", "Connection"],
    [change(/HTTP\/1.1/, "HTTP/1.0"), "WS_INVALID_HANDSHAKE", "1.0"],
    [change(/\r\n\r\n/, "\r\nSec-WebSocket-Protocol: x\r\n\r\n"), "WS_INVALID_HANDSHAKE", "Sec-WebSocket-Protocol"],
    [
      change(/\r\n\r\n/, "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
      "WS_INVALID_HANDSHAKE",
      "permessage-deflate",
    ],
    [text("SSH-2.0-OpenSSH_9.9\r\n"), "WS_INVALID_HEAD", ""],
    [text("\u0015\u0003\u0001\u0000\u0002\u0002"), "WS_INVALID_HEAD", ""],
    [text("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n"), "WS_INVALID_HEAD", ""],
    [text(`HTTP/1.1 101 x\r\nX: ${"y".repeat(17_000)}`), "WS_HEAD_TOO_LARGE", "maxHeadSize"],
    [text(`HTTP/1.1 101 x\r\n${"X: y\r\n".repeat(129)}\r\n`), "WS_HEAD_TOO_LARGE", "maxHeadFields"],
  ];
  for (const [answer, code, words] of cases) {
    const { told, error } = await fails(answer);
    assertEquals(told[0], `error ${code} 1002 3`, error.message);
    assertStringIncludes(error.message, words);
  }
  const small = await fails(text(`HTTP/1.1 101 x\r\nX: ${"y".repeat(200)}`), { maxHeadSize: 100 });
  assertEquals(small.told[0], "error WS_HEAD_TOO_LARGE 1002 3");
});

test("Socket fails when its server vanishes, at every byte of the answer", async () => {
  const length = rightAnswer("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").length;
  for (let sent = 0; sent < length; sent++) {
    for (const way of ["end", "abort"] as const) {
      const { told } = await fails(async (peer, request) => {
        peer.write(rightAnswer(request).slice(0, sent));
        if (sent % 2 === 0) await turn();
        peer.transport[way]();
      });
      assertEquals(told[0], "error WS_PEER_VANISHED 1001 3", `${way} at ${sent}`);
    }
  }
});

test("Socket drops the connection when the handshake fails", async () => {
  const peers: Peer[] = [];
  const answers = ["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "garbage\r\n", "HTTP/1.1 101 x\r\n\r\n"];
  for (const answer of answers) {
    await fails((peer) => {
      peers.push(peer);
      peer.write(utf8(answer));
    });
  }
  assertEquals(peers.map(({ broken }) => broken), [true, true, true]);
});

test("Socket gives up after handshakeTimeout, whatever it is waiting for", async () => {
  const options = { handshakeTimeout: 10 };
  const silent: Answer = () => {};
  const trickling: Answer = async (peer) => {
    for (let i = 0; i < 100 && !peer.broken; i++) {
      peer.write(utf8(i === 0 ? "HTTP/1.1 101 x\r\n" : "X: y\r\n"));
      await turn();
    }
  };
  for (const answer of [silent, trickling]) {
    const { told, error } = await fails(answer, options);
    assertEquals(told[0], "error WS_HANDSHAKE_TIMEOUT 1002 3");
    assertStringIncludes(error.message, "10 ms");
  }
  // A refusal counts, even when its body does not come.
  const { told } = await fails(text("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nab"), options);
  assertEquals(told[0], "error WS_HANDSHAKE_REFUSED 1002 3");
});

/** A way to connect that takes no notice of its signal. */
function deaf(): { connect: NonNullable<SocketOptions["connect"]>; arrive: () => Peer; targets: Target[] } {
  const targets: Target[] = [];
  let settle: (transport: Transport) => void = () => {};
  return {
    targets,
    connect: (target) => {
      targets.push(target);
      return new Promise((resolve) => settle = resolve);
    },
    arrive: () => {
      const [near, far] = memoryPair();
      settle(near);
      return new Peer(far, "server");
    },
  };
}

test("Socket gives up in time on a connect that does not, and drops what comes of it later", async () => {
  for (const way of ["timeout", "close", "terminate", "signal"] as const) {
    const { connect, arrive } = deaf();
    const controller = new AbortController();
    const socket = connectTo(memoryNetwork(), "ws://test/", {
      connect,
      handshakeTimeout: way === "timeout" ? 5 : 0,
      signal: controller.signal,
    });
    const log = new SocketLog(socket);
    await turn();
    if (way === "signal") controller.abort();
    else if (way !== "timeout") socket[way]();
    await log.closed;
    const code = way === "timeout" ? "WS_HANDSHAKE_TIMEOUT 1002" : "WS_ABORTED 1001";
    assertEquals(log.told, [`error ${code} 3`, 'close 1006 "" unclean none 3']);
    const peer = arrive();
    await turn();
    assertEquals([peer.broken, peer.chunks.length], [true, 0]);
  }
});

test("Socket whose connection is there at the very moment it is given up does not open", async () => {
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    const { connect, arrive } = deaf();
    const socket = connectTo(memoryNetwork(), "ws://test/", { connect });
    const log = new SocketLog(socket);
    await turn();
    const peer = arrive();
    peer.data = async (chunk) => {
      peer.chunks.push(chunk);
      peer.data = () => {};
      peer.write(rightAnswer(new TextDecoder().decode(peer.bytes)));
      for (let i = 0; i < microtasks; i++) await undefined;
      socket.close();
    };
    await turn();
    await turn();
    const opened = log.told.includes("open 1");
    if (opened) peer.send({ opcode: 8 }).transport.end();
    await log.closed;
    const wanted = opened
      ? ["open 1", 'close 1005 "" clean local 3']
      : ["error WS_ABORTED 1001 3", 'close 1006 "" unclean none 3'];
    assertEquals(log.told, wanted, `${microtasks}`);
    await turn();
    assert(opened || peer.broken);
  }
});

test("Socket that is given up as soon as it is connected waits for no answer", async () => {
  for (let microtasks = 0; microtasks < 10; microtasks++) {
    const { connect, arrive } = deaf();
    const socket = connectTo(memoryNetwork(), "ws://test/", { connect, handshakeTimeout: 0 });
    const log = new SocketLog(socket);
    await turn();
    const peer = arrive();
    for (let i = 0; i < microtasks; i++) await undefined;
    socket.close();
    await log.closed;
    assertEquals(log.told, ["error WS_ABORTED 1001 3", 'close 1006 "" unclean none 3'], `${microtasks}`);
    await turn();
    assert(peer.broken);
  }
});

test("Socket.close and terminate while connecting fail the connection, once, whenever they come", async () => {
  for (const way of ["close", "terminate"] as const) {
    for (const when of ["at once", "later", "in the answer", "in a refusal"] as const) {
      const socket = await clientOf(async (peer, request) => {
        if (when === "in the answer") peer.write(rightAnswer(request).slice(0, 30));
        if (when === "in a refusal") peer.write(utf8("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nab"));
        if (!when.startsWith("in")) return;
        await turn();
        socket[way]();
      });
      const log = new SocketLog(socket);
      if (when === "later") await turn();
      if (!when.startsWith("in")) {
        socket[way]();
        assertEquals(socket.readyState, 2);
        assertEquals(socket.send("late"), true);
      }
      socket.close();
      socket.terminate();
      socket.pause().resume();
      await log.closed;
      const code = when === "in a refusal" && log.errors[0]!.code !== "WS_ABORTED"
        ? "WS_HANDSHAKE_REFUSED 1002"
        : "WS_ABORTED 1001";
      assertEquals(log.told, [`error ${code} 3`, 'close 1006 "" unclean none 3'], `${way} ${when}`);
      socket.close();
      socket.terminate();
      await turn();
      assertEquals(log.told.length, 2);
    }
  }
});

test("Socket cannot send or ping before it is open", async () => {
  const socket = await clientOf(() => {});
  for (const data of ["x", new Uint8Array(1), new Blob(["x"])]) {
    const error = assertThrows(() => socket.send(data), DOMException, "the connection is CONNECTING, wanted OPEN");
    assertEquals(error.name, "InvalidStateError");
  }
  assertThrows(() => socket.ping(), DOMException, "CONNECTING");
  assertEquals(socket.bufferedAmount, 0);
  socket.terminate();
  await turn();
});

test("Socket is given up by its signal: before, while connecting and when it is open, and not after", async () => {
  const before = AbortSignal.abort(new Error("Never mind"));
  let connects = 0;
  const never = new SocketLog(connectTo(memoryNetwork(), "ws://test/", {
    signal: before,
    connect: () => Promise.reject(connects++),
  }));
  await never.closed;
  assertEquals([never.told, connects], [["error WS_ABORTED 1001 3", 'close 1006 "" unclean none 3'], 0]);
  assertStringIncludes(never.errors[0]!.message, "Never mind");
  assertEquals(never.errors[0]!.cause, before.reason);

  const connecting = new AbortController();
  const { told } = await fails(() => connecting.abort(), { signal: connecting.signal });
  assertEquals(told[0], "error WS_ABORTED 1001 3");

  const open = new AbortController();
  let peer: Peer | undefined;
  const answer: Answer = (each, request) => {
    peer = each;
    each.write(rightAnswer(request));
  };
  const socket = await clientOf(answer, { signal: open.signal });
  const log = new SocketLog(socket);
  await next(socket, "open");
  open.abort();
  assertEquals(log.told, ["open 1", "error WS_ABORTED 1001 2", 'close 1006 "" unclean none 3']);
  await turn();
  assert(peer!.broken);

  const after = new AbortController();
  const closed = await clientOf(answer, { signal: after.signal });
  const end = new SocketLog(closed);
  await next(closed, "open");
  closed.close();
  await turn();
  peer!.send({ opcode: 8 }).transport.end();
  await end.closed;
  after.abort();
  await turn();
  assertEquals(end.told, ["open 1", 'close 1005 "" clean local 3']);
});

test("Socket leaves no listener on its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
  const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
  signal.addEventListener = (...args: unknown[]) => (listeners++, add(...args));
  signal.removeEventListener = (...args: unknown[]) => (listeners--, remove(...args));
  await fails(text("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), { signal });
  assertEquals(listeners, 0);
  const socket = await clientOf((peer, request) => void peer.write(rightAnswer(request)), { signal });
  await next(socket, "open");
  assertEquals(listeners, 1);
  socket.terminate();
  await turn();
  assertEquals(listeners, 0);
});
