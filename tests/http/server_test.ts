import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import type { HttpRequest } from "../../src/http/request.ts";
import { Server, type ServerOptions } from "../../src/http/server.ts";
import { Clock } from "../clock.ts";
import { deferred, parseAnswer, requestText, Setup } from "./raw_client.ts";

const GET = requestText("GET / HTTP/1.1");
const hello: HandlerLike = (req) => req.response.write("hello");

test("Server answers a request and ends the connection", async () => {
  const setup = await Setup.start(hello);
  const { status, fields, body } = parseAnswer(await setup.exchange(GET));
  assertEquals([status, body], [200, "hello"]);
  assertStringIncludes(fields, "\ncontent-length: 5\n");
  assertStringIncludes(fields, "\nconnection: close\n");
  assertStringIncludes(fields, "\ndate: ");
  await setup.server.close();
});

const faults: [what: string, request: string, status: number, mention: string][] = [
  ["no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "TLS"],
  ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n", 400, "Cannot read a request head"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "HTTP/1.1"],
  ["no version", "GET /\r\n\r\n", 400, "Cannot read a request head"],
  ["bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, "CR LF"],
  ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "field name"],
  ["no Host", requestText("GET / HTTP/1.1", []), 400, "Host is absent"],
  ["two Hosts", requestText("GET / HTTP/1.1", ["Host: a", "Host: b"]), 400, "Host"],
  ["a bad Host", requestText("GET / HTTP/1.1", ["Host: a/b"]), 400, "Host"],
  ["a bad target", requestText("GET a HTTP/1.1"), 400, "wanted a path"],
  ["CONNECT", requestText("CONNECT a:80 HTTP/1.1"), 501, "CONNECT"],
  ["TRACE", requestText("TRACE / HTTP/1.1"), 501, "TRACE"],
  ["two lengths", requestText("POST / HTTP/1.1", ["Host: a", "Content-Length: 1", "Content-Length: 2"]), 400, "Length"],
  [
    "a length and chunks",
    requestText("POST / HTTP/1.1", ["Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"]),
    400,
    "Transfer-Encoding",
  ],
  ["a coding", requestText("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: gzip"]), 501, "chunked"],
  ["a large body", requestText("POST / HTTP/1.1", ["Host: a", "Content-Length: 101"]), 413, "maxBodySize"],
  [
    "many fields",
    requestText("GET / HTTP/1.1", ["Host: a", ..."abcdefgh".split("").map((x) => `${x}: 1`)]),
    431,
    "Fields",
  ],
  ["a large head", requestText("GET / HTTP/1.1", ["Host: a", `X: ${"x".repeat(1000)}`]), 431, "maxHeadSize"],
  ["a large target", `GET /${"x".repeat(1000)} HTTP/1.1\r\n`, 431, "maxHeadSize"],
];

test("Server refuses what is no request it can serve, with a text that says why", async () => {
  const limits = { maxHeadFields: 8, maxHeadSize: 800, maxBodySize: 100 };
  const setup = await Setup.start(() => assert(false, "The handler ran"), limits);
  for (const [what, request, wanted, mention] of faults) {
    const bytes = Uint8Array.from(request, (char) => char.charCodeAt(0));
    const { status, fields, body } = parseAnswer(await (await setup.connect()).send(bytes).over());
    assertEquals(status, wanted, `${what}: ${body}`);
    assertStringIncludes(body, mention, what);
    assertStringIncludes(fields, "\nconnection: close\n", what);
    assertStringIncludes(fields, "\ncontent-type: text/plain; charset=utf-8\n", what);
    assertStringIncludes(fields, `\ncontent-length: ${new TextEncoder().encode(body).length}\n`, what);
  }
  assertEquals(setup.reports, []);
  await setup.server.close();
});

test("Server takes HTTP/1.0, with and without a Host", async () => {
  const setup = await Setup.start((req) => req.response.write(`${req.hostname} ${req.address}`));
  assertEquals(parseAnswer(await setup.exchange(requestText("GET /a HTTP/1.0", []))).body, "null /a");
  assertEquals(parseAnswer(await setup.exchange(requestText("GET http://h/a HTTP/1.0", []))).body, "h /a");
  await setup.server.close();
});

