/** A mount in Fastify. */

import process from "node:process";
import { mount } from "@sockeye/ws/mount/node";
import fastify from "fastify";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
const web = fastify();
web.get("/", () => "Fastify");
// Fastify reads bodies before handlers run, unless it has to leave them alone.
web.removeAllContentTypeParsers();
web.addContentTypeParser("*", (_req, _payload, done) => done(null));
web.setNotFoundHandler((req, reply) => {
  reply.hijack();
  ws.request(req.raw, reply.raw);
});
web.server.on("upgrade", ws.upgrade);
console.log(await web.listen({ port: 0, host: "127.0.0.1" }));

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  await web.close();
  process.exit();
});
