/** Chunks that a link has done with when it returns: their memory may be used for something else. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { checkDeflate, deflateSetup } from "../../src/socket/deflate_options.ts";
import type { LinkOptions } from "../../src/socket/link_options.ts";
import type { FrameParts } from "../frames.ts";
import { concat, show, to } from "../frames.ts";
import { Random } from "../random.ts";
import { codec } from "./codec.ts";
import { linked, turn } from "./peer.ts";

/** Which of the chunks are spent, one after another. */
async function spent(chunks: readonly Uint8Array[], options: LinkOptions = {}, pausedAt = -1): Promise<boolean[]> {
  const { link, log } = linked("server", options);
  Object.assign(log, { piece() {} });
  await turn();
  const all = chunks.map((chunk, at) => {
    if (at === pausedAt) link.pause();
    link.data(new Uint8Array(chunk));
    return link.spent;
  });
  link.terminate();
  return all;
}

/** The frame of a message, cut into pieces of 100 bytes. */
function cut(parts: FrameParts): Uint8Array[] {
  const frame = to("server", parts);
  return Array.from({ length: Math.ceil(frame.length / 100) }, (_, at) => frame.subarray(at * 100, at * 100 + 100));
}

test("SessionLink has done with a chunk of which nothing was given on as it lay there", async () => {
  const message = cut({ opcode: 2, payload: "x".repeat(300) });
  assertEquals(await spent(message), [true, true, true, true]);
  // A message that lies whole in a chunk is a view of it; texts and control frames are copied.
  const whole = to("server", { opcode: 2, payload: "whole" });
  const others = [to("server", { opcode: 9, payload: "ping" }), to("server", { opcode: 1, payload: "text" })];
  assertEquals(await spent([whole, ...others]), [false, true, true]);
  assertEquals(await spent([concat(message[0]!), concat(...message.slice(1), whole)]), [true, false]);
  // A ping within a message.
  const parts = [{ opcode: 1, payload: "a", fin: false }, { opcode: 9, payload: "p" }, { opcode: 0, payload: "b" }];
  assertEquals(await spent(parts.map((each) => to("server", each))), [true, true, true]);
  // What comes while the link is paused is kept, though the chunk before it was not.
  assertEquals(await spent(message, {}, 2), [true, true, false, false]);
  // What is given on piece by piece is the receiver's, and a codec may keep what it has not inflated yet.
  assertEquals(await spent(message, { streaming: true }), [false, false, false, false]);
  const side = { takeover: true, windowBits: 15 };
  const deflate = deflateSetup(checkDeflate({})!, deflateFactory(zlibDeflate()!), { local: side, remote: side });
  const payload = codec.deflate(new Random(1).bytes(300));
  assertEquals((await spent(cut({ opcode: 2, rsv: 0x40, payload }), { deflate })).includes(true), false);
});

test("SessionLink gives on right messages though what it has done with is overwritten", async () => {
  const random = new Random(7);
  let overwritten = 0;
  for (let round = 0; round < 60; round++) {
    const frames: FrameParts[] = [];
    const wanted: string[] = [];
    for (let message = 0; message < 4; message++) {
      const payload = random.bytes(random.below(6_000));
      const half = random.below(payload.length + 1);
      const ping = random.bytes(100);
      frames.push(
        { opcode: 2, payload: payload.subarray(0, half), fin: false },
        { opcode: 9, payload: ping },
        { opcode: 0, payload: payload.subarray(half) },
      );
      wanted.push(`ping ${show(ping)}`, `binary ${show(payload)}`.trim());
    }
    const { link, log } = linked("server");
    log.ontold = (what) => {
      if (what.startsWith("ping") && random.chance(2)) link.pause();
    };
    await turn();
    for (const chunk of random.cut(concat(...frames.map((parts) => to("server", parts))), 30)) {
      if (chunk.length === 0) continue;
      if (random.chance(5)) link.pause();
      link.data(chunk);
      if (link.spent) {
        chunk.fill(0xee);
        overwritten++;
      }
      if (random.chance(3)) link.resume();
      if (random.chance(3)) await turn();
    }
    for (let turns = 0; turns < 100 && log.told.length < wanted.length; turns++) {
      link.resume();
      await turn();
    }
    assertEquals(log.told, wanted, `seed 7, round ${round}`);
    link.terminate();
  }
  assert(overwritten > 100, `${overwritten} chunks were spent`);
});
