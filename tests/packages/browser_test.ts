// @runtimes deno
/** The bundles for browsers: without anything of Node, and at work in headless Chromium, in a page and in a worker. */

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type Bundle, bundle, bundles } from "../../scripts/bundles.ts";
import { exists } from "../../scripts/manifest.ts";
import { pickTools, type Tool } from "../../scripts/tools.ts";
import { upgrade } from "../../mod.ts";
import { Server } from "../../src/http.ts";
import { combinations } from "../interop/deflate_talk.ts";
import { type Consumer, withConsumer, withPacked } from "./consumer.ts";

const chromium = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

const options = await exists(chromium) ? {} : { skip: `no ${chromium}: install Debian's package chromium` };

async function installed(
  work: (consumer: Consumer) => Promise<void>,
  ...tools: Tool[]
): Promise<void> {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      const { name, version } = packed.manifest;
      await consumer.write(
        "package.json",
        JSON.stringify({ type: "module", dependencies: { [name]: version, ...pickTools(...tools) } }),
      );
      await consumer.run("npm", "install", "--no-audit", "--no-fund");
      await work(consumer);
    })
  );
}

test("the bundles for browsers import nothing", async () => {
  await installed(async ({ folder }) => {
    for (const each of bundles) {
      if (each.platform !== "browser" || !each.name.startsWith("@sockeye")) continue;
      const { externals } = await bundle(folder, each);
      assertEquals(externals, [], each.name);
    }
  }, "esbuild");
});

/** What the page and the worker do; its last message says how it went. */
const inBrowser = `
import { BINARY, Socket } from "@sockeye/ws";
import { Session } from "@sockeye/ws/protocol";
import { ReconnectingSocket } from "@sockeye/ws/reconnecting";
import { WebSocketStream } from "@sockeye/ws/stream";

async function talk(url) {
  const told = [];
  const conn = new Socket(url, { protocols: ["chat"], maxPayload: 2_000_000, perMessageDeflate: true });
  told.push(conn.readyState);
  await new Promise((resolve, reject) => {
    conn.onopen = resolve;
    conn.onerror = (event) => reject(event.error);
  });
  told.push(conn.protocol, conn.url === url);
  const next = () => new Promise((resolve) => conn.once("message", resolve));
  conn.send("Grüße");
  told.push((await next()).data);
  const bytes = new Uint8Array(1_000_000).map((_, at) => at);
  conn.send(bytes);
  const event = await next();
  told.push(event.opcode === BINARY, event.data.length, event.data.every((byte, at) => byte === bytes[at]));
  conn.binaryType = "blob";
  conn.send(new Blob(["blob"]));
  told.push(await (await next()).data.text());
  for (const refused of [() => conn.ping(), () => new Socket(url, { headers: {} })]) {
    try {
      refused();
      told.push("not refused");
    } catch (error) {
      told.push(error.name);
    }
  }
  const closed = new Promise((resolve) => conn.onclose = resolve);
  conn.send("close me");
  const { code, reason, wasClean, initiator } = await closed;
  told.push(code, reason, wasClean, initiator, typeof Session);
  const failed = new Socket(url.replace("/ws", "/nowhere"));
  failed.onerror = (event) => told.push(event.error.code);
  await new Promise((resolve) => failed.onclose = (event) => resolve(told.push(event.code)));
  const stream = new WebSocketStream(url, { protocols: ["chat"] });
  const { readable, writable, protocol } = await stream.opened;
  await writable.getWriter().write("streamed");
  told.push(protocol, (await readable.getReader().read()).value);
  stream.close({ closeCode: 3000 });
  told.push((await stream.closed).closeCode);
  const again = new ReconnectingSocket(() => again.attempts === 1 ? url.replace("/ws", "/nowhere") : url, { minDelay: 1 });
  again.send("kept");
  told.push((await new Promise((resolve) => again.onmessage = resolve)).data, again.attempts);
  await again[Symbol.asyncDispose ?? "close"]();
  return told;
}
`;

const wanted = [
  ...[0, "chat", true, "Grüße", true, 1_000_000, true, "blob", "NotSupportedError", "NotSupportedError"],
  ...[4002, "asked for", true, "remote", "function", "WS_CONNECT_FAILED", 1006],
  ...["chat", "streamed", 3000, "kept", 2],
];

/** Opens a page in Chromium, and prints what the page and its worker told. */
const driver = `
import { chromium } from "playwright-core";
const [executablePath, url] = process.argv.slice(2);
setTimeout(() => {
  console.error("No answer of the page within a minute");
  process.exit(1);
}, 60_000).unref();
const browser = await chromium.launch({
  executablePath,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  page.on("console", (message) => console.error(message.text()));
  await page.goto(url);
  console.log(JSON.stringify(await page.evaluate(() => globalThis.told)));
} finally {
  await browser.close();
}
`;

