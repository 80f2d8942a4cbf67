// @runtimes deno
/** The chat of examples/demo.ts in headless Chromium: two pages and its own two clients hear each other. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { denoFlags } from "../../scripts/jsr.ts";
import { root } from "../../scripts/manifest.ts";
import { pickTools } from "../../scripts/tools.ts";
import { install, withWorkshop } from "../../scripts/workshop.ts";
import { assertEquals } from "@std/assert";
import { start } from "../interop/processes.ts";
import { run } from "../packages/consumer.ts";

const chromium = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const options = existsSync(chromium) ? {} : { skip: `${chromium} is not there; CHROMIUM names another` };

/** Opens the chat in two pages, lets both write, and prints what each reads. */
const driver = `
import { chromium } from "playwright-core";
const [executablePath, url] = process.argv.slice(2);
setTimeout(() => {
  console.error("No answer of the pages within a minute");
  process.exit(1);
}, 60_000).unref();
const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
try {
  const pages = [await browser.newPage(), await browser.newPage()];
  for (const page of pages) {
    page.on("pageerror", (error) => console.error(error));
    await page.goto(url);
    await page.getByText("Connected").waitFor();
  }
  for (const [at, name] of ["Cleo", "Dan"].entries()) {
    await pages[at].getByLabel("Your name").fill(name);
    await pages[at].getByLabel("Message").fill("Hello from " + name + " <b>\u{1F41F}</b>");
    await pages[at].getByRole("button").click();
    for (const page of pages) await page.getByText("Hello from " + name).waitFor();
  }
  const read = await Promise.all(pages.map((page) => page.locator("li").allTextContents()));
  console.log(JSON.stringify(read));
} finally {
  await browser.close();
}
`;

test("examples/demo.ts: two pages of Chromium talk to each other", options, async () => {
  await withWorkshop(async (folder) => {
    await install(folder, pickTools("playwright-core"));
    await Deno.writeTextFile(join(folder, "driver.mjs"), driver);
    const config = ["--config", join(root, "deno.json"), ...await denoFlags()];
    const args = ["run", "-A", "--no-check", ...config, join(root, "examples", "demo.ts")];
    const chat = await start({ command: Deno.execPath(), args });
    try {
      const url = /http:\/\/[\d.:]+\//.exec(chat.line)![0];
      const read = JSON.parse(await run("node", ["driver.mjs", chromium, url], folder));
      const said = ["Cleo: Hello from Cleo <b>\u{1F41F}</b>", "Dan: Hello from Dan <b>\u{1F41F}</b>"];
      // What Ann and Ben say to each other at the beginning may come before a page is there, or not.
      const own = (list: string[]): string[] => list.filter((each) => !/^(Ann|Ben): /.test(each));
      assertEquals(read.map(own), [said, said]);
    } finally {
      await chat.stop();
    }
  });
});
