/**
 * Raw clients against a server in a process of its own: each limit at n and at n + 1, and as an attack. What the server
 * holds for it, garbage left out, and how long it takes is printed; the first has a bound. While it is attacked the server
 * answers others: `report` is a request.
 *
 * The bounds leave the room that the runtimes need for a connection: some 5 to 40 KiB. `deno task test` prints what is held
 * where a test fails; run by itself the file prints it always.
 */

import { deflateRawSync } from "node:zlib";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { closePayload, concat, frame, type FrameParts, hex, KEY, readFrames, show, to, utf8 } from "../frames.ts";
import { type Attacker, attacking, connect, connectMany, eventually, type Victim } from "./attacker.ts";
import { mib } from "./memory.ts";
import type { Setting } from "./victim.ts";

const MIB = 1_048_576;

/** Registers an attack. `work` gives the growth that is measured while it lasts, and may be held up to `bound`. */
function attack(name: string, setting: Setting, bound: number, work: (victim: Victim) => Promise<void>): void {
  test(name, () =>
    attacking(setting, async (victim) => {
      // The first requests make the server compile, and hold, what all others use.
      for (let i = 0; i < 3; i++) await victim.report();
      const before = await victim.report();
      let most = 0;
      const report = async (): Promise<Awaited<ReturnType<Victim["report"]>>> => {
        const now = await victim.report();
        most = Math.max(most, now.held - before.held);
        return now;
      };
      const started = performance.now();
      await work({ ...victim, report });
      await report();
      console.log(`  ${name}: ${mib(most)} held, ${Math.round(performance.now() - started)} ms`);
      assert(most < bound, `${mib(most)} are held, wanted less than ${mib(bound)}`);
    }));
}

/** Connections that are upgraded. */
function upgraded(victim: Victim, count: number, fields: string = ""): Promise<Attacker[]> {
  return connectMany(count, async () => await (await connect(victim.port)).upgrade(fields));
}

/** The frames that come until the server ends, in short. */
async function answers(client: Attacker): Promise<string[]> {
  const all = await client.until(() => false);
  client.socket.destroy();
  return readFrames(all).map(({ opcode, payload }) => `${opcode} ${show(payload)}`.trim());
}

const closed = (code: number): string => `8 ${show(closePayload(code))}`;
const masked = (parts: FrameParts): Uint8Array<ArrayBuffer> => to("server", parts);

/** So many of the same frame. */
function many(count: number, parts: FrameParts): Uint8Array<ArrayBuffer> {
  const one = masked(parts);
  const all = new Uint8Array(count * one.length);
  for (let at = 0; at < count; at++) all.set(one, at * one.length);
  return all;
}

async function ends(victim: Victim, wanted: Record<string, number>): Promise<void> {
  const total = Object.values(wanted).reduce((sum, count) => sum + count, 0);
  await eventually(async () => Object.values((await victim.report()).ends).reduce((sum, n) => sum + n, 0) >= total);
  const { ends, connections } = await victim.report();
  assertEquals([ends, connections], [wanted, 0]);
}

attack("message size", { application: "echo", upgrade: { maxPayload: 1_000 } }, 4 * MIB, async (victim) => {
  const [client] = await upgraded(victim, 1) as [Attacker];
  const most = "x".repeat(1_000);
  await client.write(concat(masked({ opcode: 1, payload: most }), masked({ opcode: 1, payload: `${most}y` })));
  assertEquals(await answers(client), [`1 ${show(utf8(most))}`, closed(1009)]);
  await ends(victim, { "WS_MESSAGE_TOO_BIG 1006": 1 });
});

attack("lengths that are only declared", { application: "echo" }, 8 * MIB, async (victim) => {
  const clients = await upgraded(victim, 100);
  // As much as is allowed, of which next to nothing comes.
  for (const client of clients) await client.write(masked({ opcode: 2, length: 64 * MIB, payload: "x".repeat(100) }));
  assertEquals((await victim.report()).connections, 100);
  const [over] = await upgraded(victim, 1) as [Attacker];
  await over.write(masked({ opcode: 2, length: 64 * MIB + 1 }));
  assertEquals(await answers(over), [closed(1009)]);
  for (const client of clients) client.socket.destroy();
  await ends(victim, { "WS_PEER_VANISHED 1006": 100, "WS_MESSAGE_TOO_BIG 1006": 1 });
});

