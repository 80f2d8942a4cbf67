import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { checkBinaryType, checkOptions, type SocketOptions } from "../../src/socket/options.ts";

/** The fields of the request that options lead to. */
function fields(options: SocketOptions): unknown {
  return Object.fromEntries(checkOptions(options, undefined).connect.headers ?? []);
}

test("checkOptions() has defaults for all", () => {
  assertEquals(checkOptions(undefined, undefined), {
    connect: { protocols: [] },
    origin: "",
    binaryType: "uint8array",
    signal: undefined,
    connector: undefined,
  });
  assertEquals(checkOptions({}, undefined), checkOptions(undefined, undefined));
  assertEquals(checkOptions("", ""), checkOptions(undefined, undefined));
});

test("checkOptions() takes a protocol, a list of them, and an origin", () => {
  assertEquals(checkOptions("chat", "http://a.example"), {
    connect: { protocols: ["chat"], origin: "http://a.example" },
    origin: "http://a.example",
    binaryType: "uint8array",
    signal: undefined,
    connector: undefined,
  });
  assertEquals(checkOptions(["a", "b"], undefined).connect.protocols, ["a", "b"]);
  assertEquals(checkOptions([], undefined).connect.protocols, []);
  for (const options of [{ protocol: "a" }, { protocols: "a" }, { protocols: ["a"] }, { protocol: ["a"] }]) {
    assertEquals(checkOptions(options, undefined).connect.protocols, ["a"]);
  }
});

test("checkOptions() passes on what it is given", () => {
  const connector = (): never => {
    throw new Error("not called");
  };
  const { signal } = new AbortController();
  const tls = { servername: "a.example" };
  const limits = {
    maxPayload: 1,
    maxFragments: 2,
    maxHeadSize: 3,
    maxHeadFields: 4,
    handshakeTimeout: 0,
    closeTimeout: 6,
    highWaterMark: 0,
    maxBufferedAmount: Infinity,
  };
  const options = { ...limits, origin: "x", binaryType: "blob", tls, signal, connect: connector } as const;
  const checked = checkOptions(options, undefined);
  assertEquals(checked.connect, { ...limits, protocols: [], origin: "x", tls });
  assertEquals(checked.binaryType, "blob");
  assertStrictEquals(checked.signal, signal);
  assertStrictEquals(checked.connector, connector);
  assertEquals(fields({ headers: { Cookie: "a=1", "X-A": "é" } }), { Cookie: "a=1", "X-A": "é" });
  const pairs: [string, string][] = [["x-a", "1"], ["X-A", "2"]];
  assertEquals([...checkOptions({ headers: pairs }, undefined).connect.headers!], pairs);
  assertEquals(fields({ headers: new Headers({ a: "b" }) }), { a: "b" });
});

test("checkOptions() refuses by name what it does not know or cannot use", () => {
  const wrong: [options: unknown, kind: typeof TypeError | typeof RangeError, text: string][] = [
    [null, TypeError, "Cannot connect: options is null, wanted an object"],
    [5, TypeError, "options is 5"],
    [{ maxPaylod: 1 }, TypeError, 'option "maxPaylod" is unknown, wanted one of maxPayload'],
    [{ maxPayload: "1" }, TypeError, 'Cannot use the option maxPayload: got "1", wanted a number'],
    [{ maxPayload: -1 }, RangeError, "Cannot use the option maxPayload: got -1, wanted a number of at least 0"],
    [{ maxPayload: NaN }, RangeError, "got NaN"],
    [{ closeTimeout: -0.5 }, RangeError, "closeTimeout: got -0.5"],
    [{ handshakeTimeout: null }, TypeError, "handshakeTimeout: got null"],
    [{ maxHeadSize: 0 }, RangeError, "Cannot use the option maxHeadSize: got 0, wanted a whole number above 0"],
    [{ maxHeadSize: 1.5 }, RangeError, "maxHeadSize: got 1.5"],
    [{ maxHeadFields: Infinity }, RangeError, "maxHeadFields: got Infinity"],
    [{ origin: 5 }, TypeError, "Cannot use the option origin: got 5, wanted a string"],
    [{ connect: {} }, TypeError, "Cannot use the option connect"],
    [{ tls: true }, TypeError, "Cannot use the option tls: got true, wanted an object"],
    [{ tls: null }, TypeError, "Cannot use the option tls: got null"],
    [{ signal: {} }, TypeError, "wanted an AbortSignal"],
    [{ binaryType: "nodebuffer" }, TypeError, 'Cannot use the option binaryType: got "nodebuffer"'],
    [{ headers: { "a b": "c" } }, TypeError, 'Cannot use the option headers: Cannot add a field: the name is "a b"'],
    [{ headers: { a: "b\r\nc" } }, TypeError, "Cannot use the option headers: Cannot add the field a: met"],
    [{ headers: { Upgrade: "x" } }, TypeError, "headers: the field Upgrade is not the caller's to set"],
    [{ headers: [["Sec-WebSocket-Key", "x"]] }, TypeError, "headers: the field Sec-WebSocket-Key is not"],
    [{ headers: "x" }, TypeError, 'headers: got "x", wanted Headers, or an object'],
    [{ headers: [5] }, TypeError, "Cannot use the option headers: "],
    [{ origin: "a\r\nb" }, TypeError, "Cannot use the option origin: Cannot add the field Origin: met"],
    [{ tls: { ca: 5 } }, TypeError, "Cannot use the option tls.ca: got 5, wanted a certificate in PEM, or a list"],
    [{ tls: { ca: [5] } }, TypeError, "tls.ca: got a list of 1"],
    [{ tls: { serverName: "a" } }, TypeError, 'Cannot use the option tls: option "serverName" is unknown'],
    [{ tls: { rejectUnauthorized: 0 } }, TypeError, "tls.rejectUnauthorized: got 0, wanted a boolean"],
    [{ protocol: "a", protocols: ["b"] }, TypeError, "options protocol and protocols are both there"],
    [{ protocols: 5 }, TypeError, "Cannot use the option protocols: got 5, wanted a string or a list of strings"],
  ];
  for (const [options, kind, text] of wrong) assertThrows(() => checkOptions(options as never, undefined), kind, text);
  assertThrows(() => checkOptions({}, "http://a.example"), TypeError, "origin is there beside the options");
  assertThrows(() => checkOptions("chat", 5 as never), TypeError, "Cannot use the option origin: got 5");
  for (const protocols of ["a b", ["a", "a"], { protocol: "," }]) {
    assertEquals(assertThrows(() => checkOptions(protocols, undefined), DOMException).name, "SyntaxError");
  }
});

test("checkBinaryType() takes the three forms", () => {
  for (const form of ["uint8array", "arraybuffer", "blob"] as const) assertEquals(checkBinaryType(form), form);
  assertThrows(() => checkBinaryType("text"), TypeError, 'got "text", wanted "uint8array", "arraybuffer" or "blob"');
});
