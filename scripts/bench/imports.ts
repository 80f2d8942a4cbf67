/** Prints the milliseconds that `import` of one package takes. */

import process from "node:process";

const loads: Record<string, () => Promise<unknown>> = {
  sockeye: () => Promise.all([import("@sockeye/ws"), import("@sockeye/ws/http")]),
  ws: () => import("ws"),
  crossws: () => import("crossws/server"),
};

const started = performance.now();
await loads[process.argv[2]!]!();
console.log(performance.now() - started);
