import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BINARY, CLOSE, CONTINUE, PING, PONG, TEXT } from "../../src/protocol/constants.ts";
import { type ErrorCode, WebSocketError } from "../../src/protocol/errors.ts";
import { MemoryStream } from "../../src/socket/memory_stream.ts";
import { Message, type MessageCodec } from "../../src/socket/message.ts";
import type { MessageSink, MessageSource } from "../../src/socket/message_io.ts";
import { codec, cut, hex, readableOf, writableTo } from "./codec.ts";

function make(type: number = BINARY, masked = true, compress = false, maxSize?: number): Message {
  return new Message(type, masked, compress, maxSize, () => codec);
}

/** The same bytes as each kind of source, and cut in each way. */
function sources(bytes: Uint8Array): [name: string, source: MessageSource][] {
  return [
    ["memory", new MemoryStream(bytes)],
    ["one chunk", { readable: readableOf(bytes) }],
    ["bytes", { readable: readableOf(...cut(bytes, 1)) }],
    ["threes", { readable: readableOf(...cut(bytes, 3)) }],
  ];
}

/** What a read rejects with, from memory and from streams. */
async function assertFault(bytes: Uint8Array, code: ErrorCode, maxSize?: number): Promise<void> {
  for (const [name, source] of sources(bytes)) {
    const msg = make(BINARY, true, false, maxSize);
    msg.write("before");
    const error = await assertRejects(() => msg.readFrom(source), WebSocketError, "Cannot read a message: ");
    assertEquals(error.code, code, `${name}: ${error.message}`);
    assertEquals([msg.type, msg.stream, msg.masked, msg.length], [BINARY, null, true, 6]);
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const HELLO = "48 65 6c 6c 6f";
const MASKED_HELLO = "85 37 fa 21 3d 7f 9f 4d 51 58";

test("readFrom reads Hello in all its forms", async () => {
  const vectors: [bytes: string, type: number, masked: boolean, compress: boolean][] = [
    [`81 05 ${HELLO}`, TEXT, false, false],
    [`81 ${MASKED_HELLO}`, TEXT, true, false],
    [`89 05 ${HELLO}`, PING, false, false],
    [`8a ${MASKED_HELLO}`, PONG, true, false],
    ["01 03 48 65 6c 80 02 6c 6f", TEXT, false, false],
    ["c1 07 f2 48 cd c9 c9 07 00", TEXT, false, true],
    ["41 03 f2 48 cd 80 04 c9 c9 07 00", TEXT, false, true],
    ["c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00", TEXT, false, true],
    ["c1 08 f3 48 cd c9 c9 07 00 00", TEXT, false, true],
    ["c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00", TEXT, false, true],
  ];
  for (const [bytes, type, masked, compress] of vectors) {
    for (const [name, source] of sources(hex(bytes))) {
      const msg = make(BINARY, !masked, !compress);
      await msg.readFrom(source);
      assertEquals([msg.type, msg.masked, msg.compress], [type, masked, compress], `${bytes}, ${name}`);
      assertEquals(new TextDecoder().decode(msg.body.readAll()!), "Hello");
      assertEquals(msg.data, type === TEXT ? "Hello" : hex(HELLO));
      assertStrictEquals(msg.stream, source);
      await assertRejects(() => make().readFrom(source), WebSocketError, "ended before a message began");
    }
  }
});

test("readFrom reads lengths of two and of eight bytes", async () => {
  for (const [header, length] of [["82 7e 00 c8", 200], ["82 7f 00 00 00 00 00 03 0d 40", 200_000]] as const) {
    const payload = Uint8Array.from({ length }, (_, at) => 0x30 + at % 10);
    for (const source of [new MemoryStream(), { readable: readableOf(hex(header), ...cut(payload, 10_007)) }]) {
      if (source instanceof MemoryStream) {
        source.write(join(hex(header), payload));
        source.rewind();
      }
      const msg = make();
      await msg.readFrom(source);
      assertEquals([msg.type, msg.length], [BINARY, length]);
      assertEquals(msg.data, payload);
    }
  }
});

test("readFrom leaves the bytes of the caller as they are", async () => {
  const bytes = hex(`81 ${MASKED_HELLO}`);
  await make().readFrom({ readable: readableOf(bytes) });
  assertEquals(bytes, hex(`81 ${MASKED_HELLO}`));
  const memory = new MemoryStream(bytes);
  await make().readFrom(memory);
  assertEquals(memory.bytes, bytes);
});

test("readFrom leaves a Buffer as it is, whose slice is no copy", async () => {
  const bytes = Buffer.from(hex(`81 ${MASKED_HELLO}`));
  const msg = make();
  await msg.readFrom({ readable: readableOf(bytes) });
  assertEquals([msg.data, new Uint8Array(bytes)], ["Hello", hex(`81 ${MASKED_HELLO}`)]);
  const memory = new MemoryStream(bytes);
  bytes.fill(0);
  await msg.readFrom(memory);
  assertEquals(msg.data, "Hello");
});

test("what sendTo sends is what readFrom reads", async () => {
  for (const size of [0, 1, 10, 100, 125, 126, 65_535, 65_536, 200_000]) {
    const payload = Uint8Array.from({ length: size }, (_, at) => at * at >>> 3);
    for (const masked of [true, false]) {
      for (const compress of [true, false]) {
        const msg = make(BINARY, masked, compress);
        msg.write(payload);

        const memory = new MemoryStream();
        await msg.sendTo(memory);
        const frame = memory.bytes.slice();
        if (!compress) {
          assertEquals(frame.length, size + (size < 126 ? 2 : size < 65_536 ? 4 : 10) + (masked ? 4 : 0));
        }
        assertEquals([frame[0], frame[1]! >= 0x80], [compress ? 0xc2 : 0x82, masked]);

        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
        const sent = msg.sendTo({ writable });
        memory.rewind();
        for (const source of [memory, { readable }]) {
          const copy = make(TEXT, !masked, !compress);
          await copy.readFrom(source);
          assertEquals([copy.type, copy.masked, copy.compress, copy.length], [BINARY, masked, compress, size]);
          assertEquals(copy.body.bytes, payload);
          assertEquals(copy.body.tell(), 0);
        }
        await sent;
      }
    }
  }
});

test("every masked frame gets a key of its own, and the body stays as it is", async () => {
  const msg = make(TEXT);
  msg.write("Hello");
  const memory = new MemoryStream();
  for (let count = 0; count < 20; count++) await msg.sendTo(memory);
  const keys = new Set(cut(memory.bytes, 11).map((frame) => frame.subarray(2, 6).join()));
  assertEquals(keys.size, 20);
  assertEquals([msg.data, msg.body.tell()], ["Hello", 5]);
});

test("the mask is the RFC's", async () => {
  const memory = new MemoryStream();
  const msg = make(TEXT);
  msg.write("Hello");
  await msg.sendTo(memory);
  const frame = memory.bytes;
  assertEquals([...frame.subarray(0, 2)], [0x81, 0x85]);
  const unmasked = frame.subarray(6).map((byte, at) => byte ^ frame[2 + at % 4]!);
  assertEquals(unmasked, hex(HELLO));
});

test("sendTo compresses as RFC 7692, 7.2.3.1, has it", async () => {
  const memory = new MemoryStream();
  const msg = make(TEXT, false, true);
  msg.write("Hello");
  await msg.sendTo(memory);
  assertEquals(memory.bytes, hex("c1 07 f2 48 cd c9 c9 07 00"));
});

test("sendTo writes any opcode, and compresses none but text and binary", async () => {
  for (const type of [CONTINUE, 5, CLOSE, PING, PONG]) {
    const msg = make(BINARY, false, true);
    msg.type = type;
    if (type !== CLOSE) msg.write("Hi");
    const memory = new MemoryStream();
    await msg.sendTo(memory);
    assertEquals(memory.bytes, type === CLOSE ? hex("88 00") : join(Uint8Array.of(0x80 | type), hex("02 48 69")));
  }
});

test("sendTo refuses a control frame of more than 125 bytes, and text that is no UTF-8", async () => {
  for (const type of [CLOSE, PING, PONG]) {
    const msg = make(type);
    msg.write(new Uint8Array(125));
    await msg.sendTo(new MemoryStream());
    msg.write("x");
    const memory = new MemoryStream();
    await assertRejects(() => msg.sendTo(memory), RangeError, `type ${type} has 126 bytes, wanted at most 125`);
    assertEquals(memory.size(), 0);
  }
  const msg = make(TEXT);
  msg.write(Uint8Array.of(0x48, 0xc3));
  await assertRejects(() => msg.sendTo(new MemoryStream()), TypeError, "its body is not UTF-8");
});

test("without a codec nothing is compressed, and a compressed frame is refused", async () => {
  const msg = new Message(TEXT, true, true);
  await assertRejects(() => msg.sendTo(new MemoryStream()), TypeError, "no codec is bound");
  const source = new MemoryStream(hex("c1 07 f2 48 cd c9 c9 07 00"));
  const error = await assertRejects(() => msg.readFrom(source), WebSocketError);
  assertEquals(error.code, "WS_RESERVED_BITS");
});

test("bytes behind a message stay for the next read", async () => {
  const bytes = hex(`81 01 61 82 02 01 02 01 01 62 80 01 63 89 00 81 ${MASKED_HELLO}`);
  for (const [name, source] of sources(bytes)) {
    const read: unknown[] = [];
    for (let count = 0; count < 5; count++) {
      const msg = make();
      await msg.readFrom(source);
      read.push(msg.type, msg.data);
    }
    assertEquals(read, [TEXT, "a", BINARY, hex("01 02"), TEXT, "bc", PING, null, TEXT, "Hello"], name);
  }
});

test("readFrom reads memory from its position on, and leaves that behind the message", async () => {
  const memory = new MemoryStream(hex(`ff ff 81 05 ${HELLO} 81 01 61`));
  memory.seek(2);
  const msg = make();
  await msg.readFrom(memory);
  assertEquals([msg.data, memory.tell()], ["Hello", 9]);
});

test("many short messages in a large memory are read one by one", async () => {
  const memory = new MemoryStream();
  for (let number = 0; number < 5000; number++) {
    const msg = make(TEXT, number % 2 === 0);
    msg.write(`${number} is a number that has to come in its turn`);
    await msg.sendTo(memory);
  }
  memory.rewind();
  for (let number = 0; number < 5000; number++) {
    const msg = make();
    await msg.readFrom(memory);
    if (!(msg.data as string).startsWith(`${number} `)) assertEquals(msg.data, String(number));
  }
});

test("readFrom rejects what is cut off", async () => {
  await assertFault(hex(""), "WS_PEER_VANISHED");
  await assertFault(hex("81"), "WS_PEER_VANISHED");
  await assertFault(hex("82 7e 00"), "WS_PEER_VANISHED");
  await assertFault(hex("81 85 37 fa"), "WS_PEER_VANISHED");
  await assertFault(hex("81 05 48 65 6c 6c"), "WS_PEER_VANISHED");
  await assertFault(hex("01 03 48 65 6c"), "WS_PEER_VANISHED");
  await assertFault(hex("01 03 48 65 6c 89 00"), "WS_PEER_VANISHED");
  await assertFault(hex("c1 07 f2 48 cd c9 c9"), "WS_PEER_VANISHED");
});

test("readFrom rejects a broken frame by the name of the rule", async () => {
  await assertFault(hex(`91 05 ${HELLO}`), "WS_RESERVED_BITS");
  await assertFault(hex(`a1 05 ${HELLO}`), "WS_RESERVED_BITS");
  await assertFault(hex("c9 00"), "WS_RESERVED_BITS");
  await assertFault(hex("01 00 c0 00"), "WS_RESERVED_BITS");
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    await assertFault(Uint8Array.of(0x80 | opcode, 0), "WS_RESERVED_OPCODE");
  }
  await assertFault(hex("09 00"), "WS_FRAGMENTED_CONTROL");
  await assertFault(hex("89 7e 00 7e"), "WS_CONTROL_TOO_LONG");
  await assertFault(hex("80 00"), "WS_UNEXPECTED_CONTINUATION");
  await assertFault(hex("01 01 61 81 01 62"), "WS_EXPECTED_CONTINUATION");
  await assertFault(hex("01 81 00 00 00 00 61 80 01 62"), "WS_MASK_REQUIRED");
  await assertFault(hex("01 01 61 80 81 00 00 00 00 62"), "WS_MASK_FORBIDDEN");
  await assertFault(hex("01 01 61 89 80 00 00 00 00"), "WS_MASK_FORBIDDEN");
  await assertFault(hex("82 7e 00 7d"), "WS_INVALID_LENGTH");
  await assertFault(hex("82 7f 00 00 00 00 00 00 ff ff"), "WS_INVALID_LENGTH");
  await assertFault(hex("82 7f 80 00 00 00 00 00 00 00"), "WS_INVALID_LENGTH");
});

test("readFrom rejects what is not UTF-8, before the rest has come", async () => {
  await assertFault(hex("81 02 48 ff"), "WS_INVALID_UTF8");
  await assertFault(hex("81 01 c3"), "WS_INVALID_UTF8");
  await assertFault(hex("01 01 c3 80 01 41"), "WS_INVALID_UTF8");
  await assertFault(hex("81 7e ff ff 48 ed a0"), "WS_INVALID_UTF8");
  await assertFault(join(hex("c1"), lengthAnd(codec.deflate(hex("48 ff")))), "WS_INVALID_UTF8");
  const split = make();
  await split.readFrom(new MemoryStream(hex("01 01 c3 80 01 a9")));
  assertEquals(split.data, "é");
  const binary = make();
  await binary.readFrom(new MemoryStream(hex("82 02 48 ff")));
  assertEquals(binary.data, hex("48 ff"));
});

function lengthAnd(payload: Uint8Array): Uint8Array {
  assert(payload.length < 126);
  return join(Uint8Array.of(payload.length), payload);
}

test("readFrom rejects what cannot be inflated", async () => {
  await assertFault(hex("c1 03 ff ff ff"), "WS_INVALID_DEFLATE");
});

test("readFrom rejects what is over maxSize, from its declared length, and inflated", async () => {
  await assertFault(hex(`81 05 ${HELLO}`), "WS_MESSAGE_TOO_BIG", 4);
  await assertFault(hex("82 7f 00 00 ff ff ff ff ff ff"), "WS_MESSAGE_TOO_BIG");
  await assertFault(hex("01 03 48 65 6c 80 02"), "WS_MESSAGE_TOO_BIG", 4);
  await assertFault(hex(`89 05 ${HELLO}`), "WS_MESSAGE_TOO_BIG", 4);
  await assertFault(hex("c1 07 f2 48 cd c9 c9 07 00"), "WS_MESSAGE_TOO_BIG", 6);
  const bomb = codec.deflate(new Uint8Array(10_000));
  await assertFault(join(hex("c2"), lengthAnd(bomb)), "WS_MESSAGE_TOO_BIG", 9_999);
  const whole = make(BINARY, true, false, 10_000);
  await whole.readFrom(new MemoryStream(join(hex("c2"), lengthAnd(bomb))));
  assertEquals([whole.length, whole.compress], [10_000, true]);
  const exact = make(BINARY, true, false, 5);
  // A control frame between the fragments is no part of the message.
  await exact.readFrom(new MemoryStream(hex("01 03 48 65 6c 8a 06 61 61 61 61 61 61 80 02 6c 6f")));
  assertEquals(exact.data, "Hello");
});

test("readFrom rejects a message of too many fragments", async () => {
  const memory = new MemoryStream(hex("02 00"));
  memory.seek(0, 2);
  memory.write(new Uint8Array(2 * 131_072));
  memory.rewind();
  const error = await assertRejects(() => make().readFrom(memory), WebSocketError);
  assertEquals(error.code, "WS_TOO_MANY_FRAGMENTS");
});

test("a Close frame is a message, and is checked", async () => {
  const msg = make();
  await msg.readFrom(new MemoryStream(hex("88 04 0b b8 6f 6b")));
  assertEquals([msg.type, msg.data], [CLOSE, hex("0b b8 6f 6b")]);
  await msg.readFrom(new MemoryStream(hex("88 00")));
  assertEquals([msg.type, msg.data], [CLOSE, null]);
  await assertFault(hex("88 01 03"), "WS_INVALID_CLOSE_PAYLOAD");
  await assertFault(hex("88 02 03 ed"), "WS_INVALID_CLOSE_CODE");
  await assertFault(hex("88 03 03 e8 ff"), "WS_INVALID_UTF8");
});

test("between fragments pongs are passed over, and pings are answered where somebody listens", async () => {
  // a, ping 01, b, pong 02, c
  const plain = hex("01 01 61 89 01 01 00 01 62 8a 01 02 80 01 63");
  const masked = hex("01 81 00 00 00 00 61 89 81 00 00 00 00 01 80 81 00 00 00 00 62");
  for (const [name, source] of sources(plain)) {
    const msg = make();
    const written: Uint8Array[] = [];
    if (source instanceof MemoryStream) {
      await msg.readFrom(source);
      assertEquals(source.bytes, plain);
    } else {
      await msg.readFrom({ readable: source.readable, writable: writableTo(written) });
      assertEquals(written.length, 1);
      const pong = make();
      await pong.readFrom(new MemoryStream(written[0]!));
      // What came was not masked, so this end is a client.
      assertEquals([pong.type, pong.masked, pong.data], [PONG, true, Uint8Array.of(1)]);
    }
    assertEquals([msg.type, msg.data], [TEXT, "abc"], name);
  }
  const written: Uint8Array[] = [];
  const msg = make();
  await msg.readFrom({ readable: readableOf(masked), writable: writableTo(written) });
  assertEquals(written, [hex("8a 01 01")]);
});

test("a ping that is a message by itself is left to the reader", async () => {
  const written: Uint8Array[] = [];
  const msg = make();
  await msg.readFrom({ readable: readableOf(hex("89 01 01")), writable: writableTo(written) });
  assertEquals([msg.type, msg.data, written.length], [PING, Uint8Array.of(1), 0]);
});

test("a writable that somebody holds, or that is broken, keeps nobody from reading", async () => {
  const bytes = hex("01 01 61 89 00 80 01 62");
  const written: Uint8Array[] = [];
  const held = writableTo(written);
  const writer = held.getWriter();
  const broken = new WritableStream<Uint8Array>({ start: () => Promise.reject(new Error("no")) });
  for (const writable of [held, broken]) {
    const msg = make();
    await msg.readFrom({ readable: readableOf(bytes), writable });
    assertEquals(msg.data, "ab");
  }
  writer.releaseLock();
  assertEquals(written, []);
});

test("pings between fragments cannot pile up pongs: the first and the latest are answered", async () => {
  let take = (): void => {};
  const written: Uint8Array[] = [];
  const writable = new WritableStream<Uint8Array>({
    write(chunk) {
      written.push(chunk);
      return new Promise<void>((resolve) => take = resolve);
    },
  }, { highWaterMark: 0 });
  const pings = Array.from({ length: 100 }, (_, at) => Uint8Array.of(0x89, 1, at));
  const bytes = [hex("01 01 61"), ...pings, hex("80 01 62")];
  const msg = make();
  await msg.readFrom({ readable: readableOf(...bytes), writable });
  assertEquals(msg.data, "ab");
  const numbers = async (): Promise<number[]> => {
    const read: number[] = [];
    for (const frame of written) {
      const pong = make();
      await pong.readFrom(new MemoryStream(frame));
      read.push(...pong.data as Uint8Array);
    }
    return read;
  };
  assertEquals(await numbers(), [0]);
  take();
  while (written.length < 2) await new Promise((resolve) => setTimeout(resolve));
  take();
  assertEquals(await numbers(), [0, 99]);
});

test("a Close between fragments takes the place of the message", async () => {
  const msg = make();
  const source = { readable: readableOf(hex("01 01 61 88 02 03 e8")) };
  await msg.readFrom(source);
  assertEquals([msg.type, msg.data], [CLOSE, hex("03 e8")]);
});

test("after a wrong frame a stream gives no further message", async () => {
  const source = { readable: readableOf(hex(`83 00 81 05 ${HELLO}`)) };
  const first = await assertRejects(() => make().readFrom(source), WebSocketError);
  const second = await assertRejects(() => make().readFrom(source), WebSocketError);
  assertStrictEquals(first, second);
  assertEquals(source.readable.locked, false);
});

test("a stream that fails rejects the read with its reason", async () => {
  const reason = new Error("cable");
  const failing = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(reason) });
  const error = await assertRejects(() => make().readFrom({ readable: failing }), WebSocketError);
  assertEquals([error.code, error.cause], ["WS_TRANSPORT_FAILED", reason]);
  const own = new WebSocketError("WS_ABORTED", "Given up");
  const given = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(own) });
  assertStrictEquals(await assertRejects(() => make().readFrom({ readable: given })), own);
  const broken = new WritableStream<Uint8Array>({ start: () => Promise.reject(reason) });
  assertStrictEquals(await assertRejects(() => make().sendTo({ writable: broken })), reason);
});

