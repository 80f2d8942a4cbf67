/** Compressed messages that are sent in fragments as they are made, and given on in pieces as they come (RFC 7692, section 6). */

import { test } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Role } from "../../src/protocol/constants.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { DeflateSetup } from "../../src/protocol/deflate.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionOptions } from "../../src/protocol/session_options.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { closePayload, concat, frame, hex, type ReadFrame, readFrames, show, single, to, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { other, roles } from "./recorder.ts";

const factory = deflateFactory(zlibDeflate()!);
const KEPT = { takeover: true, windowBits: 15 };
const FRESH = { takeover: false, windowBits: 15 };
const RSV1 = 0x40;
const TAIL = hex("00 00 ff ff");

function setup(options: Partial<DeflateSetup> = {}): DeflateSetup {
  const agreement = { local: KEPT, remote: KEPT };
  return { factory, agreement, level: 6, memLevel: 6, threshold: 0, releaseAfter: 0, ...options };
}

/** A session that gives messages on in pieces. */
class End {
  readonly session: Session;
  readonly told: string[] = [];
  /** The message in progress. */
  pieces: Uint8Array[] = [];
  /** Called with each piece, from within. */
  onpiece: () => void = () => {};
  #written: Uint8Array[] = [];
  #rest: Uint8Array = new Uint8Array(0);

  constructor(role: Role, deflate: DeflateSetup = setup(), options: SessionOptions = {}) {
    this.session = new Session(role, {
      text: () => this.told.push("whole text"),
      binary: () => this.told.push("whole message"),
      piece: (opcode, data, last) => {
        this.pieces.push(new Uint8Array(data));
        if (last) this.told.push(`${opcode} ${show(concat(...this.pieces.splice(0)))}`);
        this.onpiece();
      },
      pinged: (data) => this.told.push(`ping ${show(data)}`),
      ponged: () => {},
      closed: () => this.told.push(`close ${this.session.closeRecord.received?.code}`),
      failed: (error) => this.told.push(`failed ${error.code}`),
      write: (chunk) => {
        this.#written.push(new Uint8Array(chunk));
        return false;
      },
    }, { deflate, streaming: true, ...options });
  }

  /** Gives bytes, and lets the session work until it has read them or is paused. */
  receive(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      this.#rest = concat(this.#rest, chunk);
      this.go();
    }
    return this;
  }

  go(): this {
    while (this.session.reading) {
      if (this.session.stalled) this.session.work();
      else if (this.#rest.length > 0) this.#rest = this.#rest.subarray(this.session.receive(this.#rest));
      else return this;
    }
    return this;
  }

  /** Sends a message in these fragments, and an empty last one, as `sendStream` does. */
  send(opcode: number, ...fragments: readonly Uint8Array[]): this {
    [...fragments, new Uint8Array(0)].forEach((fragment, at) => {
      this.session.sendFragment(at === 0 ? opcode : 0, fragment, at === fragments.length);
      while (this.session.compressing) this.session.work();
    });
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

function deflated(data: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH })).subarray(0, -4);
}

function inflated(...payloads: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(inflateRawSync(concat(...payloads), { finishFlush: constants.Z_SYNC_FLUSH }));
}

test("a message is compressed fragment by fragment: RSV1 on the first, each ready to be inflated, the tail left out once", () => {
  for (const role of roles) {
    const frames = new End(role).send(1, utf8("Hello, "), utf8("Hello, "), utf8("world")).frames;
    assertEquals(frames.map(({ fin, rsv, opcode }) => [fin, rsv, opcode]), [
      [false, RSV1, 1],
      [false, 0, 0],
      [false, 0, 0],
      [true, 0, 0],
    ]);
    const payloads = frames.map(({ payload }) => payload);
    ["Hello, ", "Hello, Hello, ", "Hello, Hello, world", "Hello, Hello, world"].forEach((text, at) => {
      const isLast = at === 3;
      assertEquals(show(payloads[at]!.slice(-4)) === show(TAIL), !isLast);
      assertEquals(inflated(...payloads.slice(0, at + 1), ...(isLast ? [TAIL] : [])), utf8(text));
    });
  }
});

test("a message without a fragment, or with nothing in the last one, is right", () => {
  const end = new End("server");
  assertEquals(end.send(2).frames.map(({ fin, rsv, opcode, payload }) => [fin, rsv, opcode, show(payload)]), [
    [true, RSV1, 2, "00"],
  ]);
  assertEquals(end.send(1, utf8("a")).frames.map(({ fin, payload }) => [fin, payload.length > 4]), [
    [false, true],
    [true, false],
  ]);
  assertEquals(new End("client").receive(new End("server").send(2).send(1, utf8("a")).send(1).bytes).told, [
    "2 ",
    "1 61",
    "1 ",
  ]);
});

