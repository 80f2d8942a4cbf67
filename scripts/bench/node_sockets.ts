/** Connections by `node:net` and `node:tls`, for the load: those over TLS, and all where there is no Linux. */

import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Wire } from "./wire.ts";

/** Connects to a port of 127.0.0.1, whatever its certificate. */
export function connect(port: number, tls: boolean): Wire {
  const where = { port, host: "127.0.0.1" };
  const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connectTcp(where);
  socket.setNoDelay(true);
  const wire: Wire = {
    write: (bytes) => socket.write(bytes),
    destroy: () => socket.destroy(),
    ondata: () => {},
    onend: () => {},
  };
  socket.on("data", (bytes: Uint8Array) => wire.ondata(bytes, bytes.length));
  // It closes after that, too.
  socket.on("error", () => {});
  socket.on("close", () => wire.onend());
  return wire;
}
