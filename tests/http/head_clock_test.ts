/** One timer for all heads that a server waits for. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type Awaited, HeadClock } from "../../src/http/head_clock.ts";
import { Clock } from "../clock.ts";

/** A head that writes down that it is late. */
function head(name: string, told: string[], then: () => void = () => {}): Awaited {
  return {
    since: Infinity,
    late() {
      told.push(name);
      then();
    },
  };
}

test("HeadClock tells of each head that is late, when it is, with one timer", async () => {
  using clock = new Clock();
  const told: string[] = [];
  const all = ["a", "b", "c", "d", "never"].map((name) => head(name, told));
  const [a, b, c, d] = all;
  const heads = new HeadClock(20, all);
  heads.begin(a!);
  assertEquals(clock.size, 1);
  await clock.pass(5);
  heads.begin(b!);
  heads.begin(c!);
  assertEquals(clock.size, 1);
  await clock.pass(10);
  heads.begin(d!);
  heads.end(b!);
  await clock.pass(4);
  assertEquals(told, []);
  await clock.pass(1);
  assertEquals(told, ["a"]);
  await clock.pass(5);
  assertEquals(told, ["a", "c"]);
  await clock.pass(9);
  heads.end(d!);
  assertEquals(clock.size, 1);
  await clock.pass(1);
  assertEquals(clock.size, 0);
  await clock.pass(100);
  assertEquals(told, ["a", "c"]);
});

test("HeadClock sets no timer for a head while one runs, and gives each its whole time", async () => {
  using clock = new Clock();
  const told: string[] = [];
  const all = ["a", "b"].map((name) => head(name, told));
  const [a, b] = all;
  const heads = new HeadClock(20, all);
  heads.begin(a!);
  heads.end(a!);
  await clock.pass(15);
  heads.begin(b!);
  assertEquals([clock.size, clock.awake], [1, 0]);
  await clock.pass(19);
  assertEquals(told, []);
  await clock.pass(1);
  assertEquals([told, clock.size], [["b"], 0]);
});

test("HeadClock leaves no timer behind where nothing is open", () => {
  using clock = new Clock();
  const awaited = head("late", []);
  const heads = new HeadClock(20, [awaited]);
  heads.rest();
  for (let times = 0; times < 2; times++) {
    heads.begin(awaited);
    heads.end(awaited);
    assertEquals(clock.size, 1);
    heads.rest();
    assertEquals(clock.size, 0);
  }
});

test("HeadClock goes on with a head that is waited for because another one was late", async () => {
  using clock = new Clock();
  const told: string[] = [];
  const second = head("second", told);
  const first = head("first", told, () => heads.begin(second));
  const third = head("third", told);
  const heads = new HeadClock(20, [first, second, third]);
  heads.begin(first);
  heads.begin(third);
  await clock.pass(30);
  assertEquals([told, clock.size], [["first", "third"], 1]);
  await clock.pass(10);
  assertEquals([told, clock.size], [["first", "third", "second"], 0]);
  heads.end(second);
});

test("HeadClock waits without end where there is no limit", () => {
  using clock = new Clock();
  for (const limit of [0, Infinity, 2 ** 31]) {
    const awaited = head("late", []);
    const heads = new HeadClock(limit, [awaited]);
    heads.begin(awaited);
    assertEquals(clock.size, 0);
    heads.end(awaited);
  }
});

test("HeadClock goes over all heads seldom, however many are late one by one", async () => {
  using clock = new Clock();
  const told: string[] = [];
  const late: number[] = [];
  const all = Array.from({ length: 150 }, (_, at) => head(`${at}`, told, () => late.push(performance.now() - at)));
  let times = 0;
  const heads = new HeadClock(6_400, {
    [Symbol.iterator]() {
      times++;
      return all.values();
    },
  });
  for (const awaited of all) {
    heads.begin(awaited);
    await clock.pass(1);
  }
  await clock.pass(6_600);
  assertEquals(told, all.map((_, at) => `${at}`));
  assert(late.every((milliseconds) => milliseconds >= 6_399 && milliseconds <= 6_500), `${late}`);
  // A sixty-fourth of the time is 100 ms.
  assert(times <= 3, `gone over ${times} times`);
});
