// @runtimes deno
/** What is in the tarball, and what the checkers of packages say of it. */

import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { listFiles, root } from "../../scripts/manifest.ts";
import { pickTools } from "../../scripts/tools.ts";
import { run, withConsumer, withPacked } from "./consumer.ts";

/** All that may be in the package. Of every source there is the source, what it is compiled to, and its types. */
const allowed = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^src\/(mod|src\/[a-z0-9_/]+)\.ts$/,
  /^esm\/(mod|src\/[a-z0-9_/]+)\.(js|d\.ts|d\.ts\.map)$/,
];

test("the tarball has what a user needs, and nothing of ours", async () => {
  await withPacked((packed) =>
    withConsumer(packed, async ({ folder }) => {
      await run("tar", ["-xzf", packed.tarball], folder);
      const files = (await listFiles(join(folder, "package"))).sort();
      assertEquals(files.filter((file) => !allowed.some((pattern) => pattern.test(file))), []);
      const sources = files.filter((file) => file.startsWith("src/")).map((file) => file.slice(4, -3));
      for (const extension of [".js", ".d.ts", ".d.ts.map"]) {
        const outputs = files.filter((file) => /^esm\/[^.]+/.exec(file)?.[0].concat(extension) === file);
        assertEquals(outputs.map((file) => file.slice(4, -extension.length)), sources, extension);
      }
      for (const file of files) {
        const text = await Deno.readTextFile(join(folder, "package", file));
        for (const own of [root, Deno.realPathSync(Deno.env.get("TMPDIR") ?? "/tmp"), "node_modules"]) {
          assert(!text.includes(own), `${file} contains "${own}"`);
        }
      }
    })
  );
});

test("package.json says what npm and its users want to know", async () => {
  await withPacked(async ({ manifest, package: built }) => {
    const data = JSON.parse(await Deno.readTextFile(join(built, "package.json")));
    const { name, version, description, license } = manifest;
    assertEquals([data.name, data.version, data.description, data.license], [name, version, description, license]);
    assertEquals([data.type, data.sideEffects, data.engines.node], ["module", false, ">=20.19"]);
    assert(data.keywords.includes("websocket") && data.repository.url.startsWith("git+https://"));
    assertEquals(data.scripts, undefined);
    assertEquals(Object.keys(data.exports), [...Object.keys(manifest.exports), "./package.json"]);
    for (const [entry, conditions] of Object.entries<Record<string, string>>(data.exports)) {
      if (entry === "./package.json") continue;
      assertEquals([Object.keys(conditions)[0], Object.keys(conditions).at(-1)], ["types", "default"], entry);
      for (const path of Object.values(conditions)) assert(Deno.statSync(join(built, path)).isFile, path);
    }
    assertEquals(Object.keys(data.exports["."]), ["types", "deno", "bun", "node", "browser", "default"]);
    for (const [dependency, wanted] of Object.entries<string>(data.dependencies ?? {})) {
      assert(/^[\^~]?\d/.test(wanted), `${dependency}@${wanted}`);
    }
  });
});

test("publint and arethetypeswrong find nothing", async () => {
  await withPacked((packed) =>
    withConsumer(packed, async (consumer) => {
      await consumer.write(
        "package.json",
        JSON.stringify({ dependencies: pickTools("publint", "@arethetypeswrong/cli") }),
      );
      await consumer.run("npm", "install", "--no-audit", "--no-fund");
      await consumer.run("node", join("node_modules", "publint", "src", "cli.js"), packed.tarball, "--strict");
      // There is no CommonJS form: it is required as an ECMAScript module.
      const attw = join("node_modules", "@arethetypeswrong", "cli", "dist", "index.js");
      await consumer.run("node", attw, packed.tarball, "--profile", "esm-only");
    })
  );
});
