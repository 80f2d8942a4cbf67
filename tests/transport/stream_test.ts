/** Transports over web streams, against the contract: of a TransformStream pair, and of what each runtime offers. */
import { test } from "node:test";
import { Buffer } from "node:buffer";
import net from "node:net";
import process from "node:process";
import { Duplex } from "node:stream";
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { type StreamPair, streamTransport } from "../../src/socket/stream_transport.ts";
import type { TransportSink } from "../../src/socket/transport.ts";
import { type Ends, transportContract } from "./contract.ts";
import { quiet } from "./end.ts";

const onDeno = "Deno" in globalThis;

/** Two pairs that are each other's other end. */
function crossed(): [near: StreamPair, far: StreamPair] {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ];
}

transportContract({
  name: "stream over TransformStream",
  inFlight: 1 << 20,
  connect: () => {
    const [near, far] = crossed();
    return Promise.resolve({
      near: streamTransport(near),
      far: streamTransport(far),
      close: () => Promise.resolve(),
    });
  },
});

if (onDeno) {
  const why = "the streams of a Deno.Conn close it when the FIN has been read";
  transportContract({
    name: "stream over Deno.Conn",
    connect: async (): Promise<Ends> => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr as Deno.NetAddr;
      const [near, far] = await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
      return {
        near: streamTransport(near),
        far: streamTransport(far),
        close: () => Promise.resolve(listener.close()),
      };
    },
    skip: {
      "leaves the other way open after a FIN": why,
      "is released without an abort when both have sent their FIN": why,
      "keeps what comes before it is opened": why,
    },
  });
} else {
  test("stream over Deno.Conn", { skip: "needs Deno" }, () => {});
}

const nodeMajor = onDeno || process.versions.bun !== undefined ? Infinity : Number.parseInt(process.versions.node);
if (nodeMajor < 22) {
  const skip = "Duplex.toWeb of this Node tells the peer's FIN only after the own";
  test("stream over Duplex.toWeb", { skip }, () => {});
} else {
  transportContract({
    name: "stream over Duplex.toWeb",
    connect: async (): Promise<Ends> => {
      const server = net.createServer({ allowHalfOpen: true });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const accepted = new Promise<net.Socket>((resolve) => server.once("connection", resolve));
      const { port } = server.address() as net.AddressInfo;
      const near = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const far = await accepted;
      return {
        near: streamTransport(toWeb(near)),
        far: streamTransport(toWeb(far)),
        close: () => new Promise((resolve) => server.close(() => resolve())),
      };
    },
  });
}

/** The types of `node:stream/web` are others than the global ones. */
function toWeb(socket: net.Socket): StreamPair {
  return Duplex.toWeb(socket) as unknown as StreamPair;
}

/** A sink that notes what it is told. */
function noting(): { readonly notes: unknown[]; readonly sink: TransportSink } {
  const notes: unknown[] = [];
  return {
    notes,
    sink: {
      data: (chunk) => notes.push(chunk),
      end: () => notes.push("end"),
      drain: () => notes.push("drain"),
      abort: (reason) => notes.push(["abort", reason]),
    },
  };
}

/** A pair whose readable gives `chunks` and ends, and whose writable takes all. */
function reading(chunks: unknown[], more: Partial<StreamPair> = {}): StreamPair {
  const readable = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return { readable, writable: new WritableStream(), ...more };
}

test("stream: gives plain bytes, whatever kind of view comes", async () => {
  const { notes, sink } = noting();
  streamTransport(reading([Buffer.from([1, 2]), new Uint8Array(0), Uint8Array.of(3), Uint8Array.of(4).buffer]))
    .open(sink);
  await quiet();
  assertEquals(notes, [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4), "end"]);
  for (const chunk of notes.slice(0, 3)) assertStrictEquals(Object.getPrototypeOf(chunk), Uint8Array.prototype);
});

