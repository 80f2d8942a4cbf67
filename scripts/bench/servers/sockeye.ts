/** An echo server on this module. */

import { upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
  "/": upgrade({ origin: "*" }, (conn) => {
    conn.onmessage = (event) => conn.send(event.data);
  }),
});
await server.start();
console.log(server.port);
