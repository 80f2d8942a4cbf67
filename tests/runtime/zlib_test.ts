/** Compression over `node:zlib`: the same on every runtime, with the private handle and with documented calls alone. */

import { test } from "node:test";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "node:zlib";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ContextDeflate } from "../../src/protocol/context_codec.ts";
import type { DeflateContext, DeflateContexts } from "../../src/protocol/contexts.ts";
import type { DeflateFactory, DeflaterOptions, InflaterOptions } from "../../src/protocol/codec.ts";
import { chooseDeflate, oneShotDeflate, zlibDeflate } from "../../src/runtime/zlib.ts";
import { inflate } from "../inflate.ts";
import { Random } from "../random.ts";
import { join, Messages, utf8 } from "./messages.ts";

const found = zlibDeflate();
const factories: [string, DeflateFactory][] = [
  ["contexts", new ContextDeflate(found as DeflateContexts)],
  ["one-shot calls", oneShotDeflate],
];

const TAIL = [0x00, 0x00, 0xff, 0xff];
const HELLO = utf8("Hello");

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (each) => Number.parseInt(each, 16));
}

function deflater(factory: DeflateFactory, options: Partial<DeflaterOptions> = {}): Messages {
  const all = { takeover: true, windowBits: 15, level: 6, memLevel: 8, ...options };
  return new Messages((owner) => factory.deflater(all, owner));
}

function inflater(factory: DeflateFactory, options: Partial<InflaterOptions> = {}): Messages {
  const all = { takeover: true, windowBits: 15, limit: 2 ** 26, ...options };
  return new Messages((owner) => factory.inflater(all, owner), all.limit);
}

/** Text as people write it: some words often, some seldom. */
function prose(random: Random, length: number): Uint8Array {
  let text = "";
  while (text.length < length) {
    text += random.chance(3)
      ? `${random.below(1e9)} `
      : random.pick(["price", "order ", '{"id":', "status ", "the ", "of "]);
  }
  return utf8(text.slice(0, length));
}

/** A message of any kind. */
function anything(random: Random): Uint8Array {
  const length = random.pick([0, 1, 2, 10, 200, 1_000, 5_000, 70_000]);
  const size = random.below(length + 1);
  return random.pick([
    () => random.bytes(size),
    () => new Uint8Array(size).fill(random.below(256)),
    () => prose(random, size),
  ])();
}

test("zlibDeflate() finds contexts on this runtime", () => {
  assert(
    found !== undefined && "inflater" in found && !("takeover" in found),
    "the handle of node:zlib is not as it was",
  );
});

test("chooseDeflate() falls back to documented calls when anything about the private handle is not as it was", async () => {
  const right = found as DeflateContexts;
  assertEquals(chooseDeflate(right, oneShotDeflate), right);
  /** Contexts that differ in one thing. */
  const change = (differ: (context: DeflateContext) => Partial<DeflateContext>): DeflateContexts => {
    const make = (context: DeflateContext): DeflateContext => {
      const changed: DeflateContext = {
        get inputLeft() {
          return context.inputLeft;
        },
        get outputLeft() {
          return context.outputLeft;
        },
        run: (...args) => context.run(...args),
        reset: () => context.reset(),
        close: () => context.close(),
      };
      return Object.defineProperties(changed, Object.getOwnPropertyDescriptors(differ(context)));
    };
    return {
      deflater: (...options) => make(right.deflater(...options)),
      inflater: (...options) => make(right.inflater(...options)),
    };
  };
  assert("inflater" in (chooseDeflate(change(() => ({})), oneShotDeflate) ?? {}));
  const wrong: Record<string, DeflateContexts> = {
    "there are no streams": {
      deflater: () => {
        throw new TypeError("createDeflateRaw is not a function");
      },
      inflater: right.inflater,
    },
    "writeSync is gone": change(() => ({
      run() {
        throw new TypeError("writeSync is not a function");
      },
    })),
    "nothing is an error": change((context) => ({
      run: (...args) => (context.run(...args), true),
    })),
    "everything is an error": change(() => ({ run: () => false })),
    "the output is not written": change((context) => ({
      run: (input, at, end, output, outputAt, flush) =>
        context.run(input, at, end, new Uint8Array(output.length), outputAt, flush),
    })),
    "where the output begins is passed over": change((context) => ({
      run: (input, at, end, output, _, flush) => context.run(input, at, end, output, 0, flush),
    })),
    "where the input ends is passed over": change((context) => ({
      run: (input, at, _, output, outputAt, flush) => context.run(input, at, input.length, output, outputAt, flush),
    })),
    "it does not say what is left of the input": change(() => ({
      get inputLeft() {
        return 0;
      },
    })),
    "it does not say what is left of the output": change(() => ({
      get outputLeft() {
        return 0;
      },
    })),
    "each call begins anew": change((context) => ({
      run: (...args) => (context.reset(), context.run(...args)),
    })),
    "a reset does nothing": change(() => ({ reset() {} })),
    "it does not flush": change((context) => ({
      run: (input, at, end, output, outputAt) => context.run(input, at, end, output, outputAt, false),
    })),
  };
  for (const [what, contexts] of Object.entries(wrong)) {
    assert(chooseDeflate(contexts, oneShotDeflate) === oneShotDeflate, what);
  }
  // A codec that is not right is not chosen either, and then there is no compression.
  const broken: DeflateFactory = { ...oneShotDeflate, inflater: oneShotDeflate.deflater as never };
  assertEquals(chooseDeflate(wrong["writeSync is gone"]!, broken), undefined);
  assertEquals(await inflater(oneShotDeflate).pass(bytes("f248cdc9c90700")), HELLO);
});

