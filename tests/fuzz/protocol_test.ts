/** Fuzzing of the core: frames, heads and the headers of extensions. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as fc from "fast-check";
import { acceptDeflate, confirmDeflate, type DeflateParameters, offerDeflate } from "../../src/protocol/deflate.ts";
import { acceptHead, checkRequest, checkResponse, requestHead } from "../../src/protocol/handshake.ts";
import { formatHead, HeadReader, type RequestHead, type ResponseHead } from "../../src/protocol/head.ts";
import { formatExtensions, parseExtensions, parseTokenList } from "../../src/protocol/headers.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { concat, single, utf8 } from "../frames.ts";
import * as corpus from "./corpus.ts";
import { deflateWith, role, Run, stream } from "./frames.ts";
import { bytes, cut, cuts, damage, damaged, fuzz } from "./fuzz.ts";

const LIMITS = { maxPayload: 50_000, maxFragments: 8 };
const TIGHT = { maxPayload: 400, maxFragments: 3 };

interface Input {
  readonly reader: "client" | "server";
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly cuts: readonly number[];
  readonly packed: boolean;
  readonly takeover: boolean;
  readonly tight: boolean;
}

const rareDamage = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: damage });

const input: fc.Arbitrary<Input> = role.chain((reader) =>
  fc.record({
    reader: fc.constant(reader),
    bytes: fc.tuple(stream(reader), rareDamage).map(([each, changes]) => damaged(each, changes)),
    cuts,
    packed: fc.boolean(),
    takeover: fc.boolean(),
    tight: fc.boolean(),
  })
);

const finds: Input[] = corpus.streams.flatMap((each) =>
  [true, false].map((packed) => ({
    reader: "client" as const,
    bytes: each,
    cuts: [500],
    packed,
    takeover: packed,
    tight: packed,
  }))
);

/**
 * A compressed message can be wrong in more than one way: it is not DEFLATE, becomes too long, and is no text. zlib does
 * not tell what it made before it found the first fault, so which of them is found first depends on the cut; that one is
 * found does not.
 */
function oneOfSeveral({ told, sent, end }: Run["outcome"]): Run["outcome"] {
  const several = /^failed WS_(INVALID_DEFLATE|INVALID_UTF8|MESSAGE_TOO_BIG)$/;
  if (!several.test(told.at(-1) ?? "")) return { told, sent, end };
  const close = sent.at(-1)?.replace(/^8 0 03(ef|f1)$/, "8 one of several") ?? "";
  return { told: [...told.slice(0, -1), "failed, one of several"], sent: [...sent.slice(0, -1), close], end };
}

fuzz("Frames: nothing throws, and all is the same however they are cut", input, { runs: 2_000, finds }, (each) => {
  const deflate = each.packed ? deflateWith(each.takeover, each.takeover, 15) : undefined;
  const options = { ...(each.tight ? TIGHT : LIMITS), ...(deflate === undefined ? {} : { deflate }) };
  const run = (chunks: readonly Uint8Array[]): Run["outcome"] => {
    const one = new Run(each.reader, options).feed(chunks);
    const { outcome } = one;
    one.session.free();
    return each.packed ? oneOfSeveral(outcome) : outcome;
  };
  const whole = run([new Uint8Array(each.bytes)]);
  assertEquals(run(cut(each.bytes, each.cuts)), whole);
  assertEquals(run(single(each.bytes)), whole);
});

/** Runs `work` with the sizes of all arrays that it makes of a number. */
function watching(work: (sizes: number[]) => void): void {
  const { Uint8Array: Whole } = globalThis;
  const sizes: number[] = [];
  globalThis.Uint8Array = new Proxy(Whole, {
    construct(target, args) {
      if (typeof args[0] === "number") sizes.push(args[0]);
      return Reflect.construct(target, args) as object;
    },
  });
  try {
    work(sizes);
  } finally {
    globalThis.Uint8Array = Whole;
  }
}

fuzz(
  "Frames: no memory is taken beyond four times what came and a first kilobyte, nor twice the limit",
  input,
  { runs: 2_000, finds },
  ({ reader, bytes: all, cuts: places }) => {
    const chunks = cut(all, places);
    watching((sizes) => {
      const run = new Run(reader, LIMITS);
      for (const chunk of chunks) {
        run.feed([chunk]);
        // The output begins with a kilobyte, too.
        for (const size of sizes.splice(0)) {
          const bound = Math.max(1_024, Math.min(4 * run.received, 2 * LIMITS.maxPayload));
          assert(size <= bound, `${size} bytes were taken when ${run.received} had come`);
        }
      }
    });
  },
);

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[!-~]{0,20}$/);
const fields = fc.array(fc.tuple(token, value), { maxLength: 6 });

const request = fc.record({ method: token, target: fc.stringMatching(/^[!-~]{1,20}$/), fields }).map((each) =>
  `${each.method} ${each.target} HTTP/1.1\r\n${each.fields.map(([name, text]) => `${name}: ${text}\r\n`).join("")}\r\n`
);
const response = fc.record({ status: fc.integer({ min: 100, max: 999 }), reason: value, fields }).map((each) =>
  `HTTP/1.1 ${each.status} ${each.reason}\r\n${each.fields.map(([name, text]) => `${name}: ${text}\r\n`).join("")}\r\n`
);
const head = fc.record({
  kind: fc.constantFrom("request" as const, "response" as const),
  bytes: fc.tuple(fc.oneof(request, response).map((text) => utf8(text)), damage, bytes(10)).map((
    [text, changes, more],
  ) => concat(damaged(text, changes), more)),
  cuts,
});

