import { test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { lendMemory } from "../../src/protocol/lanes.ts";
import { freshKey, mask, rotateKey } from "../../src/protocol/mask.ts";
import { hex, show, toHex } from "../frames.ts";
import { Random } from "../random.ts";
import { checkLargeMasks } from "./large_masks.ts";

/** The bytes of a key as they stand in a frame. */
function bytesOf(key: number): Uint8Array {
  return Uint8Array.of(key, key >>> 8, key >>> 16, key >>> 24);
}

/** RFC 6455, section 5.3, to the letter. */
function naive(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => byte ^ key[i % 4]!);
}

test("mask() unmasks the text of RFC 6455, section 5.7", () => {
  const bytes = hex("7f9f4d5158");
  assertEquals(mask(bytes, 0, 5, 0x3d21fa37), 0);
  assertEquals(new TextDecoder().decode(bytes), "Hello");
});

test("mask() does what the RFC says at every length, place and alignment, and touches nothing else", () => {
  const random = new Random(1);
  for (let length = 0; length <= 400; length += length < 140 ? 1 : 37) {
    for (let offset = 0; offset < 8; offset++) {
      for (let start = 0; start < 4; start++) {
        const buffer = random.bytes(offset + start + length + 9);
        const before = buffer.slice();
        const key = random.below(0x1_0000_0000);
        const view = buffer.subarray(offset);
        mask(view, start, start + length, key);
        const from = offset + start;
        const wanted = before.slice();
        wanted.set(naive(before.subarray(from, from + length), bytesOf(key)), from);
        assertEquals(show(buffer), show(wanted), `length ${length}, offset ${offset}, start ${start}`);
      }
    }
  }
});

test("mask() does what the RFC says of large payloads too", () => checkLargeMasks(mask));

test("mask() does the same in memory that is lent, and touches nothing else", () => {
  const random = new Random(4);
  // By way of the bench, before memory is lent and behind it.
  checkLargeMasks(mask);
  const memory = lendMemory(10_000);
  assert(memory !== undefined && memory.length === 10_000 && memory.every((byte) => byte === 0));
  checkLargeMasks(mask);
  for (let length = 0; length <= 5_000; length += length < 140 ? 1 : 613) {
    for (const start of [0, 1, 2, 3, 4_000]) {
      const key = random.below(0x1_0000_0000);
      memory.set(random.bytes(10_000));
      const before = memory.slice();
      const wanted = memory.slice();
      wanted.set(naive(before.subarray(start, start + length), bytesOf(key)), start);
      const high = mask(memory, start, start + length, key);
      assertEquals(show(memory), show(wanted), `length ${length}, start ${start}`);
      assertEquals(high === 0, wanted.subarray(start, start + length).every((byte) => byte < 0x80));
      memory.fill(0x41);
      mask(memory, start, start + length, key);
      assertEquals(mask(memory, start, start + length, key), 0, `${length} bytes of ASCII`);
      if (length === 0) continue;
      memory[start + random.below(length)]! |= 0x80;
      assert(mask(memory, start, start + length, 0) !== 0, `${length} bytes, one above ASCII`);
    }
  }
});

test("lendMemory() lends each byte once, and nothing when there is no more", () => {
  const all = Array.from({ length: 200 }, () => lendMemory(65_536)).filter((memory) => memory !== undefined);
  assert(all.length > 100 && all.length < 129, `${all.length} pieces`);
  for (const [at, memory] of all.entries()) memory.fill(at);
  for (const [at, memory] of all.entries()) assert(memory.every((byte) => byte === at));
  assertEquals(lendMemory(1_000_000), undefined);
});

test("mask() undoes itself, and a key of zero changes nothing", () => {
  const random = new Random(2);
  for (const length of [3, 95, 96, 97, 5000]) {
    const bytes = random.bytes(length);
    const before = bytes.slice();
    mask(bytes, 0, length, 0);
    assertEquals(show(bytes), show(before));
    mask(bytes, 0, length, 0xdeadbeef);
    assertNotEquals(show(bytes), show(before));
    mask(bytes, 0, length, 0xdeadbeef | 0);
    assertEquals(show(bytes), show(before), "a signed key is the same key");
  }
});

test("mask() returns 0 exactly when the result is ASCII", () => {
  const random = new Random(3);
  for (let length = 0; length <= 300; length++) {
    const key = random.below(0x1_0000_0000);
    const plain = random.bytes(length).map((byte) => byte & 0x7f);
    const masked = naive(plain, bytesOf(key));
    assertEquals(mask(masked.slice(), 0, length, key), 0, `ASCII of ${length} bytes`);
    if (length === 0) continue;
    const place = random.below(length);
    masked[place]! ^= 0x80;
    assertNotEquals(mask(masked.slice(), 0, length, key), 0, `${length} bytes, 0x80 at ${place}`);
  }
});

test("rotateKey() lets a payload go on in pieces of any size", () => {
  const random = new Random(4);
  for (let round = 0; round < 200; round++) {
    const key = random.below(0x1_0000_0000);
    const bytes = random.bytes(random.below(600));
    const wanted = toHex(naive(bytes, bytesOf(key)));
    const parts = random.cut(bytes, random.below(6));
    let turned = key;
    for (const part of parts) {
      mask(part, 0, part.length, turned);
      turned = rotateKey(turned, part.length);
    }
    assertEquals(parts.map(toHex).join(""), wanted);
  }
});

test("freshKey() gives keys of 32 bits that do not repeat, past the end of a pool", () => {
  const keys = Array.from({ length: 5000 }, freshKey);
  assert(keys.every((key) => Number.isInteger(key) && key >= 0 && key <= 0xffffffff));
  assert(new Set(keys).size > 4990, `${new Set(keys).size} keys of 5000 are different`);
  for (const bit of [0, 7, 8, 15, 16, 23, 24, 31]) {
    const set = keys.filter((key) => ((key >>> bit) & 1) === 1).length;
    assert(set > 2200 && set < 2800, `bit ${bit} is set in ${set} of 5000`);
  }
});
