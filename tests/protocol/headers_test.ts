/** The grammar inside header field values. */

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  formatExtensions,
  hasToken,
  isHost,
  isToken,
  parseExtensions,
  parseTokenList,
  quote,
  trimSpace,
} from "../../src/protocol/headers.ts";

test("isToken - exactly the characters of RFC 9110, 5.6.2", () => {
  let allowed = "";
  for (let code = 0; code < 0x250; code++) {
    const char = String.fromCharCode(code);
    if (isToken(char)) allowed += char;
    assertEquals(isToken("a" + char + "b"), isToken(char), `code ${code}`);
  }
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  assertEquals(allowed, "!#$%&'*+-.0123456789" + letters + "^_`" + letters.toLowerCase() + "|~");
  assert(!isToken(""));
});

test("trimSpace - takes spaces and tabs off, and nothing else", () => {
  assertEquals(trimSpace(" \t a b\t "), "a b");
  assertEquals(trimSpace(" \t "), "");
  assertEquals(trimSpace(""), "");
  assertEquals(trimSpace("\xa0a\xa0"), "\xa0a\xa0");
  assertEquals(trimSpace("x: 1 ,", 2, 5), "1");
});

test("parseTokenList - lists", () => {
  const cases: [string, string[] | undefined][] = [
    ["chat", ["chat"]],
    ["chat, superchat", ["chat", "superchat"]],
    ["chat,superchat", ["chat", "superchat"]],
    ["\tchat \t,\t superchat ", ["chat", "superchat"]],
    [", chat,, ,superchat ,", ["chat", "superchat"]],
    ["chat, chat, Chat", ["chat", "chat", "Chat"]],
    ["__proto__, constructor", ["__proto__", "constructor"]],
    ["", undefined],
    [" ", undefined],
    [",", undefined],
    [" , ,", undefined],
    ["chat superchat", undefined],
    ["chat;superchat", undefined],
    ["chat, b@d", undefined],
    ['"chat"', undefined],
    ["chat\r\n", undefined],
    ["chat\x00", undefined],
    ["ch\xe4t", undefined],
    ["ch\u0141t", undefined],
    ["chat\xa0, x", undefined],
  ];
  for (const [value, list] of cases) assertEquals(parseTokenList(value), list, JSON.stringify(value));
});

test("hasToken - a whole element in any case, whatever the others are", () => {
  for (
    const value of ["upgrade", "Upgrade", "UPGRADE", " upgrade\t", "keep-alive, Upgrade", ",,upgrade", "a,upgrade ,b"]
  ) {
    assert(hasToken(value, "upgrade"), value);
    assert(hasToken(value, "Upgrade"), value);
  }
  for (
    const value of [
      null,
      "",
      ",",
      "upgrades",
      "up grade",
      "xupgrade",
      "upgrade;x",
      '"upgrade"',
      "keep-alive, upgradeable",
    ]
  ) {
    assert(!hasToken(value, "upgrade"), String(value));
  }
  assert(hasToken("HTTP/3.0, websocket", "websocket"));
  assert(!hasToken("websocket/13", "websocket"));
});

test("parseExtensions - extensions and parameters", () => {
  const cases: [string, unknown][] = [
    ["foo", [{ name: "foo", params: [] }]],
    ["foo, bar; baz=2", [{ name: "foo", params: [] }, { name: "bar", params: [["baz", "2"]] }]],
    ["foo; x; y=1;z", [{ name: "foo", params: [["x", true], ["y", "1"], ["z", true]] }]],
    ["foo ;\tx = 1 , bar", [{ name: "foo", params: [["x", "1"]] }, { name: "bar", params: [] }]],
    ["foo; x=1; x=2; x", [{ name: "foo", params: [["x", "1"], ["x", "2"], ["x", true]] }]],
    ['foo; x="1"', [{ name: "foo", params: [["x", "1"]] }]],
    ['foo; x="\\1\\0" ;y', [{ name: "foo", params: [["x", "10"], ["y", true]] }]],
    ['foo; x="a\\b\\c",bar', [{ name: "foo", params: [["x", "abc"]] }, { name: "bar", params: [] }]],
    [" ,, foo , ,bar,", [{ name: "foo", params: [] }, { name: "bar", params: [] }]],
    ["foo, foo", [{ name: "foo", params: [] }, { name: "foo", params: [] }]],
    [
      "__proto__; constructor=toString; __proto__",
      [{ name: "__proto__", params: [["constructor", "toString"], ["__proto__", true]] }],
    ],
    ["foo; true=true", [{ name: "foo", params: [["true", "true"]] }]],
  ];
  for (const [value, list] of cases) assertEquals(parseExtensions(value), list as never, JSON.stringify(value));
  assertEquals(({} as Record<string, unknown>)["toString"], Object.prototype.toString);
});

