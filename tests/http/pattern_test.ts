import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { compileHost, compilePath, compilePrefix, type Pattern } from "../../src/http/pattern.ts";

/** The groups that are parameters, then what becomes of the value; null when the pattern does not match. */
function match(pattern: Pattern, value: string): { params: (string | undefined)[]; value: string } | null {
  const found = pattern.regexp.exec(value);
  if (found === null) return null;
  return {
    params: pattern.params.map((group) => found[group]),
    value: pattern.value === -1 ? value : pattern.value === 0 ? "" : found[pattern.value] ?? "",
  };
}

const paths: [pattern: string, path: string, params: (string | undefined)[] | null][] = [
  ["/", "/", []],
  ["/", "", []],
  ["/", "/a", null],
  ["/ws", "/ws", []],
  ["/ws", "/WS", []],
  ["/ws", "/ws/", []],
  ["/ws", "/ws//", null],
  ["/ws/", "/ws", []],
  ["/ws", "/ws1", null],
  ["/ws", "/ws/a", null],
  ["/a.b", "/aXb", null],
  ["/a+b|c", "/a+b|c", []],
  ["/a\\*\\:b", "/a*:b", []],
  ["/a:", "/a:", []],
  ["/:id", "/7", ["7"]],
  ["/:id", "/7/", ["7"]],
  ["/:id", "/", null],
  ["/:id", "/7/8", null],
  ["/:id", "/a%2Fb", ["a%2Fb"]],
  ["/users/:id/posts/:post", "/users/1/posts/2", ["1", "2"]],
  [":id", "7", ["7"]],
  ["/:id?", "/", [undefined]],
  ["/:id?", "/7", ["7"]],
  ["/:id?", "//", null],
  ["/:id?/edit", "/edit", [undefined]],
  ["/:id?/edit", "/7/edit", ["7"]],
  ["/:a?-b", "/-b", [undefined]],
  ["/:a?-b", "/x-b", ["x"]],
  ["/:a?/:b?", "/1", ["1", undefined]],
  ["/:rest+", "/a/b/c", ["a/b/c"]],
  ["/:rest+", "/", null],
  ["/:rest+", "/a//b", null],
  ["/:rest*", "/", [undefined]],
  ["/:rest*", "/a/b", ["a/b"]],
  ["/:rest+end", "/a/bend", ["a/b"]],
  ["/:a+/:b", "/1/2/3", ["1/2", "3"]],
  ["/:a+/:b+", "/1/2/3", ["1/2", "3"]],
  ["/:id(\\d+)", "/42", ["42"]],
  ["/:id(\\d+)", "/x", null],
  ["/:id(\\d+)+", "/1/2", ["1/2"]],
  ["/:id(\\d+)+", "/1/x", null],
  ["/:kind(a|b)*", "/a/b/a", ["a/b/a"]],
  ["/:kind(a|b)*", "/ab", null],
  ["/(\\d+)?", "/", [undefined]],
  ["/(\\d+)?", "/5", ["5"]],
  ["/(big-)?icon-:size(\\d+).png", "/icon-16.png", [undefined, "16"]],
  ["/(big-)?icon-:size(\\d+).png", "/big-icon-16.png", ["big-", "16"]],
  ["/:all(.*)", "/a/b", ["a/b"]],
  ["/:nested((a|b)(c))/:z", "/ac/9", ["ac", "9"]],
  ["/:set([)(]+)", "/()", ["()"]],
  ["/:par(\\))", "/)", [")"]],
  ["/*", "/", [""]],
  ["/*", "/a/b/", ["a/b/"]],
  ["/*", "", null],
  ["/a/*", "/a", null],
  ["/a/*", "/a/b", ["b"]],
  ["/:a/*", "/1/2/3", ["1", "2/3"]],
  ["/*/edit", "/a/b/edit", ["a/b"]],
  ["/*/x/*/y", "/1/x/2/x/3/y", ["1/x/2", "3"]],
  ["/:a-*", "/1-2-3", ["1", "2-3"]],
  ["/:name.json", "/a.json", ["a"]],
  ["/:name.json", "/a.json.json", ["a.json"]],
  ["/:name.json", "/.json", null],
  ["/a.:ext", "/a.txt", ["txt"]],
  ["/a.:ext", "/a.b.txt", null],
  ["/a.:ext", "/a.b/c", null],
  ["/a.:ext?", "/a", [undefined]],
  ["/a.:ext+", "/a.b.c", ["b.c"]],
  ["/:name.:ext", "/a.b.c", ["a.b", "c"]],
  ["/:name.:ext?", "/a", ["a", undefined]],
  ["/:name.:ext?", "/a.b.c", ["a.b", "c"]],
  ["/:a-:b", "/1-2", ["1", "2"]],
  ["/:a-:b", "/1-2-3", ["1-2", "3"]],
  ["/:a-x-:b", "/1-x-2-y", ["1", "2-y"]],
  ["/:a\\(:b?\\)", "/f(x)", ["f", "x"]],
  ["/:a\\(:b?\\)", "/f()", ["f", undefined]],
  ["/é", "/é", []],
  ["/é", "/%c3%a9", []],
  ["/:a é:b", "/1 %C3%A92", ["1", "2"]],
  ["/😀", "/%F0%9F%98%80", []],
];

test("compilePath() makes patterns that match as a table says", () => {
  for (const [pattern, path, params] of paths) {
    const found = match(compilePath(pattern), path);
    assertEquals(found === null ? null : found.params, params, `${pattern} on ${path}`);
  }
});

