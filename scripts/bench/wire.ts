/** A connection of the load after an opening handshake written by hand. */

import { Buffer } from "node:buffer";
import { platform } from "node:process";

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
  /** Sends bytes, which must not change. */
  write(bytes: Uint8Array): unknown;
  /** Ends it at once. */
  destroy(): unknown;
  /** Calls back for the bytes that come: the first `length` of `bytes`, which are good until it returns. */
  ondata: (bytes: Uint8Array, length: number) => void;
  /** Calls back when the other side has ended it, or an error. */
  onend: () => void;
}

const { connect } = "Deno" in globalThis && platform === "linux"
  ? await import("./linux_sockets.ts")
  : await import("./node_sockets.ts");

/** Opens a connection, and calls back with it and the head of the answer, or with an error where that is not a 101. */
export function opening(
  { port, path, tls, deflate }: Target,
  onopen: (wire: Wire, head: string) => void,
  onerror: (error: Error) => void,
): void {
  const wire = connect(port, tls);
  let head = "";
  wire.ondata = (bytes, length) => {
    head += Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    wire.onend = () => {};
    if (head.startsWith("HTTP/1.1 101")) return onopen(wire, head);
    wire.destroy();
    onerror(new Error(`Cannot open: the answer is ${head.split("\r\n")[0]}, wanted 101`));
  };
  wire.onend = () => onerror(new Error("Cannot open: the server has closed the connection"));
  wire.write(Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      (deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n" : "\r\n"),
  ));
}

/** Opens a connection. */
export function open(target: Target): Promise<{ wire: Wire; head: string }> {
  return new Promise((resolve, reject) => opening(target, (wire, head) => resolve({ wire, head }), reject));
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
