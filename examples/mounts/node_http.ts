/** A mount in `node:http`, on Node, Deno and Bun. With a certificate and a key as arguments, in `node:https`. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { mount } from "@sockeye/ws/mount/node";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });
const [cert, key] = process.argv.slice(2);
const tls = cert === undefined || key === undefined ? undefined : { cert: readFileSync(cert), key: readFileSync(key) };
const server = tls === undefined ? createServer() : createSecureServer(tls);
server.on("upgrade", ws.upgrade);
server.on("request", (req, res) => {
  if (req.url === "/") res.end("node:http");
  else ws.request(req, res);
});
server.listen(0, "127.0.0.1", () => {
  console.log(`${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
