/**
 * Not a peer, but what checks the load: it gives back the bytes that come, without looking at them, so no server that runs on
 * `node:net` can be faster. To open an echo it answers as a WebSocket does, and it leaves 4 bytes out for each frame that came,
 * as if it had taken off the mask.
 */

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

const HEAD = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

const server = createServer({ noDelay: true }, (socket) => {
  /** Bytes of a frame as it comes; told in the path, since nothing is parsed here. */
  let size = 0;
  let rest = 0;
  let surplus = 0;
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => {
    if (size === 0) {
      size = Number(/size=(\d+)/.exec(new TextDecoder().decode(chunk))?.[1] ?? 1);
      socket.write(HEAD);
      return;
    }
    rest += chunk.length;
    const frames = Math.floor(rest / size);
    rest -= frames * size;
    surplus += frames * 4;
    const cut = Math.min(surplus, chunk.length);
    surplus -= cut;
    if (cut < chunk.length) socket.write(chunk.subarray(cut));
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
