/** Compressed messages as streams, between our client and our server over TCP of the runtime, with every codec. */

import { test } from "node:test";
import { type BaseSocket, type Socket, type StreamEvent, upgrade, WebSocketError } from "@sockeye/ws";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Server } from "../../src/http/server.ts";
import type { DeflateFactory } from "../../src/protocol/codec.ts";
import type { DeflateContexts } from "../../src/protocol/contexts.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { webDeflate } from "../../src/runtime/web_deflate.ts";
import { oneShotDeflate, zlibDeflate } from "../../src/runtime/zlib.ts";
import { Socket as CoreSocket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { Runtime } from "../../src/socket/transport.ts";
import { utf8 } from "../frames.ts";
import { deferred } from "../http/raw_client.ts";
import { Random } from "../random.ts";

type Lent = DeflateContexts | DeflateFactory;

const contexts = zlibDeflate()!;
const web = webDeflate();
const codecs: [string, Lent | undefined][] = [
  ["contexts", contexts],
  ["one-shot calls", oneShotDeflate],
  ["the web's streams", web],
];

/** The runtime, with this compression. */
function lending(deflate: Lent): () => Promise<Runtime> {
  return async () => ({ ...await currentRuntime(), deflate });
}

interface Ends {
  client: Socket;
  server: BaseSocket;
}

interface Setting {
  options?: { highWaterMark?: number; maxPayload?: number };
  clientCodec?: Lent;
  serverCodec?: Lent;
}

/** Runs `work` with both ends of a connection that compresses, and gives messages as streams. */
async function between(
  { options = {}, clientCodec = contexts, serverCodec = contexts }: Setting,
  work: (ends: Ends) => Promise<void>,
): Promise<void> {
  const accepted = deferred<BaseSocket>();
  const all = { streaming: true, perMessageDeflate: true, ...options };
  const host = new Server(
    { port: 0, hostname: "127.0.0.1" },
    { "/": upgrade(all, accepted.resolve) },
    lending(serverCodec),
  );
  await host.start();
  const start = new ClientStart(`ws://127.0.0.1:${host.port}/`, all, undefined, lending(clientCodec));
  const client = new CoreSocket(start) as unknown as Socket;
  try {
    await next(client, "open");
    assert(client.extensions.startsWith("permessage-deflate"));
    await work({ client, server: await accepted.promise });
  } finally {
    client.terminate();
    await host.close({ deadline: 2_000 });
  }
}

function next<T = unknown>(conn: BaseSocket, type: "open" | "close" | "stream" | "error"): Promise<T> {
  return new Promise((resolve) => conn.once(type, (event) => resolve(event as T)));
}

async function bytesOf(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(readable).arrayBuffer());
}

const random = new Random(1);
const messages: Uint8Array[][] = [
  [],
  [utf8("Hello, "), utf8("Hello")],
  [random.bytes(70_000), new Uint8Array(0), random.bytes(3)],
  [new Uint8Array(3_000_000), random.bytes(200_000)],
];

for (const [theirs, clientCodec] of codecs) {
  for (const [ours, serverCodec] of codecs) {
    if (clientCodec === undefined || serverCodec === undefined) continue;
    test(`streams come back whole, from ${theirs} to ${ours}`, async () => {
      await between({ clientCodec, serverCodec }, async ({ client, server }) => {
        server.on("stream", ({ opcode, readable }: StreamEvent) => void server.sendStream(readable, { opcode }));
        for (const [at, chunks] of messages.entries()) {
          const event = next<StreamEvent>(client, "stream");
          await client.sendStream(chunks);
          const { opcode, readable } = await event;
          assertEquals(opcode, 2);
          const wanted = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
          const got = await bytesOf(readable);
          assert(got.length === wanted.length && got.every((byte, i) => byte === wanted[i]), `message ${at}`);
          // One that is sent whole comes as a stream too.
          const whole = next<StreamEvent>(client, "stream");
          client.send(wanted, { compress: true });
          assertEquals((await bytesOf((await whole).readable)).length, wanted.length);
        }
        const text = next<StreamEvent>(client, "stream");
        await client.sendStream(["Grü", "ße \ud83d", "\udc1f"]);
        const { opcode, readable } = await text;
        assertEquals([opcode, await new Response(readable).text()], [1, "Grüße \u{1f41f}"]);
      });
    });
  }
}

