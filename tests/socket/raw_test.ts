import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { upgrade } from "../../src/http/upgrade.ts";
import { CLOSE, PING, PONG, TEXT } from "../../src/protocol/constants.ts";
import { HandshakeError, WebSocketError } from "../../src/protocol/errors.ts";
import { acceptHead, checkRequest } from "../../src/protocol/handshake.ts";
import { formatHead, type RequestHead } from "../../src/protocol/head.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import { Message } from "../../src/socket/message.ts";
import { Opening } from "../../src/socket/opening.ts";
import { connectRaw, type RawOptions, type RawStream } from "../../src/socket/raw.ts";
import type { Runtime, Transport, TransportSink } from "../../src/socket/transport.ts";
import { Setup } from "../http/raw_client.ts";

/** The other end of a raw connection: accepts every handshake, and keeps what comes. */
class Peer implements TransportSink {
  readonly head: RequestHead;
  readonly transport: Transport;
  readonly chunks: Uint8Array[] = [];
  length = 0;
  ending: "none" | "end" | "abort" = "none";
  drains = 0;
  #waiting: (() => void)[] = [];

  constructor(head: RequestHead, opening: Opening) {
    this.head = head;
    this.transport = opening.transport;
    opening.open(this);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    this.#wake();
  }

  end(): void {
    this.ending = "end";
    this.#wake();
  }

  drain(): void {
    this.drains++;
    this.#wake();
  }