const headFinds = corpus.heads.flatMap((text) =>
  (["request", "response"] as const).map((kind) => ({
    kind,
    bytes: Uint8Array.from(text, (each) => each.charCodeAt(0)),
    cuts: [300, 600],
  }))
);

/** What a reader says of chunks: a head and how much is left over, a fault, or that more is needed. */
function readHead(kind: "request" | "response", chunks: readonly Uint8Array[]): unknown {
  const reader = new HeadReader(kind, { maxHeadSize: 200, maxHeadFields: 5 });
  let rest = chunks.reduce((sum, { length }) => sum + length, 0);
  for (const chunk of chunks) {
    rest -= chunk.length;
    const found = reader.push(chunk);
    if (found instanceof WebSocketError) return found.code;
    if (found === undefined) continue;
    assertEquals(reader.leftover.length <= chunk.length, true);
    return [describe(found), reader.leftover.length + rest];
  }
  return "more";
}

function describe(found: RequestHead | ResponseHead): unknown {
  return { ...found, fields: [...found.fields] };
}

fuzz(
  "Heads: nothing throws, and they are the same however they are cut",
  head,
  { runs: 1_500, finds: headFinds },
  (each) => {
    const whole = readHead(each.kind, [each.bytes]);
    assertEquals(readHead(each.kind, cut(each.bytes, each.cuts)), whole);
    assertEquals(readHead(each.kind, single(each.bytes)), whole);
  },
);

fuzz(
  "Heads: what is read can be written, and read again as the same",
  head,
  { runs: 1_500, finds: headFinds },
  (each) => {
    const found = new HeadReader(each.kind).push(each.bytes);
    if (found === undefined || found instanceof WebSocketError) return;
    const again = new HeadReader(each.kind).push(new Uint8Array(formatHead(found)));
    assert(again !== undefined && !(again instanceof WebSocketError), "what was written cannot be read");
    assertEquals(describe(again), describe(found));
    // A handshake is made of it, or not, without throwing.
    if (found.kind === "request") {
      const check = checkRequest(found);
      if (check.ok) formatHead(acceptHead(check.request));
      else assert(check.refusal.status >= 400 && check.refusal.reason.length < 400);
    } else checkResponse(found, { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: [] });
  },
);

const parameter = fc.constantFrom(
  ...["server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits"],
  ...[
    "server_max_window_bits=8",
    "client_max_window_bits=15",
    'server_max_window_bits="10"',
    "client_max_window_bits=7",
  ],
  ...["", "x", "x=y", 'x="a\\"b"', "server_max_window_bits=", "=", '"'],
);
const offer = fc.array(parameter, { maxLength: 5 }).map((params) => ["permessage-deflate", ...params].join("; "));
const header = fc.oneof(
  fc.array(fc.oneof(offer, token), { maxLength: 4 }).map((all) => all.join(", ")),
  fc.string({ maxLength: 40 }),
);
const bits = fc.integer({ min: 8, max: 15 });
const wanted: fc.Arbitrary<DeflateParameters> = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: bits,
  clientMaxWindowBits: bits,
}, { requiredKeys: [] });
const ABLE = { takeover: true, minWindowBits: 8 };

fuzz(
  "Extensions: nothing throws, what is read is written as the same, and what is accepted is what was offered",
  fc.tuple(header, wanted),
  { runs: 2_000, finds: corpus.extensions.map((text): [string, DeflateParameters] => [text, {}]) },
  ([text, ours]) => {
    parseTokenList(text);
    const offers = parseExtensions(text);
    if (offers === undefined) return;
    const again = parseExtensions(formatExtensions(offers));
    assertEquals(again, offers);
    const accepted = acceptDeflate(offers, ours, ABLE);
    if (accepted === undefined) return;
    const answer = formatExtensions([accepted.extension]);
    assert(!answer.includes(",") && answer.startsWith("permessage-deflate"), answer);
    const { local, remote } = accepted.agreement;
    for (const { windowBits } of [local, remote]) assert(windowBits >= 8 && windowBits <= 15, answer);
  },
);

fuzz(
  "Extensions: what two ends of ours agree on is the same for both",
  fc.tuple(wanted, wanted),
  { runs: 1_000 },
  ([a, b]) => {
    const offered = offerDeflate(a, ABLE);
    assert(offered !== undefined);
    const sent = requestHead({
      host: "a",
      path: "/",
      key: "dGhlIHNhbXBsZSBub25jZQ==",
      extensions: formatExtensions([offered]),
    });
    const offers = parseExtensions(sent.fields.get("sec-websocket-extensions") ?? "") ?? [];
    const accepted = acceptDeflate(offers, b, ABLE);
    const answer = accepted === undefined ? [] : parseExtensions(formatExtensions([accepted.extension])) ?? [];
    const agreed = confirmDeflate(answer, offered);
    if (accepted === undefined) return;
    assert(!(agreed instanceof WebSocketError) && agreed !== undefined, "our client refuses what our server answers");
    assertEquals([agreed.local, agreed.remote], [accepted.agreement.remote, accepted.agreement.local]);
  },
);

fuzz("Garbage of any kind is refused with an error that has a code", bytes(400), { runs: 500 }, (garbage) => {
  for (const kind of ["request", "response"] as const) {
    const found = new HeadReader(kind).push(garbage);
    if (found instanceof Error) assertInstanceOf(found, WebSocketError);
  }
});
