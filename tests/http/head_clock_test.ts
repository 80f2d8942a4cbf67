/** One timer for all heads that a server waits for. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { HeadClock } from "../../src/http/head_clock.ts";
import { Clock } from "../clock.ts";

/** A head that writes down that it is late. */
function head(name: string, told: string[], then: () => void = () => {}): { late(): void } {
  return {
    late() {
      told.push(name);
      then();
    },
  };
}

test("HeadClock tells of each head that is late, when it is, with one timer", async () => {
  using clock = new Clock();
  const heads = new HeadClock(20);
  const told: string[] = [];
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => head(name, told));
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
  const heads = new HeadClock(20);
  const told: string[] = [];
  const [a, b] = ["a", "b"].map((name) => head(name, told));
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
  const heads = new HeadClock(20);
  const awaited = head("late", []);
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
  const heads = new HeadClock(20);
  const told: string[] = [];
  const second = head("second", told);
  heads.begin(head("first", told, () => heads.begin(second)));
  heads.begin(head("third", told));
  await clock.pass(30);
  assertEquals([told, clock.size], [["first", "third"], 1]);
  await clock.pass(10);
  assertEquals([told, clock.size], [["first", "third", "second"], 0]);
  heads.end(second);
});

test("HeadClock waits without end where there is no limit", () => {
  using clock = new Clock();
  for (const limit of [0, Infinity, 2 ** 31]) {
    const heads = new HeadClock(limit);
    const awaited = head("late", []);
    heads.begin(awaited);
    assertEquals(clock.size, 0);
    heads.end(awaited);
  }
});
