/** What fibjs's own tests of its `ws` module pin, over the network; where we keep to the RFC and it does not, that. */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import * as http from "@sockeye/ws/http";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { handshake, next, serving, story, Wire } from "./kit.ts";

const SIZES = [10, 100, 125, 126, 65_535, 65_536];

/** Digits, as fibjs's tests send them. */
function digits(size: number): string {
  return "0123456789".repeat(Math.ceil(size / 10)).slice(0, size);
}

async function send(stream: ws.RawStream, type: number, body = "", masked = true, compress = false): Promise<void> {
  const msg = new ws.Message(type, masked, compress);
  msg.write(body);
  await msg.sendTo(stream);
}

async function read(stream: ws.RawStream): Promise<ws.Message> {
  const msg = new ws.Message();
  await msg.readFrom(stream);
  return msg;
}

/** The echo of fibjs's tests, with their two commands. */
const echo = ws.upgrade({ protocols: ["test"] }, (s) => {
  s.onmessage = function (msg) {
    if (msg.data === "Going Away") msg.message.stream!.close!();
    else if (msg.data === "close") this.close(3000, "remote");
    else this.send(msg.data);
  };
});

test("Message: sendTo and readFrom, of each size, masked or not, compressed or not", async () => {
  for (const size of SIZES) {
    for (const masked of [false, true]) {
      for (const compress of [false, true]) {
        const stream = new ws.MemoryStream();
        const msg = new ws.Message(ws.TEXT, masked, compress);
        msg.write(digits(size));
        await msg.sendTo(stream);
        stream.rewind();
        const copy = new ws.Message();
        await copy.readFrom(stream);
        assertEquals([copy.type, copy.masked, copy.compress], [ws.TEXT, masked, compress]);
        assert(copy.data === digits(size), `${size} bytes`);
      }
    }
  }
});

test("handshake: the answer to the key of the RFC, and an echo of each size over ws.connect", async () => {
  await serving({ "^/ws$": echo }, async (svr) => {
    const wire = (await Wire.connect(svr.port)).write(handshake("/ws"));
    const head = await wire.head();
    assertStringIncludes(head, "HTTP/1.1 101 ");
    assertStringIncludes(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    assertStringIncludes(head, "Upgrade: websocket\r\n");
    assert(!/sec-websocket-extensions/i.test(head));
    wire.cut();

    const stream = await ws.connect(svr.url("/ws"));
    for (const size of SIZES) {
      await send(stream, ws.TEXT, digits(size));
      const { type, data, masked } = await read(stream);
      assertEquals([type, masked], [ws.TEXT, false]);
      assert(data === digits(size), `${size} bytes`);
    }
    await stream.close();
  });
});

test("handshake: a field that is missing is a 4xx, not fibjs's 500", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const fields: [name: string, status: number][] = [
      ["Upgrade", 426],
      ["Connection", 400],
      ["Sec-WebSocket-Key", 400],
      ["Sec-WebSocket-Version", 426],
    ];
    for (const [name, status] of fields) {
      const lines = handshake("/ws").split("\r\n").filter((line) => !line.startsWith(`${name}:`));
      const wire = (await Wire.connect(svr.port)).write(lines.join("\r\n"));
      const head = await wire.head();
      assertStringIncludes(head, `HTTP/1.1 ${status} `, name);
      assertEquals(/\r\nSec-WebSocket-Version: 13\r\n/i.test(head), status === 426);
      assertStringIncludes(new TextDecoder().decode(await wire.rest()), name);
      wire.cut();
    }
    const post = (await Wire.connect(svr.port)).write(handshake("/ws").replace("GET", "POST"));
    const head = await post.head();
    assertStringIncludes(head, "HTTP/1.1 405 ");
    assertStringIncludes(head, "\r\nAllow: GET\r\n");
    post.cut();
    const nowhere = (await Wire.connect(svr.port)).write(handshake("/ws1"));
    assertStringIncludes(await nowhere.head(), "HTTP/1.1 404 ");
    nowhere.cut();
  });
});

