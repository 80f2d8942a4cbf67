// @runtimes deno
/** The types of the packed package, as the compilers of its users read them, strictly and with nothing skipped. */

import { join } from "node:path";
import { test } from "node:test";
import { pick } from "../../scripts/manifest.ts";
import { pickTools, typescripts } from "../../scripts/tools.ts";
import { type Consumer, withConsumer, withPacked } from "./consumer.ts";

const program = `
import { type CloseEvent, type ErrorCode, Message, Socket, type SocketOptions, TEXT, upgrade, WebSocketError } from "@sockeye/ws";
import * as browser from "@sockeye/ws/browser";
import * as bun from "@sockeye/ws/bun";
import * as deno from "@sockeye/ws/deno";
import { type HttpRequest, Routing, Server } from "@sockeye/ws/http";
import { mount as mountBun } from "@sockeye/ws/mount/bun";
import { mount as mountDeno } from "@sockeye/ws/mount/deno";
import * as node from "@sockeye/ws/node";
import { Session, type SessionEvents } from "@sockeye/ws/protocol";
import { memoryServer } from "@sockeye/ws/testing";

const options: SocketOptions = { protocols: ["chat"], headers: { a: "b" }, binaryType: "arraybuffer", maxPayload: 1024 };
export const socket: Socket = new Socket("ws://127.0.0.1/", options);
socket.onmessage = (event) => {
  const data: string | Uint8Array | ArrayBuffer | Blob = event.data;
  if (event.opcode === TEXT) socket.send(data);
};
socket.on("close", (event) => {
  const { code, wasClean }: CloseEvent = event;
  console.log(code.toFixed(), wasClean === true);
});
socket.onerror = (event) => {
  const code: ErrorCode = event.error.code;
  if (event.error instanceof WebSocketError) console.log(code);
};
const time: Promise<number> = socket.ping();
export const server: Server = new Server({ port: 0 }, [
  (req: HttpRequest) => console.log(req.address, req.headers.get("host")),
  new Routing({
    "/ws": upgrade({ protocols: ["chat"] }, async (conn, req) => {
      conn.send(new Message(TEXT));
      console.log(req.method, await time);
    }),
  }),
]);
export const session = (events: SessionEvents): Session => new Session("client", events);
export const lent: Promise<AsyncDisposable> = memoryServer({});
export const response: Promise<Response> = mountDeno({}).fetch(new Request("http://localhost/"));
export const { fetch, websocket } = mountBun({ "/ws": upgrade(() => {}) }, { perMessageDeflate: true });
export const doors = [browser.Socket, bun.Socket, deno.Socket, node.Socket];
// @ts-expect-error No number is a URL.
new Socket(5);
// @ts-expect-error There is no such event.
socket.on("nothing", () => {});
// @ts-expect-error There is no such option.
new Server({ prot: 1 }, {});
`;

/** What only compiles where the types of a runtime's own servers are. */
const onRuntime: Readonly<Record<string, string>> = {
  Node: `
import { createServer } from "node:http";
import { mount } from "@sockeye/ws/mount/node";
const mounted = mount({});
export const nodeServer = createServer(mounted.request).on("upgrade", mounted.upgrade);
`,
  Bun: `
export const bunServer = Bun.serve({ port: 0, fetch, websocket });
`,
};

/** Where a program runs: the types and the libraries that its compiler knows of, and how it resolves. */
interface Place {
  types: string[];
  lib: string[];
  packages: string[];
  resolutions: ("nodenext" | "bundler")[];
}

const places: Record<string, Place> = {
  Node: { types: ["node"], lib: ["ES2023"], packages: ["@types/node"], resolutions: ["nodenext", "bundler"] },
  Bun: { types: ["bun-types"], lib: ["ESNext"], packages: ["bun-types"], resolutions: ["bundler"] },
  browsers: {
    types: [],
    lib: ["ES2023", "DOM", "DOM.Iterable", "ESNext.Disposable"],
    packages: [],
    resolutions: ["bundler"],
  },
};

async function compile(consumer: Consumer, place: string): Promise<void> {
  const { types, lib, resolutions } = places[place]!;
  for (const moduleResolution of resolutions) {
    const module = moduleResolution === "bundler" ? "esnext" : moduleResolution;
    await consumer.write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
          ...{ target: "ES2022", noEmit: true, noUncheckedSideEffectImports: true },
          ...{ module, moduleResolution, types, lib },
        },
        files: ["main.ts"],
      }),
    );
    await Promise.all(typescripts.map((version) => {
      return consumer.run("node", join("node_modules", `typescript-${version}`, "bin", "tsc"), "-p", ".");
    }));
  }
}

for (const [place, { packages, resolutions }] of Object.entries(places)) {
  test(`TypeScript ${typescripts.join(" and ")}, for ${place}: ${resolutions.join(" and ")}`, async () => {
    await withPacked((packed) =>
      withConsumer(packed, async (consumer) => {
        const known: Record<string, string> = { ...pick(packed.manifest, ["@types/node"]), ...pickTools("bun-types") };
        const compilers = typescripts.map((version) => [`typescript-${version}`, `npm:typescript@${version}`]);
        await consumer.write(
          "package.json",
          JSON.stringify({
            type: "module",
            dependencies: {
              [packed.manifest.name]: packed.manifest.version,
              ...Object.fromEntries(packages.map((name) => [name, known[name]!])),
              ...Object.fromEntries(compilers),
            },
          }),
        );
        await consumer.run("npm", "install", "--no-audit", "--no-fund");
        await consumer.write("main.ts", program + (onRuntime[place] ?? ""));
        await compile(consumer, place);
      })
    );
  });
}
