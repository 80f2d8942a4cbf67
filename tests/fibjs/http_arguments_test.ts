/** Every argument of the HTTP side, given wrongly; as `arguments_test.ts`. */

import { test } from "node:test";
import * as http from "@sockeye/ws/http";
import { assertEquals } from "@std/assert";
import {
  BIG,
  CALL,
  check,
  DATE,
  FIVE,
  LIST,
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
  TRUE,
  type Wrong,
} from "./wrong.ts";

test("http.Server", async () => {
  const server = new http.Server(0, {});
  const give = (options: object) => new http.Server({ port: 0, ...options }, {});
  const notPort: readonly Wrong[] = [...notNumber, [-1, "-1"], [65_536, "65536"], [1.5, "1.5"], [NaN, "NaN"]];
  await check([
    [
      "options",
      [["8080", '"8080"'], NULL, TRUE, SYMBOL, LIST, CALL],
      "wanted a port or an object",
      (options) => new http.Server(options, {}),
    ],
    [
      "port",
      notPort.filter(([value]) => typeof value === "number"),
      "wanted a whole number from 0 to 65535",
      (port) => new http.Server(port, {}),
    ],
    ["port", [...notPort, [undefined, "undefined"]], "wanted", (port) => new http.Server({ port }, {})],
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => new http.Server(0, like)],
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => server.handler = like],
    ["option", [[{ prot: 1 }, '"prot" is unknown']], "wanted one of port", (options) => give(options)],
    ["hostname", [...notText, ["", '""']], "wanted", (hostname) => give({ hostname })],
    ["path", [...notText, ["", '""']], "wanted", (path) => new http.Server({ path }, {})],
    ["path", [["/a", "beside port"]], "wanted one of them", (path) => give({ path })],
    [
      "tls",
      [...notObject, CALL].filter((each) => each !== LIST),
      "wanted an object of cert and key",
      (tls) => give({ tls }),
    ],
    ["tls", [[{ cert: "a", key: "b", ca: "c" }, '"ca" is unknown']], "wanted one of cert, key", (tls) => give({ tls })],
    ["tls.cert", [...notText, [undefined, "undefined"]], "in PEM", (cert) => give({ tls: { cert, key: "a" } })],
    ["tls.key", [...notText, [undefined, "undefined"]], "in PEM", (key) => give({ tls: { cert: "a", key } })],
    ["maxHeadSize", notCount, "wanted", (maxHeadSize) => give({ maxHeadSize })],
    ["maxHeadFields", notCount, "wanted", (maxHeadFields) => give({ maxHeadFields })],
    ["maxBodySize", notAmount, "wanted a number", (maxBodySize) => give({ maxBodySize })],
    ["handshakeTimeout", notAmount, "wanted a number", (handshakeTimeout) => give({ handshakeTimeout })],
    ["onerror", notCall, "wanted a function", (onerror) => give({ onerror })],
    ["options", notObject, "wanted an object", (options) => server.close(options)],
    ["option", [[{ dealine: 1 }, '"dealine" is unknown']], "wanted one of code, reason", (o) => server.close(o)],
    ["code", [...notNumber, [1005, "1005"], [1000.5, "1000.5"]], "wanted 1000 to", (code) => server.close({ code })],
    ["reason", notText, "wanted a string", (reason) => server.close({ reason })],
    ["reason", [["é".repeat(62), "too long"]], "wanted at most 123 bytes", (reason) => server.close({ reason })],
    ["options", notObject, "wanted an object", (options) => server.broadcast("x", options)],
    ["option", [[{ exept: [] }, '"exept" is unknown']], "wanted one of compress", (o) => server.broadcast("x", o)],
    ["except", [FIVE, NULL, DATE], "wanted a Socket, or a list", (except) => server.broadcast("x", { except })],
    ["compress", notFlag, "wanted a boolean", (compress) => server.broadcast("x", { compress })],
    ["data", [SYMBOL], "wanted", (data) => server.broadcast(data)],
    ["deadline", notAmount, "wanted a number", (deadline) => server.close({ deadline })],
  ]);
});

