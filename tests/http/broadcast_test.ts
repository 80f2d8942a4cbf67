/** One message for many: `prepare`, `server.clients`, `server.broadcast`, over the network. */

import { test } from "node:test";
import { BINARY, connect, Message, prepare, Socket, TEXT, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { DeflateOptions } from "../../src/socket/deflate_options.ts";
import type { Data, MessageEvent } from "../../src/socket/events.ts";
import type { Socket as BaseSocket } from "../../src/socket/socket.ts";

/** A server, and the ends it has accepted. */
async function serve(perMessageDeflate: boolean | DeflateOptions = false): Promise<{
  server: Server;
  accepted: BaseSocket[];
}> {
  const accepted: BaseSocket[] = [];
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade({ perMessageDeflate }, (conn) => {
      conn.onmessage = () => {};
      accepted.push(conn);
    }),
  });
  await server.start();
  return { server, accepted };
}

/** A client that is open, and what it gets. */
class Client {
  readonly socket: Socket;
  readonly got: Data[] = [];
  readonly events: MessageEvent[] = [];
  #wanted = 0;
  #done: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.onmessage = (event) => {
      this.events.push(event);
      this.got.push(event.data);
      if (this.got.length === this.#wanted) this.#done?.();
    };
  }

  static open(server: Server, perMessageDeflate: boolean | DeflateOptions = false): Promise<Client> {
    return new Promise((resolve, reject) => {
      const client = new Client(new Socket(server.url("/"), { perMessageDeflate }));
      client.socket.onopen = () => resolve(client);
      client.socket.onerror = ({ error }) => reject(error);
    });
  }

  /** What it has got, as soon as it is so many. */
  async first(count: number): Promise<Data[]> {
    if (this.got.length < count) {
      this.#wanted = count;
      await new Promise<void>((resolve) => this.#done = resolve);
    }
    return this.got.slice(0, count);
  }
}

test("broadcast() reaches all clients but those that are left out, and tells how many", async () => {
  const { server, accepted } = await serve();
  const clients = [await Client.open(server), await Client.open(server), await Client.open(server)];
  assertEquals([server.clients.size, accepted.length], [3, 3]);
  assertEquals([...server.clients], accepted);

  assertEquals(server.broadcast("to all"), 3);
  assertEquals(server.broadcast("not to the first", { except: accepted[0]! }), 2);
  assertEquals(server.broadcast("to the first", { except: accepted.slice(1) }), 1);
  assertEquals(server.broadcast("to nobody", { except: server.clients }), 0);
  assertEquals(server.broadcast(new Uint8Array([1, 2, 3])), 3);
  assertEquals(await clients[0]!.first(3), ["to all", "to the first", new Uint8Array([1, 2, 3])]);
  for (const client of clients.slice(1)) {
    assertEquals(await client.first(3), ["to all", "not to the first", new Uint8Array([1, 2, 3])]);
  }
  await server.close();
});

test("Broadcasts of one turn arrive in order, among what is sent to one of them alone", async () => {
  const { server, accepted } = await serve();
  const clients = [await Client.open(server), await Client.open(server), await Client.open(server)];
  const wanted: Data[][] = [[], [], []];
  for (let round = 0; round < 200; round++) {
    const text = `${round}`.repeat(1 + round * 7 % 900);
    server.broadcast(text);
    for (const all of wanted) all.push(text);
    const at = round % 5;
    if (at < 2) {
      accepted[at]!.send(`to ${at}`);
      wanted[at]!.push(`to ${at}`);
    }
  }
  for (const [at, client] of clients.entries()) assertEquals(await client.first(wanted[at]!.length), wanted[at]!);
  await server.close();
});

test("A client that is closing is passed over, and one that has closed is no client", async () => {
  const { server, accepted } = await serve();
  const [leaving, staying] = [await Client.open(server), await Client.open(server)];
  accepted[0]!.close();
  assertEquals([server.clients.size, server.broadcast("to one")], [2, 1]);
  assertEquals(await staying.first(1), ["to one"]);
  if (leaving.socket.readyState !== Socket.CLOSED) {
    await new Promise<void>((resolve) => leaving.socket.onclose = () => resolve());
  }
  assertEquals(leaving.got, []);
  await server.close();
  assertEquals([server.clients.size, server.broadcast("to nobody")], [0, 0]);
});

const payloads: Record<string, string | Uint8Array> = {
  "an empty text": "",
  "a short text": "Hello",
  "a text of other letters": "grüße 🐟".repeat(30),
  "a large text": "0123456789".repeat(40_000),
  "no bytes": new Uint8Array(0),
  "bytes": Uint8Array.from({ length: 1_000 }, (_, at) => at),
  "many bytes": Uint8Array.from({ length: 1_000_000 }, (_, at) => at * 7),
};