attack("frames of a message", { application: "echo", upgrade: { maxFragments: 100 } }, 4 * MIB, async (victim) => {
  for (const [count, wanted] of [[99, "1"], [100, closed(1009)]] as const) {
    const [client] = await upgraded(victim, 1) as [Attacker];
    const last = masked({ opcode: 0 });
    await client.write(concat(masked({ opcode: 1, fin: false }), many(count - 1, { opcode: 0, fin: false }), last));
    const got = await client.until((bytes) => bytes.length >= 2);
    assertEquals(readFrames(got).map(({ opcode, payload }) => `${opcode} ${show(payload)}`.trim()), [wanted]);
    client.socket.destroy();
  }
});

for (const [what, payload] of [["empty fragments", ""], ["fragments of one byte", "x"]] as const) {
  attack(`a flood of ${what}, with the default limits`, { application: "echo" }, 8 * MIB, async (victim) => {
    const clients = await upgraded(victim, 4);
    const flood = many(200_000, { opcode: 0, fin: false, payload });
    for (const client of clients) {
      client.socket.write(masked({ opcode: 1, fin: false, payload }));
      client.socket.write(flood);
    }
    for (const client of clients) assertEquals(await answers(client), [closed(1009)]);
    await ends(victim, { "WS_TOO_MANY_FRAGMENTS 1006": 4 });
  });
}

attack("messages that come byte by byte", { application: "sink" }, 8 * MIB, async (victim) => {
  const clients = await upgraded(victim, 20);
  const message = masked({ opcode: 1, payload: "x".repeat(600) });
  for (let at = 0; at < message.length - 1; at++) {
    await Promise.all(clients.map((client) => client.write(message.subarray(at, at + 1))));
  }
  await victim.report();
  for (const client of clients) {
    await client.write(concat(message.subarray(-1), masked({ opcode: 8, payload: closePayload(1000) })));
  }
  for (const client of clients) {
    client.socket.end();
    assertEquals(await answers(client), [closed(1000)]);
  }
  await ends(victim, { "1000": 20 });
});

attack(
  "heads that never end",
  { application: "echo", server: { handshakeTimeout: 1_500 } },
  8 * MIB,
  async (victim) => {
    const clients = await connectMany(200, () => connect(victim.port));
    for (const byte of "GET /ws HTTP/1.1\r\nX: ") await Promise.all(clients.map((client) => client.write(byte)));
    for (const client of clients) assertStringIncludes(await client.rest(), "HTTP/1.1 408 ");
  },
);

attack(
  "messages that never end",
  { application: "echo", upgrade: { messageTimeout: 1_000 } },
  8 * MIB,
  async (victim) => {
    const clients = await upgraded(victim, 100);
    const message = masked({ opcode: 1, payload: "x".repeat(500) });
    for (let at = 0; clients.some(({ over }) => !over); at++) {
      await Promise.all(clients.map((client) => client.over ? undefined : client.write(message.subarray(at, at + 1))));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const client of clients) assertEquals(await answers(client), [closed(1008)]);
    await ends(victim, { "WS_MESSAGE_TIMEOUT 1006": 100 });
  },
);

const HEAD = "GET /none HTTP/1.1\r\nHost: a\r\n";

/** Sends a head, and gives the status that is answered. */
async function statusOf(victim: Victim, head: string): Promise<string> {
  const client = await connect(victim.port);
  await client.write(head);
  return (await client.rest()).slice(9, 12);
}

attack(
  "head size and fields",
  { application: "echo", server: { maxHeadSize: 1_000, maxHeadFields: 10 } },
  8 * MIB,
  async (victim) => {
    const sized = (size: number): string => `${HEAD}X: ${"x".repeat(size - HEAD.length - 7)}\r\n\r\n`;
    assertEquals([sized(1_000).length, await statusOf(victim, sized(1_000))], [1_000, "404"]);
    assertEquals(await statusOf(victim, sized(1_001)), "431");
    const fields = (count: number): string => `${HEAD}${"a: b\r\n".repeat(count - 1)}\r\n`;
    assertEquals(await statusOf(victim, fields(10)), "404");
    assertEquals(await statusOf(victim, fields(11)), "431");
    // Refused as soon as it is too long, though it never ends.
    const clients = await connectMany(100, () => connect(victim.port));
    for (const client of clients) client.socket.write(`${HEAD}X: ${"x".repeat(100_000)}`);
    for (const client of clients) assertStringIncludes(await client.rest(), "HTTP/1.1 431 ");
  },
);

