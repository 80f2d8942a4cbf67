import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { Gatherer, MAX_RUN, Output, recycle, type Writer } from "../../src/protocol/bytes.ts";
import { concat, show } from "../frames.ts";
import { Random } from "../random.ts";
import { scarce } from "./scarce.ts";

function outputTo(write: Writer["write"]): Output {
  return new Output({ write });
}

test("Gatherer joins pieces, and begins anew after take", () => {
  const random = new Random(1);
  const gatherer = new Gatherer();
  for (let round = 0; round < 50; round++) {
    const whole = random.bytes(random.below(5000));
    for (const part of random.cut(whole, random.below(8))) {
      gatherer.append(concat(part, random.bytes(3)), 0, part.length);
    }
    assertEquals(gatherer.length, whole.length);
    assertEquals(show(gatherer.take()), show(whole));
    assert(gatherer.idle);
    assertEquals(gatherer.length, 0);
  }
});

test("Gatherer is not idle after an empty piece", () => {
  const gatherer = new Gatherer();
  gatherer.append(new Uint8Array(0), 0, 0);
  assert(!gatherer.idle);
  assertEquals(gatherer.take().length, 0);
  gatherer.append(new Uint8Array(0), 0, 0, 0);
  assert(!gatherer.idle);
  gatherer.clear();
  assert(gatherer.idle);
  assertEquals(gatherer.take().length, 0);
});

test("Gatherer grows to the limit and no farther, unless more comes", () => {
  for (const [size, limit, capacity] of [[900, 1000, 1000], [1, 10, 10], [600, 100_000, 1200], [20, 10, 20]] as const) {
    const gatherer = new Gatherer();
    gatherer.append(new Uint8Array(size), 0, size, undefined, limit);
    assertEquals(gatherer.take().buffer.byteLength, size * 2 < capacity ? size : capacity);
  }
});

test("Gatherer takes less than it wants when there is no more memory, and nothing when there is not enough", () => {
  const gatherer = new Gatherer();
  scarce(10_000, () => {
    assert(gatherer.append(new Uint8Array(9_000), 0, 9_000));
    assert(!gatherer.append(new Uint8Array(9_000), 0, 9_000));
    assertEquals(gatherer.length, 9_000);
    assert(gatherer.append(new Uint8Array(1_000), 0, 1_000));
  });
  assertEquals(gatherer.take().length, 10_000);
});

test("Gatherer keeps copies: the pieces may be used again", () => {
  const gatherer = new Gatherer();
  const piece = Uint8Array.of(1, 2, 3);
  gatherer.append(piece, 0, 3);
  piece.fill(0);
  assertEquals(show(gatherer.take()), "010203");
});

test("Gatherer gives each message a buffer of its own", () => {
  const gatherer = new Gatherer();
  gatherer.append(Uint8Array.of(1), 0, 1);
  const first = gatherer.take();
  gatherer.append(Uint8Array.of(2), 0, 1);
  const second = gatherer.take();
  assertNotEquals(first.buffer, second.buffer);
  assertEquals(show(first), "01");
});

/** What a Gatherer allocates for a message that comes in pieces, and the most it holds beyond what came. */
function allocated(total: number, piece: number, declared: boolean): { sum: number; excess: number; buffer: number } {
  const Original = globalThis.Uint8Array;
  const chunk = new Original(piece);
  const gatherer = new Gatherer();
  let sum = 0;
  let excess = 0;
  // `new Uint8Array(count)` is the only way in which it takes memory; that of a buffer is a view.
  const counting = new Proxy(Original, {
    construct(target, [count]: [number | ArrayBuffer]) {
      if (typeof count !== "number") return new target(count);
      sum += count;
      excess = Math.max(excess, count / Math.max(1, gatherer.length));
      return new target(count);
    },
  });
  globalThis.Uint8Array = counting as Uint8ArrayConstructor;
  try {
    for (let at = 0; at < total; at += piece) gatherer.append(chunk, 0, piece, declared ? total : undefined);
    const message = gatherer.take();
    assertEquals(message.length, total);
    return { sum, excess, buffer: message.buffer.byteLength };
  } finally {
    globalThis.Uint8Array = Original;
  }
}

