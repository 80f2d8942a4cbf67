/**
 * A connection of the load: plain TCP, or TLS, after an opening handshake written by hand. What comes is read into one buffer
 * for all connections, which costs half of what an event with a buffer of its own does.
 */

import { Buffer } from "node:buffer";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Where to, and how. */
export interface Target {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** The path, with a query. */
  readonly path: string;
  /** Over TLS. */
  readonly tls: boolean;
  /** Offers permessage-deflate. */
  readonly deflate: boolean;
}

/** One connection. */
export interface Wire {
  /** Sends bytes. */
  write(bytes: Uint8Array): unknown;
  /** Ends it at once. */
  destroy(): unknown;
  /** Calls back for the bytes that come: the first `length` of `bytes`, which are good until it returns. */
  ondata: (bytes: Uint8Array, length: number) => void;
}

const buffer = Buffer.alloc(262_144);

/** Opens a connection. Resolves with it and the head of the answer, and rejects where that is not a 101. */
export function open({ port, path, tls, deflate }: Target): Promise<{ wire: Wire; head: string }> {
  return new Promise((resolve, reject) => {
    let head = "";
    let isOpen = false;
    const onhead = (bytes: Uint8Array, length: number): void => {
      head += (bytes as Buffer).toString("latin1", 0, length);
      if (!head.includes("\r\n\r\n")) return;
      isOpen = head.startsWith("HTTP/1.1 101");
      if (isOpen) return resolve({ wire, head });
      socket.destroy();
      reject(new Error(`Cannot open: the answer is ${head.split("\r\n")[0]}, wanted 101`));
    };
    let ondata = onhead;
    const where = { port, host: "127.0.0.1", noDelay: true };
    const onread = {
      buffer,
      callback(length: number): boolean {
        ondata(buffer, length);
        return true;
      },
    };
    const socket: Socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connectTcp({ ...where, onread });
    if (tls) socket.on("data", (bytes: Uint8Array) => ondata(bytes, bytes.length));
    socket.on("error", reject);
    socket.on("close", () => {
      // An error costs the load as much as a tenth of a handshake does.
      if (!isOpen) reject(new Error("Cannot open: the server has closed the connection"));
    });
    const wire: Wire = {
      write: (bytes) => socket.write(bytes),
      destroy: () => socket.destroy(),
      get ondata() {
        return ondata;
      },
      set ondata(callback) {
        ondata = callback;
      },
    };
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        (deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n" : "\r\n"),
    );
  });
}

/** Opens many, some at a time. */
export async function openAll(count: number, target: Target): Promise<{ wires: Wire[]; head: string }> {
  const wires: Wire[] = [];
  let head = "";
  while (wires.length < count) {
    const some = await Promise.all(Array.from({ length: Math.min(100, count - wires.length) }, () => open(target)));
    for (const opened of some) wires.push(opened.wire);
    head = some[0]!.head;
  }
  return { wires, head };
}
