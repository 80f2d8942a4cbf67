/** What a session writes: whole frames in the shortest form, that read back as they were given. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { MAX_RUN } from "../../src/protocol/bytes.ts";
import type { Role } from "../../src/protocol/constants.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { closePayload, concat, readFrames, show, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { Recorder, roles } from "./recorder.ts";

/** Sizes at the borders of the forms of a length and of the ways of writing. */
const SIZES = [0, 1, 63, 64, 65, 125, 126, 127, 65_535, 65_536, 65_537, MAX_RUN - 14, MAX_RUN, 1 << 20];

function other(role: Role): Role {
  return role === "client" ? "server" : "client";
}

/** What the peer of `writer` reads of what it wrote. */
function readBack(writer: Recorder, role: Role): Recorder {
  return new Recorder(other(role), { maxPayload: 2 ** 30 }).receive(writer.output);
}

test("Session writes binary messages that read back as they were, of every size", () => {
  const random = new Random(31);
  for (const [role, copies] of roles.flatMap((role) => [[role, false], [role, true]] as const)) {
    for (const size of SIZES) {
      const data = random.bytes(size);
      const before = show(data);
      const writer = new Recorder(role, {}, copies);
      writer.session.sendBinary(data);
      const [frame, ...more] = writer.frames;
      assertEquals(more.length, 0);
      assertEquals([frame!.opcode, frame!.fin, frame!.rsv, frame!.masked], [2, true, 0, role === "client"]);
      assertEquals(readBack(writer, role).told, [["binary", before]]);
      assertEquals(show(data), before, "the caller's bytes are as they were");
    }
  }
});

test("Session gives a large binary message to who copies in one chunk that may be kept, and to others uncopied", () => {
  for (const role of roles) {
    for (const copies of [false, true]) {
      const writer = new Recorder(role, {}, copies);
      const chunks: [Uint8Array, boolean][] = [];
      writer.keeps = (chunk, mayKeep) => {
        chunks.push([chunk, mayKeep]);
        return mayKeep;
      };
      const data = new Uint8Array(600_000).fill(7);
      writer.session.sendBinary(data);
      writer.session.flush();
      const [large, mayKeep] = chunks.at(-1)!;
      assertEquals(chunks.length, copies ? 1 : 2);
      assertEquals(mayKeep, copies || role === "client", "a client has to make a masked copy");
      assertEquals(large.buffer === data.buffer, !mayKeep);
      assertEquals(writer.frames.map(({ payload }) => payload), [data]);
    }
  }
});

/** Texts whose UTF-8 is as long as they are, and longer, so that the header grows behind what was written. */
function texts(): string[] {
  const all: string[] = [];
  for (const size of SIZES) {
    all.push("a".repeat(size));
    if (size === 0) continue;
    all.push("a".repeat(size - 1) + "é", "é" + "a".repeat(size - 1));
    // As many bytes as the size, in two, three and four at a time.
    all.push("é".repeat(size >> 1) + "a".repeat(size & 1), "€".repeat(size / 3), "\u{1f389}".repeat(size >> 2));
  }
  return all;
}

test("Session writes texts that read back as they were, of every size and width", () => {
  for (const role of roles) {
    for (const text of texts()) {
      const writer = new Recorder(role);
      writer.session.sendText(text);
      const [frame, ...more] = writer.frames;
      assertEquals(more.length, 0);
      assertEquals([frame!.opcode, frame!.fin, frame!.rsv, frame!.masked], [1, true, 0, role === "client"]);
      assertEquals(frame!.payload.length, utf8(text).length);
      assertEquals(readBack(writer, role).told, [["text", text]]);
    }
  }
});

test("Session sends lone surrogates as U+FFFD", () => {
  for (const role of roles) {
    for (const long of ["", "x".repeat(100), "x".repeat(200_000)]) {
      for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", "\ud83c"]) {
        const writer = new Recorder(role);
        writer.session.sendText(text + long);
        assertEquals(readBack(writer, role).told, [["text", text.replaceAll(/[\ud800-\udfff]/g, "\ufffd") + long]]);
      }
    }
  }
});

