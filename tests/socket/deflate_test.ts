/** Compression between our client and our server, over TCP of the runtime, with every codec. */

import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { type MessageEvent, type Socket, upgrade, type UpgradeOptions } from "@sockeye/ws";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Server } from "../../src/http/server.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { DeflateContext, DeflateContexts } from "../../src/protocol/contexts.ts";
import type { DeflateFactory } from "../../src/protocol/codec.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { webDeflate } from "../../src/runtime/web_deflate.ts";
import { oneShotDeflate, zlibDeflate } from "../../src/runtime/zlib.ts";
import { checkDeflate, deflateSetup } from "../../src/socket/deflate_options.ts";
import type { SocketOptions } from "../../src/socket/options.ts";
import { Socket as CoreSocket } from "../../src/socket/socket.ts";
import { ClientStart } from "../../src/socket/start.ts";
import type { Runtime } from "../../src/socket/transport.ts";
import { concat, frame, hex, KEY } from "../frames.ts";
import { Random } from "../random.ts";

test("the level is what is asked for, else what pays with this runtime's compression, else 6", async () => {
  const side = { takeover: true, windowBits: 15 };
  const level = (asked: object, factory: Partial<DeflateFactory>): number =>
    deflateSetup(checkDeflate(asked)!, factory as DeflateFactory, { local: side, remote: side }).level;
  assertEquals([level({}, {}), level({}, { level: 1 }), level({ level: 9 }, { level: 1 })], [6, 1, 9]);
  const runtime = await currentRuntime();
  const factory = deflateFactory(runtime.deflate!);
  assertEquals(factory.level, runtime.name === "node" ? undefined : 1);
  assertStrictEquals(deflateFactory(runtime.deflate!), factory, "what it makes is shared");
});

type Lent = DeflateContexts | DeflateFactory;

const contexts = zlibDeflate() as DeflateContexts;
const web = webDeflate();

/** The runtime, with this compression. */
function lending(deflate: Lent | undefined): () => Promise<Runtime> {
  return async () => ({ ...await currentRuntime(), deflate });
}

interface Ends {
  client: Socket;
  server: Socket;
  /** Another client of the same server. */
  connect(): Promise<Socket>;
}

interface Setting {
  client?: SocketOptions["perMessageDeflate"];
  server?: UpgradeOptions["perMessageDeflate"];
  options?: Omit<SocketOptions, "perMessageDeflate">;
  limits?: UpgradeOptions;
  clientCodec?: Lent | undefined;
  serverCodec?: Lent | undefined;
  accept?: (conn: Socket) => void;
}

/** Runs `work` with both ends of a connection. */
async function between(setting: Setting, work: (ends: Ends) => Promise<void>): Promise<void> {
  const { client = true, server = true, clientCodec = contexts, serverCodec = contexts } = setting;
  let accepted: (conn: Socket) => void;
  const first = new Promise<Socket>((resolve) => accepted = resolve);
  const handler = upgrade({ ...setting.limits, perMessageDeflate: server }, (conn) => {
    setting.accept?.(conn as Socket);
    accepted(conn as Socket);
  });
  const host = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": handler }, lending(serverCodec));
  await host.start();
  const connect = async (): Promise<Socket> => {
    const options = { ...setting.options, perMessageDeflate: client };
    const start = new ClientStart(`ws://127.0.0.1:${host.port}/`, options, undefined, lending(clientCodec));
    const socket = new CoreSocket(start) as unknown as Socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", (event) => reject(event.error));
    });
    return socket;
  };
  try {
    const socket = await connect();
    await work({ client: socket, server: await first, connect });
  } finally {
    await host.close({ deadline: 2_000 });
  }
}

function echo(conn: Socket): void {
  conn.onmessage = ({ data }) => conn.send(data);
}

/** The next message. */
function next(socket: Socket): Promise<MessageEvent> {
  return new Promise((resolve, reject) => {
    socket.once("message", resolve as never);
    socket.once("close", (event) => reject(new Error(`Closed with ${event.code} ${event.reason}`)));
  });
}

function ended(socket: Socket): Promise<{ code: number; wasClean: boolean; error: string }> {
  let error = "";
  socket.once("error", (event) => error = event.error.code as string);
  return new Promise((resolve) => socket.once("close", ({ code, wasClean }) => resolve({ code, wasClean, error })));
}

function assertSame(event: MessageEvent, data: string | Uint8Array): void {
  if (typeof data === "string") assert(event.data === data, "text");
  else assertEquals(new Uint8Array(event.data as Uint8Array), data);
}

