import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ContextDeflate } from "../../src/protocol/context_codec.ts";
import type { Codec, CodecOwner, DeflateFactory, Progress } from "../../src/protocol/codec.ts";
import type { ErrorCode } from "../../src/protocol/errors.ts";
import { TEXT } from "../../src/protocol/constants.ts";
import { oneShotDeflate, zlibDeflate } from "../../src/runtime/zlib.ts";
import { webDeflate } from "../../src/runtime/web_deflate.ts";
import { MemoryStream } from "../../src/socket/memory_stream.ts";
import { Message } from "../../src/socket/message.ts";
import { messageCodec } from "../../src/socket/message_codec.ts";
import { codec as reference, hex } from "./codec.ts";

const factories = new Map<string, DeflateFactory | undefined>([
  ["zlib", lentByZlib()],
  ["one call each", oneShotDeflate],
  ["web streams", webDeflate()],
]);

function lentByZlib(): DeflateFactory | undefined {
  const lent = zlibDeflate();
  return lent === undefined || "takeover" in lent ? lent : new ContextDeflate(lent);
}

/** Bytes that compress, but not to nothing. */
function sample(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
    return 0x61 + (state >>> 28);
  });
}

for (const [name, factory] of factories) {
  const skip = factory === undefined ? "this runtime has none" : false;
  test(`${name}: what is compressed is inflated again, and by others too`, { skip }, async () => {
    const codec = messageCodec(factory!);
    for (const size of [0, 1, 10, 100, 125, 126, 65_535, 65_536, 300_000, 3_000_000]) {
      const payload = sample(size);
      const deflated = await codec.deflate(payload);
      assertEquals(await codec.inflate(deflated, size), payload);
      assertEquals(reference.inflate(deflated, size), payload);
      assertEquals(await codec.inflate(reference.deflate(payload), size), payload);
      if (size > 1_000) assert(deflated.length < size * 0.7, `${size} bytes made ${deflated.length}`);
    }
  });

  test(`${name}: one message knows nothing of another`, { skip }, async () => {
    const codec = messageCodec(factory!);
    const payload = sample(1_000);
    const first = await codec.deflate(payload);
    assertEquals(await codec.deflate(payload), first);
    assertEquals(await codec.inflate(first, 1_000), payload);
    assertEquals(await codec.inflate(first, 1_000), payload);
  });

  test(`${name}: the forms of Hello are read`, { skip }, async () => {
    const vectors = [
      "c1 07 f2 48 cd c9 c9 07 00",
      "41 03 f2 48 cd 80 04 c9 c9 07 00",
      "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00",
      "c1 08 f3 48 cd c9 c9 07 00 00",
      "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    ];
    for (const vector of vectors) {
      const msg = new Message(TEXT, true, false, 20, () => Promise.resolve(messageCodec(factory!)));
      await msg.readFrom(new MemoryStream(hex(vector)));
      assertEquals([msg.data, msg.compress], ["Hello", true], vector);
    }
  });

  test(`${name}: more than the limit, and what is no DEFLATE, is told`, { skip }, async () => {
    const codec = messageCodec(factory!);
    for (const size of [6, 100_000, 3_000_000]) {
      const deflated = reference.deflate(new Uint8Array(size));
      assertEquals(await codec.inflate(deflated, size - 1), "WS_MESSAGE_TOO_BIG");
      assertEquals(await codec.inflate(deflated, 0), "WS_MESSAGE_TOO_BIG");
      assertEquals(await codec.inflate(deflated, size), new Uint8Array(size));
    }
    assertEquals(await codec.inflate(hex("ff ff ff"), 100), "WS_INVALID_DEFLATE");
    // One that failed leaves nothing behind for the next.
    assertEquals(await codec.inflate(hex("f2 48 cd c9 c9 07 00"), 5), hex("48 65 6c 6c 6f"));
  });
}

/** Compression that makes progress as it is told, a byte for each step. */
function scripted(...steps: readonly Progress[]): { factory: DeflateFactory; log: string[] } {
  const log: string[] = [];
  const make = (owner: CodecOwner): Codec => {
    const left = [...steps];
    const work = (): Progress => {
      const step = left.shift()!;
      log.push(step);
      owner.take(Uint8Array.of(left.length), 0, 1, step === "done");
      if (step === "waiting") queueMicrotask(() => owner.wake());
      return step;
    };
    return { push: work, work, release() {}, close: () => void log.push("close") };
  };
  return {
    log,
    factory: {
      takeover: true,
      minWindowBits: 8,
      deflater: (options, owner) => {
        log.push(`${options.takeover} ${options.windowBits} ${options.level}`);
        return make(owner);
      },
      inflater: (options, owner) => {
        log.push(`${options.takeover} ${options.windowBits} ${options.limit}`);
        return make(owner);
      },
    },
  };
}

test("a codec goes on in another turn, or when it wakes, and is closed once", async () => {
  const { factory, log } = scripted("busy", "waiting", "busy", "done");
  const codec = messageCodec(factory);
  assertEquals(await codec.inflate(hex("00"), 10), Uint8Array.of(3, 2, 1, 0));
  assertEquals(await codec.deflate(hex("00")), Uint8Array.of(3, 2, 1, 0));
  const steps = ["busy", "waiting", "busy", "done", "close"];
  assertEquals(log, ["false 15 10", ...steps, "false 15 6", ...steps]);
});

test("a codec is closed when it fails, or makes too much", async () => {
  for (
    const [steps, limit, code] of [
      [["invalid"], 10, "WS_INVALID_DEFLATE"],
      [["too big"], 10, "WS_MESSAGE_TOO_BIG"],
      [["busy", "busy", "done"], 1, "WS_MESSAGE_TOO_BIG"],
      [["busy", "done"], 1, "WS_MESSAGE_TOO_BIG"],
    ] as [Progress[], number, ErrorCode][]
  ) {
    const { factory, log } = scripted(...steps);
    assertEquals(await messageCodec(factory).inflate(hex("00"), limit), code);
    assertEquals(log.filter((each) => each === "close"), ["close"]);
  }
  const { factory } = scripted("invalid");
  const error = await assertRejects(async () => await messageCodec(factory).deflate(hex("00")), Error);
  assertStringIncludes(error.message, "Cannot compress a message: the codec says WS_INVALID_DEFLATE");
});