const page: Bundle = {
  name: "the page",
  source: `${inBrowser}
    const url = location.href.replace("http", "ws") + "ws";
    const worker = new Worker("/worker.js", { type: "module" });
    const inWorker = new Promise((resolve) => worker.onmessage = (event) => resolve(event.data));
    worker.postMessage(url);
    globalThis.told = Promise.all([talk(url), inWorker]);
  `,
  platform: "browser",
};
const worker: Bundle = {
  name: "the worker",
  source: `${inBrowser}
    onmessage = async ({ data }) => {
      try {
        postMessage(await talk(data));
      } catch (error) {
        postMessage(String(error));
      }
    };
  `,
  platform: "browser",
};

test("a Socket in a page and in a worker of Chromium drives their WebSocket, against our server", options, async () => {
  await installed(
    async (consumer) => {
      const [pageFile, workerFile] = await Promise.all([page, worker].map((each) => bundle(consumer.folder, each)));
      const script = async ({ file }: { file: string }): Promise<Response> =>
        new Response(await Deno.readTextFile(file), { headers: { "content-type": "text/javascript" } });
      const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
        "/": () =>
          new Response(`<!doctype html><script type="module" src="/page.js"></script>`, {
            headers: { "content-type": "text/html" },
          }),
        "/page.js": () => script(pageFile!),
        "/worker.js": () => script(workerFile!),
        "/ws": upgrade({ protocols: ["chat"], perMessageDeflate: true }, (conn) => {
          conn.onmessage = ({ data }) => {
            if (data === "close me") conn.close(4002, "asked for");
            else conn.send(data);
          };
        }),
      });
      await server.start();
      try {
        await consumer.write("driver.mjs", driver);
        const told = JSON.parse(await consumer.run("node", "driver.mjs", chromium, `http://127.0.0.1:${server.port}/`));
        assertEquals(told, [wanted, wanted]);
      } finally {
        await server.close({ deadline: 1000 });
      }
    },
    "esbuild",
    "playwright-core",
  );
});

/** What a page does with the browser's own WebSocket: it checks each echo, and tells what was agreed on. */
const compressing = `
async function converse(url) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("No connection: " + url));
  });
  const record = JSON.stringify(Array.from({ length: 30 }, (_, id) => ({ id, name: "user " + id, tags: ["a", "b"] })));
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const messages = ["Hello", "Hello", "", record, record, noise, new Uint8Array(0), "Grüße, 世界 ".repeat(30_000), record];
  const same = (data, sent) => typeof sent === "string"
    ? data === sent
    : data.byteLength === sent.length && new Uint8Array(data).every((byte, at) => byte === sent[at]);
  let right = 0;
  const all = new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      if (same(data, messages[right])) right++;
      else reject(new Error("Message " + right + " came back otherwise"));
      if (right === messages.length) resolve();
    };
    socket.onclose = ({ code }) => reject(new Error("Closed with " + code));
  });
  for (const message of messages) socket.send(message);
  await all;
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close(1000);
  return [socket.extensions, right, (await closed).code];
}
const base = location.href.replace("http", "ws") + "ws/";
globalThis.told = (async () => {
  const told = [];
  for (let number = 0; number < COUNT; number++) told.push(await converse(base + number));
  return told;
})();
`;

test("Chromium and our server compress for each other, with every combination of parameters", options, async () => {
  /** How what Chromium sent came. */
  const seen = { compressed: 0, plain: 0 };
  const handlers = combinations.map((perMessageDeflate) =>
    upgrade({ perMessageDeflate }, (conn) => {
      conn.onmessage = ({ data, compress }) => {
        seen[compress ? "compressed" : "plain"]++;
        conn.send(data, { compress: true });
      };
    })
  );
  await installed(async (consumer) => {
    const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
      "/": () =>
        new Response(`<!doctype html><script>${compressing.replace("COUNT", String(combinations.length))}</script>`, {
          headers: { "content-type": "text/html; charset=utf-8" },
        }),
      "/ws/:number": (_: unknown, number: string) => handlers[Number(number)],
    });
    await server.start();
    try {
      await consumer.write("driver.mjs", driver);
      const told = JSON.parse(await consumer.run("node", "driver.mjs", chromium, `http://127.0.0.1:${server.port}/`));
      // Chromium offers "permessage-deflate; client_max_window_bits", and so takes whatever the server asks for.
      assertEquals(
        told,
        combinations.map((asked) => {
          const answer = [
            "permessage-deflate",
            ...asked.serverNoContextTakeover ? ["server_no_context_takeover"] : [],
            ...asked.clientNoContextTakeover ? ["client_no_context_takeover"] : [],
            ...asked.serverMaxWindowBits === undefined ? [] : [`server_max_window_bits=${asked.serverMaxWindowBits}`],
            ...asked.clientMaxWindowBits === undefined ? [] : [`client_max_window_bits=${asked.clientMaxWindowBits}`],
          ];
          return [answer.join("; "), 9, 1000];
        }),
      );
      assertEquals(seen.compressed + seen.plain, 9 * combinations.length);
      // It decides for itself which messages are worth it; text that repeats always is.
      assert(seen.compressed >= 4 * combinations.length, JSON.stringify(seen));
    } finally {
      await server.close({ deadline: 1000 });
    }
  }, "playwright-core");
});
