/** A mount in Koa. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { mount } from "@sockeye/ws/mount/node";
import Koa from "koa";
import { app } from "./app.ts";

/** What is used of a context: Koa brings no types. */
interface Context {
  readonly path: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  body: unknown;
  respond: boolean;
}

const ws = mount(app, { onerror: () => {} });
const web = new Koa();
web.use((ctx: Context) => {
  if (ctx.path === "/") {
    ctx.body = "Koa";
    return;
  }
  ctx.respond = false;
  ws.request(ctx.req, ctx.res);
});
const server = web.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
server.on("upgrade", ws.upgrade);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
