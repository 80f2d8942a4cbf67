/**
 * Finds the runtime that runs this module; the only place that looks at its globals. Each adapter is imported lazily, when
 * the first connection is made, so that none is loaded where it does not belong.
 */

import type { Runtime } from "../socket/transport.ts";

let found: Promise<Runtime> | undefined;

/** The runtime that runs this. Rejects with an `Error` on one that is not known; there, lend a `connect` of your own. */
export function currentRuntime(): Promise<Runtime> {
  return found ??= find();
}

async function find(): Promise<Runtime> {
  // Deno and Bun also have a `process`, so they are asked for first.
  const runtime = "Deno" in globalThis
    ? (await import("./deno.ts")).denoRuntime
    : "Bun" in globalThis
    ? (await import("./bun.ts")).bunRuntime
    : "process" in globalThis
    ? (await import("./node.ts")).nodeRuntime
    : undefined;
  if (runtime !== undefined) {
    const [{ withText }, { withStartTls }, { withZlib }] = await Promise.all([
      import("./text.ts"),
      import("./start_tls.ts"),
      import("./zlib.ts"),
    ]);
    return withZlib(withText(withStartTls(runtime)));
  }
  if ("WebSocket" in globalThis) {
    // Its compression is for a `connect` of the caller's own; the platform's WebSocket has its own.
    return (await import("./web_deflate.ts")).withWebDeflate((await import("./native.ts")).nativeRuntime);
  }
  throw new Error("Cannot connect: this runtime is not known, wanted Deno, Bun or Node, or the option connect");
}
