/** The opening handshake at both ends: what is accepted, what is refused and how, and what is written. */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { acceptKey, createKey } from "../../src/protocol/accept_key.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import {
  acceptHead,
  checkRequest,
  checkResponse,
  type FieldSource,
  formatAcceptance,
  type HandshakeRequest,
  requestHead,
} from "../../src/protocol/handshake.ts";
import {
  Fields,
  formatHead,
  formatText,
  HeadReader,
  type RequestHead,
  type ResponseHead,
} from "../../src/protocol/head.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Pairs = [name: string, value: string][];

const REQUEST: Pairs = [
  ["Host", "server.example.com"],
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Key", KEY],
  ["Origin", "http://example.com"],
  ["Sec-WebSocket-Protocol", "chat, superchat"],
  ["Sec-WebSocket-Version", "13"],
];

const RESPONSE: Pairs = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Accept", ACCEPT],
];

/** The fields with some of them changed: to other values, one field for each, or to none. */
function change(fields: Pairs, changes: Record<string, string[]>): Pairs {
  const kept = fields.filter(([name]) => !Object.hasOwn(changes, name));
  return [
    ...kept,
    ...Object.entries(changes).flatMap(([name, values]) => values.map((v): [string, string] => [name, v])),
  ];
}

/** The two places that fields come from: our own reader, and another server that has made `Headers` of them. */
function sources(fields: Pairs): [string, FieldSource][] {
  return [["Fields", new Fields(fields)], ["Headers", new Headers(fields)]];
}

function response(fields: Pairs, more: Partial<ResponseHead> = {}): ResponseHead {
  return { kind: "response", version: "1.1", status: 101, reason: "", fields: new Fields(fields), ...more };
}

test("createKey - 16 random bytes in base64", () => {
  const key = createKey();
  assertEquals(atob(key).length, 16);
  assertNotEquals(createKey(), key);
});

test("acceptKey - the key of RFC 6455, 1.3", () => {
  assertEquals(acceptKey(KEY), ACCEPT);
});

