/** A mount in Express. */

import type { AddressInfo } from "node:net";
import process from "node:process";
import { mount } from "@sockeye/ws/mount/node";
import express from "express";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
const web = express();
web.get("/", (_req: unknown, res: { send(text: string): void }) => res.send("Express"));
web.use(ws.request);
const server = web.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
server.on("upgrade", ws.upgrade);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
