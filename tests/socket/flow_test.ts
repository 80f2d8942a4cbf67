/** A socket as a loop over its messages, as a pair of streams, and as something to dispose of. */

import { test } from "node:test";
import { Socket, type SocketOptions, upgrade, WebSocketError } from "@sockeye/ws";
import { WebSocketStream } from "@sockeye/ws/stream";
import { type MemoryServer, memoryServer } from "@sockeye/ws/testing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Accept } from "@sockeye/ws";
import { deferred } from "../http/raw_client.ts";

async function serving(
  accept: Accept,
  work: (connect: (options?: SocketOptions) => Socket, server: MemoryServer) => Promise<void>,
): Promise<void> {
  await using server = await memoryServer(upgrade({ protocols: ["chat"] }, accept));
  await work((options) => new Socket("ws://memory/", { connect: server.connect, ...options }), server);
}

test("for await gives the messages of both ends in order, and ends when the connection has closed", async () => {
  const heard: unknown[] = [];
  const ended = deferred();
  await serving(async (conn) => {
    for await (const { data } of conn) {
      heard.push(data);
      // A busy application loses nothing.
      await new Promise((resolve) => setTimeout(resolve, 1));
      conn.send(data);
    }
    ended.resolve();
  }, async (connect) => {
    const conn = connect();
    conn.onopen = () => ["a", "b", Uint8Array.of(1), "last"].forEach((each) => conn.send(each));
    const answers: unknown[] = [];
    for await (const { data, type } of conn) {
      assertEquals(type, "message");
      answers.push(data);
      if (data === "last") conn.close(3000);
    }
    assertEquals(answers, ["a", "b", Uint8Array.of(1), "last"]);
    await ended.promise;
    assertEquals(heard, answers);
  });
});

test("for await throws what the connection failed of, behind the messages that came before, and once", async () => {
  await serving((conn) => {
    conn.send("one");
    conn.send("two");
    conn.on("message", () => conn.terminate());
  }, async (connect) => {
    const messages: unknown[] = [];
    const conn = connect();
    const loop = async (): Promise<void> => {
      for await (const { data } of conn) if (messages.push(data) === 2) conn.send("cut");
    };
    const error = await assertRejects(loop, WebSocketError);
    assertEquals([error.code, messages], ["WS_PEER_VANISHED", ["one", "two"]]);
    await loop();
  });
});