test("what is no stream, or is locked, or gives no bytes, is refused by name", async () => {
  const msg = make();
  for (
    const wrong of [undefined, null, 5, "x", {}, new Uint8Array(2), { readable: 1, writable: 1 }, { readable: {} }]
  ) {
    await assertRejects(() => msg.readFrom(wrong as unknown as MessageSource), TypeError, "Cannot read a message: ");
    await assertRejects(() => msg.sendTo(wrong as unknown as MessageSink), TypeError, "Cannot send a message: ");
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const reader = readable.getReader();
  const writer = writable.getWriter();
  await assertRejects(() => msg.readFrom({ readable }), TypeError, "the readable of the stream is locked");
  await assertRejects(() => msg.sendTo({ writable }), TypeError, "the writable of the stream is locked");
  reader.releaseLock();
  writer.releaseLock();
  const text = new ReadableStream<unknown>({ start: (controller) => controller.enqueue("Hello") });
  await assertRejects(
    () => msg.readFrom({ readable: text as ReadableStream<Uint8Array> }),
    TypeError,
    'the stream gave "Hello", wanted a Uint8Array',
  );
});

test("two reads of one stream at a time: the second is refused, the first goes on", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const msg = make();
  const read = msg.readFrom({ readable });
  await assertRejects(() => make().readFrom({ readable }), TypeError, "locked");
  const sent = make(TEXT);
  sent.write("Hello");
  await Promise.all([sent.sendTo({ writable }), read]);
  assertEquals(msg.data, "Hello");
});

