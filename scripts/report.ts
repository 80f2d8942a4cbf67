/** What a run of tests came to: the counts, read from the JUnit report that every runner can write. */

/** How many tests passed, failed and were skipped. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** One test that was skipped, with the reason where the runner reports it. */
export interface Skip {
  name: string;
  why: string;
}

/** What is in a report. */
export interface Report extends Counts {
  skips: Skip[];
}

const attributes = String.raw`((?:\s+[\w:.-]+="[^"]*")*)\s*`;
const testcase = new RegExp(String.raw`<testcase${attributes}(?:/>|>([\s\S]*?)</testcase>)`, "g");
const skipped = new RegExp(String.raw`<skipped${attributes}/?>`);

/**
 * Counts the test cases of a JUnit report. A group is not a test case, save on Deno; nor is a test that `filter` kept
 * from running, which runners report as skipped.
 */
export function readReport(xml: string, filter: string = ""): Report {
  const report: Report = { passed: 0, failed: 0, skipped: 0, skips: [] };
  for (const [, own = "", body = ""] of xml.matchAll(testcase)) {
    const name = attribute(own, "name");
    const skip = skipped.exec(body);
    if (/<(failure|error)\b/.test(body)) report.failed++;
    else if (skip === null) report.passed++;
    else if (name.includes(filter)) {
      const why = attribute(skip[1] ?? "", "message");
      report.skipped++;
      report.skips.push({ name, why: why === "true" ? "" : why });
    }
  }
  return report;
}

/** Adds up. */
export function sum(all: readonly Counts[]): Counts {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of all) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** The line that says it: `12 passed, 0 failed`, and `, 1 skipped` where there is one. */
export function format({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function attribute(list: string, name: string): string {
  const text = new RegExp(`\\s${name}="([^"]*)"`).exec(list)?.[1] ?? "";
  return text.replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'");
}
