/**
 * A server in a process of its own under 5,000 connections of our client that come and go: closed at either end, cut, or
 * left with a message on its way. Afterwards nothing is open at either end, and the memory is back where it was.
 *
 * `SOCKEYE_CHURN_SECONDS` says for how long; the default is short, as all runtimes have to share a machine.
 */

import process from "node:process";
import { test } from "node:test";
import { Socket } from "@sockeye/ws";
import { assert, assertEquals } from "@std/assert";
import { attacking, eventually } from "../limits/attacker.ts";
import { heldBytes, mib } from "../limits/memory.ts";
import { openSockets, tooFewFiles } from "../open_sockets.ts";
import { Random } from "../random.ts";

const COUNT = 5_000;
const SECONDS = Number(process.env["SOCKEYE_CHURN_SECONDS"] ?? 10);
const MIB = 1_048_576;
/** What may be held at the end beyond what was at first: what the runtime keeps of its own for the next connections. */
const MARGIN = 32 * MIB;
/** Connections that change in a turn. */
const STEP = 50;

const skip = tooFewFiles(COUNT + 500);

/** What is lost must be missed, and not made up for by a time limit; and a busy machine may take its time. */
const UNHURRIED = { handshakeTimeout: 0, closeTimeout: 0 };
/** Milliseconds for all to come to an end. */
const PATIENCE = 150_000;

/** All connections there are, and what became of those that were. */
class Crowd {
  readonly #url: string;
  readonly #random = new Random(6);
  readonly open: Socket[] = [];
  opened = 0;
  echoed = 0;
  closed = 0;
  readonly strange: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async add(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#add()));
  }

  #add(): Promise<void> {
    const socket = new Socket(this.#url, UNHURRIED);
    let sent = "";
    socket.on("open", () => socket.send(sent = `hello ${this.opened++}`));
    socket.on("message", ({ data }) => {
      this.echoed++;
      if (data !== sent) this.strange.push(`sent ${sent}, got ${String(data)}`);
    });
    socket.on("error", ({ error }) => this.strange.push(error.message));
    socket.on("close", () => this.closed++);
    this.open.push(socket);
    return new Promise((resolve) => {
      socket.once("message", () => resolve());
      socket.once("close", () => resolve());
    });
  }

  /** Ends some, each in another way. */
  remove(count: number): void {
    for (let i = 0; i < count && this.open.length > 0; i++) {
      const at = this.#random.below(this.open.length);
      const socket = this.open[at]!;
      this.open[at] = this.open.at(-1)!;
      this.open.pop();
      switch (this.#random.below(4)) {
        case 0:
          socket.terminate();
          break;
        case 1:
          socket.send("on its way");
          socket.terminate();
          break;
        default:
          socket.close(3000, "enough");
      }
    }
  }
}

test(
  `${COUNT} connections that come and go`,
  { skip },
  () =>
    attacking(
      { application: "echo", upgrade: { closeTimeout: 0 }, server: { handshakeTimeout: 0 } },
      async (victim) => {
        const url = `ws://127.0.0.1:${victim.port}/ws`;
        // Once around first: what is compiled and made at the first use is held ever after.
        const first = new Crowd(url);
        await first.add(200);
        first.remove(200);
        await eventually(() => first.closed === 200);
        await eventually(async () => (await victim.report()).connections === 0);
        const sockets = openSockets();
        const [server, client] = [(await victim.report()).held, heldBytes()];

        const crowd = new Crowd(url);
        const started = performance.now();
        while (crowd.open.length < COUNT) await crowd.add(100);
        assertEquals((await victim.report()).connections, COUNT);
        const full = (await victim.report()).held - server;
        const until = performance.now() + SECONDS * 1_000;
        while (performance.now() < until) {
          crowd.remove(STEP);
          await crowd.add(STEP);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await eventually(async () => (await victim.report()).connections === COUNT);
        crowd.remove(COUNT);
        await eventually(() => crowd.closed === crowd.opened, PATIENCE);
        await eventually(async () => (await victim.report()).connections === 0);
        await eventually(() => openSockets() <= sockets);
        const [left, here] = [(await victim.report()).held - server, heldBytes() - client];
        console.log(
          `  ${crowd.opened} connections in ${Math.round((performance.now() - started) / 1000)} s, ${COUNT} at once: ` +
            `the server held ${mib(full)}; at the end ${mib(left)} more than before, the clients ${mib(here)}`,
        );
        assertEquals([crowd.strange, crowd.open.length], [[], 0]);
        assert(crowd.opened > COUNT, "none has come while others were there");
        assert(crowd.echoed >= crowd.opened - 1, `${crowd.echoed} of ${crowd.opened} have got an answer`);
        assert(
          left < MARGIN && here < MARGIN,
          `${mib(left)} and ${mib(here)} are held, wanted less than ${mib(MARGIN)}`,
        );
      },
    ),
);
