import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { checkProtocols, parseUrl, routeOf } from "../../src/socket/target.ts";

/** Where a URL leads, in short. */
function route(url: string): string {
  const { target, host, path } = routeOf(parseUrl(url));
  const secure = target.tls === undefined ? "" : " over TLS";
  const where = target.transport === "tcp" ? `${target.hostname} ${target.port}` : target.path;
  return `${where}${secure}, Host ${host}, GET ${path}`;
}

test("parseUrl() and routeOf() say where a URL leads and what its request says", () => {
  const routes: Record<string, string> = {
    "ws://a.example": "a.example 80, Host a.example, GET /",
    "ws://a.example/chat?room=1": "a.example 80, Host a.example, GET /chat?room=1",
    "ws://a.example?x": "a.example 80, Host a.example, GET /?x",
    "ws://a.example:80/": "a.example 80, Host a.example, GET /",
    "ws://a.example:8080/": "a.example 8080, Host a.example:8080, GET /",
    "wss://a.example/": "a.example 443 over TLS, Host a.example, GET /",
    "wss://a.example:443/": "a.example 443 over TLS, Host a.example, GET /",
    "wss://a.example:80/": "a.example 80 over TLS, Host a.example:80, GET /",
    "http://a.example/x": "a.example 80, Host a.example, GET /x",
    "https://a.example/x": "a.example 443 over TLS, Host a.example, GET /x",
    "WS://A.Example/Path": "a.example 80, Host a.example, GET /Path",
    "ws://[::1]:9/": "::1 9, Host [::1]:9, GET /",
    "ws://127.0.0.1/a b": "127.0.0.1 80, Host 127.0.0.1, GET /a%20b",
    "ws://bücher.example/": "xn--bcher-kva.example 80, Host xn--bcher-kva.example, GET /",
    "ws+unix:/run/a.sock": "/run/a.sock, Host localhost, GET /",
    "ws+unix:///run/a.sock": "/run/a.sock, Host localhost, GET /",
    "ws+unix:/run/a.sock:/chat?room=1": "/run/a.sock, Host localhost, GET /chat?room=1",
    "ws+unix:/run/a.sock:/a:b:c": "/run/a.sock, Host localhost, GET /a:b:c",
    "ws+unix:/run/a.sock:chat": "/run/a.sock, Host localhost, GET /chat",
    "ws+unix:/run/a.sock?x": "/run/a.sock, Host localhost, GET /?x",
    "ws+unix:/run/a%20b.sock:/": "/run/a b.sock, Host localhost, GET /",
    "wss+unix:/run/a.sock:/": "/run/a.sock over TLS, Host localhost, GET /",
  };
  for (const [url, wanted] of Object.entries(routes)) assertEquals(route(url), wanted, url);
});

test("routeOf() passes the settings of TLS on, and only where there is TLS", () => {
  const tls = { servername: "b.example" };
  assertEquals(routeOf(parseUrl("wss://a.example"), tls).target.tls, tls);
  assertEquals(routeOf(parseUrl("wss+unix:/a:/"), tls).target.tls, tls);
  assertEquals(routeOf(parseUrl("ws://a.example"), tls).target.tls, undefined);
});

/** Wants a `DOMException` named `SyntaxError`, as the web throws it. */
function assertSyntaxError(call: () => unknown, text: string): void {
  assertEquals(assertThrows(call, DOMException, text).name, "SyntaxError");
}

test("parseUrl() keeps the URL as it was, in the schemes of WebSocket", () => {
  assertEquals(parseUrl("http://a.example:80/x?y").href, "ws://a.example/x?y");
  assertEquals(parseUrl("https://a.example/x").href, "wss://a.example/x");
  assertEquals(parseUrl(new URL("ws://a.example/x")).href, "ws://a.example/x");
});

test("parseUrl() throws as the web does for what is no URL of a WebSocket", () => {
  const wrong: Record<string, string> = {
    "": 'Cannot connect: url is "", wanted an absolute URL',
    "a.example": "wanted an absolute URL",
    "/path": "wanted an absolute URL",
    "ws://": "wanted an absolute URL",
    "ws://a.example:65536/": "wanted an absolute URL",
    "ftp://a.example/": 'the scheme "ftp:", wanted ws: or wss:',
    "mailto:a@a.example": "the scheme",
    "ws://a.example/#": "wanted one without a fragment",
    "ws://a.example/x#part": "wanted one without a fragment",
    "ws+unix:": "wanted the path of a Unix socket",
    "ws+unix::/chat": "wanted the path of a Unix socket",
    "ws+unix:///:/chat": "wanted the path of a Unix socket",
    "ws+unix://run/a.sock:/": "wanted the path of a Unix socket",
    "ws+unix:/run/%zz:/": "wanted the path of a Unix socket",
  };
  for (const [url, text] of Object.entries(wrong)) assertSyntaxError(() => parseUrl(url), text);
});

test("checkProtocols() takes tokens, each once", () => {
  assertEquals(checkProtocols([]), []);
  assertEquals(checkProtocols(["chat", "v1.chat~x", "Chat"]), ["chat", "v1.chat~x", "Chat"]);
  for (const wrong of ["", "a b", "a,b", "ä", "a/b", "a\r\nb"]) {
    assertSyntaxError(() => checkProtocols(["ok", wrong]), "wanted a token");
  }
  assertSyntaxError(() => checkProtocols([5 as never]), "protocol is 5, wanted a token");
  assertSyntaxError(() => checkProtocols(["a", "b", "a"]), 'protocol "a" is there twice');
});
