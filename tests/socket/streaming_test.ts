/** Messages that are sent as they are made, and received as they come. */

import { test } from "node:test";
import { BINARY, Socket, type SocketOptions, TEXT, upgrade, type UpgradeOptions, WebSocketError } from "@sockeye/ws";
import type { BaseSocket, StreamEvent } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { memoryServer } from "@sockeye/ws/testing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { closePayload, show, utf8 } from "../frames.ts";
import { deferred } from "../http/raw_client.ts";
import { serverAndPeer } from "./server.ts";
import { turn } from "./peer.ts";

async function pair(
  work: (client: Socket, server: BaseSocket) => Promise<void>,
  served: UpgradeOptions = {},
  options: SocketOptions = {},
): Promise<void> {
  const accepted = deferred<BaseSocket>();
  await using server = await memoryServer(upgrade(served, accepted.resolve));
  const client = new Socket("ws://memory/", { connect: server.connect, ...options });
  await new Promise((resolve) => client.once("open", resolve));
  await work(client, await accepted.promise);
  client.terminate();
}

function next<K extends "open" | "message" | "close" | "stream" | "error">(conn: BaseSocket, type: K): Promise<never> {
  return new Promise((resolve) => conn.once(type, (event) => resolve(event as never)));
}

async function* later<T>(...values: T[]): AsyncGenerator<T> {
  for (const value of values) {
    await turn();
    yield value;
  }
}

async function textOf(readable: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(readable).text();
}

test("sendStream sends one message of what streams, iterators and lists give", async () => {
  await pair(async (client, server) => {
    const sources = [
      () => ["Hel", "", "lo"],
      () => later("Hel", "lo"),
      () =>
        new ReadableStream<string>({
          start: (to) => ["Hel", "lo"].forEach((each) => to.enqueue(each)),
          pull: (to) => to.close(),
        }),
    ];
    for (const source of sources) {
      const message = next(server, "message") as Promise<{ data: unknown }>;
      await client.sendStream(source());
      assertEquals((await message).data, "Hello");
    }
    const bytes = next(server, "message") as Promise<{ data: unknown }>;
    await client.sendStream(later(Uint8Array.of(1, 2), Uint8Array.of(3)));
    assertEquals((await bytes).data, Uint8Array.of(1, 2, 3));
    const empty = next(server, "message") as Promise<{ data: unknown }>;
    await client.sendStream([], { opcode: TEXT });
    assertEquals((await empty).data, "");
  });
});

test("sendStream keeps a character whole that two strings share, and takes bytes of a text", async () => {
  await pair(async (client, server) => {
    const fish = next(server, "message") as Promise<{ data: unknown }>;
    await client.sendStream(["a\ud83d", "\udc1fb", "\ud83d"]);
    assertEquals((await fish).data, "a\u{1F41F}b\ufffd");
    const bytes = next(server, "message") as Promise<{ data: unknown }>;
    await client.sendStream([utf8("Grüße").subarray(0, 3), utf8("Grüße").subarray(3)], { opcode: TEXT });
    assertEquals((await bytes).data, "Grüße");
  });
});

test("sendStream sends a frame for each chunk, pings stand between them, and what is sent after it stays behind", async () => {
  const { socket, peer } = await serverAndPeer();
  const gate = deferred();
  const sent = socket.sendStream((async function* () {
    yield "one ";
    await gate.promise;
    yield "two";
  })());
  socket.send("behind");
  socket.close(3000);
  await turn();
  peer.send({ opcode: 9, payload: "there?" });
  await turn();
  assertEquals(peer.frames, [`1 ${show(utf8("one "))}`, `10 ${show(utf8("there?"))}`]);
  gate.resolve();
  await sent;
  await turn();
  assertEquals(peer.frames.slice(2), [
    `0 ${show(utf8("two"))}`,
    "0",
    `1 ${show(utf8("behind"))}`,
    `8 ${show(closePayload(3000))}`,
  ]);
  peer.send({ opcode: 8, payload: closePayload(3000) });
  peer.transport.end();
});