for (const [name, factory] of factories) {
  test(`the examples of RFC 7692, section 7.2.3, are inflated (${name})`, async () => {
    const examples = {
      "one block": "f248cdc9c90700",
      "a stored block": "000500faff48656c6c6f00",
      "a final block": "f348cdc9c9070000",
      "two blocks": "f248050000 00ffff cac9c90700",
    };
    for (const [what, example] of Object.entries(examples)) {
      assertEquals(await inflater(factory).pass(bytes(example)), HELLO, what);
    }
    const kept = inflater(factory);
    assertEquals(await kept.pass(bytes("f248cdc9c90700")), HELLO);
    assertEquals(await kept.pass(bytes("f200110000")), HELLO);
    assertEquals(await kept.pass(bytes("00")), new Uint8Array(0));
  });

  test(`"Hello" is compressed as in RFC 7692, section 7.2.3 (${name})`, async () => {
    const fresh = deflater(factory, { takeover: false });
    assertEquals(await fresh.pass(HELLO), bytes("f248cdc9c90700"));
    assertEquals(await fresh.pass(HELLO), bytes("f248cdc9c90700"));
    assertEquals(await fresh.pass(new Uint8Array(0)), bytes("00"));
    const kept = deflater(factory);
    assertEquals(await kept.pass(HELLO), bytes("f248cdc9c90700"));
    const again = await kept.pass(HELLO) as Uint8Array;
    const { bytes: plain, distance } = inflate(join([again, bytes("0000ffff")]), HELLO);
    assertEquals(plain, HELLO);
    // Deno passes over the dictionary of raw DEFLATE, which is allowed: each message begins anew.
    if (name === "contexts" || !("Deno" in globalThis)) assertEquals(distance, 5);
    assertEquals(await kept.pass(new Uint8Array(0)), bytes("00"));
    assertEquals(kept.pieces, 1);
  });

  test(`messages come back as they went, however they are cut (${name})`, async () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed);
      for (const takeover of [true, false]) {
        const windowBits = random.pick([8, 9, 10, 12, 15]);
        const level = random.pick([0, 1, 6, 9]), memLevel = random.pick([1, 5, 8, 9]);
        const there = deflater(factory, { takeover, windowBits, level, memLevel });
        const back = inflater(factory, { takeover, windowBits });
        for (let i = 0; i < 40; i++) {
          const message = anything(random);
          const compressed = await there.pass(...random.cut(message, random.below(3)));
          assert(compressed instanceof Uint8Array, `seed ${seed}, message ${i}: ${String(compressed)}`);
          const whole = await back.pass(...random.cut(compressed, random.below(4)));
          assertEquals(whole, message, `seed ${seed}, message ${i}, ${windowBits} bits, level ${level}`);
          if (random.chance(5)) there.codec.release();
          if (random.chance(5)) back.codec.release();
        }
        there.codec.close();
        back.codec.close();
      }
    }
  });

  test(`the streams of node:zlib read what is written, and are read (${name})`, async () => {
    for (const seed of [4, 5]) {
      const random = new Random(seed);
      const windowBits = random.pick([9, 11, 15]);
      const there = deflater(factory, { windowBits }), back = inflater(factory, { windowBits });
      const theirs = { windowBits, finishFlush: constants.Z_SYNC_FLUSH };
      const unzip = createInflateRaw(theirs), zip = createDeflateRaw(theirs);
      for (let i = 0; i < 25; i++) {
        const message = anything(random);
        const compressed = await there.pass(message) as Uint8Array;
        assertEquals(
          await through(unzip, join([compressed, bytes("0000ffff")])),
          message,
          `seed ${seed}, message ${i}`,
        );
        const other = await through(zip, message);
        // Without new input there is nothing to flush, and nothing came.
        const body = other.length === 0 ? bytes("00") : other.subarray(0, other.length - 4);
        assertEquals(await back.pass(body), message, `seed ${seed}, message ${i} of theirs`);
        if (random.chance(4)) there.codec.release();
        if (random.chance(4)) back.codec.release();
      }
      unzip.close();
      zip.close();
    }
  });

  test(`a context goes on behind a final block (${name})`, async () => {
    const random = new Random(6);
    const back = inflater(factory);
    const first = random.bytes(3_000), second = random.bytes(30_000);
    const final = (message: Uint8Array, window: Uint8Array): Uint8Array => {
      // Raw DEFLATE with a dictionary, as another implementation makes it; where it is passed over, matches are just fewer.
      const made = deflateRawSync(message, { finishFlush: constants.Z_FINISH, dictionary: window.slice(-32_768) });
      return join([new Uint8Array(made), bytes("00")]);
    };
    assertEquals(await back.pass(final(first, utf8("-"))), first);
    assertEquals(await back.pass(final(second, first)), second);
    // What repeats `first` and `second` in a window of both.
    const third = join([first.slice(0, 1_000), second.slice(5_000, 6_000)]);
    assertEquals(await back.pass(final(third, join([first, second]))), third);
    // Several final blocks in one message, and one that is not behind them; "Hello" from the window at the end.
    const parts = "f348cdc9c90700 f348cdc9c90700 f248cdc9c90700";
    assertEquals(await back.pass(bytes(parts)), utf8("HelloHelloHello"));
    assertEquals(await back.pass(bytes("f200110000")), HELLO);
  });

  test(`a match reaches over a final block into what came before it (${name})`, async () => {
    const back = inflater(factory);
    assertEquals(await back.pass(bytes("f248cdc9c90700")), HELLO);
    // A final block with "!", and behind it a match of three bytes, five back.
    const written = join([bytes("53 04 00"), bytes("02 12 00 00")]);
    assertEquals(inflate(join([written, bytes("00 00 ff ff")]), HELLO).bytes, utf8("!ell"));
    assertEquals(await back.pass(written), utf8("!ell"));
  });

  test(`a final block without anything behind it ends a message (${name})`, async () => {
    const back = inflater(factory);
    for (let i = 0; i < 3; i++) assertEquals(await back.pass(bytes("f348cdc9c90700")), HELLO);
    assertEquals(await back.pass(...[..."f348cdc9c90700".matchAll(/../g)].map(([byte]) => bytes(byte))), HELLO);
    assertEquals(await back.pass(bytes("f200110000")), HELLO);
  });

  test(`what is not DEFLATE is invalid (${name})`, async () => {
    for (const wrong of ["ff", "07ffff", "f200110000", "000500faf048656c6c6f00", "f348cdc9c90700 ff"]) {
      assertEquals(await inflater(factory).pass(bytes(wrong)), "invalid", wrong);
    }
    const random = new Random(7);
    for (let i = 0; i < 200; i++) {
      const whole = await inflater(factory).pass(random.bytes(random.below(300)));
      assert(whole instanceof Uint8Array || whole === "invalid");
    }
  });

  test(`without takeover nothing of one message is known in the next (${name})`, async () => {
    const back = inflater(factory, { takeover: false });
    assertEquals(await back.pass(bytes("f248cdc9c90700")), HELLO);
    assertEquals(await back.pass(bytes("f200110000")), "invalid");
    const behindFinal = inflater(factory, { takeover: false });
    assertEquals(await behindFinal.pass(bytes("f348cdc9c9070000")), HELLO);
    assertEquals(await behindFinal.pass(bytes("f200110000")), "invalid");
  });

  test(`a window of 8 bits is never left (${name})`, async () => {
    const random = new Random(8);
    for (const level of [1, 6, 9]) {
      const there = deflater(factory, { windowBits: 8, level });
      let before = new Uint8Array(0), farthest = 0;
      for (let i = 0; i < 20; i++) {
        const message = prose(random, 2_000);
        const compressed = await there.pass(message) as Uint8Array;
        const plain = inflate(join([compressed, bytes("0000ffff")]), before);
        assertEquals(plain.bytes, message);
        farthest = Math.max(farthest, plain.distance);
        before = new Uint8Array(join([before, message]).slice(-256));
      }
      assert(farthest > 128 && farthest <= 256, `level ${level} looks ${farthest} back`);
    }
  });

  test(`many final blocks are refused, as each costs a new window (${name})`, async () => {
    const many = (count: number): Uint8Array => join(Array.from({ length: count }, () => bytes("0300")));
    assertEquals(await inflater(factory).pass(many(10)), new Uint8Array(0));
    assertEquals(await inflater(factory).pass(many(10_000)), "invalid");
  });
}

