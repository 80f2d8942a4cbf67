/** Node's connections, against the contract; and what is Node's alone. */
import process from "node:process";
import { runtimeContract } from "./runtime_contract.ts";

const isNode = process.versions.bun === undefined && !("Deno" in globalThis);

runtimeContract({
  name: "node",
  ...(isNode ? {} : { unavailable: "needs Node" }),
  load: async () => (await import("../../src/runtime/node.ts")).nodeRuntime,
});
