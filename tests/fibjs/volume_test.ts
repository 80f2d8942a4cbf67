/** Many messages: their order, that none is lost, and what is held when the receiver is slow. */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import { assert, assertEquals } from "@std/assert";
import type { Command } from "../harness.ts";
import { run, start } from "../interop/processes.ts";
import { handshake, next, program, serving, skip, Wire } from "./kit.ts";
import { to } from "../frames.ts";

const COUNT = 1_025;
const SIZE = 65_536;

test("1,000 numbered messages, sent in a loop, come back in order", async () => {
  await serving(ws.upgrade((conn) => void conn.on("message", ({ data }) => conn.send(data))), async (svr) => {
    for (const perMessageDeflate of [false, true]) {
      const socket = new ws.Socket(svr.url(), { perMessageDeflate });
      await next(socket, "open");
      const got: string[] = [];
      const all = new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => {
          if (got.push(data as string) === 1_000) resolve();
        };
      });
      for (let i = 0; i < 1_000; i++) socket.send(i);
      await all;
      assertEquals(got, Array.from({ length: 1_000 }, (_, i) => String(i)));
      socket.close();
      await next(socket, "close");
    }
  });
});

test("1,025 messages of 64 KiB, sent in a loop, all arrive, in order", async () => {
  const most: number[] = [];
  const handler = ws.upgrade((conn) => {
    const data = new Uint8Array(SIZE);
    for (let i = 0; i < COUNT; i++) {
      new DataView(data.buffer).setUint32(0, i);
      conn.send(data);
    }
    most.push(conn.bufferedAmount);
    conn.on("message", () => conn.close());
  });
  await serving(handler, async (svr) => {
    const socket = new ws.Socket(svr.url());
    let received = 0;
    let bytes = 0;
    socket.onmessage = ({ data }) => {
      const view = data as Uint8Array;
      assertEquals(new DataView(view.buffer, view.byteOffset).getUint32(0), received++);
      bytes += view.length;
      if (received === COUNT) socket.send("done");
    };
    const { code, wasClean } = await next(socket, "close");
    assertEquals([received, bytes, code, wasClean], [COUNT, COUNT * SIZE, 1000, true]);
    // What a loop sends without a look at what `send` says is held, and not a byte more.
    assert(most[0]! <= COUNT * SIZE, `${most[0]} bytes`);
  });
});

test("a sender that listens to send and drain holds no more than the mark, however slow the receiver", async () => {
  let most = 0;
  const handler = ws.upgrade({ highWaterMark: SIZE * 4 }, async (conn) => {
    const data = new Uint8Array(SIZE);
    for (let i = 0; i < COUNT; i++) {
      new DataView(data.buffer).setUint32(0, i);
      const more = conn.send(data);
      most = Math.max(most, conn.bufferedAmount);
      if (!more) await new Promise((resolve) => conn.once("drain", resolve));
    }
    conn.close();
  });
  await serving(handler, async (svr) => {
    const socket = new ws.Socket(svr.url());
    let received = 0;
    socket.onmessage = ({ data }) => {
      const view = data as Uint8Array;
      assertEquals(new DataView(view.buffer, view.byteOffset).getUint32(0), received++);
      if (received % 64 !== 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    };
    await next(socket, "close");
    assertEquals(received, COUNT);
  });
  assert(most <= SIZE * 5, `${most} bytes were held`);
});

test("a receiver that is paused holds a bounded amount of what is sent to it", { skip }, async () => {
  const flood = await start(program("flood") as Command);
  try {
    const output = await run(program("slow", flood.line) as Command);
    const [held, came] = output.trim().split(" ").map(Number);
    assertEquals(came, COUNT * SIZE);
    assert(held! < 32 * 1_048_576, `the process of the receiver grew by ${held} bytes`);
  } finally {
    await flood.stop();
  }
});

test("a message right behind the handshake is not lost when accept waits 100 ms before it listens", async () => {
  const got: unknown[] = [];
  let listened: () => void = () => {};
  const all = new Promise<void>((resolve) => listened = resolve);
  const handler = ws.upgrade(async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    conn.onmessage = ({ data }) => {
      if (got.push(data) === 4) listened();
    };
  });
  await serving(handler, async (svr) => {
    // In one segment with the handshake, and behind it; and by a client of ours.
    const wire = (await Wire.connect(svr.port)).write(handshake(), to("server", { opcode: 1, payload: "with" }));
    await wire.head();
    wire.write(to("server", { opcode: 1, payload: "behind" }));
    const socket = new ws.Socket(svr.url());
    socket.onopen = () => {
      socket.send("one");
      socket.send("two");
    };
    await all;
    assertEquals(got.slice().sort(), ["behind", "one", "two", "with"]);
    assert(got.indexOf("with") < got.indexOf("behind") && got.indexOf("one") < got.indexOf("two"));
    wire.cut();
    socket.close();
    await next(socket, "close");
  });
});
