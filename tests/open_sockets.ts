/** What a process has open, and may have. */

import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { runtime } from "./harness.ts";

/** How many sockets this process has open, where the system tells. */
export function openSockets(): number {
  try {
    return readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
      } catch {
        return false; // The descriptor of the listing itself is gone by now.
      }
    }).length;
  } catch {
    return 0; // No /proc: nothing to compare.
  }
}

/** The files that a process may have open, if it asks for all; each runtime does so by itself, save Bun. */
function mostFiles(): number {
  try {
    const limit = execFileSync("sh", ["-c", runtime === "bun" ? "ulimit -n" : "ulimit -Hn"], { encoding: "utf8" })
      .trim();
    return limit === "unlimited" ? Infinity : Number(limit);
  } catch {
    return 0;
  }
}

/** Why a test that needs so many files cannot run here, for its option `skip`; or false. */
export function tooFewFiles(wanted: number): string | false {
  const most = mostFiles();
  return most < wanted && `this machine allows a process ${most} files (ulimit -Hn), wanted ${wanted}`;
}
