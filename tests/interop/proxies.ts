/** Proxies for tests, over `node:net`: HTTP's CONNECT and SOCKS 5. They write down what they are asked for. */

import { Buffer } from "node:buffer";
import net from "node:net";

/** A proxy that listens. */
export interface TestProxy {
  readonly port: number;
  /** What it was asked for: a line each. */
  readonly asked: string[];
  close(): Promise<void>;
}

function listen(asked: string[], serve: (client: net.Socket) => void): Promise<TestProxy> {
  const open = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.on("error", () => {});
    client.on("close", () => open.delete(client));
    serve(client);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        port: (server.address() as net.AddressInfo).port,
        asked,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const each of open) each.destroy();
          }),
      });
    });
  });
}

/** Reads so many bytes at a time, or up to a mark. What follows waits in the socket. */
class Reader {
  readonly #socket: net.Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", this.#take);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#wake();
  };

  async until(length: (bytes: Buffer) => number): Promise<Buffer> {
    while (length(this.#bytes) <= 0 || this.#bytes.length < length(this.#bytes)) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const size = length(this.#bytes);
    const bytes = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return bytes;
  }

  /** Pipes both ways from here on. */
  join(other: net.Socket): void {
    this.#socket.off("data", this.#take);
    if (this.#bytes.length > 0) other.write(this.#bytes);
    this.#socket.pipe(other);
    other.pipe(this.#socket);
  }
}

function dial(host: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
    socket.on("close", () => {});
  });
}

/** A proxy that makes tunnels by CONNECT; with `answer`, it says that and nothing more. */
export function httpProxy(answer?: string): Promise<TestProxy> {
  const asked: string[] = [];
  return listen(asked, async (client) => {
    const reader = new Reader(client);
    const head = (await reader.until((bytes) => bytes.indexOf("\r\n\r\n") + 4)).toString();
    const [, authority] = /^CONNECT (\S+) HTTP\/1.1\r\n/.exec(head) ?? [];
    const authorization = /^Proxy-Authorization: (.*)\r$/im.exec(head)?.[1];
    asked.push(`${authority} ${authorization ?? ""}`.trim());
    if (answer !== undefined) return void client.end(answer);
    const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(authority!)!;
    const server = await dial(host!, Number(port)).catch(() => undefined);
    if (server === undefined) return void client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
    client.write("HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n");
    reader.join(server);
  });
}

/** A SOCKS proxy; with a user, it wants that one and the password; `reply` other than 0 refuses. */
export function socksProxy(
  { user, password, reply = 0 }: { user?: string; password?: string; reply?: number } = {},
): Promise<
  TestProxy
> {
  const asked: string[] = [];
  return listen(asked, async (client) => {
    const reader = new Reader(client);
    const greeting = await reader.until((bytes) => bytes.length < 2 ? 0 : 2 + bytes[1]!);
    const method = user === undefined ? 0 : 2;
    if (!greeting.subarray(2).includes(method)) return void client.end(Buffer.from([5, 0xff]));
    client.write(Buffer.from([5, method]));
    if (method === 2) {
      const length = (bytes: Buffer): number => bytes.length < 2 ? 0 : 3 + bytes[1]! + (bytes[2 + bytes[1]!] ?? 300);
      const given = await reader.until(length);
      const name = given.subarray(2, 2 + given[1]!).toString();
      const secret = given.subarray(3 + given[1]!).toString();
      const right = name === user && secret === password;
      client.write(Buffer.from([1, right ? 0 : 1]));
      if (!right) return void client.end();
    }
    const request = await reader.until((bytes) =>
      bytes.length < 5 ? 0 : 6 + (bytes[3] === 1 ? 4 : bytes[3] === 4 ? 16 : 1 + bytes[4]!)
    );
    const address = request.subarray(4, -2);
    const host = request[3] === 1
      ? address.join(".")
      : request[3] === 4
      ? Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2).toString(16)).join(":")
      : address.subarray(1).toString();
    const port = request.readUInt16BE(request.length - 2);
    asked.push(`${request[3]} ${host}:${port}`);
    const server = reply === 0 ? await dial(host, port).catch(() => undefined) : undefined;
    const code = reply === 0 && server === undefined ? 5 : reply;
    client.write(Buffer.from([5, code, 0, 1, 127, 0, 0, 1, 0, 0]));
    if (server === undefined) return void client.end();
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
    reader.join(server);
  });
}

/** What takes connections and says nothing. */
export function silence(): Promise<TestProxy> {
  return listen([], (client) => void client.resume());
}