test("without compress, without a codec that flushes, or without compression, fragments go plain", () => {
  const plain = ["1 false 0", "0 true 0"];
  const show1 = (end: End): string[] => end.frames.map(({ opcode, fin, rsv }) => `${opcode} ${fin} ${rsv}`);
  const end = new End("client");
  end.session.sendFragment(1, utf8("a"), false, false);
  end.session.sendFragment(0, utf8("b"), true);
  assertEquals(show1(end), plain);
  const { deflater, inflater } = factory;
  const holding = {
    takeover: true,
    minWindowBits: 8,
    deflater: deflater.bind(factory),
    inflater: inflater.bind(factory),
  };
  assertEquals(show1(new End("client", setup({ factory: holding })).send(1, utf8("a"))), plain);
  assertEquals(show1(new End("client", undefined, { deflate: undefined } as never).send(1, utf8("a"))), plain);
});

test("both ends understand each other, cut everywhere, with the context kept and not kept, among other messages", () => {
  for (const role of roles) {
    for (const side of [KEPT, FRESH]) {
      const deflate = setup({ agreement: { local: side, remote: side } });
      const from = new End(role, deflate);
      const fragments = ["Grüße, ", "\u{1f41f}", "Grüße"].map(utf8);
      const told: string[] = [];
      const parts: Uint8Array[] = [];
      for (let round = 0; round < 3; round++) {
        parts.push(from.send(1, ...fragments).bytes);
        from.session.sendBinary(utf8("whole"));
        from.session.sendText("plain", false);
        from.session.ping(utf8("?"));
        parts.push(from.bytes);
        told.push(`1 ${show(concat(...fragments))}`, `2 ${show(utf8("whole"))}`, `1 ${show(utf8("plain"))}`, "ping 3f");
      }
      // With its context the second message is shorter.
      if (side === KEPT) assert(parts[2]!.length < parts[0]!.length);
      else assertEquals(parts[2]!.length, parts[0]!.length);
      const bytes = concat(...parts);
      const reader = (): End => new End(other(role), deflate);
      for (let at = 0; at <= bytes.length; at++) {
        assertEquals(reader().receive(bytes.subarray(0, at), bytes.subarray(at)).told, told, `cut at ${at}`);
      }
      assertEquals(reader().receive(...single(bytes)).told, told);
    }
  }
});

test("a fragment that is large takes its turns, and what is sent meanwhile waits behind it", () => {
  const from = new End("client");
  const data = concat(...Array.from({ length: 5 }, (_, at) => new Random(at).bytes(60_000)));
  const lent = new Uint8Array(data);
  from.session.sendFragment(2, lent, false);
  // It was lent until the call returned.
  lent.fill(0);
  assert(from.session.compressing && from.session.busy && from.session.waiting === data.length);
  let turns = 0;
  for (; from.session.compressing; turns++) from.session.work();
  assertEquals(turns, 4);
  assertEquals(from.session.waiting, 0);
  from.session.sendFragment(0, utf8("end"), true);
  const bytes = from.bytes;
  assertEquals(
    readFrames(bytes).map(({ rsv, fin }) => `${rsv} ${fin}`).join(),
    "64 false,0 false,0 false,0 false,0 false,0 true",
  );
  const told = [`2 ${show(concat(data, utf8("end")))}`];
  assertEquals(new End("server").receive(bytes).told, told);
  assertEquals(new End("server").receive(...new Random(9).cut(bytes, 40)).told, told);
});

test("a piece is given on while the rest has not come", () => {
  const from = new End("client");
  const end = new End("server");
  from.session.sendFragment(1, utf8("first"), false);
  end.receive(from.bytes);
  assertEquals(show(concat(...end.pieces)), show(utf8("first")));
  assertEquals(end.told, []);
  assertEquals(end.session.unfinished, 0);
});

test("who pauses gets no more than the piece in hand of a message that inflates to much, and all of it in the end", () => {
  const zeros = new Uint8Array(10_000_000);
  const end = new End("client");
  let most = 0, pieces = 0;
  end.onpiece = () => {
    pieces++;
    most = Math.max(most, end.pieces.at(-1)?.length ?? 0);
    end.session.pause();
  };
  const behind = frame({ opcode: 1, payload: "behind" });
  end.receive(to("client", { opcode: 2, rsv: RSV1, payload: deflated(zeros) }), behind);
  for (let turn = 1; end.told.length === 0; turn++) {
    // Nobody has to be given turns that come to nothing; and one that is given comes to nothing.
    assert(!end.session.busy);
    end.session.work();
    assertEquals(pieces, turn);
    end.session.resume();
    end.go();
  }
  assertEquals(pieces, Math.ceil(zeros.length / 65_536));
  assert(most <= 65_536, `a piece has ${most} bytes`);
  assertEquals(end.told, [`2 ${show(zeros)}`]);
  end.session.resume();
  assertEquals(end.go().told.slice(1), [`1 ${show(utf8("behind"))}`]);
});

