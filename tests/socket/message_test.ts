import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chain, handler, invoke } from "../../src/http/handler.ts";
import { BINARY, CLOSE, CONTINUE, PING, PONG, TEXT } from "../../src/protocol/constants.ts";
import { MemoryStream } from "../../src/socket/memory_stream.ts";
import { Message, payloadOf } from "../../src/socket/message.ts";

test("a new message is binary, masked, not compressed, empty, and limited to 64 MiB", () => {
  const msg = new Message();
  assertEquals([msg.type, msg.masked, msg.compress, msg.maxSize], [BINARY, true, false, 67_108_864]);
  assertEquals([msg.data, msg.length, msg.read(), msg.readAll()], [null, 0, null, null]);
  assertEquals([msg.value, msg.params, msg.stream, msg.lastError, msg.isEnded()], ["", [], null, null, false]);
  assertInstanceOf(msg.body, MemoryStream);
});

test("the constructor takes type, mask, compression and limit", () => {
  const msg = new Message(TEXT, false, true, 10);
  assertEquals([msg.type, msg.masked, msg.compress, msg.maxSize], [TEXT, false, true, 10]);
});

test("only text and binary messages are made to be compressed", () => {
  const made = [CONTINUE, TEXT, BINARY, CLOSE, PING, PONG].map((type) => new Message(type, true, true).compress);
  assertEquals(made, [false, true, true, false, false, false]);
});

test("type, mask, compression and limit can be changed, and are checked", () => {
  const msg = new Message();
  for (const type of [0, 1, 5, 9, 15]) {
    msg.type = type;
    assertEquals(msg.type, type);
  }
  for (const type of [-1, 16, 1.5, NaN, undefined, null]) {
    assertThrows(() => msg.type = type as number, RangeError, `Cannot set the type of a message: got ${type}, wanted`);
  }
  assertThrows(() => msg.type = "1" as never, RangeError, 'got "1", wanted an opcode from 0 to 15');
  assertEquals(msg.type, 15);
  msg.maxSize = 0;
  msg.maxSize = Infinity;
  assertThrows(
    () => msg.maxSize = -1,
    RangeError,
    "Cannot use the option maxSize: got -1, wanted a number of at least 0",
  );
  assertThrows(() => msg.maxSize = NaN, RangeError, "NaN");
  assertThrows(() => msg.maxSize = "64" as unknown as number, TypeError, "wanted a number");
  assertEquals(msg.maxSize, Infinity);
  assertThrows(() => new Message(16), RangeError);
  assertThrows(() => new Message(TEXT, true, false, -1), RangeError);
});

test("data is all of the body, as text or as bytes, wherever the position is", () => {
  const msg = new Message(TEXT);
  msg.write("Hé");
  msg.write(Uint8Array.of(0x21));
  assertEquals([msg.data, msg.length, msg.read()], ["Hé!", 4, null]);
  msg.body.seek(1);
  assertEquals([msg.data, msg.body.tell()], ["Hé!", 1]);
  assertEquals(msg.read(2), Uint8Array.of(0xc3, 0xa9));
  assertEquals(msg.readAll(), Uint8Array.of(0x21));
  for (const type of [BINARY, PING, CLOSE]) {
    msg.type = type;
    assertEquals(msg.data, Uint8Array.of(0x48, 0xc3, 0xa9, 0x21));
  }
  (msg.data as Uint8Array)[0] = 0;
  assertEquals(msg.body.bytes[0], 0x48);
});

test("a byte order mark is data", () => {
  const msg = new Message(TEXT);
  msg.write("\ufeffa");
  assertEquals(msg.data, "\ufeffa");
  assertEquals(payloadOf(msg), "\ufeffa");
});

test("the body can be another message's", () => {
  const msg = new Message(TEXT);
  msg.write("Hello");
  msg.response.body = msg.body;
  assertStrictEquals(msg.response.body, msg.body);
  assertEquals(msg.response.data, "Hello");
  assertThrows(() => msg.body = "Hello" as unknown as MemoryStream, TypeError, 'got "Hello", wanted a MemoryStream');
});

