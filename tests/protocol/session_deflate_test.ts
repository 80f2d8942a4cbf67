/** Compressed messages in a session (RFC 7692, sections 6 and 7.2). */

import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { Codec, CodecOwner, DeflateFactory } from "../../src/protocol/codec.ts";
import type { DeflateSetup } from "../../src/protocol/deflate.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionOptions } from "../../src/protocol/session_options.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { closePayload, concat, frame, hex, type ReadFrame, readFrames, show, single, to, utf8 } from "../frames.ts";
import { inflate } from "../inflate.ts";
import { Random } from "../random.ts";
import { compressedHello } from "../vectors.ts";
import { other, Recorder, roles } from "./recorder.ts";

const factory = deflateFactory(zlibDeflate()!);
const KEPT = { takeover: true, windowBits: 15 };
const FRESH = { takeover: false, windowBits: 15 };
const RSV1 = 0x40;

function setup(options: Partial<DeflateSetup> = {}): DeflateSetup {
  const agreement = { local: KEPT, remote: KEPT };
  return { factory, agreement, level: 6, memLevel: 6, threshold: 0, releaseAfter: 0, ...options };
}

/** A session with compression, and what it tells and writes. */
class End {
  readonly session: Session;
  readonly told: string[] = [];
  readonly texts: string[] = [];
  wakes = 0;
  ontold: () => void = () => {};
  #written: Uint8Array[] = [];

  constructor(role: Role, deflate: DeflateSetup = setup(), options: SessionOptions = {}) {
    const tell = (told: string): void => {
      this.told.push(told);
      this.ontold();
    };
    const mark = (compressed: boolean): string => compressed ? "compressed " : "";
    this.session = new Session(role, {
      text: (data, compressed) => {
        this.texts.push(data);
        tell(`${mark(compressed)}text ${data.length > 40 ? data.length : data}`);
      },
      binary: (data, compressed) => tell(`${mark(compressed)}binary ${show(data)}`),
      pinged: (data) => tell(`ping ${show(data)}`),
      ponged: (data) => tell(`pong ${show(data)}`),
      closed: () => tell(`close ${this.session.closeRecord.received?.code}`),
      failed: (error) => tell(`failed ${error.code}`),
      woken: () => this.wakes++,
      write: (chunk) => {
        this.#written.push(new Uint8Array(chunk));
        return false;
      },
    }, { deflate, ...options });
  }

  /** Gives bytes; what is not read at once is given again after work. */
  receive(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      const bytes = new Uint8Array(chunk);
      let at = this.session.receive(bytes);
      while (this.session.stalled) {
        this.session.work();
        if (!this.session.stalled) at += this.session.receive(bytes.subarray(at));
      }
    }
    return this;
  }

  finish(): this {
    while (this.session.busy) this.session.work();
    return this;
  }

  /** What was written since it was last asked. */
  get bytes(): Uint8Array {
    this.session.flush();
    return concat(...this.#written.splice(0));
  }

  get frames(): ReadFrame[] {
    return readFrames(this.bytes);
  }
}

/** The frames of a message that stands in compressed bytes, as the peer of `reader` sends them. */
function compressed(reader: Role, opcode: number, payload: Uint8Array): Uint8Array {
  return to(reader, { opcode, rsv: RSV1, payload });
}

function deflated(text: string | Uint8Array): Uint8Array {
  const made = new Uint8Array(deflateRawSync(typeof text === "string" ? utf8(text) : text, { finishFlush: 2 }));
  return made.subarray(0, -4);
}

test("Session inflates every form of a compressed message, cut anywhere", () => {
  for (const [name, bytes] of Object.entries(compressedHello)) {
    for (const chunks of [[bytes], single(bytes), new Random(1).cut(bytes, 3)]) {
      assertEquals(new End("client").receive(...chunks).told, ["compressed text Hello"], name);
    }
  }
});

test("Session keeps the context from message to message, through plain ones, final blocks and control frames", () => {
  const again = frame({ opcode: 1, rsv: RSV1, payload: hex("f200110000") });
  for (const [name, bytes] of Object.entries(compressedHello)) {
    const end = new End("client").receive(bytes, frame({ opcode: 1, payload: "plain" }), again);
    end.receive(frame({ opcode: 9, payload: "?" }), again, frame({ opcode: 2, rsv: RSV1, payload: hex("00") }));
    assertEquals(end.told, [
      "compressed text Hello",
      "text plain",
      "compressed text Hello",
      "ping 3f",
      "compressed text Hello",
      "compressed binary ",
    ], name);
  }
});

