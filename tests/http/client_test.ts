/** The HTTP client: requests, redirects, cookies, and what can go wrong. */

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { HttpClient, type HttpClientOptions, type HttpRequestOptions } from "../../src/http/client.ts";
import type { HandlerLike } from "../../src/http/handler_types.ts";
import { HandshakeError, WebSocketError } from "../../src/protocol/errors.ts";
import type { Runtime } from "../../src/socket/transport.ts";
import { RawClient, requestText, Setup } from "./raw_client.ts";

/** A server in memory and a client of it. */
async function start(handler: HandlerLike, options: HttpClientOptions = {}): Promise<Clients> {
  const setup = await Setup.start(handler);
  const client = new HttpClient(options, () => Promise.resolve(setup.network));
  return {
    setup,
    client,
    at: (path) => `http://127.0.0.1:${setup.server.port}${path}`,
    end: () => setup.server.close(),
  };
}

interface Clients {
  setup: Setup;
  client: HttpClient;
  at: (path: string) => string;
  end: () => Promise<void>;
}

/** A server that answers each request with bytes, and what it was asked. */
async function answering(...answers: readonly string[]): Promise<{ network: Runtime; asked: string[] }> {
  const { network } = new Setup(() => {});
  const asked: string[] = [];
  await network.listen({ transport: "tcp", port: 80 }, (transport) => {
    const peer = new RawClient(transport);
    void peer.until(() => peer.received.includes("\r\n\r\n")).then(() => {
      const answer = answers[Math.min(asked.push(peer.received), answers.length) - 1]!;
      for (const char of answer) peer.send(char);
      transport.end();
    });
  });
  return { network, asked };
}

async function ask(answer: string, options: HttpClientOptions = {}): Promise<Response> {
  const { network } = await answering(answer);
  return await new HttpClient(options, () => Promise.resolve(network)).get("http://a.example/");
}

const echo: HandlerLike = async (req) => {
  const type = req.firstHeader("content-type");
  req.response.json({ method: req.method, address: req.address, query: req.queryString, type, body: await req.text() });
};

test("HttpClient sends each method, with and without a body", async () => {
  const { client, at, end } = await start(echo);
  const json = "application/json";
  const text = "text/plain;charset=UTF-8";
  const form = "application/x-www-form-urlencoded;charset=UTF-8";
  const cases: [keyof HttpClient & ("get" | "post" | "put" | "patch" | "del"), HttpRequestOptions, unknown[]][] = [
    ["get", {}, ["GET", null, ""]],
    ["post", {}, ["POST", null, ""]],
    ["post", { body: "Grüße" }, ["POST", text, "Grüße"]],
    ["put", { body: new TextEncoder().encode("bytes") }, ["PUT", null, "bytes"]],
    ["put", { body: new TextEncoder().encode("bytes").buffer }, ["PUT", null, "bytes"]],
    ["patch", { body: new URLSearchParams({ a: "1 2" }) }, ["PATCH", form, "a=1+2"]],
    ["post", { json: { a: [1] } }, ["POST", json, '{"a":[1]}']],
    ["post", { json: null, headers: { "Content-Type": "x/y" } }, ["POST", "x/y", "null"]],
    ["del", { body: "" }, ["DELETE", text, ""]],
  ];
  for (const [method, options, wanted] of cases) {
    const response = await client[method](at("/a%20b?x=1"), options);
    assertEquals([response.status, response.headers.get("content-type")], [200, json]);
    const got = await response.json();
    assertEquals([got.address, got.query], ["/a%20b", "x=1"]);
    assertEquals([got.method, got.type, got.body], wanted);
  }
  const queried = await (await client.get(at("/?x=1"), { query: { y: "a b", z: 2 as never } })).json();
  assertEquals(queried.query, "x=1&y=a+b&z=2");
  const head = await client.head(at("/"));
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(await (await client.request("options", at("/"))).json().then(({ method }) => method), "OPTIONS");
  await end();
});

test("HttpClient sends its own fields, and those of a request in their place", async () => {
  const { client, at, end } = await start((req) => {
    req.response.json(["x-a", "x-b", "authorization", "host", "connection"].map((name) => req.firstHeader(name)));
  }, { headers: { "X-A": "1", "X-B": "1" } });
  const host = new URL(at("/")).host;
  assertEquals(await (await client.get(at("/"))).json(), ["1", "1", null, host, "close"]);
  const options = { headers: { "x-b": "2", Host: "a.example" } };
  assertEquals(await (await client.get(at("/"), options)).json(), ["1", "2", null, "a.example", "close"]);
  const own = at("/").replace("//", "//us%C3%A9r:pass@");
  assertEquals((await (await client.get(own)).json())[2], `Basic ${btoa("us\xc3\xa9r:pass")}`);
  await end();
});