test("maxPayload holds for what a message inflates to, at n and not at n + 1; Infinity lifts it", () => {
  const zeros = new Uint8Array(200_000);
  const message = (size: number): Uint8Array =>
    to("client", { opcode: 2, rsv: RSV1, payload: deflated(zeros.subarray(0, size)) });
  const limited = (): End => new End("client", setup(), { maxPayload: 100_000 });
  // One after another: it is for each.
  assertEquals(limited().receive(message(100_000), message(100_000)).told.length, 2);
  const over = limited().receive(message(100_001), frame({ opcode: 9 }));
  assertEquals(over.told, ["failed WS_MESSAGE_TOO_BIG"]);
  assertEquals(over.frames.map(({ payload }) => show(payload)), [show(closePayload(1009))]);
  assert(concat(...over.pieces).length <= 100_000);
  assertEquals(new End("client", setup(), { maxPayload: Infinity }).receive(message(200_000)).told, [
    `2 ${show(zeros)}`,
  ]);
  // What inflates to nothing counts as it came.
  const nothing = concat(...Array.from({ length: 30_000 }, () => concat(hex("00"), TAIL)));
  assertEquals(limited().receive(to("client", { opcode: 2, rsv: RSV1, payload: nothing })).told, [
    "failed WS_MESSAGE_TOO_BIG",
  ]);
  // A plain one is not held, and has no limit.
  assertEquals(limited().receive(frame({ opcode: 2, payload: zeros })).told, [`2 ${show(zeros)}`]);
});

test("a compressed text is checked across its pieces, wherever they are cut", () => {
  const text = utf8("é\u{1f41f}\ufeff".repeat(40_000));
  const whole = to("server", { opcode: 1, rsv: RSV1, payload: deflated(text) });
  assertEquals(new End("server").receive(whole).told, [`1 ${show(text)}`]);
  for (const wrong of [concat(text, hex("ff")), concat(text, hex("f0 9f")), concat(hex("c3 28"), text)]) {
    const end = new End("server").receive(to("server", { opcode: 1, rsv: RSV1, payload: deflated(wrong) }));
    assertEquals(end.told, ["failed WS_INVALID_UTF8"]);
    assertEquals(end.frames.map(({ payload }) => show(payload)), [show(closePayload(1007))]);
    // As bytes it is right.
    const bytes = to("server", { opcode: 2, rsv: RSV1, payload: deflated(wrong) });
    assertEquals(new End("server").receive(bytes).told, [`2 ${show(wrong)}`]);
  }
  // A character in three fragments, that are flushed each.
  const from = new End("client").send(1, hex("f0"), hex("9f 90"), hex("9f"));
  assertEquals(new End("server").receive(from.bytes).told, ["1 f09f909f"]);
  const cut = new End("client").send(1, hex("61 f0"), hex("9f 90"));
  assertEquals(new End("server").receive(cut.bytes).told, ["failed WS_INVALID_UTF8"]);
});

test("what is wrong with the frames of a compressed message fails the connection, in its middle too", () => {
  const faults: Record<string, [Uint8Array[], string]> = {
    "not DEFLATE": [[hex("c2 02 ff ff")], "WS_INVALID_DEFLATE"],
    "not DEFLATE in the second frame": [[hex("42 06 0000 00ff ff 07"), hex("80 02 ff ff")], "WS_INVALID_DEFLATE"],
    "RSV1 on a continuation": [[hex("41 03 f248cd"), hex("c0 04 c9c90700")], "WS_RESERVED_BITS"],
    "RSV1 on a ping": [[hex("41 03 f248cd"), hex("c9 00")], "WS_RESERVED_BITS"],
    "another message": [[hex("41 03 f248cd"), hex("81 01 61")], "WS_EXPECTED_CONTINUATION"],
    "a continuation of nothing": [[hex("c1 07 f248cdc9c90700"), hex("80 00")], "WS_UNEXPECTED_CONTINUATION"],
    "a long length": [[hex("41 03 f248cd"), hex("80 7e 00 01 00")], "WS_INVALID_LENGTH"],
  };
  for (const [name, [chunks, code]] of Object.entries(faults)) {
    const { told } = new End("client").receive(...chunks);
    assertEquals(told.at(-1), `failed ${code}`, name);
  }
});

test("a session that ends in the middle of a message frees what it had, in both directions", () => {
  const from = new End("client");
  from.session.sendFragment(2, new Uint8Array(500_000), false);
  const end = new End("server");
  end.onpiece = () => end.session.free();
  end.receive(to("server", { opcode: 2, rsv: RSV1, payload: deflated(new Uint8Array(500_000)) }));
  assertEquals(end.pieces.length, 1);
  from.session.free();
  for (const { session } of [from, end]) {
    session.work();
    assert(!session.busy && !session.stalled && !session.compressing && session.waiting === 0);
  }
  from.session.sendFragment(0, utf8("late"), true);
  assertNotEquals(from.frames.at(-1)?.rsv, RSV1);
});
