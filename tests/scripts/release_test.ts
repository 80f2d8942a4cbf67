// @runtimes deno
/** What a release must have before it is published. */

import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkChangelog, checkVersion } from "../../scripts/release.ts";

test("a version is semantic, and the tag's", () => {
  for (const version of ["0.1.0", "1.2.3", "10.20.30-rc.1"]) assertEquals(checkVersion(version), "");
  for (const version of ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-"]) {
    assertStringIncludes(checkVersion(version), `"${version}"`);
  }
  assertEquals(checkVersion("1.2.3", "v1.2.3"), "");
  for (const tag of ["1.2.3", "v1.2.4", ""]) assertStringIncludes(checkVersion("1.2.3", tag), `wanted "v1.2.3"`);
});

const released = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- A thing.\n";

test("a changelog has a section of the version, with a date and with something in it", () => {
  assertEquals(checkChangelog(released, "1.2.3"), "");
  assertStringIncludes(checkChangelog(released, "1.2.4"), `no section "## [1.2.4]`);
  assertStringIncludes(checkChangelog(released.replace(" - 2026-01-31", ""), "1.2.3"), "wanted a date");
  assertStringIncludes(checkChangelog(released.replace("- A thing.", ""), "1.2.3"), "nothing stands");
});

test("a changelog leaves nothing under Unreleased", () => {
  const left = released.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Another thing.\n");
  assertStringIncludes(checkChangelog(left, "1.2.3"), "still stands");
});
