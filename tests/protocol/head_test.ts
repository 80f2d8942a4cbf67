/** HTTP heads: what is read, what is refused and when, and what is written. */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { WebSocketError } from "../../src/protocol/errors.ts";
import {
  Fields,
  formatHead,
  formatText,
  HeadReader,
  reasonPhrase,
  type RequestHead,
  type ResponseHead,
} from "../../src/protocol/head.ts";

type Kind = "request" | "response";
type Result = ReturnType<HeadReader<Kind>["push"]>;

/** The bytes of a text of one character for each byte. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function text(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A result as plain values, which can be compared and read. */
function show(result: Result): unknown {
  if (result instanceof WebSocketError) return `${result.code}: ${result.message}`;
  return result === undefined ? undefined : { ...result, fields: [...result.fields] };
}

/** Reads chunks one after another; chunks behind the head are part of what is left over. */
function read(kind: Kind, chunks: Iterable<Uint8Array>, limits = {}): { result: unknown; leftover: string } {
  const reader = new HeadReader(kind, limits);
  let result: Result;
  let leftover = "";
  for (const chunk of chunks) {
    if (result !== undefined && !(result instanceof WebSocketError)) leftover += text(chunk);
    else {
      const fault = result;
      // The reader may not hold on to a chunk: what happens to it afterwards must not matter.
      const lent = chunk.slice();
      result = reader.push(lent);
      if (fault !== undefined) assertStrictEquals(result, fault);
      leftover += text(reader.leftover);
      lent.fill(0x21);
    }
  }
  return { result: show(result), leftover };
}

function readWhole(kind: Kind, head: string, limits = {}): { result: unknown; leftover: string } {
  return read(kind, [bytes(head)], limits);
}

