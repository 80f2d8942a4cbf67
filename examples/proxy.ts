/**
 * A proxy: pipes each connection to another server, both ways. Who reads slowly on one side makes the other wait.
 *
 *   client <--> proxy <--> target          examples/proxy.ts <port> <target URL>
 */

import process from "node:process";
import { type BaseSocket, Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

const [port = "8081", target = "ws://127.0.0.1:8080/"] = process.argv.slice(2);

/** Passes messages on until `from` has closed, and then closes `to` with the same code. */
async function pass(from: BaseSocket, to: BaseSocket): Promise<void> {
  const closed = new Promise<{ code: number; reason: string }>((resolve) => from.once("close", resolve));
  try {
    await from.readable.pipeTo(to.writable, { preventClose: true, preventCancel: true });
  } catch {
    // One of them failed: the codes below say so.
  }
  if (to.readyState === Socket.CLOSED) return;
  const { code, reason } = await closed;
  if (code === 1000 || code >= 3000) to.close(code, reason);
  else if (code === 1006) to.terminate();
  else to.close(1000, reason);
}

const server = new Server({ port: Number(port), hostname: "127.0.0.1" }, {
  "/": upgrade({ protocols: (offered) => offered[0] }, (conn) => {
    const protocols = conn.protocol === "" ? [] : [conn.protocol];
    const to = new Socket(target, { protocols });
    to.onerror = ({ error }) => console.error(`${target}: ${error.code}`);
    void pass(conn, to);
    void pass(to, conn);
  }),
});
await server.start();
console.log(server.url("/"));
