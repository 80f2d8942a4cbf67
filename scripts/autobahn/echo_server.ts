/**
 * The server that a fuzzing client is pointed at: it sends back what it gets, with compression where it is offered. Prints
 * its URL when it listens.
 *
 * Usage: echo_server [port] [hostname]
 */

import process from "node:process";
import { upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

const [port = "9001", hostname = "127.0.0.1"] = process.argv.slice(2);

const echo = upgrade({ perMessageDeflate: true, origin: "*" }, (conn) => {
  conn.onmessage = ({ data }) => conn.send(data);
});
const server = new Server({ port: Number(port), hostname }, (req) => echo.invoke(req));
await server.start();
console.log(server.url());