/** Passes bytes through a stream of `node:zlib`, up to a flush. */
function through(
  stream: ReturnType<typeof createDeflateRaw | typeof createInflateRaw>,
  input: Uint8Array,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const keep = (chunk: Uint8Array): unknown => chunks.push(new Uint8Array(chunk));
  stream.on("data", keep);
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off("data", keep);
      stream.off("error", reject);
      resolve(join(chunks));
    });
  });
}

const [[, contexts]] = factories as [[string, DeflateFactory]];

test("a message that inflates to much is cut at the limit, and no more than one buffer beyond is made", async () => {
  const bomb = new Uint8Array(
    deflateRawSync(new Uint8Array(2 ** 26), { level: 9, finishFlush: constants.Z_SYNC_FLUSH }),
  );
  const limit = 1_000_000;
  const back = inflater(contexts, { limit });
  assertEquals(await back.pass(bomb.subarray(0, -4)), "done");
  assert(back.taken > limit && back.taken <= limit + 65_536, `${back.taken} bytes were made`);
  assert(back.largest <= 65_536);
  back.codec.close();
  assertEquals(await inflater(oneShotDeflate, { limit }).pass(bomb.subarray(0, -4)), "too big");
  assertEquals(await inflater(oneShotDeflate, { limit: 2 ** 26 }).pass(bomb.subarray(0, -4)), new Uint8Array(2 ** 26));
  assertEquals(await inflater(oneShotDeflate, { limit: 2 ** 26 - 1 }).pass(bomb.subarray(0, -4)), "done");
});

