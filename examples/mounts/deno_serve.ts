/** A mount in `Deno.serve`. */

import { mount } from "@sockeye/ws/mount/deno";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, (req, info) => new URL(req.url).pathname === "/" ? new Response("Deno.serve") : ws.fetch(req, info));

Deno.addSignalListener("SIGINT", async () => {
  await ws.close({ reason: "going" });
  Deno.exit();
});
