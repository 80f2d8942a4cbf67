// @runtimes deno
/** The examples of mounts, each on its real runtime with the real framework, and one suite over all of them. */

import { dirname, join } from "node:path";
import { test } from "node:test";
import { buildPackage } from "../../scripts/build_npm.ts";
import { compileFolder } from "../../scripts/compile_tests.ts";
import { denoFlags } from "../../scripts/jsr.ts";
import { pick, readManifest, root } from "../../scripts/manifest.ts";
import { findRuntime, type RuntimeName } from "../../scripts/runtimes.ts";
import { install } from "../../scripts/workshop.ts";
import { serverCert, serverKey } from "../certs.ts";
import { type Abilities, checks, type Mounted } from "./suite.ts";

/** Our own protocol over the server's bytes. */
const bytes: Abilities = { pings: true, deflate: true, limits: true, fragments: true, post: 405 };
const deno: Abilities = { pings: false, deflate: false, limits: false, fragments: false, post: 400 };
const bun: Abilities = { pings: true, deflate: false, limits: false, fragments: false, post: 405 };

/** One example on one runtime. */
interface Mount {
  example: string;
  runtime: RuntimeName;
  page: string;
  can: Abilities;
  tls?: boolean;
}

const mounts: Mount[] = [
  { example: "http_server", runtime: "node20", page: "http.Server", can: bytes },
  { example: "http_server", runtime: "deno", page: "http.Server", can: bytes },
  { example: "http_server", runtime: "bun", page: "http.Server", can: bytes },
  { example: "node_http", runtime: "node20", page: "node:http", can: bytes },
  { example: "node_http", runtime: "node24", page: "node:http", can: bytes },
  { example: "node_http", runtime: "node24", page: "node:http", can: bytes, tls: true },
  { example: "node_http", runtime: "deno", page: "node:http", can: bytes },
  { example: "node_http", runtime: "bun", page: "node:http", can: bytes },
  { example: "express", runtime: "node20", page: "Express", can: bytes },
  { example: "fastify", runtime: "node20", page: "Fastify", can: bytes },
  { example: "koa", runtime: "node20", page: "Koa", can: bytes },
  { example: "hono_node", runtime: "node20", page: "Hono", can: bytes },
  { example: "vite", runtime: "node24", page: "Vite", can: bytes },
  { example: "deno_serve", runtime: "deno", page: "Deno.serve", can: deno },
  { example: "hono_deno", runtime: "deno", page: "Hono", can: deno },
  { example: "oak", runtime: "deno", page: "Oak", can: deno },
  { example: "bun_serve", runtime: "bun", page: "Bun.serve", can: bun },
  { example: "hono_bun", runtime: "bun", page: "Hono", can: bun },
  { example: "elysia", runtime: "bun", page: "Elysia", can: bun },
];

const frameworks = ["@hono/node-server", "elysia", "express", "fastify", "hono", "koa", "vite"];

const workshop = await Deno.realPath(await Deno.makeTempDir({ prefix: "sockeye-mounts-" }));
// Not `after` of node:test, which Deno does not call when the last test is filtered out.
globalThis.addEventListener("unload", () => Deno.removeSync(workshop, { recursive: true }));
const flags = await denoFlags();

let prepared: Promise<void> | undefined;

/** The frameworks, the package and the examples compiled, for Node and Bun. */
async function prepare(): Promise<void> {
  await install(workshop, pick(await readManifest(), frameworks));
  await buildPackage(join(workshop, "node_modules", "@sockeye", "ws"));
  await compileFolder(join(root, "examples", "mounts"), join(workshop, "examples", "mounts"));
  await Deno.writeTextFile(join(workshop, "cert.pem"), serverCert);
  await Deno.writeTextFile(join(workshop, "key.pem"), serverKey);
}

/** Starts an example, lets `work` use it, and ends it. */
async function running(
  { example, runtime, page, can, tls }: Mount,
  work: (mounted: Mounted) => Promise<void>,
): Promise<void> {
  await (prepared ??= prepare());
  const { path } = await findRuntime(runtime);
  const source = join("examples", "mounts", `${example}.ts`);
  const args = runtime === "deno"
    ? ["run", "-A", "--no-check", "--config", join(root, "deno.json"), ...flags, join(root, source)]
    : [join(workshop, source.replace(/ts$/, "js"))];
  if (tls) args.push(join(workshop, "cert.pem"), join(workshop, "key.pem"));
  const cwd = runtime === "deno" ? root : dirname(join(workshop, source));
  const child = new Deno.Command(path, { args, cwd, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
  try {
    const url = await firstLine(child.stdout);
    await work({
      url,
      page,
      can,
      interrupt: async () => {
        child.kill("SIGINT");
        return (await child.status).code;
      },
    });
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The example ended: ${text}`);
    text += value;
  }
  await reader.cancel();
  return text.slice(0, text.indexOf("\n"));
}

for (const mount of mounts) {
  const { example, runtime, tls } = mount;
  const name = `examples/mounts/${example}.ts${tls ? " with TLS" : ""} on ${runtime}`;
  test(name, async (t) => {
    await running(mount, async (mounted) => {
      for (const [what, check] of Object.entries(checks)) await t.test(what, () => check(mounted));
    });
  });
}
