// @runtimes deno
/** Every way into the packed package: npm, Bun and Deno install it in an empty folder, and a program runs. */

import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { root } from "../../scripts/manifest.ts";
import { type Consumer, withConsumer, withPacked } from "./consumer.ts";

/** The oldest Node that there is a promise for. */
const OLDEST_NODE = "20.19.0";

/** Echoes once through a server and a client, and looks whether the entry points have the names they should. */
const main = `
  async function main({ ws, http, protocol, testing, plain, plainHttp }) {
    const missing = [
      ...Object.keys(plain).filter((name) => !(name in ws)),
      ...Object.keys(plainHttp).filter((name) => !(name in http)),
    ];
    if (missing.length > 0) throw new Error("Not there: " + missing.join(", "));
    if (typeof protocol.Session !== "function" || typeof testing.memoryServer !== "function") throw new Error("Not there");
    const server = new http.Server({ port: 0, hostname: "127.0.0.1" }, {
      "/ws": ws.upgrade((conn) => {
        conn.onmessage = (event) => conn.send(event.data);
      }),
    });
    await server.start();
    const conn = new ws.Socket("ws://127.0.0.1:" + server.port + "/ws", { perMessageDeflate: true });
    conn.onopen = () => conn.send("Hello");
    conn.onmessage = (event) => {
      console.log(event.data);
      conn.close();
    };
    await new Promise((resolve) => conn.onclose = resolve);
    await server.close();
  }
`;

/** What the program imports from the package by name, and by file. */
const entries = { ws: "", http: "/http", protocol: "/protocol", testing: "/testing" };
const files = { plain: "mod", plainHttp: "src/http" };

/** Names and specifiers of all imports. */
function imports(entry: (path: string) => string, file: (path: string) => string): [name: string, from: string][] {
  return [
    ...Object.entries(entries).map(([name, path]): [string, string] => [name, entry(path)]),
    ...Object.entries(files).map(([name, path]): [string, string] => [name, file(path)]),
  ];
}

const byName = (path: string): string => `@sockeye/ws${path}`;
const installed = (path: string): string => `./node_modules/@sockeye/ws/esm/${path}.js`;

/** The program as an ECMAScript module. */
function esm(all: [name: string, from: string][]): string {
  const lines = all.map(([name, from]) => `import * as ${name} from ${JSON.stringify(from)};`);
  return `${lines.join("\n")}\n${main}\nawait main({ ${all.map(([name]) => name).join(", ")} });\n`;
}

/** The program as a CommonJS module. */
function cjs(all: [name: string, from: string][]): string {
  const required = all.map(([name, from]) => `${name}: require(${JSON.stringify(from)})`);
  return `${main}\nmain({ ${required.join(", ")} });\n`;
}

async function npmInstall(consumer: Consumer): Promise<void> {
  await consumer.write("package.json", "{}");
  await consumer.run("npm", "install", "--no-audit", "--no-fund", "@sockeye/ws");
  await consumer.write("main.mjs", esm(imports(byName, installed)));
  await consumer.write("main.cjs", cjs(imports(byName, installed)));
}

function executable(variable: string): string | undefined {
  return process.env[variable];
}

function skipWithout(variable: string): { skip?: string } {
  return executable(variable) === undefined ? { skip: `no ${variable}: run "deno task test"` } : {};
}

test("npm install, then import and require, on Node", skipWithout("SOCKEYE_NODE24"), async () => {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      await npmInstall(consumer);
      for (const program of ["main.mjs", "main.cjs"]) {
        assertEquals(await consumer.run(executable("SOCKEYE_NODE24")!, program), "Hello\n", program);
        assertEquals(await consumer.run("npx", "-y", "--prefer-offline", `node@${OLDEST_NODE}`, program), "Hello\n");
      }
    })
  );
});

test("bun add, then import and require, on Bun", skipWithout("SOCKEYE_BUN"), async () => {
  const bun = executable("SOCKEYE_BUN")!;
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      await consumer.write("package.json", "{}");
      await consumer.run(bun, "add", "@sockeye/ws");
      await consumer.write("main.ts", esm(imports(byName, installed)));
      await consumer.write("main.cjs", cjs(imports(byName, installed)));
      for (const program of ["main.ts", "main.cjs"]) assertEquals(await consumer.run(bun, program), "Hello\n", program);
    })
  );
});

const onDeno = ["run", "-A", "--no-lock", "--quiet", "main.mjs"];

test("npm:@sockeye/ws on Deno", async () => {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      const { name, version } = packed.manifest;
      const built = new URL(`file://${packed.package}/esm/`).href;
      const all = imports((path) => `npm:${name}@${version}${path}`, (path) => `${built}${path}.js`);
      // Deno looks for .npmrc beside its own file.
      await consumer.write("deno.json", "{}");
      await consumer.write("main.mjs", esm(all));
      assertEquals(await consumer.run(Deno.execPath(), ...onDeno), "Hello\n");
    })
  );
});

test("npm install, then import on Deno", async () => {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      await npmInstall(consumer);
      assertEquals(await consumer.run(Deno.execPath(), ...onDeno), "Hello\n");
    })
  );
});

test("the source on Deno, from elsewhere", async () => {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      const source = (path: string): string => new URL(path, `file://${root}/`).href;
      const aliases = Object.entries(packed.manifest.exports).map(([entry, path]) => [
        packed.manifest.name + entry.slice(1),
        source(path),
      ]);
      await consumer.write("deno.json", JSON.stringify({ imports: Object.fromEntries(aliases) }));
      await consumer.write("main.mjs", esm(imports(byName, (path) => source(`${path}.ts`))));
      assertEquals(await consumer.run(Deno.execPath(), ...onDeno), "Hello\n");
    })
  );
});
