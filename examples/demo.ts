/**
 * A chat: a server with one web page, and two clients in the same process that talk to each other.
 *
 * ```
 *   Ann: ws.Socket --.                 .--> Ann
 *   Ben: ws.Socket --+--> http.Server -+--> Ben      each message goes to all
 *   page: WebSocket -'   broadcast      '--> page
 * ```
 *
 *   deno task demo [--port 8080] [--once]
 */

import process from "node:process";
import { parseArgs } from "node:util";
import * as http from "@sockeye/ws/http";
import * as ws from "@sockeye/ws";
import { page } from "./demo_page.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    once: { type: "boolean", default: false },
  },
});

const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`Cannot listen: --port is ${values.port}, wanted 0 to 65535`);
  process.exit(2);
}

const server = new http.Server({ port, hostname: "127.0.0.1" }, {
  "/": () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }),
  "/chat": ws.upgrade((conn) => {
    conn.onmessage = (event) => server.broadcast(event.data);
  }),
});

/** Joins the chat as `name` and resolves when the connection is open. */
function join(name: string, url: string): Promise<ws.Socket> {
  return new Promise((resolve, reject) => {
    const socket = new ws.Socket(url);
    socket.onopen = () => resolve(socket);
    socket.onerror = (event) => reject(event.error);
    socket.onclose = (event) => console.log(`${name} has left: ${event.code} ${event.reason}`);
    socket.on("message", (event) => console.log(`  ${name} reads  ${event.data}`));
  });
}

/** Sends as `name`, and resolves when all of `readers` have it. */
async function say(name: string, socket: ws.Socket, text: string, readers: readonly ws.Socket[]): Promise<void> {
  console.log(`${name} writes   ${text}`);
  const read = readers.map((reader) => new Promise((resolve) => reader.once("message", resolve)));
  socket.send(`${name}: ${text}`);
  await Promise.all(read);
}

await server.start();
const host = `127.0.0.1:${server.port}`;
console.log(`A chat is at http://${host}/`);

const ann = await join("Ann", `ws://${host}/chat`);
const ben = await join("Ben", `ws://${host}/chat`);
await say("Ann", ann, "Hello, Ben!", [ann, ben]);
await say("Ben", ben, "Hello, Ann! \u{1F41F}", [ann, ben]);
console.log(`Round trip: ${(await ann.ping()).toFixed(2)} ms`);

async function stop(): Promise<void> {
  await server.close({ code: 1001, reason: "The chat is over" });
}

if (values.once) await stop();
else {
  console.log("Open the page to join them. Ctrl-C ends.");
  process.once("SIGINT", () => void stop().then(() => process.exit(0)));
  process.once("SIGTERM", () => void stop().then(() => process.exit(0)));
}