const raws: [pattern: string, value: string, params: string[], rest: string][] = [
  ["^/func1(/([0-9]+)/([0-9]+)\\.html)$", "/func1/123/456.html", ["123", "456"], "/123/456.html"],
  ["^/func1/[0-9]+\\.html$", "/FUNC1/1.html", [], "/FUNC1/1.html"],
  ["^/f/([0-9]+)/([0-9]+)$", "/f/1/2", ["1", "2"], ""],
  ["^/f/([0-9]+)$", "/f/1", ["1"], "1"],
  ["^/f(/(([a-z])[0-9]+))$", "/f/a1", ["a1"], "/a1"],
  ["^/f/(?:x)([(]+)(?=y)(?<n>y)$", "/f/x((y", ["((", "y"], ""],
  ["^/f/\\(([a-z])$", "/f/(b", ["b"], "b"],
  ["^/f", "/full/of/it", [], "/full/of/it"],
];

test("compilePath() takes a raw expression and finds its value and parameters by its groups", () => {
  for (const [pattern, value, params, rest] of raws) {
    assertEquals(match(compilePath(pattern), value), { params, value: rest }, pattern);
  }
});

test("compilePath() gives the one parameter as the value, and none where there are several", () => {
  assertEquals(match(compilePath("/a/:id"), "/a/1")?.value, "1");
  assertEquals(match(compilePath("/a/:id/:b"), "/a/1/2")?.value, "");
  assertEquals(match(compilePath("/a"), "/A/")?.value, "/A/");
});

const prefixes: [pattern: string, path: string, rest: string | null, params: string[]][] = [
  ["/api", "/api/a/b", "/a/b", []],
  ["/api", "/api", "", []],
  ["/api", "/api/", "/", []],
  ["/api", "/apis", null, []],
  ["/api/", "/api/a", "/a", []],
  ["/api/*", "/api/a", "/a", []],
  ["/", "/a", "/a", []],
  ["/*", "/a", "/a", []],
  ["/:user", "/bob/a", "/a", ["bob"]],
  ["/:user(\\w+)", "/bob/a", "/a", ["bob"]],
  ["/v:major.:minor", "/v1.2/a", "/a", ["1", "2"]],
  ["^/raw(/.*)$", "/raw/a", "/a", ["/a"]],
];

test("compilePrefix() leaves what follows a whole segment as the value", () => {
  for (const [pattern, path, rest, params] of prefixes) {
    const found = match(compilePrefix(pattern), path);
    assertEquals(found, rest === null ? null : { params, value: rest }, `${pattern} on ${path}`);
  }
});

const hosts: [pattern: string, host: string, params: string[] | null][] = [
  ["test.com", "test.com", []],
  ["test.com", "TEST.com", []],
  ["test.com", "www.test.com", null],
  ["test.com", "testXcom", null],
  ["*.test.com", "www.test.com", ["www"]],
  ["*.test.com", "a.b.test.com", null],
  ["*.test.com", "test.com", null],
  ["w*.test.com", "web.test.com", ["eb"]],
  ["a.*.b.*", "a.x.b.y", ["x", "y"]],
  ["*-*.com", "a-b-c.com", ["a-b", "c"]],
  ["*", "anything.at.all", []],
  ["*", "", []],
  ["[::1]", "[::1]", []],
  ["^(?:a|b)\\.com$", "b.com", []],
];

test("compileHost() makes patterns that match as a table says", () => {
  for (const [pattern, host, params] of hosts) {
    const found = match(compileHost(pattern), host);
    assertEquals(found === null ? null : found.params, params, `${pattern} on ${host}`);
  }
});

test("compilePath() refuses what cannot be compiled, and names the pattern", () => {
  const faults: [pattern: string, mention: string][] = [
    ["/:a:b", "nothing stands between"],
    ["/**", "nothing stands between"],
    ["/:a*:b", "nothing stands between"],
    ["/:a(\\d+", "parenthesis"],
    ["/:a()", "empty"],
    ["/:a(*)", "/:a(*)"],
    ["/v:a(\\d+)+", "needs a / or a ."],
    ["^/(a", "^/(a"],
    ["/:a(?<n>x)/:b(?<n>y)", "(?<n>x)"],
  ];
  for (const [pattern, mention] of faults) {
    const error = assertThrows(() => compilePath(pattern), SyntaxError);
    assert(error.message.includes(mention.replaceAll("<", "\\x3c").replaceAll(">", "\\x3e")), error.message);
  }
  assertThrows(() => compileHost("a**b"), SyntaxError, "nothing stands between");
});

test("compilePath() makes nothing that a hostile path can slow down", () => {
  const patterns = [
    "/:a-:b-:c-:d",
    "/:a-x-:b-x-:c",
    "/:a.:b.:c",
    "/:a+/:b+/:c",
    "/:a*/x/:b+/x/:c",
    "/*/x/*/x/*/y",
    "/*x*x*x*y",
    "/*/:a+/:b-:c/*-y",
    "/:a?/:b?/:c?/x",
    "/:a.:b+/:c.:d*z",
  ];
  const units = ["-", "-x-", "x", "a-", ".", ".a", "/", "/x", "/x/", "a/", "/-.x"];
  for (const pattern of patterns) {
    const compiled = [compilePath(pattern), compilePrefix(pattern)];
    for (const unit of units) {
      for (const end of ["", "//", "/", "-", "/z//"]) {
        const path = "/" + unit.repeat(Math.ceil(32_000 / unit.length)) + end;
        const start = performance.now();
        for (const { regexp } of compiled) regexp.test(path);
        const took = performance.now() - start;
        // In proportion to its length it takes a few; to the square of it, many thousands.
        assert(took < 500, `${pattern} on ${unit}... took ${took} ms`);
      }
    }
  }
});
