/** Echo and broadcast on this module. */

import { upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { compress, maxPayload, tls } from "./settings.ts";

const options = { maxPayload, perMessageDeflate: compress && { threshold: 0 } };

const server = new Server({ port: 0, hostname: "127.0.0.1", ...(tls && { tls }) }, {
  "/echo": upgrade(options, (conn) => {
    conn.onmessage = (event) => conn.send(event.data);
  }),
  "/broadcast": upgrade(options, (conn) => {
    conn.onmessage = (event) => server.broadcast(event.data);
  }),
});
await server.start();
console.log(server.port);