test("Server gives a head only so much time", async () => {
  using clock = new Clock();
  const setup = await Setup.start(hello, { handshakeTimeout: 20 });
  for (const beginning of ["", "GET / HTTP/1.1\r\n", GET.slice(0, -1)]) {
    const client = (await setup.connect()).send(beginning);
    await clock.pass(19);
    assertEquals(client.received, "");
    await clock.pass(1);
    const { status, body } = parseAnswer(await client.over());
    assertEquals(status, 408);
    assertStringIncludes(body, "20 ms");
  }
  await setup.server.close();
});

test("Server takes a head byte by byte", async () => {
  const setup = await Setup.start(hello);
  const client = await setup.connect();
  for (const char of GET) {
    client.send(char);
    await undefined;
  }
  assertEquals(parseAnswer(await client.over()).body, "hello");
  await setup.server.close();
});

test("Server forgets peers that vanish, wherever they do", async () => {
  const post = requestText("POST / HTTP/1.1", ["Host: a", "Content-Length: 5"], "hello");
  const statuses: (number | string)[] = [];
  let started = 0;
  const setup = await Setup.start(async (req) => {
    started++;
    try {
      statuses.push(await req.text());
    } catch (error) {
      statuses.push((error as { status: number }).status);
      throw error;
    }
  });
  for (const how of ["end", "abort"] as const) {
    for (let size = 0; size <= post.length; size++) {
      const client = await setup.connect();
      if (size > 0) client.send(post.slice(0, size));
      for (let i = 0; i < 5; i++) await undefined;
      client.transport[how]();
    }
  }
  // What a connection leaves behind would be waited for.
  await setup.server.close({ deadline: Infinity });
  assertEquals(setup.reports, []);
  assertEquals(new Set(statuses), new Set([400, "hello"]));
  assert(started > 5 && statuses.length === started, `${statuses.length} of ${started} were told`);
});

test("Server lets a peer that will not end read its refusal, and then drops it", async () => {
  const setup = await Setup.start(hello);
  const client = await setup.connect();
  client.end = (): void => {};
  client.send("garbage\r\n".repeat(1000));
  client.transport.write(new Uint8Array(1_000_000), false);
  await client.until(() => client.received.includes("\r\n\r\n"));
  assertEquals(parseAnswer(client.received).status, 400);
  assertEquals(await client.until(() => client.ending === "abort").then(() => client.ending), "abort");
  await setup.server.close({ deadline: Infinity });
});

test("Server answers HEAD with the head alone", async () => {
  const setup = await Setup.start({
    "/text": hello,
    "/response": () => new Response("hello"),
  });
  for (const [path, field] of [["/text", "content-length: 5"], ["/response", "transfer-encoding: chunked"]]) {
    const { status, fields, body } = parseAnswer(await setup.exchange(requestText(`HEAD ${path} HTTP/1.1`)));
    assertEquals([status, body], [200, ""]);
    assertStringIncludes(fields, `\n${field}\n`);
  }
  await setup.server.close();
});

test("Server answers as handlers say, and frames the answer itself", async () => {
  const setup = await Setup.start({
    "/empty": () => {},
    "/none": (req) => {
      req.response.statusCode = 204;
    },
    "/odd": (req) => {
      req.response.statusCode = 299;
      req.response.setHeader({
        "Connection": "keep-alive",
        "Content-Length": 99,
        "Transfer-Encoding": "x",
        "X-A": "é",
      });
      req.response.addCookie({ name: "a", value: "1" });
      req.response.addCookie({ name: "b", value: "2" });
      req.response.write("odd");
    },
    "/large": (req) => req.response.write("x".repeat(300_000)),
    "/moved": (req) => req.response.redirect("/odd"),
    "/json": (req) => req.response.json({ a: 1 }),
  });
  const get = async (path: string): Promise<ReturnType<typeof parseAnswer>> =>
    parseAnswer(await setup.exchange(requestText(`GET ${path} HTTP/1.1`)));
  const empty = await get("/empty");
  assertEquals([empty.status, empty.body], [200, ""]);
  assertStringIncludes(empty.fields, "\ncontent-length: 0\n");
  const none = await get("/none");
  assertEquals([none.status, none.fields.includes("content-length")], [204, false]);
  const odd = await get("/odd");
  assertEquals([odd.status, odd.body], [299, "odd"]);
  const lines = odd.fields.split("\n").filter((line) => line !== "" && !line.startsWith("date"));
  assertEquals(lines.sort(), [
    "connection: close",
    "content-length: 3",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "x-a: \xe9",
  ]);
  assertEquals((await get("/large")).body.length, 300_000);
  const moved = await get("/moved");
  assertEquals(moved.status, 302);
  assertStringIncludes(moved.fields, "\nlocation: /odd\n");
  assertEquals((await get("/json")).body, '{"a":1}');
  await setup.server.close();
});

