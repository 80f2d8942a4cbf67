/** Programs in other processes, as tests need them. */

import { spawn } from "node:child_process";
import type { Command } from "../harness.ts";

/** A program that runs until it is stopped. */
export interface Running {
  /** The first line it printed. */
  readonly line: string;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts a program and waits for its first line. */
export function start({ command, args }: Command): Promise<Running> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return new Promise((resolve, reject) => {
    let output = "";
    let errors = "";
    child.stderr.on("data", (chunk) => errors += chunk);
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const end = output.indexOf("\n");
      if (end >= 0) resolve({ line: output.slice(0, end), stop });
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors}`)));
  });
}

/** Runs a program to its end. Rejects with what it printed unless it ends with 0. */
export function run({ command, args }: Command): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}: ${output}`));
    });
  });
}