test("parseExtensions - malformed text", () => {
  const cases = [
    "",
    " ",
    ",",
    ";",
    "foo;",
    "foo; ",
    "foo;;x",
    "foo;,bar",
    "foo bar",
    "foo=1",
    "foo; =1",
    "foo; x=",
    "foo; x=,",
    "foo; x==1",
    "foo; x y",
    "foo; x=1 2",
    'foo; x="',
    'foo; x=""',
    'foo; x="1',
    'foo; x="1\\',
    'foo; x="1\\"',
    'foo; x="a b"',
    'foo; x="a,b"',
    'foo; x="\\""',
    'foo; x="\\\\"',
    'foo; x="1"2',
    'foo; x="1" 2',
    'foo; "x"',
    '"foo"',
    "foo; x=\xe4",
    'foo; x="\xe4"',
    "foo\x00",
    "foo; x=1\r\ny: z",
    "fo\u0141",
  ];
  for (const value of cases) assertEquals(parseExtensions(value), undefined, JSON.stringify(value));
});

test("parseExtensions - cut anywhere, gives a list or nothing and never throws", () => {
  const value = ' foo;x="1\\0";y=2 ;z , permessage-deflate; client_max_window_bits, ';
  for (let end = 0; end <= value.length; end++) {
    const list = parseExtensions(value.slice(0, end));
    if (list !== undefined) assertEquals(parseExtensions(formatExtensions(list)), list);
  }
});

test("lists of a million elements are read in one pass", () => {
  // One that goes back for each element would be at it for minutes.
  const n = 1_000_000;
  assertEquals(parseTokenList("a,".repeat(n))?.length, n);
  assertEquals(parseTokenList(", \t".repeat(n)), undefined);
  assert(!hasToken("a,".repeat(n), "b"));
  assertEquals(parseExtensions("a,".repeat(n))?.length, n);
  assertEquals(parseExtensions("a" + ";b".repeat(n))?.[0]?.params.length, n);
  assertEquals(parseExtensions("a" + ";b ".repeat(n) + "="), undefined);
  assertEquals(parseExtensions('a;b="' + "\\c".repeat(n) + '"')?.[0]?.params, [["b", "c".repeat(n)]]);
  assertEquals(parseExtensions('a;b="' + "\\c".repeat(n)), undefined);
  assert(!isHost("a".repeat(n) + " "));
  assert(quote("\x00".repeat(n)).length < 400);
});

test("formatExtensions - writes what parseExtensions reads", () => {
  assertEquals(formatExtensions([]), "");
  const list = [
    {
      name: "permessage-deflate",
      params: [["server_max_window_bits", "10"], ["client_max_window_bits", true]] as const,
    },
    { name: "foo", params: [] },
  ];
  const value = formatExtensions(list);
  assertEquals(value, "permessage-deflate; server_max_window_bits=10; client_max_window_bits, foo");
  assertEquals(parseExtensions(value), list as never);
});

test("formatExtensions - refuses what is no token", () => {
  assertThrows(() => formatExtensions([{ name: "a b", params: [] }]), TypeError, '"a b"');
  assertThrows(() => formatExtensions([{ name: "a\r\nX: y", params: [] }]), TypeError, "a\\x0d\\x0aX");
  assertThrows(() => formatExtensions([{ name: "a", params: [["b c", true]] }]), TypeError, '"b c"');
  assertThrows(() => formatExtensions([{ name: "a", params: [["b", "1, c"]] }]), TypeError, "parameter b");
  assertThrows(() => formatExtensions([{ name: "a", params: [["b", ""]] }]), TypeError, "wanted a token");
});

test("isHost - names, addresses and ports", () => {
  const good = [
    "a",
    "a.example",
    "a.example:8080",
    "127.0.0.1",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:80",
    "[fe80::1%25eth0]",
    "a:",
  ];
  for (const value of [...good, "a_b-c.d~e", "%41", "[v1.x:y]", "a(b);c=d,e"]) assert(isHost(value), value);
  const bad = [
    "",
    ":80",
    "a b",
    "a, a",
    "a:80, a:80",
    "a/b",
    "a@b",
    "a:b",
    "a:80:80",
    "[::1",
    "[]",
    "::1",
    "[::1]x",
    "a\xe4",
    "a#b",
  ];
  for (const value of bad) assert(!isHost(value), value);
});

test("quote - one short line of harmless ASCII", () => {
  let plain = "";
  for (let code = 0; code < 0x200; code++) {
    const char = String.fromCharCode(code);
    if (quote(char) === `"${char}"`) plain += char;
  }
  const digits = "0123456789";
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  assertEquals(plain, ` !#$%'()*+,-./${digits}:;=?@${letters}[]^_\`${letters.toLowerCase()}{|}~`);
  assertEquals(
    quote('<a href="x">\\&\r\n\xff\u0141'),
    '"\\x3ca href=\\x22x\\x22\\x3e\\x5c\\x26\\x0d\\x0a\\xff\\u0141"',
  );
  assertEquals(quote("x".repeat(64)), `"${"x".repeat(64)}"`);
  assertEquals(quote("x".repeat(70)), `"${"x".repeat(64)}" and 6 characters more`);
});
