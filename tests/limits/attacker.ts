/** Raw clients for a victim, and the victim. */

import { Buffer } from "node:buffer";
import net from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtime } from "../harness.ts";
import { start } from "../interop/processes.ts";
import type { Report, Setting } from "./victim.ts";

/** A server in a process of its own. */
export interface Victim {
  readonly port: number;
  /** What it holds now. */
  report(): Promise<Report>;
  stop(): Promise<void>;
}

/** The command that runs a program of this folder on the runtime that runs this. */
export function commandHere(name: string, ...args: readonly string[]): { command: string; args: string[] } {
  const file = fileURLToPath(new URL(`./${name}.${runtime === "deno" ? "ts" : "js"}`, import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const before = runtime === "deno" ? ["run", "-A", "--no-check", "--no-lock", "--config", config] : [];
  return { command: process.execPath, args: [...before, file, ...args] };
}

/** Starts a victim on the runtime that runs this. */
export async function startVictim(setting: Setting): Promise<Victim> {
  const running = await start(commandHere("victim", JSON.stringify(setting)));
  const port = Number(running.line);
  const report = async (): Promise<Report> => {
    const client = await connect(port);
    await client.write("GET /report HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const text = await client.rest();
    // The body comes in chunks.
    return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Report;
  };
  return { port, report, stop: running.stop };
}

/** Lets `work` attack a victim. */
export async function attacking(setting: Setting, work: (victim: Victim) => Promise<void>): Promise<void> {
  const victim = await startVictim(setting);
  try {
    await work(victim);
  } finally {
    await victim.stop();
  }
}

/** A plain connection. */
export class Attacker {
  readonly socket: net.Socket;
  #received: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: () => void = () => {};

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const over = (): void => {
      this.#over = true;
      this.#wake();
    };
    socket.on("end", over);
    socket.on("close", over);
    socket.on("error", over);
  }

  /** Writes; resolves when the system has it, or the connection is over. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** What has come so far. */
  get received(): Buffer {
    return this.#received;
  }

  /** The other end has ended the connection. */
  get over(): boolean {
    return this.#over;
  }

  /** Waits until so much has come, or all. */
  async until(enough: (received: Buffer) => boolean): Promise<Buffer> {
    while (!this.#over && !enough(this.#received)) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#received;
  }

  /** All that comes until the other end has ended the connection, as text. */
  async rest(): Promise<string> {
    const all = (await this.until(() => false)).toString("latin1");
    this.socket.destroy();
    return all;
  }

  /** Makes the opening handshake, and forgets it. */
  async upgrade(fields: string = ""): Promise<this> {
    await this.write(`${UPGRADE}${fields}\r\n`);
    const head = await this.until((received) => received.includes("\r\n\r\n"));
    if (!head.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(`No upgrade: ${head.toString("latin1")}`);
    this.#received = Buffer.from(head.subarray(head.indexOf("\r\n\r\n") + 4));
    return this;
  }
}

const UPGRADE = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/** Makes a plain connection. */
export function connect(port: number): Promise<Attacker> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new Attacker(socket));
    });
    socket.once("error", reject);
  });
}

/** Makes so many connections, some at a time; `then` goes on with each. */
export async function connectMany<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  while (all.length < count) {
    all.push(...await Promise.all(Array.from({ length: Math.min(100, count - all.length) }, make)));
  }
  return all;
}

/** Waits until something is so, and says in how many milliseconds it came; rejects when it takes too long. */
export async function eventually(is: () => Promise<boolean> | boolean, longest: number = 60_000): Promise<number> {
  const started = performance.now();
  while (!await is()) {
    if (performance.now() - started > longest) throw new Error(`Not so within ${longest} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Math.round(performance.now() - started);
}
