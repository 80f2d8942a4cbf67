import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chain, handler, invoke, Routing } from "../../src/http/handler.ts";
import type { HandlerLike, Routable } from "../../src/http/handler_types.ts";
import type { HttpRequest } from "../../src/http/request.ts";
import { bodyText, fakeRequest } from "./fake_exchange.ts";

/** A function that writes down what it gets. */
function recorder(): { seen: unknown[][]; note: (name: string) => (req: HttpRequest, ...params: string[]) => void } {
  const seen: unknown[][] = [];
  return {
    seen,
    note: (name) => (req, ...params) => {
      assertEquals(req.params, params);
      seen.push([name, req.value, ...params]);
    },
  };
}

async function run(like: HandlerLike, req: HttpRequest): Promise<HttpRequest> {
  await invoke(handler(like), req);
  return req;
}

test("handler() gives back a Handler as it is", () => {
  const chain = new Chain();
  assertStrictEquals(handler(chain), chain);
  const own = { invoke: (): void => {} };
  assertStrictEquals(handler(own), own);
});

test("handler() refuses what can be no handler, and names it", () => {
  const faults: [unknown, string][] = [
    ["./public", 'met "./public"'],
    [7, "met 7"],
    [undefined, "met undefined"],
    [null, "met null"],
    [new Map(), "an object of Map"],
  ];
  for (const [like, mention] of faults) assertThrows(() => handler(like as HandlerLike), TypeError, mention);
  assertThrows(() => handler({ "/a": 1 } as unknown as HandlerLike), TypeError, '"/a"');
  assertThrows(() => handler({ "/a": { "/b": [() => {}, "x"] } } as unknown as HandlerLike), TypeError, 'met "x"');
  assertThrows(() => handler({ "/:a:b": () => {} }), SyntaxError, '"/:a:b"');
});

test("invoke() goes on with what a function gives back", async () => {
  const order: string[] = [];
  const last = handler(() => {
    order.push("last");
  });
  const nested = (): HandlerLike => [
    () => {
      order.push("chain");
    },
    { "/x": () => last },
  ];
  await run(() => {
    order.push("first");
    return async () => {
      await undefined;
      order.push("second");
      return nested();
    };
  }, fakeRequest("GET", "/x"));
  assertEquals(order, ["first", "second", "chain", "last"]);
});

test("invoke() is done with a function that gives back nothing, or what can be no handler", async () => {
  for (const result of [undefined, null, 0, "text", true, new Date()]) {
    const req = await run((() => result) as () => undefined, fakeRequest("GET", "/"));
    assertEquals([req.isEnded(), req.response.statusCode, req.response.body], [false, 200, null]);
  }
});

test("invoke() takes a Response for the answer, and ends the request", async () => {
  const req = await run([
    (req) => {
      req.response.setHeader({ "x-a": "1", "x-b": "2" });
      req.response.addCookie({ name: "c", value: "1" });
      req.response.write("gone");
    },
    () => {
      const headers = new Headers({ "x-b": "3" });
      headers.append("set-cookie", "d=2");
      headers.append("set-cookie", "e=3");
      return new Response("hello", { status: 201, headers });
    },
    () => {
      throw new Error("The chain went on");
    },
  ], fakeRequest("GET", "/"));
  const { response } = req;
  assertEquals(response.statusCode, 201);
  assertEquals([response.firstHeader("x-a"), response.allHeader("x-b")], ["1", ["3"]]);
  assertEquals(response.allHeader("set-cookie"), ["c=1", "d=2", "e=3"]);
  assertEquals(await bodyText(response.body), "hello");
});

test("invoke() rejects with what a handler throws", async () => {
  const boom = (): never => {
    throw new RangeError("boom");
  };
  await assertRejects(() => run([boom], fakeRequest("GET", "/")), RangeError, "boom");
  await assertRejects(
    () => run({ "/": () => Promise.reject(new RangeError("late")) }, fakeRequest("GET", "/")),
    RangeError,
  );
  await assertRejects(() => run(() => Response.error(), fakeRequest("GET", "/")), RangeError, "status");
  const used = new Response("a");
  await used.text();
  await assertRejects(() => run(() => used, fakeRequest("GET", "/")), TypeError, "body was used");
});

