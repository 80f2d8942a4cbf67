/** What a process has used, and what others have, as Linux tells it. */

import { readdirSync, readFileSync } from "node:fs";

/** Seconds that a process has run, on all its threads; NaN where nobody tells. */
export function cpuSeconds(pid: number): number {
  try {
    let sum = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      // A thread may end while this is read.
      try {
        sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {
        continue;
      }
    }
    return sum / 1e9;
  } catch {
    return NaN;
  }
}

/** Seconds that the host of this machine had for others while there was work here, of all cores; NaN where nobody tells. */
export function stolenSeconds(): number {
  try {
    // cpu user nice system idle iowait irq softirq steal, in hundredths.
    return Number(readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.split(/ +/)[8]) / 100;
  } catch {
    return NaN;
  }
}

/** Bytes of memory that a process has of its own; NaN where nobody tells. */
export function residentBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce((sum, [, kib]) => sum + Number(kib), 0) *
      1024;
  } catch {
    return NaN;
  }
}
