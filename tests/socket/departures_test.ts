/** Connections that leave together, at the next microtask. */

import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { flushSoon } from "../../src/socket/departures.ts";

/** Runs `work`, which leaves microtasks, and gives them back. */
function microtasksOf(work: () => void): (() => void)[] {
  const given: (() => void)[] = [];
  const original = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (call) => void given.push(call);
  try {
    work();
  } finally {
    globalThis.queueMicrotask = original;
  }
  return given;
}

function departing(left: string[], name: string, work: () => void = () => {}): { flush(): void } {
  return {
    flush(): void {
      left.push(name);
      work();
    },
  };
}

test("All that wait leave in one microtask, in their order, and those that come meanwhile with them", () => {
  const left: string[] = [];
  const late = departing(left, "late");
  const microtasks = microtasksOf(() => {
    flushSoon(departing(left, "first", () => flushSoon(late)));
    flushSoon(departing(left, "second"));
  });
  assertEquals([microtasks.length, left], [1, []]);
  assertEquals(microtasksOf(microtasks[0]!), []);
  assertEquals(left, ["first", "second", "late"]);

  const [next, ...none] = microtasksOf(() => flushSoon(late));
  assertEquals(none, []);
  next!();
  assertEquals(left, ["first", "second", "late", "late"]);
});

test("One that throws keeps none of the others", () => {
  const left: string[] = [];
  const fail = (): void => {
    throw new Error("planted");
  };
  const [first] = microtasksOf(() => {
    for (const name of ["a", "b", "c", "d"]) {
      flushSoon(departing(left, name, name === "b" || name === "d" ? fail : undefined));
    }
  });
  const [second, ...none] = microtasksOf(() => assertThrows(first!, Error, "planted"));
  assertEquals(none, []);
  assertEquals(left, ["a", "b"]);
  assertEquals(microtasksOf(() => assertThrows(second!, Error, "planted")), []);
  assertEquals(left, ["a", "b", "c", "d"]);
});
