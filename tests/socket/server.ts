/**
 * The smallest server there can be, on a network in memory, through the real opening handshake; and clients of it.
 */

import { acceptKey } from "../../src/protocol/accept_key.ts";
import { acceptHead, checkRequest } from "../../src/protocol/handshake.ts";
import { formatHead, type RequestHead } from "../../src/protocol/head.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import { Opening } from "../../src/socket/opening.ts";
import type { SocketOptions } from "../../src/socket/options.ts";
import type { LinkOptions } from "../../src/socket/link_options.ts";
import { SessionLink } from "../../src/socket/session_link.ts";
import { acceptSocket, Socket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { Runtime, Transport } from "../../src/socket/transport.ts";
import { utf8 } from "../frames.ts";
import { Peer, turn } from "./peer.ts";

/** Makes the client's end, over a network in memory. */
export function connectTo(
  network: Runtime,
  url: string,
  options: SocketOptions = {},
): Socket {
  const connect: Runtime["connect"] = (target, signal) => network.connect(target, signal);
  return new Socket(new ClientStart(url, { connect, closeTimeout: 1000, ...options }, undefined, undefined));
}

/** Reads the request of a client and answers 101. */
export async function accept(transport: Transport, options: LinkOptions = {}): Promise<[Socket, RequestHead]> {
  const opening = new Opening(transport);
  const head = await opening.readHead("request");
  const check = checkRequest(head);
  if (!check.ok) throw new Error(check.refusal.reason);
  const protocol = options.protocol ?? "";
  transport.write(formatHead(acceptHead(check.request, protocol === "" ? {} : { protocol })), true);
  const link = new SessionLink("server", opening, { closeTimeout: 1000, ...options });
  const { remote } = transport;
  return [
    acceptSocket(link, { origin: check.request.origin ?? "", remote, messageTimeout: options.messageTimeout }),
    head,
  ];
}

/** Listens for one client on port 80. The inner promise is that of its server's end. */
async function listen(network: Runtime, options?: LinkOptions): Promise<{ accepted: Promise<Socket> }> {
  let take: (transport: Transport) => void = () => {};
  const transport = new Promise<Transport>((resolve) => take = resolve);
  await network.listen({ transport: "tcp", port: 80 }, take);
  return { accepted: transport.then((each) => accept(each, options)).then(([socket]) => socket) };
}

/** Options of both ends. */
export interface PairOptions {
  client?: SocketOptions;
  server?: LinkOptions;
}

/** Makes both ends of a connection. The client's is not open yet, as its caller could not listen for that any more. */
export async function connected({ client, server }: PairOptions = {}): Promise<{ client: Socket; server: Socket }> {
  const network = memoryNetwork();
  const { accepted } = await listen(network, server);
  const socket = connectTo(network, "ws://test/", client);
  return { client: socket, server: await accepted };
}

/** Makes the server's end of a connection, with a client that speaks in bytes. */
export async function serverAndPeer(options: LinkOptions = {}): Promise<{ socket: Socket; peer: Peer }> {
  const network = memoryNetwork();
  const { accepted } = await listen(network, options);
  const peer = new Peer(await network.connect({ transport: "tcp", hostname: "test", port: 80 }), "client");
  peer.write(utf8(
    "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  ));
  const socket = await accepted;
  await turn();
  peer.chunks.length = 0;
  return { socket, peer };
}

/** What a server answers to a request, byte by byte or what it likes. */
export type Answer = (peer: Peer, request: string) => void | Promise<void>;

/** Makes a client whose server speaks in bytes: `answer` is called with the request. */
export async function clientOf(answer: Answer, options: SocketOptions = {}): Promise<Socket> {
  const network = memoryNetwork();
  await network.listen({ transport: "tcp", port: 80 }, (transport) => {
    const peer = new Peer(transport, "server");
    const data = peer.data.bind(peer);
    peer.data = (chunk) => {
      data(chunk);
      const request = new TextDecoder().decode(peer.bytes);
      if (!request.endsWith("\r\n\r\n")) return;
      peer.data = data;
      peer.chunks.length = 0;
      void answer(peer, request);
    };
  });
  return connectTo(network, "ws://test/chat", options);
}

/** The head of the right answer to a request, with more lines in it. */
export function rightAnswer(request: string, ...lines: readonly string[]): Uint8Array<ArrayBuffer> {
  const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(request)![1]!;
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
    ...lines,
  ];
  return utf8(head.join("\r\n") + "\r\n\r\n");
}

/** All that a socket tells, in short and in order, until it is closed. */
export class SocketLog {
  readonly told: string[] = [];
  /** Resolves when `close` has come. */
  readonly closed: Promise<void>;
  errors: (Error & { code?: unknown })[] = [];

  constructor(socket: Socket) {
    socket.on("open", () => this.told.push(`open ${socket.readyState}`));
    socket.on("message", ({ data }) => this.told.push(`message ${typeof data === "string" ? data : "bytes"}`));
    socket.on("drain", () => this.told.push("drain"));
    socket.on("error", (event) => {
      this.errors.push(event.error);
      this.told.push(`error ${event.error.code} ${event.code} ${socket.readyState}`);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", ({ code, reason, wasClean, initiator }) => {
        this.told.push(
          `close ${code} ${JSON.stringify(reason)} ${wasClean ? "clean" : "unclean"} ${initiator} ${socket.readyState}`,
        );
        resolve();
      });
    });
  }
}

/** Resolves with the next event of a name. */
export function next<K extends "open" | "message" | "error" | "close" | "drain" | "ping" | "pong">(
  socket: Socket,
  name: K,
  // deno-lint-ignore no-explicit-any -- the caller knows the event by its name
): Promise<any> {
  return new Promise((resolve) => socket.once(name, resolve));
}
