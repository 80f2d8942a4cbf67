import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  type CloseRecord,
  formatClose,
  isReceivableCode,
  parseClose,
  summarizeClose,
} from "../../src/protocol/close.ts";
import { concat, hex, show, utf8 } from "../frames.ts";
import { invalidUtf8, validUtf8 } from "./utf8_tables.ts";

test("isReceivableCode() follows RFC 6455, section 7.4, and the registry", () => {
  const wanted = (code: number): boolean =>
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code) ||
    (code >= 3000 && code < 5000);
  for (let code = 0; code < 65536; code++) {
    if (isReceivableCode(code) !== wanted(code)) assertEquals(`${code} ${!wanted(code)}`, `${code} ${wanted(code)}`);
  }
});

test("parseClose() reads code and reason", () => {
  assertEquals(parseClose(hex("")), { reason: "" });
  assertEquals(parseClose(hex("03e8")), { code: 1000, reason: "" });
  assertEquals(parseClose(hex("1387 e282ac")), { code: 4999, reason: "€" });
  assertEquals(parseClose(concat(hex("0bb8"), utf8("x".repeat(123)))), { code: 3000, reason: "x".repeat(123) });
  assertEquals(parseClose(hex("03e8 efbbbf61")), { code: 1000, reason: "\ufeffa" });
});

test("parseClose() names the rule that is broken", () => {
  assertEquals(parseClose(hex("03")), "WS_INVALID_CLOSE_PAYLOAD");
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
    assertEquals(parseClose(Uint8Array.of(code >> 8, code)), "WS_INVALID_CLOSE_CODE", `code ${code}`);
  }
});

test("parseClose() wants a reason that is UTF-8", () => {
  for (const [digits] of invalidUtf8) {
    assertEquals(parseClose(concat(hex("03e8"), hex(digits))), "WS_INVALID_UTF8", digits);
  }
  for (const digits of validUtf8) {
    assertEquals(typeof parseClose(concat(hex("03e8"), hex(digits))), "object", digits);
  }
  // A wrong code comes before a wrong reason.
  assertEquals(parseClose(hex("03ed ff")), "WS_INVALID_CLOSE_CODE");
});

test("formatClose() writes what parseClose() reads", () => {
  assertEquals(show(formatClose({ reason: "" })), "");
  assertEquals(show(formatClose({ code: 1000, reason: "" })), "03e8");
  assertEquals(show(formatClose({ code: 4000, reason: "é" })), "0fa0c3a9");
  assertEquals(show(formatClose({ code: 4000, reason: "\ud800" })), "0fa0efbfbd");
});

test("summarizeClose() derives code, reason and wasClean from what passed", () => {
  const sent = { code: 1000, reason: "mine" };
  const received = { code: 3001, reason: "theirs" };
  const unclean = { code: 1006, reason: "", wasClean: false };
  const cases: [CloseRecord, unknown][] = [
    [{ sent, received, initiator: "local", failed: false }, { code: 3001, reason: "theirs", wasClean: true }],
    [{ sent, received, initiator: "remote", failed: false }, { code: 3001, reason: "theirs", wasClean: true }],
    [{ sent, received: { reason: "" }, initiator: "remote", failed: false }, {
      code: 1005,
      reason: "",
      wasClean: true,
    }],
    [{ sent, received, initiator: "local", failed: true }, unclean],
    [{ sent, received: undefined, initiator: "local", failed: false }, unclean],
    [{ sent: undefined, received, initiator: "remote", failed: false }, unclean],
    [{ sent: undefined, received: undefined, initiator: "none", failed: false }, unclean],
  ];
  for (const [record, wanted] of cases) assertEquals(summarizeClose(record), wanted as never);
});