test("Session forgets the context where that was agreed on", () => {
  const agreement = { local: KEPT, remote: FRESH };
  const end = new End("client", setup({ agreement })).receive(compressedHello["one frame"]!, hex("c1 05 f200110000"));
  assertEquals(end.told, ["compressed text Hello", "failed WS_INVALID_DEFLATE"]);
  assertEquals(end.frames.map(({ payload }) => show(payload)), [show(closePayload(1007))]);
});

test("Session takes control frames between the fragments of a compressed message", () => {
  const [first, second] = [hex("41 03 f248cd"), hex("80 04 c9c90700")];
  const end = new End("client").receive(first, frame({ opcode: 9, payload: "?" }), second);
  assertEquals(end.told, ["ping 3f", "compressed text Hello"]);
  assertEquals(end.frames.map(({ opcode }) => opcode), [10]);
});

test("Session refuses RSV1 where it has no place, with 1002", () => {
  const wrong: Record<string, Uint8Array[]> = {
    "on a ping": [frame({ opcode: 9, rsv: RSV1 })],
    "on a pong": [frame({ opcode: 10, rsv: RSV1 })],
    "on a Close": [frame({ opcode: 8, rsv: RSV1 })],
    "on a continuation of a compressed message": [hex("41 03 f248cd"), hex("c0 04 c9c90700")],
    "on a continuation of a plain message": [hex("01 03 48656c"), hex("c0 02 6c6f")],
    "with RSV2": [frame({ opcode: 1, rsv: 0x60 })],
    "with RSV3": [frame({ opcode: 1, rsv: 0x50 })],
  };
  for (const [name, bytes] of Object.entries(wrong)) {
    const end = new End("client").receive(...bytes);
    assertEquals(end.told, ["failed WS_RESERVED_BITS"], name);
    assertEquals(end.frames.map(({ payload }) => show(payload)), [show(closePayload(1002))], name);
  }
  const without = new Recorder("client").receive(compressedHello["one frame"]!);
  assertEquals(without.told, [["failed", "WS_RESERVED_BITS"]]);
});

test("Session fails on what is not DEFLATE with 1007, and says no more", () => {
  for (const wrong of ["ff", "07ffff", "f20011000000", "000500faf048656c6c6f00"]) {
    const end = new End("client").receive(compressed("client", 1, hex(wrong)), compressedHello["one frame"]!);
    assertEquals(end.told, ["failed WS_INVALID_DEFLATE"], wrong);
    assertEquals(end.frames.map(({ payload }) => show(payload)), [show(closePayload(1007))], wrong);
  }
});

test("Session checks text as UTF-8 once it is inflated", () => {
  const bad = concat(utf8("a".repeat(100)), hex("c3 28"));
  const long = concat(utf8("é".repeat(100_000)), hex("ff"));
  const cut = concat(utf8("é".repeat(100_000)), hex("c3"));
  for (const bytes of [hex("ff"), bad, long, cut, hex("e2 82")]) {
    const end = new End("client").receive(compressed("client", 1, deflated(bytes)));
    assertEquals(end.told, ["failed WS_INVALID_UTF8"], show(bytes));
    assertEquals(end.frames.map(({ payload }) => show(payload)), [show(closePayload(1007))]);
    // As bytes it is right.
    assertEquals(new End("client").receive(compressed("client", 2, deflated(bytes))).told, [
      `compressed binary ${show(bytes)}`,
    ]);
  }
  const right = "é\u{1f41f}\ufeff".repeat(40_000);
  const whole = compressed("client", 1, deflated(right));
  assertEquals(new End("client").receive(whole).texts, [right]);
  assertEquals(new End("client").receive(...new Random(2).cut(whole, 50)).texts, [right]);
});

test("Session fails a text at its first impossible byte, before the rest of the message has come", () => {
  const bytes = concat(hex("ff"), new Random(3).bytes(200_000));
  const whole = compressed("client", 1, deflated(bytes));
  const end = new End("client").receive(whole.subarray(0, 150_000));
  assertEquals(end.told, ["failed WS_INVALID_UTF8"]);
});

