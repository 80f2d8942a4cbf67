/** The memory of a large message, over real connections: it is as long as the message, whatever lay there before. */

import { test } from "node:test";
import process from "node:process";
import { Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals } from "@std/assert";
import { currentRuntime } from "../../src/runtime/current.ts";
import type { Transport } from "../../src/socket/transport.ts";
import { Random } from "../random.ts";

test("large messages lie in memory of their own that is as long as they are", async () => {
  const random = new Random(11);
  const server = new Server(
    { port: 0, hostname: "127.0.0.1" },
    upgrade((conn) => {
      conn.onmessage = ({ data }) => conn.send(data);
    }),
  );
  await server.start();
  const socket = new Socket(`ws://127.0.0.1:${server.port}/`);
  await new Promise((resolve) => socket.onopen = resolve);
  for (const size of [1_000_003, 2_000_000, 1_000_003, 5_000_000, 300_000, 1_000_003]) {
    const wanted = random.bytes(size);
    const message = await new Promise<Uint8Array>((resolve) => {
      socket.onmessage = ({ data }) => resolve(data as Uint8Array);
      socket.send(wanted);
    });
    assertEquals([message.constructor, message.length], [Uint8Array, size]);
    assert(message.every((byte, at) => byte === wanted[at]), `a message of ${size} bytes has changed`);
    // What comes at once may be a view of the chunk that it came in, where the header lies before it.
    const around = message.buffer.byteLength - size;
    assert(around === 0 || message.byteOffset > 0, `${around} bytes lie around a message of ${size}`);
  }
  socket.close();
  await server.close();
});

test("a transport makes memory just as long as it is asked for", async () => {
  const runtime = await currentRuntime();
  let accept: (transport: Transport) => void;
  const accepted = new Promise<Transport>((resolve) => accept = resolve);
  const where = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  const listener = await runtime.listen(where, (transport) => accept(transport));
  assert(listener.address.transport === "tcp");
  const near = await runtime.connect(listener.address);
  const memories = [1, 262_143, 262_144, 262_144, 3_000_001].map((size) => near.allocator?.allocate(size));
  const lengths = memories.map((memory) => memory && [memory.constructor, memory.length, memory.buffer.byteLength]);
  const large = [262_144, 262_144, 3_000_001].map((size) => [Uint8Array, size, size]);
  // On Bun, a large message is given on in a new object; no byte is copied.
  for (const memory of memories.filter((memory) => memory !== undefined)) {
    const { buffer, length } = memory.fill(7);
    const message = near.allocator?.renew?.(memory) ?? memory;
    assertEquals([message.length, message.at(-1), message.buffer === buffer], [length, 7, !process.versions.bun]);
    assertEquals(memory.length, process.versions.bun ? 0 : length);
  }
  // Deno's own is as fast.
  assertEquals(lengths, [undefined, undefined, ...process.versions.deno ? Array(3).fill(undefined) : large]);
  near.abort();
  (await accepted).abort();
  await listener.close();
});