test("HttpClient reads bodies of every framing, however they are cut", async () => {
  const cases: [answer: string, body: string][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", "Hello"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHel\r\n2;x=y\r\nlo\r\n0\r\nX: y\r\n\r\n", "Hello"],
    ["HTTP/1.0 200 OK\r\n\r\nHello", "Hello"],
    ["HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"],
    ["HTTP/1.1 204 No Content\r\n\r\n", ""],
  ];
  for (const [answer, body] of cases) assertEquals(await (await ask(answer)).text(), body);
  const response = await ask(
    "HTTP/1.1 404 Not Here\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
  );
  assertEquals([response.status, response.statusText, response.ok], [404, "Not Here", false]);
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
});

test("HttpClient rejects what is no answer, is too large, or is cut off", async () => {
  const cases: [answer: string, code: string, options?: HttpClientOptions][] = [
    ["garbage\r\n\r\n", "WS_INVALID_HEAD"],
    ["", "WS_PEER_VANISHED"],
    ["HTTP/1.1 200 OK\r\nContent-Le", "WS_PEER_VANISHED"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHell", "WS_PEER_VANISHED"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHel", "WS_PEER_VANISHED"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "WS_INVALID_HEAD"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", "WS_MESSAGE_TOO_BIG", { maxBodySize: 4 }],
    ["HTTP/1.1 200 OK\r\n\r\nHello", "WS_MESSAGE_TOO_BIG", { maxBodySize: 4 }],
    ["HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "WS_INVALID_HEAD"],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "WS_HEAD_TOO_LARGE"],
  ];
  for (const [answer, code, options] of cases) {
    const error = await assertRejects(() => ask(answer, options), WebSocketError);
    assertEquals(error.code, code, answer.slice(0, 60));
  }
  const { network } = new Setup(() => {});
  const client = new HttpClient({}, () => Promise.resolve(network));
  const refused = await assertRejects(() => client.get("http://a.example/"), WebSocketError);
  assertEquals(refused.code, "WS_CONNECT_FAILED");
});

test("HttpClient gives up in time, and when its signal aborts", async () => {
  const { network } = new Setup(() => {});
  let ended = 0;
  await network.listen({ transport: "tcp", port: 80 }, (transport) => {
    transport.open({ data() {}, end() {}, drain() {}, abort: () => ended++ });
  });
  const client = new HttpClient({ timeout: 20 }, () => Promise.resolve(network));
  const late = await assertRejects(() => client.get("http://a.example/"), WebSocketError, "not done within 20 ms");
  assertEquals(late.code, "WS_HANDSHAKE_TIMEOUT");
  const controller = new AbortController();
  const given = assertRejects(() => client.get("http://a.example/", { signal: controller.signal }), WebSocketError);
  controller.abort();
  assertEquals((await given).code, "WS_ABORTED");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(ended >= 1);
});

test("HttpClient follows redirects as the web does, up to a limit", async () => {
  const { client, at, end, setup } = await start({
    "/to/:status": (req, status) => req.response.redirect(Number(status), `${req.address.replace("/to", "/via")}?x#y`),
    "/via/:status": (req, status) => req.response.redirect(Number(status), "../end"),
    "/end": echo,
    "/loop": (req) => req.response.redirect("/loop"),
    "/away": (req) => req.response.redirect("ftp://a.example/"),
    "/nowhere": (req) => void (req.response.statusCode = 302),
  });
  for (const [status, method] of [[301, "GET"], [302, "GET"], [303, "GET"], [307, "POST"], [308, "POST"]] as const) {
    const got = await (await client.post(at(`/to/${status}`), { body: "Hello" })).json();
    const wanted = method === "GET" ? ["GET", null, ""] : ["POST", "text/plain;charset=UTF-8", "Hello"];
    assertEquals([got.method, got.type, got.body, got.address], [...wanted, "/end"]);
  }
  assertEquals((await (await client.put(at("/to/302"), { body: "x" })).json()).method, "PUT");
  assertEquals((await client.head(at("/to/303"))).status, 200);
  assertEquals((await client.get(at("/nowhere"))).status, 302);
  const loop = await assertRejects(() => client.get(at("/loop")), HandshakeError, "no more of them are followed");
  assertEquals([loop.code, loop.status, loop.headers.get("location")], ["WS_HANDSHAKE_REFUSED", 302, "/loop"]);
  await assertRejects(() => client.get(at("/away")), HandshakeError, 'Location is "ftp://a.example/", wanted a URL');
  const runtime = (): Promise<Runtime> => Promise.resolve(setup.network);
  const none = await new HttpClient({ maxRedirects: 0 }, runtime).get(at("/to/302"));
  assertEquals([none.status, none.headers.get("location")], [302, "/via/302?x#y"]);
  const one = new HttpClient({ maxRedirects: 1 }, runtime);
  await assertRejects(() => one.get(at("/to/302")), HandshakeError);
  assertEquals((await one.get(at("/via/302"))).status, 200);
  await end();
});

test("HttpClient leaves credentials behind when a redirect leads to another host", async () => {
  const show: HandlerLike = (req) => {
    req.response.json(["authorization", "cookie", "x-a"].map((name) => req.firstHeader(name)));
  };
  const { client, at, end, setup } = await start({
    "/near": (req) => req.response.redirect("/show"),
    "/far": (req) => req.response.redirect(`http://localhost:${setup.server.port}/show`),
    "/show": show,
  });
  // A network in memory knows no names: to it, both are one.
  const connect: Runtime["connect"] = (target) => setup.network.connect({ ...target, hostname: "127.0.0.1" } as never);
  const far = new HttpClient({ connect, cookieJar: client.cookieJar }, () => Promise.resolve(setup.network));
  client.cookieJar.setCookie("jar=1", at("/"));
  const options = { headers: { Authorization: "Bearer x", Cookie: "own=1", "X-A": "1" } };
  assertEquals(await (await far.get(at("/near"), options)).json(), ["Bearer x", "own=1; jar=1", "1"]);
  assertEquals(await (await far.get(at("/far"), options)).json(), [null, null, "1"]);
  await end();
});

test("HttpClient keeps cookies, also those of redirects, and sends them back", async () => {
  const { client, at, end } = await start({
    "/set/:name": (req, name) => {
      req.response.addCookie({ name, value: "1", path: "/" });
      req.response.addCookie({ name: `${name}2`, value: "a b", path: "/deep" });
      req.response.redirect("/deep/show");
    },
    "/deep/show": (req) => req.response.json([...req.cookies]),
  });
  assertEquals(await (await client.get(at("/set/a"))).json(), [["a2", "a b"], ["a", "1"]]);
  assertEquals(client.cookieJar.getCookieString(at("/")), "a=1");
  await end();
});

test("HttpClient takes a jar whose methods are asynchronous and may reject", async () => {
  const kept: string[] = [];
  const cookieJar = {
    getCookieString: (url: string) => Promise.resolve(`from=${new URL(url).pathname.slice(1)}`),
    setCookie(cookie: string, url: string) {
      kept.push(`${cookie} ${new URL(url).pathname}`);
      return Promise.reject(new Error("No such cookie"));
    },
  };
  const { client, at, end } = await start((req) => {
    req.response.addCookie({ name: "a", value: "1" });
    req.response.end(req.cookies.get("from") ?? "none");
  }, { cookieJar });
  assertEquals(await (await client.get(at("/here"))).text(), "here");
  assertEquals(kept, ["a=1 /here"]);
  await end();
});

test("HttpClient refuses by name what it cannot use", async () => {
  const runtime = (): Promise<Runtime> => Promise.reject(new Error("not asked"));
  const wrong: [options: unknown, kind: ErrorConstructor | typeof DOMException, text: string][] = [
    [null, TypeError, "Cannot make an HTTP client: options is null, wanted an object"],
    [{ cookies: [] }, TypeError, 'option "cookies" is unknown'],
    [{ cookieJar: {} }, TypeError, "httpClient.cookieJar: got an object, wanted an object with getCookieString"],
    [{ proxy: 5 }, TypeError, "httpClient.proxy: got 5, wanted the URL of a proxy"],
    [{ proxy: "127.0.0.1" }, DOMException, "httpClient.proxy: it cannot be parsed"],
    [{ proxy: "ftp://a" }, DOMException, 'its scheme is "ftp:"'],
    [{ tls: { CA: "x" } }, TypeError, 'option "CA" is unknown'],
    [{ headers: { Upgrade: "x" } }, TypeError, "the field Upgrade is not the caller's to set"],
    [{ maxRedirects: -1 }, RangeError, "maxRedirects: got -1"],
    [{ timeout: "1" }, TypeError, 'timeout: got "1", wanted a number'],
    [{ maxBodySize: NaN }, RangeError, "maxBodySize: got NaN"],
    [{ connect: 5 }, TypeError, "connect: got 5, wanted a function"],
  ];
  for (const [options, kind, text] of wrong) assertThrows(() => new HttpClient(options as never, runtime), kind, text);
  const client = new HttpClient({}, runtime);
  const url = "http://a.example/";
  const bad: [method: unknown, url: unknown, options: unknown, kind: ErrorConstructor | typeof DOMException][] = [
    ["G T", url, {}, TypeError],
    ["GET", "nothing", {}, DOMException],
    ["GET", "ftp://a.example/", {}, DOMException],
    ["GET", url, { boddy: "" }, TypeError],
    ["GET", url, 5, TypeError],
    ["GET", url, { body: 5 }, TypeError],
    ["GET", url, { body: "a", json: 1 }, TypeError],
    ["GET", url, { json: () => {} }, TypeError],
    ["GET", url, { query: "a=1" }, TypeError],
    ["GET", url, { headers: { "a b": "1" } }, TypeError],
  ];
  for (const [method, to, options, kind] of bad) {
    const error = await client.request(method as never, to as never, options as never).catch((error) => error);
    assertInstanceOf(error, kind);
  }
});

test("HttpClient writes its request as RFC 9112 has it", async () => {
  const { network, asked } = await answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const client = new HttpClient({}, () => Promise.resolve(network));
  await client.post("http://a.example/x?y", { body: "Hello", headers: { "X-A": "1" } });
  assertEquals(
    asked[0],
    requestText("POST /x?y HTTP/1.1", [
      "Host: a.example",
      "X-A: 1",
      "Content-Type: text/plain;charset=UTF-8",
      "Content-Length: 5",
      "Connection: close",
    ], "Hello"),
  );
});
