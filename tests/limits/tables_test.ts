// @runtimes deno
/** The tables of README.md and SECURITY.md say what the code does. */

import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import * as constants from "../../src/protocol/constants.ts";
import { type ErrorCode, WebSocketError } from "../../src/protocol/errors.ts";

async function rows(file: string): Promise<string[][]> {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line.startsWith("|")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

test("README.md names each error once, with its number", async () => {
  const found = new Map<string, number>();
  for (const [number, , names] of await rows("README.md")) {
    for (const [, name] of (names ?? "").matchAll(/`(WS_\w+)`/g)) {
      assert(!found.has(name!), `${name} stands in two rows`);
      found.set(name!, Number(number));
    }
  }
  const source = await readFile(new URL("../../src/protocol/errors.ts", import.meta.url), "utf8");
  const codes = [...source.matchAll(/^ {2}\| "(WS_\w+)"/gm)].map(([, code]) => code as ErrorCode);
  assert(codes.length > 20);
  assertEquals([...found.keys()].sort(), [...codes].sort());
  for (const code of codes) assertEquals([code, found.get(code)], [code, new WebSocketError(code, "").closeCode]);
});

test("SECURITY.md states the defaults", async () => {
  const table = new Map((await rows("SECURITY.md")).map(([option, value]) => [option, value]));
  const defaults: Record<string, number> = {
    maxPayload: constants.MAX_PAYLOAD,
    maxFragments: constants.MAX_FRAGMENTS,
    maxHeadSize: constants.MAX_HEAD_SIZE,
    maxHeadFields: constants.MAX_HEAD_FIELDS,
    handshakeTimeout: constants.HANDSHAKE_TIMEOUT,
    messageTimeout: constants.MESSAGE_TIMEOUT,
    closeTimeout: constants.CLOSE_TIMEOUT,
    highWaterMark: constants.HIGH_WATER_MARK,
    maxBufferedAmount: constants.MAX_BUFFERED_AMOUNT,
  };
  for (const [name, value] of Object.entries(defaults)) {
    assertEquals([name, table.get(`\`${name}\``)?.split(" ")[0]], [name, value.toLocaleString("en")]);
  }
});
