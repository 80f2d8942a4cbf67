/**
 * What a message costs, in operations and not in time: writes for each read, and what is made for each message on the fast
 * path. Who makes one of these numbers larger has to mean it; who makes one smaller writes the smaller one here.
 */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { FrameRoom, PreparedMessage } from "../../src/protocol/prepared.ts";
import { SessionLink } from "../../src/socket/session_link.ts";
import { acceptSocket, type Socket } from "../../src/socket/socket.ts";
import type { Transport, TransportSink } from "../../src/socket/transport.ts";
import { concat, to, utf8 } from "../frames.ts";

/** How often something was done. */
interface Counts {
  writes: number;
  /** Typed arrays made, views among them. */
  arrays: number;
  /** Buffers asked for: of a chunk, Bun makes one then. */
  buffers: number;
  /** Calls of `TextEncoder` and `TextDecoder`. */
  coders: number;
  microtasks: number;
  promises: number;
  timers: number;
}

/** A server's end over a transport that counts. */
class Setup {
  readonly conn: Socket;
  writes = 0;
  written = 0;
  /** Sizes of the memory that was asked for. */
  readonly allocated: number[] = [];
  sink: TransportSink | undefined;

  constructor() {
    const transport: Transport = {
      open: (sink) => {
        this.sink = sink;
      },
      write: ({ length }) => {
        this.writes++;
        this.written += length;
        return "taken";
      },
      allocator: {
        allocate: (size) => {
          this.allocated.push(size);
          return undefined;
        },
      },
      pause() {},
      resume() {},
      end() {},
      abort() {},
      buffered: 0,
      ref() {},
      unref() {},
    };
    // As the runtimes lend it, but that what it makes is not counted: a string has to be made.
    const decodeAscii = (bytes: Uint8Array, start: number, end: number): string => {
      let text = "";
      for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
      return text;
    };
    const link = new SessionLink("server", { transport, open: (sink) => transport.open(sink) }, {
      text: { decodeAscii },
    });
    this.conn = acceptSocket(link);
  }

  /** Lets the delivery begin. */
  static async open(...onmessages: ((conn: Socket) => void)[]): Promise<Setup> {
    const setup = new Setup();
    for (const listen of onmessages) listen(setup.conn);
    await new Promise((resolve) => setTimeout(resolve, 0));
    return setup;
  }
}

const typedArrays = ["Uint8Array", "Int32Array", "Uint32Array", "DataView"] as const;

/** Counts what `work` does, at once and in the microtasks that it leaves. */
async function count(setup: Setup, work: () => void): Promise<Counts> {
  const counts: Counts = { writes: 0, arrays: 0, buffers: 0, coders: 0, microtasks: 0, promises: 0, timers: 0 };
  const undo: (() => void)[] = [];
  const patch = (object: object, name: string, value: unknown): void => {
    const descriptor = Object.getOwnPropertyDescriptor(object, name)!;
    if (descriptor.configurable) {
      Object.defineProperty(object, name, { configurable: true, value });
      undo.push(() => Object.defineProperty(object, name, descriptor));
    } else {
      // On Bun some can only be assigned.
      assert(Reflect.set(object, name, value), `Cannot count ${name}`);
      undo.push(() => Reflect.set(object, name, descriptor.value));
    }
  };
  const spy = (object: object, name: string, key: keyof Counts): void => {
    const given = Reflect.get(object, name) as (this: unknown, ...args: unknown[]) => unknown;
    patch(object, name, function (this: unknown, ...args: unknown[]): unknown {
      counts[key]++;
      return given.apply(this, args);
    });
  };
  const spyOnMaking = (name: string, key: keyof Counts): void =>
    patch(
      globalThis,
      name,
      new Proxy(Reflect.get(globalThis, name), {
        construct(target, args, made) {
          counts[key]++;
          return Reflect.construct(target, args, made);
        },
      }),
    );
  const before = setup.writes;
  for (const name of typedArrays) spyOnMaking(name, "arrays");
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  const buffer = Object.getOwnPropertyDescriptor(typedArray, "buffer")!;
  Object.defineProperty(typedArray, "buffer", {
    configurable: true,
    get(this: Uint8Array) {
      counts.buffers++;
      return buffer.get!.call(this);
    },
  });
  undo.push(() => Object.defineProperty(typedArray, "buffer", buffer));
  for (const name of ["subarray", "slice"]) spy(typedArray, name, "arrays");
  for (const name of ["encode", "encodeInto"]) spy(TextEncoder.prototype, name, "coders");
  spy(TextDecoder.prototype, "decode", "coders");
  spy(globalThis, "queueMicrotask", "microtasks");
  spy(globalThis, "setTimeout", "timers");
  spyOnMaking("Promise", "promises");
  try {
    work();
    await undefined;
    await undefined;
    counts.writes = setup.writes - before;
  } finally {
    for (const call of undo.reverse()) call();
  }
  return counts;
}