test("Session holds the limit before and after inflating, at n and not at n + 1", () => {
  const text = "x".repeat(1_000);
  const options = { maxPayload: 1_000 };
  assertEquals(new End("client", setup(), options).receive(compressed("client", 1, deflated(text))).texts, [text]);
  const over = new End("client", setup(), options).receive(compressed("client", 1, deflated(text + "x")));
  assertEquals(over.told, ["failed WS_MESSAGE_TOO_BIG"]);
  assertEquals(over.frames.map(({ payload }) => show(payload)), [show(closePayload(1009))]);
  // What is declared counts before anything of it has come.
  const declared = new End("client", setup(), options).receive(frame({ opcode: 2, rsv: RSV1, length: 1_001 }));
  assertEquals(declared.told, ["failed WS_MESSAGE_TOO_BIG"]);
  const parts = new Random(4).bytes(1_001);
  assertEquals(new End("client", setup(), options).receive(compressed("client", 2, deflated(parts))).told, [
    "failed WS_MESSAGE_TOO_BIG",
  ]);
});

test("Session cuts a bomb at the limit while it comes, and has held no more than the limit and a buffer", () => {
  let made = 0, held = 0, most = 0;
  const counting: DeflateFactory = {
    ...factory,
    takeover: true,
    minWindowBits: 8,
    deflater: (options, owner) => factory.deflater(options, owner),
    inflater: (options, owner) =>
      factory.inflater(options, {
        take(bytes, start, end, last) {
          made += end - start;
          // The buffer in hand, beside what the session keeps.
          most = Math.max(most, held + bytes.length);
          held += end - start;
          return owner.take(bytes, start, end, last);
        },
        wake() {},
      }),
  };
  const limit = 2 ** 20;
  // 1 GiB of zeros in 1 MiB, without the memory to make them: 64 KiB of zeros once, and then its bytes again and again.
  const block = deflated(new Uint8Array(2 ** 24));
  const end = new End("client", setup({ factory: counting }), { maxPayload: limit });
  const zeros = concat(...Array.from({ length: 64 }, () => concat(block, hex("00 00 ff ff"))));
  assert(zeros.length < 2 ** 20 + 2 ** 16, `the bomb has ${zeros.length} bytes`);
  const bomb = frame({ opcode: 2, rsv: RSV1, payload: zeros.subarray(0, limit) });
  for (let at = 0; at < bomb.length && end.told.length === 0; at += 4_096) end.receive(bomb.subarray(at, at + 4_096));
  assertEquals(end.told, ["failed WS_MESSAGE_TOO_BIG"]);
  assert(made <= limit + 65_536, `${made} bytes were made`);
  assert(most <= limit + 65_536, `${most} bytes were held`);
});

test("Session compresses what it is told to, with RSV1 on the first frame only, for each role", () => {
  for (const role of roles) {
    const end = new End(role);
    end.session.sendText("Hello");
    end.session.sendText("Hello");
    end.session.sendText("Hello", false);
    end.session.sendBinary(utf8("Hello"), true);
    end.session.sendText("");
    const frames = end.frames;
    assertEquals(frames.map(({ fin, rsv, opcode }) => [fin, rsv, opcode]), [
      [true, RSV1, 1],
      [true, RSV1, 1],
      [true, 0, 1],
      [true, RSV1, 2],
      [true, RSV1, 1],
    ]);
    assert(frames.every(({ masked }) => masked === (role === "client")));
    assertEquals(show(frames[0]!.payload), "f248cdc9c90700");
    assertEquals(show(frames[2]!.payload), "48656c6c6f");
    assertEquals(show(frames[4]!.payload), "00");
    assert(frames[1]!.payload.length <= 5);
    const window = utf8("HelloHello");
    assertEquals(inflate(concat(frames[3]!.payload, hex("00 00 ff ff")), window).bytes, utf8("Hello"));
  }
});

test("Session compresses from the threshold on, counted in bytes, unless it is told otherwise", () => {
  const end = new End("server", setup({ threshold: 10 }));
  const sent = (send: (session: Session) => void): boolean => {
    send(end.session);
    return end.frames[0]!.rsv !== 0;
  };
  assertEquals(sent((session) => session.sendText("123456789")), false);
  assertEquals(sent((session) => session.sendText("1234567890")), true);
  assertEquals(sent((session) => session.sendText("ééééé")), true);
  assertEquals(sent((session) => session.sendText("éééé")), false);
  assertEquals(sent((session) => session.sendBinary(new Uint8Array(9))), false);
  assertEquals(sent((session) => session.sendBinary(new Uint8Array(10))), true);
  assertEquals(sent((session) => session.sendText("1", true)), true);
  assertEquals(sent((session) => session.sendText("1234567890", false)), false);
});

