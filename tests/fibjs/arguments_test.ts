/**
 * Every argument of the WebSocket side, given wrongly: it is refused at once, with an error that names the argument, shows
 * what was met, and says what was wanted. Not one of them reaches the network.
 */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import { memoryServer } from "@sockeye/ws/testing";
import { assertEquals } from "@std/assert";
import {
  BIG,
  CALL,
  check,
  DATE,
  FIVE,
  misspelt,
  NONE,
  notAmount,
  notCall,
  notCount,
  notFlag,
  notHandler,
  notNumber,
  notObject,
  notText,
  notUrl,
  NULL,
  type Row,
  SYMBOL,
  TEXT,
  TRUE,
  type Wrong,
} from "./wrong.ts";

const URL_ = "ws://127.0.0.1:1/";
const socket = (options: unknown): void => new ws.Socket(URL_, options as ws.SocketOptions).terminate();

/** The options that both ends have. */
function connection(give: (options: unknown) => unknown): Row[] {
  const amounts = [
    ...["maxPayload", "maxFragments", "messageTimeout", "closeTimeout", "highWaterMark", "maxBufferedAmount"],
    ...["handshakeTimeout"],
  ];
  const deflate = (name: string) => (value: never): unknown => give({ perMessageDeflate: { [name]: value } });
  const whole: readonly Wrong[] = [...notNumber, [1.5, "1.5"], [-1, "-1"], [NaN, "NaN"]];
  return [
    ...amounts.map((name): Row => [name, notAmount, "wanted a number", (value) => give({ [name]: value })]),
    ["perMessageDeflate", [...notObject.filter((each) => each !== TRUE), CALL], "wanted a boolean or an object", (
      value,
    ) => give({ perMessageDeflate: value })],
    [
      "perMessageDeflate",
      misspelt,
      "wanted one of serverNoContextTakeover",
      (perMessageDeflate) => give({ perMessageDeflate }),
    ],
    ["perMessageDeflate.serverNoContextTakeover", notFlag, "wanted a boolean", deflate("serverNoContextTakeover")],
    ["perMessageDeflate.clientNoContextTakeover", notFlag, "wanted a boolean", deflate("clientNoContextTakeover")],
    [
      "perMessageDeflate.serverMaxWindowBits",
      [...whole, [7, "7"], [16, "16"]],
      "wanted a",
      deflate(
        "serverMaxWindowBits",
      ),
    ],
    [
      "perMessageDeflate.clientMaxWindowBits",
      [...whole, [7, "7"], [16, "16"]],
      "wanted a",
      deflate(
        "clientMaxWindowBits",
      ),
    ],
    ["perMessageDeflate.level", [...whole, [10, "10"]], "wanted a", deflate("level")],
    ["perMessageDeflate.memLevel", [...whole, [0, "0"], [10, "10"]], "wanted a", deflate("memLevel")],
    ["perMessageDeflate.threshold", notAmount, "wanted a number", deflate("threshold")],
    ["perMessageDeflate.releaseAfter", notAmount, "wanted a number", deflate("releaseAfter")],
    [
      "heartbeat",
      [...notObject.filter((each) => each !== TRUE), CALL],
      "wanted a boolean or an object",
      (value) => give({ heartbeat: value }),
    ],
    ["heartbeat", misspelt, "wanted one of interval, timeout", (heartbeat) => give({ heartbeat })],
    ["heartbeat.interval", [...notAmount, [0, "0"]], "wanted", (interval) => give({ heartbeat: { interval } })],
    ["heartbeat.timeout", [...notAmount, [0, "0"]], "wanted", (timeout) => give({ heartbeat: { timeout } })],
    [
      "headers",
      [...notText, ["x", '"x"']].filter(([value]) =>
        value !== NONE[0] && !Array.isArray(value) && !(value instanceof Date)
      ) as Wrong[],
      "wanted Headers",
      (
        headers,
      ) => give({ headers }),
    ],
    ["headers", [[{ "a b": "c" }, '"a b"']], "wanted a token", (headers) => give({ headers })],
    ["headers", [[{ a: 5 }, "5"], [[["a", null]], "null"]], "wanted a string", (headers) => give({ headers })],
    ["headers", [[{ a: "b\r\nc" }, String.raw`"\x0d"`]], "wanted printable latin1", (headers) => give({ headers })],
    ["headers", [[{ upgrade: "b" }, "upgrade"]], "not the caller's to set", (headers) => give({ headers })],
  ];
}