const NONE: Counts = { writes: 0, arrays: 0, buffers: 0, coders: 0, microtasks: 0, promises: 0, timers: 0 };

const echo = (conn: Socket): void => {
  conn.onmessage = ({ data }) => conn.send(data);
};

function sum(numbers: readonly number[]): number {
  return numbers.reduce((before, number) => before + number, 0);
}

function frames(count: number, opcode: number, payload: Uint8Array): Uint8Array {
  return concat(...Array.from({ length: count }, () => to("server", { opcode, payload })));
}

const text = utf8("0123456789abcdef0123456789abcdef");
const long = utf8("0123456789abcdef".repeat(64));

/**
 * What comes in one read, and what its echo costs. The run leaves as the view that the one before left as. A chunk of many
 * messages is laid out to be unmasked: one array, and another one where binaries are copied back.
 */
const reads: Record<string, { chunk: Uint8Array; costs: Partial<Counts> }> = {
  "one short text": { chunk: frames(1, 1, text), costs: { writes: 1 } },
  // Longer than what is masked byte by byte, and encoded into a view.
  "one text of 250 letters": {
    chunk: frames(1, 1, long.subarray(0, 250)),
    costs: { writes: 1, arrays: 1 + 1, coders: 1 },
  },
  "64 short texts": { chunk: frames(64, 1, text), costs: { writes: 1, arrays: 1 } },
  // The message itself is a view.
  "64 short binaries": { chunk: frames(64, 2, text), costs: { writes: 1, arrays: 2 + 64 } },
  "16 binaries of 1 KiB": { chunk: frames(16, 2, long), costs: { writes: 1, arrays: 2 + 16 } },
  // Encoded into a view.
  "16 texts of 1 KiB": { chunk: frames(16, 1, long), costs: { writes: 1, arrays: 1 + 16, coders: 16 } },
};

for (const [name, { chunk, costs }] of Object.entries(reads)) {
  test(`An echo of ${name} in one read is one write, and makes nothing beyond what it must`, async () => {
    const setup = await Setup.open(echo);
    // The first one borrows buffers that are kept, and shows that the peer masks.
    setup.sink!.data(new Uint8Array(chunk));
    const { written } = setup;
    setup.sink!.data(new Uint8Array(chunk));
    const bytes = new Uint8Array(chunk);
    assertEquals(await count(setup, () => setup.sink!.data(bytes)), { ...NONE, ...costs });
    assertEquals(setup.written, 3 * written);
  });
}

test("A message that is not answered makes its event, and nothing else", async () => {
  const setup = await Setup.open((conn) => conn.onmessage = () => {});
  for (let warmUp = 0; warmUp < 2; warmUp++) setup.sink!.data(frames(64, 1, text));
  const bytes = frames(64, 1, text);
  // The view in which the chunk is laid out.
  assertEquals(await count(setup, () => setup.sink!.data(bytes)), { ...NONE, arrays: 1 });
});

test("Messages sent outside of a read leave in one write, in one microtask", async () => {
  const setup = await Setup.open(echo);
  const send = (): void => {
    for (let at = 0; at < 64; at++) setup.conn.send("0123456789abcdef0123456789abcdef");
  };
  await count(setup, send);
  assertEquals(await count(setup, send), { ...NONE, writes: 1, microtasks: 1 });
});

test("Binaries of a chunk that is only lent share one copy of it", async () => {
  const setup = await Setup.open(echo);
  const chunk = frames(64, 2, text);
  setup.sink!.lent!(new Uint8Array(chunk));
  const bytes = new Uint8Array(chunk);
  const costs = { writes: 1, arrays: 2 + 64 };
  assertEquals(await count(setup, () => setup.sink!.lent!(bytes)), { ...NONE, ...costs });
});

