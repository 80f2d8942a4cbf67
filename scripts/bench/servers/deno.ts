/** Echo and broadcast on `Deno.serve` and `Deno.upgradeWebSocket`. It knows neither compression nor a limit of messages. */

import { tls } from "./settings.ts";

const clients = new Set<WebSocket>();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  ...tls,
  onListen: ({ port }) => console.log(port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  socket.binaryType = "arraybuffer";
  if (new URL(request.url).pathname === "/echo") {
    socket.onmessage = (event) => socket.send(event.data);
  } else {
    socket.onopen = () => clients.add(socket);
    socket.onclose = () => clients.delete(socket);
    socket.onmessage = (event) => {
      for (const client of clients) if (client.readyState === WebSocket.OPEN) client.send(event.data);
    };
  }
  return response;
});