function* cut(whole: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

/** Numbers from 0 up to 1, the same at each run (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

const REQUEST = "GET /chat?a=b HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nx-list:a\r\nX-LIST: \t b, c \t\r\n\r\n";

const goodRequests: [name: string, head: string, result: unknown][] = [
  ["all there is to a head", REQUEST, {
    kind: "request",
    method: "GET",
    target: "/chat?a=b",
    version: "1.1",
    fields: [["Host", "a.example"], ["X-Empty", ""], ["x-list", "a"], ["X-LIST", "b, c"]],
  }],
  ["no fields, HTTP/1.0", "m!x * HTTP/1.0\r\n\r\n", {
    kind: "request",
    method: "m!x",
    target: "*",
    version: "1.0",
    fields: [],
  }],
  ["an empty line before it", "\r\nGET http://a/ HTTP/1.1\r\na: b\r\n\r\n", {
    kind: "request",
    method: "GET",
    target: "http://a/",
    version: "1.1",
    fields: [["a", "b"]],
  }],
  ["bytes that are not ASCII", "GET / HTTP/1.1\r\nA: \x80\x9f\xff\xa0\r\nB: \xe2\x82\xac\r\n\r\n", {
    kind: "request",
    method: "GET",
    target: "/",
    version: "1.1",
    fields: [["A", "\x80\x9f\xff\xa0"], ["B", "\xe2\x82\xac"]],
  }],
  ["names that objects have", "GET / HTTP/1.1\r\n__proto__: 1\r\nconstructor: 2\r\n__proto__: 3\r\n\r\n", {
    kind: "request",
    method: "GET",
    target: "/",
    version: "1.1",
    fields: [["__proto__", "1"], ["constructor", "2"], ["__proto__", "3"]],
  }],
  ["only white space in a value", "GET / HTTP/1.1\r\nA: \t \r\nB: :\r\n\r\n", {
    kind: "request",
    method: "GET",
    target: "/",
    version: "1.1",
    fields: [["A", ""], ["B", ":"]],
  }],
];

const goodResponses: [name: string, head: string, result: unknown][] = [
  ["a switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", {
    kind: "response",
    version: "1.1",
    status: 101,
    reason: "Switching Protocols",
    fields: [["Upgrade", "websocket"]],
  }],
  ["no reason", "HTTP/1.1 200 \r\n\r\n", { kind: "response", version: "1.1", status: 200, reason: "", fields: [] }],
  ["no space behind the status", "HTTP/1.0 404\r\n\r\n", {
    kind: "response",
    version: "1.0",
    status: 404,
    reason: "",
    fields: [],
  }],
  ["a reason that is not ASCII", "HTTP/1.1 999 \xa1 \t No!\r\n\r\n", {
    kind: "response",
    version: "1.1",
    status: 999,
    reason: "\xa1 \t No!",
    fields: [],
  }],
  ["two lengths that agree", "HTTP/1.1 403 No\r\nContent-Length: 5, 5\r\ncontent-length: 5\r\n\r\n", {
    kind: "response",
    version: "1.1",
    status: 403,
    reason: "No",
    fields: [["Content-Length", "5, 5"], ["content-length", "5"]],
  }],
];

// The bar stands before the byte that shows that this is no head.
const badRequests: [head: string, message: string][] = [
  ["|\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 'met "\\x16" at byte 0 (this looks like TLS), wanted a method'],
  ["|\x00", 'met "\\x00" at byte 0, wanted a method and a space'],
  ["|{}", 'met "{" at byte 0, wanted a method'],
  ["| GET / HTTP/1.1\r\n\r\n", 'met " " at byte 0, wanted a method'],
  ["|\nGET / HTTP/1.1\r\n\r\n", 'met "\\x0a" at byte 0'],
  ["\r|\rGET / HTTP/1.1\r\n\r\n", 'met "\\x0d" at byte 1, wanted LF behind CR'],
  ["\r\n|\r\nGET / HTTP/1.1\r\n\r\n", 'met "\\x0d" at byte 2, wanted a method'],
  ["GET|\t/ HTTP/1.1\r\n\r\n", 'met "\\x09" at byte 3, wanted a method and a space'],
  ["G|(ET / HTTP/1.1\r\n\r\n", 'met "(" at byte 1'],
  ["GET|\r\n\r\n", 'met "\\x0d" at byte 3'],
  ["GET | / HTTP/1.1\r\n\r\n", 'met " " at byte 4, wanted a target'],
  ["GET /|\r\n\r\n", 'met "\\x0d" at byte 5, wanted a target in visible ASCII and a space'],
  ["GET /|\n\n", 'met "\\x0a" at byte 5'],
  ["GET /a|#b HTTP/1.1\r\n\r\n", 'met "#" at byte 6'],
  ["GET /a|\x7f HTTP/1.1\r\n\r\n", 'met "\\x7f" at byte 6'],
  ["GET /a|\xe4 HTTP/1.1\r\n\r\n", 'met "\\xe4" at byte 6'],
  ["GET / | HTTP/1.1\r\n\r\n", 'met " " at byte 6, wanted HTTP/1.1 or HTTP/1.0'],
  ["GET / |b HTTP/1.1\r\n\r\n", 'met "b" at byte 6'],
  ["GET / HTTP/|2.0\r\n\r\n", 'met "HTTP/2" at byte 11, wanted HTTP/1.1 or HTTP/1.0'],
  ["GET / HTTP/1.|2\r\n\r\n", 'met "HTTP/1.2" at byte 13'],
  ["GET / |http/1.1\r\n\r\n", 'met "h" at byte 6'],
  ["GET / HTTP/1|\r\n\r\n", 'met "HTTP/1\\x0d" at byte 12'],
  ["GET / HTTP/1.1| \r\n\r\n", 'met " " at byte 14, wanted CR LF at the end of the first line'],
  ["GET / HTTP/1.1|1\r\n\r\n", 'met "1" at byte 14'],
  ["GET / HTTP/1.1|\n\n", 'met "\\x0a" at byte 14'],
  ["GET / HTTP/1.1\r|\r\n\r\n", 'met "\\x0d" at byte 15, wanted LF behind CR'],
  ["GET / HTTP/1.1\r\n|\n", 'met "\\x0a" at byte 16, wanted a field name, or CR LF at the end of the head'],
  ["GET / HTTP/1.1\r\n\r|x", 'met "x" at byte 17, wanted LF behind CR'],
  ["GET / HTTP/1.1\r\n| A: b\r\n\r\n", 'met " " at byte 16'],
  ["GET / HTTP/1.1\r\nA: b\r\n| c\r\n\r\n", 'met " " at byte 22, wanted a field name'],
  ["GET / HTTP/1.1\r\nA: b\r\n|\tc\r\n\r\n", 'met "\\x09" at byte 22'],
  ["GET / HTTP/1.1\r\nA| : b\r\n\r\n", 'met " " at byte 17, wanted a colon right behind the field name'],
  ["GET / HTTP/1.1\r\nA|\r\n\r\n", 'met "\\x0d" at byte 17'],
  ["GET / HTTP/1.1\r\n|: b\r\n\r\n", 'met ":" at byte 16'],
  ["GET / HTTP/1.1\r\nA|\x00: b\r\n\r\n", 'met "\\x00" at byte 17'],
  ["GET / HTTP/1.1\r\nA|\xe4: b\r\n\r\n", 'met "\\xe4" at byte 17'],
  ["GET / HTTP/1.1\r\nA: b|\nC: d\r\n\r\n", 'met "\\x0a" at byte 20, wanted a field value of printable bytes'],
  ["GET / HTTP/1.1\r\nA: b\r|C: d\r\n\r\n", 'met "C" at byte 21, wanted LF behind CR'],
  ["GET / HTTP/1.1\r\nA: b\r|\r\n\r\n", 'met "\\x0d" at byte 21'],
  ["GET / HTTP/1.1\r\nA: |\x00\r\n\r\n", 'met "\\x00" at byte 19'],
  ["GET / HTTP/1.1\r\nA: b|\x0b\r\n\r\n", 'met "\\x0b" at byte 20'],
  ["GET / HTTP/1.1\r\nA: b|\x7f\r\n\r\n", 'met "\\x7f" at byte 20'],
  ["GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r|\n", 'Content-Length is "1, 2", wanted one number'],
  ["GET / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r|\n", 'Content-Length is "1, 2"'],
  ["GET / HTTP/1.1\r\nContent-Length: 1,\r\n\r|\n", 'Content-Length is "1,"'],
  ["GET / HTTP/1.1\r\nContent-Length: +1\r\n\r|\n", 'Content-Length is "+1"'],
  ["GET / HTTP/1.1\r\nContent-Length:\r\n\r|\n", 'Content-Length is ""'],
  [
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r|\n",
    "both Content-Length and Transfer-Encoding are there",
  ],
];

const badResponses: [head: string, message: string][] = [
  ["|\x15\x03\x03\x00\x02\x02\x0a", 'met "\\x15" at byte 0 (this looks like TLS), wanted HTTP/1.1 or HTTP/1.0'],
  ["|SSH-2.0-x\r\n", 'met "S" at byte 0'],
  ["H|ELO\r\n", 'met "HE" at byte 1'],
  ["|\r\nHTTP/1.1 200 OK\r\n\r\n", 'met "\\x0d" at byte 0'],
  ["HTTP/|2 200 OK\r\n\r\n", 'met "HTTP/2" at byte 5'],
  ["HTTP/1.1|\t101 x\r\n\r\n", 'met "\\x09" at byte 8, wanted a space and a status of three digits, 100 or above'],
  ["HTTP/1.1 | 101 x\r\n\r\n", 'met " " at byte 9'],
  ["HTTP/1.1 |099 x\r\n\r\n", 'met "0" at byte 9'],
  ["HTTP/1.1 10| x\r\n\r\n", 'met " " at byte 11'],
  ["HTTP/1.1 101|1 x\r\n\r\n", 'met "1" at byte 12, wanted a space behind the status'],
  ["HTTP/1.1 101|\n\n", 'met "\\x0a" at byte 12'],
  ["HTTP/1.1 101 a|\x00\r\n\r\n", 'met "\\x00" at byte 14, wanted CR LF at the end of the first line'],
  ["HTTP/1.1 101 a|\n\r\n", 'met "\\x0a" at byte 14'],
  ["HTTP/1.1 101 a\r|b\r\n\r\n", 'met "b" at byte 15, wanted LF behind CR'],
  ["HTTP/1.1 200 a\r\nContent-Length: 1\r\nContent-Length: 01\r\n\r|\n", 'Content-Length is "1, 01"'],
];

const good: [Kind, string, string, unknown][] = [
  ...goodRequests.map(([name, head, result]): [Kind, string, string, unknown] => ["request", name, head, result]),
  ...goodResponses.map(([name, head, result]): [Kind, string, string, unknown] => ["response", name, head, result]),
];
const bad: [Kind, string, string][] = [
  ...badRequests.map(([head, message]): [Kind, string, string] => ["request", head, message]),
  ...badResponses.map(([head, message]): [Kind, string, string] => ["response", head, message]),
];

test("HeadReader - reads heads, and leaves what is behind them", () => {
  for (const [kind, name, head, result] of good) {
    assertEquals(readWhole(kind, head), { result, leftover: "" }, name);
    assertEquals(readWhole(kind, head + "\x81\x00\r\n"), { result, leftover: "\x81\x00\r\n" }, name);
  }
});

test("HeadReader - what is left over is a view of the last chunk", () => {
  const chunk = bytes(REQUEST + "more");
  for (const at of [0, 10]) {
    const reader = new HeadReader("request");
    if (at > 0) assertEquals(reader.push(chunk.subarray(0, at)), undefined);
    assertEquals(reader.leftover.length, 0);
    assertEquals(show(reader.push(chunk.subarray(at))), goodRequests[0]![2]);
    assertStrictEquals(reader.leftover.buffer, chunk.buffer);
    assertEquals([reader.leftover.byteOffset, reader.leftover.length], [REQUEST.length, 4]);
  }
});

test("HeadReader - refuses what is no head at its first wrong byte, and says why", () => {
  for (const [kind, marked, message] of bad) {
    const at = marked.indexOf("|");
    const head = marked.replace("|", "");
    const begin = bytes(head.slice(0, at));
    const wrong = bytes(head.slice(0, at + 1));
    const prefix = `WS_INVALID_HEAD: Cannot read a ${kind} head: ${message}`;
    const { result, leftover } = readWhole(kind, head);
    assert(String(result).startsWith(prefix), `${JSON.stringify(marked)}: ${result}, wanted ${prefix}`);
    assertEquals(leftover, "");
    assertEquals(read(kind, [begin]).result, undefined, JSON.stringify(marked));
    assertEquals(read(kind, [wrong]).result, result, JSON.stringify(marked));
  }
});

test("HeadReader - a message is one line of printable ASCII, whatever the byte", () => {
  for (let byte = 0; byte < 256; byte++) {
    for (const begin of ["", "GET ", "GET / ", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA", "GET / HTTP/1.1\r\nA: "]) {
      const { result } = readWhole("request", begin + String.fromCharCode(byte));
      if (result === undefined) continue;
      for (const char of String(result)) assert(char >= " " && char <= "~", String(result));
    }
  }
});

test("HeadReader - where the chunks are cut makes no difference", () => {
  const heads: [Kind, string][] = [
    ...good.map(([kind, , head]): [Kind, string] => [kind, head + "left\r\n\r\nover"]),
    ...bad.map(([kind, head]): [Kind, string] => [kind, head.replace("|", "")]),
  ];
  const none = new Uint8Array(0);
  for (const [kind, head] of heads) {
    const whole = bytes(head);
    const wanted = read(kind, [whole]);
    const label = JSON.stringify(head);
    for (let at = 0; at <= whole.length; at++) {
      assertEquals(read(kind, [whole.subarray(0, at), none, whole.subarray(at)]), wanted, `${label} cut at ${at}`);
    }
    for (const size of [1, 2, 3, 7]) assertEquals(read(kind, cut(whole, size)), wanted, `${label} cut by ${size}`);
  }
});

test("HeadReader - random damage at random cuts: never throws, and the cuts make no difference", () => {
  const next = random(6455);
  const pick = (n: number) => Math.floor(next() * n);
  const special = bytes("\r\n\0 \t:;,/#\x7f\x80\xff\x16HTTP/1.");
  let heads = 0;
  for (let round = 0; round < 20_000; round++) {
    const [kind, , head] = good[pick(good.length)]!;
    const whole = bytes(head + "over");
    for (let n = pick(4); n > 0; n--) {
      whole[pick(whole.length)] = next() < 0.5 ? special[pick(special.length)]! : pick(256);
    }
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < whole.length;) chunks.push(whole.subarray(at, at += 1 + pick(30)));
    const limits = next() < 0.5 ? {} : { maxHeadSize: 1 + pick(100), maxHeadFields: 1 + pick(4) };
    const wanted = read(kind, [whole], limits);
    assertEquals(read(kind, chunks, limits), wanted, `round ${round}: ${JSON.stringify(text(whole))}`);
    if (typeof wanted.result === "object") heads++;
  }
  assert(heads > 4000, `only ${heads} of 20000 were heads: the damage is too great to show anything`);
});

test("HeadReader - random bytes never throw", () => {
  const next = random(9112);
  for (let round = 0; round < 5000; round++) {
    const noise = Uint8Array.from({ length: 40 }, () => Math.floor(next() * 256));
    for (const kind of ["request", "response"] as const) assertEquals(read(kind, cut(noise, 3)), read(kind, [noise]));
  }
});

test("HeadReader - a head of maxHeadSize bytes is read, one more is refused when they have come", () => {
  for (const [kind, name, head, result] of good) {
    const wanted = { result, leftover: "over" };
    const n = head.length;
    const message = `WS_HEAD_TOO_LARGE: Cannot read a ${kind} head: it is over the limit of ${
      n - 1
    } bytes (maxHeadSize)`;
    for (const size of [1, 5, n + 4]) {
      assertEquals(read(kind, cut(bytes(head + "over"), size), { maxHeadSize: n }), wanted, name);
      const over = read(kind, cut(bytes(head + "over"), size), { maxHeadSize: n - 1 });
      assertEquals(over, { result: message, leftover: "" }, name);
    }
    assertEquals(read(kind, [bytes(head.slice(0, n - 2))], { maxHeadSize: n - 1 }).result, undefined);
    assertEquals(read(kind, [bytes(head.slice(0, n - 1))], { maxHeadSize: n - 1 }).result, message);
  }
});

test("HeadReader - maxHeadFields fields are read, one more is refused at its first byte", () => {
  const line = "GET / HTTP/1.1\r\n";
  const message = "WS_HEAD_TOO_LARGE: Cannot read a request head: it is over the limit of 3 fields (maxHeadFields)";
  const limits = { maxHeadFields: 3 };
  const three = line + "A: b\r\n".repeat(3);
  for (const size of [1, 1000]) {
    const { result } = read("request", cut(bytes(three + "\r\n"), size), limits);
    assertEquals((result as { fields: unknown[] }).fields.length, 3);
    assertEquals(read("request", cut(bytes(three + "A"), size), limits).result, message);
  }
});

test("HeadReader - the limits are on by default", () => {
  const value = "x".repeat(16_384 - "GET / HTTP/1.1\r\nA: \r\n\r\n".length);
  assert(typeof readWhole("request", `GET / HTTP/1.1\r\nA: ${value}\r\n\r\n`).result === "object");
  const size = readWhole("request", `GET / HTTP/1.1\r\nA: ${value}x\r\n\r\n`).result;
  assert(String(size).includes("16384 bytes (maxHeadSize)"), String(size));
  assert(typeof readWhole("request", `GET / HTTP/1.1\r\n${"A:\r\n".repeat(128)}\r\n`).result === "object");
  const count = readWhole("request", `GET / HTTP/1.1\r\n${"A:\r\n".repeat(129)}\r\n`).result;
  assert(String(count).includes("128 fields (maxHeadFields)"), String(count));
});

test("HeadReader - refuses limits that are none", () => {
  for (const value of [0, -1, 1.5, NaN, Infinity, "5" as unknown as number]) {
    assertThrows(() => new HeadReader("request", { maxHeadSize: value }), RangeError, `maxHeadSize is ${value}`);
    assertThrows(() => new HeadReader("request", { maxHeadFields: value }), RangeError, `maxHeadFields is ${value}`);
  }
});

test("HeadReader - reads one head, and refuses to read a second", () => {
  const reader = new HeadReader("request");
  reader.push(bytes(REQUEST));
  assertThrows(() => reader.push(bytes(REQUEST)), TypeError, "this reader has read one");
});

test("HeadReader - two million bytes, one by one, are read in one pass", () => {
  // One that searches or joins from the beginning at each byte would be at it for an hour.
  const limits = { maxHeadSize: 4_000_000, maxHeadFields: 1_000_000 };
  const fields = "A: b\r\n".repeat(100_000);
  const head = bytes(`GET /${"a".repeat(700_000)} HTTP/1.1\r\n${fields}B: ${" c".repeat(350_000)}\r\n\r\n`);
  const reader = new HeadReader("request", limits);
  let result: Result;
  for (let i = 0; i < head.length; i++) result = reader.push(head.subarray(i, i + 1));
  assert(result !== undefined && !(result instanceof WebSocketError));
  assertEquals(result.fields.size, 100_001);
});

test("Fields - names without regard to case, in their order and spelling", () => {
  const fields = new Fields([["Host", "a"], ["X-Trace", "1"], ["x-trace", " 2\t"]]);
  assertEquals([...fields], [["Host", "a"], ["X-Trace", "1"], ["x-trace", "2"]]);
  assertEquals(fields.get("X-TRACE"), "1, 2");
  assertEquals(fields.all("x-Trace"), ["1", "2"]);
  assertEquals([fields.size, fields.count("X-trace"), fields.count("none")], [3, 2, 0]);
  assertEquals([fields.has("hOST"), fields.has("none"), fields.get("none")], [true, false, null]);
  assertEquals(fields.all("none"), []);
  assertEquals(fields.toString(), "Host: a\r\nX-Trace: 1\r\nx-trace: 2\r\n");
  fields.set("x-TRACE", "3");
  assertEquals([...fields], [["Host", "a"], ["x-TRACE", "3"]]);
  fields.set("New", "4");
  fields.append("NEW", "5");
  fields.append("new", "6");
  fields.delete("HOST");
  fields.delete("none");
  assertEquals([...fields], [["x-TRACE", "3"], ["New", "4"], ["NEW", "5"], ["new", "6"]]);
  fields.delete("new");
  assertEquals([...fields], [["x-TRACE", "3"]]);
});

test("Fields - Set-Cookie is not joined", () => {
  const fields = new Fields([["Set-Cookie", "a=1, b"], ["set-cookie", "c=2"]]);
  assertEquals(fields.get("SET-COOKIE"), "a=1, b");
  assertEquals(fields.all("set-cookie"), ["a=1, b", "c=2"]);
});

test("Fields - names that objects have are names like others", () => {
  const fields = new Fields();
  for (const name of ["__proto__", "constructor", "toString"]) {
    assertEquals([fields.get(name), fields.has(name), fields.count(name), fields.all(name)], [null, false, 0, []]);
    fields.append(name, "1");
    assertEquals([fields.get(name), fields.has(name)], ["1", true]);
  }
});

test("Fields - those of a head that was read are found by their whole name, as those that were given", () => {
  const lines = [
    "Host: 1",
    "HOSE: 2",
    "Hostess: 3",
    "X-A: 4",
    "x-a: 5",
    "set-cookie: 6",
    "Set-Cookie: 7",
    "X-^: 8",
    "X-~: 9",
  ];
  // The last two names differ in the bit that makes lower case of a letter.
  const { fields } = new HeadReader("request").push(
    bytes(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`),
  ) as RequestHead;
  const given = new Fields(lines.map((line) => line.split(": ") as [string, string]));
  for (
    const [name, ...values] of [
      ["host", "1"],
      ["HOST", "1"],
      ["hose", "2"],
      ["hostess", "3"],
      ["hosts"],
      ["hos"],
      [""],
      ["x-A", "4", "5"],
      ["X-^", "8"],
      ["x-~", "9"],
    ] as [string, ...string[]][]
  ) {
    for (const each of [fields, given]) {
      assertEquals(each.all(name), values);
      assertEquals(each.get(name), values.length === 0 ? null : values.join(", "));
      assertEquals([each.has(name), each.count(name)], [values.length > 0, values.length]);
    }
  }
  for (const each of [fields, given]) assertEquals([each.get("SET-COOKIE"), each.all("Set-cookie")], ["6", ["6", "7"]]);
});

test("Fields - a value cannot end its line, nor can a name", () => {
  const fields = new Fields([["a", "b"]]);
  const values = ["x\r\nSet-Cookie: y", "x\ny", "x\ry", "x\0y", "\r\n", "x\x0b", "x\x7f", "\u0141", "x\u{1f600}"];
  for (const value of values) {
    assertThrows(() => fields.append("X", value), TypeError, "Cannot add the field X: met");
    assertThrows(() => fields.set("A", value), TypeError, "Cannot add the field A: met");
    assertThrows(() => new Fields([["X", value]]), TypeError);
  }
  for (const name of ["", "a b", "a:", "a\r\n", "\xe4", "\u0141"]) {
    assertThrows(() => fields.append(name, "x"), TypeError, "Cannot add a field: the name is");
    assertThrows(() => fields.set(name, "x"), TypeError, "Cannot add a field: the name is");
  }
  assertThrows(() => fields.append("X", 1 as unknown as string), TypeError, "the value is 1, wanted a string");
  assertThrows(() => fields.append(undefined as unknown as string, "1"), TypeError, "the name is undefined");
  assertEquals([...fields], [["a", "b"]]);
});

test("formatHead - writes what HeadReader reads", () => {
  for (const [kind, name, head, result] of good) {
    const read = new HeadReader(kind).push(bytes(head)) as RequestHead | ResponseHead;
    const again = formatHead(read);
    assertEquals(readWhole(kind, text(again)), { result, leftover: "" }, name);
  }
  const fields = new Fields([["A", "\xff"]]);
  const head = formatHead({ kind: "request", method: "GET", target: "/", version: "1.1", fields });
  assertEquals(text(head), "GET / HTTP/1.1\r\nA: \xff\r\n\r\n");
});

test("formatHead - writes into the room it is given when it fits", () => {
  const head = { kind: "response", version: "1.1", status: 101, reason: "x", fields: new Fields() } as const;
  const wanted = "HTTP/1.1 101 x\r\n\r\n";
  const room = new Uint8Array(wanted.length + 1);
  const inside = formatHead(head, room);
  assertStrictEquals(inside.buffer, room.buffer);
  assertEquals([text(inside), text(room)], [wanted, wanted + "\0"]);
  const outside = formatHead(head, room.subarray(2));
  assert(outside.buffer !== room.buffer);
  assertEquals(text(outside), wanted);
});

test("formatHead - nothing can end the first line early", () => {
  const fields = new Fields();
  const request = { kind: "request", method: "GET", target: "/", version: "1.1", fields } as const;
  for (const target of ["", "/a b", "/\r\n", "/\n", "/#a", "/\xe4", "/\u0141", "/\0"]) {
    assertThrows(() => formatHead({ ...request, target }), TypeError, "Cannot write a request head: the target is");
  }
  for (const method of ["", "GE T", "GET\r\n", "G\xe4T"]) {
    assertThrows(() => formatHead({ ...request, method }), TypeError, "Cannot write a request head: the method is");
  }
  const response = { kind: "response", version: "1.1", status: 200, reason: "OK", fields } as const;
  for (const reason of ["a\r\nb", "a\nb", "\0", "\u0141"]) {
    assertThrows(() => formatHead({ ...response, reason }), TypeError, "Cannot write a response head: met");
  }
  for (const status of [0, 99, 1000, 200.5, NaN]) {
    assertThrows(() => formatHead({ ...response, status }), RangeError, `the status is ${status}, wanted 100 to 999`);
  }
});

test("formatText - a whole response", () => {
  const response = formatText(405, "No: \u20ac", [["Allow", "GET"], ["Connection", "Upgrade"]]);
  const reader = new HeadReader("response");
  const head = reader.push(response);
  assert(head !== undefined && !(head instanceof WebSocketError));
  assertEquals([head.status, head.reason], [405, "Method Not Allowed"]);
  assertEquals([...head.fields], [
    ["Allow", "GET"],
    ["Connection", "Upgrade"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", "7"],
    ["Connection", "close"],
  ]);
  assertEquals(new TextDecoder().decode(reader.leftover), "No: \u20ac");
  assertThrows(() => formatText(400, "x", [["A", "b\r\nc"]]), TypeError);
});

test("reasonPhrase - words for the statuses of a handshake, none for others", () => {
  assertEquals([101, 400, 403, 405, 426, 299].map(reasonPhrase), [
    "Switching Protocols",
    "Bad Request",
    "Forbidden",
    "Method Not Allowed",
    "Upgrade Required",
    "",
  ]);
});

test("HeadReader - the errors are values with a stable code", () => {
  const result = new HeadReader("request").push(bytes("\x16"));
  assertInstanceOf(result, WebSocketError);
  assertEquals([result.code, result.closeCode], ["WS_INVALID_HEAD", 1002]);
});
