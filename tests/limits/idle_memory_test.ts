/** How long large memory waits for its next use, and how much of it. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { borrow, giveBack } from "../../src/protocol/pool.ts";
import { collectGarbage } from "./memory.ts";

const SIZE = 16 << 20;

/** Borrows so many pieces at once, writes to them, and gives them back. */
function use(count: number): WeakRef<ArrayBuffer>[] {
  const pieces = Array.from({ length: count }, () => borrow(SIZE)!);
  for (const piece of pieces) giveBack(piece.fill(1));
  return pieces.map(({ buffer }) => new WeakRef(buffer));
}

/** Lets the collector work so often, and tell of it in the next turn. What was looked at in a turn lives to its end. */
async function collect(times: number): Promise<void> {
  for (let turn = 0; turn <= times; turn++) {
    if (turn > 0) collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function alive(pieces: readonly WeakRef<ArrayBuffer>[]): number {
  return pieces.filter((piece) => piece.deref() !== undefined).length;
}

test("What waits for its next use is kept for some collections of garbage, and garbage then", async () => {
  for (let round = 0; round < 2; round++) {
    const pieces = use(3);
    await collect(5);
    assertEquals(alive(pieces), 3);
    // What is used meanwhile stays.
    for (let times = 0; times < 10; times++) {
      use(1);
      await collect(1);
    }
    assertEquals(alive(pieces), 1);
    // Bun's collector takes what lies on the stack for references, and so may miss a count.
    for (let times = 0; times < 100 && alive(pieces) > 0; times++) await collect(1);
    assertEquals(alive(pieces), 0);
  }
});

test("No more than 64 MiB wait for their next use", async () => {
  for (const pieces of [use(6), use(6)]) {
    await collect(2);
    assertEquals(alive(pieces), 4);
  }
});
