/** A mount in Hono on Deno. */

import { mount, type ServeInfo } from "@sockeye/ws/mount/deno";
import { Hono } from "hono";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
const web = new Hono<{ Bindings: ServeInfo }>();
web.get("/", (c) => c.text("Hono"));
web.all("*", (c) => ws.fetch(c.req.raw, c.env));
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, web.fetch);

Deno.addSignalListener("SIGINT", async () => {
  await ws.close({ reason: "going" });
  Deno.exit();
});