test("the URL, the subprotocols and the origin of new ws.Socket", async () => {
  await check([
    ["url", notUrl, "wanted an absolute URL", (url) => new ws.Socket(url)],
    ["url", [["ftp://a/", '"ftp:"']], "wanted ws: or wss:", (url) => new ws.Socket(url)],
    ["url", [["ws://a/#b", '"ws://a/#b"']], "wanted one without a fragment", (url) => new ws.Socket(url)],
    ["url", [["ws+unix://a/b", '"ws+unix://a/b"']], "wanted the path of a Unix socket", (url) => new ws.Socket(url)],
    ["options", [FIVE, NULL, TRUE, SYMBOL, CALL, BIG], "wanted an object, a string or a list", socket],
    ["option", misspelt, "wanted one of maxPayload, ", socket],
    ["protocol", [["a b", '"a b"'], TEXT, ["é", String.raw`"\xe9"`]], "wanted a token", socket],
    ["protocol", [[["a", ""], '""'], [["a", 5], "5"], [[null], "null"]], "wanted a token", socket],
    ["protocol", [[["a", "a"], '"a" is there twice']], "", socket],
    ...["protocol", "protocols"].flatMap((name): Row[] => [
      [name, [FIVE, NULL, TRUE, SYMBOL, CALL, DATE], "wanted a string or a list", (value) => socket({ [name]: value })],
      ["protocol", [["a b", '"a b"']], "wanted a token", (value) => socket({ [name]: value })],
    ]),
    [
      "origin",
      notText.filter((each) => each !== NULL),
      "wanted a string",
      (origin) => new ws.Socket(URL_, "a", origin),
    ],
    ["origin", notText, "wanted a string", (origin) => socket({ origin })],
    ["origin", [["a\r\nb", String.raw`"\x0d"`]], "wanted printable latin1", (origin) => socket({ origin })],
  ]);
});

test("the options of new ws.Socket", async () => {
  const client = (name: string) => (value: never): void => socket({ httpClient: { [name]: value } });
  const tls = (name: string) => (value: never): void => socket({ tls: { [name]: value } });
  await check([
    ...connection(socket),
    ["maxHeadSize", notCount, "wanted", (maxHeadSize) => socket({ maxHeadSize })],
    ["maxHeadFields", notCount, "wanted", (maxHeadFields) => socket({ maxHeadFields })],
    ["maxRedirects", notAmount, "wanted a number", (maxRedirects) => socket({ maxRedirects })],
    ["binaryType", [...notText, ["nodebuffer", '"nodebuffer"']], 'wanted "uint8array", "arraybuffer" or "blob"', (
      binaryType,
    ) => socket({ binaryType })],
    ["signal", notObject, "wanted an AbortSignal", (signal) => socket({ signal })],
    ["connect", notCall, "wanted a function", (connect) => socket({ connect })],
    ["tls", notObject, "wanted an object", (value) => socket({ tls: value })],
    [
      "tls",
      [[{ serverName: "a" }, '"serverName" is unknown']],
      "wanted one of ca, servername",
      (value) => socket({ tls: value }),
    ],
    ["tls.ca", notText, "wanted a certificate in PEM", tls("ca")],
    ...["servername", "cert", "key"].map((name): Row => [`tls.${name}`, notText, "wanted a string", tls(name)]),
    ["tls.rejectUnauthorized", notFlag, "wanted a boolean", tls("rejectUnauthorized")],
    ["httpClient", notCall.filter(([value]) => typeof value !== "object" || value === null), "wanted an HTTP client", (
      httpClient,
    ) => socket({ httpClient })],
    [
      "httpClient.cookieJar",
      [...notObject, [{ setCookie() {} }, "an object"]],
      "wanted an object with getCookieString",
      client(
        "cookieJar",
      ),
    ],
    ["httpClient.proxy", notText, "wanted the URL of a proxy", client("proxy")],
    // The value may hold a password: its scheme and its host are shown.
    ["httpClient.proxy", [["ftp://a:b@c/", '"ftp:" and its host "c"']], "wanted the URL of a proxy", client("proxy")],
    ["httpClient.tls", notObject, "wanted an object", client("tls")],
  ]);
});

