/** The behaviour suite over everything that carries bytes: TCP, TLS and Unix sockets of this runtime, web streams, memory. */

import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Socket, type SocketOptions } from "@sockeye/ws";
import { Server, type ServerOptions } from "@sockeye/ws/http";
import { Server as CoreServer } from "../../src/http/server.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import type { ListenOptions, Runtime, Target } from "../../src/socket/transport.ts";
import { ca, serverCert, serverKey } from "../certs.ts";
import { behaviour, type Carrier } from "./behaviour.ts";
import { streamsNetwork } from "./streams_network.ts";

const tls = { cert: serverCert, key: serverKey };

let count = 0;
const socketPath = (): string => join(tmpdir(), `sockeye-${process.pid}-${++count}.sock`);

/** Real sockets of this runtime. */
function sockets(name: string, secure: boolean, unix: boolean): Carrier {
  const scheme = `${secure ? "wss" : "ws"}${unix ? "+unix" : ""}`;
  const own: SocketOptions = secure ? { tls: { ca } } : {};
  const where = (): Pick<ServerOptions, "port" | "hostname" | "path"> =>
    unix ? { path: socketPath() } : { port: 0, hostname: "127.0.0.1" };
  const urlOf = (address: { transport: string; port?: number; path?: string }): string =>
    unix ? `${scheme}://${address.path}:/ws` : `${scheme}://localhost:${address.port}/ws`;
  const target = (url: string): Target =>
    unix
      ? {
        transport: "unix",
        path: new URL(url).pathname.split(":")[0]!,
        ...(secure ? { tls: { ca, servername: "localhost" } } : {}),
      }
      : {
        transport: "tcp",
        hostname: "127.0.0.1",
        port: Number(new URL(url).port),
        ...(secure ? { tls: { ca, servername: "localhost" } } : {}),
      };
  return {
    name,
    async serve(handler) {
      const server = new Server({ ...where(), ...(secure ? { tls } : {}) }, handler);
      await server.start();
      return { server, url: urlOf(server.address) };
    },
    connect: (url, options) => new Socket(url, { ...own, ...options }),
    async listen(accept) {
      const options = { ...where(), ...(secure ? { tls } : {}), transport: unix ? "unix" : "tcp" } as ListenOptions;
      const listener = await (await currentRuntime()).listen(options, accept);
      return { url: urlOf(listener.address), close: () => listener.close() };
    },
    dial: async (url) => await (await currentRuntime()).connect(target(url)),
  };
}

/** A runtime that is not the current one. */
function network(name: string, runtime: Runtime): Carrier {
  const address = { transport: "tcp", hostname: "memory", port: 80 } as const;
  const url = "ws://memory/ws";
  return {
    name,
    async serve(handler) {
      const server = new CoreServer({ hostname: "memory", port: 80 }, handler, () => Promise.resolve(runtime));
      await server.start();
      return { server, url };
    },
    connect: (url, options) => new Socket(url, { connect: runtime.connect.bind(runtime), ...options }),
    async listen(accept) {
      const listener = await runtime.listen(address, accept);
      return { url, close: () => listener.close() };
    },
    dial: () => runtime.connect(address),
  };
}

behaviour(network("memory", memoryNetwork()));
behaviour(network("streams", streamsNetwork()));

behaviour(sockets("tcp", false, false));
behaviour(sockets("tls", true, false));
behaviour(sockets("unix", false, true));