test("acceptKey - agrees with WebCrypto", async () => {
  for (let i = 0; i < 50; i++) {
    const key = createKey();
    const input = new TextEncoder().encode(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", input));
    assertEquals(acceptKey(key), btoa(String.fromCharCode(...digest)));
  }
});

test("acceptKey - refuses what is no key", () => {
  for (const key of ["", KEY + "=", KEY.slice(1), "\u0141" + KEY.slice(1)]) {
    assertThrows(() => acceptKey(key), TypeError, "wanted 16 bytes in base64");
  }
});

test("checkRequest - the request of RFC 6455, 1.2", () => {
  for (const [from, fields] of sources(REQUEST)) {
    for (const version of [{}, { version: "1.1" }]) {
      assertEquals(checkRequest({ method: "GET", ...version, fields }), {
        ok: true,
        request: { key: KEY, protocols: ["chat", "superchat"], extensions: [], origin: "http://example.com" },
      }, from);
    }
  }
});

test("checkRequest - what is to be accepted", () => {
  const cases: [changes: Record<string, string[]>, request: Partial<HandshakeRequest>][] = [
    [{ Upgrade: ["WebSocket"] }, {}],
    [{ Upgrade: ["h2c, websocket"] }, {}],
    [{ Upgrade: ["HTTP/3.0", "WEBSOCKET"] }, {}],
    [{ Connection: ["keep-alive, upgrade"] }, {}],
    [{ Connection: ["keep-alive", "UPGRADE"] }, {}],
    [{ Host: ["[::1]:8080"] }, {}],
    [{ Origin: [] }, { origin: null }],
    [{ Origin: ["null"] }, { origin: "null" }],
    [{ "Sec-WebSocket-Key": ["AAAAAAAAAAAAAAAAAAAAAA=="] }, { key: "AAAAAAAAAAAAAAAAAAAAAA==" }],
    [{ "Sec-WebSocket-Key": ["+/9azAZ09+/9azAZ09+/9z=="] }, { key: "+/9azAZ09+/9azAZ09+/9z==" }],
    [{ "Sec-WebSocket-Protocol": [] }, { protocols: [] }],
    [{ "Sec-WebSocket-Protocol": ["b", "a,,B"] }, { protocols: ["b", "a", "B"] }],
    [{ "Sec-WebSocket-Protocol": ["__proto__, constructor"] }, { protocols: ["__proto__", "constructor"] }],
    [{ "Sec-WebSocket-Extensions": ["x; __proto__=1", "y"] }, {
      extensions: [{ name: "x", params: [["__proto__", "1"]] }, { name: "y", params: [] }],
    }],
    [{ "Content-Length": ["0"] }, {}],
  ];
  const plain = { key: KEY, protocols: ["chat", "superchat"], extensions: [], origin: "http://example.com" };
  for (const [changes, request] of cases) {
    for (const [from, fields] of sources(change(REQUEST, changes))) {
      const wanted = { ok: true as const, request: { ...plain, ...request } };
      assertEquals(
        checkRequest({ method: "GET", version: "1.1", fields }),
        wanted,
        `${from} ${JSON.stringify(changes)}`,
      );
    }
  }
});

const ALLOW = [["Allow", "GET"]];
const UPGRADE = [["Upgrade", "websocket"], ["Connection", "Upgrade"], ["Sec-WebSocket-Version", "13"]];
const key = "wanted 16 bytes in base64";
const once = "wanted a list of tokens, each once";
const list = "wanted a list of extensions";

const refusals: [changes: Record<string, string[]>, status: number, fields: unknown, reason: string][] = [
  [{ Host: [] }, 400, [], "Host is absent, wanted one host"],
  [{ Host: [""] }, 400, [], 'Host is "", wanted one host'],
  [{ Host: ["a", "a"] }, 400, [], 'Host is "a, a", wanted one host'],
  [{ Host: ["a b"] }, 400, [], 'Host is "a b", wanted one host'],
  [{ Upgrade: [] }, 426, UPGRADE, "Upgrade is absent, wanted websocket"],
  [{ Upgrade: ["h2c"] }, 426, UPGRADE, 'Upgrade is "h2c", wanted websocket'],
  [{ Upgrade: ["websockets"] }, 426, UPGRADE, 'Upgrade is "websockets", wanted websocket'],
  [{ Upgrade: ["web socket"] }, 426, UPGRADE, 'Upgrade is "web socket", wanted websocket'],
  [{ Connection: [] }, 400, [], "Connection is absent, wanted Upgrade"],
  [{ Connection: ["keep-alive"] }, 400, [], 'Connection is "keep-alive", wanted Upgrade'],
  [{ Connection: ["upgraded"] }, 400, [], 'Connection is "upgraded", wanted Upgrade'],
  [{ "Sec-WebSocket-Version": [] }, 426, UPGRADE, "Sec-WebSocket-Version is absent, wanted 13"],
  [{ "Sec-WebSocket-Version": ["8"] }, 426, UPGRADE, 'Sec-WebSocket-Version is "8", wanted 13'],
  [{ "Sec-WebSocket-Version": ["013"] }, 426, UPGRADE, 'Sec-WebSocket-Version is "013", wanted 13'],
  [{ "Sec-WebSocket-Version": ["13, 8"] }, 426, UPGRADE, 'Sec-WebSocket-Version is "13, 8", wanted 13'],
  [{ "Sec-WebSocket-Version": ["13", "13"] }, 426, UPGRADE, 'Sec-WebSocket-Version is "13, 13", wanted 13'],
  [{ "Sec-WebSocket-Key": [] }, 400, [], `Sec-WebSocket-Key is absent, ${key}`],
  [{ "Sec-WebSocket-Key": [""] }, 400, [], `Sec-WebSocket-Key is "", ${key}`],
  [{ "Sec-WebSocket-Key": [KEY, KEY] }, 400, [], `Sec-WebSocket-Key is "${KEY}, ${KEY}", ${key}`],
  [{ "Sec-WebSocket-Key": [KEY.slice(1)] }, 400, [], `Sec-WebSocket-Key is "${KEY.slice(1)}", ${key}`],
  [{ "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZTE="] }, 400, [], `"dGhlIHNhbXBsZSBub25jZTE=", ${key}`],
  [{ "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZTEy"] }, 400, [], `"dGhlIHNhbXBsZSBub25jZTEy", ${key}`],
  [{ "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25j-_=="] }, 400, [], `"dGhlIHNhbXBsZSBub25j-_==", ${key}`],
  [{ "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25=ZQ=="] }, 400, [], `"dGhlIHNhbXBsZSBub25=ZQ==", ${key}`],
  [{ "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25\xe4ZQ=="] }, 400, [], `"dGhlIHNhbXBsZSBub25\\xe4ZQ==", ${key}`],
  [{ "Sec-WebSocket-Protocol": [""] }, 400, [], `Sec-WebSocket-Protocol is "", ${once}`],
  [{ "Sec-WebSocket-Protocol": ["a b"] }, 400, [], `Sec-WebSocket-Protocol is "a b", ${once}`],
  [{ "Sec-WebSocket-Protocol": ["a, b, a"] }, 400, [], `Sec-WebSocket-Protocol is "a, b, a", ${once}`],
  [{ "Sec-WebSocket-Protocol": ["a", "a"] }, 400, [], `Sec-WebSocket-Protocol is "a, a", ${once}`],
  [{ "Sec-WebSocket-Protocol": ["__proto__,__proto__"] }, 400, [], once],
  [{ "Sec-WebSocket-Extensions": [""] }, 400, [], `Sec-WebSocket-Extensions is "", ${list}`],
  [{ "Sec-WebSocket-Extensions": ["x;"] }, 400, [], `Sec-WebSocket-Extensions is "x;", ${list}`],
  [{ "Sec-WebSocket-Extensions": ['x; y="'] }, 400, [], `Sec-WebSocket-Extensions is "x; y=\\x22", ${list}`],
];

