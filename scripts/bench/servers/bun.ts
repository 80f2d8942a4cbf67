/** Echo and broadcast on `Bun.serve`. */

import { compress, maxPayload, tls } from "./settings.ts";

interface Peer {
  readonly data: { readonly echo: boolean };
  send(data: string | Uint8Array, compress: boolean): number;
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { data: Peer["data"] }): boolean;
  publish(topic: string, data: string | Uint8Array, compress: boolean): number;
}

declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    tls?: { cert: string; key: string };
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      maxPayloadLength: number;
      backpressureLimit: number;
      perMessageDeflate: boolean;
      open(peer: Peer): void;
      message(peer: Peer, data: string | Uint8Array): void;
    };
  }): BunServer;
};

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  ...(tls && { tls }),
  fetch(request, server) {
    const data = { echo: new URL(request.url).pathname === "/echo" };
    return server.upgrade(request, { data }) ? undefined : new Response("Wanted a WebSocket", { status: 426 });
  },
  websocket: {
    maxPayloadLength: maxPayload,
    // Otherwise a message of 16 MiB that cannot leave at once is dropped.
    backpressureLimit: maxPayload,
    perMessageDeflate: compress,
    open(peer) {
      if (!peer.data.echo) peer.subscribe("all");
    },
    message(peer, data) {
      if (peer.data.echo) peer.send(data, compress);
      else server.publish("all", data, compress);
    },
  },
});
console.log(server.port);