test("handshake: permessage-deflate is answered where both ends want it", async () => {
  const answer = async (perMessageDeflate: boolean, offer: string): Promise<string | undefined> => {
    let found: string | undefined;
    await serving(ws.upgrade({ perMessageDeflate }, () => {}), async (svr) => {
      const wire = (await Wire.connect(svr.port)).write(handshake("/", ...offer === "" ? [] : [offer]));
      found = /^sec-websocket-extensions: (.*)\r$/im.exec(await wire.head())?.[1];
      wire.cut();
    });
    return found;
  };
  const offer = "Sec-WebSocket-Extensions: permessage-deflate";
  assertEquals(await answer(false, offer), undefined);
  assertEquals(await answer(false, `${offer}; client_max_window_bits`), undefined);
  assertEquals(await answer(true, ""), undefined);
  assertEquals(await answer(true, "Sec-WebSocket-Extensions: x-other"), undefined);
  assertEquals(await answer(true, offer), "permessage-deflate");
});

test("control frames: PING is answered, PONG is passed over, CLOSE is answered, and then it ends", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const stream = await ws.connect(svr.url("/ws"));
    await send(stream, ws.PING, "hello");
    const pong = await read(stream);
    assertEquals([pong.type, new TextDecoder().decode(pong.data as Uint8Array)], [ws.PONG, "hello"]);
    await send(stream, ws.PONG, "unasked");
    await send(stream, ws.PING, "hello");
    assertEquals((await read(stream)).type, ws.PONG);
    await send(stream, ws.CLOSE);
    assertEquals((await read(stream)).type, ws.CLOSE);
    const error = await assertRejects(() => read(stream), ws.WebSocketError);
    assertEquals(error.code, "WS_PEER_VANISHED");
    await stream.close();
  });
});

test("control frames: a reserved opcode is answered with Close 1002, where fibjs passes it over", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const stream = await ws.connect(svr.url("/ws"));
    await send(stream, 5);
    const close = await read(stream);
    assertEquals(close.type, ws.CLOSE);
    assertEquals([...(close.data as Uint8Array).subarray(0, 2)], [1002 >> 8, 1002 & 0xff]);
    await assertRejects(() => read(stream), ws.WebSocketError);
    await stream.close();
  });
});

test("ws.Handler: echo of each size, PING, and the ends of fibjs's tests", async () => {
  const hdlr = new ws.Handler((v) => {
    v.response.body = v.body;
  });
  await serving(hdlr, async (svr) => {
    const stream = await ws.connect(svr.url());
    for (const size of SIZES) {
      await send(stream, ws.BINARY, digits(size));
      const rep = await read(stream);
      assertEquals([rep.type, rep.length], [ws.BINARY, size]);
    }
    await send(stream, ws.PING, "hello");
    assertEquals((await read(stream)).type, ws.PONG);
    await stream.close();
    for (const type of [5, ws.CLOSE]) {
      const other = await ws.connect(svr.url());
      await send(other, type);
      assertEquals((await read(other)).type, ws.CLOSE);
      await assertRejects(() => read(other), ws.WebSocketError);
      await other.close();
    }
  });
});

test("ws.Handler: v.stream.close() cuts the connection, and what throws goes to onerror", async () => {
  const cutting = new ws.Handler((v) => {
    v.stream!.close!();
  });
  await serving(cutting, async (svr) => {
    const stream = await ws.connect(svr.url());
    await send(stream, ws.TEXT);
    await assertRejects(() => read(stream), ws.WebSocketError);
    await stream.close();
  });
  const errors: unknown[] = [];
  const throwing = new ws.Handler(() => {
    throw new Error("test error");
  });
  throwing.onerror({ 500: (v) => void errors.push((v.lastError as Error).message) });
  await serving(throwing, async (svr) => {
    const stream = await ws.connect(svr.url());
    await send(stream, ws.TEXT);
    assertEquals((await read(stream)).type, ws.CLOSE);
    assertEquals(errors, ["test error"]);
    await stream.close();
  });
});