test("checkRequest - what is to be refused, whoever has read the head", () => {
  for (const [changes, status, more, reason] of refusals) {
    for (const [from, fields] of sources(change(REQUEST, changes))) {
      const label = `${from} ${JSON.stringify(changes)}`;
      const check = checkRequest({ method: "GET", version: "1.1", fields });
      assert(!check.ok, label);
      assertEquals([check.refusal.status, check.refusal.fields], [status, more], label);
      assert(check.refusal.reason.startsWith("Cannot upgrade to WebSocket: "), check.refusal.reason);
      assert(check.refusal.reason.endsWith(reason), `${label}: ${check.refusal.reason}`);
    }
  }
});

test("checkRequest - a key holds exactly the characters of base64, at each place", () => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const at of [0, 1, 20, 21]) {
    let allowed = "";
    for (let code = 0x20; code < 0x100; code++) {
      if (code === 0x7f) continue;
      const char = String.fromCharCode(code);
      const changed = "A".repeat(at) + char + "A".repeat(21 - at) + "==";
      const check = checkRequest({
        method: "GET",
        fields: {
          has: () => true,
          get: (name) => name === "sec-websocket-key" ? changed : new Headers(REQUEST).get(name),
        },
      });
      if (check.ok) allowed += char;
    }
    assertEquals(allowed, "+/0123456789" + letters + letters.toLowerCase());
  }
});