test("Server streams the body of a Response, in chunks for HTTP/1.1", async () => {
  const parts = ["one", "", "x".repeat(200_000), "three"];
  const setup = await Setup.start(() => {
    const list = parts.map((part) => new TextEncoder().encode(part));
    return new Response(
      new ReadableStream({
        pull(controller): void {
          const next = list.shift();
          if (next === undefined) controller.close();
          else controller.enqueue(next);
        },
      }),
    );
  });
  const chunked = parseAnswer(await setup.exchange(GET));
  assertStringIncludes(chunked.fields, "\ntransfer-encoding: chunked\n");
  const wanted = parts.filter((part) => part !== "").map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  assert(chunked.body === `${wanted.join("")}0\r\n\r\n`);
  const plain = parseAnswer(await setup.exchange(requestText("GET / HTTP/1.0", [])));
  assert(plain.body === parts.join("") && !plain.fields.includes("transfer-encoding"));
  await setup.server.close();
});

test("Server breaks an answer off whose stream fails, and reports it", async () => {
  const setup = await Setup.start(() => {
    let count = 0;
    return new Response(
      new ReadableStream({
        pull(controller): void {
          if (count++ > 0) throw new Error("out of data");
          controller.enqueue(new Uint8Array(3));
        },
      }),
    );
  });
  const client = (await setup.connect()).send(GET);
  await client.over();
  assertEquals(client.ending, "abort");
  assertStringIncludes(String(setup.reports[0]), "out of data");
  await setup.server.close();
});

test("Server cancels the stream of an answer when the peer is gone", async () => {
  const cancelled = deferred();
  const signals: AbortSignal[] = [];
  const setup = await Setup.start((req) => {
    signals.push(req.signal);
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(Uint8Array.of(65)),
        cancel: () => cancelled.resolve(),
      }),
    );
  });
  const client = (await setup.connect()).send(GET);
  await client.until(() => client.received.includes("A"));
  client.transport.abort();
  await cancelled.promise;
  assert(signals[0]?.aborted);
  await setup.server.close({ deadline: Infinity });
  assertEquals(setup.reports, []);
});

test("Server reads bodies, of a length and in chunks", async () => {
  const setup = await Setup.start({
    "/text": async (req) => req.response.write(await req.text()),
    "/echo": (req) => new Response(req.request.body),
    "/form": async (req) => req.response.write(String((await req.request.formData()).get("a"))),
    "/login": async (req) => {
      const { user } = await req.json() as { user: string };
      req.response.addCookie({ name: "user", value: user });
    },
  });
  const post = async (path: string, fields: string[], body: string): Promise<ReturnType<typeof parseAnswer>> =>
    parseAnswer(await setup.exchange(requestText(`POST ${path} HTTP/1.1`, ["Host: a", ...fields], body)));
  const chunks = "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
  assertEquals((await post("/text", ["Content-Length: 5"], "hello")).body, "hello");
  assertEquals((await post("/text", ["Transfer-Encoding: chunked"], chunks)).body, "hello");
  assertEquals((await post("/text", [], "")).body, "");
  assertEquals((await post("/echo", ["Content-Length: 5"], "hello")).body, "5\r\nhello\r\n0\r\n\r\n");
  const type = "Content-Type: application/x-www-form-urlencoded";
  assertEquals((await post("/form", [type, "Content-Length: 5"], "a=b+c")).body, "b c");
  const login = await post("/login", ["Content-Length: 14"], '{"user":"bob"}');
  assertStringIncludes(login.fields, "\nset-cookie: user=bob\n");
  assertEquals((await post("/login", ["Content-Length: 1"], "{")).status, 400);
  assertEquals((await post("/text", ["Transfer-Encoding: chunked"], "x\r\n")).status, 400);
  assertEquals(setup.reports, []);
  await setup.server.close();
});

test("Server says 100 Continue when the body is read, and not before", async () => {
  const setup = await Setup.start({ "/read": async (req) => req.response.write(await req.text()), "/not": () => {} });
  const fields = ["Host: a", "Content-Length: 2", "Expect: 100-Continue"];
  const client = (await setup.connect()).send(requestText("POST /read HTTP/1.1", fields));
  await client.until(() => client.received === "HTTP/1.1 100 Continue\r\n\r\n");
  client.received = "";
  assertEquals(parseAnswer(await client.send("ok").over()).body, "ok");
  assertEquals(parseAnswer(await setup.exchange(requestText("POST /not HTTP/1.1", fields))).status, 200);
  await setup.server.close();
});

