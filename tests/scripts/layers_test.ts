// @runtimes deno
/** The check of the rooms sees each kind of fault, on small trees made for it, and passes what is allowed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { checkLayers, type Findings } from "../../scripts/layers.ts";

/** A tree without a fault, which the cases below change. */
const sound = {
  "mod.ts": 'export { server } from "./src/http/server.ts";\nexport { pick } from "./src/runtime/current.ts";\n',
  "src/http/server.ts": 'import { socket } from "../socket/socket.ts";\nexport const server = socket;\n',
  "src/socket/socket.ts": 'import { rule } from "../protocol/rule.ts";\nexport const socket = rule;\n',
  "src/socket/transport.ts": "export interface Transport { process: number }\n",
  "src/protocol/rule.ts": "export const rule: number = 1;\n",
  "src/runtime/node.ts":
    'import net from "node:net";\nimport { transport } from "./node_transport.ts";\nimport type { Transport } from "../socket/transport.ts";\nexport type T = Transport;\nnet;\ntransport;\n',
  "src/runtime/current.ts": 'export const pick = () => import("./node.ts");\n',
  "src/runtime/node_transport.ts": "export const transport = 1;\n",
};

function check(changes: Record<string, string> = {}): Findings {
  const doors = Object.keys(changes).map((file) => `import "./${file.replace("src/", "")}";\n`);
  const tree = { ...sound, "src/all.ts": doors.join(""), ...changes };
  const root = mkdtempSync(join(tmpdir(), "sockeye-layers-"));
  try {
    for (const [file, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkLayers(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const faults: [what: string, changes: Record<string, string>, wanted: string[]][] = [
  [
    "an upward arrow",
    { "src/protocol/up.ts": 'import { socket } from "../socket/socket.ts";\nsocket;\n' },
    ['src/protocol/up.ts:1: upward arrow: protocol must not import socket ("src/socket/socket.ts")'],
  ],
  [
    "an upward arrow of types",
    { "src/socket/up.ts": '\nimport type { S } from "../http/server.ts";\nexport type T = S;\n' },
    ['src/socket/up.ts:2: upward arrow: socket must not import http ("src/http/server.ts")'],
  ],
  [
    "an upward arrow in a re-export",
    { "src/http/up.ts": 'export * from "../runtime/node.ts";\n' },
    ['src/http/up.ts:1: upward arrow: http must not import runtime ("src/runtime/node.ts")'],
  ],
  [
    "an upward arrow in an import type",
    { "src/socket/up.ts": 'export type T = import("../http/server.ts").S;\n' },
    ['src/socket/up.ts:1: upward arrow: socket must not import http ("src/http/server.ts")'],
  ],
  [
    "a room that imports the front door",
    { "src/http/up.ts": 'import { pick } from "../../mod.ts";\npick;\n' },
    ['src/http/up.ts:1: upward arrow: http must not import front ("mod.ts")'],
  ],
  [
    "a circle",
    {
      "src/protocol/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;\n',
      "src/protocol/b.ts": 'import type { A } from "./a.ts";\nexport type B = A;\n',
    },
    ["circle: src/protocol/a.ts -> src/protocol/b.ts -> src/protocol/a.ts"],
  ],
  [
    "a runtime that imports another",
    { "src/runtime/bun.ts": 'import type { T } from "./node.ts";\nexport type U = T;\n' },
    ['src/runtime/bun.ts:1: "src/runtime/node.ts" is a neighbour: no file of runtime imports another but its transport, save src/runtime/current.ts'],
  ],
  [
    "a runtime that imports a value",
    { "src/runtime/bun.ts": 'import { socket } from "../socket/socket.ts";\nsocket;\n' },
    ['src/runtime/bun.ts:1: runtime may import types of socket only, and not values ("src/socket/socket.ts")'],
  ],
  [
    "a runtime that imports a value beside a type",
    { "src/runtime/bun.ts": 'import { type T, socket } from "../socket/socket.ts";\nsocket;\n' },
    ['src/runtime/bun.ts:1: runtime may import types of socket only, and not values ("src/socket/socket.ts")'],
  ],
  [
    "a runtime that imports from http",
    { "src/runtime/bun.ts": 'import type { S } from "../http/server.ts";\nexport type T = S;\n' },
    ['src/runtime/bun.ts:1: upward arrow: runtime must not import http ("src/http/server.ts")'],
  ],
  [
    "a package in a room that must be pure",
    { "src/protocol/zip.ts": 'import zlib from "node:zlib";\nzlib;\n' },
    ['src/protocol/zip.ts:1: protocol must not import "node:zlib": only its own files'],
  ],
  [
    "a file that is not there",
    { "src/http/lost.ts": 'import "./gone.ts";\n' },
    ['src/http/lost.ts:1: "src/http/gone.ts" is not a file of the library'],
  ],
  [
    "a room nobody has named",
    { "src/cellar/x.ts": 'import "../protocol/rule.ts";\n' },
    [
      'src/all.ts:1: upward arrow: front must not import cellar ("src/cellar/x.ts")',
      'src/cellar/x.ts:1: "src/cellar" is not a room: the rooms are front, runtime, http, socket, protocol',
    ],
  ],
  [
    "a global of a runtime",
    { "src/socket/env.ts": "export const pid = globalThis.process.pid;\n" },
    ['src/socket/env.ts:1: socket must not know "process"'],
  ],
  [
    "a timer in the protocol",
    { "src/protocol/late.ts": "setTimeout(() => {}, 1);\n" },
    ['src/protocol/late.ts:1: protocol must not know "setTimeout"'],
  ],
  [
    "a file that nobody imports",
    { "src/all.ts": "", "src/protocol/dead.ts": "export {};\n" },
    ["src/protocol/dead.ts: no front door reaches it"],
  ],
  [
    "a file that is too long",
    { "src/protocol/long.ts": "\n".repeat(451) },
    ["src/protocol/long.ts: 451 lines, wanted 400 or fewer"],
  ],
];

test("checkLayers() passes a sound tree", () => {
  assertEquals(check(), { files: 9, faults: [], notes: [] });
});

for (const [what, changes, wanted] of faults) {
  test(`checkLayers() sees ${what}`, () => {
    assertEquals(check(changes).faults, wanted);
  });
}

test("checkLayers() notes a file that is getting long", () => {
  const { faults, notes } = check({ "src/protocol/long.ts": "\n".repeat(401) });
  assertEquals(faults, []);
  assertEquals(notes, ["src/protocol/long.ts: 401 lines, wanted 400 or fewer"]);
});

test("checkLayers() refuses a folder without a library", () => {
  const root = mkdtempSync(join(tmpdir(), "sockeye-layers-"));
  try {
    assertThrows(() => checkLayers(root), Error, "no mod.ts and no src");
  } finally {
    rmSync(root, { recursive: true });
  }
});
