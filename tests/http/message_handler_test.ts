import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chain, handler, Routing } from "../../src/http/handler.ts";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import { type ErrorHandlers, MessageHandler } from "../../src/http/message_handler.ts";
import type { UpgradeOptions } from "../../src/http/upgrade.ts";
import { BINARY, CLOSE, PING, PONG, TEXT } from "../../src/protocol/constants.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { Message } from "../../src/socket/message.ts";
import { connectRaw, type RawStream } from "../../src/socket/raw.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { Setup } from "./raw_client.ts";

const echo: HandlerLike<Message> = (msg) => {
  msg.response.body = msg.body;
};

function connect(setup: Setup, path: string = "/"): Promise<RawStream> {
  return connectRaw(setup.server.url(path), "", () => Promise.resolve(setup.network));
}

async function say(stream: RawStream, text: string, type: number = TEXT): Promise<void> {
  const msg = new Message(type);
  msg.write(text);
  await msg.sendTo(stream);
}

async function hear(stream: RawStream): Promise<Message> {
  const msg = new Message();
  await msg.readFrom(stream);
  return msg;
}

async function end(setup: Setup, ...streams: readonly RawStream[]): Promise<void> {
  await Promise.all(streams.map((stream) => stream.close()));
  await setup.server.close();
}

function opened(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.on("open", resolve));
}

function closed(socket: Socket): Promise<{ code: number }> {
  return new Promise((resolve) => socket.on("close", resolve));
}

