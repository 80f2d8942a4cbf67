/** The cookie jar, by RFC 6265, section 5. */

import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { CookieJar } from "../../src/http/cookie_jar.ts";

/** What a jar sends for URLs, once cookies were set by others. */
function sent(set: readonly (readonly [cookie: string, url: string])[], ...urls: readonly string[]): string[] {
  const jar = new CookieJar();
  for (const [cookie, url] of set) jar.setCookie(cookie, url);
  return urls.map((url) => jar.getCookieString(url));
}

test("CookieJar sends a cookie to the host that set it, and to no other", () => {
  assertEquals(
    sent(
      [["a=1", "http://a.example/"]],
      "http://a.example/x",
      "http://A.EXAMPLE:8080/",
      "ws://a.example/",
      "http://b.a.example/",
      "http://example/",
    ),
    ["a=1", "a=1", "a=1", "", ""],
  );
});

test("CookieJar sends a cookie with a domain to all hosts below it", () => {
  const urls = ["http://a.example/", "http://b.a.example/", "http://ba.example/", "http://example/"];
  assertEquals(sent([["a=1; Domain=a.example", "http://b.a.example/"]], ...urls), ["a=1", "a=1", "", ""]);
  assertEquals(sent([["a=1; domain=.A.Example", "http://a.example/"]], ...urls), ["a=1", "a=1", "", ""]);
});

test("CookieJar refuses a cookie for a domain that is not its server's", () => {
  const jar = new CookieJar();
  const wrong: [cookie: string, url: string][] = [
    ["a=1; Domain=b.example", "http://a.example/"],
    ["a=1; Domain=b.a.example", "http://a.example/"],
    ["a=1; Domain=example", "http://a.example/"],
    ["a=1; Domain=0.0.1", "http://127.0.0.1/"],
    ["a=1; Secure", "http://a.example/"],
    ["__Secure-a=1", "https://a.example/"],
    ["__Host-a=1; Secure", "https://a.example/"],
    ["__Host-a=1; Secure; Path=/; Domain=a.example", "https://a.example/"],
    ["=1", "http://a.example/"],
    ["a", "http://a.example/"],
    ["a b=1", "http://a.example/"],
    ["a=1\r\nb", "http://a.example/"],
    [`a=${"x".repeat(4_096)}`, "http://a.example/"],
  ];
  for (const [cookie, url] of wrong) assertEquals(jar.setCookie(cookie, url), false, cookie);
  assertEquals(jar.cookies, []);
  assertEquals(jar.setCookie("__Host-a=1; Secure; Path=/", "https://a.example/"), true);
  assertEquals(jar.setCookie("b=1; Domain=127.0.0.1", "http://127.0.0.1/"), true);
});

test("CookieJar goes by path", () => {
  const url = (path: string): string => `http://a.example${path}`;
  assertEquals(
    sent([["a=1; Path=/foo", url("/")]], url("/foo"), url("/foo/"), url("/foo/bar"), url("/foobar"), url("/")),
    ["a=1", "a=1", "a=1", "", ""],
  );
  // Without a path, or with one that is none: that of the request up to its last slash.
  assertEquals(sent([["a=1", url("/foo/bar")]], url("/foo/x"), url("/foo"), url("/")), ["a=1", "a=1", ""]);
  assertEquals(sent([["a=1; Path=foo", url("/x")]], url("/")), ["a=1"]);
  assertEquals(sent([["a=1; Path=/foo/", url("/")]], url("/foo"), url("/foo/bar")), ["", "a=1"]);
});

test("CookieJar keeps secure cookies for TLS", () => {
  assertEquals(
    sent([["a=1; Secure", "https://a.example/"]], "https://a.example/", "wss://a.example/", "http://a.example/"),
    ["a=1", "a=1", ""],
  );
});

test("CookieJar sends longer paths first, and then older cookies", () => {
  const from = "http://a.example/x/y/z";
  assertEquals(
    sent([["a=1; Path=/", from], ["b=2; Path=/x/y", from], ["c=3; Path=/", from], ["d=4; Path=/x", from]], from),
    ["b=2; d=4; a=1; c=3"],
  );
});

test("CookieJar replaces a cookie of the same name, domain and path, in its place", () => {
  const from = "http://a.example/";
  assertEquals(sent([["a=1", from], ["b=2", from], ["a=3", from], ["a=4; Path=/x", from]], from, `${from}x`), [
    "a=3; b=2",
    "a=4; a=3; b=2",
  ]);
});

test("CookieJar drops cookies that have ended", async () => {
  const from = "http://a.example/";
  const past = "Expires=Thu, 01 Jan 1970 00:00:01 GMT";
  const future = "Expires=Fri, 01 Jan 2100 00:00:01 GMT";
  assertEquals(
    sent(
      [
        ["a=1", from],
        ["b=1", from],
        [`a=1; ${past}`, from],
        ["b=1; Max-Age=0", from],
        [`c=1; Max-Age=60; ${past}`, from],
        [`d=1; Max-Age=-1; ${future}`, from],
        [`e=1; ${future}`, from],
        ["f=1; Max-Age=x", from],
        ["g=1; Expires=never", from],
      ],
      from,
    ),
    ["c=1; e=1; f=1; g=1"],
  );
  const jar = new CookieJar();
  jar.setCookie("a=1; Max-Age=1", from);
  assertEquals(jar.getCookieString(from), "a=1");
  const { expires } = jar.cookies[0]!;
  while (Date.now() <= expires) await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(jar.getCookieString(from), "");
});

test("CookieJar is bounded", () => {
  const jar = new CookieJar();
  for (let i = 0; i < 60; i++) jar.setCookie(`a${i}=1`, "http://a.example/");
  assertEquals(jar.cookies.length, 50);
  assertEquals(jar.cookies[0]!.name, "a10");
  for (let i = 0; i < 3_100; i++) jar.setCookie("a=1", `http://a${i}.example/`);
  assertEquals(jar.cookies.length, 3_000);
});

test("CookieJar tells what it keeps, and forgets it", () => {
  const jar = new CookieJar();
  jar.setCookie('a="1, 2"; Path=/x; HttpOnly; SameSite=Lax', new URL("https://b.example/"));
  assertEquals(jar.cookies, [
    {
      name: "a",
      value: '"1, 2"',
      domain: "b.example",
      hostOnly: true,
      path: "/x",
      secure: false,
      expires: Infinity,
    },
  ]);
  jar.clear();
  assertEquals(jar.cookies, []);
  assertThrows(() => jar.getCookieString("no url"), SyntaxError, 'url is "no url", wanted an absolute URL');
  assertThrows(() => jar.setCookie("a=1", "no url"), SyntaxError);
});
