/** Bun's connections, against the contract. */
import process from "node:process";
import { runtimeContract } from "./runtime_contract.ts";

runtimeContract({
  name: "bun",
  ...(process.versions.bun === undefined ? { unavailable: "needs Bun" } : {}),
  load: async () => (await import("../../src/runtime/bun.ts")).bunRuntime,
});