test("Socket: url and readyState right after construction, and close() within onopen", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const s = new ws.Socket(svr.url("/ws"), "test");
    assertEquals([s.url, s.readyState, s.origin, s.extensions], [svr.url("/ws"), ws.CONNECTING, "", ""]);
    assertEquals([s.bufferedAmount, s.binaryType, s.roundTripTime], [0, "uint8array", undefined]);
    // fibjs: the protocol that was asked for. Here as on the web: none before one was chosen.
    assertEquals(s.protocol, "");
    let opened = "";
    s.onopen = () => {
      opened = `${s.readyState} ${s.protocol}`;
      s.close();
      s.close();
    };
    assertEquals(await story(s), ["open", 'close 1000 "" clean local']);
    assertEquals([opened, s.readyState], ["1 test", ws.CLOSED]);
  });
});

test("Socket: text comes back as text, bytes as bytes, and an empty message as what it was", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const s = new ws.Socket(svr.url("/ws"), "test");
    await next(s, "open");
    for (const data of ["123", "", "é\u{1F41F}", Uint8Array.of(52, 53, 54), new Uint8Array(0)]) {
      s.send(data);
      const event = await next(s, "message");
      assertEquals([event.data, event.opcode], [data, typeof data === "string" ? ws.TEXT : ws.BINARY]);
      assertEquals([event.type, event.compress, event.target === s], ["message", false, true]);
      assertEquals([event.message.type, event.message.length], [event.opcode, event.message.body.size()]);
    }
    s.close();
    await next(s, "close");
  });
});

test("Socket: close(1000, '123'), a remote close, and a peer that goes away", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const own = new ws.Socket(svr.url("/ws"), "test");
    own.onopen = () => own.close(1000, "123");
    assertEquals(await story(own), ["open", 'close 1000 "123" clean local']);
    const remote = new ws.Socket(svr.url("/ws"), "test");
    remote.onopen = () => remote.send("close");
    assertEquals(await story(remote), ["open", 'close 3000 "remote" clean remote']);
    const away = new ws.Socket(svr.url("/ws"), "test");
    away.onopen = () => away.send("Going Away");
    const told = await story(away);
    assertEquals([told[0], told[1]!.slice(0, 10), told[2]], ["open", "error 1001", 'close 1006 "" unclean none']);
    assertEquals(away.readyState, ws.CLOSED);
  });
});

test("Socket: a port where nobody listens, and a path without a route, are error 1002 and close 1006", async () => {
  await serving({ "/ws": echo }, async (svr) => {
    const gone = new http.Server({ port: 0, hostname: "127.0.0.1" }, {});
    await gone.start();
    const url = gone.url();
    await gone.close();
    const refused = ["error 1002 WS_CONNECT_FAILED", 'close 1006 "" unclean none'];
    assertEquals(await story(new ws.Socket(url)), refused);
    const unrouted = new ws.Socket(svr.url("/ws1"));
    const error = next(unrouted, "error");
    assertEquals(await story(unrouted), ["error 1002 WS_HANDSHAKE_REFUSED", refused[1]]);
    assertEquals((await error as unknown as { error: { status: number } }).error.status, 404);
  });
});

test("Socket: message.compress says whether it came compressed: where both ends want it, and not otherwise", async () => {
  for (
    const [client, server, wanted] of [[true, true, true], [false, true, false], [true, false, false]] as const
  ) {
    const seen: boolean[] = [];
    const messages: ws.Message[] = [];
    const handler = ws.upgrade({ perMessageDeflate: server }, (conn) => {
      conn.onmessage = (e) => {
        messages.push(e.message);
        seen.push(e.compress, e.message.compress);
        conn.send(e.data);
      };
    });
    await serving(handler, async (svr) => {
      const s = new ws.Socket(svr.url(), { perMessageDeflate: client });
      s.onopen = () => s.send(digits(2_000));
      const event = await next(s, "message");
      seen.push(event.compress, event.message.compress);
      assertEquals(seen, [wanted, wanted, wanted, wanted]);
      assertEquals(s.extensions !== "", wanted);
      // A message of an event of either end can be sent on by hand, compressed or not, and reads others.
      messages.push(event.message);
      assertEquals(messages.length, 2);
      for (const message of messages) {
        const stream = new ws.MemoryStream();
        message.compress = true;
        await message.sendTo(stream);
        assert(stream.size() < 200);
        stream.rewind();
        await message.readFrom(stream);
        assertEquals([message.data, message.compress], [digits(2_000), true]);
      }
      s.close();
      await next(s, "close");
    });
  }
});

