import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import type { OriginPolicy } from "../../src/http/origin.ts";
import { HttpRequest } from "../../src/http/request.ts";
import { Server } from "../../src/http/server.ts";
import { type Accept, upgrade, type UpgradeOptions } from "../../src/http/upgrade.ts";
import { HandshakeError } from "../../src/protocol/errors.ts";
import type { CloseEvent, ErrorEvent } from "../../src/socket/events.ts";
import { Socket } from "../../src/socket/socket.ts";
import type { Endpoint, Runtime, Transport, TransportSink } from "../../src/socket/transport.ts";
import { Clock } from "../clock.ts";
import { deferred, parseAnswer, type RawClient, requestText, Setup } from "./raw_client.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ADDRESS: Endpoint = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The fields of a right handshake, without those of some names, and with others. */
function handshake(more: readonly string[] = [], without: readonly string[] = []): string[] {
  const fields = [
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
  ].filter((field) => !without.includes(field.slice(0, field.indexOf(":"))));
  return [...fields, ...more];
}

/** Sends a handshake and gives the head of the answer, or all of it where it is a refusal. */
async function shake(setup: Setup, fields: readonly string[], line: string = "GET / HTTP/1.1"): Promise<
  ReturnType<typeof parseAnswer> & { client: RawClient }
> {
  const client = (await setup.connect()).send(requestText(line, fields));
  await client.until(() => client.received.includes("\r\n\r\n"));
  const { status } = parseAnswer(client.received);
  if (status !== 101) await client.over();
  return { ...parseAnswer(client.received), client };
}

/** The masked frame of a short text, with a key of zeros. */
function frame(text: string, opcode: number = 1): Uint8Array {
  return Uint8Array.of(0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0, ...new TextEncoder().encode(text));
}

function nextClose(socket: Socket): Promise<CloseEvent> {
  return new Promise((resolve) => socket.onclose = resolve);
}

const echo: Accept = (conn) => {
  conn.onmessage = (event) => conn.send(event.data);
};

test("upgrade() leaves no timer behind, nor does a peer that leaves before its head has come", async () => {
  using clock = new Clock();
  const setup = await Setup.start(upgrade(echo));
  const waiting = await setup.connect();
  await clock.pass(1_000);
  assertEquals(clock.size, 1);
  const { client } = await shake(setup, handshake());
  assertEquals(clock.size, 1);
  waiting.transport.abort();
  // The time of both heads is over, and one has come.
  await clock.pass(20_000);
  assertEquals(clock.size, 0);
  client.transport.write(frame("still open"), true);
  await client.until(() => client.received.includes("still open"));
  const { client: second } = await shake(setup, handshake());
  assertEquals(clock.size, 1);
  for (const { transport } of [client, second]) transport.abort();
  await clock.pass(0);
  assertEquals(clock.size, 0);
  await setup.server.close();
});

test("upgrade() answers 101 and makes a WebSocket of the connection", async () => {
  const setup = await Setup.start(upgrade(echo));
  const { status, fields, client } = await shake(setup, handshake());
  assertEquals(status, 101);
  assertStringIncludes(fields, `\nsec-websocket-accept: ${ACCEPT}\n`);
  assertStringIncludes(fields, "\nupgrade: websocket\n");
  assertStringIncludes(fields, "\nconnection: Upgrade\n");
  for (const field of ["extensions", "protocol", "version"]) assert(!fields.includes(`sec-websocket-${field}`), field);
  assert(!fields.includes("content-length") && !fields.includes("date"));
  client.received = "";
  await client.send(frame("hello")).until(() => client.received === "\x81\x05hello");
  client.transport.abort();
  await setup.server.close({ deadline: Infinity });
});