test("send, close, ping and terminate of a socket", async () => {
  await using server = await memoryServer(ws.upgrade((conn) => void conn.on("message", () => {})));
  const conn = new ws.Socket("ws://memory/", { connect: server.connect });
  await new Promise((resolve) => conn.onopen = resolve);
  const message = new ws.Message(ws.PING);
  const broken = new ws.Message(ws.TEXT);
  broken.write(Uint8Array.of(0xff));
  await check([
    ["data", [SYMBOL, NONE], "wanted", (data) => conn.send(data)],
    ["message", [[message, "type is 9"]], "wanted TEXT (1) or BINARY (2)", (data) => conn.send(data)],
    ["message", [[broken, "type is TEXT"]], "not UTF-8", (data) => conn.send(data)],
    ["options", notObject, "wanted an object", (options) => conn.send("x", options)],
    ["option", [[{ compres: true }, '"compres" is unknown']], "wanted one of compress", (o) => conn.send("x", o)],
    ["compress", notFlag, "wanted a boolean", (compress) => conn.send("x", { compress })],
    [
      "code",
      [...notNumber, [0, "0"], [1001, "1001"], [2999, "2999"], [5000, "5000"], [1e3 + 0.5, "1000.5"]],
      "wanted 1000 or 3000 to 4999",
      (
        code,
      ) => conn.close(code),
    ],
    ["reason", notText, "wanted a string", (reason) => conn.close(1000, reason)],
    ["reason", [["é".repeat(62), "124 bytes"]], "wanted at most 123", (reason) => conn.close(1000, reason)],
    ["data", notText, "wanted a string or bytes", (data) => conn.ping(data)],
    ["data", [["x".repeat(126), "126 bytes"]], "wanted at most 125", (data) => conn.ping(data)],
    [
      "error",
      [["x", '"x"'], FIVE, NULL, [new Error("x"), "an object of Error"]],
      "wanted a WebSocketError",
      (error) => conn.terminate(error),
    ],
  ]);
  // Nothing of this has done anything.
  assertEquals([conn.readyState, conn.bufferedAmount], [ws.OPEN, 0]);
  conn.close();
  await new Promise((resolve) => conn.onclose = resolve);
});

test("listeners of a socket", async () => {
  const conn = new ws.Socket(URL_, { connect: () => new Promise(() => {}) });
  const notName: readonly Wrong[] = [FIVE, NULL, TRUE, SYMBOL];
  const listener = (): void => {};
  const adders = ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const;
  const removers = ["off", "removeListener"] as const;
  await check([
    ...adders.flatMap((add): Row[] => [
      ["event", notName, "wanted its name", (type) => conn[add](type, listener)],
      ["listener", [...notCall, [undefined, "undefined"]], "wanted a function", (f) => conn[add]("open", f)],
    ]),
    ["listener", notCall, "wanted a function", (f) => conn.on({ message: f })],
    ...removers.flatMap((remove): Row[] => [
      ["event", notName, "wanted its name", (type) => conn[remove](type, listener)],
      ["listener", [["x", '"x"'], FIVE, NULL], "wanted a function", (f) => conn[remove]("open", f)],
    ]),
    ["event", notName, "wanted its name", (type) => conn.removeAllListeners(type)],
    ["event", [[[5], "5"]], "wanted its name", (types) => conn.removeAllListeners(types)],
    ["event", notName, "wanted its name", (type) => conn.addEventListener(type, listener)],
    ["listener", [["x", '"x"'], FIVE, TRUE], "wanted a function or an object", (f) => conn.addEventListener("open", f)],
    ["signal", notObject, "wanted an AbortSignal", (signal) => conn.addEventListener("open", listener, { signal })],
    [
      "event",
      [["x", '"x"'], NULL, [{ type: 5 }, "an object"]],
      "wanted an object with a type",
      (event) => conn.dispatchEvent(event),
    ],
    ["maxListeners", notAmount, "wanted a number", (count) => conn.setMaxListeners(count)],
  ]);
  assertEquals(conn.eventNames(), []);
  // As on the web: what is no function takes the listener away, and another form of bytes is ignored.
  conn.onopen = 5 as never;
  conn.binaryType = "nodebuffer" as never;
  assertEquals([conn.onopen, conn.binaryType], [null, "uint8array"]);
  conn.terminate();
  await new Promise((resolve) => conn.onclose = resolve);
});

test("ws.upgrade", async () => {
  const accept = (): void => {};
  const give = (options: unknown): unknown => ws.upgrade(options as ws.UpgradeOptions, accept);
  await check([
    ["options", notObject, "wanted an object", give],
    ["options", [CALL], "wanted an object", give],
    ["option", [[{ protocol: "a" }, '"protocol" is unknown']], "wanted one of", give],
    ["options", [FIVE, NULL, [undefined, "undefined"]], "wanted an object or a function", (only) => ws.upgrade(only)],
    ["accept", [...notCall, [undefined, "undefined"]], "wanted a function", (call) => ws.upgrade({}, call)],
    ...connection(give),
    [
      "protocols",
      [["a", '"a"'], FIVE, NULL, DATE],
      "wanted a list of tokens or a function",
      (protocols) => give({ protocols }),
    ],
    ["protocols", [[["a b"], '"a b"'], [[5], "5"]], "wanted a token", (protocols) => give({ protocols })],
    ["origin", [FIVE, NULL, TRUE, DATE], 'wanted "*", an origin, a list', (origin) => give({ origin })],
    [
      "origin",
      [["a.example", '"a.example"'], [["https://a/b"], '"https://a/b"'], [[5], "5"]],
      "wanted an origin such as",
      (
        origin,
      ) => give({ origin }),
    ],
    ["onerror", notCall, "wanted a function", (onerror) => give({ onerror })],
  ]);
});

