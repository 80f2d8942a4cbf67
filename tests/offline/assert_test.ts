// @runtimes deno
/** What stands in for `@std/assert` says what differs, and does not need more than there is for it. */
import { test } from "node:test";
import * as own from "./assert.ts";
import { assert, assertEquals } from "@std/assert";

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("It did not fail");
}

test("assertEquals and assertStrictEquals say of short values what differs", () => {
  assert(messageOf(() => own.assertEquals([1, 2], [1, 3])).includes("3"));
  assertEquals(messageOf(() => own.assertEquals([1], [2], "the list")), "the list: got [1], wanted [2]");
  assert(messageOf(() => own.assertStrictEquals("a", "b")).includes("'b'"));
  own.assertEquals({ a: [new Uint8Array(3)] }, { a: [new Uint8Array(3)] });
  own.assertStrictEquals(NaN, NaN);
});

test("assertEquals and assertStrictEquals of long values fail at once, and cut their message", () => {
  const lists = [
    messageOf(() => own.assertEquals<unknown>([], ["x", new Uint8Array(1_000_000).fill(7)])),
    messageOf(() => own.assertEquals(new Uint8Array(1_000_000), new Uint8Array(1_000_000).fill(1), "bytes")),
    messageOf(() => own.assertStrictEquals("a\n".repeat(500_000), "b\n".repeat(500_000))),
  ];
  for (const message of lists) assert(message.length < 30_000, `the message has ${message.length} characters`);
});
