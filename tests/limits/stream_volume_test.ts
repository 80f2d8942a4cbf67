/**
 * One message of 1 GiB, as it is made and as it comes, over the loopback interface: nobody holds more than 16 MiB of it,
 * plain or compressed.
 */

import { test } from "node:test";
import { Socket, type StreamEvent, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals } from "@std/assert";
import { deferred } from "../http/raw_client.ts";
import { Random } from "../random.ts";
import { heldBytes, mib } from "./memory.ts";

const CHUNK = 65_536;
/** The limit of held bytes: over it, either end fails the connection. */
const LIMIT = 16 * 2 ** 20;
/** What Linux keeps of a TCP connection on its way, in the buffers of both ends, at its usual settings. */
const ON_THE_WAY = 16 * 2 ** 20;

interface Volume {
  /** Bytes of the message. */
  total: number;
  compressed: boolean;
  /** What lies between sender and reader, at most. Of what is compressed, it may be a great deal. */
  apart: number;
  /** What each chunk has, beside its number. */
  filling: Uint8Array | number;
}

async function pass({ total, compressed, apart: most, filling }: Volume): Promise<void> {
  const received = deferred<number>();
  let sent = 0;
  let read = 0;
  let apart = 0;
  let waiting = 0;
  let held = 0;
  let largest = 0;
  const perMessageDeflate = compressed ? { level: 1 } : false;
  // What comes compressed may inflate to more than would be held of it.
  const maxPayload = compressed ? Infinity : LIMIT;
  const options = { streaming: true, maxBufferedAmount: LIMIT, maxPayload, perMessageDeflate };
  await using server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade(options, (conn) => {
      conn.on("stream", async ({ readable }: StreamEvent) => {
        let wrong = 0;
        for await (const bytes of readable) {
          // Each chunk begins with its number, and ends with it: nothing is lost, and nothing is twice.
          const first = Math.ceil(read / CHUNK);
          if (first * CHUNK < read + bytes.length && bytes[first * CHUNK - read] !== first % 251) wrong++;
          const end = read + bytes.length;
          if (end % CHUNK === 0 && bytes.at(-1) !== (end / CHUNK - 1) % 251) wrong++;
          largest = Math.max(largest, bytes.length);
          read = end;
          apart = Math.max(apart, sent - read);
          if (read % 2 ** 26 < bytes.length) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            held = Math.max(held, heldBytes());
          }
        }
        assertEquals(wrong, 0);
        received.resolve(read);
      });
    }),
  });
  await server.start();
  const before = heldBytes();
  const conn = new Socket(server.url(), { maxBufferedAmount: LIMIT, perMessageDeflate });
  await new Promise((resolve) => conn.onopen = resolve);
  assertEquals(conn.extensions !== "", compressed);
  const begun = performance.now();
  await conn.sendStream((async function* () {
    for (let number = 0; sent < total; number++) {
      const chunk = new Uint8Array(CHUNK);
      if (typeof filling === "number") chunk.fill(filling);
      else chunk.set(filling);
      chunk[0] = chunk[CHUNK - 1] = number % 251;
      sent += CHUNK;
      waiting = Math.max(waiting, conn.bufferedAmount);
      yield chunk;
    }
  })());
  const closed = new Promise<{ reason: string }>((resolve) => conn.once("close", resolve));
  assertEquals(await Promise.race([received.promise, closed.then(({ reason }) => reason)]), total);
  const seconds = (performance.now() - begun) / 1_000;
  conn.close();
  await closed;
  assert(waiting <= LIMIT, `${waiting} bytes waited for the peer`);
  assert(apart <= most, `${apart} bytes were sent and not read`);
  // Both ends are in this process.
  const grown = held - before;
  console.log(
    `most that waited to be sent: ${mib(waiting)}; sent and not read: ${mib(apart)}; largest piece: ${mib(largest)}; ` +
      `held: ${mib(grown)}; ${mib(total)} took ${seconds.toFixed(1)} s`,
  );
  assert(grown <= LIMIT, `${grown} bytes were held`);
}

test("1 GiB goes through as one message with 16 MiB held, though its reader is slow", async () => {
  await pass({ total: 2 ** 30, compressed: false, apart: LIMIT + ON_THE_WAY, filling: 1 });
});

test("1 GiB that is compressed to almost nothing goes through as one message with 16 MiB held", async () => {
  await pass({ total: 2 ** 30, compressed: true, apart: Infinity, filling: 1 });
});

test("128 MiB that cannot be compressed go through a connection that compresses with 16 MiB held", async () => {
  const filling = new Random(1).bytes(CHUNK);
  await pass({ total: 2 ** 27, compressed: true, apart: LIMIT + ON_THE_WAY, filling });
});
