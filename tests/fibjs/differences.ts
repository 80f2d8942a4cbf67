/**
 * What is not as in fibjs, on purpose: a proof for each row of the table in `docs/coming-from-fibjs.md`, under the words of its
 * first column.
 */

import * as ws from "@sockeye/ws";
import * as http from "@sockeye/ws/http";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { closePayload, type FrameParts, hex, type ReadFrame, readFrames, to, toHex } from "../frames.ts";
import { handshake, next, serving, story, Wire, wireServer } from "./kit.ts";

type Proof = () => void | Promise<void>;

/** An echo. */
const echo = (options: ws.UpgradeOptions = {}): http.HttpHandler =>
  ws.upgrade(options, (conn) => void conn.on("message", (event) => conn.send(event.data)));

/** The status of the answer to what is sent. */
async function statusOf(server: http.Server, request: string): Promise<number> {
  const wire = (await Wire.connect(server.port)).write(request);
  const head = await wire.head();
  wire.cut();
  return Number(head.slice(9, 12));
}

/** Sends frames, and gives those that come until the server ends the connection. */
async function answers(server: http.Server, ...sent: FrameParts[]): Promise<ReadFrame[]> {
  const wire = (await Wire.connect(server.port)).write(handshake());
  await wire.head();
  wire.write(...sent.map((parts) => to("server", parts)));
  const frames = readFrames(await wire.rest());
  wire.cut();
  return frames;
}

/** The code of the Close frame that answers a fault. */
async function faultOf(...sent: FrameParts[]): Promise<number> {
  let code = 0;
  await serving(echo(), async (server) => {
    const { opcode, payload } = (await answers(server, ...sent)).at(-1)!;
    assertEquals(opcode, ws.CLOSE);
    code = payload[0]! * 256 + payload[1]!;
  });
  return code;
}

/** An open client, and the other end. */
async function pair(work: (client: ws.Socket, server: ws.BaseSocket) => Promise<unknown>): Promise<void> {
  let other: ws.BaseSocket | undefined;
  await serving(ws.upgrade((conn) => void (other = conn)), async (server) => {
    const client = new ws.Socket(server.url());
    await next(client, "open");
    other!.on("message", () => {});
    await work(client, other!);
    client.terminate();
  });
}

const WITHOUT = (name: string): string =>
  handshake().split("\r\n").filter((line) => !line.startsWith(`${name}:`)).join("\r\n");

