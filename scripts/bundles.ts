/**
 * What users of bundlers get: the built package bundled and minified with esbuild, beside what they would use otherwise.
 * Prints the sizes.
 *
 * Usage: deno task sizes
 */

import { join } from "node:path";
import { buildPackage } from "./build_npm.ts";
import { npmVersions, readManifest } from "./manifest.ts";
import { pickTools } from "./tools.ts";
import { install, withWorkshop } from "./workshop.ts";

/** One program to be bundled. */
export interface Bundle {
  /** What it is, for people. */
  name: string;
  /** Its source. */
  source: string;
  platform: "browser" | "node";
  /** In chunks: what is imported lazily stays out until it is wanted. */
  split?: boolean;
}

/** The programs whose sizes are printed. */
export const bundles: readonly Bundle[] = [
  {
    name: "@sockeye/ws, client only, for browsers: what a page loads",
    source: `export { Socket } from "@sockeye/ws";`,
    platform: "browser",
    split: true,
  },
  {
    name: "@sockeye/ws, client only, for browsers: in one file",
    source: `export { Socket } from "@sockeye/ws";`,
    platform: "browser",
  },
  {
    name: "@sockeye/ws, all of it, for browsers: in one file",
    source: `export * from "@sockeye/ws";`,
    platform: "browser",
  },
  {
    name: "@sockeye/ws/stream, for browsers: what a page loads",
    source: `export { WebSocketStream } from "@sockeye/ws/stream";`,
    platform: "browser",
    split: true,
  },
  {
    name: "@sockeye/ws/reconnecting, for browsers: what a page loads",
    source: `export { ReconnectingSocket } from "@sockeye/ws/reconnecting";`,
    platform: "browser",
    split: true,
  },
  {
    name: "@sockeye/ws/protocol, all of it, for browsers",
    source: `export * from "@sockeye/ws/protocol";`,
    platform: "browser",
  },
  { name: "partysocket/ws, for browsers", source: `export { default } from "partysocket/ws";`, platform: "browser" },
  {
    name: "@sockeye/ws, client only, for Node",
    source: `export { Socket } from "@sockeye/ws";`,
    platform: "node",
  },
  { name: "ws, WebSocket only, for Node", source: `export { WebSocket } from "ws";`, platform: "node" },
];

/** What came of bundling. */
export interface Bundled {
  /** The file to load first. */
  file: string;
  /** What it loads at once, itself among it. */
  files: string[];
  /** Modules that were left to the platform. */
  externals: string[];
}

/** The part of esbuild's report that is needed. */
interface Metafile {
  outputs: Record<string, { entryPoint?: string; imports: { path: string; kind: string; external?: boolean }[] }>;
}

/** Bundles with the esbuild that is installed in `folder`. Throws with what esbuild said when it fails. */
export async function bundle(folder: string, { source, platform, split = false }: Bundle): Promise<Bundled> {
  const input = `bundle-${crypto.randomUUID()}.mjs`;
  const output = join(folder, "out", input);
  await Deno.writeTextFile(join(folder, input), source);
  const { success, stderr } = await new Deno.Command(join(folder, "node_modules", ".bin", "esbuild"), {
    args: [
      ...[input, "--bundle", "--minify", "--format=esm", "--log-level=error", `--platform=${platform}`],
      ...[`--outdir=${output}`, `--metafile=${output}.json`, ...(split ? ["--splitting"] : [])],
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle ${source}\n${new TextDecoder().decode(stderr)}`);
  const { outputs }: Metafile = JSON.parse(await Deno.readTextFile(`${output}.json`));
  const first = Object.keys(outputs).find((path) => outputs[path]!.entryPoint === input)!;
  const loaded = new Set([first]);
  for (const path of loaded) {
    for (const { path: next, kind, external } of outputs[path]!.imports) {
      if (kind === "import-statement" && external !== true) loaded.add(next);
    }
  }
  const imports = Object.values(outputs).flatMap((output) => output.imports);
  return {
    file: join(folder, first),
    files: [...loaded].map((path) => join(folder, path)),
    externals: imports.filter(({ external }) => external).map(({ path }) => path),
  };
}

/** Bytes of files, as they are and compressed one by one. */
async function measure(files: readonly string[]): Promise<[plain: number, compressed: number]> {
  let plain = 0;
  let compressed = 0;
  for (const file of files) {
    const bytes = await Deno.readFile(file);
    plain += bytes.length;
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
    compressed += (await new Response(stream).bytes()).length;
  }
  return [plain, compressed];
}

async function main(): Promise<void> {
  const manifest = await readManifest();
  await withWorkshop(async (folder) => {
    const ws = npmVersions(manifest).get("ws")!;
    await install(folder, { ...pickTools("esbuild", "partysocket"), ws });
    await buildPackage(join(folder, "node_modules", ...manifest.name.split("/")));
    const row = (name: string, plain: unknown, compressed: unknown): void =>
      console.log(`${name.padEnd(56)} ${String(plain).padStart(9)} ${String(compressed).padStart(9)}`);
    row("bundle, minified", "bytes", "gzip");
    for (const each of bundles) row(each.name, ...await measure((await bundle(folder, each)).files));
  });
}

if (import.meta.main) {
  if (Deno.args.length > 0) {
    console.error(`Unknown option "${Deno.args[0]}"\nUsage: deno task sizes`);
    Deno.exit(2);
  }
  await main();
}
