/**
 * Whatever an application does from within an event of a link, and whatever two ends do in random order, a connection
 * ends once, tells nothing after it, and loses and invents no message.
 */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { memoryPair } from "../../src/runtime/memory.ts";
import { Opening } from "../../src/socket/opening.ts";
import { SessionLink } from "../../src/socket/session_link.ts";
import { closePayload, hex, readFrames } from "../frames.ts";
import { Random } from "../random.ts";
import { linked, LinkLog, type Peer, turn } from "./peer.ts";

/** What an application may do to a link. */
const actions: Record<string, (link: SessionLink) => void> = {
  "close": (link) => link.close(3000, "x"),
  "terminate": (link) => link.terminate(),
  "terminate with an error": (link) => link.terminate(new WebSocketError("WS_ABORTED", "No more")),
  "pause": (link) => link.pause(),
  "pause and resume": (link) => {
    link.pause();
    link.resume();
  },
  "resume": (link) => link.resume(),
  "pause and close": (link) => {
    link.pause();
    link.close(3000, "x");
  },
  "pause and terminate": (link) => {
    link.pause();
    link.terminate();
  },
  "close and terminate": (link) => {
    link.close(3000, "x");
    link.terminate();
  },
};

/** How a connection goes, up to its end. */
const lives: Record<string, (peer: Peer, link: SessionLink) => void> = {
  "the peer closes": (peer) => peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end(),
  "this end closes": (peer, link) => {
    link.close(1000, "");
    peer.send({ opcode: 8, payload: closePayload(1000) }).transport.end();
  },
  "the peer ends": (peer) => peer.transport.end(),
  "the peer breaks": (peer) => peer.transport.abort(),
  "the peer breaks a rule": (peer) => peer.write(hex("ff00")).transport.end(),
};

/** The events of a life, in which an action may be taken. */
const events = ["text", "binary", "ping", "pong", "drain", "closing", "error", "close"] as const;

/** Runs a life with an action in each event of a name. Returns what was told. */
async function live(event: string, action: (link: SessionLink) => void, end: string): Promise<LinkLog> {
  const { link, log, peer } = linked("server", { highWaterMark: 50, closeTimeout: 50 });
  log.ontold = (what) => {
    if (what.split(" ", 1)[0] === event) action(link);
  };
  await turn();
  link.sendBinary(new Uint8Array(100), false);
  await turn();
  peer.send(
    { opcode: 1, payload: "a" },
    { opcode: 9 },
    { opcode: 2, payload: "b" },
    { opcode: 10 },
    { opcode: 1, payload: "c" },
  );
  await turn();
  lives[end]!(peer, link);
  await turn();
  // A pause has to be ended by somebody for the rest to come.
  while (!log.told.at(-1)!.startsWith("close")) {
    link.resume();
    await turn();
  }
  await turn();
  return log;
}

function checkTold(log: LinkLog, what: string): void {
  const names = log.told.map((each) => each.split(" ", 1)[0]!);
  const told = `${what}: ${log.told.join(", ")}`;
  assertEquals(names.filter((name) => name === "close").length, 1, told);
  assertEquals(names.at(-1), "close", told);
  const errors = names.filter((name) => name === "error").length;
  assert(errors <= 1, told);
  if (errors === 1) {
    assert(log.told.at(-1)!.startsWith('close 1006 "" unclean'), told);
    assert(names.indexOf("closing") >= 0 && names.indexOf("closing") < names.indexOf("error"), told);
  }
}

for (const [name, action] of Object.entries(actions)) {
  test(`SessionLink ends once when an application does this within any event: ${name}`, async () => {
    for (const end of Object.keys(lives)) {
      for (const event of events) {
        const log = await live(event, action, end);
        const what = `${name} in ${event}, ${end}`;
        checkTold(log, what);
        const messages = log.told.filter((each) => /^(text|binary)/.test(each));
        const all = ["text a", "binary 62", "text c"];
        assertEquals(messages, all.slice(0, messages.length), what);
        if (name === "resume" || name === "pause and resume") assertEquals(messages, all, what);
        if (name.includes("terminate") && event === "text") assertEquals(messages, ["text a"], what);
      }
    }
  });
}

