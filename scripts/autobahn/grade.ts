/**
 * Reads `index.json` of a report of the Autobahn Testsuite, and says what is not as strict as it can be: both `behavior`
 * and `behaviorClose` must be OK. Only the cases to which the suite gives no grade by design may be INFORMATIONAL.
 * Ends with 1 when anything is not, or cases are missing.
 *
 * Usage: deno run -A scripts/autobahn/grade.ts path/to/index.json [number of cases]
 */

/** The cases of which the specification leaves the outcome open. */
const UNGRADED: ReadonlySet<string> = new Set(["7.1.6", "7.13.1", "7.13.2"]);

interface Result {
  readonly behavior: string;
  readonly behaviorClose: string;
  readonly remoteCloseCode: number | null;
}

/** What is wrong with one case, or nothing. */
function complaint(id: string, { behavior, behaviorClose, remoteCloseCode }: Result): string | undefined {
  const wanted = UNGRADED.has(id) ? "INFORMATIONAL" : "OK";
  if (behavior === wanted && behaviorClose === wanted) return undefined;
  return `${id}: behavior ${behavior}, behaviorClose ${behaviorClose}, close code ${remoteCloseCode}`;
}

function countBy(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
}

async function main([path, number = "517"]: string[]): Promise<number> {
  if (path === undefined) {
    console.error("Usage: grade.ts path/to/index.json [number of cases]");
    return 2;
  }
  const report: Record<string, Record<string, Result>> = JSON.parse(await Deno.readTextFile(path));
  let failures = 0;
  for (const [agent, cases] of Object.entries(report)) {
    const results = Object.entries(cases);
    const wrong = results.flatMap(([id, result]) => complaint(id, result) ?? []);
    if (results.length !== Number(number)) wrong.push(`${results.length} cases have run, wanted ${number}`);
    console.log(`${agent}: behavior ${countBy(results.map(([, { behavior }]) => behavior))}`);
    console.log(`${agent}: behaviorClose ${countBy(results.map(([, { behaviorClose }]) => behaviorClose))}`);
    for (const line of wrong) console.log(`  ${line}`);
    failures += wrong.length;
  }
  return failures === 0 && Object.keys(report).length > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
