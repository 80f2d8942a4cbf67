/** A mount in Hono on Bun. */

import process from "node:process";
import { type BunServer, type BunWebSocketOptions, mount } from "@sockeye/ws/mount/bun";
import { Hono } from "hono";
import { app } from "./app.ts";

/** What is used of Bun's types, which are for its own compiler options. */
declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    fetch(req: Request, server: BunServer): Response | Promise<Response>;
    websocket: BunWebSocketOptions;
  }): { readonly port: number };
};

const ws = mount(app, { onerror: () => {} });
const web = new Hono<{ Bindings: BunServer }>();
web.get("/", (c) => c.text("Hono"));
// Hono wants a Response in any case; Bun does not look at it once there is a WebSocket.
web.all("*", async (c) => await ws.fetch(c.req.raw, c.env) ?? new Response(null));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: web.fetch, websocket: ws.websocket });
console.log(`http://127.0.0.1:${server.port}`);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
