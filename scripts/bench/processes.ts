/** The processes of a measurement: each pinned to a core where there is `taskset`, and talked to in lines. */

/** A command and its arguments. */
export type Command = readonly string[];

/** Whether processes can be pinned; asked once. */
let pinned: boolean | undefined;

function canPin(): boolean {
  if (pinned !== undefined) return pinned;
  try {
    pinned = navigator.hardwareConcurrency > 1 && new Deno.Command("taskset", { args: ["-V"] }).outputSync().success;
  } catch {
    pinned = false;
  }
  if (!pinned) console.error("No taskset, or one core: processes are not pinned, and figures say less");
  return pinned;
}

/** A process that answers in lines. */
export class Talker {
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #name: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts a process on a core. */
  constructor(command: Command, core: number, env: Record<string, string>, cwd: string) {
    const [program, ...args] = canPin() ? ["taskset", "-c", String(core), ...command] : command;
    this.#name = command.join(" ");
    this.#process = new Deno.Command(program!, {
      args,
      env,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    // taskset puts the program in its own place.
    this.pid = this.#process.pid;
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`Cannot measure: the process ended before it answered: ${this.#name}`);
      this.#rest += value;
    }
  }

  /** Sends a line of JSON and gives the answer. Rejects when none comes within a minute. */
  async ask<T>(question: unknown): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Cannot measure: no answer within 60 s: ${this.#name}`)), 60_000);
    });
    try {
      return JSON.parse(await Promise.race([this.line(), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it. */
  async stop(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#process.status;
    await this.#output.cancel();
    await this.#input.abort().catch(() => {});
  }
}
