/** A client for bad networks, with sockets and a clock of our own, and once over a real network. */

import { test } from "node:test";
import { type BaseSocket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { ReconnectingSocket } from "@sockeye/ws/reconnecting";
import type { DropEvent, LostEvent, ReconnectingOptions, UrlProvider } from "@sockeye/ws/reconnecting";
import { memoryServer } from "@sockeye/ws/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeWith } from "../../src/socket/socket.ts";
import { Clock } from "../clock.ts";

/** What happened, each event in a few words. */
function log(socket: ReconnectingSocket): string[] {
  const told: string[] = [];
  socket.on("attempt", ({ attempt }) => told.push(`attempt ${attempt}`));
  socket.on("open", ({ attempt }) => told.push(`open ${attempt}`));
  socket.on("message", ({ data }) => told.push(`message ${data}`));
  socket.on("error", ({ error }) => told.push(`error ${error.code}`));
  socket.on("lost", (event: LostEvent) => told.push(`lost ${event.code} ${event.delay}`));
  socket.on("drop", ({ data }: DropEvent) => told.push(`drop ${data}`));
  socket.on("close", ({ code, wasClean }) => told.push(`close ${code} ${wasClean}`));
  return told;
}

/** A network in memory: what becomes of each connection is one word of the plan, the last for all that follow. */
async function network(
  plan: readonly string[],
  options: ReconnectingOptions,
  work: (socket: ReconnectingSocket, told: string[], clock: Clock, server: BaseSocket[]) => Promise<void>,
  url: string | UrlProvider = "ws://memory/",
): Promise<void> {
  const conns: BaseSocket[] = [];
  await using server = await memoryServer({
    "/": upgrade((conn) => {
      conns.push(conn);
      conn.on("message", ({ data }) => {
        if (String(data).startsWith("close ")) closeWith(conn, Number(String(data).slice(6)), "");
        else conn.send(`re ${data}`);
      });
    }),
    "/gone": () => new Response("gone", { status: 410 }),
  });
  let count = 0;
  const connect: ReconnectingOptions["connect"] = async (target, signal) => {
    const way = plan[Math.min(count++, plan.length - 1)];
    if (way === "fails") throw new Error("No network");
    return await server.connect(target, signal);
  };
  using clock = new Clock();
  const socket = new ReconnectingSocket(url, { connect, random: () => 0.5, handshakeTimeout: 0, ...options });
  const told = log(socket);
  try {
    await work(socket, told, clock, conns);
  } finally {
    socket.terminate();
    await clock.pass(0);
  }
}

test("ReconnectingSocket doubles the delay with each failure, up to its limit, and begins anew after a stable connection", async () => {
  await network(
    ["fails", "fails", "fails", "fails", "ok"],
    { minDelay: 100, maxDelay: 300 },
    async (socket, told, clock, conns) => {
      assertEquals([socket.readyState, socket.attempts], [0, 0]);
      await clock.pass(0);
      // With 0.5 for chance, three quarters of each delay: 100, 200, then 300.
      assertEquals(told, ["attempt 1", "error WS_CONNECT_FAILED", "lost 1006 75"]);
      for (const [delay, next] of [[75, 150], [150, 225], [225, 225]] as const) {
        told.length = 0;
        await clock.pass(delay - 1);
        assertEquals(told, []);
        await clock.pass(1);
        assertEquals(told.at(-1), `lost 1006 ${next}`);
      }
      await clock.pass(225);
      assertEquals([told.at(-1), socket.readyState], ["open 5", 1]);
      await clock.pass(5_000);
      conns[0]!.terminate();
      await clock.pass(0);
      assertEquals(told.slice(-2), ["error WS_PEER_VANISHED", "lost 1006 75"]);
    },
  );
});

test("ReconnectingSocket goes on counting when a connection did not last", async () => {
  await network(["fails", "ok"], { minDelay: 100, stableAfter: 1_000 }, async (_socket, told, clock, conns) => {
    await clock.pass(75);
    assertEquals(told.at(-1), "open 2");
    await clock.pass(999);
    conns[0]!.terminate();
    await clock.pass(0);
    assertEquals(told.at(-1), "lost 1006 150");
  });
});

test("ReconnectingSocket leaves half of the delay to chance", async () => {
  for (const [chance, delay] of [[0, 50], [0.999, 100]] as const) {
    await network(["fails"], { minDelay: 100, random: () => chance }, async (_socket, told, clock) => {
      await clock.pass(0);
      assertEquals(told.at(-1), `lost 1006 ${delay}`);
    });
  }
});

test("ReconnectingSocket keeps messages until it is open, and sends them in order, before those of its listeners", async () => {
  await network(["fails", "ok"], { minDelay: 100 }, async (socket, told, clock) => {
    const lent = Uint8Array.of(97);
    assertEquals([socket.send("one"), socket.send(lent), socket.send(3)], [true, true, true]);
    lent[0] = 0;
    assertEquals([socket.queued, socket.bufferedAmount], [3, 5]);
    socket.once("open", () => socket.send("four"));
    await clock.pass(75);
    assertEquals([socket.queued, socket.bufferedAmount], [0, 0]);
    assertEquals(told.filter((each) => each.startsWith("message")), [
      ...["message re one", "message re 97", "message re 3", "message re four"],
    ]);
  });
});

test("ReconnectingSocket bounds what waits, by number and by bytes, and does as overflow says", async () => {
  await network(["fails"], { maxQueue: 2 }, async (socket) => {
    socket.send("a");
    socket.send("b");
    assertThrows(() => socket.send("c"), RangeError, "maxQueue is 2 messages");
    assertEquals(socket.queued, 2);
    await Promise.resolve();
  });
  await network(["fails"], { maxQueueBytes: 4, overflow: "drop-newest" }, async (socket, told) => {
    assertEquals([socket.send("aaa"), socket.send("bb"), socket.send("c")], [true, false, true]);
    assertEquals(told, ["drop bb"]);
    await Promise.resolve();
  });
  await network(["fails"], { maxQueueBytes: 4, overflow: "drop-oldest" }, async (socket, told) => {
    assertEquals([socket.send("a"), socket.send("b"), socket.send("cccc"), socket.send("ddddd")], [
      true,
      true,
      true,
      false,
    ]);
    assertEquals(told, ["drop a", "drop b", "drop cccc", "drop ddddd"]);
    assertEquals([socket.queued, socket.bufferedAmount], [0, 0]);
    await Promise.resolve();
  });
});

test("ReconnectingSocket is over with a fatal code, and with none else", async () => {
  for (
    const [code, options, last] of [
      [1000, {}, "close 1000 true"],
      [1008, {}, "close 1008 true"],
      [1012, {}, "lost 1012 375"],
      [4401, {}, "lost 4401 375"],
      [4401, { fatalCodes: [4401] }, "close 4401 true"],
      [1000, { fatalCodes: [4401] }, "lost 1000 375"],
    ] as const
  ) {
    await network(["ok"], options, async (socket, told, clock) => {
      await clock.pass(0);
      socket.send(`close ${code}`);
      await clock.pass(0);
      assertEquals(told.at(-1), last);
      assertEquals(socket.readyState, last.startsWith("close") ? 3 : 0);
    });
  }
});

test("ReconnectingSocket is over when the handshake is refused for good, and after maxAttempts", async () => {
  await network(["ok"], {}, async (socket, told, clock) => {
    socket.send("never");
    await clock.pass(0);
    assertEquals(told, ["attempt 1", "error WS_HANDSHAKE_REFUSED", "drop never", "close 1006 false"]);
    assertEquals([socket.readyState, socket.send("late"), clock.size], [3, false, 0]);
  }, "ws://memory/gone");
  await network(["fails"], { maxAttempts: 3, minDelay: 10 }, async (socket, told, clock) => {
    await clock.pass(1_000);
    assertEquals([socket.attempts, told.at(-1)], [3, "close 1006 false"]);
  });
});

test("ReconnectingSocket asks for the URL and the token before each attempt, and an error of theirs is a failed attempt", async () => {
  const seen: (string | null)[] = [];
  let turn = 0;
  await using server = await memoryServer(upgrade((conn, req) => {
    seen.push(req.firstHeader("authorization"), req.query.get("access_token"), req.address);
    conn.close(4000);
  }));
  using clock = new Clock();
  const url: UrlProvider = async () => {
    await Promise.resolve();
    if (turn === 1) throw new Error("No answer");
    return `ws://memory/${turn}`;
  };
  const common = { connect: server.connect, minDelay: 10, handshakeTimeout: 0 };
  const inHeader = new ReconnectingSocket(url, {
    ...common,
    token: () => Promise.resolve(`t${turn++}`),
    headers: { a: "b" },
  });
  const told = log(inHeader);
  await clock.pass(200);
  inHeader.terminate();
  assertEquals(seen.slice(0, 3), ["Bearer t0", null, "/0"]);
  assert(told.includes("error WS_CONNECT_FAILED"), told.join());
  // The URL failed before the token was asked for.
  turn = 2;
  seen.length = 0;
  const inQuery = new ReconnectingSocket(url, { ...common, token: () => "a b", tokenParameter: "access_token" });
  await clock.pass(0);
  inQuery.terminate();
  assertEquals(seen, [null, "a b", "/2"]);
});

test("ReconnectingSocket.close ends it in every state, once, and drops what waits", async () => {
  await network(["ok"], {}, async (socket, told, clock) => {
    await clock.pass(0);
    socket.close(3000, "done");
    assertEquals([socket.readyState, socket.send("late")], [2, false]);
    socket.close();
    await clock.pass(0);
    assertEquals(told, ["attempt 1", "open 1", "close 3000 true"]);
    assertEquals(clock.size, 0);
  });
  for (const passed of [undefined, 0]) {
    await network(["fails"], {}, async (socket, told, clock) => {
      if (passed !== undefined) await clock.pass(passed);
      socket.send("waits");
      socket.close();
      socket.terminate();
      await clock.pass(100_000);
      assertEquals(told.slice(-2), ["drop waits", "close 1006 false"]);
      assertEquals([told.filter((each) => each.startsWith("close")).length, socket.readyState], [1, 3]);
    });
  }
});

test("ReconnectingSocket.retry connects at once, and the signal ends all", async () => {
  const controller = new AbortController();
  await network(["fails", "ok"], { minDelay: 60_000, signal: controller.signal }, async (socket, told, clock) => {
    await clock.pass(0);
    socket.retry();
    await clock.pass(0);
    assertEquals(told.at(-1), "open 2");
    socket.retry();
    controller.abort(new Error("Enough"));
    await clock.pass(0);
    assertEquals(told.slice(-2), ["error WS_ABORTED", "close 1006 false"]);
    assertEquals(clock.size, 0);
  });
});

test("ReconnectingSocket refuses wrong arguments at once, and ends with wrong options of Socket", async () => {
  assertThrows(() => new ReconnectingSocket("nowhere"), DOMException, "wanted an absolute URL");
  for (const options of [{ overflow: "wait" }, { token: 5 }, { fatalCodes: 1000 }, { signal: 1 }, { random: 1 }]) {
    assertThrows(() => new ReconnectingSocket("ws://memory/", options as never), TypeError, Object.keys(options)[0]);
  }
  for (const options of [{ minDelay: -1 }, { maxAttempts: 0 }, { maxQueue: NaN }]) {
    assertThrows(() => new ReconnectingSocket("ws://memory/", options), RangeError, Object.keys(options)[0]);
  }
  const socket = new ReconnectingSocket("ws://memory/", { nonsense: 1 } as never);
  const told = log(socket);
  await new Promise((resolve) => socket.onclose = resolve);
  assertEquals(told, ["attempt 1", "error WS_CONNECT_FAILED", "close 1006 false"]);
});

test("ReconnectingSocket comes back to a server that was away", async () => {
  const handler = upgrade((conn) => {
    conn.onmessage = ({ data }) => conn.send(`re ${data}`);
  });
  const first = new Server({ port: 0, hostname: "127.0.0.1" }, handler);
  await first.start();
  const { port } = first;
  await using socket = new ReconnectingSocket(first.url(), { minDelay: 20, maxDelay: 40 });
  await new Promise((resolve) => socket.once("open", resolve));
  const lost = new Promise((resolve) => socket.once("lost", resolve));
  await first.close();
  await lost;
  socket.send("kept");
  await using second = new Server({ port, hostname: "127.0.0.1" }, handler);
  await second.start();
  const event = await new Promise<{ data: unknown }>((resolve) => socket.onmessage = resolve);
  assertEquals(event.data, "re kept");
});
