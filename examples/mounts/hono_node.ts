/** A mount in Hono on Node. */

import process from "node:process";
import { type HttpBindings, serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { mount } from "@sockeye/ws/mount/node";
import { Hono } from "hono";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
const web = new Hono<{ Bindings: HttpBindings }>();
web.get("/", (c) => c.text("Hono"));
web.all("*", (c) => {
  ws.request(c.env.incoming, c.env.outgoing);
  return RESPONSE_ALREADY_SENT;
});
const server = serve({ fetch: web.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
server.on("upgrade", ws.upgrade);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
