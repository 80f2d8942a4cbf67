/**
 * A bomb, 1 GiB of zeros in a message of 1 MiB: with every codec it fails the connection with 1009, and what is held
 * meanwhile is measured. A server in a process of its own is measured as a whole.
 */

import { constants, deflateRawSync } from "node:zlib";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { CodecOwner, DeflateFactory } from "../../src/protocol/codec.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionEvents } from "../../src/protocol/session_options.ts";
import { webDeflate } from "../../src/runtime/web_deflate.ts";
import { oneShotDeflate, zlibDeflate } from "../../src/runtime/zlib.ts";
import { closePayload, concat, frame, KEY, readFrames, show } from "../frames.ts";
import { attacking, connect, eventually } from "./attacker.ts";
import { heldBytes, mib } from "./memory.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const LIMIT = 8 * MIB;

/** 1 GiB of zeros: those of 16 MiB, again and again, up to a flush each. */
const some = new Uint8Array(
  deflateRawSync(new Uint8Array(GIB / 64), { level: 9, finishFlush: constants.Z_SYNC_FLUSH }),
);
const bomb = concat(...Array.from({ length: 64 }, () => some)).subarray(0, -4);

const side = { takeover: true, windowBits: 15 };
const fresh = { takeover: false, windowBits: 15 };

interface Case {
  readonly name: string;
  readonly factory: DeflateFactory | undefined;
  /** The most that the codec makes in one piece, beyond the limit, in bytes. */
  readonly buffer: number;
  /** How often it has the whole compressed message. */
  readonly copies: number;
}

const cases: readonly Case[] = [
  { name: "contexts", factory: deflateFactory(zlibDeflate()!), buffer: 65_536, copies: 0 },
  // As it came, with its tail, and behind the window.
  { name: "documented calls", factory: oneShotDeflate, buffer: 65_536, copies: 3 },
  // What comes out of 512 bytes at most, in one chunk.
  { name: "the web's streams", factory: webDeflate(), buffer: 512 * 1_032, copies: 1 },
];

/** Objects of the runtime, and of this test. */
const SMALL = 512 * 1_024;

for (const { name, factory, buffer, copies } of cases) {
  const skip = factory === undefined ? "this runtime has no CompressionStream" : false;
  test(`a bomb is cut with 1009, and no more than the limit and a buffer is held (${name})`, { skip }, async () => {
    let made = 0, most = 0, samples = 0, failure = "";
    const written: Uint8Array[] = [];
    const bytes = frame({ opcode: 2, rsv: 0x40, payload: bomb });
    const before = heldBytes();
    const sample = (): void => {
      samples++;
      // Twice: what is let go of outside of the heap is counted at the next time only.
      heldBytes();
      most = Math.max(most, heldBytes() - before);
    };
    const counting: DeflateFactory = {
      takeover: factory!.takeover,
      minWindowBits: factory!.minWindowBits,
      deflater: (options, owner) => factory!.deflater(options, owner),
      inflater: (options, owner) => {
        const counted: CodecOwner = {
          take(bytes, start, end, last) {
            made += end - start;
            const goesOn = owner.take(bytes, start, end, last);
            // Garbage is collected for each, which takes its time.
            if (!goesOn || made % MIB < end - start) sample();
            return goesOn;
          },
          wake: () => owner.wake(),
        };
        return factory!.inflater(options, counted);
      },
    };
    let wake = (): void => {};
    let woken: Promise<void>;
    const sleep = (): void => {
      woken = new Promise((resolve) => wake = resolve);
    };
    sleep();
    const events: SessionEvents = {
      text() {},
      binary: () => failure = "delivered",
      pinged() {},
      ponged() {},
      closed() {},
      failed: ({ code }) => failure = code,
      woken: () => wake(),
      write(chunk) {
        written.push(new Uint8Array(chunk));
        return false;
      },
    };
    const agreed = factory!.takeover ? side : fresh;
    const deflate = {
      factory: counting,
      agreement: { local: agreed, remote: agreed },
      level: 6,
      memLevel: 6,
      threshold: 0,
      releaseAfter: 0,
    };
    const session = new Session("client", events, { deflate, maxPayload: LIMIT });
    assert(bomb.length < 1.02 * MIB, `the bomb has ${bomb.length} bytes`);
    for (let at = 0; at < bytes.length && failure === "";) {
      at += session.receive(bytes.slice(at, at + 16_384));
      while (session.stalled) {
        if (!session.busy) {
          await woken!;
          sleep();
        }
        session.work();
      }
    }
    sample();
    session.flush();
    assertEquals(failure, "WS_MESSAGE_TOO_BIG");
    assertEquals(readFrames(concat(...written)).map(({ payload }) => show(payload)), [show(closePayload(1009))]);
    const held = LIMIT + buffer + copies * bomb.length + SMALL;
    console.log(`${name}: ${mib(made)} were made of a limit of ${mib(LIMIT)}, ${mib(most)} held in ${samples} samples`);
    assert(made <= LIMIT + buffer, `${made} bytes were made`);
    assert(most <= held, `${most} bytes were held, wanted at most ${held}`);
    session.free();
  });
}

test("a server that gets bombs stays as large as it was", async () => {
  const setting = { application: "sink", upgrade: { perMessageDeflate: true, maxPayload: LIMIT } } as const;
  await attacking(setting, async (victim) => {
    const attack = async (payload: Uint8Array): Promise<void> => {
      const attacker = await (await connect(victim.port)).upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n");
      void attacker.write(frame({ opcode: 2, rsv: 0x40, payload, key: KEY }));
      const received = await attacker.until((bytes) => bytes.length >= 4);
      assertEquals(show(received.subarray(0, 4)), show(frame({ opcode: 8, payload: closePayload(1009) })));
      attacker.socket.destroy();
    };
    // The first shows what a message over the limit takes; nothing of the rest of a bomb may come to it.
    const little = new Uint8Array(
      deflateRawSync(new Uint8Array(LIMIT + 1), { level: 9, finishFlush: constants.Z_SYNC_FLUSH }),
    );
    for (let i = 0; i < 4; i++) await attack(little.subarray(0, -4));
    const { peak } = await victim.report();
    for (let i = 0; i < 8; i++) await attack(bomb);
    await eventually(async () => (await victim.report()).connections === 0);
    const after = await victim.report();
    assertEquals(after.ends, { "WS_MESSAGE_TOO_BIG 1006": 12 });
    console.log(
      `bombs of 1 GiB: the process came to ${mib(peak)} with messages of ${mib(LIMIT + 1)}, then ${mib(after.peak)}`,
    );
    // Eight of them are 8 GiB. What a collector of garbage leaves for later is a few times the limit.
    assert(after.peak - peak < 8 * LIMIT, `${mib(after.peak - peak)} more`);
  });
});