test("A large binary of a chunk that is only lent is copied by itself", async () => {
  const got: unknown[] = [];
  const setup = await Setup.open((conn) => conn.onmessage = ({ data }) => got.push(data));
  const large = Uint8Array.from({ length: 20_000 }, (_, at) => at % 251);
  const chunk = concat(
    to("server", { opcode: 1, payload: utf8("before") }),
    to("server", { opcode: 2, payload: large, key: [1, 2, 3, 4] }),
    to("server", { opcode: 1, payload: utf8("between") }),
    to("server", { opcode: 2, payload: large, key: [5, 6, 7, 8] }),
    to("server", { opcode: 2, payload: utf8("after") }),
  );
  setup.sink!.lent!(chunk);
  chunk.fill(0xee);
  assertEquals(got, ["before", large, "between", large, utf8("after")]);
  const held = got.map((data) => data instanceof Uint8Array ? data.buffer.byteLength : 0);
  assertEquals(held.slice(0, 4), [0, 20_000, 0, 20_000]);
  assert(held[4]! < 100, `a short message holds ${held[4]} bytes`);
});

test("Texts of a chunk that is only lent cost no copy", async () => {
  const setup = await Setup.open(echo);
  const chunk = frames(64, 1, text);
  setup.sink!.lent!(new Uint8Array(chunk));
  const bytes = new Uint8Array(chunk);
  assertEquals(await count(setup, () => setup.sink!.lent!(bytes)), { ...NONE, writes: 1 });
});

test("A prepared message is neither encoded nor framed again", async () => {
  const setup = await Setup.open(echo);
  const message = new PreparedMessage("0123456789".repeat(400));
  const send = (): void => {
    for (let at = 0; at < 16; at++) setup.conn.send(message);
  };
  await count(setup, send);
  // Whether the first two are neighbours, as the same frame is not.
  assertEquals(await count(setup, send), { ...NONE, writes: 1, buffers: 2, microtasks: 1 });
});

test("What is broadcast in one turn costs a connection one write, and no memory of its own", async () => {
  const setups: Setup[] = [];
  for (let at = 0; at < 5; at++) setups.push(await Setup.open(echo));
  const room = new FrameRoom();
  const messages = ["one", "two", "three"].map((data) => new PreparedMessage(data.repeat(50), undefined, room));
  const send = (): void => {
    for (const message of messages) for (const { conn } of setups) conn.send(message);
  };
  // The views of the first two frames and of all three, for all connections, and their three buffers each.
  assertEquals(await count(setups[4]!, send), { ...NONE, writes: 1, arrays: 2, buffers: 6, microtasks: 1 });
  const written = setups.map(({ written }) => written);
  assertEquals(written, Array(5).fill(sum(messages.map(({ plain }) => plain.bytes.length))));
});

test("Of a connection that breaks, nobody makes an error that nobody wants", async () => {
  for (const wanted of [undefined, "error", "ping"] as const) {
    const setup = await Setup.open(echo);
    const told: unknown[] = [];
    if (wanted === "error") setup.conn.onerror = ({ error }) => told.push(error.code);
    if (wanted === "ping") setup.conn.ping().catch((error) => told.push(error.code));
    setup.conn.onclose = ({ code, record }) => told.push(code, record.failed);
    let asked = 0;
    class Reason extends Error {
      override get message(): string {
        asked++;
        return "cable cut";
      }
    }
    setup.sink!.abort(new Reason());
    await undefined;
    assertEquals(told.toSorted(), [1006, ...(wanted === undefined ? [] : ["WS_PEER_VANISHED"]), true]);
    assertEquals(asked > 0, wanted !== undefined);
  }
});

test("The counters count", async () => {
  const setup = await Setup.open(echo);
  const counts = await count(setup, () => {
    new Uint8Array(new Uint32Array(1).subarray(0)).slice().buffer;
    new TextDecoder().decode(new TextEncoder().encode("a"));
    queueMicrotask(() => {});
    clearTimeout(setTimeout(() => {}, 0));
    new Promise(() => {});
  });
  assertEquals(counts, { writes: 0, arrays: 4, buffers: 1, coders: 2, microtasks: 1, promises: 1, timers: 1 });
});

test("a large message lies in memory that the transport makes, just as long as it is", async () => {
  const messages: number[] = [];
  const setup = await Setup.open((conn) => conn.onmessage = ({ data }) => messages.push((data as Uint8Array).length));
  for (const payload of [utf8("x".repeat(300_000)), utf8("y".repeat(80_000))]) {
    const frame = to("server", { opcode: 2, payload });
    for (let at = 0; at < frame.length; at += 60_000) setup.sink!.data(frame.slice(at, at + 60_000));
  }
  assertEquals([messages, setup.allocated], [[300_000, 80_000], [300_000, 80_000]]);
});
