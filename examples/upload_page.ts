/**
 * An upload from a page, with a bar: a file of any size goes piece by piece, the server says what has arrived, and neither
 * end holds more than a few pieces.
 *
 * ```
 *   file.slice() -> conn.send -> the server: SHA-256      the next piece: when there is room
 *   <progress> <- { received } -------'
 * ```
 *
 * A browser sends whole messages and no fragments (`sendStream`, as in upload.ts, is for Deno, Bun and Node), so that each
 * piece is a message; the first says how many bytes there will be. The page imports `@sockeye/ws/browser` as it lies here,
 * without a bundler.
 *
 *   examples/upload_page.ts [port]
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as module from "node:module";
import process from "node:process";
import { type BaseSocket, upgrade } from "@sockeye/ws";
import { type HttpRequest, Server } from "@sockeye/ws/http";

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sockeye upload</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  progress { width: 100%; height: 1.5rem; }
  output { font-family: monospace; overflow-wrap: anywhere; }
</style>
<h1>Sockeye upload</h1>
<p><label>File <input type="file" id="file"></label> <button id="cancel" disabled>Cancel</button></p>
<progress id="bar" value="0" max="1"></progress>
<p><output id="state" for="file">Choose a file</output></p>
<script type="module">
  import { Socket } from "/sockeye/ENTRY";

  const [file, cancel, bar, state] = ["file", "cancel", "bar", "state"].map((id) => document.getElementById(id));
  const PIECE = 2 ** 20;
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1) + " MiB";

  async function upload(source) {
    // So much may wait in the browser before a write has to.
    const conn = new Socket("ws://" + location.host + "/upload", { highWaterMark: 16 * 2 ** 20 });
    const controller = new AbortController();
    cancel.onclick = () => controller.abort();
    const done = new Promise((resolve, reject) => {
      conn.onmessage = ({ data }) => {
        const { received, sha256 } = JSON.parse(data);
        bar.max = source.size || 1;
        bar.value = source.size === 0 ? 1 : received;
        state.value = mib(received) + " of " + mib(source.size);
        if (sha256 !== undefined) resolve(sha256);
      };
      conn.onclose = ({ code, reason }) => reject(new Error("Closed with " + code + " " + reason));
      conn.onerror = ({ error }) => reject(error);
      // At any time: all of the file may be on its way already.
      controller.signal.onabort = () => reject(controller.signal.reason);
    });
    done.catch(() => {});
    try {
      await Promise.race([new Promise((resolve) => conn.onopen = resolve), done]);
      conn.send(JSON.stringify({ name: source.name, size: source.size }));
      const begun = performance.now();
      for (let at = 0; at < source.size && conn.readyState === Socket.OPEN; at += PIECE) {
        controller.signal.throwIfAborted();
        if (!conn.send(await source.slice(at, at + PIECE).arrayBuffer())) await conn.drained();
      }
      const sha256 = await done;
      const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
      state.value = mib(source.size) + " in " + seconds + " s, SHA-256 " + sha256;
    } finally {
      conn.onmessage = null;
      conn.close();
    }
  }

  file.onchange = async () => {
    file.disabled = true;
    cancel.disabled = false;
    try {
      await upload(file.files[0]);
    } catch (error) {
      state.value = "Not uploaded: " + error.message;
    }
    file.disabled = false;
    cancel.disabled = true;
  };
</script>
</html>
`;

/** How many bytes come between two words of the server to the page. */
const STEP = 4 * 2 ** 20;

/** Takes one file: who asks for the messages one by one makes the sender wait. */
async function receive(conn: BaseSocket): Promise<void> {
  const hash = createHash("sha256");
  let size: number | undefined;
  let received = 0;
  let told = 0;
  for await (const { data } of conn) {
    if (size === undefined) size = Number((JSON.parse(String(data)) as { size: number }).size);
    else if (data instanceof Uint8Array) {
      hash.update(data);
      received += data.length;
    }
    if (received >= size) return void conn.send(JSON.stringify({ received, sha256: hash.digest("hex") }));
    if (received - told >= STEP) conn.send(JSON.stringify({ received: told = received }));
  }
}

// The modules of the package, for the page: as they are, or, in this tree, without their types.
const entry = new URL(import.meta.resolve("@sockeye/ws/browser"));
const root = new URL("./", entry);

async function serveModule(req: HttpRequest): Promise<Response> {
  const file = new URL(req.value.slice(1), root);
  if (!file.href.startsWith(root.href) || !/\.[jt]s$/.test(file.pathname)) return new Response(null, { status: 404 });
  const source = await readFile(file, "utf8");
  const code = file.pathname.endsWith(".ts") ? module.stripTypeScriptTypes(source) : source;
  return new Response(code, { headers: { "content-type": "text/javascript; charset=utf-8" } });
}

const html = page.replace("ENTRY", entry.pathname.slice(root.pathname.length));
const server = new Server({ port: Number(process.argv[2] ?? 0), hostname: "127.0.0.1" }, {
  "/": () => new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } }),
  "/upload": upgrade(receive),
  "/sockeye": { "^(/.*)$": serveModule },
});
await server.start();
console.log(`http://127.0.0.1:${server.port}/`);