test("large messages are worked on in turns, and others may pass meanwhile", async () => {
  const random = new Random(9);
  const large = [prose(random, 3_000_000), random.bytes(700_000)];
  const connections = large.map(() => [deflater(contexts), inflater(contexts)] as const);
  const done = connections.map(async ([there, back], i) => {
    const compressed = await there.pass(large[i]!);
    assert(compressed instanceof Uint8Array && there.turns >= large[i]!.length / 65_536 - 1, `${there.turns} turns`);
    assertEquals(await back.pass(compressed), large[i]);
    assertEquals(back.largest, 65_536);
  });
  const there = deflater(contexts), back = inflater(contexts);
  for (let i = 0; i < 50; i++) {
    const small = prose(random, 300);
    assertEquals(await back.pass(await there.pass(small) as Uint8Array), small);
    assertEquals(back.pieces, 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await Promise.all(done);
});

test("with documented calls large messages are worked on off the thread, and others may pass meanwhile", async () => {
  const random = new Random(13);
  const large = prose(random, 3_000_000);
  const there = deflater(oneShotDeflate), back = inflater(oneShotDeflate);
  const small = prose(random, 300);
  const other = deflater(oneShotDeflate);
  const passing = there.pass(large);
  assertEquals(there.taken, 0);
  // At once, while the large one is at work.
  assertEquals(other.codec.push(small, 0, small.length, true), "done");
  const compressed = await passing;
  assert(compressed instanceof Uint8Array);
  assertEquals(there.turns, 1);
  const inflating = back.pass(compressed);
  assertEquals(back.taken, 0);
  assertEquals(await inflater(oneShotDeflate).pass(other.last!), small);
  assertEquals(await inflating, large);
  assertEquals(back.turns, 1);
  // The context goes on, and one that is closed meanwhile tells nothing.
  assertEquals(await back.pass(await there.pass(small) as Uint8Array), small);
  const closed = deflater(oneShotDeflate);
  assertEquals(closed.codec.push(large, 0, large.length, true), "waiting");
  closed.codec.close();
  assertEquals(await inflater(oneShotDeflate).pass(await deflater(oneShotDeflate).pass(large) as Uint8Array), large);
  assertEquals(closed.taken, 0);
});

test("a small message that inflates to much goes on in another turn, whatever came meanwhile", async () => {
  const zeros = new Uint8Array(3_000_000);
  const there = deflater(contexts), other = deflater(contexts);
  const compressed = await there.pass(zeros) as Uint8Array;
  assert(compressed.length < 4_096);
  const back = inflater(contexts), otherBack = inflater(contexts);
  const passing = back.pass(compressed);
  assertEquals(back.taken, 16 * 65_536);
  assertEquals(await otherBack.pass(await other.pass(HELLO) as Uint8Array), HELLO);
  assertEquals(await passing, zeros);
  assertEquals(back.turns, 2);
});

test("a deflater that was given back is primed with what it said last", async () => {
  const random = new Random(10);
  const message = prose(random, 2_000);
  const kept = deflater(contexts), released = deflater(contexts), forgetful = deflater(contexts, { takeover: false });
  const back = inflater(contexts);
  const sizes: number[][] = [];
  for (const there of [kept, released, forgetful]) {
    const first = (await there.pass(message) as Uint8Array).length;
    if (there !== kept) there.codec.release();
    sizes.push([first, (await there.pass(message) as Uint8Array).length]);
  }
  assert(sizes[0]![1]! < 100);
  assertEquals(sizes[2]![1], sizes[2]![0]);
  // On Deno the deflater begins anew.
  assert(sizes[1]![1] === sizes[0]![1] || sizes[1]![1] === sizes[1]![0], JSON.stringify(sizes));
  if (!("Deno" in globalThis)) assertNotEquals(sizes[1]![1], sizes[1]![0]);
  const there = deflater(contexts);
  assertEquals(await back.pass(await there.pass(message) as Uint8Array), message);
  there.codec.release();
  back.codec.release();
  assertEquals(await back.pass(await there.pass(message) as Uint8Array), message);
});

test("no more contexts live than some hundred, and messages are right all the same", async () => {
  let live = 0, most = 0;
  const count = (context: DeflateContext): DeflateContext => {
    most = Math.max(most, ++live);
    const close = context.close.bind(context);
    context.close = () => {
      live--;
      close();
    };
    return context;
  };
  const counting = new ContextDeflate({
    deflater: (...options) => count((found as DeflateContexts).deflater(...options)),
    inflater: (...options) => count((found as DeflateContexts).inflater(...options)),
  });
  const random = new Random(12);
  const pairs = Array.from({ length: 400 }, () => [deflater(counting), inflater(counting)] as const);
  // One connection in mid-message stays as it is.
  const [[slow, slowBack]] = pairs as [[Messages, Messages]];
  const halves = [prose(random, 500), prose(random, 500)];
  slow.codec.push(halves[0]!, 0, 500, false);
  for (let round = 0; round < 4; round++) {
    for (const [there, back] of round === 2 ? pairs.slice(1, 100) : pairs.slice(1)) {
      const message = prose(random, 300);
      assertEquals(await back.pass(await there.pass(message) as Uint8Array), message);
    }
  }
  slow.codec.push(halves[1]!, 0, 500, true);
  assertEquals(await slowBack.pass(slow.last!), join(halves));
  assert(most > 256 && most <= 2 * (256 + 4 + 1), `${most} lived`);
  for (const [there, back] of pairs) {
    there.codec.close();
    back.codec.close();
  }
  assert(live <= 8, `${live} live`);
});

test("a context that was given back is used again, and knows nothing of its past", async () => {
  let made = 0;
  const counting = new ContextDeflate({
    deflater: (...options) => (made++, (found as DeflateContexts).deflater(...options)),
    inflater: (...options) => (made++, (found as DeflateContexts).inflater(...options)),
  });
  const message = prose(new Random(11), 500);
  const fresh = { takeover: false };
  const wanted = await deflater(counting, fresh).pass(message) as Uint8Array;
  for (let i = 0; i < 10; i++) {
    assertEquals(await deflater(counting, fresh).pass(message), wanted);
    assertEquals(await inflater(counting, fresh).pass(wanted), message);
  }
  assertEquals(made, 2);
  const primed = deflater(counting);
  await primed.pass(message);
  primed.codec.release();
  await primed.pass(message);
  primed.codec.close();
  assertEquals(await deflater(counting, fresh).pass(message), wanted);
});

test("closing in mid-message harms no one else", async () => {
  const closed = inflater(contexts);
  assertEquals(closed.codec.push(bytes("f248cd"), 0, 3, false), "done");
  closed.codec.release();
  closed.codec.close();
  closed.codec.close();
  assertEquals(await inflater(contexts).pass(bytes("f248cdc9c90700")), HELLO);
  const there = deflater(contexts);
  assertEquals(there.codec.push(new Uint8Array(200_000), 0, 200_000, true), "busy");
  there.codec.close();
  assertEquals(await deflater(contexts).pass(HELLO), bytes("f248cdc9c90700"));
  assertEquals(TAIL.length, 4);
});