test("Chain runs its handlers in their order, each when the last is done, until the request is ended", async () => {
  const ends: ((req: HttpRequest) => void)[] = [(req) => req.end(), (req) => req.response.end(), (req) => {
    req.response.redirect("/login");
  }];
  for (const end of ends) {
    const order: number[] = [];
    const chain = new Chain([
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        order.push(1);
      },
      () => {
        order.push(2);
      },
    ]);
    chain.append([end, () => {
      order.push(3);
    }]).append(() => {
      order.push(4);
    });
    const req = await run(chain, fakeRequest("GET", "/"));
    assertEquals(order, [1, 2]);
    assert(req.isEnded());
  }
});

test("Chain without handlers is an error", async () => {
  await assertRejects(() => run([], fakeRequest("GET", "/")), TypeError, "no handlers");
});

test("Routing leads to the first pattern that was added and matches", async () => {
  const { seen, note } = recorder();
  const app = new Routing({ "/a/:id": note("1"), "/a/*": note("2") }).append("/a/b", note("3")).append("/*", note("4"));
  for (const path of ["/a/b", "/a/b/c", "/x", "/A/B/"]) await run(app, fakeRequest("GET", path));
  assertEquals(seen, [["1", "b", "b"], ["2", "b/c", "b/c"], ["4", "x", "x"], ["1", "B", "B"]]);
});

test("Routing decodes what it captures, and gives undefined for what was left out", async () => {
  const { seen, note } = recorder();
  const app = new Routing({ "/:a/:b?": note("") });
  for (const path of ["/caf%C3%A9/a%2fb?q=%zz", "/1", "/+"]) await run(app, fakeRequest("GET", path));
  assertEquals(seen, [["", "", "café", "a/b"], ["", "", "1", undefined], ["", "", "+", undefined]]);
});

test("Routing answers 400 to a malformed escape in what it captures", async () => {
  for (const path of ["/%", "/%zz", "/%c3%28", "/a%2"]) {
    const req = await run([{ "/:a": () => {} }, () => {
      throw new Error("The chain went on");
    }], fakeRequest("GET", path));
    assertEquals(req.response.statusCode, 400, path);
    assert((await bodyText(req.response.body)).includes("malformed escape"));
  }
});

test("Routing answers 404 where no pattern matches, without what a page could be made of", async () => {
  const req = await run({ "/a": () => {} }, fakeRequest("GET", "/<script>"));
  assertEquals(req.response.statusCode, 404);
  assertEquals(req.response.firstHeader("content-type"), "text/plain; charset=utf-8");
  const body = await bodyText(req.response.body);
  assert(body.includes("no pattern matches") && !body.includes("<"), body);
  assert(req.isEnded());
});

test("Routing mounts a nested object under its prefix", async () => {
  const { seen, note } = recorder();
  const app = {
    "/api": {
      "/": note("root"),
      "/users/:id": { "/posts/:post": note("post"), "/": note("user") },
      "/deep": [{ "/deep/:x": note("not here") }],
    },
    "/lib/*": new Routing({ "/:file": note("file") }),
    "/*": note("rest"),
  };
  for (const path of ["/api", "/api/", "/api/users/7/posts/8", "/api/users/7", "/lib/a.js", "/apis"]) {
    await run(app, fakeRequest("GET", path));
  }
  assertEquals(seen, [
    ["root", ""],
    ["root", "/"],
    ["post", "8", "7", "8"],
    ["user", "", "7"],
    ["file", "a.js", "a.js"],
    ["rest", "apis", "apis"],
  ]);
  const req = await run(app, fakeRequest("GET", "/api/nothing"));
  assertEquals(req.response.statusCode, 404);
});

test("Routing does not hand on what another routing of the chain captured", async () => {
  const { seen, note } = recorder();
  await run([{ "^/(?:a)/([0-9])": note("one") }, (req) => {
    req.value = "/b/2";
  }, { "/b/:x": note("two") }], fakeRequest("GET", "/a/1"));
  assertEquals(seen, [["one", "1", "1"], ["two", "2", "2"]]);
});

