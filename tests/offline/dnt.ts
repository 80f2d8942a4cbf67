/**
 * Stands in for the types of `@deno/dnt` where JSR cannot be reached, so that `scripts/dnt.ts` type-checks there too.
 * It builds nothing.
 */

/** The options of dnt that the build uses. */
export interface BuildOptions {
  entryPoints: (string | { name: string; path: string })[];
  outDir: string;
  // deno-lint-ignore no-explicit-any -- the type that dnt has
  package: { name: string; version: string; [key: string]: any };
  shims: Record<string, never>;
  polyfills?: boolean;
  test?: boolean;
  scriptModule?: "cjs" | "umd" | false;
  declaration?: "inline" | "separate" | false;
  declarationMap?: boolean;
  esModule?: boolean;
  typeCheck?: "both" | "single" | false;
  skipSourceOutput?: boolean;
  skipNpmInstall?: boolean;
  importMap?: string;
  compilerOptions?: { lib?: ("ESNext" | "DOM" | "DOM.Iterable")[]; target?: "ES2022" | "ES2023" };
  postBuild?: () => void | Promise<void>;
}

/** Refuses: only the real one builds. */
export function build(_options: BuildOptions): Promise<void> {
  return Promise.reject(new Error("Cannot run dnt: JSR does not answer"));
}
