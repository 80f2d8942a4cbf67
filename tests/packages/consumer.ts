/**
 * The npm package as its users get it: built, packed, and handed out by a registry of our own on this machine, to programs
 * in empty folders outside of the tree.
 *
 * ```
 *   buildPackage -> npm pack -> tarball -> registry (127.0.0.1) <- npm install, bun add, deno npm:
 * ```
 */

import { join } from "node:path";
import { buildPackage } from "../../scripts/build_npm.ts";
import { type Manifest, readManifest } from "../../scripts/manifest.ts";

/** What `npm pack` made. */
export interface Packed {
  manifest: Manifest;
  /** Where the built package lies. */
  package: string;
  /** The path of the tarball. */
  tarball: string;
}

/** Runs a program. Throws with all that it printed when it fails; otherwise resolves to what it printed on stdout. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", npm_config_loglevel: "error", npm_config_update_notifier: "false", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  if (success) return said;
  throw new Error(`${command} ${args.join(" ")}: exit code ${code}\n${said}${decoder.decode(stderr)}`);
}

/** Lets `work` use the packed package, and cleans up. */
export async function withPacked(work: (packed: Packed) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sockeye-packed-" }));
  try {
    const manifest = await readManifest();
    let built = Deno.env.get("SOCKEYE_NPM");
    if (built === undefined) {
      built = join(folder, "npm");
      await buildPackage(built);
    }
    const packed = JSON.parse(await run("npm", ["pack", "--json", "--pack-destination", folder], built));
    // A list of packages, or an object of them by name, as npm's version has it.
    const [{ filename }] = Object.values(packed) as { filename: string }[] as [{ filename: string }];
    await work({ manifest, package: built, tarball: join(folder, filename) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An empty folder outside of the tree, whose package managers take our scope from a registry of ours. */
export interface Consumer {
  folder: string;
  write(path: string, text: string): Promise<void>;
  run(command: string, ...args: readonly string[]): Promise<string>;
}

/** Makes the folder, lets `work` use it, and cleans up. */
export async function withConsumer(packed: Packed, work: (consumer: Consumer) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sockeye-consumer-" }));
  const registry = await serveRegistry(packed);
  const write = (path: string, text: string): Promise<void> => Deno.writeTextFile(join(folder, path), text);
  const scope = packed.manifest.name.split("/")[0];
  // What these keep of a package by its name and version would be that of an earlier build.
  const env = { DENO_DIR: join(folder, ".deno"), BUN_INSTALL_CACHE_DIR: join(folder, ".bun") };
  try {
    await write(".npmrc", `${scope}:registry=http://127.0.0.1:${registry.addr.port}/\n`);
    await work({ folder, write, run: (command, ...args) => run(command, args, folder, env) });
  } finally {
    await registry.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A registry that has one version of one package. */
async function serveRegistry({ manifest, package: built, tarball }: Packed): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const { name, version } = manifest;
  const bytes = await Deno.readFile(tarball);
  const data = JSON.parse(await Deno.readTextFile(join(built, "package.json")));
  const integrity = `sha512-${new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64()}`;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    if (url.pathname.endsWith(".tgz")) return new Response(bytes);
    if (decodeURIComponent(url.pathname) !== `/${name}`) return new Response("Not found", { status: 404 });
    const dist = { tarball: `${url.origin}/package.tgz`, integrity };
    return Response.json({
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { ...data, dist } },
      time: { [version]: "2020-01-01T00:00:00.000Z" },
    });
  });
}