test("Chain: a token check, a cookie check, a routing object with ws.upgrade and a function that sets a cookie", async () => {
  const app = [
    (req: http.HttpRequest) => {
      if (req.firstHeader("token") === "valid") return;
      req.response.statusCode = 403;
      return req.end();
    },
    (req: http.HttpRequest) => {
      if (req.address !== "/ws" || req.cookies.get("sessionId") === "valid") return;
      req.response.statusCode = 403;
      return req.end();
    },
    {
      "/ws": ws.upgrade({ perMessageDeflate: true }, (s: ws.BaseSocket, req: http.HttpRequest) => {
        s.onmessage = (msg) => s.send(`${req.cookies.get("sessionId")} ${msg.data}`);
      }),
      "/set-cookie": async (req: http.HttpRequest) => {
        req.response.addCookie({ name: "sessionId", value: await req.text() });
      },
    },
  ];
  await serving(app, async (svr) => {
    const headers = { token: "valid" };
    const refused = ["error 1002 WS_HANDSHAKE_REFUSED", 'close 1006 "" unclean none'];
    const base = `http://127.0.0.1:${svr.port}`;
    const httpClient = new http.Client();

    const nobody = new ws.Socket(svr.url("/ws"), { httpClient });
    const error = next(nobody, "error");
    assertEquals(await story(nobody), refused);
    assertEquals(
      (await error).error instanceof ws.HandshakeError && ((await error).error as ws.HandshakeError).status,
      403,
    );
    assertEquals(await story(new ws.Socket(svr.url("/ws"), { httpClient, headers })), refused);

    assertEquals((await httpClient.post(`${base}/set-cookie`, { body: "valid" })).status, 403);
    assertEquals((await httpClient.post(`${base}/set-cookie`, { body: "invalid", headers })).status, 200);
    assertEquals(await story(new ws.Socket(svr.url("/ws"), { httpClient, headers })), refused);

    assertEquals((await httpClient.post(`${base}/set-cookie`, { body: "valid", headers })).status, 200);
    const s = new ws.Socket(svr.url("/ws"), { httpClient, headers });
    s.onopen = () => s.send("hello");
    assertEquals((await next(s, "message")).data, "valid hello");
    s.close();
    await next(s, "close");
    assertEquals(await story(new ws.Socket(svr.url("/ws"), { headers })), refused);
  });
});

test("What earlier handlers put on the answer goes out with the 101, and with a refusal", async () => {
  const app = [
    (req: http.HttpRequest) => {
      req.response.setHeader("X-Served-By", "chain");
      req.response.addCookie({ name: "seen", value: "1" });
    },
    {
      "/ws": ws.upgrade({ headers: { "X-Own": "1" } }, () => {}),
      "/no": ws.upgrade({ origin: () => false }, () => {}),
    },
  ];
  await serving(app, async (svr) => {
    for (const [path, status] of [["/ws", 101], ["/no", 403], ["/none", 404]] as const) {
      const wire = (await Wire.connect(svr.port)).write(handshake(path));
      const head = await wire.head();
      assertStringIncludes(head, `HTTP/1.1 ${status} `);
      assertStringIncludes(head, "\r\nX-Served-By: chain\r\n");
      assertStringIncludes(head, "\r\nSet-Cookie: seen=1\r\n");
      assertEquals(head.includes("\r\nX-Own: 1\r\n"), status === 101);
      wire.cut();
    }
  });
});
