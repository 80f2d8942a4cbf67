/**
 * How a client and a server of ours behave together, whatever carries their bytes. Registers its tests for one carrier.
 */

import { test } from "node:test";
import { type SocketOptions, upgrade } from "@sockeye/ws";
import type { Server } from "@sockeye/ws/http";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import type { CloseEvent, MessageEvent, Socket } from "../../mod.ts";
import { acceptHead, checkRequest } from "../../src/protocol/handshake.ts";
import { formatHead } from "../../src/protocol/head.ts";
import { Opening } from "../../src/socket/opening.ts";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import type { Transport } from "../../src/socket/transport.ts";
import { closePayload, concat, frame, hex, KEY, readFrames, utf8 } from "../frames.ts";
import { deferred } from "../http/raw_client.ts";
import { runBattery, type WebSocketLike } from "../interop/battery.ts";

/** What carries the bytes. */
export interface Carrier {
  /** For the names of the tests. */
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly skip?: string | undefined;
  /** Starts a server with this handler and tells how to reach it. */
  serve(handler: HandlerLike): Promise<{ server: Server; url: string }>;
  /** Makes a client. */
  connect(url: string, options?: SocketOptions): Socket;
  /** Listens for plain connections, for a server that is made by hand. */
  listen(accept: (transport: Transport) => void): Promise<{ url: string; close(): Promise<void> }>;
  /** Makes a plain connection, for a client that is made by hand. */
  dial(url: string): Promise<Transport>;
}

/** A plain connection, read at will. */
class Wire {
  readonly transport: Transport;
  #bytes: Uint8Array = new Uint8Array(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(source: Transport | Opening) {
    this.transport = source instanceof Opening ? source.transport : source;
    source.open({
      data: (chunk) => {
        this.#bytes = concat(this.#bytes, chunk);
        this.#wake?.();
      },
      end: () => this.#end(),
      drain() {},
      abort: () => this.#end(),
    });
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  write(bytes: Uint8Array): void {
    assertStrictEquals(this.transport.write(bytes, false), "taken");
  }