test("json reads the body, and replaces it", () => {
  const msg = new Message(TEXT);
  assertStrictEquals(msg.json({ a: [1, "é"] }), msg);
  assertEquals(msg.data, '{"a":[1,"é"]}');
  assertEquals(msg.json(), { a: [1, "é"] });
  assertEquals(msg.json(null).data, "null");
  assertThrows(
    () => msg.json(undefined),
    TypeError,
    "Cannot write JSON: got undefined, wanted a value that JSON can hold",
  );
  assertEquals(msg.data, "null");
  msg.body = new MemoryStream("{");
  assertThrows(() => msg.json(), SyntaxError, "Cannot read a message as JSON: ");
  msg.clear();
  assertThrows(() => msg.json(), SyntaxError);
});

test("response is one message of the same type, not masked", () => {
  const msg = new Message(TEXT, true, true, 100);
  const { response } = msg;
  assertStrictEquals(msg.response, response);
  assertEquals([response.type, response.masked, response.compress], [TEXT, false, false]);
  assertEquals([response.maxSize, response.data], [100, null]);
});

test("end ends a message, and the end of its response does", () => {
  const msg = new Message();
  assertEquals(msg.isEnded(), false);
  msg.end();
  assertEquals(msg.isEnded(), true);
  const other = new Message();
  other.response.end();
  assertEquals(other.isEnded(), true);
});

test("clear forgets the content and what handlers left, and keeps the settings", async () => {
  const msg = new Message(BINARY, false, true, 50);
  await msg.readFrom(new MemoryStream(Uint8Array.of(0x81, 1, 0x61)));
  msg.compress = true;
  assertEquals([msg.type, msg.data, msg.stream === null], [TEXT, "a", false]);
  msg.value = "/a";
  msg.params = ["b"];
  msg.lastError = new Error("no");
  const { response } = msg;
  response.end();
  msg.end();
  msg.clear();
  assertEquals([msg.data, msg.length, msg.value, msg.params, msg.lastError], [null, 0, "", [], null]);
  assertEquals([msg.isEnded(), msg.stream, msg.response === response], [false, null, false]);
  assertEquals([msg.type, msg.masked, msg.compress, msg.maxSize], [TEXT, false, true, 50]);
});

test("a message goes through chains and routings", async () => {
  const seen: unknown[] = [];
  const app = new Chain<Message>([
    (msg) => {
      msg.value = (msg.json() as { path: string }).path;
    },
    {
      "/users/:id": (msg, id) => {
        seen.push(["user", id, msg.params]);
        msg.response.json({ id });
        msg.response.end();
      },
      "/stop": (msg) => msg.end(),
      "/nest": { "/a/:b": (msg, b) => void seen.push(["nest", b, msg.value]) },
    },
    (msg) => {
      seen.push(["after", msg.value]);
    },
  ]);
  const run = async (path: string): Promise<Message> => {
    const msg = new Message(TEXT);
    msg.json({ path });
    await invoke(handler<Message>(app), msg);
    return msg;
  };
  assertEquals((await run("/users/7")).response.data, '{"id":"7"}');
  await run("/stop");
  await run("/nest/a/x%20y");
  assertEquals(seen, [["user", "7", ["7"]], ["nest", "x y", "x%20y"], ["after", "x%20y"]]);
  await assertRejects(() => run("/none"), RangeError, 'Cannot route a message: no pattern matches "/none"');
});

test("a socket sends text as a string and bytes as they are, and no other type", () => {
  const msg = new Message(TEXT);
  assertEquals(payloadOf(msg), "");
  msg.write("Hé");
  assertEquals(payloadOf(msg), "Hé");
  msg.type = BINARY;
  assertEquals(payloadOf(msg), Uint8Array.of(0x48, 0xc3, 0xa9));
  for (const type of [CONTINUE, CLOSE, PING, PONG]) {
    msg.type = type;
    assertThrows(() => payloadOf(msg), TypeError, `its type is ${type}, wanted TEXT (1) or BINARY (2)`);
  }
  msg.type = TEXT;
  msg.body = new MemoryStream(Uint8Array.of(0xff));
  assertThrows(() => payloadOf(msg), TypeError, "its body is not UTF-8");
});
