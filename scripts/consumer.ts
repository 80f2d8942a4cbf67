/**
 * Checks the npm package as its users meet it: builds it with tsc, then type-checks a program that imports every entry
 * point, by the rules of Node, with the types of Node and without those of a browser.
 */

import { join } from "node:path";
import ts from "typescript";
import { buildPackage } from "./build_npm.ts";
import { pick, readManifest } from "./manifest.ts";
import { entryPoints } from "./package_data.ts";
import { complain } from "./tsc.ts";
import { install, withWorkshop } from "./workshop.ts";

/** What there is to complain about; nothing when all is well. */
export async function checkConsumer(): Promise<string> {
  const manifest = await readManifest();
  return await withWorkshop(async (folder) => {
    await install(folder, pick(manifest, ["@types/node"]));
    try {
      await buildPackage(join(folder, "node_modules", ...manifest.name.split("/")), "tsc");
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const program = join(folder, "consumer.ts");
    const imports = entryPoints(manifest).map(({ name }) => `import "${manifest.name}${name.slice(1)}";\n`);
    await Deno.writeTextFile(program, imports.join(""));
    return typeCheck(folder, program);
  });
}

function typeCheck(folder: string, program: string): string {
  const { options } = ts.convertCompilerOptionsFromJson({
    exactOptionalPropertyTypes: true,
    lib: ["ES2023"],
    module: "nodenext",
    noEmit: true,
    noUncheckedSideEffectImports: true,
    skipLibCheck: false,
    strict: true,
    target: "ES2022",
    typeRoots: [join(folder, "node_modules", "@types")],
    types: ["node"],
  }, folder);
  return complain(ts.getPreEmitDiagnostics(ts.createProgram([program], options)), folder);
}
