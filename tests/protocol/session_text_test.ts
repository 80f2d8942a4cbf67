/** Texts as a session reads them: UTF-8 is checked as it arrives. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { concat, frame, hex, KEY, single, to, utf8 } from "../frames.ts";
import { Recorder, roles } from "./recorder.ts";
import { impossibleAt, invalidUtf8, validUtf8 } from "./utf8_tables.ts";

test("Session takes every valid text in one frame and in fragments cut anywhere", () => {
  for (const reader of roles) {
    for (const digits of validUtf8) {
      const payload = hex(digits);
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
      for (let cut = 0; cut <= payload.length; cut++) {
        const bytes = concat(
          to(reader, { opcode: 1, fin: false, payload: payload.slice(0, cut) }),
          to(reader, { opcode: 9 }),
          to(reader, { opcode: 0, payload: payload.slice(cut) }),
        );
        for (const chunks of [[to(reader, { opcode: 1, payload })], [bytes], single(bytes)]) {
          const { told } = new Recorder(reader).receive(...chunks);
          assertEquals(told.filter(([name]) => name !== "ping"), [["text", text]], digits);
        }
      }
    }
  }
});

test("Session refuses every invalid text in one frame and in fragments cut anywhere", () => {
  for (const reader of roles) {
    for (const [digits] of invalidUtf8) {
      const payload = concat(utf8("x".repeat(70)), hex(digits));
      for (let cut = 69; cut <= payload.length; cut++) {
        const bytes = concat(
          to(reader, { opcode: 1, fin: false, payload: payload.slice(0, cut) }),
          to(reader, { opcode: 0, payload: payload.slice(cut) }),
        );
        for (const chunks of [[to(reader, { opcode: 1, payload })], [bytes], single(bytes)]) {
          assertEquals(new Recorder(reader).receive(...chunks).told, [["failed", "WS_INVALID_UTF8"]], digits);
        }
      }
    }
  }
});

test("Session fails a text at its first impossible byte, before the rest of the frame has come", () => {
  for (const reader of roles) {
    for (const [digits] of invalidUtf8) {
      const text = concat(utf8("κόσμε"), hex(digits));
      const place = impossibleAt(text);
      if (place === text.length) continue; // Only its end is wrong.
      const rest = new Uint8Array(100).fill(0x61);
      const payload = concat(text, rest);
      const key = reader === "server" ? { key: KEY } : {};
      const size = payload.length < 126 ? 2 : 4;
      // In the first frame and in a later one, with a cut before the byte, and with none.
      const starts: [Uint8Array, number][] = [[
        frame({ opcode: 1, payload, ...key }),
        size + (reader === "server" ? 4 : 0),
      ]];
      starts.push([frame({ opcode: 1, fin: false, payload, ...key }), starts[0]![1]]);
      for (const [bytes, start] of starts) {
        const recorder = new Recorder(reader);
        for (const byte of single(bytes.subarray(0, start + place))) recorder.receive(byte);
        assertEquals(recorder.told, [], `${digits}: not before`);
        recorder.receive(bytes.slice(start + place, start + place + 1));
        assertEquals(recorder.told, [["failed", "WS_INVALID_UTF8"]], `${digits}: at once`);
        const cut = new Recorder(reader).receive(bytes.slice(0, start + place + 1));
        assertEquals(cut.told, [["failed", "WS_INVALID_UTF8"]], `${digits}: in one chunk`);
      }
    }
  }
});

test("Session fails a text at once when the byte stands in a later fragment, cut behind a lead byte", () => {
  for (const reader of roles) {
    const recorder = new Recorder(reader).receive(
      to(reader, { opcode: 1, fin: false, payload: hex("61f4") }),
      to(reader, { opcode: 9 }),
    );
    assertEquals(recorder.told, [["ping", ""]]);
    const bytes = to(reader, { opcode: 0, fin: false, payload: hex("90 616161") });
    recorder.receive(bytes.slice(0, bytes.length - 3));
    assertEquals(recorder.told.slice(1), [["failed", "WS_INVALID_UTF8"]]);
  }
});

test("Session takes any bytes in a binary message", () => {
  for (const [digits] of invalidUtf8) {
    const bytes = concat(
      to("server", { opcode: 2, fin: false, payload: hex(digits) }),
      to("server", { opcode: 0, payload: hex(digits) }),
    );
    const { told } = new Recorder("server").receive(...single(bytes));
    assertEquals(told, [["binary", digits + digits]]);
  }
});

test("Session decodes texts of every length around the borders of its ways, ASCII and not", () => {
  for (const reader of roles) {
    for (const length of [0, 1, 23, 24, 25, 63, 64, 65, 95, 96, 97, 300]) {
      for (const text of ["a".repeat(length), "a".repeat(length) + "é", "é" + "a".repeat(length), "€".repeat(length)]) {
        const { told } = new Recorder(reader).receive(to(reader, { opcode: 1, payload: text }));
        assertEquals(told, [["text", text]]);
      }
    }
  }
});

test("Session gives ASCII to the decoder that it was lent, and nothing else", () => {
  const lent: string[] = [];
  const decodeAscii = (bytes: Uint8Array, start: number, end: number): string => {
    const text = new TextDecoder().decode(bytes.subarray(start, end));
    lent.push(text);
    return text;
  };
  const recorder = new Recorder("server", { text: { decodeAscii } });
  for (const payload of ["short", "long ".repeat(50), "é", "é".repeat(50)]) {
    recorder.receive(to("server", { opcode: 1, payload }));
  }
  assertEquals(lent, ["short", "long ".repeat(50)]);
  assertEquals(recorder.told.length, 4);
});