const messages = (random: Random): (string | Uint8Array)[] => [
  "Hello",
  "Hello",
  "",
  new Uint8Array(0),
  random.text(300),
  JSON.stringify(Array.from({ length: 40 }, (_, id) => ({ id, name: `user ${id}` }))),
  random.bytes(70_000),
  "x".repeat(1_000_000),
  random.text(50_000),
  random.bytes(400_000),
];

const codecs: [string, Lent | undefined, Lent | undefined][] = [
  ["contexts", contexts, contexts],
  ["one-shot calls", oneShotDeflate, contexts],
  ["contexts and one-shot calls", contexts, oneShotDeflate],
  ["the web's streams", web, contexts],
  ["contexts and the web's streams", contexts, web],
  ["the web's streams at both ends", web, web],
];

for (const [name, clientCodec, serverCodec] of codecs) {
  const skip = clientCodec === undefined || serverCodec === undefined ? "this runtime has no CompressionStream" : false;
  test(`messages come back compressed, with ${name}`, { skip }, async () => {
    await between({ clientCodec, serverCodec, accept: echo }, async ({ client }) => {
      assertStringIncludes(client.extensions, "permessage-deflate");
      for (const message of messages(new Random(1))) {
        client.send(message, { compress: true });
        const event = await next(client);
        assertSame(event, message);
        assertEquals(event.compress, message.length >= (client.extensions.includes("no_context") ? 1_024 : 0));
      }
      for (let i = 0; i < 300; i++) client.send(`message ${i} of many`, { compress: i % 3 !== 0 });
      let seen = 0;
      await new Promise<void>((resolve) => {
        client.onmessage = ({ data }) => {
          assertEquals(data, `message ${seen} of many`);
          if (++seen === 300) resolve();
        };
      });
      // All that was sent goes out before the Close frame.
      const over = ended(client);
      client.onmessage = () => seen++;
      client.send("y".repeat(3_000_000));
      client.send("last");
      client.close();
      assertEquals((await over).code, 1000);
    });
  });
}