test("Gatherer takes memory in proportion to what has come, however it comes", () => {
  for (const [total, piece] of [[1 << 20, 64], [1 << 24, 4096], [1 << 24, 65536]] as const) {
    for (const declared of [true, false]) {
      const { sum, buffer } = allocated(total, piece, declared);
      const what = `${total} bytes by ${piece}, ${declared ? "length known" : "length unknown"}`;
      assert(sum <= 4 * total, `${what}: took ${sum}`);
      assert(buffer <= 2 * total, `${what}: holds ${buffer}`);
    }
  }
});

test("Gatherer takes new memory for a large message alone, once there is memory to be used again", () => {
  for (const [pieces, piece] of [[8, 131_008], [16, 65_536], [128, 131_008], [256, 65_536]] as const) {
    const total = pieces * piece;
    allocated(total, piece, true);
    assertEquals(allocated(total, piece, true).sum, total, `${pieces} pieces of ${piece} bytes`);
  }
});

test("Gatherer gives a large message in memory of its own, whatever was gathered in the same before", () => {
  const random = new Random(6);
  const total = 3_000_000;
  const kept: { message: Uint8Array; wanted: Uint8Array }[] = [];
  for (let round = 0; round < 4; round++) {
    // Two at a time, one of which is given up.
    const [gatherer, lost] = [new Gatherer(), new Gatherer()];
    const wanted = random.bytes(total);
    for (let at = 0; at < total; at += 100_000) {
      gatherer.append(wanted, at, at + 100_000, total);
      lost.append(wanted, 0, 100_000, 2 * total);
      if (at === 1_000_000) lost.clear();
    }
    const message = gatherer.take();
    assertEquals(message.buffer.byteLength, total, "it lies in memory of its own");
    kept.push({ message, wanted });
  }
  assertEquals(new Set(kept.map(({ message }) => message.buffer)).size, 4);
  for (const { message, wanted } of kept) {
    assert(message.every((byte, at) => byte === wanted[at]), "a message has changed");
  }

  // Taken before its time, too.
  const early = new Gatherer();
  early.append(new Uint8Array(100_000).fill(1), 0, 100_000, total);
  const message = early.take();
  const next = new Gatherer();
  next.append(new Uint8Array(100_000).fill(2), 0, 100_000, total);
  assertEquals([message.length, message.buffer.byteLength, message[0]], [100_000, 100_000, 1]);
});

test("Gatherer reserves nothing from a declared length", () => {
  const gatherer = new Gatherer();
  const piece = new Uint8Array(100);
  gatherer.append(piece, 0, 100, 2 ** 40);
  const bytes = gatherer.take();
  assert(bytes.buffer.byteLength <= 1024, `holds ${bytes.buffer.byteLength}`);
  for (let at = 0; at < 200; at++) gatherer.append(piece, 0, 100, 2 ** 40);
  assert(gatherer.take().buffer.byteLength <= 4 * 20_000);
});

test("Gatherer keeps no long buffer for a short message", () => {
  const gatherer = new Gatherer();
  gatherer.append(Uint8Array.of(1, 2), 0, 2);
  assert(gatherer.take().buffer.byteLength <= 4);
});

/** Appends `count` bytes of `value` to the run. */
function put(output: Output, count: number, value: number): void {
  output.reserve(count);
  output.bytes.fill(value, output.length, output.length + count);
  output.length += count;
}

test("Output gathers a run and lets it leave once", () => {
  const runs: string[] = [];
  const output = outputTo((chunk) => {
    runs.push(show(chunk));
    return false;
  });
  put(output, 2, 1);
  put(output, 3, 2);
  assertEquals(runs, []);
  output.flush();
  output.flush();
  assertEquals(runs, ["0101020202"]);
  assertEquals(output.length, 0);
});

