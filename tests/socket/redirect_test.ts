/** Redirects of the opening handshake, and the cookies that travel with it, between real servers. */

import { test } from "node:test";
import { connect, Socket, type SocketOptions, upgrade } from "@sockeye/ws";
import { CookieJar, HttpClient, type HttpRequest, Server } from "@sockeye/ws/http";
import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { HandshakeError } from "../../src/protocol/errors.ts";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import { ca, serverCert, serverKey } from "../certs.ts";
import { SocketLog } from "./server.ts";

/** Tells what came with its handshake, and closes. */
const show: HandlerLike = upgrade({ origin: "*" }, (conn, req) => {
  const fields = ["authorization", "cookie", "x-a", "origin"];
  conn.send(JSON.stringify([req.address, ...fields.map((name) => req.firstHeader(name))]));
  conn.close();
});

async function start(handler: HandlerLike, secure = false): Promise<Server> {
  const tls = secure ? { tls: { cert: serverCert, key: serverKey } } : {};
  const server = new Server({ port: 0, hostname: "127.0.0.1", ...tls }, handler);
  await server.start();
  return server;
}

const to = (url: string) => (req: HttpRequest): void => req.response.redirect(url);

/** What the server saw, or how the connection failed. */
async function seen(url: string, options?: SocketOptions): Promise<unknown[]> {
  const socket = new Socket(url, options);
  const log = new SocketLog(socket);
  let shown: unknown[] | undefined;
  socket.onmessage = ({ data }) => shown = JSON.parse(data as string);
  await log.closed;
  assertEquals(socket.url, url);
  return shown ?? log.told;
}

/** The error of a connection that is refused. */
async function refusal(url: string, options?: SocketOptions): Promise<HandshakeError> {
  const log = new SocketLog(new Socket(url, options));
  await log.closed;
  assertEquals(log.told, ["error WS_HANDSHAKE_REFUSED 1002 3", 'close 1006 "" unclean none 3']);
  const [error] = log.errors;
  assertInstanceOf(error, HandshakeError);
  return error;
}

const credentials = { headers: { Authorization: "Bearer x", Cookie: "a=1", "X-A": "1" }, origin: "http://a.example" };

test("Socket follows redirects of each status, and keeps all on the same host", async () => {
  const server = await start({
    "/show": show,
    "/:status": (req, status) => req.response.redirect(Number(status), "/show?b#c"),
  });
  for (const status of [301, 302, 303, 307, 308]) {
    assertEquals(
      await seen(server.url(`/${status}`), credentials),
      ["/show", "Bearer x", "a=1", "1", "http://a.example"],
    );
  }
  const withUser = server.url("/302").replace("//", "//user:pass@");
  const log = new SocketLog(new Socket(withUser));
  await log.closed;
  assertEquals(JSON.parse(log.told[1]!.slice("message ".length))[1], `Basic ${btoa("user:pass")}`);
  await server.close();
});

test("Socket leaves credentials behind when the host or the port is another, and for good", async () => {
  const far = await start({ "/show": show, "/back/:port": (req, port) => to(`ws://127.0.0.1:${port}/show`)(req) });
  const near = await start({
    "/show": show,
    "/port": to(far.url("/show").replace("ws:", "http:")),
    "/name": (req: HttpRequest) => to(near.url("/show").replace("127.0.0.1", "localhost"))(req),
    "/there-and-back": (req: HttpRequest) => to(far.url(`/back/${near.port}`))(req),
  });
  for (const path of ["/port", "/name", "/there-and-back"]) {
    assertEquals(await seen(near.url(path), credentials), ["/show", null, null, "1", "http://a.example"]);
  }
  const withUser = near.url("/port").replace("//", "//user:pass@");
  const log = new SocketLog(new Socket(withUser));
  await log.closed;
  assertEquals(JSON.parse(log.told[1]!.slice("message ".length))[1], null);
  await near.close();
  await far.close();
});

test("Socket follows as many redirects as it is told to, and no more", async () => {
  const server = await start({
    "/show": show,
    "/:left": (req, left) => req.response.redirect(left === "0" ? "/show" : `/${Number(left) - 1}`),
  });
  const gone = async (path: string, options?: SocketOptions): Promise<unknown> =>
    (await seen(server.url(path), options))[0];
  assertEquals(await gone("/9"), "/show");
  assertEquals(await gone("/10"), "error WS_HANDSHAKE_REFUSED 1002 3");
  assertEquals(await gone("/10", { maxRedirects: 11 }), "/show");
  assertEquals(await gone("/0", { maxRedirects: 1 }), "/show");
  const error = await refusal(server.url("/0"), { maxRedirects: 0 });
  assertEquals([error.status, error.headers.get("location")], [302, "/show"]);
  assertStringIncludes(error.message, "the status is 302");
  assertStringIncludes(error.message, "wanted 101, and no more redirects are followed (maxRedirects)");
  await server.close();
});

