import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { toPayload } from "../../src/socket/data.ts";
import { toHex } from "../frames.ts";

test("toPayload() leaves text and Blobs as they are", () => {
  assertEquals(toPayload("héllo"), "héllo");
  const blob = new Blob(["x"]);
  assertStrictEquals(toPayload(blob), blob);
});

test("toPayload() gives the bytes that a buffer or a view shows, uncopied", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  const { buffer } = bytes;
  const views: [unknown, string][] = [
    [bytes, "000102030405060708090a0b0c0d0e0f"],
    [bytes.subarray(3, 6), "030405"],
    [buffer, "000102030405060708090a0b0c0d0e0f"],
    [new DataView(buffer, 2, 3), "020304"],
    [new Uint16Array(buffer, 4, 2), "04050607"],
    [new Float64Array(buffer, 8, 1), "08090a0b0c0d0e0f"],
    [new Uint8ClampedArray(buffer, 15), "0f"],
    [new BigInt64Array(buffer, 0, 1), "0001020304050607"],
    [new ArrayBuffer(0), ""],
    [new DataView(new ArrayBuffer(4), 4), ""],
  ];
  for (const [view, wanted] of views) {
    const payload = toPayload(view);
    assertInstanceOf(payload, Uint8Array);
    assertEquals(toHex(payload), wanted);
    if (wanted !== "") assertStrictEquals(payload.buffer, buffer);
  }
});

test("toPayload() copies what is shared, large views too: no runtime takes it to write", () => {
  const shared = new SharedArrayBuffer(100_000);
  new Uint8Array(shared).fill(7);
  for (const data of [shared, new Uint8Array(shared), new DataView(shared, 10)]) {
    const payload = toPayload(data);
    assertInstanceOf(payload, Uint8Array);
    assert(payload.buffer as unknown !== shared);
    assertEquals([payload.length, payload[0]], [data.byteLength, 7]);
  }
});

test("toPayload() makes a string of anything else", () => {
  const date = new Date(0);
  const values: [unknown, string][] = [
    [5, "5"],
    [1.5e300, "1.5e+300"],
    [date, String(date)],
    [true, "true"],
    [null, "null"],
    [undefined, "undefined"],
    [10n, "10"],
    [[1, [2]], "1,2"],
    [{ toString: () => "own" }, "own"],
    [new String("boxed"), "boxed"],
  ];
  for (const [value, wanted] of values) assertEquals(toPayload(value), wanted);
  assertThrows(() => toPayload(Symbol("s")), TypeError, "Cannot send: data is Symbol(s), wanted a string or bytes");
});