test("http.Chain and http.Routing: handlers, methods and patterns", async () => {
  const routing = new http.Routing();
  const done = (): void => {};
  const notMap: readonly Wrong[] = [...notHandler, LIST];
  const patterns: readonly Wrong[] = ["/:a:b", "/(", "/a()", "/a(b", "^(", "/(a)+b(c)*"].map((pattern) => [
    pattern,
    `"${pattern}"`,
  ]);
  await check([
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => http.handler(like)],
    ["handler", notHandler, "wanted a function, an array, an object or a Handler", (like) => new http.Chain([like])],
    ["handler", notHandler, "wanted a function, an array", (like) => new http.Chain().append(like)],
    ["routes", notMap.filter(([value]) => typeof value !== "string"), "wanted", (map) => new http.Routing(map)],
    ["routes", notMap, "wanted an object of patterns", (map) => new http.Routing("GET", map)],
    ["routes", notMap.filter(([value]) => typeof value !== "string"), "wanted", (map) => routing.append(map)],
    [
      "method",
      [FIVE, NULL, SYMBOL, ["", '""'], ["GET POST", '"GET POST"']],
      "wanted a token",
      (method) => new http.Routing(method, {}),
    ],
    [
      "method",
      [FIVE, NULL, SYMBOL, ["", '""'], ["GET,PUT", '"GET,PUT"']],
      "wanted a token",
      (method) => routing.append(method, "/", done),
    ],
    ["pattern", [FIVE, NULL, SYMBOL, DATE], "wanted a string", (pattern) => routing.append("GET", pattern, done)],
    ["pattern", [FIVE, NULL, SYMBOL, DATE], "wanted a string", (pattern) => routing.append(pattern, done)],
    ["route", notHandler, "wanted a function, an array", (like) => routing.append("/", like)],
    ...(["all", "get", "post", "put", "del", "patch", "find", "host"] as const).flatMap((verb): Row[] => [
      ["pattern", [FIVE, NULL, SYMBOL], "wanted a string", (pattern) => routing[verb](pattern, done)],
      ["route", [...notHandler, [undefined, "undefined"]], "wanted a function", (like) => routing[verb]("/", like)],
    ]),
    ["route", notHandler, "wanted a function, an array", (like) => new http.Routing({ "/a": like })],
    ["pattern", patterns, "", (pattern) => new http.Routing({ [pattern]: done })],
    ["pattern", patterns, "", (pattern) => routing.get(pattern, done)],
    ["pattern", [["**", '"**"'], ["a.**.b", '"a.**.b"']], "", (pattern) => routing.host(pattern, done)],
  ]);
});

