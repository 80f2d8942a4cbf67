/**
 * Runs the echo server, or the client, for the Autobahn Testsuite on any of the runtimes: Deno from the source, Bun and Node
 * against the built package. Ends as what it runs ends.
 *
 * ```sh
 * deno run -A scripts/autobahn/run.ts server --runtime bun --port 9001    # then: wstest -m fuzzingclient
 * deno run -A scripts/autobahn/run.ts client --runtime node20 --url ws://127.0.0.1:9001   # wstest -m fuzzingserver runs
 * ```
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildPackage } from "../build_npm.ts";
import { compileFolder } from "../compile_tests.ts";
import { readManifest, root } from "../manifest.ts";
import { findRuntime, type RuntimeName } from "../runtimes.ts";
import { parseRuntimes } from "../suite.ts";
import { install, withWorkshop } from "../workshop.ts";

const usage = "Usage: run.ts server [--runtime deno] [--port 9001] [--hostname 127.0.0.1]\n" +
  "       run.ts client [--runtime deno] [--url ws://127.0.0.1:9001] [--agent sockeye-deno]";

interface Program {
  runtime: RuntimeName;
  name: "echo_server" | "client";
  args: string[];
}

function readArguments(args: string[]): Program | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      runtime: { type: "string", default: "deno" },
      port: { type: "string", default: "9001" },
      hostname: { type: "string", default: "127.0.0.1" },
      url: { type: "string", default: "ws://127.0.0.1:9001" },
      agent: { type: "string" },
    },
  });
  const [runtime] = parseRuntimes(values.runtime);
  if (runtime === undefined || positionals.length !== 1) return undefined;
  if (positionals[0] === "server") return { runtime, name: "echo_server", args: [values.port, values.hostname] };
  if (positionals[0] !== "client") return undefined;
  return { runtime, name: "client", args: [values.url, values.agent ?? `sockeye-${runtime}`] };
}

async function spawn(executable: string, args: string[]): Promise<number> {
  const child = new Deno.Command(executable, { args, stdin: "null" }).spawn();
  const stop = (): void => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  const { code } = await child.status;
  Deno.removeSignalListener("SIGINT", stop);
  Deno.removeSignalListener("SIGTERM", stop);
  return code;
}

async function run({ runtime, name, args }: Program): Promise<number> {
  const { path } = await findRuntime(runtime);
  const from = join(root, "scripts", "autobahn");
  if (runtime === "deno") {
    const config = ["--config", join(root, "deno.json"), "--no-lock", "--no-check"];
    return await spawn(path, ["run", "-A", ...config, join(from, `${name}.ts`), ...args]);
  }
  return await withWorkshop(async (folder) => {
    await install(folder, {});
    await buildPackage(join(folder, "node_modules", ...(await readManifest()).name.split("/")));
    await compileFolder(from, join(folder, "autobahn"));
    return await spawn(path, [join(folder, "autobahn", `${name}.js`), ...args]);
  });
}

if (import.meta.main) {
  const program = readArguments(Deno.args);
  if (program === undefined) console.error(usage);
  Deno.exit(program === undefined ? 2 : await run(program));
}
