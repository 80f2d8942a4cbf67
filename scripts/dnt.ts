/**
 * Builds the npm package with dnt: the release build. Run by `build_npm.ts` in a process of its own, because a static
 * import of dnt needs JSR.
 *
 * Usage: deno run -A scripts/dnt.ts <folder>
 */

import { build } from "@deno/dnt";
import { join } from "node:path";
import { pick, readManifest, root } from "./manifest.ts";
import { dependencies, entryPoints, lib, target, typePackages } from "./package_data.ts";

const [outDir] = Deno.args;
if (outDir === undefined) {
  console.error("Usage: deno run -A scripts/dnt.ts <folder>");
  Deno.exit(2);
}

const manifest = await readManifest();

await build({
  entryPoints: entryPoints(manifest).map(({ name, path }) => ({ name, path: join(root, path) })),
  outDir,
  shims: {},
  // The oldest Node has all of them.
  polyfills: false,
  test: false,
  scriptModule: false,
  declaration: "inline",
  declarationMap: true,
  // Conditions and files are ours: build_npm.ts writes the package.json again when dnt is done.
  package: {
    name: manifest.name,
    version: manifest.version,
    dependencies: await dependencies(manifest),
    devDependencies: pick(manifest, typePackages),
  },
  compilerOptions: { lib: [...lib], target },
});

for (const left of ["node_modules", "package-lock.json", ".npmignore", join("esm", "package.json")]) {
  await Deno.remove(join(outDir, left), { recursive: true }).catch(() => {});
}
