/** What a runtime lends for text reads and writes what the language's own does. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { withText } from "../../src/runtime/text.ts";
import { memoryNetwork } from "../../src/runtime/memory.ts";
import { runtime } from "../harness.ts";

const { text } = withText({ ...memoryNetwork(), name: runtime });
const texts = [
  ...["", "a", "\u0000", "Grüße", "€", "🐟", "\ud800", "\udc00a", "x\ud83d", "\ud800\ud800\udc00"],
  ...["a".repeat(5_000), `${"a".repeat(5_000)}\ud800`, "é".repeat(3_000), "🐟".repeat(999) + "\udfff"],
];

const none = text?.encode === undefined ? `${runtime} lends none: a loop is faster` : false;

test("encode() writes UTF-8 at its place and nothing beside it, lone surrogates as U+FFFD", { skip: none }, () => {
  for (const each of texts) {
    const wanted = new TextEncoder().encode(each);
    for (const room of [0, 1, 100]) {
      const bytes = new Uint8Array(7 + wanted.length + room).fill(9);
      assertEquals(text!.encode!(each, bytes, 7), wanted.length);
      assertEquals(bytes.subarray(7, 7 + wanted.length), wanted);
      assert(bytes.every((byte, at) => byte === 9 || (at >= 7 && at < 7 + wanted.length)));
    }
  }
});

test("decodeAscii() reads what lies where it is told to", () => {
  const bytes = Uint8Array.from({ length: 2_000 }, (_, at) => at % 128);
  for (const [start, end] of [[0, 0], [5, 6], [3, 40], [100, 2_000]] as const) {
    assertEquals(text!.decodeAscii(bytes, start, end), new TextDecoder().decode(bytes.subarray(start, end)));
  }
});
