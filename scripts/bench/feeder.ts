/**
 * The server that clients are measured against: it does the least that can be done.
 *
 * ```
 *   /receive/32/text/64   pours out frames that were made beforehand, as fast as the client takes them
 *   /send/32/text/64      counts the bytes that come, and sends one empty message for each 64 messages of 32 bytes
 * ```
 */

import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { createServer as createSecureServer } from "node:tls";
import { readFileSync } from "node:fs";
import { frameSize, makeFrame, makePayload, repeat } from "./frames.ts";

const { BENCH_CERT, BENCH_KEY } = process.env;

/** Bytes of a piece that is poured out. */
const PIECE = 65_536;

function answer(key: string): string {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function serve(socket: Socket): void {
  socket.on("error", () => {});
  socket.setNoDelay(true);
  let head = "";
  socket.on("data", function onhead(chunk: Uint8Array) {
    head += new TextDecoder().decode(chunk);
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onhead);
    const [, kind, size = "", type, window = ""] = /^GET \/(\w+)\/(\d+)\/(\w+)\/(\d+)/.exec(head)!;
    socket.write(answer(/sec-websocket-key: *(\S+)/i.exec(head)![1]!));
    const opcode = type === "text" ? 1 : 2;
    if (kind === "receive") pour(socket, makeFrame(opcode, makePayload(Number(size)), false));
    else confirm(socket, frameSize(Number(size), true) * Number(window));
  });
}

function pour(socket: Socket, frame: Uint8Array): void {
  const piece = repeat(frame, Math.max(1, Math.floor(PIECE / frame.length)));
  const go = (): void => {
    if (!socket.destroyed) { while (socket.write(piece)); }
  };
  socket.on("drain", go);
  // What the client says is its Close frame.
  socket.on("data", () => socket.destroy());
  go();
}

function confirm(socket: Socket, bytes: number): void {
  const frame = makeFrame(2, new Uint8Array(0), false);
  let got = 0;
  socket.on("data", (chunk: Uint8Array) => {
    for (got += chunk.length; got >= bytes; got -= bytes) socket.write(frame);
  });
  socket.on("end", () => socket.end());
}

const server = BENCH_CERT === undefined || BENCH_KEY === undefined
  ? createServer(serve)
  : createSecureServer({ cert: readFileSync(BENCH_CERT), key: readFileSync(BENCH_KEY) }, serve);
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