export const differences: Readonly<Record<string, Proof>> = {
  async "What waits"() {
    const server = new http.Server({ port: 0, hostname: "127.0.0.1" }, echo());
    const started = server.start();
    assertInstanceOf(started, Promise);
    await started;
    const stream = ws.connect(server.url());
    assertInstanceOf(stream, Promise);
    const msg = new ws.Message(ws.TEXT);
    const sent = msg.sendTo(await stream);
    assertInstanceOf(sent, Promise);
    await sent;
    const read = msg.readFrom(await stream);
    assertInstanceOf(read, Promise);
    await read;
    await (await stream).close();
    assertInstanceOf(server.stop(), Promise);
    await server.close();
  },

  async "When a server takes its port"() {
    await serving({}, async (server) => {
      const second = new http.Server({ port: server.port, hostname: "127.0.0.1" }, {});
      await assertRejects(() => second.start());
    });
  },

  async "A faulty handshake"() {
    await serving(echo(), async (server) => {
      assertEquals(await statusOf(server, WITHOUT("Upgrade")), 426);
      assertEquals(await statusOf(server, WITHOUT("Sec-WebSocket-Version")), 426);
      assertEquals(await statusOf(server, WITHOUT("Connection")), 400);
      assertEquals(await statusOf(server, WITHOUT("Sec-WebSocket-Key")), 400);
      assertEquals(await statusOf(server, handshake().replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")), 400);
      assertEquals(await statusOf(server, handshake().replace("GET", "POST")), 405);
    });
  },

  async "A path without a route"() {
    const app = new http.Routing({ "/ws": echo() }).get("/read", () => {});
    await serving(app, async (server) => {
      assertEquals(await statusOf(server, handshake("/ws1")), 404);
      assertEquals(await statusOf(server, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405);
    });
  },

  async "Pages of other hosts"() {
    await serving({ "/ws": echo(), "/all": echo({ origin: "*" }) }, async (server) => {
      assertEquals(await statusOf(server, handshake("/ws", "Origin: http://evil.example")), 403);
      assertEquals(await statusOf(server, handshake("/all", "Origin: http://evil.example")), 101);
      assertEquals(await statusOf(server, handshake("/ws", "Origin: http://127.0.0.1:8000")), 101);
      assertEquals(await statusOf(server, handshake("/ws")), 101);
    });
  },

  async "Subprotocols"() {
    await serving({ "/two": echo({ protocols: ["a", "b"] }), "/none": echo() }, async (server) => {
      const conn = new ws.Socket(server.url("/two"), ["c", "b"]);
      assertEquals(conn.protocol, "");
      await next(conn, "open");
      assertEquals(conn.protocol, "b");
      conn.terminate();
      assertEquals((await story(new ws.Socket(server.url("/none"), "b")))[0], "error 1002 WS_INVALID_HANDSHAKE");
    });
  },

  async "Parameters of permessage-deflate"() {
    const offer = "Sec-WebSocket-Extensions: x-other, permessage-deflate; server_no_context_takeover";
    await serving(echo({ perMessageDeflate: true }), async (server) => {
      const wire = (await Wire.connect(server.port)).write(handshake("/", offer));
      assertStringIncludes((await wire.head()).toLowerCase(), "permessage-deflate; server_no_context_takeover\r\n");
      wire.cut();
    });
  },

  async "A wrong URL or subprotocol"() {
    assertEquals(assertThrows(() => new ws.Socket("ftp://a/"), DOMException).name, "SyntaxError");
    assertEquals(assertThrows(() => new ws.Socket("ws://a/", "a b"), DOMException).name, "SyntaxError");
    // What only the network tells comes as events, as there.
    assertEquals((await story(new ws.Socket("ws://127.0.0.1:1/")))[0], "error 1002 WS_CONNECT_FAILED");
  },

  "`onmessage = f` beside `on`"() {
    const conn = new ws.Socket("ws://127.0.0.1:1/");
    conn.on("message", () => {});
    conn.onmessage = () => {};
    assertEquals(conn.listenerCount("message"), 2);
    conn.onmessage = null;
    assertEquals(conn.listenerCount("message"), 1);
    conn.terminate();
  },

  async "What `onmessage` gets"() {
    await serving(ws.upgrade((conn) => conn.send("hello")), async (server) => {
      const conn = new ws.Socket(server.url());
      const event = await next(conn, "message");
      assertEquals([event.type, event.opcode, event.data, event.target === conn], ["message", ws.TEXT, "hello", true]);
      assertInstanceOf(event.message, ws.Message);
      assertEquals([event.message.type, event.message.data], [ws.TEXT, "hello"]);
      conn.terminate();
    });
  },

  async "Bytes"() {
    await serving(ws.upgrade((conn) => conn.send(Uint8Array.of(1))), async (server) => {
      const conn = new ws.Socket(server.url());
      assertEquals((await next(conn, "message")).data, Uint8Array.of(1));
      conn.terminate();
    });
  },

  async "An empty message"() {
    await serving(ws.upgrade((conn) => conn.send("")), async (server) => {
      const conn = new ws.Socket(server.url());
      const { data, message } = await next(conn, "message");
      assertEquals([data, message.data], ["", null]);
      conn.terminate();
    });
  },

  async "`send` in another state"() {
    await pair(async (client) => {
      client.close();
      assertEquals(client.send("late"), true);
      assertEquals(client.bufferedAmount, 4);
      await next(client, "close");
      client.send("later");
      assertEquals(client.bufferedAmount, 9);
    });
    const conn = new ws.Socket("ws://127.0.0.1:1/");
    assertEquals(assertThrows(() => conn.send("early"), DOMException).name, "InvalidStateError");
    conn.terminate();
  },

  async "What `send` returns"() {
    let filled = (): void => {};
    const full = new Promise<void>((resolve) => filled = resolve);
    const handler = ws.upgrade({ highWaterMark: 65_536 }, (conn) => {
      // The system takes some before anything waits.
      conn.on("message", () => {
        while (conn.send(new Uint8Array(65_536)));
        conn.once("drain", () => conn.send("drained"));
        filled();
      });
    });
    await serving(handler, async (server) => {
      const conn = new ws.Socket(server.url());
      conn.onopen = () => {
        conn.pause();
        conn.send("go");
      };
      const drained = new Promise<void>((resolve) => {
        conn.onmessage = ({ data }) => {
          if (data === "drained") resolve();
        };
      });
      await full;
      conn.resume();
      await drained;
      conn.terminate();
    });
  },

  async "`close` before it is open"() {
    const conn = new ws.Socket("ws://127.0.0.1:1/");
    conn.close();
    assertEquals(conn.readyState, ws.CLOSING);
    assertEquals(await story(conn), ["error 1001 WS_ABORTED", 'close 1006 "" unclean none']);
  },

  async "When `close` is told"() {
    // The peer reads the Close frame, and answers, when it is asked to.
    let answer: () => void = () => {};
    const server = ws.upgrade((conn) => {
      conn.on("message", () => conn.pause());
      answer = () => conn.resume();
    });
    await serving(server, async (svr) => {
      const conn = new ws.Socket(svr.url());
      await next(conn, "open");
      conn.send("pause");
      conn.close(3000, "bye");
      let over = false;
      const closed = next(conn, "close").then((event) => {
        over = true;
        return event;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      assertEquals([over, conn.readyState], [false, ws.CLOSING]);
      answer();
      const { code, wasClean, initiator } = await closed;
      assertEquals([code, wasClean, initiator], [3000, true, "local"]);
    });
  },

  async "The reason of `close`"() {
    await pair((client) => {
      assertThrows(() => client.close(1000, "x".repeat(124)), DOMException, "wanted at most 123");
      return Promise.resolve();
    });
  },

  async "A peer's 1001, 1011, 1012 ..."() {
    for (const code of [1001, 1011, 1012]) {
      let ended: Promise<string[]> | undefined;
      await serving(ws.upgrade((conn) => void (ended = story(conn))), async (server) => {
        await answers(server, { opcode: ws.CLOSE, payload: closePayload(code) });
        assertEquals(await ended, [`close ${code} "" clean remote`]);
      });
    }
  },

  async "An empty Close frame"() {
    let ended: Promise<string[]> | undefined;
    await serving(ws.upgrade((conn) => void (ended = story(conn))), async (server) => {
      await answers(server, { opcode: ws.CLOSE });
      assertEquals(await ended, ['close 1005 "" clean remote']);
    });
  },

  async "A broken rule"() {
    assertEquals(await faultOf({ opcode: ws.TEXT, rsv: 0x20, payload: "a" }), 1002);
    assertEquals(await faultOf({ opcode: ws.TEXT, key: undefined, payload: "a" }), 1002);
  },

  async "An opcode that is reserved"() {
    assertEquals(await faultOf({ opcode: 5 }), 1002);
  },

  async "Control frames between fragments"() {
    await serving(echo(), async (server) => {
      const frames = await answers(
        server,
        { opcode: ws.TEXT, fin: false, payload: "Hel" },
        { opcode: ws.PING, payload: "?" },
        { opcode: ws.CONTINUE, payload: "lo" },
        { opcode: ws.CLOSE },
      );
      const shown = frames.map(({ opcode, payload }) => `${opcode} ${new TextDecoder().decode(payload)}`);
      assertEquals(shown, ["10 ?", "1 Hello", "8 "]);
    });
  },

  async "Control frames that break the RFC"() {
    assertEquals(await faultOf({ opcode: ws.PING, payload: "x".repeat(126) }), 1002);
    assertEquals(await faultOf({ opcode: ws.PING, fin: false }), 1002);
  },

  async "Text that is not UTF-8"() {
    assertEquals(await faultOf({ opcode: ws.TEXT, payload: hex("c328") }), 1007);
    assertEquals(await faultOf({ opcode: ws.CLOSE, payload: hex("03e8ff") }), 1007);
  },

  async "A compressed message without agreement"() {
    assertEquals(await faultOf({ opcode: ws.TEXT, rsv: 0x40, payload: hex("f248cdc9c90700") }), 1002);
  },

  async "Codes of `error`"() {
    await wireServer(async (wire) => {
      await wire.head();
      wire.cut();
    }, async (url) => {
      const conn = new ws.Socket(url);
      const { error, code } = await next(conn, "error");
      assertInstanceOf(error, ws.WebSocketError);
      assertEquals([error.code, code], ["WS_PEER_VANISHED", 1001]);
    });
  },

  async "A server connection without listeners"() {
    let conn: ws.BaseSocket | undefined;
    await serving(ws.upgrade((each) => void (conn = each)), async (server) => {
      const wire = (await Wire.connect(server.port)).write(handshake());
      await wire.head();
      wire.cut();
      while (conn!.readyState !== ws.CLOSED) await new Promise((resolve) => setTimeout(resolve, 2));
    });
  },

  async "What `accept` throws"() {
    const reported: unknown[] = [];
    const handler = ws.upgrade({ onerror: (error) => void reported.push(error) }, async () => {
      await Promise.resolve();
      throw "oops";
    });
    await serving(handler, async (server) => {
      assertEquals(await story(new ws.Socket(server.url())), ["open", 'close 1011 "" clean remote']);
      assertEquals(reported, ["oops"]);
    });
  },

  async "What is compressed"() {
    const handler = ws.upgrade(
      { perMessageDeflate: { serverNoContextTakeover: true } },
      (conn) => void conn.on("message", ({ data }) => conn.send(data)),
    );
    await serving(handler, async (server) => {
      const conn = new ws.Socket(server.url(), { perMessageDeflate: true });
      await next(conn, "open");
      for (const [size, wanted] of [[1_000, false], [2_000, true]] as const) {
        conn.send("x".repeat(size));
        assertEquals((await next(conn, "message")).compress, wanted);
      }
      conn.terminate();
    });
  },

  async "Limits"() {
    await serving(echo({ maxFragments: 2 }), async (server) => {
      const part: FrameParts = { opcode: ws.CONTINUE, fin: false };
      const frames = await answers(server, { opcode: ws.TEXT, fin: false }, part, part);
      assertEquals(toHex(frames.at(-1)!.payload).slice(0, 4), "03f1");
    });
  },

  async "Keys and masks"() {
    const { getRandomValues } = crypto;
    let asked = 0;
    crypto.getRandomValues = (<T extends Uint8Array<ArrayBuffer>>(into: T): T => {
      asked += into.byteLength;
      return getRandomValues.call(crypto, into) as T;
    }) as typeof getRandomValues;
    try {
      const stream = new ws.MemoryStream();
      const message = new ws.Message(ws.TEXT);
      for (let i = 0; i < 10_000; i++) await message.sendTo(stream);
    } finally {
      delete (crypto as Partial<Crypto>).getRandomValues;
    }
    assert(asked >= 32_768, `${asked} bytes for 10,000 keys of 4`);
  },

  async "Headers, query and cookies of a request"() {
    const app = (req: http.HttpRequest): Response => {
      assertInstanceOf(req.headers, Headers);
      assertInstanceOf(req.query, URLSearchParams);
      return Response.json([req.headers.get("x-a"), req.query.get("q"), req.cookies.get("c"), req.firstHeader("none")]);
    };
    await serving(app, async (server) => {
      const headers = { "x-a": "1", cookie: "c=3" };
      const answer = await new http.Client().get(`http://127.0.0.1:${server.port}/?q=2`, { headers });
      assertEquals(await answer.json(), ["1", "2", "3", null]);
    });
  },

  async "The body of a request"() {
    const app = async (req: http.HttpRequest): Promise<void> => req.response.write(`${await req.text()}!`);
    await serving(app, async (server) => {
      const answer = await new http.Client().post(`http://127.0.0.1:${server.port}/`, { body: "Hello" });
      assertEquals(await answer.text(), "Hello!");
    });
  },

  async "Connections of plain requests"() {
    await serving((req) => req.response.write("once"), async (server) => {
      const wire = (await Wire.connect(server.port)).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertStringIncludes((await wire.head()).toLowerCase(), "\r\nconnection: close\r\n");
      assertEquals(new TextDecoder().decode(await wire.rest()), "once");
      wire.cut();
    });
  },

  "Handlers made of strings"() {
    assertThrows(() => http.handler("./public" as never), TypeError, 'met "./public", wanted a function');
  },

  "A server over TLS, and the client"() {
    const tls = { cert: "a certificate", key: "its key" };
    assertInstanceOf(new http.Server({ port: 0, tls }, {}), http.Server);
    assertEquals(http.Client, http.HttpClient);
  },

  async "Redirects"() {
    await serving({ "/": (req) => new Response(String(req.hasHeader("authorization"))) }, async (other) => {
      const app = { "/:status": (req: http.HttpRequest, status: string) => req.response.redirect(Number(status), to) };
      const to = `http://127.0.0.1:${other.port}/`;
      await serving(app, async (server) => {
        for (const status of [301, 302, 303, 307, 308]) {
          const headers = { authorization: "secret" };
          const answer = await new http.Client().get(`http://127.0.0.1:${server.port}/${status}`, { headers });
          assertEquals(await answer.text(), "false");
        }
      });
    });
  },

  async "How a `Handler` ends a connection"() {
    await serving(new ws.Handler(() => {}), async (server) => {
      const frames = await answers(server, { opcode: ws.CLOSE, payload: closePayload(1000) });
      assertEquals(frames.map(({ opcode }) => opcode), [ws.CLOSE]);
      assertEquals((await answers(server, { opcode: 5 })).at(-1)!.opcode, ws.CLOSE);
    });
    assertEquals(new ws.Handler(() => {}).stats, { total: 0, pending: 0, request: 0, response: 0, error: 0 });
  },

  "`pack` of a message"() {
    assert(!("pack" in new ws.Message()));
  },
};