test("Socket does not follow where it must not", async () => {
  const server = await start({
    "/show": show,
    "/away": to("ftp://a.example/"),
    "/unix": to("ws+unix:///tmp/any.sock:/"),
    "/port": to("http://a.example:99999/"),
    "/none": (req: HttpRequest) => void (req.response.statusCode = 302),
    "/300": (req: HttpRequest) => {
      req.response.setHeader("Location", "/show");
      req.response.statusCode = 300;
    },
  });
  for (const [path, text] of [["/away", "ftp://a.example/"], ["/unix", "ws+unix:"], ["/port", ":99999"]] as const) {
    const error = await refusal(server.url(path));
    assertEquals(error.status, 302);
    assertStringIncludes(error.message, text);
    assertStringIncludes(error.message, "wanted a URL of ws:, wss:, http: or https:");
  }
  assertEquals((await refusal(server.url("/none"))).status, 302);
  assertEquals((await refusal(server.url("/300"))).status, 300);
  await server.close();
});

test("Socket follows from ws: to wss:, and not from wss: to ws:", async () => {
  const plain = await start({ "/show": show, "/up": (req: HttpRequest) => to(secure.url("/show"))(req) });
  const secure = await start({ "/show": show, "/down": to(plain.url("/show")) }, true);
  assertEquals((await seen(plain.url("/up"), { tls: { ca } }))[0], "/show");
  const error = await refusal(secure.url("/down"), { tls: { ca } });
  assertStringIncludes(error.message, "wanted TLS as before");
  await plain.close();
  await secure.close();
});

test("connect() follows redirects too", async () => {
  const server = await start({ "/show": show, "/": to("/show") });
  const stream = await connect(server.url("/"));
  await stream.close();
  const failed = await connect(server.url("/"), { maxRedirects: 0 }).catch((error) => error);
  assertEquals(failed.status, 302);
  await server.close();
});

test("Socket gives up in time, redirects and all", async () => {
  const server = await start({ "/": to("/") });
  const log = new SocketLog(new Socket(server.url("/"), { maxRedirects: Infinity, handshakeTimeout: 100 }));
  await log.closed;
  assertEquals(log.told[0], "error WS_HANDSHAKE_TIMEOUT 1002 3");
  await server.close();
});

test("Cookies of the client's jar travel with the handshake, and those of the answer are kept", async () => {
  const server = await start({
    "/login": (req: HttpRequest) => req.response.addCookie({ name: "session", value: "s 1" }),
    "/show": [(req: HttpRequest) => req.response.addCookie({ name: "seen", value: "1" }), show],
    "/via": (req: HttpRequest) => {
      req.response.addCookie({ name: "via", value: "1" });
      req.response.redirect("/show");
    },
    "/refused": (req: HttpRequest) => {
      req.response.addCookie({ name: "refused", value: "1" });
      req.response.statusCode = 403;
      req.end();
    },
  });
  const httpClient = new HttpClient();
  const at = (path: string): string => `http://127.0.0.1:${server.port}${path}`;
  await httpClient.post(at("/login"));
  const cookies = async (path: string, options?: SocketOptions): Promise<unknown> =>
    (await seen(server.url(path), { httpClient, ...options }))[2];
  assertEquals(await cookies("/show"), "session=s%201");
  assertEquals(await cookies("/show"), "session=s%201; seen=1");
  assertEquals(await cookies("/via"), "session=s%201; seen=1; via=1");
  assertEquals(await cookies("/show", { headers: { Cookie: "own=1" } }), "own=1; session=s%201; seen=1; via=1");
  await refusal(server.url("/refused"), { httpClient });
  assertEquals(httpClient.cookieJar.getCookieString(at("/")), "session=s%201; seen=1; via=1; refused=1");
  assertEquals((await seen(server.url("/show")))[2], null);
  await server.close();
});

test("Any object with a cookie jar is a client, and a jar that fails fails the handshake", async () => {
  const server = await start({ "/show": show });
  const jar = new CookieJar();
  jar.setCookie("a=1", server.url("/").replace("ws:", "http:"));
  assertEquals((await seen(server.url("/show"), { httpClient: { cookieJar: jar } }))[2], "a=1");
  const asked: string[] = [];
  const broken = {
    getCookieString(url: string): Promise<string> {
      asked.push(url);
      return Promise.reject(new Error("The jar is empty"));
    },
    setCookie() {},
  };
  const log = new SocketLog(new Socket(server.url("/show?x"), { httpClient: { cookieJar: broken } }));
  await log.closed;
  assertEquals(log.told[0], "error WS_CONNECT_FAILED 1002 3");
  assertStringIncludes(log.errors[0]!.message, "The jar is empty");
  assertEquals(asked, [`http://127.0.0.1:${server.port}/show?x`]);
  const slow = { getCookieString: () => new Promise<string>(() => {}), setCookie() {} };
  const late = new SocketLog(new Socket(server.url("/"), { httpClient: { cookieJar: slow }, handshakeTimeout: 20 }));
  await late.closed;
  assertEquals(late.told[0], "error WS_HANDSHAKE_TIMEOUT 1002 3");
  await server.close();
});