/** Lets everything run that can. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

test("each message is answered with its response, of the same type, not masked", async () => {
  const setup = await Setup.start(new MessageHandler(echo));
  const stream = await connect(setup);
  for (const size of [0, 10, 100, 125, 126, 65_535, 65_536]) {
    for (const type of [TEXT, BINARY]) {
      const msg = new Message(type);
      msg.write("x".repeat(size));
      await msg.sendTo(stream);
      const answer = await hear(stream);
      assertEquals([answer.type, answer.masked, answer.length], [type, false, size]);
      assertEquals(answer.data, msg.data);
    }
  }
  assertEquals(setup.reports, []);
  await end(setup, stream);
});

test("a handler that writes nothing answers with an empty message", async () => {
  const setup = await Setup.start(new MessageHandler(() => {}));
  const stream = await connect(setup);
  await say(stream, "Hello");
  const answer = await hear(stream);
  assertEquals([answer.type, answer.data], [TEXT, null]);
  await end(setup, stream);
});

test("a message comes with its content, masked, and a stream that cuts the connection", async () => {
  const seen: unknown[] = [];
  const setup = await Setup.start(
    new MessageHandler((msg) => {
      seen.push(msg.type, msg.masked, msg.compress, msg.data, msg.value, msg.params, msg.body.tell());
      msg.stream?.close?.();
    }),
  );
  const stream = await connect(setup);
  await say(stream, "Hello");
  await assertRejects(() => hear(stream), WebSocketError);
  assertEquals(seen, [TEXT, true, false, "Hello", "", [], 0]);
  await end(setup, stream);
});

test("messages are handled strictly one after another, also those that come together", async () => {
  const log: string[] = [];
  const gates: (() => void)[] = [];
  const setup = await Setup.start(
    new MessageHandler(async (msg) => {
      log.push(`begin ${msg.data}`);
      await new Promise<void>((resolve) => gates.push(resolve));
      log.push(`end ${msg.data}`);
      msg.response.write(`re ${msg.data}`);
    }),
  );
  const stream = await connect(setup);
  await Promise.all(["a", "b", "c"].map((text) => say(stream, text)));
  const wanted: string[] = [];
  for (const text of ["a", "b", "c"]) {
    while (gates.length === 0) await settled();
    await settled();
    wanted.push(`begin ${text}`);
    assertEquals(log, wanted);
    gates.pop()!();
    wanted.push(`end ${text}`);
    assertEquals((await hear(stream)).data, `re ${text}`);
  }
  assertEquals(log, wanted);
  await end(setup, stream);
});

test("messages that come in one chunk with the handshake are handled one after another too", async () => {
  let busy = 0;
  let most = 0;
  const setup = await Setup.start(
    new MessageHandler(async (msg) => {
      most = Math.max(most, ++busy);
      await settled();
      busy--;
      msg.response.body = msg.body;
    }),
  );
  const client = await setup.connect();
  const head = [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ].join("\r\n") + "\r\n\r\n";
  const frames = "abcde".split("").flatMap((letter) => [0x81, 0x81, 0, 0, 0, 0, letter.charCodeAt(0)]);
  client.send(Uint8Array.from([...new TextEncoder().encode(head), ...frames]));
  await client.until(() => client.received.endsWith("\x81\x01e"));
  assert(client.received.endsWith(`\r\n\r\n${"abcde".split("").map((letter) => `\x81\x01${letter}`).join("")}`));
  assertEquals([busy, most], [0, 1]);
  client.transport.abort();
  await end(setup);
});

test("the next message is not read before the answer to the last: the peer is made to wait", async () => {
  let go = (): void => {};
  let handled = 0;
  const setup = await Setup.start(
    new MessageHandler(async (msg) => {
      if (handled++ === 0) await new Promise<void>((resolve) => go = resolve);
      msg.response.write(String(msg.length));
    }),
  );
  const stream = await connect(setup);
  let sent = 0;
  const sending = Array.from({ length: 40 }, () => say(stream, "x".repeat(65_536), BINARY).then(() => sent++));
  await settled();
  assert(sent < 20, `${sent} of 40 messages of 64 KiB were taken while the first is handled`);
  assertEquals(handled, 1);
  go();
  for (let count = 0; count < 40; count++) {
    assertEquals(new TextDecoder().decode((await hear(stream)).readAll()!), "65536");
  }
  await Promise.all(sending);
  assertEquals([handled, sent], [40, 40]);
  await end(setup, stream);
});

test("a peer that does not read its answers is not read from", async () => {
  let handled = 0;
  const setup = await Setup.start(
    new MessageHandler((msg) => {
      handled++;
      msg.response.body.write(new Uint8Array(600_000));
    }),
  );
  const socket = setup.socket();
  await opened(socket);
  const lengths: number[] = [];
  socket.onmessage = (event) => void lengths.push((event.data as Uint8Array).length);
  socket.pause();
  for (let count = 0; count < 10; count++) socket.send(Uint8Array.of(count));
  await settled();
  await settled();
  assertEquals(handled, 2);
  socket.resume();
  while (lengths.length < 10) await settled();
  assertEquals([handled, new Set(lengths).size, lengths[0]], [10, 1, 600_000]);
  const over = closed(socket);
  socket.close();
  assertEquals((await over).code, 1000);
  await end(setup);
});

test("pings are answered, pongs are passed over, and a Close is answered", async () => {
  const setup = await Setup.start(new MessageHandler(echo));
  const stream = await connect(setup);
  await say(stream, "hello", PONG);
  await say(stream, "hello", PING);
  const pong = await hear(stream);
  assertEquals([pong.type, new TextDecoder().decode(pong.readAll()!)], [PONG, "hello"]);
  await new Message(CLOSE).sendTo(stream);
  assertEquals((await hear(stream)).type, CLOSE);
  await assertRejects(() => hear(stream), WebSocketError);
  await end(setup, stream);
});

test("a function, a chain, a routing and a handler handle messages", async () => {
  const route: HandlerLike<Message> = [
    (msg) => {
      msg.value = msg.data as string;
    },
    new Routing<Message>({
      "/add/:a/:b": (msg, a, b) => msg.response.write(String(Number(a) + Number(b))),
      "/stop": (msg) => {
        msg.response.write("stopped");
        msg.end();
      },
      "*": () => {},
    }),
    (msg) => msg.response.write("!"),
  ];
  const own = { invoke: (msg: Message): void => msg.response.write("own") };
  for (
    const [like, text, answer] of [
      [(msg: Message) => msg.response.write("function"), "", "function"],
      [route, "/add/1/2", "3!"],
      [route, "/stop", "stopped"],
      [new Chain<Message>(route as HandlerLike<Message>[]), "/x", "!"],
      [own, "", "own"],
    ] as const
  ) {
    const setup = await Setup.start(new MessageHandler(like as HandlerLike<Message>));
    const stream = await connect(setup);
    await say(stream, text);
    assertEquals((await hear(stream)).data, answer);
    await end(setup, stream);
  }
});

test("the handler can be replaced while connections are open", async () => {
  const own = handler<Message>((msg) => msg.response.write("one"));
  const served = new MessageHandler(own);
  assertStrictEquals(served.handler, own);
  const setup = await Setup.start(served);
  const stream = await connect(setup);
  await say(stream, "?");
  assertEquals((await hear(stream)).data, "one");
  served.handler = (msg: Message) => msg.response.write("two");
  await say(stream, "?");
  assertEquals((await hear(stream)).data, "two");
  assertThrows(() => served.handler = 5 as unknown as HandlerLike<Message>, TypeError, "Cannot make a handler: met 5");
  await end(setup, stream);
});

test("it mounts behind other handlers, and refuses what upgrade refuses", async () => {
  const setup = await Setup.start([
    (req) => {
      if (req.query.get("token") !== "right") req.response.refuse(403, "No");
    },
    { "/talk": new MessageHandler(echo, { origin: "*" }) },
  ]);
  const stream = await connect(setup, "/talk?token=right");
  await say(stream, "Hello");
  assertEquals((await hear(stream)).data, "Hello");
  const refused = await assertRejects(() => connect(setup, "/talk"), WebSocketError);
  assertEquals(refused.code, "WS_HANDSHAKE_REFUSED");
  const plain = await setup.exchange("GET /talk?token=right HTTP/1.1\r\nHost: a\r\n\r\n");
  assert(plain.startsWith("HTTP/1.1 426 "), plain);
  await end(setup, stream);
});

test("maxSize is a limit of each message, and holds for connections that come", async () => {
  const served = new MessageHandler(echo);
  assertEquals(served.maxSize, 67_108_864);
  assertEquals(new MessageHandler(echo, { maxPayload: 7 }).maxSize, 7);
  const setup = await Setup.start(served);
  const before = await connect(setup);
  served.maxSize = 4;
  assertEquals(served.maxSize, 4);
  const after = await connect(setup);
  await say(before, "Hello");
  assertEquals((await hear(before)).data, "Hello");
  await say(after, "Hell");
  assertEquals((await hear(after)).data, "Hell");
  await say(after, "Hello");
  const answer = await hear(after);
  assertEquals([answer.type, answer.data], [CLOSE, Uint8Array.of(0x03, 0xf1)]);
  assertThrows(() => served.maxSize = -1, RangeError, "maxSize: got -1");
  assertThrows(() => served.maxSize = "1" as unknown as number, TypeError, "maxSize");
  await end(setup, before, after);
});

test("what a handler throws is reported, and closes the connection with 1011", async () => {
  const error = new Error("boom");
  const served = new MessageHandler((msg) => {
    if (msg.data === "bad") throw error;
    msg.response.write("good");
  });
  const setup = await Setup.start(served);
  const stream = await connect(setup);
  const other = await connect(setup);
  await Promise.all(["good", "bad", "good"].map((text) => say(stream, text)));
  assertEquals((await hear(stream)).data, "good");
  const answer = await hear(stream);
  assertEquals([answer.type, answer.data], [CLOSE, Uint8Array.of(0x03, 0xf3)]);
  assertEquals(setup.reports, [error]);
  await say(other, "good");
  assertEquals((await hear(other)).data, "good");
  assertEquals(served.stats, { total: 2, pending: 0, request: 3, response: 2, error: 1 });
  await end(setup, stream, other);
});

test("an answer that cannot be sent is a failure of the handler", async () => {
  const served = new MessageHandler((msg) => msg.response.write(Uint8Array.of(0xff)));
  const setup = await Setup.start(served);
  const stream = await connect(setup);
  await say(stream, "Hello");
  assertEquals((await hear(stream)).type, CLOSE);
  assertEquals(setup.reports.map(String), [
    "TypeError: Cannot send a message: its type is TEXT, and its body is not UTF-8",
  ]);
  assertEquals(served.stats, { total: 1, pending: 0, request: 1, response: 0, error: 1 });
  await end(setup, stream);
});

test("onerror gets the message with what its handler threw, in each of its forms", async () => {
  const seen: unknown[] = [];
  const note = (msg: Message): void => void seen.push(msg.data, (msg.lastError as Error).message);
  const set: ((served: MessageHandler) => void)[] = [
    (served) => served.onerror = note,
    (served) => served.onerror({ 500: note }),
    (served) => served.onerror({ 500: [note] }),
    (served) => served.onerror = { 500: note },
    (served) => served.onerror(handler<Message>(note)),
  ];
  for (const each of set) {
    const served = new MessageHandler(() => {
      throw new Error("boom");
    });
    each(served);
    const setup = await Setup.start(served);
    const stream = await connect(setup);
    await say(stream, "Hello");
    const answer = await hear(stream);
    assertEquals([answer.type, answer.data], [CLOSE, Uint8Array.of(0x03, 0xf3)]);
    assertEquals([seen.splice(0), setup.reports], [["Hello", "boom"], []]);
    await end(setup, stream);
  }
});

test("onerror can be taken away, and what it throws itself is reported", async () => {
  const served = new MessageHandler(() => {
    throw new Error("boom");
  });
  served.onerror = () => {
    throw new Error("again");
  };
  const setup = await Setup.start(served);
  for (const wanted of ["again", "boom", "boom"]) {
    const stream = await connect(setup);
    await say(stream, "Hello");
    assertEquals((await hear(stream)).type, CLOSE);
    assertEquals((setup.reports.pop() as Error).message, wanted);
    await stream.close();
    served.onerror = wanted === "again" ? null : { 404: echo } as ErrorHandlers;
  }
  await end(setup);
});

test("stats count connections and messages", async () => {
  let go = (): void => {};
  const served = new MessageHandler(async () => await new Promise<void>((resolve) => go = resolve));
  assertEquals(served.stats, { total: 0, pending: 0, request: 0, response: 0, error: 0 });
  const setup = await Setup.start(served);
  const stream = await connect(setup);
  await say(stream, "Hello");
  while (served.stats.pending === 0) await settled();
  assertEquals(served.stats, { total: 1, pending: 1, request: 1, response: 0, error: 0 });
  go();
  await hear(stream);
  assertEquals(served.stats, { total: 1, pending: 0, request: 1, response: 1, error: 0 });
  await end(setup, stream);
});

test("a connection that is over while a message is handled needs no answer", async () => {
  let go = (): void => {};
  let done = false;
  const served = new MessageHandler(async (msg) => {
    await new Promise<void>((resolve) => go = resolve);
    msg.response.write("late");
    done = true;
  });
  const setup = await Setup.start(served);
  const stream = await connect(setup);
  await say(stream, "Hello");
  while (served.stats.pending === 0) await settled();
  await stream.writable.abort();
  await settled();
  go();
  await settled();
  assertEquals([done, setup.reports], [true, []]);
  assertEquals(served.stats, { total: 1, pending: 0, request: 1, response: 0, error: 0 });
  await end(setup, stream);
});

test("what can be no handler, and wrong options, are refused", () => {
  for (const like of [5, "x", null, undefined, new Map()]) {
    assertThrows(() => new MessageHandler(like as unknown as HandlerLike<Message>), TypeError, "Cannot make a handler");
  }
  assertThrows(() => new MessageHandler({ "/:a:b": echo }), SyntaxError);
  assertThrows(() => new MessageHandler(echo, { maxSize: 1 } as UpgradeOptions), TypeError, '"maxSize" is unknown');
  assertThrows(() => new MessageHandler(echo, { maxPayload: -1 }), RangeError, "maxPayload");
  const served = new MessageHandler(echo);
  assertThrows(() => served.onerror = 5 as unknown as null, TypeError, "Cannot make a handler");
  assertThrows(() => served.onerror({ 500: 5 } as unknown as ErrorHandlers), TypeError, "Cannot make a handler");
});
