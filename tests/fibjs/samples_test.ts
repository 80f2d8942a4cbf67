/**
 * The samples of the two pages of fibjs's `ws` module, as they stand save for ports, `await`, and an end. In the comments is
 * where each comes from.
 */

import { test } from "node:test";
import * as ws from "@sockeye/ws";
import * as http from "@sockeye/ws/http";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { next, serving, story } from "./kit.ts";

// module ws, today: a server with a routing object, and a client.
test("A server with http.Server and a routing object, and a client with new ws.Socket", async () => {
  const printed: unknown[] = [];
  const console = { log: (data: unknown) => printed.push(data) };

  const svr = new http.Server(0, {
    "/ws": ws.upgrade((conn, _req) => {
      conn.onmessage = (e) => {
        console.log(e.data);
        conn.send("and you");
      };
    }),
  });
  await svr.start();

  const conn = new ws.Socket(`ws://127.0.0.1:${svr.port}/ws`);
  conn.onmessage = (e) => console.log(e.data);

  conn.onopen = () => conn.send("hello");
  await next(conn, "message");
  assertEquals(printed, ["hello", "and you"]);
  await svr.close();
});

// object WebSocket, today: an answer that is a Date, and a client with `on`.
test("A handler without a routing, and conn.send of a Date", async () => {
  const serv = new http.Server(
    { port: 0, hostname: "127.0.0.1" },
    ws.upgrade((conn) => {
      conn.onmessage = (_msg) => {
        conn.send(new Date());
      };
    }),
  );
  await serv.start();

  const sock = new ws.Socket(`ws://127.0.0.1:${serv.port}`);
  let timer: ReturnType<typeof setInterval> | undefined;
  sock.on("open", () => {
    timer = setInterval(() => {
      sock.send("get date");
    }, 10);
  });

  const dates: unknown[] = [];
  sock.onmessage = (evt) => {
    dates.push(evt.data);
  };
  while (dates.length < 3) await next(sock, "message");
  clearInterval(timer);
  for (const date of dates) assert(!Number.isNaN(Date.parse(date as string)), String(date));
  await serv.close();
});

// ws.upgrade(opts, accept), today: the options of the page, with their defaults.
test("ws.upgrade with options", async () => {
  const accepted: [ws.BaseSocket, http.HttpRequest][] = [];
  await serving({
    "/ws": ws.upgrade({
      "perMessageDeflate": false,
      "maxPayload": 67108864,
    }, (conn, req) => {
      accepted.push([conn, req]);
      conn.onmessage = (e) => conn.send(e.data);
    }),
  }, async (svr) => {
    const conn = new ws.Socket(svr.url("/ws"));
    conn.onopen = () => conn.send("hello");
    assertEquals((await next(conn, "message")).data, "hello");
    const [[end, req] = []] = accepted;
    assert(end instanceof ws.Socket);
    assert(req instanceof http.HttpRequest);
    assertEquals(req.firstHeader("upgrade")!.toLowerCase(), "websocket");
    assertEquals([end.url, end.protocol, end.origin, end.readyState], ["", "", "", ws.OPEN]);
  });
});

// new WebSocket(url, opts), today: the options of the page, with their defaults.
test("new ws.Socket with options", async () => {
  const hc = new http.Client();
  await serving(
    ws.upgrade((conn, req) => conn.send(`${req.firstHeader("x-a")} ${req.firstHeader("origin")}`)),
    async (svr) => {
      const conn = new ws.Socket(svr.url(), {
        "protocol": "",
        "origin": "",
        "perMessageDeflate": false,
        "maxPayload": 67108864,
        "httpClient": hc,
        "headers": { "x-a": "1" },
      });
      assertEquals((await next(conn, "message")).data, "1 null");
    },
  );
});

// new WebSocket(url, protocol, origin), today.
test("new ws.Socket with a protocol and an origin", async () => {
  const handler = ws.upgrade({ protocols: ["test"], origin: "http://a.example" }, (conn) => {
    conn.send(`${conn.protocol} ${conn.origin}`);
  });
  await serving(handler, async (svr) => {
    const conn = new ws.Socket(svr.url(), "test", "http://a.example");
    assertEquals((await next(conn, "message")).data, "test http://a.example");
    assertEquals([conn.protocol, conn.origin], ["test", "http://a.example"]);
    const other = new ws.Socket(svr.url(), "test", "http://b.example");
    assertEquals(await story(other), ["error 1002 WS_HANDSHAKE_REFUSED", 'close 1006 "" unclean none']);
  });
});

// object WebSocketMessage: the constructor, its defaults and its body.
test("new ws.Message", () => {
  const msg = new ws.Message();
  assertEquals([msg.type, msg.masked, msg.compress, msg.maxSize], [ws.BINARY, true, false, 67108864]);
  assertEquals([msg.data, msg.length, msg.value, msg.params, msg.stream], [null, 0, "", [], null]);
  msg.type = ws.TEXT;
  msg.body.write(new TextEncoder().encode("hello"));
  assertEquals(msg.data, "hello");
});

// module ws, the older page: a message framed by hand over what ws.connect gives, answered by a ws.Handler.
test("ws.Handler, ws.connect and a message framed by hand", async () => {
  const httpd = new http.Server(
    { port: 0, hostname: "127.0.0.1" },
    new ws.Handler((v) => {
      v.response.body = v.body;
    }),
  );
  await httpd.start();

  const s = await ws.connect(`ws://127.0.0.1:${httpd.port}/`);
  const msg = new ws.Message();
  msg.type = ws.TEXT;
  msg.masked = true;
  msg.body.write(new TextEncoder().encode("0123456789"));
  await msg.sendTo(s);
  const rep = new ws.Message();
  await rep.readFrom(s);
  assertEquals([rep.type, rep.masked, rep.data], [ws.TEXT, false, "0123456789"]);
  await s.close();
  await httpd.close();
});

// ws.connect(url, origin), the older page.
test("ws.connect with an origin", async () => {
  const origins: (string | null)[] = [];
  const handler = [
    (req: http.HttpRequest) => void origins.push(req.firstHeader("origin")),
    ws.upgrade({ origin: ["http://a.example"] }, (conn) => conn.send("welcome")),
  ];
  await serving(handler, async (svr) => {
    const s = await ws.connect(svr.url(), "http://a.example");
    const msg = new ws.Message();
    await msg.readFrom(s);
    assertEquals(msg.data, "welcome");
    await s.close();
    await assertRejects(() => ws.connect(svr.url(), "http://b.example"), ws.HandshakeError);
    await (await ws.connect(svr.url())).close();
    assertEquals(origins, ["http://a.example", "http://b.example", null]);
  });
});
