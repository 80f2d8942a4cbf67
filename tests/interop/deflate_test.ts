/**
 * Compression with other implementations, in both directions and with all combinations of parameters: npm `ws`, Bun's own
 * server and client, and the client of Node, which inflates but does not compress.
 */

import { test } from "node:test";
import { type BaseSocket, Socket, type StreamEvent, TEXT, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandFor } from "../harness.ts";
import type { WebSocketLike } from "./battery.ts";
import { close, combinations, messages, open, type Parameters, talk, windows } from "./deflate_talk.ts";
import { run, start } from "./processes.ts";

const PEER = "tests/interop/deflate_peer.ts";

/** Echoes each message as a stream, while it comes. */
function echoStreams(conn: BaseSocket): void {
  conn.on("stream", ({ opcode, readable }: StreamEvent) => void conn.sendStream(readable, { opcode }));
}

/** Runs with a server of ours that has each combination under its number, and echoes; and with one that echoes streams. */
async function withServer(
  work: (url: string, streaming: string) => Promise<void>,
): Promise<{ compressed: number; plain: number }> {
  const seen = { compressed: 0, plain: 0 };
  const handlers = combinations.map((parameters) =>
    upgrade({ perMessageDeflate: parameters }, (conn) => {
      conn.onmessage = ({ data, compress }) => {
        seen[compress ? "compressed" : "plain"]++;
        conn.send(data);
      };
    })
  );
  await using server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/:number": (_: unknown, number: string) => handlers[Number(number)],
    "/streaming/:number": (_: unknown, number: string) =>
      upgrade({ perMessageDeflate: combinations[Number(number)]!, streaming: true }, echoStreams),
  });
  await server.start();
  const url = `ws://127.0.0.1:${server.port}/`;
  await work(url, `${url}streaming/`);
  return seen;
}

const clients = [["ws", "node20", 264], ["ws", "node24", 264], ["native", "bun", 16], [
  "native",
  "node24",
  16,
]] as const;

for (const [kind, on, connections] of clients) {
  const probe = commandFor(on, PEER);
  test(`compression with the client ${kind} of ${on}`, typeof probe === "string" ? { skip: probe } : {}, async () => {
    const seen = await withServer(async (url, streaming) => {
      for (const each of [url, streaming]) {
        const command = commandFor(on, PEER, ["client", kind, each]);
        if (typeof command === "string") throw new Error(command);
        assertStringIncludes(await run(command), "ok");
      }
    });
    assertEquals(seen.compressed + seen.plain, connections * messages.length);
    // Node's own client never compresses.
    if (kind === "ws") assertEquals(seen.plain, 0);
    if (on === "bun") assert(seen.compressed > 0, JSON.stringify(seen));
  });
}

function connect(url: string, perMessageDeflate: Parameters): Socket {
  return new Socket(url, { perMessageDeflate });
}

async function converse(socket: Socket, name: string): Promise<void> {
  const like = socket as unknown as WebSocketLike;
  try {
    await talk(like);
    assertEquals(await close(like), 1000);
  } catch (cause) {
    throw new Error(`${name}: ${String(cause)}`, { cause });
  }
}

const npm = commandFor("node20", PEER, ["server", "ws"]);
test("compression with the server ws of node20", typeof npm === "string" ? { skip: npm } : {}, async () => {
  if (typeof npm === "string") throw new Error(npm);
  const server = await start(npm);
  try {
    for (const theirs of combinations) {
      const url = `ws://127.0.0.1:${server.line}/?options=${encodeURIComponent(JSON.stringify(theirs))}`;
      for (const ours of combinations) {
        const name = `${JSON.stringify(ours)} with ${JSON.stringify(theirs)}`;
        const socket = connect(url, ours);
        await open(socket as unknown as WebSocketLike);
        const wanted: [keyof Parameters, string][] = [
          ["serverNoContextTakeover", "server_no_context_takeover"],
          ["clientNoContextTakeover", "client_no_context_takeover"],
          ["serverMaxWindowBits", "server_max_window_bits=9"],
          ["clientMaxWindowBits", "client_max_window_bits=10"],
        ];
        for (const [option, parameter] of wanted) {
          const asked = ours[option] !== undefined || theirs[option] !== undefined;
          assertEquals(socket.extensions.includes(parameter), asked, `${name}: ${socket.extensions}`);
        }
        await converse(socket, name);
      }
    }
    for (const window of windows) {
      const name = JSON.stringify(window);
      const socket = connect(`ws://127.0.0.1:${server.line}/?options=${encodeURIComponent(name)}`, {});
      await open(socket as unknown as WebSocketLike);
      const { serverMaxWindowBits: theirs, clientMaxWindowBits: ours } = window;
      const parameters = [`server_max_window_bits=${theirs}`, `client_max_window_bits=${ours}`];
      for (const each of parameters) assertStringIncludes(`${socket.extensions};`, `${each};`);
      await converse(socket, name);
    }
  } finally {
    await server.stop();
  }
});

/** A client that sends each message as a stream, in three fragments, and reads each as one. */
function streamed(url: string, perMessageDeflate: Parameters): { socket: Socket; like: WebSocketLike } {
  const socket = new Socket(url, { perMessageDeflate, streaming: true });
  const like: WebSocketLike = {
    binaryType: "",
    protocol: "",
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send(data) {
      const third = Math.ceil(data.length / 3);
      const chunks = [0, third, 2 * third].map((at) => data.slice(at, at + third));
      void socket.sendStream(chunks, typeof data === "string" ? { opcode: TEXT } : {});
    },
    close: (code) => socket.close(code),
  };
  socket.on("stream", async ({ opcode, readable }: StreamEvent) => {
    const response = new Response(readable);
    const data = await (opcode === TEXT ? response.text() : response.arrayBuffer());
    like.onmessage?.({ data } as never);
  });
  socket.onclose = (event) => like.onclose?.(event as never);
  return { socket, like };
}

test("streams, compressed, with the server ws of node20", typeof npm === "string" ? { skip: npm } : {}, async () => {
  if (typeof npm === "string") throw new Error(npm);
  const server = await start(npm);
  try {
    for (const theirs of combinations) {
      for (const ours of combinations) {
        const name = `${JSON.stringify(ours)} with ${JSON.stringify(theirs)}`;
        const url = `ws://127.0.0.1:${server.line}/?options=${encodeURIComponent(JSON.stringify(theirs))}`;
        const { socket, like } = streamed(url, ours);
        await open(socket as unknown as WebSocketLike);
        assertStringIncludes(socket.extensions, "permessage-deflate");
        try {
          await talk(like);
          assertEquals(await close(like), 1000);
        } catch (cause) {
          throw new Error(`${name}: ${String(cause)}`, { cause });
        }
      }
    }
  } finally {
    await server.stop();
  }
});

const bun = commandFor("bun", PEER, ["server", "bun"]);
test("compression with the server of Bun", typeof bun === "string" ? { skip: bun } : {}, async () => {
  if (typeof bun === "string") throw new Error(bun);
  const server = await start(bun);
  try {
    for (const ours of combinations) {
      const name = JSON.stringify(ours);
      const socket = connect(`ws://127.0.0.1:${server.line}/`, ours);
      await open(socket as unknown as WebSocketLike);
      // Bun keeps no context, and declines to limit its window.
      const wanted = ours.serverMaxWindowBits === undefined
        ? "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
        : "";
      assertEquals(socket.extensions, wanted, name);
      await converse(socket, name);
    }
  } finally {
    await server.stop();
  }
});
