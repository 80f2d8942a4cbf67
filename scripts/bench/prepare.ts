/** Makes the folder in which Bun and Node run the benchmarks: the built package, the peers, the programs compiled. */

import { join } from "node:path";
import { buildPackage } from "../build_npm.ts";
import { compileFolder } from "../compile_tests.ts";
import { pick, readManifest } from "../manifest.ts";
import { install } from "../workshop.ts";

/** Fills `folder`: the programs lie in `bench`, the packages in `node_modules`. */
export async function prepareBench(folder: string): Promise<void> {
  const manifest = await readManifest();
  await install(folder, pick(manifest, ["ws", "crossws", "srvx"]));
  await buildPackage(join(folder, "node_modules", ...manifest.name.split("/")));
  await compileFolder(import.meta.dirname!, join(folder, "bench"));
}
