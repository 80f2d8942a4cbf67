/** A session over a transport: messages, flushing, flow control, and every way in which a connection can end. */

import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { memoryPair } from "../../src/runtime/memory.ts";
import { Opening } from "../../src/socket/opening.ts";
import { SessionLink } from "../../src/socket/session_link.ts";
import { closePayload, concat, frame, hex, KEY, show, to, utf8 } from "../frames.ts";
import { linked, LinkLog, Peer, turn } from "./peer.ts";

const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(0x78);

test("SessionLink carries messages both ways", async () => {
  for (const role of ["client", "server"] as const) {
    const { link, log, peer } = linked(role, { protocol: "chat", extensions: "x" });
    assertEquals([link.protocol, link.extensions], ["chat", "x"]);
    peer.send({ opcode: 1, payload: "hi" }, { opcode: 2, payload: "b" }, { opcode: 9, payload: "p" }, { opcode: 10 });
    link.sendText("text", false);
    link.sendBinary(Uint8Array.of(1, 2), false);
    link.ping(Uint8Array.of(3));
    await turn();
    assertEquals(log.told, ["text hi", "binary 62", "ping 70", "pong"]);
    assertEquals(peer.frames, [`1 ${show(utf8("text"))}`, "2 0102", "9 03", "10 70"]);
    link.terminate();
  }
});

test("SessionLink tells nothing from inside of start, and what was held by the opening first", async () => {
  const [near, far] = memoryPair();
  const opening = new Opening(near);
  opening.data(to("server", { opcode: 1, payload: "held" }));
  const peer = new Peer(far, "client").send({ opcode: 1, payload: "late" });
  const link = new SessionLink("server", opening);
  const log = new LinkLog();
  link.start(log);
  assertEquals(log.told, []);
  await turn();
  assertEquals(log.told, ["text held", "text late"]);
  link.terminate();
  assert(!peer.ended);
});

test("SessionLink can be ended, closed and paused before anything was told", async () => {
  const terminated = linked("server");
  terminated.link.terminate();
  assertEquals(terminated.log.told, ['close 1006 "" unclean none']);
  const closed = linked("client");
  closed.link.close(1000, "at once");
  assertEquals(closed.log.told, ["closing"]);
  const paused = linked("server");
  paused.link.pause();
  paused.peer.send({ opcode: 1, payload: "a" });
  await turn();
  assert(terminated.peer.broken);
  assertEquals(closed.peer.frames, [`8 ${show(closePayload(1000, "at once"))}`]);
  assertEquals(paused.log.told, []);
  paused.link.resume();
  await turn();
  assertEquals(paused.log.told, ["text a"]);
  for (const { link } of [closed, paused]) link.terminate();
});

// Flushing

test("SessionLink lets all that is sent in one turn leave in one write", async () => {
  const { link, peer } = linked("server");
  for (let i = 0; i < 100; i++) link.sendText(`message ${i}`, false);
  assertEquals(peer.chunks.length, 0);
  await turn();
  assertEquals(peer.chunks.length, 1);
  assertEquals(peer.frames.length, 100);
  link.terminate();
});

test("SessionLink lets all answers to one chunk leave in one write, at the end of it", async () => {
  const { link, log, peer, transport } = linked("server");
  const writes: number[] = [];
  const write = transport.write.bind(transport);
  transport.write = (chunk, mayKeep) => {
    writes.push(log.told.length);
    return write(chunk, mayKeep);
  };
  log.ontold = (what) => link.sendText(what, false);
  await turn();
  peer.send(...Array.from({ length: 50 }, (_, i) => ({ opcode: i % 2 === 0 ? 1 : 9, payload: `${i}` })));
  await turn();
  assertEquals(writes, [50]);
  assertEquals(peer.frames.length, 75);
  link.terminate();
});

// Flow control