test("Output keeps what is in the run when it grows", () => {
  const random = new Random(2);
  const runs: Uint8Array[] = [];
  const output = outputTo((chunk) => {
    runs.push(chunk.slice());
    return false;
  });
  const parts: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    const part = random.bytes(random.below(3000));
    output.reserve(part.length);
    output.bytes.set(part, output.length);
    output.length += part.length;
    parts.push(part);
    assert(output.length <= MAX_RUN, `a run of ${output.length}`);
  }
  output.flush();
  assert(runs.length > 1, "a long run leaves before its time");
  assertEquals(show(concat(...runs)), show(concat(...parts)));
});

test("Output.through lets a chunk pass uncopied, behind the run", () => {
  const writes: [Uint8Array, boolean][] = [];
  const output = outputTo((chunk, mayKeep) => {
    writes.push([chunk, mayKeep]);
    return mayKeep;
  });
  put(output, 1, 7);
  const large = new Uint8Array(10);
  output.through(large, false);
  assertEquals(writes.length, 2);
  assertEquals(show(writes[0]![0]), "07");
  assertStrictEquals(writes[1]![0], large);
  assertEquals(writes[1]![1], false);
});

test("Output takes the memory of a large run again when it has come back", () => {
  const runs: Uint8Array[] = [];
  const output = outputTo((chunk, mayKeep) => {
    runs.push(chunk);
    return mayKeep;
  });
  for (const value of [1, 2, 3]) {
    put(output, 500_000, value);
    output.flush();
    if (value === 1) recycle(runs[0]!);
  }
  assertEquals(runs.map((run) => [run.length, run[0], run.at(-1)]), [[500_000, 2, 2], [500_000, 2, 2], [
    500_000,
    3,
    3,
  ]]);
  assertStrictEquals(runs[1]!.buffer, runs[0]!.buffer);
  assert(runs[2]!.buffer !== runs[1]!.buffer, "what is kept is written to again");

  // What nobody kept comes back by itself.
  const other = outputTo((chunk) => {
    runs.push(chunk);
    return false;
  });
  for (const value of [4, 5]) {
    put(other, 600_000, value);
    other.flush();
  }
  assertStrictEquals(runs[4]!.buffer, runs[3]!.buffer);
});

test("Output never hands out a buffer that is kept, and uses those again that are not", () => {
  const kept = new Set<ArrayBufferLike>();
  const copies: { chunk: Uint8Array; text: string }[] = [];
  const seen = new Set<ArrayBufferLike>();
  let reused = 0;
  const random = new Random(3);
  const write = (chunk: Uint8Array, mayKeep: boolean): boolean => {
    assert(!kept.has(chunk.buffer), "a kept buffer is written to again");
    if (seen.has(chunk.buffer)) reused++;
    seen.add(chunk.buffer);
    if (!mayKeep || !random.chance(3)) return false;
    kept.add(chunk.buffer);
    copies.push({ chunk, text: show(chunk) });
    return true;
  };
  const outputs = Array.from({ length: 5 }, () => outputTo(write));
  for (let round = 0; round < 2000; round++) {
    const output = random.pick(outputs);
    put(output, 1 + random.below(400), random.below(256));
    for (const other of outputs) {
      const shared = other !== output && other.bytes.length > 0 && other.bytes.buffer === output.bytes.buffer;
      assert(!shared, "two runs lie in one buffer");
    }
    if (random.chance(3)) random.pick(outputs).flush();
  }
  for (const { chunk, text } of copies) assertEquals(show(chunk), text, "a kept chunk has changed");
  assert(reused > 100, `${reused} runs lay in a buffer that was used before`);
});

test("Output may be used from within its writer", () => {
  const runs: string[] = [];
  const output: Output = outputTo((chunk) => {
    runs.push(show(chunk));
    if (runs.length === 1) put(output, 1, 9);
    return false;
  });
  put(output, 1, 1);
  output.flush();
  output.flush();
  assertEquals(runs, ["01", "09"]);
});

