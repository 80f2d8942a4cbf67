/**
 * A server that sends back what it gets.
 *
 *   deno run -A examples/server.ts [port]
 */

import process from "node:process";
import * as ws from "@sockeye/ws";
import * as http from "@sockeye/ws/http";

const svr = new http.Server({ port: Number(process.argv[2] ?? 8080), hostname: "127.0.0.1" }, {
  "/ws": ws.upgrade((conn, req) => {
    console.log(`${req.address}: connected`);
    conn.onmessage = (e) => {
      console.log(typeof e.data === "string" ? e.data.slice(0, 60) : e.data);
      conn.send(e.data);
    };
    conn.onclose = (e) => console.log(`closed with ${e.code} ${e.reason}`);
  }),
});
await svr.start();

console.log(svr.url("/ws"));