test("Server gives a body only so much time", async () => {
  const setup = await Setup.start(async (req) => req.response.write(await req.text()), { handshakeTimeout: 20 });
  const { status, body } = parseAnswer(
    await setup.exchange(requestText("POST / HTTP/1.1", ["Host: a", "Content-Length: 5"], "hell")),
  );
  assertEquals(status, 408);
  assertStringIncludes(body, "wanted 5 bytes");
  await setup.server.close();
});

test("Server answers 500 when a handler throws, and tells only the reporter why", async () => {
  const faults: HandlerLike = {
    "/throws": () => {
      throw new Error("secret 1");
    },
    "/rejects": () => Promise.reject(new Error("secret 2")),
    "/nothing": () => Promise.reject(undefined),
    "/splits": (req) => req.response.setHeader("x-a", "1\r\nx-b: 2"),
    "/splits-cookie": (req) => req.response.addCookie({ name: "a", value: "\r\n" }),
  };
  const setup = await Setup.start(faults);
  for (const path of Object.keys(faults)) {
    const text = await setup.exchange(requestText(`GET ${path} HTTP/1.1`));
    const { status, body } = parseAnswer(text);
    assertEquals([status, body], [500, "Internal server error\n"]);
    assert(!text.includes("secret") && !text.includes("x-b"));
  }
  assertEquals(setup.reports.length, 5);
  await setup.server.close();
});

test("Server survives a reporter that throws", async () => {
  const logged: unknown[] = [];
  const { error } = console;
  console.error = (...args: unknown[]): void => void logged.push(...args);
  try {
    const boom = (): never => {
      throw new Error("boom");
    };
    const setup = await Setup.start(boom, { onerror: boom });
    assertEquals(parseAnswer(await setup.exchange(GET)).status, 500);
    assertStringIncludes(logged.join(" "), "boom");
    await setup.server.close();
  } finally {
    console.error = error;
  }
});

test("Server aborts the signal of a request whose peer is gone, and does not wait for its handler", async () => {
  const reached = deferred<AbortSignal>();
  const late = deferred();
  const setup = await Setup.start(async (req) => {
    reached.resolve(req.signal);
    await late.promise;
  });
  const client = (await setup.connect()).send(GET);
  const signal = await reached.promise;
  assert(!signal.aborted);
  client.transport.abort();
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await setup.server.close({ deadline: Infinity });
  late.resolve();
});

test("Server replaces its handler while it runs", async () => {
  const setup = await Setup.start(hello);
  const before = setup.server.handler;
  setup.server.handler = [() => new Response(null, { status: 202 })];
  assert(setup.server.handler !== before);
  assertEquals(parseAnswer(await setup.exchange(GET)).status, 202);
  setup.server.handler = before;
  assertStrictEquals(setup.server.handler, before);
  assertEquals(parseAnswer(await setup.exchange(GET)).body, "hello");
  assertThrows(() => setup.server.handler = "x" as unknown as HandlerLike, TypeError, "Cannot make a handler");
  await setup.server.close();
});

test("Server stops listening while what is open goes on, and may start again", async () => {
  const go = deferred();
  const reached = deferred();
  const setup = await Setup.start(async () => {
    reached.resolve();
    await go.promise;
  });
  const { server } = setup;
  await assertRejects(() => server.start(), TypeError, "started before");
  const { address } = server;
  const client = (await setup.connect()).send(GET);
  await reached.promise;
  await server.stop();
  await server.stop();
  assertThrows(() => server.address, TypeError, "does not listen");
  assertThrows(() => server.url(), TypeError, "does not listen");
  assertEquals(server.port, 0);
  await assertRejects(() => setup.network.connect(address as never));
  go.resolve();
  assertEquals(parseAnswer(await client.over()).status, 200);
  await server.start();
  assertEquals(parseAnswer(await setup.exchange(GET)).status, 200);
  await server.close();
  await server.close();
});