test("Output lets a run be kept only where its bytes are at least half of the buffer", () => {
  const allowed: boolean[] = [];
  const output = outputTo((chunk, mayKeep) => {
    allowed.push(mayKeep);
    if (mayKeep) assert(chunk.buffer.byteLength <= 2 * chunk.length, `${chunk.length} in ${chunk.buffer.byteLength}`);
    return mayKeep;
  });
  for (const [room, used] of [[200_000, 17_000], [200_000, 100_000], [200_000, 100_200], [196_608, 65_536]] as const) {
    output.reserve(room);
    output.length = used;
    output.flush();
  }
  assertEquals(allowed, [false, false, true, false]);
});

test("Output leaves shared chunks where they are, as one where they are neighbours", () => {
  const memory = Uint8Array.from({ length: 100 }, (_, at) => at);
  const [one, two, far, three] = [[0, 10], [10, 30], [60, 70], [30, 35]].map(([from, to]) => memory.subarray(from, to));
  const runs: Uint8Array[] = [];
  const outputs = Array.from({ length: 3 }, () =>
    outputTo((chunk, mayKeep) => {
      assert(!mayKeep, "others have it too");
      runs.push(chunk);
      return false;
    }));
  for (const chunk of [one!, two!, three!]) for (const output of outputs) output.share(chunk);
  for (const output of outputs) {
    assertEquals(output.length, 35);
    output.flush();
    assertEquals(output.length, 0);
  }
  assertEquals(runs.map(show), [35, 35, 35].map((end) => show(memory.subarray(0, end))));
  for (const run of runs) assertStrictEquals(run.buffer, memory.buffer);
  // The join of neighbours is made once for all.
  assertStrictEquals(runs[0], runs[2]);

  runs.length = 0;
  const [output] = outputs;
  for (const chunk of [one!, far!]) output!.share(chunk);
  output!.flush();
  for (const chunk of [two!, three!]) output!.share(chunk);
  put(output!, 2, 7);
  output!.share(far!);
  output!.flush();
  output!.reserve(4);
  output!.share(one!);
  output!.flush();
  const wanted = [concat(one!, far!), concat(two!, three!, Uint8Array.of(7, 7), far!), one!];
  assertEquals(runs.map(({ length }) => length), wanted.map(({ length }) => length));
  // All three were made in memory of the output, which is used again: only the last can still be read.
  assertEquals(show(runs[2]!), show(one!));
  assertEquals(memory, Uint8Array.from({ length: 100 }, (_, at) => at), "what is shared was written to");
});

test("Outputs put any mixture of shared and own bytes behind one another", () => {
  const random = new Random(5);
  const memory = random.bytes(60_000);
  const before = show(memory);
  const ends = Array.from({ length: 4 }, () => {
    const end = { got: [] as Uint8Array[], wanted: [] as Uint8Array[], output: outputTo(() => false) };
    end.output = outputTo((chunk) => {
      end.got.push(new Uint8Array(chunk));
      return false;
    });
    return end;
  });
  for (let round = 0, at = 0; round < 3000; round++) {
    // One shared chunk behind the other, some of which not all get, with own bytes between them.
    const chunk = memory.subarray(at, at + random.below(300));
    at = at > 59_000 ? 0 : at + chunk.length;
    for (const { output, wanted } of ends) {
      if (random.chance(10)) {
        const own = random.below(50);
        put(output, own, round % 256);
        wanted.push(new Uint8Array(own).fill(round % 256));
      }
      if (chunk.length > 0 && !random.chance(10)) {
        output.share(chunk);
        wanted.push(chunk);
      }
      if (random.chance(5)) output.flush();
    }
  }
  for (const { output, got, wanted } of ends) {
    output.flush();
    assertEquals(show(concat(...got)), show(concat(...wanted)));
  }
  assertEquals(show(memory), before, "what is shared was written to");
});
