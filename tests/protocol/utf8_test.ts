import { test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { decodeAscii, decodeUtf8, highBits, utf8Length, Utf8Validator } from "../../src/protocol/utf8.ts";
import { concat, hex, show, utf8 } from "../frames.ts";
import { Random } from "../random.ts";
import { impossibleAt, invalidUtf8, validUtf8 } from "./utf8_tables.ts";

/** The place of the first impossible byte as the validator sees it, given the bytes in parts; -1 when there is none. */
function refusedAt(parts: readonly Uint8Array[]): number {
  const validator = new Utf8Validator();
  let before = 0;
  for (const part of parts) {
    const wrong = validator.push(part, 0, part.length);
    if (wrong >= 0) return before + wrong;
    before += part.length;
  }
  return validator.complete ? -1 : before;
}

function single(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

test("Utf8Validator takes what is UTF-8, whole and byte by byte", () => {
  for (const digits of validUtf8) {
    const bytes = hex(digits);
    assertEquals(refusedAt([bytes]), -1, digits);
    assertEquals(refusedAt(single(bytes)), -1, digits);
  }
});

test("Utf8Validator refuses at the first byte that cannot stand there, whole and byte by byte", () => {
  for (const [digits, place] of invalidUtf8) {
    const bytes = hex(digits);
    assertEquals(impossibleAt(bytes), place, `the table says of ${digits} what TextDecoder does`);
    assertEquals(refusedAt([bytes]), place, digits);
    assertEquals(refusedAt(single(bytes)), place, digits);
    assertEquals(refusedAt([concat(utf8("héllo"), bytes)]), place + 6, digits);
  }
});

test("Utf8Validator agrees with TextDecoder on all first bytes and the borders of the second", () => {
  for (let first = 0; first < 256; first++) {
    for (const second of [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      const bytes = Uint8Array.of(first, second, 0x80, 0x80);
      assertEquals(refusedAt([bytes]), impossibleAt(bytes), show(bytes));
    }
  }
});

test("Utf8Validator agrees with TextDecoder on random bytes and damaged texts, cut anywhere", () => {
  const random = new Random(5);
  for (let round = 0; round < 4000; round++) {
    const bytes = random.chance(2) ? random.bytes(random.below(12)) : utf8(random.text(1 + random.below(30)));
    if (bytes.length > 0 && random.chance(2)) bytes[random.below(bytes.length)] = random.below(256);
    const cut = random.chance(3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
    const wanted = impossibleAt(cut);
    assertEquals(refusedAt([cut]), wanted, show(cut));
    assertEquals(refusedAt(random.cut(cut, random.below(4))), wanted, show(cut));
  }
});

test("Utf8Validator looks at its range only", () => {
  const validator = new Utf8Validator();
  const bytes = hex("ff c3a9 ff");
  assertEquals(validator.push(bytes, 1, 3), -1);
  assert(validator.complete);
  assertEquals(validator.push(bytes, 2, 3), 2);
});

test("Utf8Validator begins anew after reset", () => {
  const validator = new Utf8Validator();
  validator.push(hex("f48f"), 0, 2);
  assert(!validator.complete);
  validator.reset();
  assert(validator.complete);
  assertEquals(validator.push(hex("e0a080"), 0, 3), -1, "the range of the second byte is that of its own first byte");
});

test("decodeUtf8() decodes with the byte order mark, and says when it cannot", () => {
  for (const digits of validUtf8) {
    const bytes = hex(digits);
    assertEquals(decodeUtf8(bytes, 0, bytes.length), new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  }
  for (const [digits] of invalidUtf8) {
    const bytes = hex(digits);
    assertEquals(decodeUtf8(bytes, 0, bytes.length), undefined, digits);
  }
  assertEquals(decodeUtf8(hex("ff 68 69 ff"), 1, 3), "hi");
});

test("decodeAscii() decodes every length", () => {
  const random = new Random(6);
  for (let length = 0; length < 200; length++) {
    const bytes = random.bytes(length + 2).map((byte) => byte & 0x7f);
    const wanted = String.fromCharCode(...bytes.subarray(1, 1 + length));
    assertEquals(decodeAscii(bytes, 1, 1 + length), wanted);
  }
});

test("highBits() is 0 exactly for ASCII", () => {
  assertEquals(highBits(hex("ff 00 7f ff"), 1, 3), 0);
  assertNotEquals(highBits(hex("00 80 00"), 0, 3), 0);
  assertEquals(highBits(hex("80"), 0, 0), 0);
});

test("utf8Length() counts as TextEncoder does, lone surrogates too", () => {
  const random = new Random(7);
  const texts = ["", "a", "é", "€", "\u{1f389}", "\ud800", "\udc00", "\ud800\ud800\udc00", "\udc00\ud800", "a\ud83cé"];
  for (let round = 0; round < 2000; round++) {
    let text = random.text(random.below(20));
    for (let i = random.below(3); i > 0; i--) {
      const at = random.below(text.length + 1);
      text = text.slice(0, at) + String.fromCharCode(0xd800 + random.below(0x800)) + text.slice(at);
    }
    texts.push(text);
  }
  for (const text of texts) assertEquals(utf8Length(text), utf8(text).length, JSON.stringify(text));
});