test("upgrade() answers within the call that brings the head, and stops reading for nothing", async () => {
  const calls: string[] = [];
  let sink: TransportSink | undefined;
  const transport: Transport = {
    open(opened) {
      if (sink !== opened) calls.push("open");
      sink = opened;
    },
    write(chunk) {
      calls.push(`write ${String.fromCharCode(...chunk.subarray(0, 12))}`);
      return "taken";
    },
    pause: () => calls.push("pause"),
    resume() {},
    end() {},
    abort: () => calls.push("abort"),
    buffered: 0,
    ref() {},
    unref() {},
  };
  let accept = (_transport: Transport): void => {};
  const listen: Runtime["listen"] = (_options, given) => {
    accept = given;
    return Promise.resolve({ address: ADDRESS, close: () => Promise.resolve(), ref() {}, unref() {} });
  };
  const runtime: Runtime = { name: "counting", connect: () => Promise.reject(new Error("unused")), listen };
  const server = new Server(0, upgrade(echo), () => Promise.resolve(runtime));
  await server.start();
  accept(transport);
  const head = requestText("GET / HTTP/1.1", handshake());
  for (const half of [head.slice(0, 40), head.slice(40)]) sink!.data(new TextEncoder().encode(half));
  assertEquals(calls, ["open", "write HTTP/1.1 101"]);
  assertEquals(server.clients.size, 1);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(calls, ["open", "write HTTP/1.1 101", "open"]);
  sink!.data(frame("hi"));
  assertEquals(calls.slice(3), ["write \x81\x02hi"]);
  // What comes before it is asked for is held, and no more is taken.
  accept(transport);
  const behind = [...new TextEncoder().encode(head), ...frame("early")];
  calls.length = 0;
  sink!.data(Uint8Array.from(behind));
  assertEquals(calls, ["pause", "write HTTP/1.1 101"]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(calls.slice(2), ["open", "write \x81\x05early"]);
  await server.close({ deadline: 0 });
});

const refusals: [what: string, line: string, fields: string[], status: number, mention: string, field?: string][] = [
  ["another method", "POST / HTTP/1.1", handshake(), 405, "POST", "allow: GET"],
  ["HEAD", "HEAD / HTTP/1.1", handshake(), 405, "", "allow: GET"],
  ["HTTP/1.0", "GET / HTTP/1.0", handshake(), 400, "1.0"],
  ["no Host", "GET / HTTP/1.1", handshake([], ["Host"]), 400, "Host"],
  ["no Upgrade", "GET / HTTP/1.1", handshake([], ["Upgrade"]), 426, "Upgrade", "upgrade: websocket"],
  ["another Upgrade", "GET / HTTP/1.1", handshake(["Upgrade: h2c"], ["Upgrade"]), 426, "h2c", "upgrade: websocket"],
  ["no Connection", "GET / HTTP/1.1", handshake([], ["Connection"]), 400, "Connection"],
  ["another Connection", "GET / HTTP/1.1", handshake(["Connection: close"], ["Connection"]), 400, "close"],
  [
    "no version",
    "GET / HTTP/1.1",
    handshake([], ["Sec-WebSocket-Version"]),
    426,
    "Version",
    "sec-websocket-version: 13",
  ],
  [
    "an old version",
    "GET / HTTP/1.1",
    handshake(["Sec-WebSocket-Version: 8"], ["Sec-WebSocket-Version"]),
    426,
    "wanted 13",
    "sec-websocket-version: 13",
  ],
  ["no key", "GET / HTTP/1.1", handshake([], ["Sec-WebSocket-Key"]), 400, "Key"],
  ["a short key", "GET / HTTP/1.1", handshake(["Sec-WebSocket-Key: aGVsbG8="], ["Sec-WebSocket-Key"]), 400, "aGVsbG8="],
  ["two keys", "GET / HTTP/1.1", handshake([`Sec-WebSocket-Key: ${KEY}`]), 400, "Key"],
  ["bad protocols", "GET / HTTP/1.1", handshake(["Sec-WebSocket-Protocol: a b"]), 400, "Protocol"],
  ["bad extensions", "GET / HTTP/1.1", handshake(["Sec-WebSocket-Extensions: ;"]), 400, "Extensions"],
  ["a body", "GET / HTTP/1.1", handshake(["Content-Length: 1"]), 400, "body"],
  ["a body in chunks", "GET / HTTP/1.1", handshake(["Transfer-Encoding: chunked"]), 400, "body"],
  ["no route", "GET /ws1 HTTP/1.1", handshake(), 404, "/ws1"],
  ["another page", "GET / HTTP/1.1", handshake(["Origin: https://evil.example"]), 403, "`origin`"],
];

test("upgrade() refuses what is no handshake, with a text that says why", async () => {
  const accept = (): void => assert(false, "It was accepted");
  const setup = await Setup.start([(req) => req.response.addCookie({ name: "seen", value: "1" }), {
    "/": upgrade(accept),
  }]);
  for (const [what, line, request, wanted, mention, field = ""] of refusals) {
    const { status, fields, body } = await shake(setup, request, line);
    assertEquals(status, wanted, `${what}: ${body}`);
    assertStringIncludes(body, mention, what);
    assertStringIncludes(fields, field, what);
    assertStringIncludes(fields, "\ncontent-type: text/plain; charset=utf-8\n", what);
    assertStringIncludes(fields, `\nconnection: ${wanted === 426 ? "upgrade, " : ""}close\n`, what);
    const early = what === "no Host";
    assertEquals(fields.includes("set-cookie: seen=1"), !early, what);
    // A refusal fits on a line.
    assert(line.startsWith("HEAD") ? body === "" : /^[ -~]{20,300}\n$/.test(body), body);
  }
  assertEquals(setup.reports, []);
  await setup.server.close({ deadline: Infinity });
});

test("upgrade() reads lists in the fields as lists", async () => {
  const setup = await Setup.start(upgrade(echo));
  const fields = handshake(["Upgrade: h2c, WebSocket", "Connection: keep-alive, upgrade"], ["Upgrade", "Connection"]);
  assertEquals((await shake(setup, fields)).status, 101);
  await setup.server.close({ deadline: 0 });
});

test("upgrade() declines extensions, whatever perMessageDeflate says", async () => {
  for (const perMessageDeflate of [false, true, { serverMaxWindowBits: 10 }]) {
    const setup = await Setup.start(upgrade({ perMessageDeflate }, echo));
    const { status, fields } = await shake(setup, handshake(["Sec-WebSocket-Extensions: permessage-deflate; x=1, y"]));
    assertEquals([status, fields.includes("extensions")], [101, false]);
    await setup.server.close({ deadline: 0 });
  }
});

const local = "Host: 127.0.0.1:8080";
const site = "Host: Chat.example:8080";

const origins: [policy: OriginPolicy | undefined, host: string, origin: string | null, status: number][] = [
  [undefined, site, null, 101],
  [undefined, site, "https://chat.example", 101],
  [undefined, site, "http://CHAT.example:3000", 101],
  [undefined, site, "https://evil.example", 403],
  [undefined, site, "https://chat.example.evil.example", 403],
  [undefined, site, "https://evilchat.example", 403],
  [undefined, site, "https://evil.example/chat.example", 403],
  [undefined, site, "https://chat.example@evil.example", 403],
  [undefined, site, "https://chat.example, https://evil.example", 403],
  [undefined, site, "null", 403],
  [undefined, site, "", 403],
  [undefined, site, "chat.example", 403],
  [undefined, site, "http://localhost:8080", 403],
  [undefined, local, "http://localhost:3000", 101],
  [undefined, local, "http://[::1]:3000", 101],
  [undefined, local, "http://app.localhost", 101],
  [undefined, local, "http://127.1.2.3", 101],
  [undefined, local, "http://127.0.0.1.evil.example", 403],
  [undefined, local, "http://localhost.evil.example", 403],
  [undefined, local, "https://chat.example", 403],
  [undefined, "Host: [::1]:80", "http://[::1]:81", 101],
  ["*", site, "https://evil.example", 101],
  ["*", site, "null", 101],
  ["https://a.example", site, "https://a.example", 101],
  ["https://a.example", site, "https://b.example", 403],
  [["https://a.example", "http://b.example:81"], site, "https://A.example", 101],
  [["https://a.example", "http://b.example:81"], site, "http://b.example:81", 101],
  [["https://a.example", "http://b.example:81"], site, "http://b.example", 403],
  [["https://a.example"], site, "http://a.example", 403],
  [["https://a.example"], site, "https://chat.example", 403],
  [["https://a.example"], site, null, 101],
  [["null"], site, "null", 101],
  [[], site, "https://chat.example", 403],
  [(origin) => origin === "x:y", site, "x:y", 101],
  [(origin) => origin !== null, site, null, 403],
  [(_, req) => req.query.get("key") === "1", site, "https://evil.example", 101],
  [(origin) => Promise.resolve(origin === "null"), site, "null", 101],
  [(origin) => Promise.resolve(origin === "null"), site, "https://a.example", 403],
];

test("upgrade() lets pages connect as the origin policy says", async () => {
  for (const [origin, host, from, wanted] of origins) {
    const setup = await Setup.start(upgrade(origin === undefined ? {} : { origin }, echo));
    const fields = handshake([host, ...(from === null ? [] : [`Origin: ${from}`])], ["Host"]);
    const { status, body } = await shake(setup, fields, "GET /?key=1 HTTP/1.1");
    assertEquals(status, wanted, `${origin} ${host} ${from}`);
    if (status === 403) assertStringIncludes(body, "option `origin`");
    await setup.server.close({ deadline: 0 });
    assertEquals(setup.reports, []);
  }
});

test("upgrade() picks a subprotocol", async () => {
  const seen: unknown[] = [];
  const cases: [UpgradeOptions["protocols"], offered: string[], picked: string][] = [
    [undefined, ["a"], ""],
    [[], ["a"], ""],
    [["b", "a"], ["a", "b"], "b"],
    [["c", "a"], ["a", "b"], "a"],
    [["c"], ["a", "b"], ""],
    [["A"], ["a"], ""],
    [["c"], [], ""],
    [(offered) => offered[1], ["a", "b"], "b"],
    [() => undefined, ["a"], ""],
    [() => "", ["a"], ""],
    [(offered, req) => Promise.resolve(offered.find((each) => req.query.has(each))), ["a", "b"], "b"],
  ];
  for (const [protocols, offered, picked] of cases) {
    const setup = await Setup.start(upgrade(protocols === undefined ? {} : { protocols }, (conn) => {
      seen.push(conn.protocol);
    }));
    const fields = handshake(offered.map((each) => `Sec-WebSocket-Protocol: ${each}`));
    const { status, fields: answer } = await shake(setup, fields, "GET /?b HTTP/1.1");
    assertEquals([status, /\nsec-websocket-protocol: (.*)\n/.exec(answer)?.[1] ?? ""], [101, picked]);
    assertEquals(seen.pop(), picked);
    await setup.server.close({ deadline: 0 });
  }
});

test("upgrade() fails, and reports it, when what it has to decide is decided wrongly", async () => {
  const faults: [UpgradeOptions, string][] = [
    [{ protocols: () => "other" }, 'picked "other"'],
    [{ protocols: () => Promise.reject(new Error("no luck")) }, "no luck"],
    [{
      protocols: () => {
        throw new Error("no list");
      },
    }, "no list"],
    [{
      origin: () => {
        throw new Error("no origin");
      },
    }, "no origin"],
    [{ origin: () => Promise.reject(new Error("no answer")) }, "no answer"],
  ];
  for (const [options, mention] of faults) {
    const setup = await Setup.start(upgrade(options, echo));
    const { status, body } = await shake(setup, handshake(["Sec-WebSocket-Protocol: a"]));
    assertEquals([status, body], [500, "Internal server error\n"]);
    assertStringIncludes(String(setup.reports[0]), mention);
    await setup.server.close({ deadline: Infinity });
  }
});

test("upgrade() answers 503 when the decision takes too long", async () => {
  const setup = await Setup.start(upgrade({ handshakeTimeout: 10, origin: () => new Promise(() => {}) }, echo));
  assertEquals((await shake(setup, handshake())).status, 503);
  await setup.server.close({ deadline: Infinity });
});

test("upgrade() sends the fields and cookies of earlier handlers, and its own, with the 101", async () => {
  const setup = await Setup.start([
    (req) => {
      req.response.statusCode = 418;
      req.response.setHeader({ "X-A": "1", "Content-Length": 5, "Connection": "close" });
      req.response.addCookie({ name: "a", value: "1" });
      req.response.addCookie({ name: "b", value: "2" });
    },
    upgrade({ headers: { "X-B": "2", "Set-Cookie": "c=3" } }, echo),
    () => assert(false, "The chain went on"),
  ]);
  const { status, fields } = await shake(setup, handshake());
  assertEquals(status, 101);
  const lines = fields.split("\n").filter((line) => /^(set-cookie|x-|content|connection)/.test(line));
  assertEquals(lines.sort(), [
    "connection: Upgrade",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "set-cookie: c=3",
    "x-a: 1",
    "x-b: 2",
  ]);
  assertEquals(setup.reports, []);
  await setup.server.close({ deadline: 0 });
});

test("upgrade() takes its own fields in any form", async () => {
  const forms: UpgradeOptions["headers"][] = [
    { "x-a": "1" },
    new Headers({ "x-a": "1" }),
    [["x-a", "1"]],
    new Map([["x-a", "1"]]),
  ];
  for (const headers of forms) {
    const setup = await Setup.start(upgrade({ headers: headers! }, echo));
    assertStringIncludes((await shake(setup, handshake())).fields, "\nx-a: 1\n");
    await setup.server.close({ deadline: 0 });
  }
});

test("upgrade() gives accept an open Socket and the request", async () => {
  const got = deferred<[Socket, HttpRequest]>();
  const setup = await Setup.start({ "/room/:id": upgrade((conn, req) => got.resolve([conn, req])) });
  const fields = handshake(["Cookie: a=1", "Origin: http://localhost"]);
  const { client } = await shake(setup, fields, "GET /room/7?x=y HTTP/1.1");
  const [conn, req] = await got.promise;
  assertInstanceOf(conn, Socket);
  assertInstanceOf(req, HttpRequest);
  assertEquals([conn.readyState, conn.url, conn.protocol, conn.origin], [1, "", "", "http://localhost"]);
  assertEquals(conn.remote?.transport, "tcp");
  assertEquals([req.params[0], req.query.get("x"), req.cookies.get("a")], ["7", "y", "1"]);
  assertEquals([req.upgrade, req.firstHeader("upgrade"), req.isEnded()], [true, "websocket", true]);
  assertEquals([...setup.server.clients], [conn]);
  client.transport.abort();
  await setup.server.close({ deadline: Infinity });
  assertEquals(setup.server.clients.size, 0);
});

test("upgrade() loses no message while accept waits before it listens", async () => {
  const heard: unknown[] = [];
  const done = deferred();
  const setup = await Setup.start(upgrade(async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    conn.onmessage = (event) => {
      heard.push(event.data);
      if (heard.length === 3) done.resolve();
    };
  }));
  // One message in the same chunk as the head, one right behind the answer, one later.
  const client = await setup.connect();
  const head = new TextEncoder().encode(requestText("GET / HTTP/1.1", handshake()));
  client.send(Uint8Array.of(...head, ...frame("1")));
  await client.until(() => client.received.includes("\r\n\r\n"));
  client.send(frame("2"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.send(frame("3"));
  await done.promise;
  assertEquals(heard, ["1", "2", "3"]);
  client.transport.abort();
  await setup.server.close({ deadline: Infinity });
});

test("upgrade() forgets a connection that nobody listens to, when its peer ends", async () => {
  const setup = await Setup.start(upgrade(() => {}));
  const open = async (): Promise<RawClient> => (await shake(setup, handshake())).client;
  const [ends, aborts, closes] = [await open(), await open(), await open()];
  assertEquals(setup.server.clients.size, 3);
  ends.transport.end();
  aborts.transport.abort();
  closes.send(frame("\x03\xe8", 8));
  for (let i = 0; setup.server.clients.size > 0; i++) {
    assert(i < 100, `${setup.server.clients.size} connections are left`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await setup.server.close();
});

test("upgrade() closes with 1011 when accept throws or rejects, and reports it", async () => {
  const accepts: Accept[] = [
    () => {
      throw new Error("thrown");
    },
    () => Promise.reject(new Error("rejected")),
    async (conn) => {
      conn.onmessage = () => {};
      await undefined;
      throw new Error("late");
    },
  ];
  for (const accept of accepts) {
    for (const own of [true, false]) {
      const reports: [unknown, HttpRequest][] = [];
      const onerror = (error: unknown, req: HttpRequest): void => void reports.push([error, req]);
      const setup = await Setup.start(upgrade(own ? { onerror } : {}, accept));
      const { code, reason } = await nextClose(setup.socket());
      assertEquals([code, reason], [1011, ""]);
      const errors = own ? reports.map(([error]) => error) : setup.reports;
      assertEquals(errors.length, 1);
      assertInstanceOf(errors[0], Error);
      if (own) assertInstanceOf(reports[0]![1], HttpRequest);
      await setup.server.close({ deadline: Infinity });
    }
  }
});

test("upgrade() survives an accept that closes and then throws", async () => {
  const setup = await Setup.start(upgrade((conn) => {
    conn.close(3001, "mine");
    throw new Error("too late");
  }));
  const { code, reason } = await nextClose(setup.socket());
  assertEquals([code, reason, setup.reports.length], [3001, "mine", 1]);
  await setup.server.close({ deadline: Infinity });
});

test("upgrade() behind a chain that refuses is not reached, and the client learns why", async () => {
  const setup = await Setup.start([
    (req) => {
      if (req.query.get("token") === "1") return;
      req.response.statusCode = 403;
      req.response.setHeader("x-why", "token");
      req.response.write("no token");
      req.end();
    },
    (req) => req.cookies.has("session") ? undefined : new Response("no session", { status: 401 }),
    { "/ws": upgrade(echo) },
  ]);
  const answers: [string, string[], number, string][] = [
    ["/ws", [], 403, "no token"],
    ["/ws?token=1", [], 401, "no session"],
    ["/other?token=1", ["Cookie: session=1"], 404, "/other"],
    ["/ws?token=1", ["Cookie: session=1"], 101, ""],
  ];
  for (const [path, more, wanted, mention] of answers) {
    const { status, body } = await shake(setup, handshake(more), `GET ${path} HTTP/1.1`);
    assertEquals(status, wanted);
    assertStringIncludes(body, mention);
  }
  const socket = setup.socket("/ws");
  const events: string[] = [];
  socket.onopen = () => events.push("open");
  const error = new Promise<ErrorEvent>((resolve) => socket.onerror = resolve);
  const { code } = await nextClose(socket);
  const event = await error;
  assertInstanceOf(event.error, HandshakeError);
  assertEquals([event.error.status, event.error.body, event.error.headers.get("x-why")], [403, "no token", "token"]);
  assertEquals([event.code, code, events.join()], [1002, 1006, ""]);
  await setup.server.close({ deadline: 0 });
});

test("Server.close() closes every WebSocket with 1001, or as it is told, and waits for them", async () => {
  for (const [options, wanted] of [[{}, [1001, ""]], [{ code: 1012, reason: "restart" }, [1012, "restart"]]] as const) {
    const ends: [number, string, boolean][] = [];
    const accepted: Socket[] = [];
    const setup = await Setup.start(upgrade((conn) => {
      accepted.push(conn);
      if (accepted.length > 1) conn.onclose = (event) => ends.push([event.code, event.reason, event.wasClean]);
    }));
    const sockets = [setup.socket(), setup.socket(), setup.socket()];
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.onopen = resolve)));
    const closes = Promise.all(sockets.map(nextClose));
    await setup.server.close(options);
    assertEquals(accepted.map(({ readyState }) => readyState), [3, 3, 3]);
    assertEquals(ends.length, 2);
    for (const { code, reason, wasClean } of await closes) assertEquals([code, reason, wasClean], [...wanted, true]);
    assertEquals(setup.server.clients.size, 0);
  }
});

test("Server.close() cuts WebSockets that do not close by the deadline", async () => {
  const closed = deferred<CloseEvent>();
  const accepted = deferred<Socket>();
  const setup = await Setup.start(upgrade((conn) => {
    conn.onclose = closed.resolve;
    accepted.resolve(conn);
  }));
  const { client } = await shake(setup, handshake());
  client.received = "";
  await setup.server.close({ deadline: 20 });
  assertEquals((await accepted.promise).readyState, 3);
  assertEquals(client.received, "\x88\x02\x03\xe9");
  assertEquals((await client.over(), client.ending), "abort");
  assertEquals((await closed.promise).code, 1006);
});

test("Server.stop() leaves WebSockets alone; close() refuses new ones", async () => {
  const reached = deferred();
  const go = deferred();
  const setup = await Setup.start([async (req) => {
    if (req.address !== "/slow") return;
    reached.resolve();
    await go.promise;
  }, upgrade(echo)]);
  const { client } = await shake(setup, handshake());
  const slow = (await setup.connect()).send(requestText("GET /slow HTTP/1.1", handshake()));
  await reached.promise;
  await setup.server.stop();
  client.received = "";
  await client.send(frame("still")).until(() => client.received === "\x81\x05still");
  const closed = setup.server.close();
  go.resolve();
  assertEquals(parseAnswer(await slow.over()).status, 503);
  client.transport.abort();
  await closed;
});

test("upgrade() does not accept a peer that is gone", async () => {
  const reached = deferred<HttpRequest>();
  const late = deferred();
  const done = deferred();
  const setup = await Setup.start([
    async (req) => {
      reached.resolve(req);
      await late.promise;
    },
    async (req) => {
      // Asked for after the fact, it tells all the same.
      assert(req.signal.aborted);
      try {
        await upgrade(() => assert(false, "It was accepted")).invoke(req);
      } finally {
        done.resolve();
      }
    },
  ]);
  const client = (await setup.connect()).send(requestText("GET / HTTP/1.1", handshake()));
  await reached.promise;
  client.transport.abort();
  await new Promise((resolve) => setTimeout(resolve, 1));
  late.resolve();
  await done.promise;
  await setup.server.close({ deadline: Infinity });
  assertEquals([setup.reports, setup.server.clients.size], [[], 0]);
});

test("await using closes a server", async () => {
  let outer: Setup | undefined;
  {
    const setup = outer = await Setup.start(upgrade(echo));
    await using _server = setup.server;
    const { client } = await shake(setup, handshake());
    void client.over().then(() => {});
    client.send(frame("\x03\xe8", 8));
  }
  assertThrows(() => outer?.server.address, TypeError);
});

test("upgrade() refuses options that are wrong, by name", () => {
  const wrong: [unknown, new () => Error, string][] = [
    [{ orgin: "*" }, TypeError, '"orgin" is unknown'],
    [null, TypeError, "options is null"],
    ["*", TypeError, 'options is "*"'],
    [{ perMessageDeflate: "yes" }, TypeError, 'perMessageDeflate: got "yes"'],
    [{ maxPayload: "1" }, TypeError, "maxPayload"],
    [{ maxPayload: -1 }, RangeError, "maxPayload: got -1"],
    [{ maxFragments: NaN }, RangeError, "maxFragments"],
    [{ closeTimeout: -1 }, RangeError, "closeTimeout"],
    [{ highWaterMark: null }, TypeError, "highWaterMark"],
    [{ maxBufferedAmount: {} }, TypeError, "maxBufferedAmount"],
    [{ handshakeTimeout: "1s" }, TypeError, "handshakeTimeout"],
    [{ protocols: "chat" }, TypeError, 'protocols: got "chat"'],
    [{ protocols: ["a b"] }, TypeError, 'protocols: got "a b"'],
    [{ origin: true }, TypeError, "origin: got true"],
    [{ origin: ["a.example"] }, TypeError, 'origin: got "a.example"'],
    [{ origin: "a.example" }, TypeError, 'origin: got "a.example"'],
    [{ origin: ["https://a.example/path"] }, TypeError, "https://a.example/path"],
    [{ headers: "x" }, TypeError, 'headers: got "x"'],
    [{ headers: { "x-a": "1\r\n2" } }, TypeError, "x-a"],
    [{ headers: { "Sec-WebSocket-Accept": "x" } }, TypeError, "Sec-WebSocket-Accept"],
    [{ headers: { "content-length": "1" } }, TypeError, "content-length"],
    [{ onerror: 1 }, TypeError, "onerror: got 1"],
  ];
  for (const [options, kind, mention] of wrong) {
    assertThrows(() => upgrade(options as UpgradeOptions, echo), kind, mention);
  }
  assertThrows(() => upgrade({}, undefined as never), TypeError, "accept is undefined");
  assertThrows(() => upgrade(undefined as never), TypeError, "options is undefined");
});

test("upgrade() passes its limits on", async () => {
  const limit: HandlerLike = upgrade({ maxPayload: 3 }, echo);
  const setup = await Setup.start(limit);
  const socket = setup.socket();
  socket.onopen = () => {
    socket.send("abc");
    socket.send("abcd");
  };
  const heard = new Promise((resolve) => socket.onmessage = (event) => resolve(event.data));
  const { code } = await nextClose(socket);
  assertEquals([await heard, code], ["abc", 1009]);
  await setup.server.close({ deadline: Infinity });
});
