import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bodyOf } from "../../src/http/body.ts";
import { RequestError } from "../../src/http/exchange.ts";
import { Fields } from "../../src/protocol/fields.ts";

type Outcome = Uint8Array | RequestError | undefined;

/** Reads a body whose bytes come in pieces of a size. */
function read(fields: [string, string][], text: string, size: number, maxSize: number): Outcome {
  const reader = bodyOf(
    { kind: "request", method: "POST", target: "/", version: "1.1", fields: new Fields(fields) },
    maxSize,
  );
  if (reader === undefined || reader instanceof RequestError) return reader;
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    const result = reader.push(bytes.slice(at, at + size));
    if (result !== undefined) return result;
  }
  return undefined;
}

function describe(outcome: Outcome): string | number | undefined {
  if (outcome instanceof RequestError) return outcome.status;
  return outcome === undefined ? undefined : new TextDecoder().decode(outcome);
}

const chunked: [string, string] = ["Transfer-Encoding", "chunked"];

const bodies: [fields: [string, string][], text: string, wanted: string | number | undefined][] = [
  [[], "more", undefined],
  [[["Content-Length", "0"]], "", undefined],
  [[["Content-Length", "5"]], "hello, and more", "hello"],
  [[["Content-Length", "5, 5"]], "hello", "hello"],
  [[["Content-Length", "5"]], "hell", undefined],
  [[["Content-Length", "10"]], "0123456789", "0123456789"],
  [[["Content-Length", "11"]], "", 413],
  [[["Content-Length", "99999999999999999999"]], "", 413],
  [[chunked], "5\r\nhello\r\n0\r\n\r\nmore", "hello"],
  [[["Transfer-Encoding", "Chunked"]], "0\r\n\r\n", ""],
  [[chunked], "2;a=b\r\nhe\r\n003 \r\nllo\r\n0;x\r\nTrailer: 1\r\n\r\n", "hello"],
  [[chunked], "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
  [[chunked], "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n", 413],
  [[chunked], "FFFFFFFFFFFF\r\n", 413],
  [[chunked], "1000000000000\r\n", 400],
  [[chunked], "5\r\nhello", undefined],
  [[chunked], "5\r\nhello\r\n0\r\n", undefined],
  [[chunked], "5\r\nhello!\r\n", 400],
  [[chunked], "5\nhello", 400],
  [[chunked], "\r\n", 400],
  [[chunked], "-1\r\n", 400],
  [[chunked], "0x5\r\nhello", 400],
  [[chunked], "5 5\r\nhello", 400],
  [[["Transfer-Encoding", "gzip, chunked"]], "", 501],
  [[["Transfer-Encoding", "identity"]], "", 501],
];

test("bodyOf() reads bodies as a table says, however they are cut", () => {
  for (const [fields, text, wanted] of bodies) {
    for (const size of [1, 2, 3, 7, 1000]) {
      assertEquals(describe(read(fields, text, size, 10)), wanted, `${fields} ${JSON.stringify(text)} by ${size}`);
    }
  }
});

test("bodyOf() refuses chunks in HTTP/1.0", () => {
  const head = { kind: "request", method: "POST", target: "/", version: "1.0", fields: new Fields([chunked]) } as const;
  assertEquals(describe(bodyOf(head, 10) as RequestError), 400);
});

test("bodyOf() bounds what is in chunks and is no data", () => {
  const floods = [
    `5;${"x".repeat(20_000)}`,
    "0\r\n" + "a: b\r\n".repeat(10_000),
    `1;${"x".repeat(99)}\r\na\r\n`.repeat(999),
  ];
  for (const flood of floods) {
    const outcome = read([chunked], flood, 1000, 1000);
    assert(outcome instanceof RequestError, `${flood.slice(0, 20)}: ${describe(outcome)}`);
  }
});

test("bodyOf() keeps nothing of a chunk that may be used again", () => {
  const reader = bodyOf(
    { kind: "request", method: "POST", target: "/", version: "1.1", fields: new Fields([["Content-Length", "4"]]) },
    10,
  );
  assert(reader !== undefined && !(reader instanceof RequestError));
  reader.push(Uint8Array.of(97, 98));
  assertEquals(describe(reader.push(Uint8Array.of(99, 100))), "abcd");
});