test("Session writes many messages into one run, and each into the right place", () => {
  const random = new Random(32);
  for (const role of roles) {
    const writer = new Recorder(role);
    const wanted: [string, string][] = [];
    for (let i = 0; i < 400; i++) {
      if (random.chance(2)) {
        const text = random.text(random.below(150));
        writer.session.sendText(text);
        wanted.push(["text", text]);
      } else {
        const data = random.bytes(random.below(150));
        writer.session.sendBinary(data);
        wanted.push(["binary", show(data)]);
      }
    }
    assertEquals(writer.written.length, 0, "nothing leaves before flush");
    assertEquals(readBack(writer, role).told as unknown, wanted);
    assertEquals(writer.written.length, 1, "all leaves at once");
  }
});

test("Session lets a long run leave before its time, in order", () => {
  const random = new Random(33);
  for (const role of roles) {
    const writer = new Recorder(role);
    const wanted: [string, string][] = [];
    for (let i = 0; i < 120; i++) {
      const data = random.bytes(random.chance(20) ? MAX_RUN + random.below(1000) : random.below(20_000));
      writer.session.sendBinary(data);
      wanted.push(["binary", show(data)]);
      assert(writer.session.pending <= MAX_RUN);
    }
    assertEquals(readBack(writer, role).told as unknown, wanted);
  }
});

test("Session changes no bytes of the caller, whatever kind of view they are", () => {
  const random = new Random(34);
  for (const role of roles) {
    for (const size of [100, MAX_RUN, 1 << 20]) {
      const whole = random.bytes(size + 16);
      const before = whole.slice();
      // Node's Buffer is a Uint8Array whose slice() is no copy.
      class Slicing extends Uint8Array<ArrayBuffer> {
        override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
          return this.subarray(start, end);
        }
      }
      for (const view of [whole.subarray(8, 8 + size), new Slicing(whole.buffer, 8, size)]) {
        const writer = new Recorder(role);
        writer.session.sendBinary(view);
        assertEquals(readBack(writer, role).told, [["binary", show(before.subarray(8, 8 + size))]]);
        assertEquals(show(whole), show(before));
      }
    }
  }
});

/** Bytes of a large payload that leave with its header. */
const WITH_HEADER = 16_384;

test("Session lends what it does not own, and may let go of what it does", () => {
  for (const role of roles) {
    const offered: [size: number, mayKeep: boolean][] = [];
    const writer = new Recorder(role);
    writer.keeps = (chunk, mayKeep) => {
      offered.push([chunk.length, mayKeep]);
      return false;
    };
    writer.session.sendBinary(new Uint8Array(MAX_RUN));
    // A server's payload is the caller's own; a client's is a masked copy.
    assertEquals(offered.at(-1), [MAX_RUN - WITH_HEADER, role === "client"]);
    writer.session.sendText("x".repeat(MAX_RUN));
    assertEquals(offered.at(-1), [MAX_RUN - WITH_HEADER, true]);
    // No header leaves alone.
    const leaving = [(role === "client" ? 14 : 10) + WITH_HEADER, MAX_RUN - WITH_HEADER];
    assertEquals(offered.map(([size]) => size), [...leaving, ...leaving]);
  }
});

test("Session writes into no buffer that was kept", () => {
  const random = new Random(35);
  for (const role of roles) {
    const writer = new Recorder(role);
    writer.keeps = (_, mayKeep) => mayKeep && random.chance(2);
    const wanted: [string, string][] = [];
    for (let i = 0; i < 300; i++) {
      const data = random.bytes(random.below(random.chance(30) ? MAX_RUN + 100 : 2000));
      writer.session.sendBinary(data);
      wanted.push(["binary", show(data)]);
      if (random.chance(3)) writer.session.flush();
    }
    // What was kept has not been copied: had it been written to again, it would not read back.
    assertEquals(readBack(writer, role).told as unknown, wanted);
  }
});

