import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MemoryStream, type Whence, type Writable } from "../../src/socket/memory_stream.ts";

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

test("a new stream is empty, or a copy of what it is given", () => {
  const empty = new MemoryStream();
  assertEquals([empty.size(), empty.tell(), empty.read(), empty.readAll()], [0, 0, null, null]);
  const given = Uint8Array.of(1, 2, 3);
  const stream = new MemoryStream(given);
  given[0] = 9;
  assertEquals([stream.tell(), stream.readAll()], [0, Uint8Array.of(1, 2, 3)]);
  assertEquals(text(new MemoryStream("häl").readAll()), "häl");
});

test("write takes text, buffers and views, and leaves them alone", () => {
  const stream = new MemoryStream();
  stream.write("é");
  stream.write(Uint8Array.of(1, 2).buffer);
  stream.write(new DataView(Uint8Array.of(0, 3, 4, 0).buffer, 1, 2));
  stream.write(new Uint16Array([0x0605]));
  assertEquals(stream.bytes, Uint8Array.of(0xc3, 0xa9, 1, 2, 3, 4, 5, 6));
  for (const wrong of [5, null, undefined, {}, [1]]) {
    assertThrows(() => stream.write(wrong as unknown as Writable), TypeError, "Cannot write: data is");
  }
});

test("reading and writing share one position", () => {
  const stream = new MemoryStream();
  stream.write("Hello");
  assertEquals([stream.tell(), stream.read()], [5, null]);
  stream.rewind();
  assertEquals([text(stream.read(2)), stream.tell()], ["He", 2]);
  assertEquals([text(stream.read(0)), stream.tell()], ["", 2]);
  stream.write("LP!!");
  assertEquals([stream.tell(), stream.size()], [6, 6]);
  stream.rewind();
  assertEquals(text(stream.read(100)), "HeLP!!");
  assertStrictEquals(stream.read(1), null);
});

test("what was read stays as it was when the stream is written to", () => {
  const stream = new MemoryStream("abc");
  const read = stream.read(3);
  stream.rewind();
  stream.write("xyz");
  assertEquals(text(read), "abc");
});

test("seek counts from the start, the position or the end", () => {
  const stream = new MemoryStream("0123456789");
  stream.seek(4);
  assertEquals(text(stream.read(1)), "4");
  stream.seek(-2, 1);
  assertEquals(text(stream.read(1)), "3");
  stream.seek(-1, 2);
  assertEquals(text(stream.readAll()), "9");
  stream.seek(0, 2);
  assertEquals(stream.tell(), 10);
  for (const [offset, whence] of [[-1, 0], [11, 0], [1, 1], [-11, 2], [1, 2], [0.5, 0], [NaN, 0]] as const) {
    assertThrows(() => stream.seek(offset, whence), RangeError, "Cannot seek: position is");
  }
  assertThrows(() => stream.seek(0, 3 as Whence), RangeError, "whence is 3");
  assertEquals(stream.tell(), 10);
});

test("truncate cuts, takes the position along, and fills with zeros", () => {
  const stream = new MemoryStream("0123456789");
  stream.seek(8);
  stream.truncate(4);
  assertEquals([stream.tell(), stream.size(), stream.read()], [4, 4, null]);
  stream.truncate(6);
  assertEquals([stream.tell(), stream.readAll()], [4, Uint8Array.of(0, 0)]);
  stream.truncate(1000);
  assertEquals([stream.size(), stream.bytes.length], [1000, 1000]);
  for (const size of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => stream.truncate(size), RangeError, "Cannot truncate: size is");
  }
});

test("read refuses a count that is no whole number", () => {
  const stream = new MemoryStream("ab");
  assertThrows(() => stream.read(0.5), RangeError, "count is 0.5");
  assertThrows(() => stream.read(NaN), RangeError, "count is NaN");
  assertEquals(text(stream.read(Infinity)), "ab");
});

test("a stream grows over many writes", () => {
  const stream = new MemoryStream();
  for (let at = 0; at < 1000; at++) stream.write(Uint8Array.of(at, at >>> 8));
  assertEquals(stream.size(), 2000);
  stream.seek(1998);
  assertEquals(stream.readAll(), Uint8Array.of(999 & 0xff, 3));
});
