/** Where one workload is played on one runtime: the processes of all who take part, and one round of one of them. */

import { type Commands, serverOf } from "./commands.ts";
import type { ClientJob } from "./clients/client.ts";
import { residentBytes } from "./cpu.ts";
import type { Job, Result } from "./load.ts";
import type { ClientWorkload, RuntimeName, ServerWorkload, Workload } from "./plan.ts";
import { Talker } from "./processes.ts";

/** The core of what is measured, and that of what measures. */
const [SERVER, LOAD] = [0, 1];

/** What a round gives: at least one of the two. */
export type Round = Partial<Result> & { readonly cost?: number };

/** How to measure. */
export interface Pace {
  readonly quick: boolean;
  readonly seconds: number;
  readonly rounds: number;
}

/**
 * How many processes of each take turns: two processes of one build may differ by a third for as long as they live, by where
 * their memory lies and what was compiled when. Each has two rounds, as nothing is compiled in the first one.
 */
function processesOf({ rounds }: Pace): number {
  return Math.ceil(rounds / 2);
}

/** Warms up for so many seconds before a round, and before the first one, when nothing is compiled yet, for so much at least. */
const WARMUP = 0.15;
const FIRST_WARMUP = 1;
const FIRST_ENOUGH = 100_000;

/** The processes of a workload. */
export abstract class Field {
  /** Starts what is needed. */
  static async open(
    workload: Workload,
    runtime: RuntimeName,
    names: readonly string[],
    commands: Commands,
    pace: Pace,
  ): Promise<Field> {
    const { what } = workload;
    const field: Field = what.kind === "import"
      ? new ImportField(runtime, commands)
      : !("connections" in what)
      ? new ClientField(what, runtime, commands, pace)
      : what.kind === "idle"
      ? new MemoryField(what, runtime, commands, pace)
      : new ServerField(what, runtime, commands, pace);
    try {
      await field.start(names);
    } catch (error) {
      await field.close();
      throw error;
    }
    return field;
  }

  readonly #talkers: Talker[] = [];
  readonly #warm: Set<Talker> = new Set();
  protected readonly runtime: RuntimeName;
  protected readonly commands: Commands;

  protected constructor(runtime: RuntimeName, commands: Commands) {
    this.runtime = runtime;
    this.commands = commands;
  }

  protected run(core: number, runtime: RuntimeName, name: string, args: readonly string[], env = {}): Talker {
    const talker = new Talker(this.commands.program(runtime, name, ...args), core, env, this.commands.cwd);
    this.#talkers.push(talker);
    return talker;
  }

  protected envOf({ tls, deflate = false }: { tls: boolean; deflate?: boolean }): Record<string, string> {
    const { cert, key } = this.commands;
    return { BENCH_COMPRESS: deflate ? "1" : "0", ...(tls ? { BENCH_CERT: cert, BENCH_KEY: key } : {}) };
  }

  /** Whether it has had no round yet. */
  protected isCold(talker: Talker): boolean {
    const isCold = !this.#warm.has(talker);
    this.#warm.add(talker);
    return isCold;
  }

  protected async stop(talker: Talker): Promise<void> {
    this.#talkers.splice(this.#talkers.indexOf(talker), 1);
    await talker.stop();
  }

  protected abstract start(names: readonly string[]): Promise<void>;
  /** One round of one of them; rounds count from 0. */
  abstract measure(name: string, round: number): Promise<Round>;

  /** Ends all processes. */
  async close(): Promise<void> {
    await Promise.all(this.#talkers.splice(0).map((talker) => talker.stop()));
  }
}

class ServerField extends Field {
  protected readonly what: ServerWorkload;
  protected readonly pace: Pace;
  protected load: Talker | undefined;
  readonly #servers: Map<string, { readonly talker: Talker; readonly port: number }[]> = new Map();

  constructor(what: ServerWorkload, runtime: RuntimeName, commands: Commands, pace: Pace) {
    super(runtime, commands);
    this.what = what;
    this.pace = pace;
  }