test("Session masks each frame of a client with a key of its own", () => {
  const writer = new Recorder("client");
  for (let i = 0; i < 100; i++) writer.session.sendText("");
  const keys = new Set(Array.from({ length: 100 }, (_, i) => show(writer.output.subarray(6 * i + 2, 6 * i + 6))));
  assert(keys.size > 98, `${keys.size} keys of 100 are different`);
});

test("Session writes pings, pongs and the Close frame", () => {
  for (const role of roles) {
    for (const length of [0, 1, 125]) {
      const payload = new Uint8Array(length).fill(0x61);
      const writer = new Recorder(role);
      writer.session.ping(payload);
      writer.session.pong(payload);
      writer.session.close({ code: 4000, reason: "x".repeat(Math.min(length, 123)) });
      const close = show(closePayload(4000, "x".repeat(Math.min(length, 123))));
      assertEquals(writer.sent, [`9 ${show(payload)}`.trim(), `10 ${show(payload)}`.trim(), `8 ${close}`]);
      assertEquals(readBack(writer, role).told.map(([name]) => name), ["ping", "pong", "close"]);
    }
  }
});

test("Session counts what is not of messages", () => {
  for (const role of roles) {
    const writer = new Recorder(role);
    const { session } = writer;
    const key = role === "client" ? 4 : 0;
    session.sendText("héllo");
    assertEquals([session.pending, session.overhead], [2 + key + 6, 2 + key]);
    session.overhead = 0;
    session.sendBinary(new Uint8Array(200));
    assertEquals(session.overhead, 4 + key);
    session.ping(new Uint8Array(5));
    assertEquals(session.overhead, 4 + key + 2 + key + 5);
    session.overhead = 0;
    session.sendBinary(new Uint8Array(MAX_RUN));
    assertEquals(session.overhead, 10 + key);
    session.overhead = 0;
    session.sendText("x".repeat(MAX_RUN));
    assertEquals(session.overhead, 10 + key);
    session.close({ code: 1000, reason: "no" });
    assertEquals(session.overhead, 10 + key + 2 + key + 4);
  }
});

test("Session answers from within a delivery, behind what was sent before", () => {
  for (const role of roles) {
    const echo = new Recorder(role);
    echo.ontold = ([name, data]) => {
      if (name === "text") echo.session.sendText(data!);
    };
    const peer = new Recorder(other(role));
    peer.session.sendText("a");
    peer.session.ping(utf8("b"));
    peer.session.sendText("c");
    echo.session.sendText("first");
    echo.session.receive(peer.output);
    assertEquals(echo.written.length, 0);
    assertEquals(readBack(echo, role).told, [["text", "first"], ["text", "a"], ["pong", "62"], ["text", "c"]]);
    assertEquals(echo.written.length, 1);
  }
});

test("Session fails at the owner's wish with the code of the error", () => {
  const codes = { WS_BUFFER_OVERFLOW: 1013, WS_HEARTBEAT_TIMEOUT: 1001, WS_INVALID_DEFLATE: 1007 } as const;
  for (const [code, number] of Object.entries(codes)) {
    const writer = new Recorder("server");
    writer.session.fail(new WebSocketError(code as keyof typeof codes, "Cannot go on"));
    writer.session.fail(new WebSocketError("WS_ABORTED", "Again"));
    assertEquals(writer.told, [["failed", code]]);
    assertEquals(writer.sent, [`8 ${show(closePayload(number))}`]);
  }
});

test("readFrames() of the tests throws for what is cut off", () => {
  const bytes = concat(new Recorder("client").receive(Uint8Array.of(0x89, 0)).output);
  assertEquals(readFrames(bytes).length, 1);
  let thrown = 0;
  for (let end = 1; end < bytes.length; end++) {
    try {
      readFrames(bytes.subarray(0, end));
    } catch {
      thrown++;
    }
  }
  assertEquals(thrown, bytes.length - 1);
});
