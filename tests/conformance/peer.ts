/**
 * A raw peer over `node:net`: it reads frames strictly and writes octets, and shares nothing with the module.
 *
 * ```
 *   RawServer.accept / dial -> opening handshake -> RawPeer: write(octets), next() -> frame -> frame -> ... -> "end"
 * ```
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import net from "node:net";
import { KEY } from "../frames.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A frame that came. */
export interface RawFrame {
  readonly fin: boolean;
  /** The three reserved bits as they stand in the first byte. */
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Octets as they come, and frames out of them. */
export class RawPeer {
  readonly socket: net.Socket;
  /** The head that a server answered with. */
  answer = "";
  /** Whether the frames that come have to be masked. */
  readonly #masked: boolean;
  #chunks: Uint8Array[] = [];
  #available = 0;
  #ended = false;
  #broken: Error | undefined;
  #wake: () => void = () => {};

  /** `masked`: the other end is a client. */
  constructor(socket: net.Socket, masked: boolean) {
    this.socket = socket;
    this.#masked = masked;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this.#available += chunk.length;
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error: Error) => {
      this.#broken = error;
      this.#wake();
    });
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Octets have come, or the end. */
  get anything(): boolean {
    return this.#available > 0 || this.#ended;
  }

  /** Waits for so many octets; with "end" when the other end has sent its FIN before the first of them. */
  async #octets(count: number): Promise<Uint8Array<ArrayBuffer> | "end"> {
    while (this.#available < count) {
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#ended) {
        if (this.#available === 0) return "end";
        throw new Error(`Connection ended in mid-frame: ${this.#available} octets, wanted ${count}`);
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#take(count);
  }

  #take(count: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const [chunk] = this.#chunks as [Uint8Array];
      const part = chunk.subarray(0, count - at);
      taken.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#available -= count;
    return taken;
  }

  /** The next frame, or "end" behind the last one. Rejects when it breaks a rule, or the connection breaks. */
  async next(): Promise<RawFrame | "end"> {
    const head = await this.#octets(2);
    if (head === "end") return "end";
    const [b0, b1] = head as unknown as [number, number];
    const masked = (b1 & 0x80) !== 0;
    if (masked !== this.#masked) throw new Error(`Frame is ${masked ? "" : "not "}masked`);
    let length = b1 & 0x7f;
    if (length > 125) {
      const [field, least] = length === 126 ? [2, 126] : [8, 65_536];
      length = 0;
      for (const octet of await this.#octets(field) as Uint8Array) length = length * 256 + octet;
      if (length < least) throw new Error(`Length ${length} is not in its shortest form`);
    }
    const key = masked ? await this.#octets(4) as Uint8Array : undefined;
    const payload = (length === 0 ? new Uint8Array(0) : await this.#octets(length)) as Uint8Array<ArrayBuffer>;
    if (key !== undefined) { for (let at = 0; at < length; at++) payload[at]! ^= key[at & 3]!; }
    return { fin: (b0 & 0x80) !== 0, rsv: b0 & 0x70, opcode: b0 & 0x0f, payload };
  }

  /** Reads a head, up to its empty line. */
  async head(): Promise<string> {
    let text = "";
    while (!text.endsWith("\r\n\r\n")) {
      const octet = await this.#octets(1);
      if (octet === "end") throw new Error(`Connection ended in mid-head: ${text}`);
      text += String.fromCharCode(octet[0]!);
    }
    return text;
  }

  /** Writes octets; resolves when the system has them. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Sends our FIN. */
  end(): void {
    this.socket.end();
  }
}

/** Makes a frame's octets as they go to that role; the other way than `to`, it is fit for large payloads. */
export function octetsOf(
  reader: "client" | "server",
  { opcode, fin, rsv, payload }: { opcode: number; fin: boolean; rsv: number; payload: Uint8Array },
): Uint8Array<ArrayBuffer>[] {
  const { length } = payload;
  const bit = reader === "server" ? 0x80 : 0;
  const head = new Uint8Array(14);
  const view = new DataView(head.buffer);
  head[0] = (fin ? 0x80 : 0) | rsv | opcode;
  let size = 2;
  if (length < 126) head[1] = bit | length;
  else if (length < 65_536) {
    head[1] = bit | 126;
    view.setUint16(2, length);
    size = 4;
  } else {
    head[1] = bit | 127;
    view.setBigUint64(2, BigInt(length));
    size = 10;
  }
  const body = payload.slice() as Uint8Array<ArrayBuffer>;
  if (reader === "server") {
    head.set(KEY, size);
    size += 4;
    for (let at = 0; at < length; at++) body[at]! ^= KEY[at & 3]!;
  }
  return [head.subarray(0, size), body];
}

/** The value of a field of a head, or nothing. */
export function field(head: string, name: string): string {
  return new RegExp(`^${name}: *(.*?) *\r$`, "im").exec(head)?.[1] ?? "";
}

/** Connects to a server and makes the opening handshake as its client. */
export async function dial(port: number, path: string, fields: readonly string[] = []): Promise<RawPeer> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const peer = new RawPeer(socket, false);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const lines = [
    ...[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, "Upgrade: websocket", "Connection: Upgrade"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", ...fields],
  ];
  await peer.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`));
  const head = await peer.head();
  if (!/^HTTP\/1\.1 101 /.test(head) || field(head, "sec-websocket-accept") !== "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
    throw new Error(`Handshake failed: ${head}`);
  }
  peer.answer = head;
  return peer;
}

/** A server that takes one connection, and makes the opening handshake on it. */
export class RawServer {
  readonly #server: net.Server;
  readonly #peer: Promise<RawPeer>;

  constructor(fields: (request: string) => readonly string[]) {
    this.#server = net.createServer({ allowHalfOpen: true });
    this.#peer = new Promise((resolve, reject) => {
      this.#server.once("connection", (socket: net.Socket) => answer(socket, fields).then(resolve, reject));
    });
  }

  /** Listens. `fields` makes more fields for the answer to a request. */
  static async listen(fields: (request: string) => readonly string[] = () => []): Promise<RawServer> {
    const server = new RawServer(fields);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** The connection, when its handshake is done. */
  accept(): Promise<RawPeer> {
    return this.#peer;
  }

  close(): void {
    this.#server.close();
  }
}

async function answer(socket: net.Socket, fields: (request: string) => readonly string[]): Promise<RawPeer> {
  const peer = new RawPeer(socket, true);
  const request = await peer.head();
  const accept = createHash("sha1").update(field(request, "sec-websocket-key") + GUID).digest("base64");
  const lines = [
    ...["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"],
    ...[`Sec-WebSocket-Accept: ${accept}`, ...fields(request)],
  ];
  await peer.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`));
  return peer;
}

/** Octets in one piece; of as many parts as there are, where `concat` takes arguments. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
