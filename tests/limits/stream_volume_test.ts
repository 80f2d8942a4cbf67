/** One message of 1 GiB, as it is made and as it comes, over the loopback interface: nobody holds more than 16 MiB of it. */

import { test } from "node:test";
import { Socket, type StreamEvent, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals } from "@std/assert";
import { deferred } from "../http/raw_client.ts";
import { heldBytes, mib } from "./memory.ts";

const TOTAL = 2 ** 30;
const CHUNK = 65_536;
/** The limit of held bytes: over it, either end fails the connection. */
const LIMIT = 16 * 2 ** 20;
/** What Linux keeps of a TCP connection on its way, in the buffers of both ends, at its usual settings. */
const ON_THE_WAY = 16 * 2 ** 20;

test("1 GiB goes through as one message with 16 MiB held, though its reader is slow", async () => {
  const received = deferred<number>();
  let sent = 0;
  let read = 0;
  let apart = 0;
  let waiting = 0;
  let held = 0;
  await using server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade({ streaming: true, maxBufferedAmount: LIMIT, maxPayload: LIMIT }, (conn) => {
      conn.on("stream", async ({ readable }: StreamEvent) => {
        let wrong = 0;
        for await (const bytes of readable) {
          // Each chunk is filled with its number: nothing is lost, and nothing is twice.
          if (bytes[0] !== Math.floor(read / CHUNK) % 251) wrong++;
          read += bytes.length;
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
  const conn = new Socket(server.url(), { maxBufferedAmount: LIMIT });
  await new Promise((resolve) => conn.onopen = resolve);
  await conn.sendStream((async function* () {
    for (let number = 0; sent < TOTAL; number++) {
      const chunk = new Uint8Array(CHUNK).fill(number % 251);
      sent += CHUNK;
      waiting = Math.max(waiting, conn.bufferedAmount);
      yield chunk;
    }
  })());
  assertEquals(await received.promise, TOTAL);
  conn.close();
  await new Promise((resolve) => conn.onclose = resolve);
  assert(waiting <= LIMIT, `${waiting} bytes waited for the peer`);
  assert(apart <= LIMIT + ON_THE_WAY, `${apart} bytes were sent and not read`);
  // Both ends are in this process.
  const grown = held - before;
  console.log(`most that waited to be sent: ${mib(waiting)}; sent and not read: ${mib(apart)}; held: ${mib(grown)}`);
  assert(grown <= LIMIT, `${grown} bytes were held`);
});
