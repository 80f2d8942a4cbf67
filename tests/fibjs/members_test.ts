/** The members of `ws.Socket` by the list: constructors and their defaults, listeners, `this`, options that reach the peer. */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import type * as http from "@sockeye/ws/http";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { next, serving, story } from "./kit.ts";

test("constants of the module, of the class and of each socket", async () => {
  assertEquals([ws.CONTINUE, ws.TEXT, ws.BINARY, ws.CLOSE, ws.PING, ws.PONG], [0, 1, 2, 8, 9, 10]);
  const states = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
  const socket = new ws.Socket("ws://127.0.0.1:1/");
  for (const [value, name] of states.entries()) {
    assertEquals([ws[name], ws.Socket[name], socket[name]], [value, value, value]);
  }
  await next(socket, "close");
});

test("each form of the constructor asks for what it says, and for nothing else", async () => {
  const seen: (string | null)[][] = [];
  const names = ["sec-websocket-protocol", "origin", "sec-websocket-extensions", "x-a", "user-agent", "cookie"];
  const app = [
    (req: http.HttpRequest) => void seen.push(names.map((name) => req.firstHeader(name))),
    ws.upgrade({ protocols: (offered) => offered.at(-1), origin: "*", perMessageDeflate: true }, () => {}),
  ];
  const nothing = [null, null, null, null, null, null];
  await serving(app, async (svr) => {
    const url = svr.url("/ws");
    const origin = "http://a.example";
    const forms: [make: () => ws.BaseSocket, asked: (string | null)[], protocol: string, origin: string][] = [
      [() => new ws.Socket(url), nothing, "", ""],
      [() => new ws.Socket(new URL(url)), nothing, "", ""],
      [() => new ws.Socket(url.replace("ws:", "http:")), nothing, "", ""],
      [() => new ws.Socket(url, ""), nothing, "", ""],
      [() => new ws.Socket(url, []), nothing, "", ""],
      [() => new ws.Socket(url, {}), nothing, "", ""],
      [() => new ws.Socket(url, undefined, origin), [null, origin, null, null, null, null], "", origin],
      [() => new ws.Socket(url, "a"), ["a", null, null, null, null, null], "a", ""],
      [() => new ws.Socket(url, "a", origin), ["a", origin, null, null, null, null], "a", origin],
      [() => new ws.Socket(url, ["a", "b"]), ["a, b", null, null, null, null, null], "b", ""],
      [() => new ws.Socket(url, ["a", "b"], origin), ["a, b", origin, null, null, null, null], "b", origin],
      [() => new ws.Socket(url, { protocol: "a" }), ["a", null, null, null, null, null], "a", ""],
      [
        () => new ws.Socket(url, { protocols: ["a", "b"], origin }),
        ["a, b", origin, null, null, null, null],
        "b",
        origin,
      ],
      [() => new ws.Socket(url, { headers: { "X-A": "1" } }), [null, null, null, "1", null, null], "", ""],
      [
        () => new ws.Socket(url, { perMessageDeflate: true }),
        [null, null, "permessage-deflate; client_max_window_bits", null, null, null],
        "",
        "",
      ],
      [() => new ws.Socket(url, { perMessageDeflate: false }), nothing, "", ""],
    ];
    for (const [make, asked, protocol, from] of forms) {
      const socket = make();
      assertEquals([socket.url, socket.readyState, socket.origin], [url, ws.CONNECTING, from]);
      assertInstanceOf(socket, ws.Socket);
      await next(socket as ws.Socket, "open");
      assertEquals(seen.at(-1), asked, String(make));
      assertEquals([socket.protocol, socket.origin, socket.url, socket.readyState], [protocol, from, url, ws.OPEN]);
      assertEquals(socket.extensions.startsWith("permessage-deflate"), asked[2] !== null);
      socket.close();
      await next(socket as ws.Socket, "close");
    }
  });
});

test("this is the socket in every kind of listener, and each gets the event", async () => {
  await serving(ws.upgrade((conn) => conn.send("hello")), async (svr) => {
    const socket = new ws.Socket(svr.url());
    const seen: unknown[] = [];
    function listener(this: unknown, event: { type: string; target: unknown }): void {
      assertStrictEquals(this, socket);
      assertStrictEquals(event.target, socket);
      seen.push(event.type);
    }
    socket.onmessage = listener;
    socket.on("message", listener);
    socket.once("message", listener);
    socket.prependListener("message", listener);
    socket.addListener("open", listener);
    socket.addEventListener("close", listener);
    socket.onclose = listener;
    socket.onmessage = function (event) {
      listener.call(this, event);
      this.close();
    };
    await next(socket, "close");
    assertEquals(seen, ["open", "message", "message", "message", "message", "close", "close"]);
  });
});