attack("pings whose pongs are not read", { application: "sink" }, 16 * MIB, async (victim) => {
  const clients = await upgraded(victim, 4);
  const flood = many(1_000, { opcode: 9, payload: "p".repeat(125) });
  for (const client of clients) client.socket.pause();
  // 50 MB of pings each: more pongs than the systems' buffers and the high-water mark take.
  for (let round = 0; round < 380; round++) {
    await Promise.all(clients.map((client) => client.write(flood)));
    if (round % 95 === 0) await victim.report();
  }
  assertEquals((await victim.report()).connections, 4);
  for (const client of clients) client.socket.destroy();
  await ends(victim, { "WS_PEER_VANISHED 1006": 4 });
});

const COMPRESSED = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

function packed(size: number): Uint8Array<ArrayBuffer> {
  const payload = deflateRawSync(new Uint8Array(size), { level: 9, finishFlush: 2 }).subarray(0, -4);
  return frame({ opcode: 2, rsv: 0x40, payload: new Uint8Array(payload), key: KEY });
}

attack(
  "inflate bombs",
  { application: "sink", upgrade: { perMessageDeflate: true, maxPayload: MIB } },
  24 * MIB,
  async (victim) => {
    const [fits] = await upgraded(victim, 1, COMPRESSED) as [Attacker];
    await fits.write(concat(packed(MIB), masked({ opcode: 8, payload: hex("03e8") })));
    fits.socket.end();
    assertEquals(await answers(fits), [closed(1000)]);
    const [over] = await upgraded(victim, 1, COMPRESSED) as [Attacker];
    await over.write(packed(MIB + 1));
    assertEquals(await answers(over), [closed(1009)]);
    const bombs = await upgraded(victim, 20, COMPRESSED);
    const bomb = packed(256 * MIB);
    assert(bomb.length < MIB, `the bomb has ${bomb.length} bytes`);
    for (const client of bombs) client.socket.write(bomb);
    await victim.report();
    for (const client of bombs) assertEquals(await answers(client), [closed(1009)]);
    await ends(victim, { "1000": 1, "WS_MESSAGE_TOO_BIG 1006": 21 });
  },
);

attack("peers that never read, and a sender that stops", { application: "polite" }, 40 * MIB, async (victim) => {
  const clients = await connectMany(10, async () => {
    const client = await (await connect(victim.port)).upgrade();
    client.socket.pause();
    return client;
  });
  let last = -1;
  // Until nothing more is taken: each has its high-water mark, a run of 16 messages of 64 KiB, and no more.
  await eventually(async () => {
    const { held } = await victim.report();
    const same = Math.abs(held - last) < 65_536;
    last = held;
    return same;
  });
  assertEquals((await victim.report()).connections, 10);
  for (const client of clients) client.socket.destroy();
  await ends(victim, { "WS_PEER_VANISHED 1006": 10 });
});

attack(
  "peers that never read, and a sender that does not stop",
  { application: "rude", upgrade: { maxBufferedAmount: 4 * MIB } },
  50 * MIB,
  async (victim) => {
    const clients = await connectMany(10, async () => {
      const client = await (await connect(victim.port)).upgrade();
      client.socket.pause();
      return client;
    });
    await ends(victim, { "WS_BUFFER_OVERFLOW 1006": 10 });
    for (const client of clients) client.socket.destroy();
  },
);

attack(
  "closes that are never answered",
  { application: "closing", upgrade: { closeTimeout: 1_000 } },
  8 * MIB,
  async (victim) => {
    const clients = await upgraded(victim, 200);
    for (const client of clients) await client.until((bytes) => bytes.length >= 6);
    await ends(victim, { "WS_CLOSE_TIMEOUT 1006": 200 });
    for (const client of clients) client.socket.destroy();
  },
);

attack("messages that nobody listens to", { application: "deaf" }, 40 * MIB, async (victim) => {
  const clients = await upgraded(victim, 4);
  const flood = many(10_000, { opcode: 1 });
  // 15 MB each: more than the systems' buffers take.
  for (const client of clients) for (let round = 0; round < 250; round++) client.socket.write(flood);
  await eventually(() => clients.every(({ socket }) => socket.writableLength > 0));
  for (let i = 0; i < 5; i++) await victim.report();
  assertEquals((await victim.report()).connections, 4);
  for (const client of clients) client.socket.destroy();
});

attack("connections that rest after a burst", { application: "sink" }, 24 * MIB, async (victim) => {
  const clients = await upgraded(victim, 100);
  const burst = masked({ opcode: 2, payload: new Uint8Array(4 * MIB) });
  for (const client of clients.slice(0, 20)) await client.write(burst);
  for (const client of clients) await client.write(masked({ opcode: 9 }));
  for (const client of clients) await client.until((bytes) => bytes.length >= 2);
  await victim.report();
  for (const client of clients) client.socket.destroy();
  await ends(victim, { "WS_PEER_VANISHED 1006": 100 });
});
