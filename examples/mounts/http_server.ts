/** The same handlers in our own server, beside which the mounts are held. */

import process from "node:process";
import { Server } from "@sockeye/ws/http";
import { app } from "./app.ts";

const server = new Server({ port: 0, hostname: "127.0.0.1", onerror: () => {} }, {
  "/": () => new Response("http.Server"),
  ...app,
});
await server.start();
console.log(server.url().replace("ws:", "http:").replace(/\/$/, ""));

process.once("SIGINT", async () => {
  await server.close({ reason: "going" });
  process.exit();
});