test("SessionLink writes whole frames and one Close frame at most, whatever is done within its events", async () => {
  for (const [name, action] of Object.entries(actions)) {
    for (const event of events) {
      const { link, log, peer } = linked("client", { closeTimeout: 50 });
      log.ontold = (what) => {
        if (what.split(" ", 1)[0] !== event) return;
        link.sendText("in it", false);
        action(link);
      };
      await turn();
      peer.send({ opcode: 1, payload: "a" }, { opcode: 9 }, { opcode: 8, payload: closePayload(1000) });
      await turn();
      link.resume();
      await turn();
      const frames = readFrames(peer.bytes);
      assert(frames.every(({ masked }) => masked));
      const closes = frames.map(({ opcode }) => opcode).filter((opcode) => opcode === 8).length;
      assert(closes <= 1, `${name} in ${event}`);
      link.terminate();
    }
  }
});

/** Two ends in memory, each with its log. */
interface Pair {
  links: [SessionLink, SessionLink];
  logs: [LinkLog, LinkLog];
}

function pair(): Pair {
  const [near, far] = memoryPair();
  // No wait is meant to run out: a busy machine must not change what is seen.
  const options = { closeTimeout: 60_000, highWaterMark: 20_000 };
  const links: Pair["links"] = [
    new SessionLink("client", new Opening(near), options),
    new SessionLink("server", new Opening(far), options),
  ];
  const logs: Pair["logs"] = [new LinkLog(), new LinkLog()];
  links.forEach((link, i) => link.start(logs[i]!));
  return { links, logs };
}

test("Two SessionLinks do as they must through random lives", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const { links, logs } = pair();
    const sent: [string[], string[]] = [[], []];
    const cut = random.chance(3);
    logs.forEach((log, i) =>
      log.ontold = (what) => {
        if (what.startsWith("text") && random.chance(6)) links[i]!.pause();
        if (what.startsWith("text") && random.chance(6) && !closed[i]) {
          const text = `reply ${random.below(1000)}`;
          links[i]!.sendText(text, false);
          sent[i]!.push(`text ${text}`);
        }
        if (what === "closing") closed[i] = true;
      }
    );
    const closed = [false, false];
    for (let step = 0; step < 40; step++) {
      const i = random.below(2);
      const link = links[i]!;
      switch (closed[i] ? 4 : random.below(9)) {
        case 0:
        case 1:
        case 2: {
          const text = random.text(random.below(random.chance(8) ? 30_000 : 50));
          link.sendText(text, false);
          sent[i]!.push(`text ${text}`);
          break;
        }
        case 3:
          link.ping(random.bytes(random.below(126)));
          break;
        case 4:
          link.resume();
          break;
        case 5:
          link.pause();
          break;
        default:
          await turn();
      }
    }
    const last = random.below(2);
    if (cut) links[last]!.terminate();
    else links[last]!.close(4000, "done");
    while (!logs.every(({ told }) => told.at(-1)?.startsWith("close"))) {
      links.forEach((link) => link.resume());
      await turn();
    }
    logs.forEach((log, i) => {
      checkTold(log, `seed ${seed}, end ${i}`);
      const got = log.told.filter((each) => each.startsWith("text"));
      const wanted = sent[1 - i]!;
      assertEquals(got, wanted.slice(0, got.length), `seed ${seed}, end ${i}`);
      // What the end that closed had sent came before its Close frame.
      if (!cut && i !== last) assertEquals(got.length, wanted.length, `seed ${seed}, end ${i}`);
      if (!cut) assertEquals(log.told.at(-1), `close 4000 "done" clean ${i === last ? "local" : "remote"}`);
    });
  }
});