  /** Takes what has come when `done` says that it is enough. */
  async until(done: (bytes: Uint8Array) => boolean): Promise<Uint8Array> {
    while (!done(this.#bytes)) {
      if (this.#ended) throw new Error(`Connection ended after ${this.#bytes.length} bytes`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    return bytes;
  }

  async head(): Promise<string> {
    return new TextDecoder().decode(await this.until((bytes) => new TextDecoder().decode(bytes).includes("\r\n\r\n")));
  }

  async exactly(wanted: Uint8Array): Promise<void> {
    assertEquals(await this.until((bytes) => bytes.length >= wanted.length), wanted);
  }

  async ended(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}

const REQUEST = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

function closed(socket: Socket): Promise<CloseEvent> {
  return new Promise((resolve) => socket.once("close", resolve));
}

function opened(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", (event) => reject(event.error));
  });
}

/** Registers the tests. */
export function behaviour(carrier: Carrier): void {
  const options = carrier.skip === undefined ? {} : { skip: carrier.skip };
  const check = (name: string, run: () => Promise<void>): void => {
    test(`${carrier.name}: ${name}`, options, run);
  };

  /** Runs `work` with a server that gives each connection to `accept`. */
  async function serving(accept: (conn: Socket) => unknown, work: (url: string) => Promise<void>): Promise<void> {
    const { server, url } = await carrier.serve({ "/ws": upgrade({ protocols: ["echo"] }, accept) });
    try {
      await work(url);
    } finally {
      await server.close({ deadline: 1000 });
    }
  }

  check("text, binary and empty messages of all sizes, in order, and closing from either end", async () => {
    await serving((conn) => {
      conn.onmessage = ({ data }) => {
        if (data === "close me") conn.close(4002, "asked for");
        else conn.send(data);
      };
    }, async (url) => {
      await runBattery((protocols) => carrier.connect(url, { protocols }) as unknown as WebSocketLike);
    });
  });

  check("the server answers control frames between fragments, at once", async () => {
    const messages: unknown[] = [];
    await serving((conn) => {
      conn.onmessage = (event) => {
        messages.push(event.data);
        conn.send(event.data);
      };
    }, async (url) => {
      const wire = new Wire(await carrier.dial(url));
      wire.write(utf8(REQUEST));
      assert((await wire.head()).startsWith("HTTP/1.1 101 "));
      wire.write(frame({ fin: false, opcode: 1, payload: utf8("Hel"), key: KEY }));
      wire.write(frame({ opcode: 9, payload: utf8("are you there"), key: KEY }));
      // The pong comes although the message is not whole.
      await wire.exactly(frame({ opcode: 10, payload: utf8("are you there") }));
      wire.write(frame({ opcode: 10, payload: utf8("unasked"), key: KEY }));
      wire.write(frame({ opcode: 0, payload: utf8("lo"), key: KEY }));
      await wire.exactly(frame({ opcode: 1, payload: utf8("Hello") }));
      assertEquals(messages, ["Hello"]);
      wire.write(frame({ opcode: 8, payload: closePayload(1000, "bye"), key: KEY }));
      await wire.exactly(frame({ opcode: 8, payload: closePayload(1000, "bye") }));
      await wire.ended();
      wire.transport.end();
    });
  });

  check("the client answers control frames between fragments, at once", async () => {
    const served = deferred<Wire>();
    const listener = await carrier.listen(async (transport) => {
      const opening = new Opening(transport);
      const found = checkRequest(await opening.readHead("request"));
      if (!found.ok) throw new Error(found.refusal.reason);
      transport.write(formatHead(acceptHead(found.request)), true);
      served.resolve(new Wire(opening));
    });
    try {
      const conn = carrier.connect(listener.url);
      const message = new Promise<MessageEvent>((resolve) => conn.once("message", resolve));
      const wire = await served.promise;
      wire.write(frame({ fin: false, opcode: 2, payload: hex("00 01") }));
      wire.write(frame({ opcode: 9, payload: utf8("ping") }));
      const pong = readFrames(await wire.until((bytes) => bytes.length >= 2 + 4 + 4))[0]!;
      assertEquals([pong.opcode, new TextDecoder().decode(pong.payload), pong.masked], [10, "ping", true]);
      wire.write(frame({ fin: false, opcode: 0, payload: hex("02") }));
      wire.write(frame({ opcode: 0, payload: hex("") }));
      assertEquals((await message).data, hex("00 01 02"));
      const over = closed(conn);
      wire.write(frame({ opcode: 8, payload: closePayload(1001, "going") }));
      await wire.until((bytes) => bytes.length >= 2 + 4 + 7);
      wire.transport.end();
      const event = await over;
      assertEquals([event.code, event.reason, event.wasClean, event.initiator], [1001, "going", true, "remote"]);
    } finally {
      await listener.close();
    }
  });

  check("pings of both ends are answered", async () => {
    const times = deferred<number>();
    await serving((conn) => {
      conn.onmessage = () => {};
      conn.ping("from the server").then(times.resolve, () => times.resolve(-1));
    }, async (url) => {
      const conn = carrier.connect(url);
      await opened(conn);
      const pongs: string[] = [];
      conn.on("pong", (event) => pongs.push(new TextDecoder().decode(event.data)));
      const time = await conn.ping("from the client");
      assert(time >= 0 && time < 10_000);
      assert((await times.promise) >= 0);
      assertEquals(pongs, ["from the client"]);
      conn.close();
      await closed(conn);
    });
  });

  check("both ends tell the same of an end, and who began", async () => {
    const ends: CloseEvent<Socket>[] = [];
    const served = deferred<void>();
    await serving((conn) => {
      conn.onclose = (event) => {
        ends.push(event);
        served.resolve();
      };
    }, async (url) => {
      const conn = carrier.connect(url);
      await opened(conn);
      const over = closed(conn);
      conn.close(3456, "done");
      conn.close(3457, "twice");
      const own = await over;
      await served.promise;
      for (const event of [own, ends[0]!]) {
        assertEquals([event.code, event.reason, event.wasClean], [3456, "done", true]);
      }
      assertEquals([own.initiator, ends[0]!.initiator], ["local", "remote"]);
      assertEquals([conn.readyState, ends[0]!.target.readyState], [3, 3]);
    });
  });

  check("a slow reader stops the sender, and nothing is lost", async () => {
    const size = 65_536;
    const total = 400;
    const chunk = new Uint8Array(size);
    let sent = 0;
    let most = 0;
    let drains = 0;
    const stopped = deferred<void>();
    await serving((conn) => {
      const fill = (): void => {
        while (sent < total) {
          new DataView(chunk.buffer).setUint32(0, sent++);
          const more = conn.send(chunk);
          most = Math.max(most, conn.bufferedAmount);
          if (!more) break;
        }
        if (sent < total) stopped.resolve();
      };
      conn.ondrain = () => {
        drains++;
        fill();
      };
      fill();
    }, async (url) => {
      const conn = carrier.connect(url);
      let received = 0;
      const all = new Promise<void>((resolve, reject) => {
        conn.onmessage = ({ data }) => {
          assertInstanceOf(data, Uint8Array);
          const number = new DataView(data.buffer, data.byteOffset).getUint32(0);
          if (number !== received++) reject(new Error(`Message ${number} came as number ${received - 1}`));
          if (received === 3) conn.pause();
          if (received === total) resolve();
        };
        conn.onclose = () => reject(new Error("Connection closed"));
      });
      await stopped.promise;
      // Stopped with the reader paused: what waits is bounded, and no more is delivered.
      while (received < 3) await new Promise((resolve) => setTimeout(resolve, 1));
      const sentBefore = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
      assertEquals(received, 3);
      assert(sent < total, `the sender went on to ${sent} (from ${sentBefore}) although nobody reads`);
      conn.resume();
      await all;
      assert(drains > 0, "no drain came");
      // The high-water mark, and the message that passed it.
      assert(most <= 1_048_576 + 2 * size, `${most} bytes waited`);
      conn.onclose = null;
      conn.close();
      await closed(conn);
    });
  });

  check("a peer that vanishes is told: 1001 as an error, 1006 at the end", async () => {
    const codes: unknown[] = [];
    const served = deferred<void>();
    await serving((conn) => {
      conn.onerror = (event) => codes.push(event.code, event.error.code);
      conn.onclose = (event) => {
        codes.push(event.code, event.wasClean);
        served.resolve();
      };
    }, async (url) => {
      const conn = carrier.connect(url);
      await opened(conn);
      conn.terminate();
      await served.promise;
      assertEquals(codes, [1001, "WS_PEER_VANISHED", 1006, false]);
    });
  });

  check("a broken frame is answered with a Close frame that says why", async () => {
    const codes: unknown[] = [];
    const served = deferred<void>();
    await serving((conn) => {
      conn.onerror = (event) => codes.push(event.code, event.error.code);
      conn.onclose = (event) => {
        codes.push(event.code, event.wasClean);
        served.resolve();
      };
    }, async (url) => {
      const wire = new Wire(await carrier.dial(url));
      wire.write(utf8(REQUEST));
      await wire.head();
      // Text that is wrong at its fourth byte, of a frame that claims to be long.
      wire.write(concat(frame({ opcode: 1, payload: utf8("x".repeat(200)), key: KEY }).subarray(0, 8)));
      const bad = [0x61, 0x62, 0x63, 0xff].map((byte, at) => byte ^ KEY[at & 3]!);
      wire.write(new Uint8Array(bad));
      const answer = readFrames(await wire.until((bytes) => bytes.length >= 4))[0]!;
      assertEquals([answer.opcode, answer.payload[0]! * 256 + answer.payload[1]!], [8, 1007]);
      await wire.ended();
      wire.transport.end();
      await served.promise;
      assertEquals(codes, [1007, "WS_INVALID_UTF8", 1006, false]);
    });
  });

  check("a server that closes says 1001 to all", async () => {
    const { server, url } = await carrier.serve({
      "/ws": upgrade((conn) => {
        conn.onmessage = () => {};
      }),
    });
    const clients = [carrier.connect(url), carrier.connect(url), carrier.connect(url)];
    await Promise.all(clients.map(opened));
    const ends = Promise.all(clients.map(closed));
    await server.close({ reason: "over" });
    for (const event of await ends) {
      assertEquals([event.code, event.reason, event.wasClean, event.initiator], [1001, "over", true, "remote"]);
    }
  });
}
