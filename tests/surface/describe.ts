/** What a module exports, in words that can be compared: of a class its members, of a constant its value. */

/** Describes a value that a module exports: a class by its members, those that are static with a dot before them. */
export function describe(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return JSON.stringify(value);
  if (typeof value !== "function") return typeof value;
  if (!/^class\b/.test(Function.prototype.toString.call(value))) return `function of ${value.length}`;
  const members = new Set<string>();
  for (let each: unknown = value; typeof each === "function" && each !== Function.prototype && each !== Error;) {
    for (const name of Object.getOwnPropertyNames(each)) if (!HIDDEN.has(name)) members.add(`.${name}`);
    each = Object.getPrototypeOf(each);
  }
  const { prototype } = value as { prototype: object };
  for (
    let each = prototype;
    each !== Object.prototype && each !== Error.prototype;
    each = Object.getPrototypeOf(each)
  ) {
    for (const name of Object.getOwnPropertyNames(each)) if (name !== "constructor") members.add(name);
  }
  return `class with ${[...members].sort().join(" ")}`;
}

/** What all functions have. */
const HIDDEN: ReadonlySet<string> = new Set(["length", "name", "prototype", "caller", "arguments"]);

/** All that a module exports. */
export function describeAll(module: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.keys(module).sort().map((name) => [name, describe(module[name])]));
}

/** Names in alphabetical order, those with the same first letter in one line. */
export function inLines(names: Iterable<string>): string[] {
  const lines = new Map<string, string[]>();
  for (const name of [...new Set(names)].sort()) lines.set(name[0]!, [...lines.get(name[0]!) ?? [], name]);
  return [...lines.values()].map((line) => line.join(" "));
}