test("checkRequest - methods and versions of HTTP", () => {
  const fields = new Fields(REQUEST);
  for (const method of ["POST", "get", "HEAD", "CONNECT", ""]) {
    const reason = `Cannot upgrade to WebSocket: the method is "${method}", wanted GET`;
    assertEquals(checkRequest({ method, fields }), {
      ok: false,
      refusal: { status: 405, fields: ALLOW as never, reason },
    });
  }
  for (const version of ["1.0", "0.9", "2.0"]) {
    const reason = `Cannot upgrade to WebSocket: the version of HTTP is "${version}", wanted 1.1`;
    const check = checkRequest({ method: "GET", version, fields });
    assertEquals(check, { ok: false, refusal: { status: 400, fields: [], reason } });
  }
});

test("checkRequest - a refusal can be sent: one line, printable, no longer than a line", () => {
  const nasty = "<script>\x80\xff\t" + "x".repeat(10_000);
  for (const [name] of REQUEST) {
    if (name === "Origin") continue;
    for (const [, fields] of sources(change(REQUEST, { [name]: [nasty] }))) {
      const check = checkRequest({ method: "GET", fields });
      assert(!check.ok, name);
      const { status, fields: more, reason } = check.refusal;
      for (const char of reason) assert(char >= " " && char <= "~" && char !== "<" && char !== ">", reason);
      assert(reason.length < 250, reason);
      const head = new HeadReader("response").push(formatText(status, reason, more));
      assert(head !== undefined && !(head instanceof WebSocketError) && head.status === status);
    }
  }
  const check = checkRequest({ method: nasty + "\r\n", fields: new Fields() });
  assert(!check.ok && !check.refusal.reason.includes("<") && check.refusal.reason.length < 250);
});

test("requestHead - the least, and all there can be", () => {
  assertEquals([...requestHead({ host: "a:81", path: "/", key: KEY }).fields], [
    ["Host", "a:81"],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", KEY],
    ["Sec-WebSocket-Version", "13"],
  ]);
  const head = requestHead({
    host: "a",
    path: "/b?c",
    key: KEY,
    protocols: ["x", "y"],
    extensions: "permessage-deflate; client_max_window_bits",
    origin: "http://a",
    fields: [["Cookie", "d=1"], ["X", "1"], ["x", "2"]],
  });
  assertEquals({ ...head, fields: [...head.fields] }, {
    kind: "request",
    method: "GET",
    target: "/b?c",
    version: "1.1",
    fields: [
      ["Host", "a"],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Key", KEY],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Protocol", "x, y"],
      ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"],
      ["Origin", "http://a"],
      ["Cookie", "d=1"],
      ["X", "1"],
      ["x", "2"],
    ] as never,
  });
});

test("requestHead - the caller's Host and Origin take the place of ours", () => {
  const fields: Pairs = [["origin", "http://b"], ["HOST", "b"]];
  const head = requestHead({ host: "a", path: "/", key: KEY, origin: "http://a", fields });
  assertEquals([head.fields.all("host"), head.fields.all("origin")], [["b"], ["http://b"]]);
  assertEquals([...head.fields][0], ["HOST", "b"]);
});

const RESERVED = [
  "Upgrade",
  "connection",
  "Sec-WebSocket-Key",
  "SEC-WEBSOCKET-ACCEPT",
  "sec-websocket-version",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Extensions",
  "Sec-WebSocket-Other",
  "Content-Length",
  "Transfer-Encoding",
];

test("requestHead and acceptHead - fields that are not the caller's to set", () => {
  const request = { key: KEY, protocols: [], extensions: [], origin: null };
  for (const name of RESERVED) {
    const fields: Pairs = [["X", "1"], [name, "x"]];
    const message = `the field ${name} is not the caller's to set`;
    assertThrows(() => requestHead({ host: "a", path: "/", key: KEY, fields }), TypeError, message);
    assertThrows(() => acceptHead(request, { fields }), TypeError, message);
  }
});