test("sendStream refuses what is no source, and options that are none", async () => {
  await pair((client) => {
    for (const source of ["text", 5, null, undefined, {}, new Uint8Array(1)]) {
      assertThrows(() => client.sendStream(source as never), TypeError, "Cannot send a stream");
    }
    assertThrows(() => client.sendStream([], { opcode: 9 }), RangeError, "opcode");
    assertThrows(() => client.sendStream([], { signal: 1 as never }), TypeError, "signal");
    assertThrows(() => client.sendStream([], { mask: true } as never), TypeError, "mask");
    return Promise.resolve();
  });
  const connecting = new Socket("ws://memory/", { connect: () => new Promise(() => {}) });
  assertThrows(() => connecting.sendStream([]), DOMException, "CONNECTING");
  connecting.terminate();
});

test("a source that fails before its first chunk fails alone; later, the connection fails with it", async () => {
  await pair(async (client, server) => {
    const fails = (...values: unknown[]) =>
      (async function* (): AsyncGenerator<string> {
        yield* values as string[];
        await turn();
        throw new Error("Out of paper");
      })();
    await assertRejects(() => client.sendStream(fails()), Error, "Out of paper");
    client.send("still here");
    assertEquals((await next(server, "message") as { data: unknown }).data, "still here");
    await assertRejects(() => client.sendStream([5 as never]), TypeError, "a chunk is neither text nor bytes");
    const error = next(client, "error") as Promise<{ error: WebSocketError }>;
    await assertRejects(() => client.sendStream(fails("begun")), Error, "Out of paper");
    assertEquals((await error).error.code, "WS_ABORTED");
    assertEquals(client.readyState, Socket.CLOSED);
    await assertRejects(() => client.sendStream(["late"]), WebSocketError, "closing or over");
  });
});

test("the signal and the end of the connection end a source that gives nothing, and return it", async () => {
  await pair(async (client, server) => {
    let returned = 0;
    const silent = (): AsyncIterable<string> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          returned++;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    });
    const controller = new AbortController();
    const given = client.sendStream(silent(), { signal: controller.signal });
    controller.abort(new Error("Enough"));
    await assertRejects(() => given, Error, "Enough");
    assertEquals(client.readyState, Socket.OPEN);
    const lost = client.sendStream(silent());
    await turn();
    server.close();
    await assertRejects(() => lost, WebSocketError, "closing or over");
    assertEquals(returned, 2);
  });
});

test("a streaming connection gives each message as it comes, one after another", async () => {
  await pair(async (client, server) => {
    const opcodes: unknown[] = [];
    const texts: Promise<string>[] = [];
    const all = deferred();
    server.on("message", () => opcodes.push("message"));
    server.on("stream", ({ opcode, readable, type }: StreamEvent) => {
      opcodes.push(`${type} ${opcode}`);
      if (texts.push(textOf(readable)) === 4) all.resolve();
    });
    client.send("whole");
    client.sendStream(later("in ", "two"));
    client.send("");
    client.send(utf8("bytes"));
    await all.promise;
    assertEquals(await Promise.all(texts), ["whole", "in two", "", "bytes"]);
    assertEquals(opcodes, ["stream 1", "stream 1", "stream 1", "stream 2"]);
  }, { streaming: true });
});

test("a stream gives its first piece while the rest has not come", async () => {
  const { socket, peer } = await serverAndPeer({ streaming: true } as never);
  const event = next(socket, "stream") as Promise<StreamEvent>;
  peer.send({ opcode: 2, fin: false, payload: "first" });
  const reader = (await event).readable.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "first");
  const second = reader.read();
  peer.send({ opcode: 9, payload: "ping" }, { opcode: 0, payload: "second" });
  assertEquals(new TextDecoder().decode((await second).value), "second");
  assertEquals((await reader.read()).done, true);
  await turn();
  assertEquals(peer.frames, [`10 ${show(utf8("ping"))}`]);
  socket.terminate();
});

