/** What the two ends of permessage-deflate agree on (RFC 7692, sections 5 and 7.1). */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import type { DeflateAbility } from "../../src/protocol/codec.ts";
import {
  acceptDeflate,
  confirmDeflate,
  type DeflateAgreement,
  type DeflateParameters,
  offerDeflate,
} from "../../src/protocol/deflate.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { formatExtensions, parseExtensions } from "../../src/protocol/headers.ts";

const FULL: DeflateAbility = { takeover: true, minWindowBits: 8 };
const WEB: DeflateAbility = { takeover: false, minWindowBits: 15 };

/** An agreement as a short text: takeover or not and window bits, here and there. */
function show(agreement: DeflateAgreement | undefined): string {
  if (agreement === undefined) return "none";
  return [agreement.local, agreement.remote].map((side) => `${side.takeover ? "kept" : "new"} ${side.windowBits}`)
    .join(", ");
}

function offer(wanted: DeflateParameters, ability: DeflateAbility = FULL): string | undefined {
  const extension = offerDeflate(wanted, ability);
  return extension === undefined ? undefined : formatExtensions([extension]);
}

/** What a server answers to a header, and what that means to it. */
function accept(header: string, wanted: DeflateParameters = {}, ability: DeflateAbility = FULL): string {
  const accepted = acceptDeflate(parseExtensions(header)!, wanted, ability);
  return accepted === undefined
    ? "none"
    : `${formatExtensions([accepted.extension])} (${show(accepted.agreement)})`.replace("permessage-deflate", "p-d");
}

