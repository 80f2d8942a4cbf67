// @runtimes deno
/** What the scripts do with options that they do not know, and with a build that fails. */

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoFlags } from "../../scripts/jsr.ts";
import { root } from "../../scripts/manifest.ts";
import { withWorkshop } from "../../scripts/workshop.ts";

const wrong: Record<string, string[][]> = {
  "build_npm.ts": [["--nothing"], ["--with", "magic"], ["extra"], ["--out"]],
  "bundles.ts": [["--nothing"]],
  "check.ts": [["nothing"]],
  "dnt.ts": [[]],
  "layers.ts": [["--nothing"], ["a", "b"]],
  "release.ts": [[], ["--nothing"], ["--dry-run", "extra"]],
  "test.ts": [["--nothing"], ["--runtime", "magic"], ["--jobs", "0"], ["nowhere"]],
};

const flags = await denoFlags();

for (const [script, lines] of Object.entries(wrong)) {
  test(`${script} gives its usage, and exit code 2, for wrong options`, async () => {
    for (const args of lines) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", ...flags, join(root, "scripts", script), ...args],
        cwd: root,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      const said = new TextDecoder().decode(stderr);
      assertEquals(code, 2, `${script} ${args.join(" ")}: ${said}`);
      assertStringIncludes(said, "Usage: ");
    }
  });
}

test("a build that fails exits with 1, says why, and leaves what was there before and no half of a package", async () => {
  await withWorkshop(async (folder) => {
    for (const path of ["mod.ts", "deno.json", "scripts", "src", "README.md", "CHANGELOG.md", "LICENSE"]) {
      await cp(join(root, path), join(folder, path), { recursive: true });
    }
    await Deno.mkdir(join(folder, "npm"));
    await Deno.writeTextFile(join(folder, "npm", "kept"), "");
    await Deno.writeTextFile(join(folder, "src", "common.ts"), "export const wrong: string = 5;", { append: true });
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-lock", "scripts/build_npm.ts", "--with", "tsc"],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), "Type 'number' is not assignable to type 'string'");
    const npm = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.startsWith("npm"));
    assertEquals(npm, ["npm"]);
    assertEquals(Array.from(Deno.readDirSync(join(folder, "npm")), ({ name }) => name), ["kept"]);
  });
});
