/** SHA-1 against the vectors of FIPS 180 and against WebCrypto. */

import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { sha1 } from "../../src/protocol/sha1.ts";

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

test("sha1 - the vectors of FIPS 180", () => {
  const cases: [string, string][] = [
    ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "a49b2446a02c645bf419f995b67091253a04a259",
    ],
    ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
  ];
  for (const [text, digest] of cases) assertEquals(hex(sha1(new TextEncoder().encode(text))), digest);
});

test("sha1 - agrees with WebCrypto on every length up to 300", async () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    const wanted = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
    assertEquals(hex(sha1(bytes)), hex(wanted), `${length} bytes: ${hex(bytes)}`);
  }
});

test("sha1 - reads a view and not what is around it, and changes neither", () => {
  const around = new Uint8Array(200).fill(0xff);
  around.set(new TextEncoder().encode("abc"), 67);
  const before = hex(around);
  assertEquals(hex(sha1(around.subarray(67, 70))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assertEquals(hex(around), before);
});

test("sha1 - gives a new array, or the one it was given", () => {
  const bytes = new TextEncoder().encode("abc");
  const first = sha1(bytes);
  const into = new Uint8Array(20);
  assertStrictEquals(sha1(new Uint8Array(0), into), into);
  assertEquals(hex(first), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assertEquals(hex(into), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
});
