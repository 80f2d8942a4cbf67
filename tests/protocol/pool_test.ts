import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { borrow, copyToPool, giveBack } from "../../src/protocol/pool.ts";
import { Random } from "../random.ts";
import { scarce } from "./scarce.ts";

test("borrow() lends memory of at least the size, and of an eighth more at most", () => {
  for (const size of [65_536, 65_537, 100_000, 131_072, 131_073, 1_000_000, 4_194_303, 67_108_864]) {
    const memory = borrow(size)!;
    assert(memory.length >= size && memory.length <= size * 9 / 8, `${memory.length} for ${size}`);
  }
  // A power of two is a size of its own.
  for (const size of [65_536, 131_072, 4_194_304]) assertEquals(borrow(size)!.length, size);
  for (const size of [0, 65_535, 67_108_865]) assertEquals(borrow(size), undefined);
  scarce(100_000, () => assertEquals(borrow(3_000_000), undefined));
});

test("What was given back is lent again, once, and what was not borrowed is not", () => {
  const memory = borrow(260_000)!;
  assert(borrow(260_000)!.buffer !== memory.buffer);
  for (let times = 0; times < 2; times++) assert(giveBack(memory.subarray(10, 20)));
  const [again, other] = [borrow(262_144)!, borrow(262_144)!];
  assertStrictEquals(again.buffer, memory.buffer);
  assertEquals(again.length, 262_144);
  assert(other.buffer !== memory.buffer);
  // What was given back last is lent first: it may be in the caches still.
  for (const each of [again, other]) giveBack(each);
  assertStrictEquals(borrow(262_144)!.buffer, other.buffer);
  assertStrictEquals(borrow(262_144)!.buffer, again.buffer);

  // What is idle serves what needs half of it, and nothing less or more.
  const wide = borrow(8_000_000)!;
  giveBack(wide);
  for (const size of [3_900_000, 8_500_000]) assert(borrow(size)!.buffer !== wide.buffer);
  assertStrictEquals(borrow(4_000_000)!.buffer, wide.buffer);

  const foreign = new Uint8Array(262_144);
  assertEquals(giveBack(foreign), false);
  assert(borrow(262_144)!.buffer !== foreign.buffer);
});

test("copyToPool() copies bytes of any size", () => {
  const random = new Random(1);
  for (const size of [0, 1, 65_535, 65_536, 70_000, 1_000_000, 4_194_305]) {
    const bytes = random.bytes(size);
    const copy = copyToPool(bytes);
    assertEquals(copy.length, size);
    assert(copy.every((byte, at) => byte === bytes[at]), `${size} bytes differ`);
    assert(copy.buffer !== bytes.buffer);
    giveBack(copy);
  }
});
