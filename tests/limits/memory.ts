/** What a process really holds. */

import { readFileSync } from "node:fs";
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

interface BunGlobal {
  gc(synchronously: boolean): void;
}

const bun = Reflect.get(globalThis, "Bun") as BunGlobal | undefined;
let collect: (() => void) | undefined;

/** Lets go of all that is garbage. */
export function collectGarbage(): void {
  if (collect === undefined) {
    if (bun !== undefined) collect = () => bun.gc(true);
    else {
      v8.setFlagsFromString("--expose-gc");
      collect = vm.runInNewContext("gc") as () => void;
    }
  }
  // What lies outside of V8's heap is counted as freed in the round after the one that freed it.
  collect();
  collect();
}

/** Bytes of memory that are held, garbage left out: objects, and what lies outside of the heap for them. */
export function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  // On Bun the heap includes what lies outside of it.
  return bun === undefined ? heapUsed + external : heapUsed;
}

/** The most memory that this process ever had, in bytes. */
export function peakBytes(): number {
  // Linux tells it of itself; elsewhere the runtime does, though not every one.
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1_024;
  } catch {
    return process.resourceUsage().maxRSS * 1_024;
  }
}

/** A number of bytes for people. */
export function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
