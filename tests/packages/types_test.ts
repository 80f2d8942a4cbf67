// @runtimes deno
/** The types of the packed package, as the compilers of its users read them, strictly and with nothing skipped. */

import { join } from "node:path";
import { test } from "node:test";
import { pick } from "../../scripts/manifest.ts";
import { pickTools, typescripts } from "../../scripts/tools.ts";
import { type Consumer, withConsumer, withPacked } from "./consumer.ts";

const program = `
import {
  type BaseMessage,
  type BaseSocket,
  type CloseEvent,
  connect,
  type Data,
  type ErrorCode,
  Handler,
  Message,
  Socket,
  type SocketOptions,
  TEXT,
  upgrade,
  WebSocketError,
} from "@sockeye/ws";
import * as browser from "@sockeye/ws/browser";
import * as bun from "@sockeye/ws/bun";
import * as deno from "@sockeye/ws/deno";
import { Client, type HttpRequest, Routing, Server } from "@sockeye/ws/http";
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
/** True only where both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <T extends true>(): T | void => {};

// Each manner of listening is typed by the event, and \`this\` is the socket.
socket.on("message", function (event) {
  same<Same<typeof event.data, Data>>();
  same<Same<typeof event.opcode, number>>();
  same<Same<typeof event.message, BaseMessage>>();
  this.send(event.data);
});
socket.once("error", (event) => void same<Same<typeof event.error, WebSocketError>>());
socket.prependListener("close", (event) => void same<Same<typeof event.initiator, "local" | "remote" | "none">>());
socket.addEventListener("message", (event) => void same<Same<typeof event.compress, boolean>>());
socket.on({ message: (event) => void same<Same<typeof event.data, Data>>(), open: ({ type }) => console.log(type) });
socket.onclose = function (event) {
  same<Same<typeof event.code, number>>();
  same<Same<typeof event.reason, string>>();
  console.log(this.url);
};
socket.on("ping", (event) => void same<Same<typeof event.data, Uint8Array>>());
same<Same<typeof socket.readyState, 0 | 1 | 2 | 3>>();
same<Same<ReturnType<typeof socket.send>, boolean>>();
same<Same<ReturnType<typeof socket.ref>, Socket>>();
upgrade((conn, req) => {
  same<Same<typeof conn, BaseSocket>>();
  same<Same<typeof req, HttpRequest>>();
  conn.on("message", (event) => void same<Same<typeof event.data, Data>>());
});

// All forms of the constructors and functions.
export const forms: readonly (() => unknown)[] = [
  () => [new Socket("ws://a/"), new Socket(new URL("ws://a/"), "b"), new Socket("ws://a/", ["b"], "http://c")],
  () => [new Message(), new Message(TEXT), new Message(TEXT, true, false, 1024)],
  () => [upgrade(() => {}), upgrade({ perMessageDeflate: true }, async () => {}), new Handler((v) => void v.response.json(1))],
  () => [connect("ws://a/"), connect("ws://a/", "http://b"), connect(new URL("ws://a/"), { origin: "http://b" })],
  () => [new Server(8080, () => {}), new Server({ path: "/a" }, [() => {}]), new Server(0, { "/": () => {} })],
  () => [new Routing("GET", { "/:a": (_req, a) => void same<Same<typeof a, string>>() }), new Client({ maxRedirects: 0 })],
  () => new Socket("ws://a/", { httpClient: new Client() }),
];
// @ts-expect-error No number is an option.
new Socket("ws://a/", { maxPayload: "1" });
// @ts-expect-error A message has no such event.
socket.on("message", (event) => event.wasClean);
// @ts-expect-error An origin is a text.
new Socket("ws://a/", "b", 5);
// @ts-expect-error A reason is a text.
socket.close(1000, 5);
// @ts-expect-error It cannot be set.
socket.readyState = 1;
// @ts-expect-error There is no such option.
upgrade({ protocol: ["a"] }, () => {});
// @ts-expect-error Bytes or text.
socket.ping(5);
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
