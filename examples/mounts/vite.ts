/** A mount in Vite's development server, as a plugin. Vite's own WebSocket, which reloads pages, goes on. */

import type { AddressInfo } from "node:net";
import process from "node:process";
import { mount } from "@sockeye/ws/mount/node";
import { createServer, type Plugin } from "vite";
import { app } from "./app.ts";

const ws = mount(app, { onerror: () => {} });

/** Hands over all but what is Vite's. */
const sockeye: Plugin = {
  name: "sockeye",
  configureServer({ httpServer, middlewares }) {
    httpServer?.on("upgrade", (req, socket, head) => {
      if (req.headers["sec-websocket-protocol"] !== "vite-hmr") ws.upgrade(req, socket, head);
    });
    middlewares.use((req, res, next) => {
      if (req.url === "/") res.end("Vite");
      else if (req.url?.startsWith("/@")) next();
      else ws.request(req, res);
    });
  },
};

const server = await createServer({
  configFile: false,
  root: process.cwd(),
  plugins: [sockeye],
  logLevel: "silent",
  optimizeDeps: { noDiscovery: true },
  server: { port: 0, host: "127.0.0.1", watch: null },
});
await server.listen();
console.log(`http://127.0.0.1:${(server.httpServer!.address() as AddressInfo).port}`);

process.once("SIGINT", async () => {
  await ws.close({ reason: "going" });
  process.exit();
});
