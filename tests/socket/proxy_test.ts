/** Connecting through proxies, over TCP and TLS of this runtime. */

import { test } from "node:test";
import { Socket, type SocketOptions, upgrade } from "@sockeye/ws";
import { HttpClient, Server, type ServerOptions } from "@sockeye/ws/http";
import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { HandshakeError } from "../../src/protocol/errors.ts";
import { ca, serverCert, serverKey } from "../certs.ts";
import { httpProxy, silence, socksProxy, type TestProxy } from "../interop/proxies.ts";
import { SocketLog } from "./server.ts";

const tls = { cert: serverCert, key: serverKey };

/** A server that sends back what comes. */
async function echo(options: ServerOptions = {}): Promise<{ server: Server; port: number }> {
  const server = new Server({ port: 0, hostname: "127.0.0.1", ...options }, {
    "/ws": upgrade((conn) => {
      conn.onmessage = ({ data }) => conn.send(data);
    }),
    "/": () => new Response("plain"),
  });
  await server.start();
  return { server, port: server.port };
}

/** Sends two messages through a connection and closes it. */
async function talk(url: string, options: SocketOptions): Promise<string[]> {
  const socket = new Socket(url, options);
  const log = new SocketLog(socket);
  const large = "x".repeat(300_000);
  socket.onopen = () => {
    socket.send("Hello");
    socket.send(large);
  };
  let count = 0;
  socket.onmessage = () => {
    if (++count === 2) socket.close(4000, "done");
  };
  await log.closed;
  return log.told.map((each) => each.replace(large, "large"));
}

const WELL = ["open 1", "message Hello", "message large", 'close 4000 "done" clean local 3'];

/** The errors of a connection that cannot be made. */
async function fails(url: string, proxy: string): Promise<{ told: string[]; error: Error & { code?: unknown } }> {
  const log = new SocketLog(new Socket(url, { httpClient: { proxy } }));
  await log.closed;
  return { told: log.told, error: log.errors[0]! };
}

const FAILED = ["error WS_CONNECT_FAILED 1002 3", 'close 1006 "" unclean none 3'];

async function using<T extends { close(): Promise<unknown> }>(
  proxy: T,
  work: (proxy: T) => Promise<void>,
): Promise<void> {
  try {
    await work(proxy);
  } finally {
    await proxy.close();
  }
}

const kinds: [name: string, start: () => Promise<TestProxy>, scheme: string, named: string][] = [
  ["CONNECT", () => httpProxy(), "http", "localhost"],
  ["SOCKS 5", () => socksProxy(), "socks5", "3 localhost"],
];

for (const [name, start, scheme, named] of kinds) {
  test(`Socket goes through a proxy by ${name}, with and without TLS`, async () => {
    const plain = await echo();
    const secure = await echo({ tls });
    await using(await start(), async ({ port, asked }) => {
      const httpClient = { proxy: `${scheme}://127.0.0.1:${port}`, tls: { ca } };
      assertEquals(await talk(`ws://localhost:${plain.port}/ws`, { httpClient }), WELL);
      assertEquals(await talk(`wss://localhost:${secure.port}/ws`, { httpClient }), WELL);
      const own = new URL(httpClient.proxy);
      assertEquals(await talk(`wss://localhost:${secure.port}/ws`, { httpClient: { proxy: own }, tls: { ca } }), WELL);
      assertEquals(asked, [plain.port, secure.port, secure.port].map((each) => `${named}:${each}`));
    });
    await plain.server.close();
    await secure.server.close();
  });

  test(`Socket checks the server's certificate in a tunnel by ${name}`, async () => {
    const { server, port } = await echo({ tls });
    await using(await start(), async (proxy) => {
      const to = `${scheme}://127.0.0.1:${proxy.port}`;
      const log = new SocketLog(new Socket(`wss://localhost:${port}/ws`, { httpClient: { proxy: to } }));
      await log.closed;
      assertEquals(log.told, FAILED);
      const wrong = { proxy: to, tls: { ca, servername: "other.test" } };
      const misnamed = new SocketLog(new Socket(`wss://localhost:${port}/ws`, { httpClient: wrong }));
      await misnamed.closed;
      assertEquals(misnamed.told, FAILED);
      assertEquals(await talk(`wss://127.0.0.1:${port}/ws`, { httpClient: { proxy: to, tls: { ca } } }), WELL);
      const lax = { proxy: to, tls: { rejectUnauthorized: false } };
      assertEquals(await talk(`wss://localhost:${port}/ws`, { httpClient: lax }), WELL);
    });
    await server.close();
  });
}

