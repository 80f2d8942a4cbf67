// @runtimes deno
/** The counts are right for what each runner writes: the cases below are cut from real reports. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { format, readReport, sum } from "../../scripts/report.ts";

const deno = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="1" errors="1" time="0.029">
    <testsuite name="./a_test.ts" tests="5" disabled="1" errors="1" failures="1">
        <testcase name="fine" classname="./a_test.ts" time="0.002" line="3" col="1">
        </testcase>
        <testcase name="not now" classname="./a_test.ts" time="0.000" line="4" col="1">
            <skipped/>
        </testcase>
        <testcase name="bad" classname="./a_test.ts" time="0.004" line="5" col="1">
            <failure message="Uncaught Error: x">Error: x &lt;testcase/&gt;</failure>
        </testcase>
        <testcase name="exits" classname="./a_test.ts" time="0.000" line="6" col="1">
            <error message="Cancelled"/>
        </testcase>
        <testcase name="outer &gt; inner" classname="./a_test.ts" time="0.000" line="7" col="36">
        </testcase>
    </testsuite>
</testsuites>`;

const bun = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="3" assertions="0" failures="1" skipped="1" time="0.04">
  <testsuite name="a_test.js" file="a_test.js" tests="3" assertions="0" failures="1" skipped="1" time="0.04" hostname="vm">
    <testcase name="fine" classname="" time="0.001237" file="a_test.js" line="3" assertions="0" />
    <testsuite name="group" file="a_test.js" line="8" tests="2" assertions="0" failures="1" skipped="1" time="0" hostname="vm">
      <testcase name="not now" classname="group" time="0" file="a_test.js" line="8" assertions="0">
        <skipped />
      </testcase>
      <testcase name="bad" classname="group" time="0.004" file="a_test.js" line="9" assertions="0">
        <failure type="Error" message="x">Error: x&#10;      at a_test.js:9:28&#10;</failure>
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

const node = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
\t<testcase name="a -> b > c" time="0.002073" classname="test"/>
\t<testcase name="not &quot;now&quot;" time="0.000188" classname="test">
\t\t<skipped type="skipped" message="no IPv6 here"/>
\t</testcase>
\t<testcase name="bad" time="0.000188" classname="test" failure="1 == 2">
\t\t<failure type="testCodeFailure" message="1 == 2">
[Error [ERR_TEST_FAILURE]: 1 == 2] { cause: "a > b" }
\t\t</failure>
\t</testcase>
\t<testsuite name="outer" time="0.002459" disabled="0" errors="0" tests="1" failures="0" skipped="0" hostname="vm">
\t\t<testcase name="inner" time="0.000257" classname="test"/>
\t</testsuite>
\t<!-- tests 4 -->
</testsuites>`;

test("readReport() counts what Deno writes", () => {
  assertEquals(readReport(deno), { passed: 2, failed: 2, skipped: 1, skips: [{ name: "not now", why: "" }] });
});

test("readReport() counts what Bun writes, groups and all", () => {
  assertEquals(readReport(bun), { passed: 1, failed: 1, skipped: 1, skips: [{ name: "not now", why: "" }] });
});

test("readReport() counts what Node writes, with its reasons", () => {
  const skips = [{ name: 'not "now"', why: "no IPv6 here" }];
  assertEquals(readReport(node), { passed: 2, failed: 1, skipped: 1, skips });
});

test("readReport() leaves out what the filter kept from running", () => {
  assertEquals(readReport(deno, "fine").skipped, 0);
  assertEquals(readReport(deno, "now").skipped, 1);
});

test("readReport() finds nothing in nothing", () => {
  assertEquals(readReport(""), { passed: 0, failed: 0, skipped: 0, skips: [] });
});

test("format() says the sum, and names the skipped only where there are some", () => {
  assertEquals(format(sum([readReport(deno), readReport(node)])), "4 passed, 3 failed, 2 skipped");
  assertEquals(format(sum([])), "0 passed, 0 failed");
});
