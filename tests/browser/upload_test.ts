// @runtimes deno
/**
 * The upload of examples/upload_page.ts in headless Chromium: 256 MiB with a bar, nothing, and one that is cancelled. 1 GiB,
 * `SOCKEYE_UPLOAD_BYTES=1073741824`, takes Chromium half a minute on two cores.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { denoFlags } from "../../scripts/jsr.ts";
import { root } from "../../scripts/manifest.ts";
import { pickTools } from "../../scripts/tools.ts";
import { install, withWorkshop } from "../../scripts/workshop.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { start } from "../interop/processes.ts";
import { run } from "../packages/consumer.ts";

const chromium = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const options = existsSync(chromium) ? {} : { skip: `${chromium} is not there; CHROMIUM names another` };

const SIZE = Number(Deno.env.get("SOCKEYE_UPLOAD_BYTES") ?? 2 ** 28);

/** Chooses each file in turn, and prints what the bar and the state were; the last one it cancels on its way. */
const driver = `
import { chromium } from "playwright-core";
const [executablePath, url, large, empty] = process.argv.slice(2);
setTimeout(() => {
  console.error("No answer of the page within two minutes");
  process.exit(1);
}, 120_000).unref();
const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.goto(url);
  await page.evaluate(() => {
    globalThis.seen = [];
    new MutationObserver(() => seen.push(bar.value / bar.max)).observe(bar, { attributes: true });
  });
  const told = [];
  for (const path of [large, empty]) {
    await page.evaluate(() => seen.length = 0);
    await page.getByLabel("File").setInputFiles(path);
    await page.getByText("SHA-256").waitFor({ timeout: 110_000 });
    told.push({ bar: await page.evaluate(() => seen), state: await page.locator("output").textContent() });
    await page.locator("output").evaluate((output) => output.value = "");
  }
  // From within the page, as soon as the bar moves: a click from outside might come when all is there.
  await page.evaluate(() => {
    bar.value = 0;
    new MutationObserver(() => bar.value > 0 && cancel.click()).observe(bar, { attributes: true });
  });
  await page.getByLabel("File").setInputFiles(large);
  await page.getByText("Not uploaded").waitFor({ timeout: 110_000 });
  told.push({ bar: [await page.locator("progress").evaluate(({ position }) => position)], state: "cancelled" });
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}
`;

/** A file that is different in each MiB, and its hash. It takes little of the disk. */
async function makeFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const block = new Uint8Array(2 ** 20);
  const file = await open(path, "w");
  for (let at = 0; at < SIZE; at += block.length) {
    new DataView(block.buffer).setFloat64(0, at);
    await file.write(block.subarray(0, 8), 0, 8, at);
    hash.update(block);
  }
  await file.truncate(SIZE);
  await file.close();
  return hash.digest("hex");
}

test(
  "examples/upload_page.ts: a page sends a file, and its bar goes as far as the server has come",
  options,
  async () => {
    await withWorkshop(async (folder) => {
      await install(folder, pickTools("playwright-core"));
      await Deno.writeTextFile(join(folder, "driver.mjs"), driver);
      const [large, empty] = [join(folder, "large"), join(folder, "empty")];
      const sha256 = await makeFile(large);
      await Deno.writeTextFile(empty, "");
      const config = ["--config", join(root, "deno.json"), ...await denoFlags()];
      const args = ["run", "-A", "--no-check", ...config, join(root, "examples", "upload_page.ts")];
      const server = await start({ command: Deno.execPath(), args });
      try {
        const told = JSON.parse(await run("node", ["driver.mjs", chromium, server.line, large, empty], folder));
        const [whole, nothing, cancelled] = told as { bar: number[]; state: string }[];
        console.log(whole!.state.replace(/,.*/, ""));
        assertStringIncludes(whole!.state, sha256);
        assert(whole!.bar.length > 20, `the bar moved ${whole!.bar.length} times`);
        assert(whole!.bar.every((part, at) => part >= (whole!.bar[at - 1] ?? 0)), "the bar went back");
        assertEquals(whole!.bar.at(-1), 1);
        assertStringIncludes(nothing!.state, createHash("sha256").digest("hex"));
        assertEquals(nothing!.bar.at(-1), 1);
        assert(cancelled!.bar[0]! > 0 && cancelled!.bar[0]! < 1, `cancelled at ${cancelled!.bar[0]}`);
      } finally {
        await server.stop();
      }
    });
  },
);