test("two sessions understand each other, whatever they say, however it is cut, with every agreement", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const sides = [KEPT, FRESH, { takeover: true, windowBits: 8 + random.below(8) }];
    const local = random.pick(sides), remote = random.pick(sides);
    const role = random.pick(roles);
    const options = { level: random.pick([1, 6, 9]), memLevel: 1 + random.below(9), threshold: random.pick([0, 100]) };
    const here = new End(role, setup({ agreement: { local, remote }, ...options }));
    const there = new End(other(role), setup({ agreement: { local: remote, remote: local }, ...options }));
    for (let i = 0; i < 60; i++) {
      const [from, to] = random.chance(2) ? [here, there] : [there, here];
      const compress = random.pick([true, false, undefined]);
      const size = random.below(random.pick([2, 200, 5_000, 100_000]));
      const told = to.told.length;
      if (random.chance(2)) {
        const text = random.text(Math.min(size, 20_000));
        from.session.sendText(text, compress);
        to.receive(...random.cut(from.finish().bytes, random.below(5)));
        assertEquals(to.texts.at(-1) === text, true, `seed ${seed}, message ${i}`);
      } else {
        const bytes = random.chance(2) ? random.bytes(size) : new Uint8Array(size).fill(i);
        from.session.sendBinary(bytes, compress);
        to.receive(...random.cut(from.finish().bytes, random.below(5)));
        assertEquals(to.told.at(-1)?.replace("compressed ", ""), `binary ${show(bytes)}`, `seed ${seed}, message ${i}`);
      }
      assertEquals(to.told.length, told + 1);
      if (random.chance(6)) from.session.release();
      if (random.chance(6)) to.session.release();
    }
  }
});

test("a large message goes out in fragments, turn by turn, and what is sent behind it waits in order", () => {
  const random = new Random(5);
  const large = random.bytes(300_000);
  const mutable = new Uint8Array(large);
  const here = new End("server"), there = new End("client");
  here.session.sendText("first");
  here.session.sendBinary(mutable);
  mutable.fill(0);
  assert(here.session.busy && here.session.waiting === 300_000);
  here.session.sendText("plain", false);
  here.session.sendText("é".repeat(10));
  here.session.ping(utf8("now"));
  here.session.close({ code: 1000, reason: "" });
  assert(!here.session.open && here.session.pending > 300_000);
  const before = here.bytes;
  const early = readFrames(before);
  assertEquals(early.map(({ fin, rsv, opcode }) => [fin, rsv, opcode]), [[true, RSV1, 1], [false, RSV1, 2], [
    true,
    0,
    9,
  ]]);
  let turns = 0;
  const rest: Uint8Array[] = [];
  while (here.session.busy) {
    here.session.work();
    rest.push(here.bytes);
    turns++;
  }
  assertEquals(turns, 4);
  const frames = readFrames(concat(...rest));
  assertEquals(frames.map(({ opcode }) => opcode), [0, 0, 0, 0, 1, 1, 8]);
  assertEquals(frames.map(({ fin }) => fin), [false, false, false, true, true, true, true]);
  assertEquals(frames.map(({ rsv }) => rsv), [0, 0, 0, 0, 0, RSV1, 0]);
  assertEquals([here.session.waiting, here.session.compressing], [0, false]);
  there.receive(before, ...rest);
  assertEquals(
    there.told,
    [
      "compressed text first",
      "ping 6e6f77",
      `compressed binary ${show(large)}`,
      "text plain",
      "compressed text éééééééééé",
      "close 1000",
    ].filter((said, i, all) => all.indexOf(said) === i),
  );
});

test("the answer to a Close waits for messages at work, and a failure does not", () => {
  const large = new Random(6).bytes(200_000);
  const here = new End("server");
  here.session.sendBinary(large);
  here.receive(to("server", { opcode: 8, payload: closePayload(1001) }));
  assertEquals(here.told, ["close 1001"]);
  assert(!here.session.done && !here.session.open);
  here.finish();
  assert(here.session.done);
  assertEquals(here.session.closeRecord.initiator, "remote");
  assertEquals(here.frames.at(-1)!.opcode, 8);

  const failing = new End("server");
  failing.session.sendBinary(large);
  failing.receive(to("server", { opcode: 3 }));
  assertEquals(failing.told, ["failed WS_RESERVED_OPCODE"]);
  assertEquals(failing.frames.at(-1)!.opcode, 8);
  assert(!failing.session.busy && failing.session.waiting === 0);
});

