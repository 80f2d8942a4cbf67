/**
 * Checks the rooms of the library: reads the imports of `mod.ts` and `src` and fails on an arrow that points upward,
 * a circle, a file that no front door reaches, and a file that has grown too long.
 *
 * ```
 *   front (mod.ts, src/*.ts) --> runtime (types of socket and protocol only; x.ts --> x_transport.ts; current.ts picks)
 *     |--------------------> http --> socket --> protocol (nothing outside itself)
 * ```
 *
 * Usage: deno run -A scripts/layers.ts [root]
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** What a room may import. `types`: only with `import type`. `externals`: packages and `node:` modules. */
interface Room {
  values: readonly string[];
  types: readonly string[];
  externals: boolean;
}

const rooms: Record<string, Room> = {
  front: { values: ["front", "http", "socket", "protocol", "runtime"], types: [], externals: true },
  runtime: { values: [], types: ["socket", "protocol"], externals: true },
  http: { values: ["http", "socket", "protocol"], types: [], externals: false },
  socket: { values: ["socket", "protocol"], types: [], externals: false },
  protocol: { values: ["protocol"], types: [], externals: false },
};

/** The one file of `runtime` that knows the others. */
const picker = "src/runtime/current.ts";

/** Globals that only some runtimes have: for `runtime` and the front doors. */
const runtimeGlobals = ["Buffer", "Bun", "Deno", "process", "require"];

/** What brings time and streams with it: not for `protocol`. */
const liveGlobals = [
  ...["EventTarget", "MessageEvent", "ReadableStream", "TransformStream", "WritableStream"],
  ...["queueMicrotask", "setImmediate", "setInterval", "setTimeout"],
];

const longFile = 400;
const tooLongFile = 450;

/** One import of a file. */
interface Arrow {
  from: string;
  /** The path from the root, or the specifier of what is not a file of ours. */
  to: string;
  external: boolean;
  typeOnly: boolean;
  line: number;
}

/** What was found: `faults` fail the check, `notes` do not. */
export interface Findings {
  /** Files that were read. */
  files: number;
  /** One line for each broken rule. */
  faults: string[];
  /** One line for each file that is getting long. */
  notes: string[];
}

/** Checks the tree under `root`. Throws when it has neither `mod.ts` nor `src`. */
export function checkLayers(root: string): Findings {
  const files = list(root);
  if (files.length === 0) throw new Error(`Cannot check the layers of "${root}": no mod.ts and no src`);
  const found: Findings = { files: files.length, faults: [], notes: [] };
  const arrows: Arrow[] = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    arrows.push(...readArrows(file, source));
    found.faults.push(...checkGlobals(file, source));
    checkLength(file, text, found);
  }
  for (const arrow of arrows) {
    const fault = judge(arrow, files);
    if (fault !== undefined) found.faults.push(`${arrow.from}:${arrow.line}: ${fault}`);
  }
  found.faults.push(...circles(files, arrows), ...unreached(files, arrows));
  return found;
}

/** All TypeScript files of the library, as paths from the root. */
function list(root: string): string[] {
  const files: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith(".ts")) files.push(path);
    }
  };
  const top = readdirSync(root);
  if (top.includes("mod.ts")) files.push("mod.ts");
  if (top.includes("src")) walk("src");
  return files.sort();
}

/** The neighbour that a file of `runtime` may know: what its connections are. */
function transportOf(file: string): string {
  return file.replace(/\.ts$/, "_transport.ts");
}

function roomOf(file: string): string {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? "front";
}

