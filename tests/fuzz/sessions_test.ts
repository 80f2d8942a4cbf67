/**
 * Fuzzing of whole sessions, from the first byte of the handshake on, through the real server and the real client over a
 * network in memory: the peer's bytes are damaged or not, cut anywhere, and end in any way, or not at all.
 *
 * Each connection has to tell of itself in the right order and come to its end in time; each promise has to settle; and
 * nothing may be thrown that nobody catches, which fails a test on every runtime.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import { Server } from "../../src/http/server.ts";
import { upgrade } from "../../src/http/upgrade.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { Socket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { Runtime } from "../../src/socket/transport.ts";
import { concat, utf8 } from "../frames.ts";
import { Peer, turn } from "../socket/peer.ts";
import { rightAnswer } from "../socket/server.ts";
import { stream } from "./frames.ts";
import { cut, cuts, damage, damaged, fuzz } from "./fuzz.ts";

/** Milliseconds of each limit. */
const SOON = 40;
/** How long a connection may take to come to its end, on a slow machine. */
const PATIENCE = 20_000;
const LIMITS = {
  maxPayload: 3_000,
  maxFragments: 8,
  messageTimeout: SOON,
  closeTimeout: SOON,
  perMessageDeflate: true,
};

/** What the application does with a connection. */
const deed = fc.constantFrom("echo", "ping", "blob", "pause", "close", "terminate", "deaf");

const session = {
  damage: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: damage }),
  cuts,
  /** How much of it is sent, in thousandths. */
  share: fc.oneof(fc.constant(1000), fc.nat(1000)),
  end: fc.constantFrom("end", "abort", "none"),
  deed,
  waits: fc.boolean(),
};

interface Session {
  readonly bytes: Uint8Array;
  readonly damage: readonly (readonly [number, number])[];
  readonly cuts: readonly number[];
  readonly share: number;
  readonly end: string;
  readonly deed: string;
  readonly waits: boolean;
}

/** One connection: what it tells, and its promises. */
class Told {
  readonly events: string[] = [];
  readonly promises: Promise<unknown>[] = [];
  readonly closed: Promise<void>;

  constructor(socket: Socket, deed: string) {
    for (const name of ["open", "message", "error", "drain", "ping", "pong"] as const) {
      socket.on(name, () => this.events.push(name));
    }
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        this.events.push("close");
        resolve();
      })
    );
    socket.on("open", () => this.#act(socket, deed));
    socket.on("message", ({ data }) => {
      socket.send(data);
      this.#act(socket, deed);
    });
  }

  #act(socket: Socket, deed: string): void {
    if (deed === "ping") this.promises.push(socket.ping().catch((error) => assert(error instanceof Error)));
    else if (deed === "blob") socket.send(new Blob(["x".repeat(5_000)]));
    else if (deed === "pause") {
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    } else if (deed === "close") socket.close(3000, "enough");
    else if (deed === "terminate") socket.terminate();
  }

  /** Waits for the end, and looks at all. */
  async check(): Promise<void> {
    await inTime(this.closed, () => `the end does not come: ${this.events.join(" ")}`);
    await inTime(Promise.all(this.promises), () => "a promise does not settle");
    await turn();
    assertMatch(this.events.join(" "), /^(open )?((message|drain|ping|pong) )*(error )?close$/);
  }
}

function inTime<T>(promise: Promise<T>, why: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(new Error(why())), PATIENCE));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Sends what there is to be sent, in pieces, and ends. */
async function send(peer: Peer, each: Session, before: Uint8Array): Promise<void> {
  const all = damaged(concat(before, each.bytes), each.damage);
  const sent = all.subarray(0, Math.ceil(all.length * each.share / 1000));
  for (const chunk of cut(sent, each.cuts)) {
    peer.write(chunk);
    if (each.waits) await Promise.resolve();
  }
  await turn();
  if (each.end === "end") peer.transport.end();
  else if (each.end === "abort") peer.transport.abort();
}

function network(): Runtime {
  const memory = memoryNetwork();
  const deflate = zlibDeflate();
  return {
    name: "memory",
    connect: (target, signal) => memory.connect(target, signal),
    listen: (options, accept) => memory.listen(options, accept),
    ...(deflate === undefined ? {} : { deflate }),
  };
}

const REQUEST = utf8(
  "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
);

fuzz("Whole sessions of a server", fc.record({ ...session, bytes: stream("server") }), { runs: 150 }, async (each) => {
  const runtime = network();
  const all: Told[] = [];
  const handler = upgrade(LIMITS, async (conn) => {
    if (each.waits) await turn();
    if (each.deed !== "deaf") all.push(new Told(conn, each.deed));
  });
  const reported: unknown[] = [];
  const options = {
    port: 80,
    hostname: "test",
    handshakeTimeout: SOON,
    onerror: (error: unknown) => reported.push(error),
  };
  const server = new Server(options, { "/": handler }, () => Promise.resolve(runtime));
  await server.start();
  const peer = new Peer(await runtime.connect({ transport: "tcp", hostname: "test", port: 80 }), "client");
  await send(peer, each, REQUEST);
  await inTime(server.close({ deadline: 5 * SOON }), () => "the server does not close");
  for (const told of all) await told.check();
  assertEquals([server.clients.size, reported], [0, []]);
  peer.transport.abort();
});

fuzz("Whole sessions of a client", fc.record({ ...session, bytes: stream("client") }), { runs: 150 }, async (each) => {
  const runtime = network();
  let over: () => void = () => {};
  const sent = new Promise<void>((resolve) => over = resolve);
  let peer: Peer | undefined;
  await runtime.listen({ transport: "tcp", port: 80 }, (transport) => {
    const server = peer = new Peer(transport, "server");
    const data = server.data.bind(server);
    server.data = (chunk) => {
      data(chunk);
      const request = new TextDecoder().decode(server.bytes);
      if (!request.endsWith("\r\n\r\n")) return;
      server.data = data;
      const answer = rightAnswer(request, "Sec-WebSocket-Extensions: permessage-deflate");
      void send(server, each, answer).then(over);
    };
  });
  const options = { ...LIMITS, handshakeTimeout: SOON };
  const socket = new Socket(new ClientStart("ws://test/", options, undefined, () => Promise.resolve(runtime)));
  const told = new Told(socket, each.deed);
  await sent;
  await turn();
  socket.close();
  await told.check();
  assertEquals(socket.readyState, 3);
  peer?.transport.abort();
});
