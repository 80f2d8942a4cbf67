/**
 * Builds the npm package with the TypeScript compiler, in the layout of dnt, for machines that cannot reach JSR.
 *
 * ```
 *   mod.ts, src/**.ts --+-- copied --> out/src/      (what the declaration maps point at)
 *                       `-- tsc -----> out/esm/      (.js, .d.ts, .d.ts.map)
 * ```
 */

import { dirname, join } from "node:path";
import ts from "typescript";
import { type Manifest, pick, root } from "./manifest.ts";
import { dependencies, lib, sources, target, typePackages } from "./package_data.ts";
import { install, withWorkshop } from "./workshop.ts";

/** Compiles the package into `outDir`. Throws with all that the compiler has to say when it does not type-check. */
export async function buildWithTsc(manifest: Manifest, outDir: string): Promise<void> {
  const files = await sources();
  for (const file of files) {
    await Deno.mkdir(dirname(join(outDir, "src", file)), { recursive: true });
    await Deno.copyFile(join(root, file), join(outDir, "src", file));
  }
  await withWorkshop(async (workshop) => {
    await install(workshop, { ...pick(manifest, typePackages), ...await dependencies(manifest) });
    compile(join(outDir, "src"), files, compilerOptions(manifest, outDir, workshop));
  });
}

function compilerOptions(manifest: Manifest, outDir: string, workshop: string): ts.CompilerOptions {
  const { options, errors } = ts.convertCompilerOptionsFromJson({
    ...manifest.compilerOptions,
    declaration: true,
    declarationMap: true,
    lib,
    module: "esnext",
    moduleResolution: "bundler",
    outDir: join(outDir, "esm"),
    paths: { "*": [join(workshop, "node_modules", "*")] },
    rewriteRelativeImportExtensions: true,
    rootDir: join(outDir, "src"),
    skipLibCheck: true,
    target,
    typeRoots: [join(workshop, "node_modules", "@types")],
    types: typePackages.map((name) => name.slice("@types/".length)),
  }, root);
  fail(errors);
  return options;
}

function compile(folder: string, files: readonly string[], options: ts.CompilerOptions): void {
  const program = ts.createProgram(files.map((file) => join(folder, file)), options);
  fail(ts.getPreEmitDiagnostics(program), folder);
  const { diagnostics, emitSkipped } = program.emit(undefined, (file, text, byteOrderMark) => {
    ts.sys.writeFile(file, file.endsWith(".d.ts") ? nameOutputs(text) : text, byteOrderMark);
  });
  fail(diagnostics, folder);
  if (emitSkipped) throw new Error("Cannot build the package: the compiler emitted nothing");
}

/** Declarations name the sources they import; here they name the outputs, as dnt has it. Columns stay the same. */
function nameOutputs(declarations: string): string {
  return declarations.replace(/(\b(?:from|import)\s*\(?\s*"\.{1,2}\/[^"\n]+)\.ts"/g, '$1.js"');
}

function fail(diagnostics: readonly ts.Diagnostic[], folder: string = root): void {
  if (diagnostics.length === 0) return;
  throw new Error(`Cannot compile the package: ${diagnostics.length} errors\n${complain(diagnostics, folder)}`);
}

/** What the compiler has to say, with paths from `folder`. */
export function complain(diagnostics: readonly ts.Diagnostic[], folder: string): string {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => folder,
    getNewLine: () => "\n",
  }).trimEnd();
}
