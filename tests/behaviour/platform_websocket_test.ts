/** A `Socket` over the WebSocket that this runtime has itself, as in a browser, against a server of ours. */

import { test } from "node:test";
import { upgrade } from "@sockeye/ws";
import { Socket, WebSocketError } from "@sockeye/ws/browser";
import { Server } from "@sockeye/ws/http";
import { memoryServer } from "@sockeye/ws/testing";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { CloseEvent, ErrorEvent, Socket as Conn } from "../../mod.ts";
import { nativeRuntime } from "../../src/runtime/native.ts";
import { runBattery, type WebSocketLike } from "../interop/battery.ts";

const options = "WebSocket" in globalThis ? {} : { skip: "this runtime has no WebSocket" };

/** Runs `work` with a server that gives each connection to `accept`. */
async function serving(accept: (conn: Conn) => unknown, work: (url: string) => Promise<void>): Promise<void> {
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/ws": upgrade({ protocols: ["echo"] }, accept) });
  await server.start();
  try {
    await work(`ws://127.0.0.1:${server.port}/ws`);
  } finally {
    await server.close({ deadline: 1000 });
  }
}

interface End {
  error: WebSocketError | undefined;
  close: CloseEvent;
}

function ended(socket: Conn): Promise<End> {
  let error: WebSocketError | undefined;
  socket.on("error", (event: ErrorEvent) => error = event.error);
  return new Promise((resolve) => socket.on("close", (close: CloseEvent) => resolve({ error, close })));
}

test(
  "platform: text, binary and empty messages of all sizes, in order, and closing from either end",
  options,
  async () => {
    await serving((conn) => {
      conn.onmessage = ({ data }) => {
        if (data === "close me") conn.close(4002, "asked for");
        else conn.send(data);
      };
    }, (url) => runBattery((protocols) => new Socket(url, { protocols }) as unknown as WebSocketLike));
  },
);

test("platform: who closed, with what, and that an empty Close frame is 1005", options, async () => {
  await serving((conn) => {
    conn.onmessage = () => conn.terminate();
  }, async (url) => {
    const first = new Socket(url);
    const end = ended(first);
    first.onopen = () => first.close(3000, "bye");
    const { error, close } = await end;
    assertEquals([error, close.code, close.wasClean, close.initiator], [undefined, 3000, true, "local"]);
  });
});

test("platform: a connection that is cut by the peer is an error, then 1006", options, async () => {
  await serving((conn) => {
    conn.onmessage = () => conn.terminate();
  }, async (url) => {
    const socket = new Socket(url);
    const end = ended(socket);
    socket.onopen = () => socket.send("cut me");
    const { error, close } = await end;
    assertInstanceOf(error, WebSocketError);
    assert(["WS_TRANSPORT_FAILED", "WS_PEER_VANISHED"].includes(error.code), error.code);
    assertEquals([close.code, close.wasClean], [1006, false]);
  });
});

test("platform: a refused handshake, and a port where nobody listens, are an error, then 1006", options, async () => {
  await serving(() => {}, async (url) => {
    for (const wrong of [url.replace("/ws", "/elsewhere"), "ws://127.0.0.1:9/"]) {
      const { error, close } = await ended(new Socket(wrong));
      assertEquals([error?.code, close.code], ["WS_CONNECT_FAILED", 1006]);
    }
  });
});

test("platform: giving up while connecting, and cutting when open", options, async () => {
  await serving((conn) => {
    conn.onmessage = () => {};
  }, async (url) => {
    const early = new Socket(url);
    const given = ended(early);
    early.close();
    assertEquals((await given).error?.code, "WS_ABORTED");
    const socket = new Socket(url);
    const cut = ended(socket);
    socket.onopen = () => socket.terminate();
    const { error, close } = await cut;
    assertEquals([error, close.code, close.wasClean], [undefined, 1006, false]);
  });
});

test("platform: bytes that are lent go through our own handshake", async () => {
  await using server = await memoryServer(upgrade((conn) => conn.send("Hello")));
  const socket = new Socket("ws://memory/", { connect: server.connect, headers: { "x-any": "header" } });
  const message = await new Promise<{ data: unknown }>((resolve) => socket.onmessage = resolve);
  assertEquals(message.data, "Hello");
  const end = ended(socket);
  socket.close();
  assertEquals((await end).close.code, 1000);
});

test("platform: no connection can be lent, and nothing listens", async () => {
  for (
    const promise of [
      nativeRuntime.connect({ transport: "tcp", hostname: "a", port: 1 }),
      nativeRuntime.listen({ transport: "tcp", port: 0 }, () => {}),
    ]
  ) {
    const error = await promise.then(() => undefined, (reason) => reason);
    assertInstanceOf(error, DOMException);
    assertEquals(error.name, "NotSupportedError");
  }
});
