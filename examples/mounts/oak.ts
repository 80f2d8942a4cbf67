/** A mount in Oak, on Deno. Run it where JSR answers: `deno run -A examples/mounts/oak.ts`. */

import { mount } from "@sockeye/ws/mount/deno";
import { app } from "./app.ts";

// A computed name, as JSR cannot be reached from every machine that checks the types of this tree.
const oak = ["jsr:@oak/oak@^17", "application"].join("/");
const { Application } = await import(oak);

const ws = mount(app, { onerror: () => {} });
const web = new Application();
web.use((ctx: { response: { body: string } }) => ctx.response.body = "Oak");
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, (req, info) => new URL(req.url).pathname === "/" ? web.handle(req) : ws.fetch(req, info));

Deno.addSignalListener("SIGINT", async () => {
  await ws.close({ reason: "going" });
  Deno.exit();
});
