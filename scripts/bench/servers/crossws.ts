/** Echo and broadcast on crossws, which is the same file on every runtime: over npm `ws`, `Deno.serve` or `Bun.serve`. */

import { serve } from "crossws/server";
import { compress, maxPayload, tls } from "./settings.ts";

const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  silent: true,
  ...(tls && { tls }),
  fetch: () => new Response("Wanted a WebSocket", { status: 426 }),
  websocket: {
    options: { node: { serverOptions: { maxPayload, perMessageDeflate: compress && { threshold: 0 } } } },
    open(peer) {
      if (peer.request.url.endsWith("/broadcast")) peer.subscribe("all");
    },
    message(peer, message) {
      if (peer.request.url.endsWith("/echo")) peer.send(message.rawData, { compress });
      else peer.publish("all", message.rawData, { compress });
    },
  },
});
await server.ready();
console.log(new URL(server.url!).port);