/** What an answer means to the client that made an offer, or what is wrong with it. */
function confirm(answer: string, wanted: DeflateParameters = {}, ability: DeflateAbility = FULL): string {
  const agreement = confirmDeflate(parseExtensions(answer)!, offerDeflate(wanted, ability));
  if (!(agreement instanceof WebSocketError)) return show(agreement);
  assertEquals(agreement.code, "WS_INVALID_HANDSHAKE");
  assertStringIncludes(agreement.message, "Sec-WebSocket-Extensions is ");
  return agreement.message.replace(/^[^"]*"[^"]*"( and \d+ characters more)?, /, "");
}

test("offerDeflate() offers each parameter that is asked for", () => {
  assertEquals(offer({}), "permessage-deflate; client_max_window_bits");
  assertEquals(
    offer({ serverNoContextTakeover: true }),
    "permessage-deflate; server_no_context_takeover; client_max_window_bits",
  );
  assertEquals(
    offer({ clientNoContextTakeover: true, serverMaxWindowBits: 8 }),
    "permessage-deflate; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits",
  );
  assertEquals(offer({ clientMaxWindowBits: 9 }), "permessage-deflate; client_max_window_bits=9");
  assertEquals(offer({ clientMaxWindowBits: 15, serverMaxWindowBits: 15 }), offer({}));
});

test("offerDeflate() offers no more than the codec is able to do", () => {
  const fresh = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  assertEquals(offer({}, WEB), fresh);
  assertEquals(offer({ serverMaxWindowBits: 10 }, WEB), `${fresh}; server_max_window_bits=10`);
  assertEquals(offer({ clientMaxWindowBits: 10 }, WEB), undefined);
});

test("acceptDeflate() answers the first offer that it can meet", () => {
  assertEquals(accept("permessage-deflate"), "p-d (kept 15, kept 15)");
  assertEquals(accept("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits"), "p-d (kept 15, kept 15)");
  assertEquals(accept("permessage-bzip2"), "none");
  assertEquals(
    accept("permessage-deflate; server_no_context_takeover, permessage-deflate"),
    "p-d; server_no_context_takeover (new 15, kept 15)",
  );
  assertEquals(
    accept("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9, permessage-deflate"),
    "p-d; server_max_window_bits=9 (kept 9, kept 15)",
  );
});

test("acceptDeflate() answers with all four parameters", () => {
  assertEquals(
    accept(
      "permessage-deflate; client_max_window_bits=12; server_max_window_bits=8; client_no_context_takeover; " +
        "server_no_context_takeover",
    ),
    "p-d; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; " +
      "client_max_window_bits=12 (new 8, new 12)",
  );
  // What was offered with the full window is answered with it.
  assertEquals(
    accept("permessage-deflate; server_max_window_bits=15"),
    "p-d; server_max_window_bits=15 (kept 15, kept 15)",
  );
});

test("acceptDeflate() adds what the server asks for", () => {
  const all = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 11,
    clientMaxWindowBits: 10,
  };
  assertEquals(
    accept("permessage-deflate; client_max_window_bits", all),
    "p-d; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; " +
      "client_max_window_bits=10 (new 11, new 10)",
  );
  assertEquals(
    accept("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", {
      serverMaxWindowBits: 12,
      clientMaxWindowBits: 12,
    }),
    "p-d; server_max_window_bits=10; client_max_window_bits=9 (kept 10, kept 9)",
  );
});

test("acceptDeflate() declines the offer of a client that cannot be limited as is wanted", () => {
  assertEquals(accept("permessage-deflate", { clientMaxWindowBits: 10 }), "none");
  assertEquals(accept("permessage-deflate", { clientMaxWindowBits: 15 }), "p-d (kept 15, kept 15)");
  assertEquals(
    accept("permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits", {
      clientMaxWindowBits: 10,
    }),
    "p-d; client_max_window_bits=10 (kept 15, kept 10)",
  );
});

test("acceptDeflate() declines an offer with a parameter that is unknown, repeated or has a wrong value", () => {
  const wrong = [
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "server_no_context_takeover; server_no_context_takeover",
    "client_max_window_bits; client_max_window_bits=10",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=+9",
    "server_max_window_bits=9.0",
    "server_max_window_bits=0x9",
    "client_max_window_bits=7",
    "client_max_window_bits=015",
    "client_max_window_bits=1000000000000000000000",
    "Server_No_Context_Takeover",
    "mode=fast",
    "__proto__",
    "constructor=1",
  ];
  for (const params of wrong) {
    assertEquals(accept(`permessage-deflate; ${params}`), "none", params);
    assertEquals(accept(`permessage-deflate; ${params}, permessage-deflate`), "p-d (kept 15, kept 15)", params);
  }
  assertEquals(
    accept('permessage-deflate; client_max_window_bits="10"'),
    "p-d; client_max_window_bits=10 (kept 15, kept 10)",
  );
});

test("acceptDeflate() with a codec that keeps no context lets neither end keep one", () => {
  const fresh = "p-d; server_no_context_takeover; client_no_context_takeover";
  assertEquals(accept("permessage-deflate; client_max_window_bits", {}, WEB), `${fresh} (new 15, new 15)`);
  assertEquals(
    accept("permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits=9", {}, WEB),
    `${fresh}; client_max_window_bits=9 (new 15, new 9)`,
  );
  assertEquals(accept("permessage-deflate", { serverMaxWindowBits: 10 }, WEB), "none");
});

test("confirmDeflate() reads what the server agreed to", () => {
  assertEquals(confirm("permessage-deflate"), "kept 15, kept 15");
  assertEquals(confirmDeflate([], offerDeflate({}, FULL)), undefined);
  assertEquals(
    confirm(
      "permessage-deflate; client_max_window_bits=8; server_max_window_bits=9; client_no_context_takeover; " +
        "server_no_context_takeover",
    ),
    "new 8, new 9",
  );
  assertEquals(confirm("permessage-deflate; server_max_window_bits=9", { serverMaxWindowBits: 10 }), "kept 15, kept 9");
});

test("confirmDeflate() keeps what the client promised, said by the server or not", () => {
  assertEquals(confirm("permessage-deflate", { clientNoContextTakeover: true }), "new 15, kept 15");
  assertEquals(confirm("permessage-deflate", { clientMaxWindowBits: 10 }), "kept 10, kept 15");
  assertEquals(confirm("permessage-deflate; client_max_window_bits=9", { clientMaxWindowBits: 10 }), "kept 9, kept 15");
});

test("confirmDeflate() refuses an answer that was not offered", () => {
  const none = confirmDeflate(parseExtensions("permessage-deflate")!, undefined);
  assertInstanceOf(none, WebSocketError);
  assertStringIncludes(none.message, "none was offered");
  assertEquals(confirm("permessage-bzip2"), "wanted permessage-deflate, once");
  assertEquals(confirm("permessage-deflate, permessage-deflate"), "wanted permessage-deflate, once");
  assertEquals(confirm("permessage-deflate; mode=1"), 'the parameter "mode" is unknown');
  assertEquals(
    confirm("permessage-deflate; client_no_context_takeover; client_no_context_takeover"),
    'wanted the parameter "client_no_context_takeover" once',
  );
  assertEquals(
    confirm("permessage-deflate; server_no_context_takeover=1"),
    "wanted server_no_context_takeover without a value",
  );
  for (const bits of ["7", "16", "08", "x"]) {
    assertEquals(
      confirm(`permessage-deflate; server_max_window_bits=${bits}`),
      "wanted server_max_window_bits from 8 to 15",
    );
    assertEquals(
      confirm(`permessage-deflate; client_max_window_bits=${bits}`),
      "wanted client_max_window_bits from 8 to 15",
    );
  }
  assertEquals(confirm("permessage-deflate; server_max_window_bits"), "wanted server_max_window_bits from 8 to 15");
  assertEquals(
    confirm("permessage-deflate; client_max_window_bits"),
    "client_max_window_bits must have a value in an answer",
  );
  assertEquals(
    confirm("permessage-deflate; server_no_context_takeover; client_max_window_bits=15", {}, WEB),
    "client_max_window_bits was not offered",
  );
});

test("confirmDeflate() refuses an answer that leaves out or widens what was asked for", () => {
  assertEquals(
    confirm("permessage-deflate", { serverNoContextTakeover: true }),
    "wanted server_no_context_takeover",
  );
  assertEquals(confirm("permessage-deflate", { serverMaxWindowBits: 9 }), "wanted server_max_window_bits of at most 9");
  assertEquals(
    confirm("permessage-deflate; server_max_window_bits=10", { serverMaxWindowBits: 9 }),
    "wanted server_max_window_bits of at most 9",
  );
  assertEquals(
    confirm("permessage-deflate; client_max_window_bits=10", { clientMaxWindowBits: 9 }),
    "wanted client_max_window_bits of at most 9",
  );
  assertEquals(confirm("permessage-deflate; server_no_context_takeover", {}, WEB), "new 15, new 15");
});

test("confirmDeflate() does not take an offer that no client can make", () => {
  assertThrows(
    () =>
      confirmDeflate([{ name: "permessage-deflate", params: [] }], {
        name: "permessage-deflate",
        params: [["x", true]],
      }),
    TypeError,
    "Cannot check an answer",
  );
});

test("two ends of this module agree, whatever each asks for", () => {
  const bits = [undefined, 8, 12, 15];
  const flags = [undefined, true];
  const all: DeflateParameters[] = [];
  for (const serverNoContextTakeover of flags) {
    for (const clientNoContextTakeover of flags) {
      for (const serverMaxWindowBits of bits) {
        for (const clientMaxWindowBits of bits) {
          const wanted = { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits };
          all.push(
            Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) as DeflateParameters,
          );
        }
      }
    }
  }
  let agreed = 0;
  for (const client of all) {
    for (const server of all) {
      for (const [here, there] of [[FULL, FULL], [FULL, WEB], [WEB, FULL], [WEB, WEB]] as const) {
        const offered = offerDeflate(client, here);
        if (offered === undefined) continue;
        const accepted = acceptDeflate(parseExtensions(formatExtensions([offered]))!, server, there);
        if (accepted === undefined) continue;
        const answer = parseExtensions(formatExtensions([accepted.extension]))!;
        const agreement = confirmDeflate(answer, offered);
        assert(!(agreement instanceof WebSocketError), `${formatExtensions([offered])}: ${String(agreement)}`);
        assertEquals(agreement?.remote, accepted.agreement.local);
        assertEquals(agreement?.local, accepted.agreement.remote);
        agreed++;
      }
    }
  }
  assert(agreed > 4_096, `${agreed} agreed`);
});
