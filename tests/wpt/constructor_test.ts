/**
 * What the web platform's tests in `websockets/` pin of the constructor: URLs, subprotocols, what is thrown, and the
 * opening handshake. Each test names the files whose facts it checks; `docs/web_platform.md` has the whole table.
 */

import { test } from "node:test";
import { HandshakeError, Socket } from "@sockeye/ws";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { RawServer } from "../conformance/peer.ts";
import { next, serving, story, using } from "./server.ts";

/** Where nobody listens, and what comes of trying does not matter. */
const NOWHERE = "ws://127.0.0.1:1/";

function throwsSyntaxError(make: () => unknown): void {
  assertEquals(assertThrows(make, DOMException).name, "SyntaxError");
}

/** Makes a socket that is of no further interest. */
function make(...args: ConstructorParameters<typeof Socket>): Socket {
  const socket = new Socket(...args);
  socket.terminate();
  return socket;
}

test("constructor/001: without a URL it throws a TypeError", () => {
  assertThrows(() => new (Socket as never as new () => Socket)(), TypeError);
});

test("constructor/002, Create-invalid-urls, Create-wrong-scheme: what is no URL of a WebSocket throws", () => {
  const urls = [
    ...["ws://foo bar.com/", "wss://foo bar.com/", "ftp://127.0.0.1/", "mailto:example@example.org", "about:blank"],
    ...["ws://127.0.0.1/#", "ws://127.0.0.1/#test", "#test", "?test", "/test", "ws://127.0.0.1:65536/", "ws://[::1"],
  ];
  for (const url of urls) throwsSyntaxError(() => new Socket(url));
});

test("Create-http-urls, interfaces/WebSocket/url: http and https are ws and wss, default ports go, paths come", () => {
  const urls = [
    ["http://127.0.0.1:1/x", "ws://127.0.0.1:1/x"],
    ["https://127.0.0.1:1/x", "wss://127.0.0.1:1/x"],
    ["ws://127.0.0.1:80/", "ws://127.0.0.1/"],
    ["wss://127.0.0.1:443/", "wss://127.0.0.1/"],
    ["ws://127.0.0.1:443/", "ws://127.0.0.1:443/"],
    ["WS://127.0.0.1:1/echo", "ws://127.0.0.1:1/echo"],
    ["ws://127.0.0.1:1", "ws://127.0.0.1:1/"],
    ["ws://127.0.0.1:1/a b?c d", "ws://127.0.0.1:1/a%20b?c%20d"],
  ];
  for (const [given, url] of urls) assertEquals(make(given!).url, url);
  const socket = make(NOWHERE);
  delete (socket as { url?: string }).url;
  assertEquals(socket.url, NOWHERE);
  assertThrows(() => (socket as { url: string }).url = "ws://a.example/", TypeError);
});

test("constructor/004, Create-*-protocol*: a subprotocol is a token", () => {
  const characters = [...'"(),/:;<=>?@[\\]{} \t', "\u0000", "\u0080", "\u00ff", "\u0100"];
  for (let code = 1; code < 0x20; code++) characters.push(String.fromCharCode(code));
  for (let code = 0x7f; code < 0x100; code++) characters.push(String.fromCharCode(code));
  for (const character of characters) {
    throwsSyntaxError(() => new Socket(NOWHERE, `a${character}b`));
    throwsSyntaxError(() => new Socket(NOWHERE, ["fine", `a${character}b`]));
  }
  throwsSyntaxError(() => new Socket(NOWHERE, [""]));
});

test("constructor/021, Create-protocols-repeated*: each subprotocol once, in letters as they are", () => {
  throwsSyntaxError(() => new Socket(NOWHERE, ["echo", "echo"]));
  make(NOWHERE, ["echo", "Echo"]);
});

test("constructor/009, 011, 022, Create-valid-url-*protocol*: the subprotocol is the server's choice", async () => {
  await serving(async (base) => {
    await using(`${base}/protocol`, (socket) => assertEquals(socket.protocol, "echo"), "echo");
    await using(`${base}/protocol`, (socket) => assertEquals(socket.protocol, "other"), ["echo", "other"]);
    await using(`${base}/echo`, (socket) => assertEquals(socket.protocol, ""));
  });
});

test("interfaces/WebSocket/protocol, extensions: both are empty before it is open", async () => {
  await serving(async (base) => {
    const socket = new Socket(`${base}/protocol`, "echo");
    assertEquals([socket.protocol, socket.extensions, socket.readyState], ["", "", 0]);
    await next(socket, "open");
    assertEquals([socket.protocol, socket.extensions, socket.readyState], ["echo", "", 1]);
    const closed = next(socket, "close");
    socket.close();
    await closed;
    assertEquals(socket.protocol, "echo");
  });
});

test("constructor/012: a server that selects none of the offered subprotocols is refused", async () => {
  await serving(async (base) => {
    const socket = new Socket(`${base}/no-protocol`, "foobar");
    assertEquals(await story(socket), ["error", "close"]);
    assertEquals(socket.readyState, 3);
  });
});

test("constructor/016, 017, 018: a query goes out as UTF-8, percent-encoded", async () => {
  await serving(async (base) => {
    for (const [query, encoded] of [["åäö", "%C3%A5%C3%A4%C3%B6"], ["x\u0000y\u0000", "x%00y"]]) {
      const socket = new Socket(`${base}/echo-query?${query}`);
      assertEquals((await next(socket, "message")).data, encoded);
      socket.terminate();
    }
  });
});

test("basic-auth: the user and password of a URL go out with the request", async () => {
  await serving(async (base) => {
    const credentials: [string, string][] = [
      ["foo:bar@", "Basic Zm9vOmJhcg=="],
      ["foo@", "Basic Zm9vOg=="],
      [":bar@", "Basic OmJhcg=="],
      ["f%C3%BC:b%3Ar@", `Basic ${btoa("f\u00c3\u00bc:b:r")}`],
      ["a%zz:%ff@", `Basic ${btoa("a%zz:\u00ff")}`],
      ["", "none"],
    ];
    for (const [user, sent] of credentials) {
      const socket = new Socket(`${base.replace("//", `//${user}`)}/echo-authorization`);
      assertEquals((await next(socket, "message")).data, sent);
      socket.terminate();
    }
    const own = new Socket(`${base.replace("//", "//foo:bar@")}/echo-authorization`, {
      headers: { authorization: "Bearer own" },
    });
    assertEquals((await next(own, "message")).data, "Bearer own");
    own.terminate();
  });
});

test("opening-handshake/001, 002: a wrong answer fails the connection: error, then close", async () => {
  const server = await RawServer.listen(() => ["Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="]);
  try {
    const socket = new Socket(`ws://127.0.0.1:${server.port}/`);
    const failed = next(socket, "error");
    const closed = next(socket, "close");
    assertInstanceOf((await failed).error, HandshakeError);
    const { wasClean, code, reason } = await closed;
    assertEquals([wasClean, code, reason], [false, 1006, ""]);
    (await server.accept()).socket.destroy();
  } finally {
    server.close();
  }
});

test("interfaces/WebSocket/events/020: what cannot be reached tells error, then close", async () => {
  const socket = new Socket("ws://nobody.invalid/");
  assertEquals(await story(socket), ["error", "close"]);
});