test("a stream that nobody reads makes the peer wait, and one that is cancelled does not", async () => {
  let sent = 0;
  await pair(
    async (client, server) => {
      const chunk = new Uint8Array(65_536);
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for (sent = 0; sent < 300; sent++) yield chunk;
      };
      const unread = next(server, "stream") as Promise<StreamEvent>;
      const first = client.sendStream(source());
      const { readable } = await unread;
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert(sent < 100, `${sent} chunks left although nobody reads`);
      const following = next(server, "stream") as Promise<StreamEvent>;
      await readable.cancel();
      await first;
      client.send("next");
      assertEquals(await textOf((await following).readable), "next");
    },
    { streaming: true },
    { highWaterMark: 100_000 },
  );
});

test("a stream breaks when the connection ends before it, and is whole when it does not", async () => {
  await pair(async (client, server) => {
    const event = next(server, "stream") as Promise<StreamEvent>;
    const gate = deferred();
    client.sendStream((async function* () {
      yield "begun";
      await gate.promise;
    })()).catch(() => {});
    const reader = (await event).readable.getReader();
    await reader.read();
    const rest = reader.read();
    client.terminate();
    await assertRejects(() => rest, WebSocketError, "Cannot read the rest");
    gate.resolve();
  }, { streaming: true });
  await pair(async (client, server) => {
    const event = next(server, "stream") as Promise<StreamEvent>;
    const closed = next(client, "close");
    client.send("all of it");
    client.close();
    assertEquals(await textOf((await event).readable), "all of it");
    await closed;
  }, { streaming: true });
});

test("text that is wrong, and frames that are, fail a streaming connection as any other", async () => {
  const faults: [object[], string][] = [
    [[{ opcode: 1, fin: false, payload: "abc" }, { opcode: 0, payload: Uint8Array.of(0xff) }], "WS_INVALID_UTF8"],
    [[{ opcode: 1, fin: false, payload: "abc" }, { opcode: 0, payload: Uint8Array.of(0xe2, 0x82) }], "WS_INVALID_UTF8"],
    [[{ opcode: 2, fin: false, payload: "abc" }, { opcode: 2, payload: "again" }], "WS_EXPECTED_CONTINUATION"],
    [[{ opcode: 0, payload: "lost" }], "WS_UNEXPECTED_CONTINUATION"],
  ];
  for (const [frames, code] of faults) {
    const { socket, peer } = await serverAndPeer({ streaming: true } as never);
    socket.on("stream", ({ readable }) => void textOf(readable).catch(() => {}));
    const error = next(socket, "error") as Promise<{ error: WebSocketError }>;
    peer.send(...frames as never[]);
    assertEquals((await error).error.code, code);
    peer.transport.end();
  }
});

test("compressed messages come as streams too, within maxPayload", async () => {
  const accepted = deferred<BaseSocket>();
  const accept = upgrade({ streaming: true, perMessageDeflate: true, maxPayload: 2_000 }, accepted.resolve);
  await using listener = new Server({ port: 0, hostname: "127.0.0.1" }, accept);
  await listener.start();
  const client = new Socket(listener.url(), { perMessageDeflate: true });
  await next(client, "open");
  const server = await accepted.promise;
  const event = next(server, "stream") as Promise<StreamEvent>;
  const text = "again and again ".repeat(100);
  client.send(text, { compress: true });
  assertEquals(await textOf((await event).readable), text);
  const error = next(server, "error") as Promise<{ error: WebSocketError }>;
  client.send("x".repeat(3_000), { compress: true });
  assertEquals((await error).error.code, "WS_MESSAGE_TOO_BIG");
});

test("BINARY is what a list of bytes is sent as", async () => {
  await pair(async (client, server) => {
    const message = next(server, "message") as Promise<{ opcode: number }>;
    await client.sendStream([Uint8Array.of(1)]);
    assertEquals((await message).opcode, BINARY);
  });
});