test("Socket tells a proxy by CONNECT who asks", async () => {
  const { server, port } = await echo();
  await using(await httpProxy(), async (proxy) => {
    const httpClient = { proxy: `http://us%C3%A9r:p%40ss@127.0.0.1:${proxy.port}` };
    assertEquals(await talk(`ws://127.0.0.1:${port}/ws`, { httpClient }), WELL);
    assertEquals(proxy.asked, [`127.0.0.1:${port} Basic ${btoa("us\xc3\xa9r:p@ss")}`]);
  });
  await server.close();
});

test("Socket tells a proxy by SOCKS 5 who asks", async () => {
  const { server, port } = await echo();
  await using(await socksProxy({ user: "usér", password: "p@ss" }), async (proxy) => {
    const to = (user: string): string => `socks5h://${user}127.0.0.1:${proxy.port}`;
    const url = `ws://127.0.0.1:${port}/ws`;
    assertEquals(await talk(url, { httpClient: { proxy: to("us%C3%A9r:p%40ss@") } }), WELL);
    assertEquals(proxy.asked, [`1 127.0.0.1:${port}`]);
    const wrong = await fails(url, to("us%C3%A9r:wrong@"));
    assertEquals(wrong.told, FAILED);
    assertStringIncludes(wrong.error.message, `socks5h://127.0.0.1:${proxy.port}: it does not accept the user`);
    const nobody = await fails(url, to(""));
    assertStringIncludes(nobody.error.message, "it wants another way to say who asks");
  });
  await server.close();
});

test("Socket fails with the status of a proxy that makes no tunnel", async () => {
  const answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
  await using(await httpProxy(answer), async (proxy) => {
    const { told, error } = await fails("ws://a.example/", `http://secret:word@127.0.0.1:${proxy.port}`);
    assertEquals(told, FAILED);
    assertInstanceOf(error, HandshakeError);
    assertEquals([error.status, error.headers.get("proxy-authenticate")], [407, "Basic"]);
    assertEquals(
      error.message,
      `Cannot connect to a.example:80 through http://127.0.0.1:${proxy.port}: ` +
        'the status is 407 "Proxy Authentication Required", wanted 200',
    );
  });
});

test("Socket fails when a proxy refuses, cannot reach the server, talks nonsense, or is not there", async () => {
  const cases: [start: () => Promise<TestProxy>, scheme: string, text: string][] = [
    [() => httpProxy(), "http", "the status is 502"],
    [() => socksProxy(), "socks5", 'it says "connection refused"'],
    [() => socksProxy({ reply: 2 }), "socks5", 'it says "not allowed by its rules"'],
    [() => httpProxy("garbage\r\n\r\n"), "http", ""],
    [() => httpProxy("HTTP/1.1 200 OK\r\n\r\ntoo early"), "http", "something came before anything was asked for"],
    [() => httpProxy("HTTP/1.1 400 No\r\n\r\n"), "socks5", "it speaks version 72 of SOCKS, wanted 5"],
  ];
  // Nobody listens there.
  const { server, port } = await echo();
  await server.close();
  for (const [start, scheme, text] of cases) {
    await using(await start(), async (proxy) => {
      const { told, error } = await fails(`ws://127.0.0.1:${port}/ws`, `${scheme}://127.0.0.1:${proxy.port}`);
      assertEquals(told.slice(1), FAILED.slice(1));
      assertStringIncludes(error.message, text);
    });
  }
  const { told } = await fails("ws://127.0.0.1:1/", `http://127.0.0.1:${port}`);
  assertEquals(told, FAILED);
});

test("Socket gives up in time on a proxy that says nothing", async () => {
  await using(await silence(), async ({ port }) => {
    for (const scheme of ["http", "socks5"]) {
      const httpClient = { proxy: `${scheme}://127.0.0.1:${port}` };
      const log = new SocketLog(new Socket("ws://a.example/", { httpClient, handshakeTimeout: 50 }));
      await log.closed;
      assertEquals(log.told[0], "error WS_HANDSHAKE_TIMEOUT 1002 3");
    }
  });
});

test("HttpClient goes through its proxy, and lends it to a Socket", async () => {
  const { server, port } = await echo({ tls });
  await using(await httpProxy(), async (proxy) => {
    const httpClient = new HttpClient({ proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca } });
    assertEquals(await (await httpClient.get(`https://localhost:${port}/`)).text(), "plain");
    assertEquals(await talk(`wss://localhost:${port}/ws`, { httpClient }), WELL);
    assertEquals(proxy.asked, [`localhost:${port}`, `localhost:${port}`]);
  });
  await server.close();
});