  abort(): void {
    this.ending = "abort";
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Connects to a peer. `behind`: what it sends in one chunk with its answer. */
async function pair(options: RawOptions = {}, behind: Uint8Array = new Uint8Array(0)): Promise<[RawStream, Peer]> {
  const network = memoryNetwork();
  const peer = new Promise<Peer>((resolve, reject) => {
    const accept = async (transport: Transport): Promise<void> => {
      const opening = new Opening(transport);
      const head = await opening.readHead("request");
      const check = checkRequest(head);
      if (!check.ok) throw new Error(check.refusal.reason);
      const answer = formatHead(acceptHead(check.request));
      transport.write(Uint8Array.from([...answer, ...behind]), false);
      resolve(new Peer(head, opening));
    };
    void network.listen({ transport: "tcp", port: 80 }, (transport) => void accept(transport).catch(reject));
  });
  const stream = await connectRaw("ws://example.com/path?q", options, () => Promise.resolve(network));
  return [stream, await peer];
}

/** Lets everything run that can. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number[] | "end"> {
  const { done, value } = await reader.read();
  return done ? "end" : [...value];
}

test("messages are framed by hand over what connect gives", async () => {
  const setup = await Setup.start({ "/ws": upgrade((conn) => conn.onmessage = (event) => conn.send(event.data)) });
  const stream = await connectRaw(setup.server.url("/ws"), "", () => Promise.resolve(setup.network));
  for (const size of [10, 100, 125, 126, 65_535, 65_536]) {
    const msg = new Message(TEXT);
    msg.body.write(Uint8Array.from({ length: size }, (_, at) => 0x30 + at % 10));
    await msg.sendTo(stream);
    const reply = new Message();
    await reply.readFrom(stream);
    assertEquals([reply.type, reply.masked, reply.stream === stream], [TEXT, false, true]);
    assertEquals(reply.data, msg.data);
  }
  const msg = new Message(PING);
  msg.body.write("hello");
  await msg.sendTo(stream);
  await msg.readFrom(stream);
  assertEquals([msg.type, new TextDecoder().decode(msg.body.readAll()!)], [PONG, "hello"]);

  await new Message(CLOSE).sendTo(stream);
  const reply = new Message();
  await reply.readFrom(stream);
  assertEquals([reply.type, reply.data], [CLOSE, null]);
  const error = await assertRejects(() => reply.readFrom(stream), WebSocketError);
  assertEquals(error.code, "WS_PEER_VANISHED");
  await stream.close();
  await setup.server.close();
});

test("an opcode that is reserved is answered with a Close frame", async () => {
  const setup = await Setup.start(upgrade((conn) => conn.onmessage = () => {}));
  const stream = await connectRaw(setup.server.url("/"), "", () => Promise.resolve(setup.network));
  const msg = new Message();
  msg.type = 5;
  await msg.sendTo(stream);
  await msg.readFrom(stream);
  assertEquals([msg.type, msg.data], [CLOSE, Uint8Array.of(0x03, 0xea)]);
  await stream.close();
  await setup.server.close();
});

test("origin is sent when it is given, also among options, with their headers", async () => {
  const [none, first] = await pair();
  assertEquals([first.head.fields.get("origin"), first.head.target], [null, "/path?q"]);
  const [given, second] = await pair({ origin: "https://a.example", headers: { "x-token": "1" } });
  assertEquals([second.head.fields.get("origin"), second.head.fields.get("x-token")], ["https://a.example", "1"]);
  const network = memoryNetwork();
  let asked: Promise<RequestHead> | undefined;
  await network.listen({ transport: "tcp", port: 80 }, (transport) => {
    const opening = new Opening(transport);
    asked = opening.readHead("request");
    void asked.then(() => opening.transport.abort());
  });
  const error = await assertRejects(
    () => connectRaw("ws://h/", "https://b.example", () => Promise.resolve(network)),
    WebSocketError,
  );
  assertEquals(error.code, "WS_PEER_VANISHED");
  assertEquals((await asked)?.fields.get("origin"), "https://b.example");
  for (const [stream, peer] of [[none, first], [given, second]] as const) {
    peer.transport.end();
    await stream.close();
  }
});

test("what cannot be connected to rejects", async () => {
  const network = memoryNetwork();
  const connect = (url: string, origin?: string | RawOptions): Promise<RawStream> =>
    connectRaw(url, origin, () => Promise.resolve(network));
  for (const url of ["", "/path", "ftp://h/", "ws://h/#part"]) {
    const error = await assertRejects(() => connect(url), DOMException);
    assertEquals(error.name, "SyntaxError");
  }
  const refused = await assertRejects(() => connect("ws://nobody/"), WebSocketError);
  assertEquals(refused.code, "WS_CONNECT_FAILED");
  const unbound = await assertRejects(() => connectRaw("ws://nobody/"), WebSocketError, "no runtime is bound");
  assertEquals(unbound.code, "WS_CONNECT_FAILED");

  const wrong = (options: unknown): Promise<RawStream> => connect("ws://h/", options as RawOptions);
  await assertRejects(() => wrong(5), TypeError, "origin is 5, wanted a string or options");
  await assertRejects(() => wrong(null), TypeError, "origin is null");
  await assertRejects(
    () => wrong({ maxPayload: 1 }),
    TypeError,
    'option "maxPayload" is unknown, wanted one of origin,',
  );
  await assertRejects(() => wrong({ handshakeTimeout: -1 }), RangeError, "handshakeTimeout");
  await assertRejects(() => wrong({ origin: 1 }), TypeError, "origin");

  const setup = await Setup.start((req) => req.response.refuse(403, "Not you"));
  const error = await assertRejects(
    () => connectRaw(setup.server.url("/"), "", () => Promise.resolve(setup.network)),
    HandshakeError,
  );
  assertEquals([error.code, error.status], ["WS_HANDSHAKE_REFUSED", 403]);
  assertStringIncludes(error.body, "Not you");
  await setup.server.close();
});

test("another way to connect can be given", async () => {
  const [stream, peer] = await pair();
  peer.transport.end();
  await stream.close();
  const network = memoryNetwork();
  const asked: unknown[] = [];
  const connect: Runtime["connect"] = (target, signal) => {
    asked.push(target);
    return network.connect(target, signal);
  };
  await assertRejects(() => connectRaw("ws://h:81/", { connect }), WebSocketError);
  assertEquals(asked, [{ transport: "tcp", hostname: "h", port: 81 }]);
});

test("bytes that come with the answer are not lost, nor is the FIN behind them", async () => {
  const [stream, peer] = await pair({}, Uint8Array.of(0x81, 1, 0x61, 0x81));
  peer.transport.write(Uint8Array.of(1, 0x62), false);
  peer.transport.end();
  await settled();
  const msg = new Message();
  await msg.readFrom(stream);
  assertEquals(msg.data, "a");
  await msg.readFrom(stream);
  assertEquals(msg.data, "b");
  await assertRejects(() => msg.readFrom(stream), WebSocketError, "the stream ended before a message began");
  await stream.close();
  assertEquals(peer.ending, "end");
});

test("each direction ends by itself", async () => {
  const [stream, peer] = await pair();
  peer.transport.end();
  const reader = stream.readable.getReader();
  assertEquals(await read(reader), "end");
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.of(1, 2));
  await peer.until(() => peer.length === 2);
  assertEquals(peer.ending, "none");
  await writer.close();
  await peer.until(() => peer.ending === "end");

  const [other, second] = await pair();
  await other.writable.close();
  await second.until(() => second.ending === "end");
  second.transport.write(Uint8Array.of(3), false);
  second.transport.end();
  const rest = other.readable.getReader();
  assertEquals([await read(rest), await read(rest)], [[3], "end"]);
  await other.close();
});

test("a peer is made to wait for who does not read", async () => {
  const [stream, peer] = await pair();
  const chunk = new Uint8Array(65_536);
  for (let count = 0; count < 16; count++) peer.transport.write(chunk, false);
  await settled();
  // 64 KiB are read ahead, and the connection carries 64 KiB more.
  assert(peer.transport.buffered >= 13 * 65_536, `${peer.transport.buffered}`);
  let length = 0;
  const reader = stream.readable.getReader();
  while (length < 16 * 65_536) length += (await read(reader)).length;
  await settled();
  assertEquals([peer.transport.buffered, peer.drains], [0, 1]);
  reader.releaseLock();
  peer.transport.end();
  await stream.close();
});

test("who writes waits for a peer that does not read", async () => {
  const [stream, peer] = await pair();
  peer.transport.pause();
  const writer = stream.writable.getWriter();
  let written = 0;
  const chunks = Array.from({ length: 40 }, () => writer.write(new Uint8Array(65_536)).then(() => written++));
  await settled();
  // 1 MiB waits here, and the connection carries 64 KiB.
  assert(written >= 16 && written <= 18, `${written}`);
  peer.transport.resume();
  await Promise.all(chunks);
  writer.releaseLock();
  const closed = stream.close();
  await peer.until(() => peer.ending === "end");
  assertEquals([written, peer.length], [40, 40 * 65_536]);
  peer.transport.end();
  await closed;
});

test("what is written stays the writer's", async () => {
  const [stream, peer] = await pair();
  peer.transport.pause();
  const writer = stream.writable.getWriter();
  // More than the connection carries, so that some of it has to wait.
  const bytes = new Uint8Array(200_000).fill(1);
  await writer.write(bytes);
  bytes.fill(9);
  peer.transport.resume();
  await peer.until(() => peer.length === 200_000);
  assert(peer.chunks.every((chunk) => chunk.every((byte) => byte === 1)));
  await assertRejects(
    () => writer.write("text" as unknown as Uint8Array),
    TypeError,
    'chunk is "text", wanted a Uint8Array',
  );
  writer.releaseLock();
  const closed = stream.close();
  await peer.until(() => peer.ending === "end");
  peer.transport.end();
  await closed;
});

test("close lets out what was written, drops what comes, and waits for the peer's FIN", async () => {
  const [stream, peer] = await pair();
  peer.transport.pause();
  const sent = Array.from({ length: 40 }, () => {
    const writer = stream.writable.getWriter();
    const written = writer.write(new Uint8Array(65_536));
    writer.releaseLock();
    return written;
  });
  let over = false;
  const closed = stream.close();
  assertStrictEquals(stream.close(), closed);
  void closed.then(() => over = true);
  assertEquals(await read(stream.readable.getReader()), "end");
  for (let count = 0; count < 16; count++) peer.transport.write(new Uint8Array(65_536), false);
  await settled();
  assertEquals([over, peer.transport.buffered], [false, 0]);
  peer.transport.resume();
  await Promise.all(sent);
  await peer.until(() => peer.ending === "end");
  assertEquals([over, peer.length], [false, 40 * 65_536]);
  peer.transport.end();
  await closed;
});

test("close ends a connection whose ends somebody holds", async () => {
  const [stream, peer] = await pair();
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.of(1));
  const pending = read(reader);
  const closed = stream.close();
  assertEquals(await pending, "end");
  await assertRejects(() => writer.write(Uint8Array.of(2)), TypeError, "the connection was closed");
  await peer.until(() => peer.ending === "end");
  assertEquals(peer.length, 1);
  peer.transport.end();
  await closed;
});

test("close is nothing more where the connection is over, and await using closes", async () => {
  const [stream, peer] = await pair();
  peer.transport.end();
  await stream.writable.close();
  await stream.close();
  let outer: Peer;
  {
    const [inner, other] = await pair();
    await using _ = inner;
    outer = other;
    other.transport.end();
  }
  await outer.until(() => outer.ending === "end");
});

test("a peer that keeps the connection open is cut after 10 seconds", async () => {
  const real = globalThis.setTimeout;
  const delays: unknown[] = [];
  let expire = (): void => {};
  const [stream, peer] = await pair();
  try {
    globalThis.setTimeout = ((callback: () => void, delay: number) => {
      delays.push(delay);
      expire = callback;
      return undefined;
    }) as unknown as typeof setTimeout;
    const closed = stream.close();
    await peer.until(() => peer.ending === "end");
    expire();
    await closed;
  } finally {
    globalThis.setTimeout = real;
  }
  assertEquals(delays, [10_000]);
  await peer.until(() => peer.ending === "abort");
});

test("a connection that breaks fails both streams, and close resolves", async () => {
  const [stream, peer] = await pair();
  const pending = stream.readable.getReader().read();
  peer.transport.abort();
  const error = await assertRejects(() => pending, WebSocketError, "Connection broke: ");
  assertEquals(error.code, "WS_PEER_VANISHED");
  const writer = stream.writable.getWriter();
  assertStrictEquals(await assertRejects(() => writer.write(Uint8Array.of(1))), error);
  await stream.close();
});

test("a write that waits for room ends when the connection breaks", async () => {
  const [stream, peer] = await pair();
  peer.transport.pause();
  const writer = stream.writable.getWriter();
  const first = writer.write(new Uint8Array(2 ** 21));
  const second = writer.write(Uint8Array.of(1));
  await settled();
  peer.transport.abort();
  await first;
  await assertRejects(() => second, WebSocketError, "Connection broke: ");
  await stream.close();
});

test("aborting the writable cuts the connection; cancelling the readable only stops reading", async () => {
  const [stream, peer] = await pair();
  const reason = new Error("enough");
  const pending = stream.readable.getReader().read();
  await stream.writable.abort(reason);
  await peer.until(() => peer.ending === "abort");
  assertStrictEquals(await assertRejects(() => pending), reason);
  await stream.close();

  // A write that has no room does not keep it.
  const [full, silent] = await pair();
  silent.transport.pause();
  const writing = full.writable.getWriter();
  const written = Promise.allSettled(Array.from({ length: 100 }, () => writing.write(new Uint8Array(65_536))));
  await settled();
  await writing.abort(reason);
  assertEquals((await written).at(-1)!.status, "rejected");
  await full.close();

  const [other, second] = await pair();
  await other.readable.cancel();
  for (let count = 0; count < 16; count++) second.transport.write(new Uint8Array(65_536), false);
  const writer = other.writable.getWriter();
  await writer.write(Uint8Array.of(1));
  writer.releaseLock();
  await second.until(() => second.length === 1);
  await settled();
  assertEquals(second.transport.buffered, 0);
  second.transport.end();
  await other.close();
  assertEquals(second.ending, "end");
});

test("a signal gives up connecting, and cuts the connection", async () => {
  const early = await assertRejects(() => pair({ signal: AbortSignal.abort("no") }), WebSocketError);
  assertEquals([early.code, early.cause], ["WS_ABORTED", "no"]);

  const during = new AbortController();
  const network = memoryNetwork();
  await network.listen({ transport: "tcp", port: 80 }, (transport) => {
    transport.open({ data: () => during.abort("enough"), end() {}, drain() {}, abort() {} });
  });
  const error = await assertRejects(
    () => connectRaw("ws://h/", { signal: during.signal }, () => Promise.resolve(network)),
    WebSocketError,
  );
  assertEquals([error.code, error.cause], ["WS_ABORTED", "enough"]);

  const later = new AbortController();
  const [stream, peer] = await pair({ signal: later.signal });
  const pending = stream.readable.getReader().read();
  later.abort("bye");
  const cut = await assertRejects(() => pending, WebSocketError);
  assertEquals([cut.code, cut.cause], ["WS_ABORTED", "bye"]);
  await peer.until(() => peer.ending === "abort");
  await stream.close();
});

test("a signal that aborts while the handshake ends leaves no open connection behind", async () => {
  for (let ticks = 0; ticks < 40; ticks++) {
    const network = memoryNetwork();
    let peer: Transport | undefined;
    await network.listen({ transport: "tcp", port: 80 }, async (transport) => {
      peer = transport;
      const check = checkRequest(await new Opening(transport).readHead("request"));
      if (check.ok) transport.write(formatHead(acceptHead(check.request)), false);
    });
    const controller = new AbortController();
    const abort = async (): Promise<void> => {
      for (let tick = 0; tick < ticks; tick++) await undefined;
      controller.abort("late");
    };
    const connect: Runtime["connect"] = async (target, signal) => {
      const transport = await network.connect(target, signal);
      const open = transport.open.bind(transport);
      transport.open = (sink) =>
        open({
          data(chunk) {
            sink.data(chunk);
            void abort();
          },
          end: () => sink.end(),
          drain: () => sink.drain(),
          abort: (reason) => sink.abort(reason),
        });
      return transport;
    };
    const error = await assertRejects(async () => {
      const stream = await connectRaw("ws://h/", { connect, signal: controller.signal });
      await stream.readable.getReader().read();
    }, WebSocketError);
    assertEquals([error.code, error.cause], ["WS_ABORTED", "late"], `after ${ticks} ticks`);
    assertEquals(peer?.write(Uint8Array.of(1), false), "refused");
  }
});
