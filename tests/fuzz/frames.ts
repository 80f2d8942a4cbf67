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
import { bytes } from "./fuzz.ts";

/** Both ends. */
export const role: fc.Arbitrary<Role> = fc.constantFrom<Role>("client", "server");

const payload: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
  bytes(20),
  bytes(20),
  bytes(700),
  fc.string({ unit: "binary", maxLength: 60 }).map(utf8),
  fc.string({ unit: "binary", maxLength: 400 }).map((text) => {
    const packed = deflateRawSync(utf8(text), { finishFlush: 2 });
    return new Uint8Array(packed.subarray(0, packed.length - 4));
  }),
);

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

/** A message that breaks no rule, but for its payload, with control frames in it. */
const message: fc.Arbitrary<FrameParts[]> = fc.record({
  opcode: fc.constantFrom(1, 2),
  rsv: fc.constantFrom(0, 0x40),
  parts: fc.array(payload, { minLength: 1, maxLength: 5 }),
  control: fc.constantFrom(undefined, 9, 10),
}).map(({ opcode, rsv, parts, control }) =>
  parts.flatMap((part, at): FrameParts[] => {
    const first = at === 0;
    const frame = { opcode: first ? opcode : 0, rsv: first ? rsv : 0, fin: at === parts.length - 1, payload: part };
    return control === undefined || first ? [frame] : [{ opcode: control, payload: part.subarray(0, 125) }, frame];
  })
);

/** Frames as the peer of a role sends them, and garbage among them. */
export function stream(reader: Role): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const part = fc.oneof(
    { weight: 8, arbitrary: message.map((frames) => concat(...frames.map((frame) => to(reader, frame)))) },
    { weight: 3, arbitrary: wild.map((frame) => to(reader, frame)) },
    { weight: 1, arbitrary: bytes(50) },
  );
  return fc.array(part, { maxLength: 8 }).map((parts) => concat(...parts));
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