test("requestHead and acceptHead - nothing can write a line of its own", () => {
  const request = { key: KEY, protocols: ["a\r\nX: y"], extensions: [], origin: null };
  const evil = "a\r\nX: y";
  const base = { host: "a", path: "/", key: KEY };
  assertThrows(() => requestHead({ ...base, host: evil }), TypeError, "the field Host");
  assertThrows(() => requestHead({ ...base, key: evil }), TypeError, "the field Sec-WebSocket-Key");
  assertThrows(() => requestHead({ ...base, origin: evil }), TypeError, "the field Origin");
  assertThrows(() => requestHead({ ...base, extensions: evil }), TypeError, "the field Sec-WebSocket-Extensions");
  assertThrows(() => requestHead({ ...base, protocols: [evil] }), SyntaxError, "wanted a token");
  assertThrows(() => requestHead({ ...base, fields: [["A", evil]] }), TypeError, "the field A");
  assertThrows(() => requestHead({ ...base, fields: [[evil, "a"]] }), TypeError, "the name is");
  assertThrows(() => formatHead(requestHead({ ...base, path: "/ HTTP/1.1\r\nX: y" })), TypeError, "the target is");
  assertThrows(() => acceptHead(request, { protocol: evil }), TypeError, "the field Sec-WebSocket-Protocol");
  assertThrows(() => acceptHead(request, { extensions: evil }), TypeError, "the field Sec-WebSocket-Extensions");
  assertThrows(() => acceptHead(request, { fields: [["Set-Cookie", evil]] }), TypeError, "the field Set-Cookie");
  assertThrows(() => acceptHead({ ...request, key: evil }), TypeError, "wanted 16 bytes in base64");
});

test("requestHead - subprotocols are tokens, each once", () => {
  const base = { host: "a", path: "/", key: KEY };
  for (const protocol of ["", "a b", "a,b"]) {
    assertThrows(() => requestHead({ ...base, protocols: [protocol] }), SyntaxError, "Cannot offer a subprotocol");
  }
  assertThrows(
    () => requestHead({ ...base, protocols: ["a", "b", "a"] }),
    SyntaxError,
    "subprotocol a: it is there twice",
  );
  assertEquals(requestHead({ ...base, protocols: ["a", "A"] }).fields.get("sec-websocket-protocol"), "a, A");
});

