/**
 * Checks that a version can be published: its number, the changelog, and both packages, as the registries would take them.
 * It publishes nothing: the release workflow does, on the tag.
 *
 * Usage: deno task release --dry-run [--tag v<version>]
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildPackage } from "./build_npm.ts";
import { type Manifest, readManifest, root } from "./manifest.ts";
import { withWorkshop } from "./workshop.ts";

const usage = "Usage: deno task release --dry-run [--tag v<version>]";

/** `1.2.3`, and with what may follow. */
const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/;

/** What is wrong with a version; nothing when all is well. `tag` is that of the release, where there is one. */
export function checkVersion(version: string, tag?: string): string {
  if (!semver.test(version)) return `deno.json: version is "${version}", wanted a semantic version`;
  if (tag !== undefined && tag !== `v${version}`) return `The tag is "${tag}", wanted "v${version}"`;
  return "";
}

/** What is wrong with the changelog for a version; nothing when all is well. */
export function checkChangelog(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const own = sections.find((section) => section.startsWith(`[${version}]`));
  if (own === undefined) return `CHANGELOG.md: no section "## [${version}] - <date>"`;
  const [heading = "", ...lines] = own.split("\n");
  if (!/\] - \d{4}-\d\d-\d\d$/.test(heading)) {
    return `CHANGELOG.md: the section is "## ${heading}", wanted a date in it`;
  }
  if (!lines.some((line) => line.startsWith("- "))) return `CHANGELOG.md: nothing stands under "## ${heading}"`;
  const unreleased = sections.find((section) => section.startsWith("[Unreleased]"));
  if (unreleased?.includes("\n- ")) return `CHANGELOG.md: something still stands under "## [Unreleased]"`;
  return "";
}

/** What is wrong with the package for JSR. */
async function checkJsr(): Promise<string> {
  return await said(Deno.execPath(), ["publish", "--dry-run", "--allow-dirty"], root);
}

/** What is wrong with the package for npm: it is built, and packed as it would be published. */
async function checkNpm(manifest: Manifest): Promise<string> {
  return await withWorkshop(async (folder) => {
    const built = join(folder, "npm");
    try {
      await buildPackage(built);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const { name, version } = JSON.parse(await Deno.readTextFile(join(built, "package.json")));
    if (name !== manifest.name || version !== manifest.version) {
      return `package.json: ${name}@${version}, wanted ${manifest.name}@${manifest.version}`;
    }
    return await said("npm", ["pack", "--dry-run"], built);
  });
}

/** Runs a program. What it said when it failed, and nothing when it did not. */
async function said(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return success ? "" : `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim() || `${command}: failed`;
}

function readOptions(): { tag?: string } {
  const { values } = parseArgs({
    args: Deno.args,
    options: { "dry-run": { type: "boolean" }, tag: { type: "string" } },
  });
  if (values["dry-run"] !== true) throw new TypeError("Cannot publish from here: wanted --dry-run");
  return values.tag === undefined ? {} : { tag: values.tag };
}

async function main(tag: string | undefined): Promise<number> {
  const manifest = await readManifest();
  const changelog = await Deno.readTextFile(join(root, "CHANGELOG.md"));
  const checks: [name: string, check: () => string | Promise<string>][] = [
    ["version", () => checkVersion(manifest.version, tag)],
    ["changelog", () => checkChangelog(changelog, manifest.version)],
    ["JSR package", checkJsr],
    ["npm package", () => checkNpm(manifest)],
  ];
  let failed = 0;
  for (const [name, check] of checks) {
    const complaint = await check();
    console.log(`${complaint === "" ? "ok  " : "FAIL"} ${name}`);
    if (complaint === "") continue;
    console.log(complaint);
    failed++;
  }
  console.log(failed === 0 ? `${manifest.name}@${manifest.version} can be published` : `release: ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    Deno.exit(2);
  }
  Deno.exit(await main(options.tag));
}