test("a slow loop makes the peer wait, holds a bounded number of messages, and goes on where it was left", async () => {
  const total = 5_000;
  let sent = 0;
  await serving(async (conn) => {
    for (; sent < total; sent++) if (!conn.send(`${sent}`.padStart(1_000))) await conn.drained();
    conn.close();
  }, async (connect) => {
    const conn = connect({ highWaterMark: 16_384 });
    let received = 0;
    for await (const { data } of conn) {
      assertEquals(Number(data), received++);
      if (received === 10) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(sent < 3_000, `${sent} messages left although nobody asks`);
    for await (const { data } of conn) {
      assertEquals(Number(data), received++);
      if (received % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals(received, total);
  });
});

test("several who ask at once get a message each, and all are told of the end", async () => {
  await serving((conn) => {
    conn.send("a");
    conn.send("b");
    conn.close();
  }, async (connect) => {
    const iterator = connect()[Symbol.asyncIterator]();
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    assertEquals(results.map(({ done, value }) => done || value?.data), ["a", "b", true, true]);
    assertEquals(await iterator.next(), { done: true, value: undefined });
  });
});

test("readable and writable of both ends pipe, and a closed writable closes the connection", async () => {
  const over = deferred<number>();
  await serving(async (conn) => {
    conn.once("close", ({ code }) => over.resolve(code));
    const upper = new TransformStream<unknown, string>({
      transform: (chunk, controller) => controller.enqueue(String(chunk).toUpperCase()),
    });
    await conn.readable.pipeThrough(upper).pipeTo(conn.writable, { preventClose: true });
  }, async (connect) => {
    const conn = connect();
    assertStrictEquals(conn.readable, conn.readable);
    assertStrictEquals(conn.writable, conn.writable);
    const writer = conn.writable.getWriter();
    // Before it is open: the write waits.
    await Promise.all(["a", "b"].map((each) => writer.write(each)));
    const reader = conn.readable.getReader();
    assertEquals([(await reader.read()).value, (await reader.read()).value], ["A", "B"]);
    await writer.close();
    assertEquals(await over.promise, 1000);
    assertEquals((await reader.read()).done, true);
    assertEquals(conn.readyState, Socket.CLOSED);
  });
});

test("a write settles when there is room, and rejects once the connection is over", async () => {
  const reading = deferred<Socket>();
  await serving((conn) => reading.resolve(conn.pause() as Socket), async (connect) => {
    const conn = connect({ highWaterMark: 1_000 });
    const server = await reading.promise;
    const writer = conn.writable.getWriter();
    await writer.ready;
    let settled = 0;
    const chunk = new Uint8Array(100_000);
    const writes = Array.from({ length: 40 }, () => writer.write(chunk).then(() => settled++));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(settled < 30, `${settled} writes settled although nobody reads`);
    assert(conn.bufferedAmount < 300_000, `${conn.bufferedAmount} bytes wait`);
    server.on("message", () => {});
    server.resume();
    await Promise.all(writes);
    assertEquals(settled, 40);
    server.close();
    await new Promise((resolve) => conn.on("close", resolve));
    await assertRejects(() => writer.write("late"), WebSocketError, "Cannot send");
  });
});

test("cancel and abort close as their reason says", async () => {
  const codes: [number, string][] = [];
  await serving((conn) => void conn.on("close", ({ code, reason }) => codes.push([code, reason])), async (connect) => {
    const reasons = [{ closeCode: 3001, reason: "enough" }, { closeCode: 1001 }, "just so", undefined];
    for (const reason of reasons) {
      const conn = connect();
      const closed = new Promise((resolve) => conn.on("close", resolve));
      await new Promise((resolve) => conn.once("open", resolve));
      await conn.readable.cancel(reason);
      await closed;
    }
    const conn = connect();
    await new Promise((resolve) => conn.once("open", resolve));
    await conn.writable.abort({ closeCode: 4000, reason: "stop" });
    await new Promise((resolve) => conn.once("close", resolve));
  });
  assertEquals(codes, [[3001, "enough"], [1000, ""], [1000, ""], [1000, ""], [4000, "stop"]]);
});

test("abort of the writable does not wait for a write that has no room, nor for a connection that does not open", async () => {
  await serving((conn) => void conn.pause(), async (connect) => {
    const conn = connect({ highWaterMark: 1_000, closeTimeout: 50 });
    const writer = conn.writable.getWriter();
    await writer.ready;
    const writes = Array.from({ length: 40 }, () => writer.write(new Uint8Array(100_000)));
    const ends = Promise.allSettled(writes);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await writer.abort({ closeCode: 4000, reason: "stop" });
    assertEquals((await ends).at(-1)!.status, "rejected");
    if (conn.readyState !== Socket.CLOSED) await new Promise((resolve) => conn.on("close", resolve));
  });
  const never = new Socket("ws://memory/", { connect: () => new Promise(() => {}) });
  const closed = new Promise((resolve) => never.on("close", resolve));
  await never.writable.abort("no more").catch(() => {});
  await closed;
});

test("await using closes a socket and waits for its end, whatever state it is in", async () => {
  const codes: number[] = [];
  await serving((conn) => void conn.on("close", ({ code }) => codes.push(code)), async (connect) => {
    let kept: Socket;
    {
      await using conn = connect();
      kept = conn;
      await new Promise((resolve) => conn.once("open", resolve));
    }
    assertEquals([kept.readyState, codes], [Socket.CLOSED, [1000]]);
    await kept[Symbol.asyncDispose]();
    const connecting = connect();
    await connecting[Symbol.asyncDispose]();
    assertEquals(connecting.readyState, Socket.CLOSED);
  });
});

test("WebSocketStream opens, talks and closes at both ends", async () => {
  const served = deferred<unknown>();
  await serving(async (conn) => {
    const stream = new WebSocketStream(conn);
    const { readable, writable, protocol } = await stream.opened;
    assertEquals([stream.url, protocol], ["", "chat"]);
    await readable.pipeTo(writable);
    served.resolve(await stream.closed);
  }, async (_connect, { connect }) => {
    const stream = new WebSocketStream("ws://memory/", { connect, protocols: ["chat"] });
    assertEquals(stream.url, "ws://memory/");
    const { readable, writable, protocol, extensions } = await stream.opened;
    assertEquals([protocol, extensions], ["chat", ""]);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const each of ["Hello", Uint8Array.of(1, 2)]) {
      await writer.write(each);
      assertEquals((await reader.read()).value, each);
    }
    assertThrows(() => stream.close({ closeCode: 1001 }), DOMException);
    stream.close({ closeCode: 3000, reason: "done" });
    assertEquals(await stream.closed, { closeCode: 3000, reason: "done" });
    assertEquals((await reader.read()).done, true);
    assertEquals(await served.promise, { closeCode: 3000, reason: "done" });
  });
});

test("WebSocketStream rejects with what failed, and lets nothing go unhandled", async () => {
  const connect = (): Promise<never> => Promise.reject(new Error("No way"));
  const failed = new WebSocketStream("ws://memory/", { connect });
  assertEquals((await assertRejects(() => failed.opened, WebSocketError)).code, "WS_CONNECT_FAILED");
  await assertRejects(() => failed.closed, WebSocketError);
  new WebSocketStream("ws://memory/", { connect });
  await serving((conn) => void conn.on("message", () => conn.terminate()), async (_connect, { connect }) => {
    const stream = new WebSocketStream("ws://memory/", { connect });
    const { readable, writable } = await stream.opened;
    const writer = writable.getWriter();
    await writer.write("cut");
    await assertRejects(() => stream.closed, WebSocketError, "Close frame");
    await assertRejects(() => readable.getReader().read(), WebSocketError, "Close frame");
    await assertRejects(() => writer.write("x"), WebSocketError);
  });
});

test("the signal of a WebSocketStream ends connecting, and nothing after it", async () => {
  const controller = new AbortController();
  const never = (): Promise<never> => new Promise(() => {});
  const stream = new WebSocketStream("ws://memory/", { connect: never, signal: controller.signal });
  controller.abort(new Error("Too slow"));
  await assertRejects(() => stream.opened, Error, "Too slow");
  await assertRejects(() => stream.closed, Error, "Too slow");
  const before = new WebSocketStream("ws://memory/", {
    connect: never,
    signal: AbortSignal.abort(new Error("Before")),
  });
  await assertRejects(() => before.opened, Error, "Before");
  await serving((conn) => void conn.on("message", ({ data }) => conn.send(data)), async (_connect, { connect }) => {
    const later = new AbortController();
    const open = new WebSocketStream("ws://memory/", { connect, signal: later.signal });
    const { readable, writable } = await open.opened;
    later.abort();
    await writable.getWriter().write("still here");
    assertEquals((await readable.getReader().read()).value, "still here");
    await open[Symbol.asyncDispose]();
    assertEquals((await open.closed).closeCode, 1000);
  });
});
