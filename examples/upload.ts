/**
 * An upload with a bar: one message of any size, read from a file and sent in fragments, received as it comes. Neither end
 * holds more than a few chunks of it.
 *
 *   examples/upload.ts <file>            without a file: 1 GiB of nothing, or --size <bytes>
 */

import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { Socket, type StreamEvent, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

const { values, positionals: [file] } = parseArgs({
  allowPositionals: true,
  options: { size: { type: "string", default: String(2 ** 30) } },
});
const CHUNK = 262_144;

const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
  "/": upgrade({ streaming: true, origin: "*" }, (conn) => {
    conn.on("stream", async ({ readable }: StreamEvent) => {
      const hash = createHash("sha256");
      let received = 0;
      let told = 0;
      for await (const bytes of readable) {
        hash.update(bytes);
        received += bytes.length;
        // The client's bar shows what has arrived, not what was sent.
        if (received - told >= 16 * CHUNK) conn.send(JSON.stringify({ received: told = received }));
      }
      conn.send(JSON.stringify({ received, sha256: hash.digest("hex") }));
    });
  }),
});
await server.start();

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(path);
  for await (const chunk of handle.createReadStream({ highWaterMark: CHUNK })) yield chunk as Uint8Array;
}

function* nothing(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= CHUNK) yield new Uint8Array(Math.min(left, CHUNK));
}

const total = file === undefined ? Number(values.size) : (await stat(file)).size;
const conn = new Socket(server.url());
await new Promise((resolve) => conn.onopen = resolve);

const done = new Promise<string>((resolve) => {
  conn.onmessage = ({ data }) => {
    const { received, sha256 } = JSON.parse(String(data)) as { received: number; sha256?: string };
    const part = total === 0 ? 1 : received / total;
    const bar = "#".repeat(Math.round(part * 40)).padEnd(40, ".");
    process.stdout.write(`\r[${bar}] ${Math.floor(part * 100)} %`);
    if (sha256 !== undefined) resolve(sha256);
  };
});
await conn.sendStream(file === undefined ? nothing(total) : chunksOf(file));
console.log(`\n${total} bytes, SHA-256 ${await done}`);
conn.close();
await server.close();
