/** An echo server on `Bun.serve`. */

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      maxPayloadLength: number;
      perMessageDeflate: boolean;
      message(socket: { send(data: string | Uint8Array): number }, data: string | Uint8Array): void;
    };
  }): BunServer;
};

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => server.upgrade(request) ? undefined : new Response("Wanted a WebSocket", { status: 426 }),
  websocket: {
    maxPayloadLength: 67_108_864,
    perMessageDeflate: false,
    message: (socket, data) => {
      socket.send(data);
    },
  },
});
console.log(server.port);
