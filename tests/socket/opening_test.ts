import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { memoryPair } from "../../src/runtime/memory.ts";
import { Opening } from "../../src/socket/opening.ts";
import type { Transport, TransportSink } from "../../src/socket/transport.ts";
import { concat, utf8 } from "../frames.ts";
import { turn } from "./peer.ts";

const HEAD = "GET /a HTTP/1.1\r\nHost: test\r\n\r\n";

/** What a receiver gets, as text and in order. */
class Receiver implements TransportSink {
  got = "";
  /** Called with each chunk. */
  ondata: () => void = () => {};

  data(chunk: Uint8Array): void {
    this.got += new TextDecoder().decode(chunk);
    this.ondata();
  }

  end(): void {
    this.got += "<end>";
  }

  drain(): void {}

  abort(): void {
    this.got += "<abort>";
  }
}

function setUp(): { opening: Opening; peer: Transport; receiver: Receiver } {
  const [near, far] = memoryPair();
  far.open(new Receiver());
  return { opening: new Opening(near), peer: far, receiver: new Receiver() };
}

/** The code of the error that a head ends with. */
async function codeOf(head: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => head, WebSocketError)).code;
}

test("Opening reads one head, and gives what came behind it to the next receiver first", async () => {
  for (const size of [1, 7, 1000]) {
    const { opening, peer, receiver } = setUp();
    const bytes = utf8(`${HEAD}behind it`);
    for (let at = 0; at < bytes.length; at += size) peer.write(bytes.slice(at, at + size), false);
    const head = await opening.readHead("request");
    assertEquals([head.kind, head.method, head.target, head.fields.get("host")], ["request", "GET", "/a", "test"]);
    await turn();
    peer.write(utf8(" and later"), false);
    await turn();
    opening.open(receiver);
    await turn();
    assertEquals(receiver.got, "behind it and later");
    peer.end();
    await turn();
    assertEquals(receiver.got, "behind it and later<end>");
  }
});

test("Opening reads several heads, one after the other, from one chunk", async () => {
  const { opening, peer, receiver } = setUp();
  peer.write(utf8("HTTP/1.1 103 \r\n\r\nHTTP/1.1 101 \r\n\r\nmore"), false);
  assertEquals((await opening.readHead("response")).status, 103);
  assertEquals((await opening.readHead("response")).status, 101);
  opening.open(receiver);
  await turn();
  assertEquals(receiver.got, "more");
});

test("Opening reads nothing before it is asked to, nor behind a head: the peer feels it", async () => {
  const { opening, peer } = setUp();
  peer.write(concat(utf8(HEAD), new Uint8Array(200_000)), false);
  await turn();
  assert(peer.buffered > 100_000);
  await opening.readHead("request");
  await turn();
  assert(peer.buffered > 60_000, `${peer.buffered} bytes wait`);
  assert(!opening.gone);
});

test("Opening lets a receiver pause in the midst of what was held", async () => {
  const { opening, peer, receiver } = setUp();
  peer.write(utf8(`${HEAD}x`), false);
  await opening.readHead("request");
  receiver.ondata = () => opening.transport.pause();
  opening.open(receiver);
  peer.write(new Uint8Array(200_000), false);
  await turn();
  assertEquals(receiver.got, "x");
  assert(peer.buffered > 100_000);
});

test("Opening gives a receiver the end that came before it", async () => {
  for (const [way, wanted] of [["end", "behind<end>"], ["abort", "behind<abort>"]] as const) {
    const { opening, peer, receiver } = setUp();
    opening.data(utf8(`${HEAD}behind`));
    await opening.readHead("request");
    opening[way](new Error("gone"));
    assert(opening.gone);
    opening.open(receiver);
    assertEquals(receiver.got, wanted);
    peer.abort();
  }
});

test("Opening rejects when the peer leaves before the head is whole", async () => {
  for (const sent of ["", "G", HEAD.slice(0, -1)]) {
    for (const way of ["end", "abort"] as const) {
      const { opening, peer } = setUp();
      const head = opening.readHead("request");
      peer.write(utf8(sent), false);
      await turn();
      peer[way]();
      const error = await assertRejects(() => head, WebSocketError);
      assertEquals(error.code, "WS_PEER_VANISHED");
      assertEquals(error.cause === undefined, way === "end");
      assertEquals(await codeOf(opening.readHead("request")), "WS_PEER_VANISHED");
    }
  }
});

test("Opening tells of a break while nobody reads a head", async () => {
  const { opening, peer } = setUp();
  const reasons: unknown[] = [];
  opening.onbroken = (reason) => reasons.push(reason);
  peer.write(utf8(HEAD), false);
  await opening.readHead("request");
  peer.abort();
  await turn();
  assertEquals(reasons.length, 1);
  assertInstanceOf(reasons[0], Error);
});

test("Opening rejects what is no head, and what is over a limit", async () => {
  const garbage = setUp();
  garbage.peer.write(utf8("garbage\r\n\r\n"), false);
  assertEquals(await codeOf(garbage.opening.readHead("request")), "WS_INVALID_HEAD");
  const large = setUp();
  large.peer.write(utf8(HEAD), false);
  assertEquals(await codeOf(large.opening.readHead("request", { maxHeadSize: 20 })), "WS_HEAD_TOO_LARGE");
  const many = setUp();
  many.peer.write(utf8("GET /a HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n"), false);
  assertEquals(await codeOf(many.opening.readHead("request", { maxHeadFields: 1 })), "WS_HEAD_TOO_LARGE");
  assertThrows(() => many.opening.readHead("request", { maxHeadSize: 0 }), RangeError);
});

test("Opening gives a head up, and takes the next one", async () => {
  const { opening, peer } = setUp();
  peer.write(utf8("GET /a HTTP/1.1\r\n"), false);
  const head = opening.readHead("request");
  await turn();
  opening.giveUp(new WebSocketError("WS_HANDSHAKE_TIMEOUT", "too late"));
  const error = await assertRejects(() => head, WebSocketError);
  assertEquals([error.code, error.message], ["WS_HANDSHAKE_TIMEOUT", "too late"]);
  // Nobody waits for it now.
  opening.giveUp(error);
  peer.write(utf8(HEAD), false);
  assertEquals((await opening.readHead("request")).target, "/a");
});
