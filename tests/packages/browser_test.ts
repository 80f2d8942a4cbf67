// @runtimes deno
/** The bundles for browsers: without anything of Node, and at work in headless Chromium, in a page and in a worker. */

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Bundle, bundle, bundles } from "../../scripts/bundles.ts";
import { exists } from "../../scripts/manifest.ts";
import { pickTools, type Tool } from "../../scripts/tools.ts";
import { upgrade } from "../../mod.ts";
import { Server } from "../../src/http.ts";
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
  return told;
}
`;

const wanted = [
  ...[0, "chat", true, "Grüße", true, 1_000_000, true, "blob", "NotSupportedError", "NotSupportedError"],
  ...[4002, "asked for", true, "remote", "function", "WS_CONNECT_FAILED", 1006],
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
        "/ws": upgrade({ protocols: ["chat"] }, (conn) => {
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