test("Server tells where it is", async () => {
  const setup = await Setup.start(hello);
  assertEquals(setup.server.url("/a?b"), `ws://127.0.0.1:${setup.server.port}/a?b`);
  const places: [ServerOptions, RegExp][] = [
    [{ hostname: "0.0.0.0" }, /^ws:\/\/127\.0\.0\.1:\d+\/$/],
    [{ hostname: "::1" }, /^ws:\/\/\[::1\]:\d+\/$/],
    [{ hostname: "localhost", tls: { cert: "c", key: "k" } }, /^wss:\/\/localhost:\d+\/$/],
  ];
  for (const [options, wanted] of places) {
    const other = await Setup.start(hello, options);
    assert(wanted.test(other.server.url()), other.server.url());
    await other.server.close();
  }
  const unix = new Server({ path: "/tmp/a b:c" }, hello, () => Promise.resolve(setup.network));
  await unix.start();
  assertEquals(unix.url("/x"), "ws+unix:///tmp/a%20b%3Ac:/x");
  await unix.close();
  await setup.server.close();
});

test("Server rejects start() when the address is taken, and may try again", async () => {
  const setup = await Setup.start(hello);
  const { network, server } = setup;
  const second = new Server({ port: server.port, hostname: "127.0.0.1" }, hello, () => Promise.resolve(network));
  await assertRejects(() => second.start(), Error, "already in use");
  await server.close();
  await second.start();
  await second.close();
});

test("Server.close() lets requests that are being handled be answered, and cuts those that did not come", async () => {
  const reached = deferred();
  const go = deferred();
  const setup = await Setup.start(async (req: HttpRequest) => {
    reached.resolve();
    await go.promise;
    req.response.write("late");
  });
  const idle = (await setup.connect()).send("GET / HT");
  const busy = (await setup.connect()).send(GET);
  await reached.promise;
  const closed = setup.server.close();
  await idle.over();
  assertEquals([idle.ending, idle.received], ["abort", ""]);
  go.resolve();
  assertEquals(parseAnswer(await busy.over()).body, "late");
  await closed;
});

test("Server.close() cuts what is left at the deadline", async () => {
  const reached = deferred<AbortSignal>();
  const setup = await Setup.start(async (req) => {
    reached.resolve(req.signal);
    await new Promise(() => {});
  });
  const client = (await setup.connect()).send(GET);
  const signal = await reached.promise;
  await setup.server.close({ deadline: 10 });
  await client.over();
  assertEquals([client.ending, signal.aborted], ["abort", true]);
});

test("Server refuses options that are wrong, by name", async () => {
  const runtime = (): never => {
    throw new Error("no runtime");
  };
  const make = (options: unknown, like: unknown = hello): Server =>
    new Server(options as ServerOptions, like as HandlerLike, runtime);
  const wrong: [unknown, new () => Error, string][] = [
    [{ prot: 80 }, TypeError, '"prot" is unknown'],
    [null, TypeError, "options is null"],
    ["80", TypeError, 'options is "80"'],
    [{}, TypeError, "port: got undefined"],
    [{ port: "80" }, TypeError, 'port: got "80"'],
    [-1, RangeError, "port: got -1"],
    [{ port: 65_536 }, RangeError, "wanted a whole number from 0 to 65535"],
    [{ port: 1, hostname: 7 }, TypeError, "hostname: got 7"],
    [{ port: 1, path: "/x" }, TypeError, "path"],
    [{ port: 1, tls: true }, TypeError, "tls: got true"],
    [{ port: 1, tls: { cert: "x" } }, TypeError, "tls.key"],
    [{ port: 1, maxHeadSize: 0 }, RangeError, "maxHeadSize: got 0"],
    [{ port: 1, maxHeadFields: "8" }, TypeError, 'maxHeadFields: got "8"'],
    [{ port: 1, maxBodySize: -1 }, RangeError, "maxBodySize: got -1"],
    [{ port: 1, handshakeTimeout: NaN }, RangeError, "handshakeTimeout: got NaN"],
    [{ port: 1, onerror: "x" }, TypeError, 'onerror: got "x"'],
  ];
  for (const [options, kind, mention] of wrong) assertThrows(() => make(options), kind, mention);
  assertThrows(() => make(1, 7), TypeError, "Cannot make a handler");
  const server = make(1);
  await assertRejects(() => server.close({ code: 1005 }), RangeError, "code is 1005");
  await assertRejects(() => server.close({ reason: "é".repeat(62) }), RangeError, "123 bytes");
  await assertRejects(() => server.close({ reason: 7 as never }), TypeError, "reason: got 7");
  await assertRejects(() => server.close({ deadline: -1 }), RangeError, "deadline");
  await assertRejects(() => server.close({ dealine: 1 } as never), TypeError, '"dealine" is unknown');
  await assertRejects(() => server.start(), Error, "no runtime");
  await server.close();
});
