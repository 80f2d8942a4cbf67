/** A mount in `Bun.serve`. */

import process from "node:process";
import { type BunServer, type BunWebSocketOptions, mount } from "@sockeye/ws/mount/bun";
import { app } from "./app.ts";

/** What is used of Bun's types, which are for its own compiler options. */
declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    fetch(req: Request, server: BunServer): Response | undefined | Promise<Response | undefined>;
    websocket: BunWebSocketOptions;
  }): { readonly port: number };
};

const ws = mount(app, { onerror: () => {} });
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (req, server) => new URL(req.url).pathname === "/" ? new Response("Bun.serve") : ws.fetch(req, server),
  websocket: ws.websocket,
});
console.log(`http://127.0.0.1:${server.port}`);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
