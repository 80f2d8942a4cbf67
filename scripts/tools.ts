/** The npm packages that only tests and measurements need, each with the version that is used. */

/** Versions by name. */
export const tools = {
  "@arethetypeswrong/cli": "0.18.5",
  "bun-types": "1.4.5",
  "esbuild": "0.28.2",
  "partysocket": "1.3.0",
  "playwright-core": "1.65.1",
  "publint": "0.3.25",
} as const;

/** The compilers whose users the types must serve. */
export const typescripts = ["5.9.3", "7.0.2"] as const;

/** The name of a tool. */
export type Tool = keyof typeof tools;

/** Some tools, as dependencies of a `package.json`. */
export function pickTools(...names: readonly Tool[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, tools[name]]));
}