/** Imports, re-exports, `import()` and import types. */
function readArrows(file: string, source: ts.SourceFile): Arrow[] {
  const arrows: Arrow[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined) return;
    const text = ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
    const ours = text !== undefined && /^\.{1,2}\//.test(text);
    arrows.push({
      from: file,
      to: ours ? normalize(join(dirname(file), text)) : text ?? specifier.getText(source),
      external: !ours,
      typeOnly,
      line: source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return arrows;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return clause.name === undefined && named !== undefined && ts.isNamedImports(named) && allTypes(named.elements);
}

function isTypeExport(node: ts.ExportDeclaration): boolean {
  if (node.isTypeOnly) return true;
  return node.exportClause !== undefined && ts.isNamedExports(node.exportClause) &&
    allTypes(node.exportClause.elements);
}

function allTypes(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): boolean {
  return elements.length > 0 && elements.every((element) => element.isTypeOnly);
}

/** Says what is wrong with an arrow. */
function judge(arrow: Arrow, files: readonly string[]): string | undefined {
  const from = roomOf(arrow.from);
  const room = rooms[from];
  if (room === undefined) return `"src/${from}" is not a room: the rooms are ${Object.keys(rooms).join(", ")}`;
  if (arrow.external) return room.externals ? undefined : `${from} must not import "${arrow.to}": only its own files`;
  if (!files.includes(arrow.to)) return `"${arrow.to}" is not a file of the library`;
  if (arrow.from === picker && roomOf(arrow.to) === "runtime") return undefined;
  if (from === "runtime" && arrow.to === transportOf(arrow.from)) return undefined;
  const to = roomOf(arrow.to);
  if (room.values.includes(to)) return undefined;
  if (from === "runtime" && to === "runtime") {
    return `"${arrow.to}" is a neighbour: no file of runtime imports another but its transport, save ${picker}`;
  }
  if (!room.types.includes(to)) return `upward arrow: ${from} must not import ${to} ("${arrow.to}")`;
  return arrow.typeOnly ? undefined : `${from} may import types of ${to} only, and not values ("${arrow.to}")`;
}

/** Each circle once, as the path that closes it. */
function circles(files: readonly string[], arrows: readonly Arrow[]): string[] {
  const faults: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) faults.push(`circle: ${[...path.slice(start), file].join(" -> ")}`);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    const next = arrows.filter((arrow) => arrow.from === file && files.includes(arrow.to));
    for (const to of new Set(next.map((arrow) => arrow.to))) walk(to);
    path.pop();
    done.add(file);
  };
  files.forEach(walk);
  return faults;
}

/** Files that cannot be reached from a front door: dead code, which dnt would leave out of the package. */
function unreached(files: readonly string[], arrows: readonly Arrow[]): string[] {
  const reached = new Set(files.filter((file) => roomOf(file) === "front"));
  for (const file of reached) {
    for (const arrow of arrows) if (arrow.from === file && files.includes(arrow.to)) reached.add(arrow.to);
  }
  return files.filter((file) => !reached.has(file)).map((file) => `${file}: no front door reaches it`);
}

/** Names that stand for a global of the runtime, in rooms that must not know any. */
function checkGlobals(file: string, source: ts.SourceFile): string[] {
  const room = roomOf(file);
  if (room === "front" || room === "runtime") return [];
  const banned = room === "protocol" ? [...runtimeGlobals, ...liveGlobals] : runtimeGlobals;
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && banned.includes(node.text) && !isMemberName(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      faults.push(`${file}:${line + 1}: ${room} must not know "${node.text}"`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

/** Whether a name is that of a member (`x.process`, `{ process: 1 }`) and stands for no variable. */
function isMemberName(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name === node && parent.expression.getText() !== "globalThis";
  }
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent) || ts.isGetAccessor(parent)) && parent.name === node;
}

function checkLength(file: string, text: string, found: Findings): void {
  const lines = text.split("\n").length - 1;
  if (lines > tooLongFile) found.faults.push(`${file}: ${lines} lines, wanted ${longFile} or fewer`);
  else if (lines > longFile) found.notes.push(`${file}: ${lines} lines, wanted ${longFile} or fewer`);
}

if (import.meta.main) {
  const [root = fileURLToPath(new URL("..", import.meta.url)), ...rest] = Deno.args;
  if (rest.length > 0 || root.startsWith("-")) {
    console.error("Usage: deno run -A scripts/layers.ts [root]");
    Deno.exit(2);
  }
  const { files, faults, notes } = checkLayers(root);
  for (const note of notes) console.log(`note: ${note}`);
  for (const fault of faults) console.error(fault);
  console.log(`layers: ${files} files, ${faults.length} faults`);
  if (faults.length > 0) Deno.exit(1);
}
