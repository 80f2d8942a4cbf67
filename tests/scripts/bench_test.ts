// @runtimes deno
/** The parts of the benchmarks that a wrong figure could come from: what counts, and what judges. */

import { test } from "node:test";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CALM, calmest } from "../../scripts/bench/calm.ts";
import { drawGrowth, drawRatios } from "../../scripts/bench/chart.ts";
import {
  FrameCounter,
  frameSize,
  makeCompressed,
  makeFrame,
  makePayload,
  makeTexts,
} from "../../scripts/bench/frames.ts";
import { peersOf, type Workload, workloads } from "../../scripts/bench/plan.ts";
import { formatTable, isMet, median, mergeOutcomes, summarize } from "../../scripts/bench/report.ts";
import { concat, frame, readFrames, single } from "../frames.ts";
import { inflate } from "../inflate.ts";
import { Random } from "../random.ts";

test("A round that others disturbed is played again, up to six times in all, and the calmest counts", async () => {
  const play = async (...stolen: number[]): Promise<readonly [counts: number | undefined, played: number]> => {
    let at = 0;
    const { perSecond } = await calmest(() => Promise.resolve({ perSecond: at, stolen: stolen[at++]! }));
    return [perSecond, at];
  };
  assertEquals(await play(CALM, 0), [0, 1]);
  assertEquals(await play(NaN, 0), [0, 1]);
  assertEquals(await play(0.3, 0.4, 0.02, 0), [2, 3]);
  assertEquals(await play(0.5, 0.4, 0.3, 0.1, 0.2, 0.3, 0), [3, 6]);
  assertEquals(await calmest(() => Promise.resolve({ cost: 1 })), { cost: 1 });
});

test("The frames of the load are frames, masked where a client sends them", () => {
  for (const size of [0, 1, 125, 126, 65_535, 65_536]) {
    for (const masked of [true, false]) {
      const bytes = makeFrame(2, makePayload(size), masked);
      assertEquals(bytes.length, frameSize(size, masked));
      const [read] = readFrames(bytes);
      assertEquals([read!.opcode, read!.masked, read!.payload], [2, masked, makePayload(size)]);
    }
  }
});

test("The counter of the load counts whole messages, however they are cut", () => {
  const bytes = concat(
    ...[0, 5, 125, 126, 70_000].map((size) => makeFrame(1, makePayload(size), false)),
    frame({ opcode: 9, payload: "no message" }),
    frame({ opcode: 1, fin: false, payload: "two" }),
    frame({ opcode: 0, payload: "frames" }),
  );
  for (const chunks of [[bytes], single(bytes), new Random(1).cut(bytes, 20)]) {
    const counter = new FrameCounter();
    assertEquals(chunks.reduce((sum, chunk) => sum + counter.count(chunk, chunk.length), 0), 6);
  }
});

test("The compressed messages of the load inflate, each in the context of those before", () => {
  const texts = makeTexts(20, 200);
  assertEquals(texts.map((text) => text.length), texts.map(() => 200));
  assertEquals(new Set(texts).size, 20);
  for (const kept of [true, false]) {
    let before = new Uint8Array(0);
    for (const [at, bytes] of makeCompressed(texts, kept).entries()) {
      const [read] = readFrames(bytes);
      const { bytes: plain } = inflate(concat(read!.payload, Uint8Array.of(0, 0, 0xff, 0xff)), before);
      assertEquals(new TextDecoder().decode(plain), texts[at]);
      if (kept) before = concat(before, plain);
    }
  }
});

const fast: Workload = { ...workloads[0]!, bars: { node: 2 } };
const small: Workload = { ...fast, name: "small", unit: "bytes", bars: { node: 0.6 } };

test("Ratios are taken round by round, and a bar is met from its own side", () => {
  const rounds = (...figures: number[]) => figures.map((perSecond) => ({ perSecond, perCpuSecond: perSecond / 2 }));
  const outcome = summarize(fast, "node", ["sockeye", "ws"], [rounds(10, 40, 60), rounds(10, 10, 20)], 1);
  assertEquals([outcome.sides[0]!.figure, outcome.sides[1]!.figure], [40, 10]);
  const { ratio, ratioLeast, ratioMost, cpuRatio } = outcome.sides[1]!;
  assertEquals([ratio, ratioLeast, ratioMost, cpuRatio], [3, 1, 4, 3]);
  assertEquals([isMet(outcome), isMet({ ...outcome, runtime: "bun" })], [true, undefined]);

  const costs = (...figures: number[]) => figures.map((cost) => ({ cost }));
  const heavy = summarize(small, "node", ["sockeye", "ws"], [costs(70), costs(100)], 1);
  const light = summarize(small, "node", ["sockeye", "ws"], [costs(60), costs(100)], 1);
  assertEquals([isMet(heavy), isMet(light)], [false, true]);
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);

  const report = { outcomes: [outcome, heavy], versions: { node24: "24.0.0" } };
  assertStringIncludes(formatTable(report), "| 3.00 (1.00 to 4.00) | 3.00 | 2 |");
  assertStringIncludes(formatTable(report), "0.6 **missed**");
  assertStringIncludes(drawRatios(report.outcomes)!, "3.00 (ws)");
  assertEquals(drawGrowth(report.outcomes, "growth: "), undefined);
});

test("A round that gave nothing is an error, and a time that was not taken is left out", () => {
  const rounds = (...figures: number[]) => figures.map((perSecond) => ({ perSecond }));
  for (const nothing of [0, NaN, Infinity]) {
    const results = [rounds(10, 40), rounds(10, nothing)];
    const error = assertThrows(() => summarize(fast, "node", ["sockeye", "ws"], results, 1), Error);
    assertEquals(error.message, `Round 2 of ws gave ${nothing} messages/s`);
  }
  const [first, second] = [[{ perSecond: 1, perCpuSecond: 2 }], [{ perSecond: 1, perCpuSecond: Infinity, p50: NaN }]];
  const { sides } = summarize(fast, "node", ["sockeye", "ws"], [first, second], 1);
  assertEquals([sides[0]!.perCpuSecond, sides[1]!.perCpuSecond, sides[1]!.p50], [2, undefined, undefined]);
  assertEquals([sides[1]!.ratio, sides[1]!.cpuRatio], [1, undefined]);
  assertEquals(JSON.parse(JSON.stringify(sides)), sides);
});

test("A later run takes the place of the same rows, and keeps the others, in the order of the plan", () => {
  const row = (at: number, runtime: "node" | "bun", figure: number) =>
    summarize(workloads[at]!, runtime, ["sockeye"], [[{ perSecond: figure }]], 1);
  const merged = mergeOutcomes([row(0, "node", 1), row(2, "node", 2)], [row(1, "bun", 3), row(2, "node", 4)]);
  const shown = merged.map(({ workload, runtime, sides }) => [workload.name, runtime, sides[0]!.figure]);
  const names = workloads.map(({ name }) => name);
  assertEquals(shown, [[names[0], "node", 1], [names[1], "bun", 3], [names[2], "node", 4]]);
});

test("Every workload has a name of its own, and every bar a peer", () => {
  assertEquals(new Set(workloads.map(({ name }) => name)).size, workloads.length);
  for (const workload of workloads) {
    for (const runtime of ["node", "deno", "bun"] as const) {
      if (workload.bars?.[runtime] !== undefined) assertEquals(peersOf(workload, runtime).length > 0, true);
    }
  }
});
