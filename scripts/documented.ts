/** What `deno doc --json` tells of the entry points: which of them, and which of their exports, have no example. */

/** A doc comment. */
interface Comment {
  tags?: readonly { kind: string; doc?: string }[];
}

/** The part that is read of what `deno doc --json` prints. */
export interface Documentation {
  nodes: Readonly<
    Record<string, {
      module_doc?: Comment;
      symbols?: readonly {
        name: string;
        declarations: readonly {
          kind: string;
          jsDoc?: Comment;
          location: { filename: string; line: number };
        }[];
      }[];
    }>
  >;
}

function hasExample(comment: Comment | undefined): boolean {
  return comment?.tags?.some(({ kind, doc }) => kind === "example" && doc?.includes("```ts")) ?? false;
}

/** A line for each that lacks an example. What is another name for an export has that one's. */
export function withoutExample(documentation: Documentation): string[] {
  const lacking: string[] = [];
  for (const [file, { module_doc, symbols = [] }] of Object.entries(documentation.nodes)) {
    if (!hasExample(module_doc)) lacking.push(`${file}: the module has no example`);
    for (const { name, declarations } of symbols) {
      if (declarations.some(({ kind, jsDoc }) => kind === "reference" || hasExample(jsDoc))) continue;
      const { filename, line } = declarations[0]!.location;
      lacking.push(`${filename}:${line + 1}: ${name} has no example`);
    }
  }
  return lacking;
}
