import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { upgrade } from "../../src/http/upgrade.ts";
import { BINARY, PING, TEXT } from "../../src/protocol/constants.ts";
import type { MessageEvent } from "../../src/socket/events.ts";
import { MemoryStream } from "../../src/socket/memory_stream.ts";
import { Message } from "../../src/socket/message.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { Setup } from "../http/raw_client.ts";

/** Both ends of a connection. */
async function pair(): Promise<[setup: Setup, client: Socket, server: Socket]> {
  let accept = (_: Socket): void => {};
  const accepted = new Promise<Socket>((resolve) => accept = resolve);
  const setup = await Setup.start(upgrade((conn) => accept(conn)));
  const client = setup.socket();
  await new Promise((resolve) => client.onopen = resolve);
  return [setup, client, await accepted];
}

/** Resolves with the next message of a socket. */
function next(socket: Socket): Promise<MessageEvent> {
  return new Promise((resolve) => socket.once("message", resolve));
}

async function end(setup: Setup, client: Socket): Promise<void> {
  const closed = new Promise((resolve) => client.on("close", resolve));
  client.close();
  await closed;
  await setup.server.close();
}

test("event.message is the message, made once", async () => {
  const [setup, client, server] = await pair();
  const came = next(server);
  client.send("Héllo");
  const event = await came;
  const { message } = event;
  assertInstanceOf(message, Message);
  assertStrictEquals(event.message, message);
  assertEquals([message.type, message.data, message.length], [TEXT, "Héllo", 6]);
  assertEquals([message.masked, message.compress, message.maxSize], [true, false, 67_108_864]);
  assertEquals([message.body.tell(), message.value, message.isEnded()], [0, "", false]);

  const answered = next(client);
  server.send(Uint8Array.of(1, 2, 3));
  const answer = (await answered).message;
  assertEquals([answer.type, answer.data, answer.masked], [BINARY, Uint8Array.of(1, 2, 3), false]);
  await end(setup, client);
});

test("event.message holds the bytes whatever binaryType is, and a copy of them", async () => {
  const [setup, client, server] = await pair();
  for (const type of ["uint8array", "arraybuffer", "blob"] as const) {
    server.binaryType = type;
    const came = next(server);
    client.send(Uint8Array.of(1, 2, 3));
    const event = await came;
    assertEquals([event.message.type, event.message.data], [BINARY, Uint8Array.of(1, 2, 3)]);
    if (event.data instanceof Uint8Array) {
      event.message.body.write(Uint8Array.of(9));
      assertEquals(event.data, Uint8Array.of(1, 2, 3));
    }
  }
  for (const empty of ["", new Uint8Array(0)]) {
    const came = next(server);
    client.send(empty);
    const { message } = await came;
    assertEquals([message.type, message.data], [empty === "" ? TEXT : BINARY, null]);
  }
  await end(setup, client);
});

test("event.message.stream.close() cuts the connection: 1001 and 1006 at the other end", async () => {
  const [setup, client, server] = await pair();
  const seen: unknown[] = [];
  server.onmessage = (event) => event.message.stream?.close?.();
  client.onerror = (event) => seen.push(event.code);
  const closed = new Promise<void>((resolve) => {
    client.onclose = (event) => {
      seen.push(event.code);
      resolve();
    };
  });
  client.send("Going Away");
  await closed;
  assertEquals(seen, [1001, 1006]);
  await setup.server.close();
});

test("send takes a message as what it is", async () => {
  const [setup, client, server] = await pair();
  const text = new Message(TEXT);
  text.write("Héllo");
  text.body.seek(2);
  const bytes = new Message();
  bytes.write(Uint8Array.of(1, 2, 3));
  for (const message of [text, bytes, new Message(TEXT), new Message(BINARY)]) {
    const came = next(server);
    client.send(message);
    const event = await came;
    assertEquals([event.opcode, event.message.data], [message.type, message.data]);
  }
  // What comes can go on as it is.
  server.onmessage = (event) => server.send(event.message);
  const back = next(client);
  client.send(text);
  assertEquals((await back).data, "Héllo");
  await end(setup, client);
});

test("send takes a message as it is at the call, also behind a Blob", async () => {
  const [setup, client, server] = await pair();
  const seen: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    server.onmessage = (event) => {
      if (seen.push(event.message.data) === 3) resolve();
    };
  });
  const message = new Message();
  message.write(Uint8Array.of(1));
  client.send(message);
  message.body.rewind();
  message.write(Uint8Array.of(2));
  client.send(new Blob([Uint8Array.of(3)]));
  client.send(message);
  message.body.rewind();
  message.write(Uint8Array.of(4));
  await all;
  assertEquals(seen, [Uint8Array.of(1), Uint8Array.of(3), Uint8Array.of(2)]);
  await end(setup, client);
});

test("send refuses a message that is neither text nor binary, or is no text", async () => {
  const [setup, client] = await pair();
  assertThrows(() => client.send(new Message(PING)), TypeError, "its type is 9, wanted TEXT (1) or BINARY (2)");
  const message = new Message(TEXT);
  message.body = new MemoryStream(Uint8Array.of(0xff));
  assertThrows(() => client.send(message), TypeError, "its body is not UTF-8");
  assertEquals(client.bufferedAmount, 0);
  await end(setup, client);
});