test("a message that inflates to much is worked on in turns, and nothing behind it is read meanwhile", () => {
  const zeros = new Uint8Array(3_000_000);
  const message = compressed("client", 2, deflated(zeros));
  const chunk = concat(message, frame({ opcode: 1, payload: "behind" }));
  const end = new End("client");
  assertEquals(end.session.receive(chunk), message.length);
  assert(end.session.stalled && end.session.busy && end.told.length === 0);
  assertEquals(end.session.receive(new Uint8Array(0)), 0);
  // While paused, nothing goes on.
  end.session.pause();
  end.session.work();
  end.session.work();
  assert(end.session.stalled);
  end.session.resume();
  end.session.work();
  end.session.work();
  assert(!end.session.stalled);
  end.receive(chunk.subarray(message.length));
  assertEquals(end.told, [`compressed binary ${show(zeros)}`, "text behind"]);
});

test("pause() holds behind a compressed message", () => {
  const hello = compressedHello["one frame"]!;
  const end = new End("client");
  end.ontold = () => end.session.pause();
  const chunk = concat(hello, hello);
  assertEquals(end.session.receive(chunk), hello.length);
  end.session.resume();
  assertEquals(end.session.receive(chunk.subarray(hello.length)), hello.length);
  assertEquals(end.told.length, 2);
});

test("a session that is freed in mid-message, or from within a delivery, is silent", () => {
  const chunk = concat(compressedHello["one frame"]!, compressedHello["one frame"]!);
  const end = new End("client");
  end.ontold = () => end.session.free();
  end.session.receive(chunk);
  end.session.sendText("nothing");
  assertEquals(end.told, ["compressed text Hello"]);
  const middle = new End("client");
  middle.session.receive(hex("41 03 f248cd"));
  middle.session.sendBinary(new Uint8Array(200_000));
  middle.session.free();
  middle.session.work();
  assert(!middle.session.busy && !middle.session.stalled && middle.session.waiting === 0);
});

test("compression that takes its time holds what is behind it, in both directions", () => {
  /** A codec that does nothing but wait, and passes bytes as they are. */
  class Waiting implements Codec {
    readonly #owner: CodecOwner;
    #piece: [Uint8Array, number, number, boolean] | undefined;
    ready = false;

    constructor(owner: CodecOwner) {
      this.#owner = owner;
    }

    push(bytes: Uint8Array, start: number, end: number, last: boolean): "waiting" {
      this.#piece = [bytes.slice(start, end), 0, end - start, last];
      return "waiting";
    }

    work(): "done" | "waiting" {
      if (!this.ready) return "waiting";
      this.ready = false;
      this.#owner.take(...this.#piece!);
      return "done";
    }

    go(): void {
      this.ready = true;
      this.#owner.wake();
    }

    release(): void {}

    close(): void {}
  }
  const codecs: Waiting[] = [];
  const make = (_: unknown, owner: CodecOwner): Waiting => {
    codecs.push(new Waiting(owner));
    return codecs.at(-1)!;
  };
  const end = new End(
    "client",
    setup({ factory: { takeover: false, minWindowBits: 15, deflater: make, inflater: make } }),
  );
  end.session.sendText("one");
  end.session.sendText("two", false);
  assert(!end.session.busy && end.session.compressing);
  assertEquals(end.bytes.length, 0);
  codecs[0]!.go();
  assertEquals(end.wakes, 1);
  end.session.work();
  assertEquals(end.frames.map(({ rsv, payload }) => [rsv, show(payload)]), [[RSV1, "6f6e65"], [0, "74776f"]]);
  const chunk = concat(frame({ opcode: 1, rsv: RSV1, payload: "in" }), frame({ opcode: 1, payload: "behind" }));
  const read = end.session.receive(chunk);
  assert(end.session.stalled && !end.session.busy);
  end.session.work();
  assertEquals(end.told, []);
  codecs[1]!.go();
  end.session.work();
  end.receive(chunk.subarray(read));
  assertEquals(end.told, ["compressed text in", "text behind"]);
});