  protected override async start(names: readonly string[]): Promise<void> {
    this.load = this.run(LOAD, this.what.tls ? "node" : "deno", "load", []);
    for (const name of names) {
      const all = this.#servers.set(name, []).get(name)!;
      while (all.length < processesOf(this.pace)) all.push(await this.serve(name));
    }
  }

  protected async serve(name: string, env = {}): Promise<{ talker: Talker; port: number }> {
    const runtime = name === "tcp" ? "node" : this.runtime;
    const talker = this.run(SERVER, runtime, serverOf(name, runtime), [], { ...this.envOf(this.what), ...env });
    return { talker, port: Number(await talker.line()) };
  }

  protected jobOf(name: string, port: number, pid: number, first: boolean): Job {
    const warmup = (first ? FIRST_WARMUP : WARMUP) * (this.pace.quick ? 0.5 : 1);
    const enough = first && !this.pace.quick ? FIRST_ENOUGH : 0;
    return { ...this.what, port, pid, seconds: this.pace.seconds, warmup, enough, bare: name === "tcp" };
  }

  override async measure(name: string, round: number): Promise<Round> {
    const all = this.#servers.get(name)!;
    const { talker, port } = all[round % all.length]!;
    return await this.load!.ask<Result>(this.jobOf(name, port, talker.pid, this.isCold(talker)));
  }
}

/** Memory: a server for each round, which is asked before the connections and with them. */
class MemoryField extends ServerField {
  protected override start(): Promise<void> {
    this.load = this.run(LOAD, "deno", "load", []);
    return Promise.resolve();
  }

  override async measure(name: string): Promise<Round> {
    const connections = this.pace.quick ? Math.min(1_000, this.what.connections) : this.what.connections;
    const { talker, port } = await this.serve(name, { BENCH_WEIGH: "1" });
    try {
      const job = this.jobOf(name, port, talker.pid, true);
      // What is loaded and compiled once is not the connections'.
      await this.load!.ask({ ...job, connections: 50 });
      const before = await settled(talker.pid);
      await this.load!.ask({ ...job, connections });
      const after = await settled(talker.pid);
      return { cost: (after - before) / connections };
    } finally {
      await this.stop(talker);
    }
  }
}

/** Memory of a process when it has been collected, three times, as servers that are weighed do when they are told to. */
async function settled(pid: number): Promise<number> {
  for (let times = 0; times < 3; times++) {
    Deno.kill(pid, "SIGUSR2");
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  return residentBytes(pid);
}

/** Clients, each in a process of its own, against one feeder. */
class ClientField extends Field {
  readonly #what: ClientWorkload;
  readonly #pace: Pace;
  readonly #clients: Map<string, Talker[]> = new Map();
  #port = 0;

  constructor(what: ClientWorkload, runtime: RuntimeName, commands: Commands, pace: Pace) {
    super(runtime, commands);
    this.#what = what;
    this.#pace = pace;
  }

  protected override async start(names: readonly string[]): Promise<void> {
    this.#port = Number(await this.run(LOAD, "node", "feeder", [], this.envOf(this.#what)).line());
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    for (const name of names) {
      const start = () => this.run(SERVER, this.runtime, "clients/client", [name], this.#what.tls ? env : {});
      this.#clients.set(name, Array.from({ length: processesOf(this.#pace) }, start));
    }
  }

  override async measure(name: string, round: number): Promise<Round> {
    const all = this.#clients.get(name)!;
    const talker = all[round % all.length]!;
    const warmup = (this.isCold(talker) ? FIRST_WARMUP : WARMUP) * (this.#pace.quick ? 0.5 : 1);
    const job: ClientJob = { ...this.#what, port: this.#port, seconds: this.#pace.seconds, warmup };
    return await talker.ask<Result>(job);
  }
}

class ImportField extends Field {
  constructor(runtime: RuntimeName, commands: Commands) {
    super(runtime, commands);
  }

  protected override start(): Promise<void> {
    return Promise.resolve();
  }

  override async measure(name: string): Promise<Round> {
    const talker = this.run(SERVER, this.runtime, "imports", [name]);
    const cost = Number(await talker.line());
    await this.stop(talker);
    return { cost };
  }
}
