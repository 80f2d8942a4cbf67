/** Where a large message lies that is gathered: the part of the allocator. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Gatherer } from "../../src/protocol/bytes.ts";
import type { Allocator } from "../../src/protocol/pool.ts";
import { Random } from "../random.ts";
import { scarce } from "./scarce.ts";
import { show } from "../frames.ts";

test("Gatherer lays nothing into memory of its allocator's but a message that fills it", () => {
  const sizes: number[] = [];
  const gatherer = new Gatherer({
    allocate(size) {
      sizes.push(size);
      return size < 100_000 ? undefined : new Uint8Array(size).fill(0xee);
    },
  });
  const wanted = new Random(7).bytes(300_000);
  /** Gives the first `end` bytes in pieces. Returns whether any byte of the allocator's shows in the memory around them. */
  const shows = (end: number, total: number | undefined): boolean => {
    for (let at = 0; at < end; at += 7_000) gatherer.append(wanted, at, Math.min(at + 7_000, end), total);
    const message = gatherer.take();
    assertEquals(show(message), show(wanted.subarray(0, end)));
    return new Uint8Array(message.buffer, message.length).some((byte) => byte === 0xee);
  };
  for (const size of [20_000, 99_999, 100_000, 300_000]) assert(!shows(size, size));
  assertEquals(sizes, [20_000, 99_999, 100_000, 300_000]);
  for (const size of [20_000, 100_000, 300_000]) assert(!shows(size, undefined));
  assertEquals(sizes.splice(4), []);
  // The length is known of the last frame alone.
  gatherer.append(wanted, 0, 140_000);
  gatherer.append(wanted, 140_000, 300_000, 300_000);
  assertEquals(show(gatherer.take()), show(wanted));
  assertEquals(sizes.splice(4), [300_000]);

  const poor = new Gatherer({
    allocate() {
      throw new RangeError("Array buffer allocation failed");
    },
  });
  scarce(150_000, () => assert(!poor.append(wanted, 0, 200_000, 300_000)));
  assert(poor.append(wanted, 0, 200_000, 300_000));
});

test("Gatherer lets its allocator renew each message that fills memory of its own", () => {
  const renewed: Uint8Array[] = [];
  const allocator: Allocator = {
    allocate: () => undefined,
    renew(message) {
      renewed.push(message);
      return new Uint8Array(message.buffer.transfer());
    },
  };
  const gatherer = new Gatherer(allocator);
  const wanted = new Random(8).bytes(300_000);
  const gather = (end: number, total: number | undefined): Uint8Array => {
    for (let at = 0; at < end; at += 7_000) gatherer.append(wanted, at, Math.min(at + 7_000, end), total);
    const message = gatherer.take();
    assertEquals(show(message), show(wanted.subarray(0, end)));
    return message;
  };
  for (const size of [10, 20_000, 300_000]) {
    assert(gather(size, size) !== renewed.at(-1));
    assertEquals(renewed.at(-1)!.byteLength, 0);
  }
  gather(20_000, undefined);
  gather(20_000, 300_000);
  gather(100_000, 300_000);
  assertEquals(gatherer.take().length, 0);
  // These fill what is only borrowed: where none is idle, it is as large as was wanted.
  const others = Array.from({ length: 100 }, () => new Gatherer(allocator));
  for (const other of others) other.append(wanted, 0, 30_000, 262_144);
  for (const other of others) {
    other.append(wanted, 30_000, 65_536, 262_144);
    assertEquals(other.take().length, 65_536);
  }
  assertEquals(renewed.length, 3);
});