test("messages that are sent without waiting keep their order, also behind a codec that loads", async () => {
  let loaded = (_: MessageCodec): void => {};
  const loading = new Promise<MessageCodec>((resolve) => loaded = resolve);
  for (const sink of [new MemoryStream(), new TransformStream<Uint8Array, Uint8Array>()]) {
    const sent: Promise<void>[] = [];
    for (let number = 0; number < 10; number++) {
      const msg = new Message(TEXT, true, number % 3 === 1, undefined, () => loading);
      msg.write(`message ${number}`);
      sent.push(msg.sendTo(sink));
      // What is sent is what it was then.
      msg.body.truncate(0);
      msg.write("another text, longer than that");
    }
    loaded(codec);
    if (sink instanceof MemoryStream) {
      await Promise.all(sent);
      sink.rewind();
    }
    const read: unknown[] = [];
    for (let number = 0; number < 10; number++) {
      const msg = make();
      await msg.readFrom(sink);
      read.push(msg.data, msg.compress);
    }
    await Promise.all(sent);
    assertEquals(read, Array.from({ length: 10 }, (_, at) => [`message ${at}`, at % 3 === 1]).flat());
  }
});

test("a codec that cannot be loaded fails its message, and not those behind it", async () => {
  const memory = new MemoryStream();
  const failing = new Message(TEXT, false, true, undefined, () => Promise.reject(new Error("no zlib")));
  const plain = make(TEXT, false);
  plain.write("a");
  const first = assertRejects(() => failing.sendTo(memory), Error, "no zlib");
  await Promise.all([first, plain.sendTo(memory)]);
  assertEquals(memory.bytes, hex("81 01 61"));
});

test("sendTo waits until the stream has taken the frame, and holds no lock meanwhile", async () => {
  let take = (): void => {};
  const writable = new WritableStream<Uint8Array>({
    write: () => new Promise<void>((resolve) => take = resolve),
  });
  const msg = make();
  let done = false;
  const sent = msg.sendTo({ writable }).then(() => done = true);
  for (let turn = 0; turn < 20; turn++) await undefined;
  assertEquals([done, writable.locked], [false, false]);
  take();
  await sent;
  assertNotEquals(done, false);
});