test("a stream is compressed unless its sender says no", async () => {
  for (const compress of [undefined, true, false]) {
    let written = 0;
    const counting: DeflateFactory = {
      takeover: true,
      minWindowBits: 8,
      flushes: true,
      deflater: (options, owner) => {
        written++;
        return (oneShotDeflate as DeflateFactory).deflater(options, owner);
      },
      inflater: (options, owner) => (oneShotDeflate as DeflateFactory).inflater(options, owner),
    };
    await between({ clientCodec: counting }, async ({ client, server }) => {
      const event = next<StreamEvent>(server, "stream");
      await client.sendStream([new Uint8Array(1_000)], compress === undefined ? {} : { compress });
      assertEquals(await bytesOf((await event).readable), new Uint8Array(1_000));
    });
    assertEquals(written, compress === false ? 0 : 1, String(compress));
  }
  await between({}, ({ client }) => {
    assertThrows(() => client.sendStream([], { compress: "yes" } as never), TypeError, "compress");
    return Promise.resolve();
  });
});

test("who reads slowly makes the sender of a compressed stream wait, and gets all of it", async () => {
  for (const [name, serverCodec] of [codecs[0]!, codecs[2]!]) {
    if (serverCodec === undefined) continue;
    // The web's streams begin when a message has come whole; a sender cannot be made to wait for them.
    const isPaced = name === "contexts";
    const chunk = random.bytes(65_536);
    const count = isPaced ? 1_000 : 20;
    let sent = 0;
    await between({ serverCodec, options: { highWaterMark: 100_000 } }, async ({ client, server }) => {
      const event = next<StreamEvent>(server, "stream");
      const done = client.sendStream((async function* () {
        for (; sent < count; sent++) yield chunk;
      })());
      const { readable } = await event;
      const reader = readable.getReader();
      let before = -1;
      // Until nothing moves any more.
      for (; before !== sent; await new Promise((resolve) => setTimeout(resolve, 100))) before = sent;
      if (isPaced) assert(sent < count - 100, `${sent} chunks left although nobody reads`);
      let read = 0;
      for (let each = await reader.read(); !each.done; each = await reader.read()) {
        assertEquals(each.value[0], chunk[read % chunk.length]);
        read += each.value.length;
      }
      assertEquals(read, count * chunk.length);
      await done;
    });
  }
});

test("a compressed stream that is cancelled is passed over, and the next one is right", async () => {
  await between({}, async ({ client, server }) => {
    const first = next<StreamEvent>(server, "stream");
    client.send(new Uint8Array(20_000_000));
    await (await first).readable.cancel();
    const second = next<StreamEvent>(server, "stream");
    client.send("next", { compress: true });
    assertEquals(await new Response((await second).readable).text(), "next");
  });
});

test("a compressed stream that is given up in its middle fails the connection, and breaks at the other end", async () => {
  await between({}, async ({ client, server }) => {
    const event = next<StreamEvent>(server, "stream");
    const closed = next<{ code: number }>(server, "close");
    const controller = new AbortController();
    const sent = client.sendStream(
      (async function* () {
        yield "begun";
        await new Promise(() => {});
      })(),
      { signal: controller.signal },
    );
    const reader = (await event).readable.getReader();
    assertEquals((await reader.read()).value, utf8("begun"));
    const rest = reader.read();
    controller.abort(new Error("Enough"));
    await assertRejects(() => sent, Error, "Enough");
    await assertRejects(() => rest, WebSocketError, "Cannot read the rest");
    assertEquals((await closed).code, 1006);
  });
});

test("a large fragment that is at work when the connection is cut ends with it", async () => {
  await between({}, async ({ client }) => {
    const sent = client.sendStream([random.bytes(3_000_000), "and more"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.terminate();
    await assertRejects(() => sent, WebSocketError, "closing or over");
    assertEquals(client.bufferedAmount >= 0, true);
  });
});

test("maxPayload cuts a compressed stream with 1009, wherever the message was cut into fragments", async () => {
  for (const [, serverCodec] of codecs) {
    if (serverCodec === undefined) continue;
    await between({ serverCodec, options: { maxPayload: 100_000 } }, async ({ client, server }) => {
      server.on("stream", ({ readable }: StreamEvent) => void bytesOf(readable).catch(() => {}));
      const error = next<{ error: WebSocketError }>(server, "error");
      const closed = next<{ code: number }>(client, "close");
      const sent = client.sendStream(Array.from({ length: 11 }, () => new Uint8Array(10_000)));
      assertEquals((await error).error.code, "WS_MESSAGE_TOO_BIG");
      assertEquals((await closed).code, 1009);
      await sent.catch(() => {});
    });
  }
});