test("Routing goes by method, and answers 405 with Allow where only the method is wrong", async () => {
  const { seen, note } = recorder();
  const app = new Routing("PUT", { "/a": note("put") });
  app.get("/a", note("get")).post({ "/a": note("post") }).del("/a", note("del")).patch("/a", note("patch"));
  app.find("/a", note("find")).append("OPTIONS", { "/a": note("options") }).append("link", "/a", note("link"));
  app.append("UPPER", () => {}).all("/b", note("all"));
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "FIND", "OPTIONS", "LINK"]) {
    await run(app, fakeRequest(method, "/a"));
  }
  await run(app, fakeRequest("WHATEVER", "/b"));
  assertEquals(
    seen.map(([name]) => name),
    ["get", "get", "post", "put", "del", "patch", "find", "options", "link", "all"],
  );
  const req = await run(app, fakeRequest("TRACE", "/a"));
  assertEquals(req.response.statusCode, 405);
  assertEquals(req.response.firstHeader("allow"), "PUT, GET, HEAD, POST, DELETE, PATCH, FIND, OPTIONS, LINK");
});

test("Routing goes by host, and leaves the path for what is below", async () => {
  const { seen, note } = recorder();
  const app = new Routing();
  app.host({ "api.example.com": { "/a/:id": note("api") }, "*.example.com": { "/a/:id": note("any") } });
  app.host("[::1]", note("six")).append("host", "localhost", note("local")).all("/a/:id", note("other"));
  const hosts = ["API.example.com:8080", "www.example.com", "example.com", "[::1]:80", "localhost"];
  for (const host of hosts) await run(app, fakeRequest("GET", "/a/7", [["Host", host]]));
  await run(app, fakeRequest("GET", "/a/7", []));
  await run(app, fakeRequest("GET", "http://localhost:1/a/7", [["Host", "api.example.com"]]));
  assertEquals(seen, [
    ["api", "7", "7"],
    ["any", "7", "www", "7"],
    ["other", "7", "7"],
    ["six", "/a/7"],
    ["local", "/a/7"],
    ["other", "7", "7"],
    ["local", "/a/7"],
  ]);
});

test("Routing takes the rules of another, which is empty then", async () => {
  const { seen, note } = recorder();
  const source = new Routing({ "/a": note("a") });
  const app = new Routing().append(source).append(source).append({ "/b": note("b") });
  await run(app, fakeRequest("GET", "/a"));
  await run(app, fakeRequest("GET", "/b"));
  assertEquals(seen.map(([name]) => name), ["a", "b"]);
  assertEquals((await run(source, fakeRequest("GET", "/a"))).response.statusCode, 404);
});

test("Routing takes a prefix and a map for a mount, upper-case letters and a map for a method", async () => {
  const { seen, note } = recorder();
  const app = new Routing().append("/x", { "/y": note("mounted") }).append("POST", { "/y": note("posted") });
  await run(app, fakeRequest("GET", "/x/y"));
  await run(app, fakeRequest("POST", "/y"));
  assertEquals(seen.map(([name]) => name), ["mounted", "posted"]);
  assertThrows(() => new Routing("GET", "/x" as unknown as Record<string, never>), TypeError, "wanted an object");
});

test("Routing routes what is no HTTP request by its value", async () => {
  class Note implements Routable {
    params: readonly (string | undefined)[] = [];
    #ended = false;
    value: string;
    constructor(value: string) {
      this.value = value;
    }
    end(): void {
      this.#ended = true;
    }
    isEnded(): boolean {
      return this.#ended;
    }
  }
  const seen: unknown[] = [];
  const app = handler<Note>([
    (note) => {
      seen.push(note.value);
    },
    { "say/:what": (note, what) => seen.push(what, note.value), "bad": (): Response => new Response() },
  ] as HandlerLike<Note>);
  await invoke(app, new Note("say/50%"));
  assertEquals(seen, ["say/50%", "50%", "50%"]);
  await assertRejects(async () => await invoke(app, new Note("other")), RangeError, 'no pattern matches "other"');
  await assertRejects(async () => await invoke(app, new Note("bad")), TypeError, "no HTTP request");
});