test("the four parameters are agreed on as both ends ask", async () => {
  const cases: [Setting["client"], Setting["server"], string][] = [
    [true, true, "permessage-deflate"],
    [false, true, ""],
    [true, false, ""],
    [
      { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
      true,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; " +
      "client_max_window_bits=10",
    ],
    [
      true,
      { serverMaxWindowBits: 8, clientMaxWindowBits: 8 },
      "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    ],
    [true, { serverNoContextTakeover: true, level: 1, memLevel: 1 }, "permessage-deflate; server_no_context_takeover"],
  ];
  for (const [client, server, extensions] of cases) {
    await between({ client, server, accept: echo }, async (ends) => {
      assertEquals(ends.client.extensions, extensions);
      assertEquals(ends.server.extensions, extensions);
      for (const message of [...messages(new Random(2)), ...messages(new Random(3))]) {
        ends.client.send(message);
        assertSame(await next(ends.client), message);
      }
    });
  }
});

test("without something that compresses, nothing is offered nor accepted", async () => {
  for (const codecs of [{ clientCodec: null }, { serverCodec: null }] as unknown as Setting[]) {
    const [clientCodec, serverCodec] = [codecs.clientCodec, codecs.serverCodec]
      .map((codec) => codec === null ? undefined : contexts);
    const runtime = lending(serverCodec);
    const handler = upgrade({ perMessageDeflate: true }, (conn) => echo(conn as Socket));
    const host = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": handler }, runtime);
    await host.start();
    const url = `ws://127.0.0.1:${host.port}/`;
    const socket = new CoreSocket(new ClientStart(url, { perMessageDeflate: true }, undefined, lending(clientCodec)));
    await new Promise<void>((resolve) => socket.once("open", () => resolve()));
    assertEquals(socket.extensions, "");
    socket.send("Hello", { compress: true });
    const event = await next(socket as unknown as Socket);
    assertEquals([event.data, event.compress], ["Hello", false]);
    await host.close({ deadline: 1_000 });
  }
});

test("a sender decides for each message, and the threshold where it does not", async () => {
  await between({ client: { threshold: 20 } }, async ({ client, server }) => {
    const cases: [unknown, boolean | undefined, boolean][] = [
      ["short", undefined, false],
      ["short", true, true],
      ["long enough for the threshold", undefined, true],
      ["long enough for the threshold", false, false],
      [new Blob(["long enough for the threshold"]), false, false],
      [new Blob(["long enough for the threshold"]), undefined, true],
    ];
    for (const [data, compress, wanted] of cases) {
      const event = next(server);
      client.send(data, compress === undefined ? undefined : { compress });
      assertEquals((await event).compress, wanted);
    }
    assertThrows(() => client.send("x", { compress: 1 as never }), TypeError, "Cannot use the option compress: got 1");
    assertThrows(() => client.send("x", null as never), TypeError, "Cannot send: options is null");
  });
});

test("wrong options are refused by name", () => {
  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    ["yes", TypeError, 'Cannot use the option perMessageDeflate: got "yes", wanted a boolean or an object'],
    [null, TypeError, "got null"],
    [[], TypeError, "got a list"],
    [{ serverMaxWindowbits: 9 }, TypeError, 'option "serverMaxWindowbits" is unknown, wanted'],
    [{ toString: 1 }, TypeError, 'option "toString" is unknown'],
    [{ serverNoContextTakeover: 1 }, TypeError, "perMessageDeflate.serverNoContextTakeover: got 1, wanted a boolean"],
    [{ serverMaxWindowBits: 7 }, RangeError, "got 7, wanted a whole number from 8 to 15"],
    [{ clientMaxWindowBits: 16 }, RangeError, "got 16"],
    [{ clientMaxWindowBits: "9" }, TypeError, 'got "9", wanted a number'],
    [{ level: -1 }, RangeError, "wanted a whole number from 0 to 9"],
    [{ memLevel: 0 }, RangeError, "wanted a whole number from 1 to 9"],
    [{ threshold: -1 }, RangeError, "wanted a number of at least 0"],
    [{ releaseAfter: NaN }, RangeError, "wanted a number of at least 0"],
  ];
  for (const [value, error, message] of wrong) {
    const perMessageDeflate = value as never;
    assertThrows(() => new ClientStart("ws://127.0.0.1/", { perMessageDeflate }, "", undefined), error, message);
    assertThrows(() => upgrade({ perMessageDeflate }, () => {}), error, message);
  }
});

test("an answer that was not offered fails the handshake with 1002", async () => {
  const runtime = await currentRuntime();
  const listener = await runtime.listen({ transport: "tcp", hostname: "127.0.0.1", port: 0 }, (transport) => {
    let head = "";
    transport.open({
      data: async (chunk) => {
        head += new TextDecoder().decode(chunk);
        if (!head.includes("\r\n\r\n")) return;
        const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(head)![1]!;
        const { acceptKey } = await import("../../src/protocol/accept_key.ts");
        const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n` +
          "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15; nonsense\r\n\r\n";
        transport.write(new TextEncoder().encode(answer), false);
      },
      end: () => transport.abort(),
      drain() {},
      abort() {},
    });
  });
  const { port } = listener.address as { port: number };
  for (const perMessageDeflate of [true, false]) {
    const start = new ClientStart(`ws://127.0.0.1:${port}/`, { perMessageDeflate }, undefined, lending(contexts));
    await assertRejects(
      () => start.connect(new AbortController().signal),
      Error,
      perMessageDeflate ? 'the parameter "nonsense" is unknown' : "none was offered",
    );
  }
  await listener.close();
});

/** A frame as a client sends it. */
const masked = (payload: Uint8Array): Uint8Array => frame({ opcode: 2, rsv: 0x40, payload, key: KEY });

/** Writes bytes behind the handshake of a client that is made by hand. */
async function write(url: URL, bytes: Uint8Array): Promise<void> {
  const runtime = await currentRuntime();
  const transport = await runtime.connect({ transport: "tcp", hostname: url.hostname, port: Number(url.port) });
  await new Promise<void>((resolve) => {
    let head = "";
    transport.open({
      data(chunk) {
        head += new TextDecoder().decode(chunk);
        if (head.includes("\r\n\r\n")) resolve();
      },
      end: () => transport.end(),
      drain() {},
      abort() {},
    });
    const request = `GET / HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    transport.write(new TextEncoder().encode(request), false);
  });
  transport.write(bytes, false);
}

test("a bomb of 1 GiB in 1 MiB is cut with 1009, and bytes that are not DEFLATE with 1007", async () => {
  const some = new Uint8Array(deflateRawSync(new Uint8Array(2 ** 24), { finishFlush: 2 }));
  const bomb = concat(...Array.from({ length: 64 }, () => some));
  const cases = [
    [bomb, { code: 1006, wasClean: false, error: "WS_MESSAGE_TOO_BIG" }],
    [hex("f20011000000"), { code: 1006, wasClean: false, error: "WS_INVALID_DEFLATE" }],
  ] as const;
  for (const [payload, wanted] of cases) {
    let over: ReturnType<typeof ended> | undefined;
    const handler = upgrade({ perMessageDeflate: true, maxPayload: 2 ** 22 }, (conn) => {
      conn.onmessage = () => {};
      over = ended(conn as Socket);
    });
    const host = new Server({ port: 0, hostname: "127.0.0.1" }, { "/": handler }, lending(contexts));
    await host.start();
    await write(new URL(`ws://127.0.0.1:${host.port}/`), masked(payload));
    while (over === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(await over, wanted);
    await host.close({ deadline: 1_000 });
  }
});

test("while a large message is compressed and inflated, other connections are served", async () => {
  await between({ accept: echo }, async ({ client, connect }) => {
    const other = await connect();
    const large = new Random(4).text(1_500_000);
    let arrived = false, served = 0;
    const big = next(client).then((event) => {
      assert(event.data === large);
      arrived = true;
    });
    client.send(large);
    while (!arrived) {
      other.send("small");
      await next(other);
      if (!arrived) served++;
    }
    await big;
    assert(served > 0, `${served} were served`);
  });
});

test("what waits to be compressed counts as buffered, and drain comes when it is sent", async () => {
  await between({ options: { highWaterMark: 500_000 } }, async ({ client, server }) => {
    const bytes = new Random(5).bytes(1_000_000);
    const got = next(server);
    const drained = new Promise<void>((resolve) => client.once("drain", () => resolve()));
    assertEquals(client.send(bytes), false);
    assert(client.bufferedAmount >= 900_000, String(client.bufferedAmount));
    await drained;
    assertEquals(client.bufferedAmount, 0);
    assertSame(await got, bytes);
  });
  await between({ options: { maxBufferedAmount: 2_500_000 } }, async ({ client }) => {
    const over = ended(client);
    for (let i = 0; i < 3; i++) client.send(new Uint8Array(1_000_000));
    assertEquals((await over).error, "WS_BUFFER_OVERFLOW");
  });
});

test("pause() holds a message that is being inflated, and closing ends it", async () => {
  await between({}, async ({ client, server }) => {
    const text = "z".repeat(20_000_000);
    let delivered = 0;
    server.onmessage = ({ data }) => {
      assertEquals(data, delivered === 0 ? text : "behind");
      delivered++;
    };
    client.send(text);
    client.send("behind");
    server.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(delivered, 0);
    server.resume();
    while (delivered < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  });
  await between({}, async ({ client, server }) => {
    server.onmessage = () => {};
    const over = ended(client);
    client.send("z".repeat(60_000_000));
    server.close(4000);
    assertEquals((await over).code, 4000);
  });
});

/** Contexts that are counted. */
function counted(): { contexts: DeflateContexts; live(): number; idle(): number } {
  let live = 0, resets = 0;
  const count = (context: DeflateContext): DeflateContext => {
    live++;
    return {
      get inputLeft() {
        return context.inputLeft;
      },
      get outputLeft() {
        return context.outputLeft;
      },
      run: (...args) => context.run(...args),
      reset() {
        resets++;
        context.reset();
      },
      close() {
        live--;
        context.close();
      },
    };
  };
  return {
    contexts: {
      deflater: (...options) => count(contexts.deflater(...options)),
      inflater: (...options) => count(contexts.inflater(...options)),
    },
    live: () => live,
    idle: () => resets,
  };
}

test("contexts are made when they are needed, and freed when the connection closes", async () => {
  const counter = counted();
  await between({ serverCodec: counter.contexts, accept: echo }, async ({ client, connect }) => {
    const sockets = [client];
    for (let i = 0; i < 9; i++) sockets.push(await connect());
    assertEquals(counter.live(), 0);
    for (const socket of sockets) {
      socket.send("Hello");
      await next(socket);
    }
    assertEquals(counter.live(), 20);
    for (const [i, socket] of sockets.entries()) {
      const over = ended(socket);
      if (i % 2 === 0) socket.close();
      else socket.terminate();
      await over;
    }
    // Up to four of a kind wait for the next that needs one.
    while (counter.live() > 8) await new Promise((resolve) => setTimeout(resolve, 1));
  });
});

test("contexts of an idle connection are given back, and the context goes on", async () => {
  const counter = counted();
  const server = { releaseAfter: 20 };
  await between({ server, serverCodec: counter.contexts, accept: echo }, async ({ client }) => {
    const random = new Random(6);
    const repeated = random.text(200);
    for (let round = 1; round <= 3; round++) {
      for (const message of [repeated, random.text(200), repeated]) {
        client.send(message);
        assertSame(await next(client), message);
      }
      const before = counter.live();
      while (counter.idle() + (2 - counter.live()) < round) await new Promise((resolve) => setTimeout(resolve, 5));
      assert(counter.live() <= before);
    }
  });
});
