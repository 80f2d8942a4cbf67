/**
 * The cases of the catalogue that need compression, played over TCP by a raw peer against our server and against our
 * client. Each message must come back as it was, compressed within what was agreed on.
 */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { closePayload, show } from "../frames.ts";
import { type Asked, compressed, type CompressedCase } from "./compression.ts";
import { type Agreed, Packer, readAnswer, Unpacker } from "./packing.ts";
import { field, join, octetsOf, type RawPeer } from "./peer.ts";
import { startClient, startServer, type Testee, testees, withPatience } from "./play.ts";

const RSV1 = 0x40;
/** Below this many octets an end without context need not compress. */
const THRESHOLD = 1024;

function offerOf({ noTakeover, windowBits }: Asked): string {
  return "permessage-deflate; client_no_context_takeover; client_max_window_bits" +
    (noTakeover ? "; server_no_context_takeover" : "") +
    (windowBits === 0 ? "" : `; server_max_window_bits=${windowBits}`);
}

/** What the raw server answers to the offer of our client, which lets itself be limited. */
function answerTo(request: string, asked: Asked): string {
  const offers = field(request, "sec-websocket-extensions");
  assert(/^permessage-deflate(;|,|$)/.test(offers), `our client offers "${offers}"`);
  assert(/; *client_max_window_bits(;|,|$)/.test(offers), `our client offers "${offers}"`);
  return "permessage-deflate" + (asked.noTakeover ? "; client_no_context_takeover" : "") +
    (asked.windowBits === 0 ? "" : `; client_max_window_bits=${asked.windowBits}`);
}

/** One end of the conversation: sends messages, and takes them back. */
class Conversation {
  readonly #peer: RawPeer;
  readonly #reader: Testee;
  readonly #packer: Packer;
  readonly #unpacker: Unpacker;
  readonly #takeover: boolean;

  constructor(peer: RawPeer, reader: Testee, agreed: Agreed) {
    const [own, theirs] = reader === "server" ? [agreed.client, agreed.server] : [agreed.server, agreed.client];
    this.#peer = peer;
    this.#reader = reader;
    this.#packer = new Packer(own);
    this.#unpacker = new Unpacker(theirs);
    this.#takeover = theirs.takeover;
  }

  async send(opcode: number, payload: Uint8Array, fragment: number): Promise<void> {
    const packed = await this.#packer.pack(payload);
    const size = fragment === 0 ? Math.max(1, packed.length) : fragment;
    const octets: Uint8Array[] = [];
    for (let at = 0; at < packed.length; at += size) {
      const part = packed.subarray(at, at + size);
      const [first, fin] = [at === 0, at + size >= packed.length];
      octets.push(...octetsOf(this.#reader, { opcode: first ? opcode : 0, fin, rsv: first ? RSV1 : 0, payload: part }));
    }
    await this.#peer.write(join(octets));
  }

  async get(opcode: number, wanted: Uint8Array): Promise<void> {
    const parts: Uint8Array[] = [];
    let packed = false;
    for (let fin = false; !fin;) {
      const frame = await this.#peer.next();
      const first = parts.length === 0;
      assert(frame !== "end" && frame.opcode === (first ? opcode : 0), `met ${JSON.stringify(frame)}`);
      if (first) packed = frame.rsv === RSV1;
      assertEquals(frame.rsv, first && packed ? RSV1 : 0);
      parts.push(frame.payload);
      fin = frame.fin;
    }
    assert(packed || (!this.#takeover && wanted.length < THRESHOLD), "a message came back that is not compressed");
    const payload = join(parts);
    const got = packed ? await this.#unpacker.unpack(payload) : payload;
    assertEquals(show(got), show(wanted));
  }

  close(): void {
    this.#packer.close();
    this.#unpacker.close();
  }
}

async function play(each: CompressedCase, testee: Testee): Promise<void> {
  const { opcode, asked, fragment, count } = each;
  const started =
    await (testee === "server"
      ? startServer({ perMessageDeflate: true }, [`Sec-WebSocket-Extensions: ${asked.map(offerOf).join(", ")}`])
      : startClient({ perMessageDeflate: true }, (head) => [`Sec-WebSocket-Extensions: ${answerTo(head, asked[0]!)}`]));
  const { peer, log, extensions } = started;
  let conversation: Conversation | undefined;
  try {
    const agreed = readAnswer(extensions);
    if (testee === "server") {
      const [{ noTakeover, windowBits }] = asked as [Asked];
      assert(!noTakeover || !agreed.server.takeover, `answer is ${extensions}`);
      assert(agreed.server.windowBits <= (windowBits || 15), `answer is ${extensions}`);
    }
    conversation = new Conversation(peer, testee, agreed);
    for (let number = 0; number < count; number++) {
      const payload = each.message(number);
      await conversation.send(opcode, payload, fragment);
      await conversation.get(opcode, payload);
    }
    await peer.write(join(octetsOf(testee, { opcode: 8, fin: true, rsv: 0, payload: closePayload(1000) })));
    const close = await peer.next();
    assert(close !== "end" && close.opcode === 8);
    assertEquals(close.payload, closePayload(1000));
    peer.end();
    assertEquals(await peer.next(), "end");
    await log.over;
    assertEquals([log.messages, log.end], [count, ['close 1000 "" clean remote']]);
  } finally {
    conversation?.close();
    peer.socket.destroy();
    await started.stop();
  }
}

test("the table has all cases of the catalogue that need compression, each once", () => {
  assertEquals(compressed.length, 216);
  assertEquals(new Set(compressed.map(({ id }) => id)).size, 216);
});

for (const testee of testees) {
  for (const each of compressed) {
    test(`case ${each.id} with our ${testee}`, () => withPatience(play(each, testee)));
  }
}
