/** Frames, right and wrong, as fast-check makes them, and what a session makes of bytes. */

import { deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { summarizeClose } from "../../src/protocol/close.ts";
import type { Role } from "../../src/protocol/constants.ts";
import { deflateFactory } from "../../src/protocol/context_codec.ts";
import type { DeflateSetup } from "../../src/protocol/deflate.ts";
import type { WebSocketError } from "../../src/protocol/errors.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionEvents, SessionOptions } from "../../src/protocol/session_options.ts";
import { zlibDeflate } from "../../src/runtime/zlib.ts";
import { concat, type FrameParts, KEY, readFrames, show, to, utf8 } from "../frames.ts";
import { bytes, cut } from "./fuzz.ts";

/** Both ends. */
export const role: fc.Arbitrary<Role> = fc.constantFrom<Role>("client", "server");

/** Bytes at which UTF-8 is decided: the ends of its ranges. */
const EDGES = [
  0x00,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc2,
  0xdf,
  0xe0,
  0xed,
  0xef,
  0xf0,
  0xf4,
  0xf5,
  0xff,
];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: "grapheme", maxLength: 10 }),
).map((each) => utf8(each));

/** A text with a byte in it that is nearly right. */
const brokenText = fc.tuple(text, fc.array(fc.constantFrom(...EDGES), { minLength: 1, maxLength: 4 }), fc.nat(1000))
  .map(
    ([whole, edges, place]) => {
      const at = Math.floor(place * whole.length / 1000);
      return concat(whole.subarray(0, at), Uint8Array.from(edges), whole.subarray(at));
    },
  );

const payload: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(bytes(20), bytes(20), bytes(700), text);

function pack(whole: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = deflateRawSync(whole, { finishFlush: 2 });
  return new Uint8Array(packed.subarray(0, packed.length - 4));
}

/** A frame that may break any rule. */
const wild: fc.Arbitrary<FrameParts> = fc.record({
  opcode: fc.oneof(fc.constantFrom(0, 1, 2, 8, 9, 10), fc.nat(15)),
  fin: fc.boolean(),
  rsv: fc.constantFrom(0, 0, 0, 0x40, 0x40, 0x20, 0x10, 0x70),
  payload,
  form: fc.constantFrom(undefined, undefined, undefined, undefined, 0, 2, 8),
  length: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(100_000) },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
  ),
  key: fc.constantFrom(KEY, undefined, undefined, undefined),
}).map(({ form, length, key, ...frame }) => ({
  ...frame,
  ...(form === undefined ? {} : { form }),
  ...(length === undefined ? {} : { length }),
  ...(key === undefined ? {} : { key }),
}));

/** A message in fragments, with control frames between them; mostly it breaks no rule. */
const message: fc.Arbitrary<FrameParts[]> = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: text.map((whole) => ({ opcode: 1, whole })) },
    { weight: 6, arbitrary: payload.map((whole) => ({ opcode: 2, whole })) },
    { weight: 2, arbitrary: brokenText.map((whole) => ({ opcode: 1, whole })) },
  ),
  cuts: fc.array(fc.nat(1000), { maxLength: 4 }),
  packed: fc.constantFrom(false, false, true),
  control: fc.constantFrom(undefined, undefined, 9, 10),
}).map(({ what: { opcode, whole }, cuts, packed, control }) => {
  const parts = cut(packed ? pack(whole) : whole, cuts);
  return parts.flatMap((part, at): FrameParts[] => {
    const first = at === 0;
    const rsv = first && packed ? 0x40 : 0;
    const frame = { opcode: first ? opcode : 0, rsv, fin: at === parts.length - 1, payload: part };
    return control === undefined || first ? [frame] : [{ opcode: control, payload: part.subarray(0, 125) }, frame];
  });
});

/** A ping, a pong, or a Close frame with a code that may be wrong. */
const control: fc.Arbitrary<FrameParts> = fc.oneof(
  fc.record({ opcode: fc.constantFrom(9, 10), payload: bytes(125) }),
  fc.record({
    opcode: fc.constant(8),
    payload: fc.tuple(fc.constantFrom(1000, 1001, 1005, 1011, 3000, 4999, 5000), fc.oneof(text, brokenText)).map(
      ([code, reason]) => concat(Uint8Array.of(code >> 8, code), reason.subarray(0, 123)),
    ),
  }),
);