test("ws.Message and its body", async () => {
  const stream = new ws.MemoryStream("Hello");
  const notType: readonly Wrong[] = [...notCount.filter(([value]) => value !== 0), [16, "16"]];
  const make = (...args: unknown[]): unknown => new ws.Message(...args as ConstructorParameters<typeof ws.Message>);
  const circle: unknown[] = [];
  circle.push(circle);
  await check([
    ["type", notType, "wanted an opcode from 0 to 15", (type) => make(type)],
    ["type", notType, "wanted an opcode from 0 to 15", (type) => new ws.Message().type = type],
    ["masked", notFlag, "wanted a boolean", (masked) => make(1, masked)],
    ["compress", notFlag, "wanted a boolean", (compress) => make(1, true, compress)],
    ["maxSize", notAmount, "wanted a number", (maxSize) => make(1, true, false, maxSize)],
    ["maxSize", notAmount, "wanted a number", (maxSize) => new ws.Message().maxSize = maxSize],
    ["body", notText, "wanted a MemoryStream", (body) => new ws.Message().body = body],
    ["data", notText, "wanted a string, an ArrayBuffer or a view", (data) => new ws.Message().write(data)],
    ["count", [...notNumber, [1.5, "1.5"]], "wanted a whole number", (count) => new ws.Message().read(count)],
    [
      "JSON",
      [SYMBOL, CALL, BIG, [undefined, "undefined"], [circle, "a list of 1"]],
      "wanted a value that JSON can hold",
      (
        value,
      ) => new ws.Message().json(value),
    ],
    ["stream", [...notText, ["x", '"x"']], "wanted one with a writable", (to) => new ws.Message().sendTo(to)],
    ["stream", [...notText, ["x", '"x"']], "wanted one with a readable", (from) => new ws.Message().readFrom(from)],
    ["data", notText, "wanted a string, an ArrayBuffer or a view", (data) => new ws.MemoryStream(data)],
    ["offset", notNumber, "wanted a number", (offset) => stream.seek(offset)],
    ["position", [[-1, "-1"], [6, "6"], [0.5, "0.5"], [NaN, "NaN"]], "from 0 to 5", (offset) => stream.seek(offset)],
    [
      "whence",
      [...notNumber, [3, "3"]],
      "wanted 0 (start), 1 (position) or 2 (end)",
      (whence) => stream.seek(0, whence),
    ],
    ["size", [...notAmount, [1.5, "1.5"]], "wanted a whole number of at least 0", (size) => stream.truncate(size)],
  ]);
  assertEquals([stream.size(), stream.tell()], [5, 0]);
});

test("ws.connect and ws.Handler", async () => {
  const handler = new ws.Handler(() => {});
  await check([
    ["url", notUrl, "wanted an absolute URL", (url) => ws.connect(url)],
    ["origin", [FIVE, NULL, TRUE, SYMBOL, CALL], "wanted a string or options", (origin) => ws.connect(URL_, origin)],
    ["origin", [["a\r\nb", String.raw`"\x0d"`]], "wanted printable latin1", (origin) => ws.connect(URL_, origin)],
    ["option", [[{ protocol: "a" }, '"protocol" is unknown']], "wanted one of origin", (o) => ws.connect(URL_, o)],
    ["handshakeTimeout", notAmount, "wanted a number", (handshakeTimeout) => ws.connect(URL_, { handshakeTimeout })],
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => new ws.Handler(like)],
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => handler.handler = like],
    ["handler", notHandler.filter((each) => each !== NULL), "wanted a function", (like) => handler.onerror = like],
    ["handler", notHandler.filter((each) => each !== NULL), "wanted a function", (like) => handler.onerror(like)],
    ["options", [...notObject, CALL], "wanted an object", (options) => new ws.Handler(() => {}, options)],
    ["option", misspelt, "wanted one of maxPayload", (options) => new ws.Handler(() => {}, options)],
    ["maxSize", notAmount, "wanted a number", (maxSize) => handler.maxSize = maxSize],
  ]);
  assertEquals(handler.maxSize, 67_108_864);
});