test("stream: breaks at a chunk that is no bytes", async () => {
  const { notes, sink } = noting();
  const transport = streamTransport(reading([Uint8Array.of(1), "text"]));
  transport.open(sink);
  await quiet();
  assertEquals(notes.length, 2);
  const [, reason] = notes[1] as [string, unknown];
  assertInstanceOf(reason, TypeError);
  assertEquals(reason.message, "Read from a stream: got string, wanted bytes");
  assertEquals(transport.write(Uint8Array.of(1), false), "refused");
});

test("stream: closes the pair once, after both FINs or at an abort, with close or else with dispose", async () => {
  for (const method of ["close", Symbol.dispose] as const) {
    for (const how of ["end", "abort"] as const) {
      let closed = 0;
      const transport = streamTransport(reading([], { [method]: () => closed++ }));
      transport.open(noting().sink);
      await quiet();
      assertEquals(closed, 0);
      transport[how]();
      await quiet();
      assertEquals(closed, 1, `${String(method)} after ${how}`);
      transport.abort();
      await quiet();
      assertEquals(closed, 1, `${String(method)} after ${how} and abort`);
    }
  }
});

test("stream: sends the FIN with closeWrite where there is one, after the writes", async () => {
  const log: string[] = [];
  let release = (): void => {};
  const transport = streamTransport({
    readable: new ReadableStream(),
    writable: new WritableStream({
      write: () => new Promise<void>((resolve) => release = () => (log.push("written"), resolve())),
      close: () => void log.push("closed"),
    }),
    closeWrite: () => (log.push("closeWrite"), Promise.resolve()),
  });
  transport.open(noting().sink);
  transport.write(Uint8Array.of(1), false);
  transport.end();
  await quiet();
  assertEquals(log, []);
  release();
  await quiet();
  assertEquals(log, ["written", "closeWrite"]);
  transport.abort();
});

test("stream: an error without a reason is told as an Error, and close may throw", async () => {
  const { notes, sink } = noting();
  const transport = streamTransport({
    readable: new ReadableStream({ start: (controller) => controller.error(undefined) }),
    writable: new WritableStream(),
    close: () => {
      throw new Error("closed already");
    },
  });
  transport.open(sink);
  await quiet();
  assertInstanceOf((notes[0] as [string, unknown])[1], Error);
  assertEquals(notes.length, 1);
});

test("stream: breaks when the way out fails, though nothing is written", async () => {
  const { notes, sink } = noting();
  const reason = new Error("gone");
  let cancelled: unknown;
  const transport = streamTransport({
    readable: new ReadableStream({ cancel: (why) => void (cancelled = why) }),
    writable: new WritableStream({ start: (controller) => controller.error(reason) }),
  });
  transport.open(sink);
  await quiet();
  assertEquals(notes, [["abort", reason]]);
  assertStrictEquals(cancelled, reason);
  assertEquals(transport.write(Uint8Array.of(1), false), "refused");
});

test("stream: holds on to large chunks only", () => {
  const [near, far] = crossed();
  const transport = streamTransport(near);
  assertEquals(transport.write(new Uint8Array(100), true), "taken");
  assertEquals(transport.write(new Uint8Array(100_000), true), "kept");
  assertEquals(transport.buffered, 100_100);
  transport.abort();
  streamTransport(far).abort();
});

test("stream: passes ref and unref on", () => {
  const log: string[] = [];
  const pair = reading([], { ref: () => void log.push("ref"), unref: () => void log.push("unref") });
  const transport = streamTransport(pair, { transport: "memory" });
  transport.unref();
  transport.ref();
  assertEquals(log, ["unref", "ref"]);
  assertEquals(transport.remote, { transport: "memory" });
  transport.abort();
});

test("stream: refuses a stream that is locked", () => {
  const pair = reading([]);
  pair.readable.getReader();
  assertThrows(() => streamTransport(pair), TypeError);
});