test("onname and on() stand beside each other; fibjs's onname takes the place of all", async () => {
  await serving(ws.upgrade((conn) => void conn.on("message", ({ data }) => conn.send(data))), async (svr) => {
    const socket = new ws.Socket(svr.url());
    const calls: string[] = [];
    const first = (): unknown => calls.push("first");
    const second = (): unknown => calls.push("second");
    socket.on("message", () => calls.push("on"));
    socket.onmessage = first;
    assertStrictEquals(socket.onmessage, first);
    socket.onmessage = second;
    assertStrictEquals(socket.onmessage, second);
    await next(socket, "open");
    socket.send("a");
    await next(socket, "message");
    assertEquals(calls, ["on", "second"]);
    socket.onmessage = null;
    socket.send("b");
    await next(socket, "message");
    assertEquals([calls, socket.onmessage], [["on", "second", "on"], null]);
    socket.close();
    await next(socket, "close");
  });
});

test("the emitter's members, all of them, return what the list says", async () => {
  const socket = new ws.Socket("ws://127.0.0.1:1/");
  const listener = (): void => {};
  for (const add of ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const) {
    assertStrictEquals(socket[add]("message", listener), socket);
  }
  assertStrictEquals(socket.on({ open: listener, close: listener }), socket);
  assertStrictEquals(socket.once({ error: listener }), socket);
  assertEquals([socket.listenerCount("message"), socket.listeners("message").length], [5, 5]);
  assertEquals(socket.eventNames().sort(), ["close", "error", "message", "open"]);
  assertStrictEquals(socket.off("message", listener), socket);
  assertStrictEquals(socket.removeListener("message", listener), socket);
  assertEquals(socket.listenerCount("message"), 3);
  assertStrictEquals(socket.off("message"), socket);
  assertEquals(socket.listenerCount("message"), 0);
  assertEquals([socket.emit("message", 1), socket.emit("open", 1)], [false, true]);
  assertStrictEquals(socket.off({ open: listener }), socket);
  assertStrictEquals(socket.removeAllListeners(["open"]), socket);
  assertStrictEquals(socket.removeAllListeners(), socket);
  assertEquals(socket.eventNames(), []);
  assertEquals(socket.setMaxListeners(5).getMaxListeners(), 5);
  let own = 0;
  socket.addEventListener("open", () => own++, { once: true });
  assertEquals(socket.dispatchEvent({ type: "open" }), true);
  socket.dispatchEvent({ type: "open" });
  assertEquals(own, 1);
  assertStrictEquals(socket.ref(), socket);
  assertStrictEquals(socket.unref(), socket);
  assertStrictEquals(socket.ref(), socket);
  assertStrictEquals(socket.pause().resume(), socket);
  await next(socket, "close");
});

test("an error without a listener is no crash, at either end", async () => {
  const ended: string[] = [];
  await serving(
    ws.upgrade((conn) => void conn.on("close", ({ code }) => ended.push(`server ${code}`))),
    async (svr) => {
      const socket = new ws.Socket(svr.url());
      await next(socket, "open");
      socket.terminate();
      const refused = new ws.Socket("ws://127.0.0.1:1/");
      await next(refused, "close");
      while (ended.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  );
  assertEquals(ended, ["server 1006"]);
});

test("send takes text, bytes and what fibjs makes text of: numbers and dates", async () => {
  await serving(ws.upgrade((conn) => void conn.on("message", ({ data }) => conn.send(data))), async (svr) => {
    const socket = new ws.Socket(svr.url());
    await next(socket, "open");
    const date = new Date();
    const message = new ws.Message(ws.TEXT);
    message.write("in a message");
    const sent: [data: unknown, wanted: unknown][] = [
      ["text", "text"],
      [5, "5"],
      [date, String(date)],
      [true, "true"],
      [null, "null"],
      [message, "in a message"],
      [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
      [Uint8Array.of(1, 2).buffer, Uint8Array.of(1, 2)],
      [new DataView(Uint8Array.of(1, 2, 3).buffer, 1), Uint8Array.of(2, 3)],
      [new Blob(["blob"]), new TextEncoder().encode("blob")],
    ];
    for (const [data, wanted] of sent) {
      assertEquals(socket.send(data), true);
      assertEquals((await next(socket, "message")).data, wanted);
    }
    const time = await socket.ping("are you there");
    assert(time >= 0);
    assertEquals(socket.roundTripTime, time);
    socket.close();
    socket.send("12345");
    assert(socket.bufferedAmount >= 5);
    await next(socket, "close");
  });
});

test("close() and terminate() while connecting fail the connection", async () => {
  for (const end of ["close", "terminate"] as const) {
    const socket = new ws.Socket("ws://127.0.0.1:1/");
    socket[end]();
    assertEquals(socket.readyState, ws.CLOSING);
    assertEquals(await story(socket), ["error 1001 WS_ABORTED", 'close 1006 "" unclean none']);
  }
});
