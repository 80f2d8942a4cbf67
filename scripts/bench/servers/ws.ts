/** Echo and broadcast on npm `ws`. */

import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
// @ts-types="@types/ws"
import { WebSocket, WebSocketServer } from "ws";
import { compress, maxPayload, tls } from "./settings.ts";

const http = tls === undefined ? createServer() : createSecureServer(tls);
const server = new WebSocketServer({ server: http, maxPayload, perMessageDeflate: compress && { threshold: 0 } });

server.on("connection", (socket, request) => {
  if (request.url === "/echo") {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  } else {
    socket.on("message", (data, isBinary) => {
      for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
      }
    });
  }
});
http.listen(0, "127.0.0.1", () => console.log((http.address() as AddressInfo).port));
