/** Mounts without the servers they are for: requests and WebSockets of our own. `tests/mounts` has the real ones. */

import { test } from "node:test";
import { type BaseSocket, upgrade, type UpgradeOptions } from "@sockeye/ws";
import type { HttpRequest } from "@sockeye/ws/http";
import { type BunHandlers, type BunServer, type BunWebSocket, mount as mountBun } from "@sockeye/ws/mount/bun";
import { mount as mountDeno } from "@sockeye/ws/mount/deno";
import { mount as mountNode } from "@sockeye/ws/mount/node";
import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { turn } from "../socket/peer.ts";
import { deferred } from "./raw_client.ts";

const HANDSHAKE: Record<string, string> = {
  Host: "localhost",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

/** A request with fields that a `Request` of some runtimes does not take. */
function handshake(fields: Record<string, string> = {}): Request {
  const headers = Object.entries({ ...HANDSHAKE, ...fields }) as [string, string][];
  return {
    method: "GET",
    url: "http://localhost/ws?a=1",
    headers: { [Symbol.iterator]: () => headers[Symbol.iterator]() },
    body: null,
    signal: new AbortController().signal,
  } as unknown as Request;
}

/** A `Bun.serve` that opens at once, as Bun does, and what is done with its WebSocket. */
class FakeBun implements BunServer {
  readonly calls: unknown[][] = [];
  headers: Headers = new Headers();
  readonly ws: BunWebSocket;
  readonly #handlers: BunHandlers;

  constructor(handlers: BunHandlers) {
    this.#handlers = handlers;
    const call = (name: string) => (...args: unknown[]): number => this.calls.push([name, ...args]);
    this.ws = {
      data: undefined,
      send: call("send"),
      close: (code, reason) => {
        this.calls.push(["close", code, reason]);
        handlers.close(this.ws, code ?? 1005, reason ?? "");
      },
      terminate: () => {
        this.calls.push(["terminate"]);
        handlers.close(this.ws, 1006, "");
      },
      ping: call("ping"),
      getBufferedAmount: () => 0,
      pause: call("pause"),
      resume: call("resume"),
    };
  }

  upgrade(_request: Request, { data, headers }: { data: unknown; headers: Headers }): boolean {
    this.headers = headers;
    Object.assign(this.ws, { data });
    this.#handlers.open(this.ws);
    return true;
  }

  requestIP(): { address: string; port: number } {
    return { address: "10.0.0.1", port: 4 };
  }
}

async function served(options: UpgradeOptions, fields: Record<string, string> = {}) {
  const accepted = deferred<[BaseSocket, HttpRequest]>();
  const ws = mountBun({ "/ws": upgrade(options, (conn, req) => accepted.resolve([conn, req])) });
  const bun = new FakeBun(ws.websocket);
  assertEquals(await ws.fetch(handshake(fields), bun), undefined);
  const [conn, req] = await accepted.promise;
  return { ws, bun, conn, req };
}

test("a mount hands over the platform's WebSocket, with its protocol, fields and endpoint", async () => {
  const { ws, bun, conn, req } = await served(
    { protocols: ["chat"], headers: { "X-A": "b" } },
    { "Sec-WebSocket-Protocol": "chat" },
  );
  assertEquals([bun.headers.get("sec-websocket-protocol"), bun.headers.get("x-a")], ["chat", "b"]);
  assertEquals([conn.protocol, conn.readyState, req.query.get("a")], ["chat", 1, "1"]);
  assertEquals(conn.remote, { transport: "tcp", hostname: "10.0.0.1", port: 4 });
  assertEquals(ws.clients.size, 1);
  const messages: unknown[] = [];
  conn.on("message", ({ data }) => messages.push(data));
  await turn();
  ws.websocket.message(bun.ws, "text");
  ws.websocket.message(bun.ws, Uint8Array.of(1));
  assertEquals(messages, ["text", Uint8Array.of(1)]);
  assertEquals(ws.broadcast("to all"), 1);
  const pong = conn.ping("p");
  ws.websocket.pong(bun.ws, new TextEncoder().encode("p"));
  await pong;
  await ws.close({ code: 1012, reason: "back soon" });
  assertEquals([ws.clients.size, conn.readyState], [0, 3]);
  assertEquals(bun.calls.filter(([name]) => name === "close"), [["close", 1012, "back soon"]]);
});

test("a mount forgets a WebSocket whose peer has vanished, although nobody listens to it", async () => {
  const { ws, bun, conn } = await served({});
  ws.websocket.close(bun.ws, 1006, "");
  await turn();
  conn.resume();
  conn.on("message", () => {});
  await turn();
  assertEquals(ws.clients.size, 0);
});

test("a mount pauses the platform where it can, and cuts it", async () => {
  const { bun, conn } = await served({});
  conn.on("message", () => {});
  await turn();
  bun.calls.length = 0;
  conn.pause();
  conn.resume();
  conn.terminate();
  assertEquals(bun.calls.map(([name]) => name), ["pause", "resume", "terminate"]);
});

test("a mount refuses what the platform does not obey, reports it, and answers 500", async () => {
  for (const option of [{ maxFragments: 1 }, { messageTimeout: 1 }, { streaming: true }]) {
    const reports: unknown[] = [];
    const ws = mountBun({ "/ws": upgrade(option, () => {}) }, { onerror: (error) => reports.push(error) });
    const response = await ws.fetch(handshake(), new FakeBun(ws.websocket));
    assertEquals(response?.status, 500);
    assertInstanceOf(reports[0], DOMException);
    assertEquals((reports[0] as DOMException).name, "NotSupportedError");
    assertStringIncludes((reports[0] as DOMException).message, Object.keys(option)[0]!);
  }
});

test("a mount that was closed upgrades nothing", async () => {
  const ws = mountBun({ "/ws": upgrade(() => {}) });
  await ws.close();
  const response = await ws.fetch(handshake(), new FakeBun(ws.websocket));
  assertEquals(response?.status, 503);
  await assertRejects(() => ws.close({ code: 1005 }), RangeError, "Cannot close the mount");
});

test("a mount reads bodies up to its limit, and answers with what the handlers say", async () => {
  const ws = mountDeno(async (req: HttpRequest) => {
    req.response.addCookie({ name: "a", value: "1" });
    req.response.addCookie({ name: "b", value: "2" });
    req.response.json({ said: await req.text() });
  }, { maxBodySize: 5 });
  const post = (body: string): Promise<Response> =>
    ws.fetch(new Request("http://localhost/", { method: "POST", body }));
  const answer = await post("five.");
  assertEquals([answer.status, await answer.json()], [200, { said: "five." }]);
  assertEquals(answer.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals((await post("sixth.")).status, 413);
});

test("a mount tells req.signal when the peer is gone", async () => {
  const gone = new AbortController();
  const begun = deferred();
  const ws = mountDeno(async (req: HttpRequest) => {
    begun.resolve();
    await new Promise((resolve) => req.signal.addEventListener("abort", resolve));
    return new Response(String(req.signal.reason));
  });
  const answer = ws.fetch(new Request("http://localhost/", { signal: gone.signal }));
  await begun.promise;
  gone.abort("left");
  assertEquals(await (await answer).text(), "left");
});

test("a mount refuses wrong options and handlers", () => {
  for (const mount of [mountBun, mountDeno, mountNode]) {
    assertThrows(() => mount(5 as never), TypeError, "Cannot make a handler");
    assertThrows(() => mount({}, { nonsense: 1 } as never), TypeError, "nonsense");
    assertThrows(() => mount({}, { maxBodySize: -1 }), RangeError, "maxBodySize");
  }
  assertThrows(() => mountBun({}, { maxPayload: 0 }), RangeError, "maxPayload");
  assertThrows(() => mountBun({}, { perMessageDeflate: {} as never }), TypeError, "perMessageDeflate");
});