/** The beginning of a long frame, of which little comes. */
const promise: fc.Arbitrary<FrameParts> = fc.record({
  opcode: fc.constantFrom(1, 2),
  fin: fc.boolean(),
  payload: fc.string({ maxLength: 300 }),
  length: fc.integer({ min: 300, max: 70_000 }),
});

/** Frames as the peer of a role sends them, and garbage among them. */
export function stream(reader: Role): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const encode = (frames: readonly FrameParts[]): Uint8Array => concat(...frames.map((frame) => to(reader, frame)));
  const part = fc.oneof(
    { weight: 24, arbitrary: message.map(encode) },
    { weight: 3, arbitrary: control.map((frame) => encode([frame])) },
    { weight: 2, arbitrary: wild.map((frame) => encode([frame])) },
    { weight: 1, arbitrary: bytes(50) },
  );
  const last = fc.oneof(fc.constant(new Uint8Array(0)), promise.map((frame) => encode([frame])));
  return fc.tuple(fc.array(part, { maxLength: 8 }), last).map(([parts, end]) => concat(...parts, end));
}

const zlib = zlibDeflate();
const factory = zlib === undefined ? undefined : deflateFactory(zlib);

/** Compression for both directions, where it can be had here. */
export function deflateWith(local: boolean, remote: boolean, bits: number): DeflateSetup | undefined {
  if (factory === undefined) return undefined;
  return {
    factory,
    agreement: { local: { takeover: local, windowBits: bits }, remote: { takeover: remote, windowBits: bits } },
    ...{ level: 6, memLevel: 6, threshold: 0, releaseAfter: 0 },
  };
}

/** A session that is fed with chunks, and all that becomes of it, in a form to compare. */
export class Run implements SessionEvents {
  readonly session: Session;
  readonly told: string[] = [];
  readonly #reader: Role;
  readonly #written: Uint8Array[] = [];
  /** Bytes that have come. */
  received = 0;

  constructor(reader: Role, options: SessionOptions) {
    this.#reader = reader;
    this.session = new Session(reader, this, options);
  }

  /** Feeds all. */
  feed(chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      this.received += chunk.length;
      for (let rest = chunk; rest.length > 0;) {
        const read = this.session.receive(rest);
        assert(read > 0 || this.session.stalled || this.session.done, "nothing is read, and nothing is at work");
        rest = rest.subarray(read);
        for (let turns = 0; this.session.stalled || this.session.busy; turns++) {
          assert(turns < 100_000, "it works without end");
          this.session.work();
        }
      }
      this.session.flush();
    }
    return this;
  }

  /** What was told and what was written. At most one failure and one Close frame, which is the last. */
  get outcome(): { told: string[]; sent: string[]; end: string } {
    this.session.flush();
    const sent = readFrames(concat(...this.#written)).map((frame) => {
      assertEquals(frame.masked, this.#reader === "client");
      return `${frame.opcode} ${frame.rsv} ${show(frame.payload)}`;
    });
    assert(this.told.filter((each) => each.startsWith("failed")).length <= 1, "it fails once");
    const closes = sent.filter((each) => each.startsWith("8 "));
    assert(closes.length <= 1 && (closes.length === 0 || sent.at(-1)!.startsWith("8 ")), "it closes once, at last");
    const { code, reason, wasClean } = summarizeClose(this.session.closeRecord);
    return { told: this.told, sent, end: `${code} ${reason} ${wasClean}` };
  }

  #tell(what: string): void {
    assert(!this.told.some((each) => each.startsWith("failed") || each === "closed"), `${what} comes behind the end`);
    this.told.push(what);
  }

  text(data: string, compressed: boolean): void {
    this.#tell(`text ${compressed} ${data}`);
  }
  binary(data: Uint8Array, compressed: boolean): void {
    this.#tell(`binary ${compressed} ${show(data)}`);
  }
  pinged(data: Uint8Array): void {
    this.#tell(`ping ${show(data)}`);
  }
  ponged(data: Uint8Array): void {
    this.#tell(`pong ${show(data)}`);
  }
  closed(): void {
    this.#tell("closed");
  }
  failed(error: WebSocketError): void {
    this.#tell(`failed ${error.code}`);
  }
  write(chunk: Uint8Array): boolean {
    this.#written.push(new Uint8Array(chunk));
    return false;
  }
  woken(): void {}
}