for (const how of ["plain", "with context", "without context", "without context, small windows"]) {
  const perMessageDeflate = how === "plain" ? false : {
    threshold: 0,
    ...(how.startsWith("without") ? { serverNoContextTakeover: true, clientNoContextTakeover: true } : {}),
    ...(how.endsWith("windows") ? { serverMaxWindowBits: 10, clientMaxWindowBits: 9 } : {}),
  };
  test(`A prepared message arrives as often as it is sent, both ways, among others (${how})`, async () => {
    const { server, accepted } = await serve(perMessageDeflate);
    const clients = [await Client.open(server, perMessageDeflate), await Client.open(server, perMessageDeflate)];
    const wanted: Data[] = [];
    for (const payload of Object.values(payloads)) {
      const message = prepare(payload);
      assertStrictEquals(prepare(message), message);
      for (const conn of accepted) {
        conn.send(message);
        conn.send("between");
        conn.send(message);
      }
      wanted.push(payload, "between", payload);
    }
    for (const client of clients) {
      assertEquals(await client.first(wanted.length), wanted);
      assert(client.events.every(({ compress }) => compress === (how !== "plain")));
    }
    const back: Data[] = [];
    const all = new Promise<void>((resolve) => {
      accepted[0]!.onmessage = ({ data }) => back.push(data) === wanted.length && resolve();
    });
    for (const data of wanted) clients[0]!.socket.send(prepare(data));
    await all;
    assertEquals(back, wanted);
    await server.close();
  });
}

test("compress: what send says, what prepare says, the threshold, in this order", async () => {
  const options = { serverNoContextTakeover: true, threshold: 100 };
  const { server, accepted } = await serve(options);
  const client = await Client.open(server, options);
  const [short, long] = ["short", "long".repeat(50)];
  accepted[0]!.send(prepare(short));
  accepted[0]!.send(prepare(long));
  accepted[0]!.send(prepare(short, { compress: true }));
  accepted[0]!.send(prepare(long, { compress: false }));
  accepted[0]!.send(prepare(short, { compress: true }), { compress: false });
  accepted[0]!.send(prepare(long, { compress: false }), { compress: true });
  server.broadcast(short, { compress: true });
  server.broadcast(long, { compress: false });
  assertEquals(await client.first(8), [short, long, short, long, short, long, short, long]);
  assertEquals(
    client.events.map(({ compress }) => compress),
    [false, true, true, false, false, true, true, false],
  );
  await server.close();
});

test("A prepared message waits behind a Blob that is being read, and counts after closing", async () => {
  const { server, accepted } = await serve();
  const client = await Client.open(server);
  const [conn] = accepted as [BaseSocket];
  conn.send(new Blob(["blob"]));
  conn.send(prepare("after"));
  assertEquals(await client.first(2), [new TextEncoder().encode("blob"), "after"]);
  conn.close();
  assertEquals(conn.send(prepare("12345")), true);
  assertEquals(conn.bufferedAmount, 5);
  await server.close();
});

test("prepare() keeps what it was given: bytes may be changed afterwards", async () => {
  const { server } = await serve();
  const client = await Client.open(server);
  const bytes = new Uint8Array([1, 2, 3]);
  const message = prepare(bytes);
  bytes.fill(9);
  assertEquals(server.broadcast(message), 1);
  assertEquals(await client.first(1), [new Uint8Array([1, 2, 3])]);
  await server.close();
});

test("prepare() takes what send takes, but no Blob", () => {
  assertEquals(prepare(12).data, "12");
  assertEquals(prepare(new Uint16Array([1, 2])).size, 4);
  const text = new Message(TEXT);
  text.write("Hi");
  assertEquals(prepare(text).data, "Hi");
  const compressed = new Message(BINARY, true, true);
  compressed.write(new Uint8Array([1]));
  assertEquals([prepare(compressed).data, prepare(compressed).compress], [new Uint8Array([1]), true]);
  assertThrows(() => prepare(new Blob(["1"])), TypeError, "Cannot prepare a message: data is a Blob");
  assertThrows(() => prepare(Symbol("s")), TypeError, "Symbol(s)");
  assertThrows(() => prepare("", { compress: 1 as unknown as boolean }), TypeError, "compress");
});

test("broadcast() refuses options that it does not know, and wrong ones", async () => {
  const { server } = await serve();
  assertThrows(() => server.broadcast("", { not: 1 } as object), TypeError, "not");
  assertThrows(() => server.broadcast("", { except: 1 as unknown as [] }), TypeError, "except");
  assertThrows(() => server.broadcast(new Blob([])), TypeError, "Blob");
  await server.close();
});

test("A prepared message does not confuse who frames by hand", async () => {
  const { server } = await serve();
  const stream = await connect(server.url("/"));
  while (server.clients.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  server.broadcast("Hello");
  const message = new Message();
  await message.readFrom(stream);
  assertEquals([message.data, message.masked], ["Hello", false]);
  await stream.close();
  await server.close();
});