test("acceptHead - the response of RFC 6455, 1.2, with what the caller adds", () => {
  const request = { key: KEY, protocols: ["chat", "superchat"], extensions: [], origin: null };
  const least = acceptHead(request);
  assertEquals([least.status, [...least.fields]], [101, RESPONSE as never]);
  assertEquals([...acceptHead(request, { protocol: "", extensions: "" }).fields], RESPONSE as never);
  const fields: Pairs = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]];
  const head = acceptHead(request, { protocol: "chat", extensions: "permessage-deflate", fields });
  assertEquals(
    new TextDecoder().decode(formatHead(head)),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\n` +
      "Sec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
  );
});

test("formatAcceptance - the bytes of acceptHead, whatever was accepted before", () => {
  const other = { key: "AAAAAAAAAAAAAAAAAAAAAA==", protocols: [], extensions: [], origin: null };
  const first = { ...other, key: KEY, protocols: ["chat"] };
  const fields = new Fields([["Set-Cookie", "a=1"]]);
  const options = [{}, { fields }, {}, { protocol: "chat" }, { fields: new Fields() }, { extensions: "x" }, {}];
  for (const [i, each] of options.entries()) {
    for (const request of i % 2 === 0 ? [first, other] : [first]) {
      const text = new TextDecoder().decode(formatAcceptance(request, each));
      assertEquals(text, new TextDecoder().decode(formatHead(acceptHead(request, each))));
    }
    assertThrows(() => formatAcceptance({ ...first, key: "short" }, each), TypeError, "wanted 16 bytes in base64");
  }
  assertThrows(() => formatAcceptance(first, { protocol: "evil" }), RangeError, "evil");
});

test("acceptHead - a subprotocol that was not offered", () => {
  const request = { key: KEY, protocols: ["chat", "superchat"], extensions: [], origin: null };
  assertThrows(
    () => acceptHead(request, { protocol: "Chat" }),
    RangeError,
    '"Chat": wanted one of those offered (chat, superchat)',
  );
  assertThrows(() => acceptHead({ ...request, protocols: [] }, { protocol: "chat" }), RangeError, "(none)");
});

test("checkResponse - what is to be accepted", () => {
  const sent = { key: KEY, protocols: ["chat", "superchat"] };
  const cases: [changes: Record<string, string[]>, answer: unknown][] = [
    [{}, { protocol: "", extensions: [] }],
    [{ Upgrade: ["WebSocket"] }, { protocol: "", extensions: [] }],
    [{ Connection: ["keep-alive, UPGRADE"] }, { protocol: "", extensions: [] }],
    [{ "Sec-WebSocket-Protocol": ["superchat"] }, { protocol: "superchat", extensions: [] }],
    [{ "Sec-WebSocket-Extensions": ["a; b=1", "c"] }, {
      protocol: "",
      extensions: [{ name: "a", params: [["b", "1"]] }, { name: "c", params: [] }],
    }],
    [{ "Sec-WebSocket-Version": ["13", "8"] }, { protocol: "", extensions: [] }],
  ];
  for (const [changes, answer] of cases) {
    // A server that chooses none of those offered is at fault: then none was offered.
    const offered = "Sec-WebSocket-Protocol" in changes ? sent : { ...sent, protocols: [] };
    assertEquals(checkResponse(response(change(RESPONSE, changes)), offered), answer as never, JSON.stringify(changes));
  }
});

test("checkResponse - what breaks the RFC", () => {
  const sent = { key: KEY, protocols: ["chat", "superchat"] };
  const wanted = `wanted ${ACCEPT}`;
  const chosen = { "Sec-WebSocket-Protocol": ["chat"] };
  const cases: [changes: Record<string, string[]>, message: string][] = [
    [{ Upgrade: [] }, "Upgrade is absent, wanted websocket"],
    [{ Upgrade: ["websocket", "websocket"] }, 'Upgrade is "websocket, websocket", wanted websocket'],
    [{ Upgrade: ["h2c, websocket"] }, 'Upgrade is "h2c, websocket", wanted websocket'],
    [{ Connection: [] }, "Connection is absent, wanted Upgrade"],
    [{ Connection: ["close"] }, 'Connection is "close", wanted Upgrade'],
    [{ "Sec-WebSocket-Accept": [] }, `Sec-WebSocket-Accept is absent, ${wanted}`],
    [{ "Sec-WebSocket-Accept": [KEY] }, `Sec-WebSocket-Accept is "${KEY}", ${wanted}`],
    [
      { "Sec-WebSocket-Accept": [ACCEPT.toLowerCase()] },
      `Sec-WebSocket-Accept is "${ACCEPT.toLowerCase()}", ${wanted}`,
    ],
    [{ "Sec-WebSocket-Accept": [ACCEPT, ACCEPT] }, `Sec-WebSocket-Accept is "${ACCEPT}, ${ACCEPT}", ${wanted}`],
    [{}, "Sec-WebSocket-Protocol is absent, wanted one of chat, superchat"],
    [{ "Sec-WebSocket-Protocol": ["other"] }, 'Sec-WebSocket-Protocol is "other", wanted one of chat, superchat'],
    [{ "Sec-WebSocket-Protocol": ["Chat"] }, 'Sec-WebSocket-Protocol is "Chat", wanted one of chat, superchat'],
    [{ "Sec-WebSocket-Protocol": [""] }, 'Sec-WebSocket-Protocol is "", wanted one of chat, superchat'],
    [{ "Sec-WebSocket-Protocol": ["chat, superchat"] }, 'Sec-WebSocket-Protocol is "chat, superchat", wanted one of'],
    [{ "Sec-WebSocket-Protocol": ["chat", "chat"] }, 'Sec-WebSocket-Protocol is "chat, chat", wanted one of'],
    [
      { ...chosen, "Sec-WebSocket-Extensions": ["a b"] },
      'Sec-WebSocket-Extensions is "a b", wanted a list of extensions',
    ],
    [{ ...chosen, "Sec-WebSocket-Extensions": [""] }, 'Sec-WebSocket-Extensions is "", wanted a list of extensions'],
  ];
  for (const [changes, message] of cases) {
    const answer = checkResponse(response(change(RESPONSE, changes)), sent);
    assertInstanceOf(answer, WebSocketError);
    assertEquals(answer.code, "WS_INVALID_HANDSHAKE");
    const whole = `Cannot finish the opening handshake: ${message}`;
    assert(answer.message.startsWith(whole), `${answer.message}, wanted ${whole}`);
  }
  const none = checkResponse(response([...RESPONSE, ["Sec-WebSocket-Protocol", "chat"]]), { key: KEY, protocols: [] });
  assert(none instanceof WebSocketError && none.message.endsWith("wanted none, for none was offered"));
  const old = checkResponse(response(RESPONSE, { version: "1.0" }), sent);
  assert(
    old instanceof WebSocketError && old.code === "WS_INVALID_HANDSHAKE" && old.message.includes("1.0, wanted 1.1"),
  );
});

test("checkResponse - another status than 101, whatever the rest", () => {
  for (const [status, reason] of [[403, "Forbidden"], [200, ""], [302, "<a>"], [100, "Continue"]] as const) {
    const answer = checkResponse(response(RESPONSE, { status, reason }), { key: KEY, protocols: [] });
    assertInstanceOf(answer, WebSocketError);
    assertEquals(answer.code, "WS_HANDSHAKE_REFUSED");
    assert(answer.message.includes(`the status is ${status}`) && answer.message.endsWith("wanted 101"), answer.message);
    assert(!answer.message.includes("<"), answer.message);
  }
});

test("a handshake through bytes, from end to end", () => {
  const key = createKey();
  const sent = { key, protocols: ["b", "a"] };
  const offer = "permessage-deflate; client_max_window_bits";
  const out = formatHead(requestHead({ host: "a", path: "/x", ...sent, extensions: offer }));
  const request = new HeadReader("request").push(out) as RequestHead;
  const check = checkRequest(request);
  assert(check.ok);
  assertEquals(check.request, {
    key,
    protocols: ["b", "a"],
    extensions: [{ name: "permessage-deflate", params: [["client_max_window_bits", true]] }],
    origin: null,
  });
  const back = formatHead(acceptHead(check.request, { protocol: "a", extensions: "permessage-deflate" }));
  const head = new HeadReader("response").push(back) as ResponseHead;
  const answer = { protocol: "a", extensions: [{ name: "permessage-deflate", params: [] }] };
  assertEquals(checkResponse(head, sent), answer);
  assertInstanceOf(checkResponse(head, { ...sent, key: createKey() }), WebSocketError);
});

test("random values in the fields of a handshake never throw", () => {
  let seed = 13;
  const pick = (n: number) => (seed = seed * 1103515245 + 12345 & 0x7fffffff) % n;
  const parts = [
    "websocket",
    "upgrade",
    "13",
    KEY,
    ACCEPT,
    "a",
    ",",
    ";",
    "=",
    '"',
    "\\",
    " ",
    "\t",
    "\x80",
    "__proto__",
    "x; y=z",
  ];
  let ok = 0;
  for (let round = 0; round < 20_000; round++) {
    const damage = (fields: Pairs): Pairs =>
      fields.map(([name, value]): [string, string] =>
        pick(6) > 0 ? [name, value] : [name, Array.from({ length: pick(6) }, () => parts[pick(parts.length)]).join("")]
      );
    const check = checkRequest({ method: "GET", fields: new Fields(damage(REQUEST)) });
    if (check.ok) ok++;
    checkResponse(response(damage(RESPONSE)), { key: KEY, protocols: ["a"] });
  }
  assert(ok > 1000 && ok < 19_000, `${ok} of 20000 accepted: the damage shows nothing`);
});