test("SessionLink stops at once when it is paused in a delivery, and goes on exactly there", async () => {
  const { link, log, peer } = linked("server");
  log.ontold = () => link.pause();
  const frames = ["a", "b", "c", "d"].map((payload) => ({ opcode: 1, payload }));
  peer.send(...frames.slice(0, 3)).send(frames[3]!);
  for (const wanted of [["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]) {
    await turn();
    assertEquals(log.told, wanted.map((each) => `text ${each}`));
    link.resume();
    assertEquals(log.told.length, wanted.length, "nothing is told from inside of resume");
  }
  link.terminate();
});

test("SessionLink that is paused makes the peer wait, at a bounded amount", async () => {
  const { link, log, peer } = linked("server");
  link.pause();
  for (let i = 0; i < 100; i++) peer.send({ opcode: 2, payload: bytes(10_000) });
  await turn();
  assert(peer.transport.buffered > 900_000, `the peer has ${peer.transport.buffered} bytes on its hands`);
  link.resume();
  await turn();
  assertEquals(log.told.length, 100);
  assertEquals(peer.transport.buffered, 0);
  link.terminate();
});

test("SessionLink that is paused by what the opening held makes the peer wait too", async () => {
  const [near, far] = memoryPair();
  const opening = new Opening(near);
  opening.data(to("server", { opcode: 1, payload: "held" }));
  const link = new SessionLink("server", opening);
  const log = new LinkLog();
  log.ontold = () => link.pause();
  link.start(log);
  const peer = new Peer(far, "client");
  await turn();
  peer.write(bytes(200_000));
  await turn();
  assertEquals(log.told, ["text held"]);
  assert(peer.transport.buffered > 100_000, `the peer has ${peer.transport.buffered} bytes on its hands`);
  link.terminate();
});

test("SessionLink tells of the peer's end behind what came before it, also when it was paused", async () => {
  for (const inOpening of [false, true]) {
    const [near, far] = memoryPair();
    const opening = new Opening(near);
    const peer = new Peer(far, "client");
    if (inOpening) {
      opening.data(to("server", { opcode: 1, payload: "a" }));
      opening.end();
    }
    const link = new SessionLink("server", opening);
    const log = new LinkLog();
    log.ontold = () => link.pause();
    link.start(log);
    if (!inOpening) {
      peer.send({ opcode: 1, payload: "a" });
      peer.transport.end();
    }
    await turn();
    assertEquals(log.told, ["text a"]);
    link.resume();
    await turn();
    assertEquals(log.told, ["text a", "closing", "error WS_PEER_VANISHED", 'close 1006 "" unclean none']);
  }
});

test("SessionLink counts the bytes of messages that wait, and tells when they do not", async () => {
  for (const role of ["client", "server"] as const) {
    const { link, log, peer } = linked(role, { highWaterMark: 100_000 });
    peer.transport.pause();
    await turn();
    assertEquals([link.bufferedAmount, link.congested], [0, false]);
    link.sendText("é".repeat(10), false);
    assertEquals(link.bufferedAmount, 20);
    link.sendBinary(bytes(1000), false);
    link.ping(bytes(5));
    assertEquals(link.bufferedAmount, 1020);
    await turn();
    assertEquals(link.bufferedAmount, 0, "the transport takes 64 KiB");
    link.sendBinary(bytes(300_000), false);
    assert(link.bufferedAmount > 234_000 && link.bufferedAmount <= 300_000, `${link.bufferedAmount}`);
    assert(link.congested);
    const before = link.bufferedAmount;
    link.sendText("x".repeat(77), false);
    assertEquals(link.bufferedAmount, before + 77);
    await turn();
    assertEquals(link.bufferedAmount, before + 77);
    assertEquals(log.told, []);
    peer.transport.resume();
    await turn();
    assertEquals(log.told, ["drain"]);
    assertEquals([link.bufferedAmount, link.buffered, link.congested], [0, 0, false]);
    link.sendText("abc", false);
    assertEquals(link.bufferedAmount, 3, "nothing is left over from before");
    link.terminate();
  }
});

test("SessionLink drains at once what the transport takes at once", async () => {
  const { link, log } = linked("server", { highWaterMark: 1000 });
  link.sendBinary(bytes(999), false);
  assert(link.congested, "the header counts");
  assertEquals(log.told, []);
  await turn();
  assertEquals(log.told, ["drain"]);
  assert(!link.congested);
  link.terminate();
});

test("SessionLink answers pings with one pong, the latest, when the peer takes again", async () => {
  const { link, log, peer } = linked("server", { highWaterMark: 1000 });
  peer.transport.pause();
  link.sendBinary(bytes(200_000), false);
  await turn();
  for (let i = 0; i < 1000; i++) peer.send({ opcode: 9, payload: `${i}` });
  await turn();
  assertEquals(log.told.length, 1000);
  peer.transport.resume();
  await turn();
  assertEquals(peer.frames.slice(1), [`10 ${show(utf8("999"))}`]);
  assertEquals(log.told.at(-1), "drain");
  link.sendText("abc", false);
  assertEquals(link.bufferedAmount, 3);
  link.terminate();
});

test("SessionLink fails when more than maxBufferedAmount waits", async () => {
  const { link, log, peer } = linked("server", { maxBufferedAmount: 100_000 });
  peer.transport.pause();
  link.sendBinary(bytes(160_000), false);
  await turn();
  assertEquals(log.told, [], "some of it is on its way");
  link.sendBinary(bytes(10_000), false);
  await turn();
  assertEquals(log.told, ["closing", "error WS_BUFFER_OVERFLOW", 'close 1006 "" unclean none']);
  assertStringIncludes(log.errors[0]!.message, "maxBufferedAmount is 100000");
  assertEquals(log.errors[0]!.closeCode, 1013);
  await turn();
  assert(peer.broken);
});

// The end

test("SessionLink closes: its Close frame, the peer's, FIN for FIN", async () => {
  for (const role of ["client", "server"] as const) {
    const { link, log, peer } = linked(role);
    link.sendText("last", false);
    link.close(3000, "done");
    link.close(4000, "again");
    await turn();
    assertEquals(log.told, ["closing"]);
    assertEquals(peer.frames, [`1 ${show(utf8("last"))}`, `8 ${show(closePayload(3000, "done"))}`]);
    assert(!peer.ended);
    peer.send({ opcode: 1, payload: "late" }, { opcode: 8, payload: closePayload(3001, "too") });
    await turn();
    assertEquals(log.told, ["closing", "text late", "closing"]);
    assertEquals(peer.ended, role === "server", "a server's FIN is out, a client waits for it");
    peer.transport.end();
    await turn();
    assert(peer.ended);
    assertEquals(log.told.at(-1), 'close 3001 "too" clean local');
    assert(!peer.broken);
  }
});

test("SessionLink answers the peer's Close frame, lets what was sent before go first, and waits for the FIN", async () => {
  for (const role of ["client", "server"] as const) {
    const { link, log, peer } = linked(role);
    await turn();
    link.sendText("before", false);
    peer.send({ opcode: 8, payload: closePayload(1001, "bye") });
    await turn();
    assertEquals(peer.frames, [`1 ${show(utf8("before"))}`, `8 ${show(closePayload(1001, "bye"))}`]);
    assertEquals(log.told, ["closing"]);
    assertEquals(peer.ended, role === "server");
    link.close(1000, "");
    link.pause();
    peer.send({ opcode: 1, payload: "late" }, { opcode: 8 });
    await turn();
    assertEquals(log.told, ["closing"]);
    peer.transport.end();
    await turn();
    assertEquals(log.told, ["closing", 'close 1001 "bye" clean remote']);
    assertEquals(peer.frames.length, 2);
    assert(peer.ended);
  }
});

test("SessionLink closes with an empty Close frame when it has no code", async () => {
  const { link, log, peer } = linked("server");
  link.close(undefined, "");
  await turn();
  assertEquals(peer.frames, ["8"]);
  peer.send({ opcode: 8 }).transport.end();
  await log.over;
  assertEquals(log.told.at(-1), 'close 1005 "" clean local');
});

test("SessionLink that is paused reads on when it closes: the answer stands behind what was not read", async () => {
  const { link, log, peer } = linked("server");
  log.ontold = (what) => what === "text a" && link.pause();
  peer.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" }, { opcode: 8, payload: closePayload(1000) });
  peer.transport.end();
  await turn();
  assertEquals(log.told, ["text a"]);
  link.close(1000, "");
  await turn();
  assertEquals(log.told, ["text a", "closing", "text b", "closing", 'close 1000 "" clean local']);
});

test("SessionLink gives up after closeTimeout: no Close frame came", async () => {
  const { link, log, peer } = linked("server", { closeTimeout: 5 });
  link.close(1000, "");
  await log.over;
  assertEquals(log.told, ["closing", "closing", "error WS_CLOSE_TIMEOUT", 'close 1006 "" unclean local']);
  assertStringIncludes(log.errors[0]!.message, "within 5 ms");
  await turn();
  assert(peer.broken);
});

test("SessionLink gives up after closeTimeout: the Close frame came, and no FIN", async () => {
  for (const first of ["local", "remote"] as const) {
    const { link, log, peer } = linked("server", { closeTimeout: 5 });
    if (first === "local") link.close(1000, "");
    peer.send({ opcode: 8, payload: closePayload(1000) });
    await log.over;
    assertEquals(log.told.at(-1), `close 1000 "" clean ${first}`);
    assertEquals(log.errors, []);
    await turn();
    assert(peer.broken);
  }
});

test("SessionLink waits without end when closeTimeout is 0 or longer than a timer can be", async () => {
  for (const closeTimeout of [0, Infinity, 2 ** 31, 1e12]) {
    const { link, log } = linked("server", { closeTimeout });
    link.close(1000, "");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(log.told, ["closing"]);
    link.terminate();
    assertEquals(log.told.at(-1), 'close 1006 "" unclean local');
  }
});

test("SessionLink is not over before a slow peer that has sent its FIN has been given all", async () => {
  const { link, log, peer } = linked("server");
  peer.transport.pause();
  link.sendBinary(bytes(200_000), false);
  await turn();
  peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
  await turn();
  assertEquals(log.told, ["closing"]);
  peer.transport.resume();
  await turn();
  assertEquals(log.told, ["closing", 'close 1000 "" clean remote']);
  assertEquals(peer.frames.length, 2);
  assert(peer.ended);

  const stuck = linked("server", { closeTimeout: 5 });
  stuck.peer.transport.pause();
  stuck.link.sendBinary(bytes(200_000), false);
  stuck.peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
  await stuck.log.over;
  assertEquals(stuck.log.told, ["closing", 'close 1000 "" clean remote']);
});

test("SessionLink fails when the peer vanishes, at every byte of a frame", async () => {
  const whole = frame({ opcode: 1, payload: "hello", key: KEY });
  for (let sent = 0; sent <= whole.length; sent++) {
    for (const way of ["end", "abort"] as const) {
      const { log, peer } = linked("server");
      await turn();
      peer.write(whole.slice(0, sent));
      await turn();
      peer.transport[way]();
      await turn();
      const before = sent === whole.length ? ["text hello"] : [];
      assertEquals(log.told, [...before, "closing", "error WS_PEER_VANISHED", 'close 1006 "" unclean none']);
      assertEquals(log.errors[0]!.closeCode, 1001);
    }
  }
});

test("SessionLink fails when the peer vanishes behind this end's Close frame, and not behind both", async () => {
  for (const way of ["end", "abort"] as const) {
    const { link, log, peer } = linked("server");
    link.close(1000, "");
    await turn();
    peer.transport[way]();
    await turn();
    assertEquals(log.told, ["closing", "closing", "error WS_PEER_VANISHED", 'close 1006 "" unclean local']);

    const done = linked("server");
    done.peer.send({ opcode: 8, payload: closePayload(1000) });
    await turn();
    done.peer.transport[way]();
    await turn();
    assertEquals(done.log.told, ["closing", 'close 1000 "" clean remote']);
  }
});

test("SessionLink fails when the peer breaks a rule: Close frame, FIN, and then it waits for the peer's", async () => {
  const faults: [Uint8Array, string, number][] = [
    [hex("83 80 00000000"), "WS_RESERVED_OPCODE", 1002],
    [hex("81 00"), "WS_MASK_REQUIRED", 1002],
    [hex("81 81 00000000 ff"), "WS_INVALID_UTF8", 1007],
    [hex("82 ff 0000000008000000 00000000"), "WS_MESSAGE_TOO_BIG", 1009],
    [concat(hex("88 83 00000000"), closePayload(1000), hex("ff")), "WS_INVALID_UTF8", 1007],
  ];
  for (const [fault, code, number] of faults) {
    const { log, peer } = linked("server");
    peer.send({ opcode: 1, payload: "ok" }).write(fault).send({ opcode: 1, payload: "late" });
    await turn();
    assertEquals(log.told, ["text ok", "closing", `error ${code}`]);
    assertEquals(log.errors[0]!.closeCode, number);
    assertEquals(peer.frames, [`8 ${show(closePayload(number))}`]);
    assert(peer.ended);
    peer.write(bytes(100_000));
    peer.send({ opcode: 8, payload: closePayload(number) }).transport.end();
    await turn();
    assertEquals(log.told.slice(3), ['close 1006 "" unclean local']);
    assert(!peer.broken);
  }
});

test("SessionLink is cut by terminate, with an error or without, whatever it is about", async () => {
  const error = new WebSocketError("WS_HEARTBEAT_TIMEOUT", "No pong came");
  for (const given of [undefined, error]) {
    const told = given === undefined ? [] : ["closing", "error WS_HEARTBEAT_TIMEOUT"];
    const open = linked("server");
    await turn();
    open.link.terminate(given);
    open.link.terminate(given);
    open.link.close(1000, "");
    assertEquals(open.log.told, [...told, 'close 1006 "" unclean none']);
    await turn();
    assert(open.peer.broken);

    const closing = linked("server");
    closing.link.close(1000, "");
    closing.link.terminate(given);
    assertEquals(closing.log.told, ["closing", ...told, 'close 1006 "" unclean local']);

    const ending = linked("server");
    ending.peer.send({ opcode: 8, payload: closePayload(1000, "bye") });
    await turn();
    ending.link.terminate(given);
    assertEquals(ending.log.told, ["closing", 'close 1000 "bye" clean remote'], "both Close frames have passed");

    const failed = linked("server");
    failed.peer.write(hex("ffff"));
    await turn();
    failed.link.terminate(given);
    assertEquals(failed.log.told, ["closing", "error WS_RESERVED_OPCODE", 'close 1006 "" unclean local']);
  }
});