test("http.HttpResponse", async () => {
  const response = new http.HttpResponse();
  const cookie = (name: string) => (value: never): void =>
    response.addCookie({ name: "a", value: "b", [name]: value } as http.Cookie);
  await check([
    [
      "status",
      [...notNumber, [199, "199"], [600, "600"], [200.5, "200.5"]],
      "wanted 200 to 599",
      (status) => response.statusCode = status,
    ],
    [
      "name",
      [FIVE, NULL, SYMBOL, ["a b", '"a b"'], ["", '""']],
      "wanted a token",
      (name) => response.setHeader(name, "a"),
    ],
    ["field x-a", [NULL, TRUE, SYMBOL, DATE, NONE], "wanted a string", (value) => response.setHeader("x-a", value)],
    ["field x-a", [[["a", null], "null"]], "wanted a string", (value) => response.addHeader("x-a", value)],
    ["field x-a", [["a\r\nb", String.raw`"\x0d"`]], "wanted printable", (value) => response.setHeader("x-a", value)],
    ["cookie", notObject, "wanted an object with name and value", (value) => response.addCookie(value)],
    [
      "cookie",
      [[{ name: "a", value: "", httponly: true }, '"httponly" is unknown']],
      "wanted one of name",
      (value) => response.addCookie(value),
    ],
    ["name", [...notText, ["a b", '"a b"'], ["", '""']], "wanted a token", cookie("name")],
    ...["value", "domain", "path"].flatMap((name): Row[] => [
      [name, notText, "wanted a string", cookie(name)],
      [name, [["a\nb", String.raw`"a\x0ab"`]], "wanted text without control characters", cookie(name)],
    ]),
    [
      "expires",
      [["now", '"now"'], FIVE, NULL, [new Date(NaN), "an object of Date"]],
      "wanted a Date",
      cookie(
        "expires",
      ),
    ],
    ["maxAge", [...notNumber, [1.5, "1.5"]], "wanted whole seconds", cookie("maxAge")],
    ["httpOnly", notFlag, "wanted a boolean", cookie("httpOnly")],
    ["secure", notFlag, "wanted a boolean", cookie("secure")],
    ["sameSite", [...notText, ["x", '"x"']], "wanted Strict, Lax or None", cookie("sameSite")],
    ["url", [...notText.slice(1), [undefined, "undefined"]], "wanted a string", (url) => response.redirect(302, url)],
    ["status", [[200, "200"], NULL, SYMBOL], "wanted 301, 302", (status) => response.redirect(status, "/")],
    [
      "JSON",
      [SYMBOL, CALL, BIG, [undefined, "undefined"]],
      "wanted a value that JSON can hold",
      (value) => response.json(value),
    ],
    ["answer", notText, "wanted a string or a Uint8Array", (data) => response.write(data)],
    ["answer", notText, "wanted a string or a Uint8Array", (data) => response.end(data)],
  ]);
  assertEquals([response.statusCode, response.hasHeaders, response.body, response.isEnded()], [
    200,
    false,
    null,
    false,
  ]);
});

test("http.HttpClient and http.CookieJar", async () => {
  const client = new http.HttpClient();
  const make = (name: string) => (value: never): unknown => new http.HttpClient({ [name]: value });
  const get = (name: string) => (value: never): unknown => client.get("http://127.0.0.1:1/", { [name]: value });
  const jar = new http.CookieJar();
  await check([
    ["options", notObject, "wanted an object", (options) => new http.HttpClient(options)],
    [
      "option",
      [[{ jar: 1 }, '"jar" is unknown']],
      "wanted one of cookieJar",
      (options) => new http.HttpClient(options),
    ],
    ["cookieJar", notObject, "wanted an object with getCookieString", make("cookieJar")],
    ["proxy", notText, "wanted the URL of a proxy", make("proxy")],
    ["tls", notObject, "wanted an object", make("tls")],
    ["headers", [["x", '"x"'], FIVE, NULL], "wanted Headers", make("headers")],
    ...["maxRedirects", "timeout", "maxBodySize"].map((name): Row => [name, notAmount, "wanted a number", make(name)]),
    ["connect", notCall, "wanted a function", make("connect")],
    ["url", notUrl, "wanted an absolute URL", (url) => client.get(url)],
    [
      "method",
      [FIVE, NULL, SYMBOL, ["", '""'], ["a b", '"a b"']],
      "wanted a token",
      (method) => client.request(method, "http://127.0.0.1:1/"),
    ],
    ["options", notObject, "wanted an object", (options) => client.get("http://127.0.0.1:1/", options)],
    [
      "option",
      [[{ data: 1 }, '"data" is unknown']],
      "wanted one of headers",
      (o) => client.get("http://127.0.0.1:1/", o),
    ],
    ["headers", [["x", '"x"'], FIVE, NULL], "wanted Headers", get("headers")],
    ["body", notText, "wanted text, bytes or URLSearchParams", get("body")],
    ["json", [SYMBOL, CALL, BIG], "wanted a value that JSON can hold", get("json")],
    ["query", [["a=b", '"a=b"'], FIVE, NULL], "wanted an object or URLSearchParams", get("query")],
    ["signal", notObject, "wanted an AbortSignal", get("signal")],
    ["cookie", notText, "wanted a string", (cookie) => jar.setCookie(cookie, "http://a/")],
    ["url", notUrl, "wanted an absolute URL", (url) => jar.setCookie("a=b", url)],
    ["url", notUrl, "wanted an absolute URL", (url) => jar.getCookieString(url)],
  ]);
  assertEquals(jar.cookies, []);
});
