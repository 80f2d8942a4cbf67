/**
 * Connections in memory, for tests without ports: through the real handshake, over the real protocol.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = () => conn.send("Hello");
 * const event = await new Promise<{ data: unknown }>((resolve) => conn.onmessage = resolve);
 * console.assert(event.data === "Hello");
 * ```
 *
 * @module
 */

import type { HandlerLike } from "./http/handler_types.ts";
import { Server } from "./http/server.ts";
import { memoryNetwork } from "./runtime/memory.ts";
import type { Runtime } from "./socket/transport.ts";

export { memoryNetwork, memoryPair } from "./runtime/memory.ts";
export { streamTransport } from "./socket/stream_transport.ts";
export type * from "./types.ts";

/**
 * A server in memory, listening.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { type MemoryServer, memoryServer } from "@sockeye/ws/testing";
 *
 * const server: MemoryServer = await memoryServer(upgrade((conn) => conn.close(3000, "bye")));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * const event = await new Promise<{ code: number }>((resolve) => conn.onclose = resolve);
 * console.assert(event.code === 3000);
 * await server[Symbol.asyncDispose]();
 * ```
 */
export interface MemoryServer extends AsyncDisposable {
  /** The server. */
  readonly server: Server;
  /** Connects to it, whatever the host of the URL: the `connect` option of `Socket`. */
  readonly connect: Runtime["connect"];
}

/**
 * Starts a server in memory that hands its requests to `handler`.
 *
 * @example
 * ```ts
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer({});
 * console.assert(typeof server.connect === "function");
 * ```
 */
export async function memoryServer(handler: HandlerLike): Promise<MemoryServer> {
  const network = memoryNetwork();
  const address = { transport: "tcp", hostname: "memory", port: 80 } as const;
  const server = new Server(
    { hostname: address.hostname, port: address.port },
    handler,
    () => Promise.resolve(network),
  );
  await server.start();
  return {
    server,
    connect: (_target, signal) => network.connect(address, signal),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
