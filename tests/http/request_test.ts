import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { RequestError } from "../../src/http/exchange.ts";
import { exchangeOf, HttpRequest } from "../../src/http/request.ts";
import type { Cookie } from "../../src/http/response.ts";
import { bodyText, FakeExchange, fakeRequest } from "./fake_exchange.ts";

test("HttpRequest takes its target apart", () => {
  const targets: [target: string, address: string, query: string, hostname: string | null][] = [
    ["/", "/", "", "localhost"],
    ["/a/b%20c?x=1&y=2?z", "/a/b%20c", "x=1&y=2?z", "localhost"],
    ["/?", "/", "", "localhost"],
    ["//a//b", "//a//b", "", "localhost"],
    ["http://Other.example:81/a?b", "/a", "b", "other.example"],
    ["HTTPS://other.example", "/", "", "other.example"],
    ["http://other.example?b/c", "/", "b/c", "other.example"],
    ["http://[::1]:8/", "/", "", "[::1]"],
    ["*", "*", "", "localhost"],
  ];
  for (const [target, address, query, hostname] of targets) {
    const req = fakeRequest("GET", target, [["Host", "LOCALHOST:80"]]);
    assertEquals([req.address, req.value, req.queryString, req.hostname], [address, address, query, hostname], target);
  }
  assertEquals(fakeRequest("GET", "/", []).hostname, null);
  assertEquals([...fakeRequest("GET", "/?a=1&a=2&b=%zz").query], [["a", "1"], ["a", "2"], ["b", "%zz"]]);
});

test("HttpRequest gives its fields one by one and as the web has them", () => {
  const req = fakeRequest("GET", "/", [["Host", "h"], ["X-A", "1"], ["x-a", "2, 3"], ["Connection", "a, UPGRADE"]]);
  assertEquals([req.firstHeader("x-A"), req.firstHeader("none")], ["1", null]);
  assertEquals([req.hasHeader("HOST"), req.hasHeader("none")], [true, false]);
  assertEquals([req.allHeader("x-a"), req.allHeader("none")], [["1", "2, 3"], []]);
  assert(req.headers instanceof Headers);
  assertEquals(req.headers.get("x-a"), "1, 2, 3");
  assertStrictEquals(req.headers, req.headers);
  assert(req.upgrade);
  assert(!fakeRequest("GET", "/").upgrade);
  assertEquals(req.remote, { transport: "memory" });
});

test("HttpRequest reads cookies, the first of a name, whatever is in them", () => {
  const cookies = (...values: string[]): [string, string][] => {
    const fields = values.map((value): [string, string] => ["Cookie", value]);
    return [...fakeRequest("GET", "/", fields).cookies];
  };
  assertEquals(cookies("a=1; b=2;c=3"), [["a", "1"], ["b", "2"], ["c", "3"]]);
  assertEquals(cookies("a=1", "b=2; a=3"), [["a", "1"], ["b", "2"]]);
  assertEquals(cookies('a="x y"; b="; c=a=b'), [["a", "x y"], ["b", '"'], ["c", "a=b"]]);
  assertEquals(cookies("a=%C3%A9; b=%zz; __proto__=1"), [["a", "é"], ["b", "%zz"], ["__proto__", "1"]]);
  assertEquals(cookies("none; =x; ;;  a = b "), [["a", "b"]]);
  assertEquals(cookies(), []);
});

test("HttpRequest aborts its signal when the peer is gone", () => {
  const req = fakeRequest("GET", "/");
  assertEquals(exchangeOf(req).ongone, undefined);
  const { signal } = req;
  assert(!signal.aborted);
  exchangeOf(req).ongone?.("gone");
  assertEquals([signal.aborted, signal.reason], [true, "gone"]);
  assertStrictEquals(req.signal, signal);
});

test("HttpRequest reads its body once, and gives it in all forms", async () => {
  const body = '{"a":"é"}';
  const fields = [["Host", "h:1"], ["Content-Length", "10"], ["Content-Type", "application/json"]] as const;
  const exchange = new FakeExchange("POST", "/p?q", fields, body);
  const req = new HttpRequest(exchange);
  const { request } = req;
  assertEquals(exchange.reads, 0);
  assertEquals([request.method, request.url], ["POST", "http://h:1/p?q"]);
  assertEquals(request.headers.get("content-type"), "application/json");
  assertEquals(await request.json(), { a: "é" });
  assertEquals([await req.text(), await req.json(), (await req.bytes()).length], [body, { a: "é" }, 10]);
  assertEquals(await bodyText(req.body), body);
  assertEquals(exchange.reads, 1);
  assertStrictEquals(req.request, request);
  await assertRejects(() => fakeRequest("POST", "/", [], "{").json(), RequestError, "not JSON");
});

test("HttpRequest makes no Request of a host that is none, and says whose fault it is", () => {
  assertEquals(fakeRequest("GET", "/a", []).request.url, "http://localhost/a");
  assertEquals(fakeRequest("GET", "//a", [["Host", "h"]]).request.url, "http://h//a");
  assertEquals(fakeRequest("GET", "/a", [["Host", "h/x?"]]).request.url, "http://localhost/a");
  assertThrows(() => fakeRequest("GET", "/", [["Host", "1.2.3.999"]]).request, RequestError, "1.2.3.999");
});

