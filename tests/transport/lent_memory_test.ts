/** Accepted connections read into memory that their listener was lent, where the runtime lets them choose. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Endpoint, Runtime, Transport, TransportSink } from "../../src/socket/transport.ts";
import { turn, within } from "./end.ts";

const name = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

async function load(): Promise<Runtime> {
  if (name === "deno") return (await import("../../src/runtime/deno.ts")).denoRuntime;
  return (await import("../../src/runtime/node.ts")).nodeRuntime;
}

const SIZE = 600_000;
const sent = Uint8Array.from({ length: SIZE }, (_, at) => at % 251);

/** Reads to an end that comes in one of three ways, and tells what came, and how much of it in memory of that buffer. */
function read(transport: Transport, buffer: ArrayBufferLike, way: number): Promise<{ came: number; lent: number }> {
  return new Promise((resolve, reject) => {
    let came = 0;
    let lent = 0;
    const over = (): void => resolve({ came, lent });
    const sink: TransportSink = {
      data: () => reject(new Error("data came that was not lent")),
      lent(chunk) {
        for (let at = 0; at < chunk.length; at++) {
          if (chunk[at] !== (came + at) % 251) return reject(new Error(`wrong byte at ${came + at}`));
        }
        came += chunk.length;
        if (chunk.buffer === buffer) lent += chunk.length;
        // What is read must not lie there any more when another connection is read into it.
        chunk.fill(0xee);
        if (came < SIZE) return;
        if (way === 0) transport.end();
        // From inside of a delivery, and while a read is under way.
        else if (way === 1) transport.abort();
        else if (way === 2) setTimeout(() => transport.abort(), 0);
        if (way > 0) setTimeout(over, 1);
      },
      end: over,
      drain() {},
      abort: over,
    };
    transport.open(sink);
  });
}

test(
  "accepted connections read into memory that was lent, and use it again, however they end",
  { skip: name === "bun" && "Bun reads into memory of its own" },
  async () => {
    const runtime = await load();
    const memory = new Uint8Array(4_000_000);
    const lent: number[] = [];
    let accept = (_transport: Transport): void => {};
    const listener = await runtime.listen({
      transport: "tcp",
      hostname: "127.0.0.1",
      port: 0,
      lendMemory(size) {
        const from = lent.reduce((sum, each) => sum + each, 0);
        if (from + size > memory.length) return undefined;
        lent.push(size);
        return memory.subarray(from, from + size);
      },
    }, (transport) => accept(transport));
    const { port } = listener.address as Endpoint & { transport: "tcp" };
    const share: number[] = [];
    const clients: Transport[] = [];
    try {
      for (let round = 0; round < 60; round++) {
        // Two at a time.
        const accepted: Promise<{ came: number; lent: number }>[] = [];
        const both = new Promise<void>((resolve) => {
          accept = (transport) => {
            accepted.push(read(transport, memory.buffer, (round + accepted.length) % 3));
            if (accepted.length === 2) resolve();
          };
        });
        for (let at = 0; at < 2; at++) {
          const client = await runtime.connect({ transport: "tcp", hostname: "127.0.0.1", port });
          client.open({ data() {}, end: () => client.end(), drain() {}, abort() {} });
          client.write(sent, false);
          clients.push(client);
        }
        await within(both, "two connections are accepted");
        for (const { came, lent } of await within(Promise.all(accepted), "both are read")) {
          assertEquals(came, SIZE);
          share.push(lent / came);
        }
        for (const client of clients.splice(0)) client.abort();
        await turn();
      }
    } finally {
      for (const client of clients) client.abort();
      await listener.close();
    }
    // Node: one for all. Deno: of each larger size, one for each connection at a time, and perhaps one that still reads.
    assert(lent.length >= 1 && lent.length <= (name === "node" ? 1 : 8), `lent ${lent}`);
    const least = Math.min(...share);
    // A connection of Deno begins with 1 KiB of its own.
    assert(least > 0.9, `${least} of what came was in lent memory`);
  },
);
