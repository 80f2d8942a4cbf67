/** A link over a WebSocket that a platform made: what it tells, holds, refuses and ends, with a platform of our own. */

import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { connectNative, NativeStart } from "../../src/socket/native_connect.ts";
import { type NativeLimits, NativeLink } from "../../src/socket/native_link.ts";
import { checkOptions, type SocketOptions } from "../../src/socket/options.ts";
import { Socket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { PlatformEvent, PlatformSocket, Runtime } from "../../src/socket/transport.ts";
import { LinkLog, turn } from "./peer.ts";

/** A platform's WebSocket that does what the test says. */
class FakeSocket implements PlatformSocket {
  binaryType = "blob";
  readyState = 1;
  readonly protocol = "chat";
  readonly extensions = "permessage-deflate";
  bufferedAmount = 0;
  readonly calls: unknown[][] = [];
  readonly #listeners: [type: string, listener: (event: PlatformEvent) => void][] = [];
  ping?: (data: Uint8Array) => void;
  terminate?: () => void;

  send(data: string | Uint8Array): void {
    this.calls.push(["send", typeof data === "string" ? data : [...data]]);
  }

  close(...args: unknown[]): void {
    const [code] = args as [number?];
    if (code !== undefined && code !== 1000 && code < 3000) throw new DOMException("No", "InvalidAccessError");
    if (this.readyState < 2) this.readyState = 2;
    this.calls.push(["close", ...args]);
  }

  addEventListener(type: string, listener: (event: PlatformEvent) => void): void {
    this.#listeners.push([type, listener]);
  }

  emit(type: string, event: PlatformEvent = {}): this {
    if (type === "open") this.readyState = 1;
    if (type === "close") this.readyState = 3;
    for (const [name, listener] of this.#listeners) if (name === type) listener(event);
    return this;
  }

  message(data: string | number[]): this {
    return this.emit("message", { data: typeof data === "string" ? data : new Uint8Array(data).buffer });
  }
}

interface Setup {
  socket: FakeSocket;
  link: NativeLink;
  log: LinkLog;
}

function setup(limits: NativeLimits = {}, more: Partial<FakeSocket> = {}): Setup {
  const socket = Object.assign(new FakeSocket(), more);
  const link = new NativeLink(socket, limits);
  const log = new LinkLog();
  return { socket, link, log };
}

function started(limits: NativeLimits = {}, more: Partial<FakeSocket> = {}): Setup {
  const all = setup(limits, more);
  all.link.start(all.log);
  return all;
}

test("a native link has what the platform negotiated, and wants its bytes as ArrayBuffer", () => {
  const { socket, link } = setup();
  assertEquals([link.protocol, link.extensions, socket.binaryType], ["chat", "permessage-deflate", "arraybuffer"]);
});

test("a native link delivers at once, and holds what comes before it starts", async () => {
  const { socket, link, log } = setup();
  socket.message("a").message([1, 2]);
  link.start(log);
  assertEquals(log.told, []);
  socket.message("b");
  await turn();
  assertEquals(log.told, ["text a", "binary 0102", "text b"]);
  socket.message("c");
  assertEquals(log.told.at(-1), "text c");
});

test("a native link that is paused holds messages and the end, in order", async () => {
  const { socket, link, log } = started();
  link.pause();
  socket.message("a").message("b").emit("close", { code: 4000, reason: "x", wasClean: true });
  await turn();
  assertEquals(log.told, []);
  log.ontold = (what) => {
    if (what === "text a") link.pause();
  };
  link.resume();
  link.resume();
  await turn();
  assertEquals(log.told, ["text a"]);
  link.resume();
  await turn();
  assertEquals(log.told, ["text a", "text b", "closing", 'close 4000 "x" clean remote']);
});

test("a native link that is paused and holds too much fails", () => {
  const { socket, link, log } = started({ maxBufferedAmount: 10 });
  link.pause();
  socket.message("0123456789");
  assertEquals(log.told, []);
  socket.message("x");
  assertEquals(log.told, ["closing", "error WS_BUFFER_OVERFLOW", 'close 1006 "" unclean none']);
  assertEquals(socket.calls, [["close"]]);
});

test("a native link sends text and bytes, and copies shared memory", () => {
  const { socket, link } = started();
  link.sendText("a", true);
  link.sendBinary(new Uint8Array([1, 2]), true);
  link.sendBinary(new Uint8Array(new SharedArrayBuffer(1)), false);
  assertEquals(socket.calls, [["send", "a"], ["send", [1, 2]], ["send", [0]]]);
});

test("a native link sends nothing once the platform is closing", () => {
  const { socket, link } = started();
  socket.readyState = 2;
  link.sendText("a", false);
  assertEquals(socket.calls, []);
});

test("a native link is congested from the high-water mark until nothing waits", async () => {
  const { socket, link, log } = started({ highWaterMark: 5 });
  socket.bufferedAmount = 4;
  assertEquals([link.congested, link.buffered, link.bufferedAmount], [false, 4, 4]);
  socket.bufferedAmount = 5;
  assertStrictEquals(link.congested, true);
  socket.bufferedAmount = 0;
  assertStrictEquals(link.congested, true);
  await new Promise<void>((resolve) => log.ontold = () => resolve());
  assertEquals(log.told, ["drain"]);
  assertStrictEquals(link.congested, false);
});

test("a native link fails when more waits to be sent than may", () => {
  const { socket, link, log } = started({ maxBufferedAmount: 5 });
  socket.bufferedAmount = 6;
  link.sendText("a", false);
  assertEquals(log.told, ["closing", "error WS_BUFFER_OVERFLOW", 'close 1006 "" unclean none']);
});

test("a native link fails on a message over maxPayload, counted in bytes", async () => {
  for (const [message, size] of [["éé", 4], [[1, 2, 3, 4], 4]] as const) {
    const fits = started({ maxPayload: size });
    fits.socket.message(message as string);
    assertEquals(fits.log.told.length, 1);
    const over = started({ maxPayload: size - 1 });
    over.socket.message(message as string).message("more");
    assertEquals(over.log.told, ["closing", "error WS_MESSAGE_TOO_BIG", 'close 1006 "" unclean local']);
    assertEquals(over.socket.calls, [["close"]]);
  }
  const held = setup({ maxPayload: 1 });
  held.socket.message("ab");
  held.link.start(held.log);
  await held.log.over;
  assertEquals(held.log.errors[0]!.code, "WS_MESSAGE_TOO_BIG");
});

test("a native link closes with what the platform can send, and with nothing else", () => {
  for (const [code, reason, sent] of [[1000, "", [1000, ""]], [4999, "bye", [4999, "bye"]]] as const) {
    const { socket, link, log } = started();
    link.close(code, reason);
    link.close(3000, "again");
    assertEquals(socket.calls, [["close", ...sent]]);
    socket.emit("close", { code, reason, wasClean: true });
    assertEquals(log.told, ["closing", `close ${code} ${JSON.stringify(reason)} clean local`]);
  }
  for (const code of [undefined, 1001, 1011]) {
    const { socket, link, log } = started();
    link.close(code, "reason");
    assertEquals(socket.calls, [["close"]]);
    socket.emit("close", { code: 1005, reason: "", wasClean: true });
    assertEquals(log.told, ["closing", 'close 1005 "" clean local']);
  }
});

test("a native link that closes while the platform is closing tells that the peer began", () => {
  const { socket, link, log } = started();
  socket.readyState = 2;
  link.close(3000, "late");
  assertEquals(socket.calls, []);
  socket.emit("close", { code: 4000, reason: "first", wasClean: true });
  assertEquals(log.told, ["closing", 'close 4000 "first" clean remote']);
});

test("a native link that closes while it is paused delivers, and ends", async () => {
  const { socket, link, log } = started();
  link.pause();
  socket.message("a");
  link.close(1000, "");
  socket.emit("close", { code: 1000, reason: "", wasClean: true });
  await log.over;
  assertEquals(log.told, ["closing", "text a", 'close 1000 "" clean local']);
});

test("a native link waits for the peer's Close frame no longer than closeTimeout", async () => {
  const { socket, link, log } = started({ closeTimeout: 10 });
  link.close(1000, "");
  await log.over;
  assertEquals(log.told, ["closing", "closing", "error WS_CLOSE_TIMEOUT", 'close 1006 "" unclean local']);
  socket.emit("close", { code: 1006, wasClean: false });
});

test("a native link tells of an end that is not clean, as far as the platform does", () => {
  const vanished = started();
  vanished.socket.emit("close", { code: 1006, reason: "", wasClean: false });
  assertEquals(vanished.log.told, ["closing", "error WS_PEER_VANISHED", 'close 1006 "" unclean none']);
  const failed = started();
  failed.socket.emit("error").emit("close", { code: 1006, reason: "", wasClean: false });
  assertEquals(failed.log.told, ["closing", "error WS_TRANSPORT_FAILED", 'close 1006 "" unclean none']);
});

test("a native link that is terminated is over at once, and says nothing more", () => {
  for (
    const [error, told] of [[undefined, []], [new WebSocketError("WS_ABORTED", "No"), [
      "closing",
      "error WS_ABORTED",
    ]]] as const
  ) {
    const { socket, link, log } = started();
    log.ontold = () => link.terminate();
    link.terminate(error);
    assertEquals(socket.calls, [["close"]]);
    socket.message("late").emit("error").emit("close", { code: 1006, wasClean: false });
    link.sendText("late", false);
    link.close(1000, "");
    link.terminate();
    assertEquals(log.told, [...told, 'close 1006 "" unclean none']);
    assertEquals(socket.calls, [["close"]]);
  }
});

test("a native link cuts, pings and lets go where the platform can", async () => {
  const calls: unknown[] = [];
  const { socket, link, log } = started({}, {
    ping: (data) => calls.push(["ping", [...data]]),
    terminate: () => calls.push("terminate"),
  });
  link.ping(new Uint8Array([7]));
  socket.emit("pong", { data: new Uint8Array([7]).buffer }).emit("ping", { data: new DataView(new ArrayBuffer(1)) });
  assertEquals(log.told, ["pong 07", "ping 00"]);
  link.terminate();
  assertEquals(calls, [["ping", [7]], "terminate"]);
  await log.over;
});

test("a native link refuses pings where the platform sends none", () => {
  const error = assertThrows(() => started().link.ping(new Uint8Array(0)), DOMException, "Cannot ping");
  assertStrictEquals(error.name, "NotSupportedError");
});

test("a native link refuses fragments", () => {
  const error = assertThrows(() => started().link.sendFragment(), DOMException, "in fragments");
  assertStrictEquals(error.name, "NotSupportedError");
});

// Connecting

/** A socket that is connecting, and what `new Socket` makes of it. */
function connecting(options: SocketOptions = {}): { socket: FakeSocket; opened: Promise<unknown>; asked: unknown[] } {
  const socket = new FakeSocket();
  socket.readyState = 0;
  const asked: unknown[] = [];
  const open = (...args: unknown[]): PlatformSocket => {
    asked.push(...args);
    return socket;
  };
  const checked = checkOptions(options, undefined);
  const opened = connectNative(
    new URL("ws://a.example/b"),
    checked,
    open,
    options.signal ?? new AbortController().signal,
  );
  return { socket, opened, asked };
}

test("connectNative() gives a link when the platform's WebSocket is open", async () => {
  const { socket, opened, asked } = connecting({ protocols: ["chat", "echo"] });
  assertEquals(asked, ["ws://a.example/b", ["chat", "echo"]]);
  socket.emit("open");
  assert(await opened instanceof NativeLink);
});

test("connectNative() rejects when the platform cannot connect, is too late, or is given up", async () => {
  const refused = connecting();
  refused.socket.emit("error").emit("close", { code: 1006, wasClean: false });
  assertEquals((await assertRejects(() => refused.opened, WebSocketError)).code, "WS_CONNECT_FAILED");
  const closed = connecting();
  closed.socket.emit("close", { code: 1006, wasClean: false });
  assertEquals((await assertRejects(() => closed.opened, WebSocketError)).code, "WS_CONNECT_FAILED");
  const late = connecting({ handshakeTimeout: 5 });
  assertEquals((await assertRejects(() => late.opened, WebSocketError)).code, "WS_HANDSHAKE_TIMEOUT");
  assertEquals(late.socket.calls, [["close"]]);
  late.socket.emit("open");
  const controller = new AbortController();
  const aborted = connecting({ signal: controller.signal });
  controller.abort(new Error("Enough"));
  await assertRejects(() => aborted.opened, Error, "Enough");
  assertEquals(aborted.socket.calls, [["close"]]);
  await assertRejects(() => connecting({ signal: AbortSignal.abort(new Error("Before")) }).opened, Error, "Before");
  const refuses = (): never => {
    throw new DOMException("Not from a secure page", "SecurityError");
  };
  const never = connectNative(
    new URL("ws://a/"),
    checkOptions(undefined, undefined),
    refuses,
    new AbortController().signal,
  );
  assertEquals((await assertRejects(() => never, WebSocketError, "Not from a secure page")).code, "WS_CONNECT_FAILED");
});

test("NativeStart refuses what the platform does not obey", () => {
  const open = (): PlatformSocket => new FakeSocket();
  const start = (url: string, options?: SocketOptions | string, origin?: string): unknown =>
    new NativeStart(url, options, origin, open, () => Promise.reject(new Error("Not asked for")));
  for (
    const options of [
      { headers: {} },
      { origin: "http://a.example" },
      { tls: {} },
      { maxFragments: 1 },
      { maxHeadSize: 1 },
      { maxHeadFields: 1 },
      { perMessageDeflate: {} as never },
    ]
  ) {
    const error = assertThrows(() => start("ws://a/", options), DOMException, Object.keys(options)[0]);
    assertStrictEquals(error.name, "NotSupportedError");
  }
  assertThrows(() => start("ws://a/", "chat", "http://a.example"), DOMException, "origin");
  assertThrows(() => start("ws+unix:///a:/"), DOMException, "Unix");
  assertThrows(() => start("ws://a/", { maxPayload: -1 }), RangeError);
  assertThrows(() => start("nowhere"), DOMException, "wanted an absolute URL");
  start("ws://a/", "chat", "");
  start("ws://a/", {
    ...{ protocols: ["chat"], maxPayload: 1, handshakeTimeout: 1, closeTimeout: 1, highWaterMark: 1 },
    ...{ maxBufferedAmount: 1, binaryType: "blob" as const, perMessageDeflate: true },
  });
});

test("a Socket whose runtime has only a WebSocket refuses what it cannot do before it connects", async () => {
  const runtime = { name: "fake", webSocket: () => new FakeSocket() } as Partial<Runtime> as Runtime;
  const socket = new Socket(new ClientStart("ws://a/", { maxFragments: 1 }, undefined, () => Promise.resolve(runtime)));
  const error = await new Promise<WebSocketError>((resolve) => socket.onerror = (event) => resolve(event.error));
  assertEquals([error.code, (error.cause as Error).name], ["WS_CONNECT_FAILED", "NotSupportedError"]);
});

test("a Socket pings, pauses and closes over a platform's WebSocket", async () => {
  const fake = new FakeSocket();
  const runtime = { name: "fake", webSocket: () => fake } as Partial<Runtime> as Runtime;
  const socket = new Socket(new ClientStart("ws://a/", "chat", undefined, () => Promise.resolve(runtime)));
  const opened = new Promise((resolve) => socket.onopen = resolve);
  await turn();
  fake.emit("open");
  await opened;
  assertEquals([socket.protocol, socket.extensions, socket.readyState], ["chat", "permessage-deflate", 1]);
  assertThrows(() => socket.ping(), DOMException, "Cannot ping");
  const heard: unknown[] = [];
  socket.onmessage = ({ data, compress }) => heard.push(data, compress);
  socket.pause();
  fake.message("a");
  await turn();
  assertEquals(heard, []);
  socket.resume();
  await turn();
  assertEquals(heard, ["a", false]);
  assertStrictEquals(socket.send("b"), true);
  socket.close(3000, "bye");
  assertEquals(fake.calls, [["send", "b"], ["close", 3000, "bye"]]);
  const closed = new Promise<{ code: number }>((resolve) => socket.onclose = resolve);
  fake.emit("close", { code: 3000, reason: "bye", wasClean: true });
  assertEquals((await closed).code, 3000);
});

test("a Socket with ordered lets a platform's messages wait for their turn", async () => {
  const fake = new FakeSocket();
  const runtime = { name: "fake", webSocket: () => fake } as Partial<Runtime> as Runtime;
  const start = new ClientStart("ws://a/", { ordered: true }, undefined, () => Promise.resolve(runtime));
  const socket = new Socket(start);
  const told: string[] = [];
  socket.on("message", async ({ data }) => {
    told.push(`begin ${data}`);
    await turn();
    told.push(`end ${data}`);
  });
  const opened = new Promise((resolve) => socket.once("open", resolve));
  await turn();
  fake.emit("open");
  await opened;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  fake.message("a").message("b").emit("close", { code: 1000, reason: "", wasClean: true });
  await closed;
  assertEquals(told, ["begin a", "end a", "begin b", "end b"]);
});