test("HttpResponse sets, adds and removes fields", () => {
  const { response } = fakeRequest("GET", "/");
  assert(!response.hasHeaders);
  response.setHeader("x-a", "1");
  response.addHeader("X-A", ["2", 3]);
  response.setHeader({ "x-b": "b", "x-c": ["c", "d"] });
  assertEquals([...response.headers].flat().join(), "x-a,1,X-A,2,X-A,3,x-b,b,x-c,c,x-c,d");
  response.setHeader("x-A", "9");
  response.removeHeader("X-c");
  assertEquals([response.allHeader("x-a"), response.hasHeader("x-c"), response.firstHeader("x-b")], [
    ["9"],
    false,
    "b",
  ]);
});

test("HttpResponse refuses what would split it", () => {
  const { response } = fakeRequest("GET", "/");
  const attacks: [string, () => unknown][] = [
    ["value", () => response.setHeader("x-a", "1\r\nx-b: 2")],
    ["value", () => response.addHeader("x-a", ["ok", "1\n"])],
    ["value", () => response.setHeader({ "x-a": "1\0" })],
    ["name", () => response.setHeader("x-a: 1\r\nx-b", "2")],
    ["name", () => response.setHeader("", "2")],
    ["kind", () => response.setHeader("x-a", undefined as unknown as string)],
    ["latin1", () => response.setHeader("x-a", "\u0100")],
    ["list", () => response.headers.append("x-a", "1\r\n")],
    ["cookie name", () => response.addCookie({ name: "a=b; c", value: "" })],
    ["cookie value", () => response.addCookie({ name: "a", value: "1\r\nSet-Cookie: b=2" })],
    ["cookie path", () => response.addCookie({ name: "a", value: "1", path: "/; Domain=evil" })],
    ["cookie domain", () => response.addCookie({ name: "a", value: "1", domain: "x\r\ny" })],
    ["cookie expires", () => response.addCookie({ name: "a", value: "1", expires: new Date(NaN) })],
    ["cookie age", () => response.addCookie({ name: "a", value: "1", maxAge: 1.5 })],
    ["cookie site", () => response.addCookie({ name: "a", value: "1", sameSite: "x\r\n" } as unknown as Cookie)],
    ["redirect", () => response.redirect("/\r\nx: y")],
  ];
  for (const [what, attack] of attacks) {
    const error = assertThrows(attack, TypeError);
    assert(/^Cannot add .*wanted/.test(error.message), `${what}: ${error.message}`);
  }
  assertEquals([...response.headers], []);
  assertEquals([response.statusCode, response.isEnded()], [200, false]);
});

test("HttpResponse writes cookies that HttpRequest reads back", () => {
  const { response } = fakeRequest("GET", "/");
  const values = ["plain", "", 'a b;c,d"e\\f', "50% é 😀", "\ud800"];
  const pairs = values.map((value, i) => {
    response.addCookie({ name: `c${i}`, value });
    return response.allHeader("set-cookie")[i]!;
  });
  const { cookies } = fakeRequest("GET", "/", [["Cookie", pairs.join("; ")]]);
  assertEquals([...cookies.values()], [...values.slice(0, 4), "\ufffd"]);
  response.removeHeader("set-cookie");
  response.addCookie({
    name: "a",
    value: "1",
    domain: "example.com",
    path: "/p",
    expires: new Date(0),
    maxAge: -1,
    httpOnly: true,
    secure: true,
    sameSite: "Lax",
  });
  assertEquals(
    response.firstHeader("set-cookie"),
    "a=1; Domain=example.com; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=-1; HttpOnly; Secure; SameSite=Lax",
  );
});

test("HttpResponse puts a body together", async () => {
  const { response } = fakeRequest("GET", "/");
  assertEquals(response.body, null);
  const bytes = Uint8Array.of(33);
  response.write("é");
  response.write(bytes);
  response.end("?");
  bytes[0] = 0;
  assertEquals(await bodyText(response.body), "é!?");
  assertThrows(() => response.write("more"), TypeError, "has ended");
  assertThrows(() => fakeRequest("GET", "/").response.write(7 as unknown as string), TypeError, "wanted a string");

  const other = fakeRequest("GET", "/").response;
  other.write("lost");
  other.json({ a: [1] });
  assertEquals([await bodyText(other.body), other.firstHeader("content-type")], ['{"a":[1]}', "application/json"]);
  assertThrows(() => other.json(undefined), TypeError, "got undefined, wanted a value that JSON can hold");
});

test("HttpResponse redirects", () => {
  const { response } = fakeRequest("GET", "/");
  response.redirect("/é?a=b c");
  assertEquals([response.statusCode, response.firstHeader("location")], [302, "/%C3%A9?a=b%20c"]);
  assert(response.isEnded());
  const other = fakeRequest("GET", "/").response;
  other.redirect(308, "https://a.example/");
  assertEquals([other.statusCode, other.firstHeader("location")], [308, "https://a.example/"]);
  assertThrows(() => other.redirect(200, "/"), RangeError, "status is 200");
});

test("HttpResponse refuses a status that is none", () => {
  const { response } = fakeRequest("GET", "/");
  for (const status of [101, 600, 200.5, NaN]) {
    assertThrows(() => response.statusCode = status, RangeError, "wanted 200");
  }
  response.status = 404;
  assertEquals(response.statusCode, 404);
});
