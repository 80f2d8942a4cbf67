/**
 * Plays one case over TCP, as a raw peer of our server or of our client, and says what was not as it must be.
 *
 * ```
 *   case -> Player -> RawPeer <== TCP ==> testee: sends back what it gets, writes down what it is told
 * ```
 */

import { Socket, type SocketOptions, upgrade, type UpgradeOptions } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";
import { closePayload, type FrameParts, show, utf8 } from "../frames.ts";
import { dial, field, join, octetsOf, type RawFrame, type RawPeer, RawServer } from "./peer.ts";
import type { Case, Chop, Reply, Step } from "./script.ts";

/** The end of the connection that is tested. */
export type Testee = "client" | "server";
/** Both. */
export const testees: readonly Testee[] = ["server", "client"];

/** Longest time for a case, in milliseconds. */
const PATIENCE = 30_000;
/** How long nothing must come, where nothing may come, in milliseconds. */
const SILENCE = 30;

/** What a testee was told, in order. */
export class Log {
  messages = 0;
  readonly end: string[] = [];
  readonly over: Promise<void>;

  /** Lets a socket send back what it gets, and writes down what it is told. */
  constructor(socket: Socket) {
    socket.onmessage = ({ data }) => {
      this.messages++;
      socket.send(data);
    };
    socket.onerror = ({ error }) => this.end.push(`error ${error.code}`);
    this.over = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean, initiator }) => {
        this.end.push(`close ${code} ${JSON.stringify(reason)} ${wasClean ? "clean" : "unclean"} ${initiator}`);
        resolve();
      };
    });
  }
}

/** Lets the event loop go round, so that the other end has read what was written. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Plays the steps of a case. */
class Player {
  readonly #peer: RawPeer;
  readonly #testee: Testee;
  readonly #log: Log;
  #messages = 0;

  constructor(peer: RawPeer, testee: Testee, log: Log) {
    this.#peer = peer;
    this.#testee = testee;
    this.#log = log;
  }

  async play(step: Step): Promise<void> {
    switch (step.kind) {
      case "send":
        return await this.#send(step.frames, step.chop);
      case "part":
        return await this.#sendPart(step.frame, step.from, step.to);
      case "gets":
        for (const reply of step.replies) await this.#get(reply);
        return;
      case "silence":
        await new Promise((resolve) => setTimeout(resolve, SILENCE));
        if (this.#peer.anything) throw new Error(`Nothing was to come: ${told(await this.#peer.next())}`);
        return;
      case "rounds": {
        const { frame, count } = step;
        const octets = join(this.#encode(frame));
        for (let round = 0; round < count; round++) {
          await this.#peer.write(octets);
          await this.#get({ opcode: frame.opcode, payload: bytesOf(frame) });
        }
        return;
      }
      case "closed":
        await this.#getClose(step.payload);
        return await this.#ends(`close ${step.code} ${JSON.stringify(step.reason)} clean remote`);
      case "failed":
        await this.#getClose(closePayload(step.code));
        return await this.#ends(`error ${step.error}`, `close 1006 "" unclean local`);
    }
  }

  #encode({ opcode, fin = true, rsv = 0, ...frame }: FrameParts): Uint8Array<ArrayBuffer>[] {
    return octetsOf(this.#testee, { opcode, fin, rsv, payload: bytesOf(frame) });
  }

  async #send(frames: readonly FrameParts[], chop: Chop): Promise<void> {
    const encoded = frames.map((frame) => this.#encode(frame));
    if (chop === "frames") {
      for (const octets of encoded) await this.#write(join(octets));
      return;
    }
    const octets = join(encoded.flat());
    const size = chop === "whole" ? octets.length : chop;
    for (let at = 0; at < octets.length; at += size) await this.#write(octets.subarray(at, at + size));
  }

  async #sendPart(frame: FrameParts, from: number, to: number): Promise<void> {
    const [header, payload] = this.#encode(frame) as [Uint8Array, Uint8Array];
    await this.#write(join([from === 0 ? header : header.subarray(0, 0), payload.subarray(from, to)]));
  }

  /** Once the testee has closed there is nobody to write to, which is no fault of its. */
  async #write(octets: Uint8Array): Promise<void> {
    if (!this.#peer.socket.writable) return;
    await this.#peer.write(octets);
    await turn();
  }

  /** Waits for a message, in as many frames as it comes, or a control frame. */
  async #get({ opcode, payload }: Reply): Promise<void> {
    const parts: Uint8Array[] = [];
    for (let first = true;; first = false) {
      const frame = await this.#peer.next();
      const wanted = first ? opcode : 0;
      if (frame === "end" || frame.opcode !== wanted || frame.rsv !== 0) {
        throw new Error(`Met ${told(frame)}, wanted a frame with opcode ${wanted}`);
      }
      parts.push(frame.payload);
      if (frame.fin) break;
    }
    const whole = parts.length === 1 ? parts[0]! : join(parts);
    if (!equal(whole, payload)) throw new Error(`Opcode ${opcode} came with ${show(whole)}, wanted ${show(payload)}`);
    if (opcode < 8) this.#messages++;
  }

  async #getClose(payload: Uint8Array): Promise<void> {
    const frame = await this.#peer.next();
    if (frame === "end" || frame.opcode !== 8 || !frame.fin || frame.rsv !== 0 || !equal(frame.payload, payload)) {
      throw new Error(`Met ${told(frame)}, wanted a Close frame with ${show(payload)}`);
    }
  }

  /**
   * After the Close frames: a server ends the connection by itself; a client may wait for us to do so (RFC 6455, 7.1.1).
   * Then the testee must have been told of as many messages as came back, and of this end.
   */
  async #ends(...end: readonly string[]): Promise<void> {
    if (this.#testee === "client") this.#peer.end();
    const last = await this.#peer.next();
    if (last !== "end") throw new Error(`Met ${told(last)} behind the Close frame`);
    if (this.#testee === "server") this.#peer.end();
    await this.#log.over;
    if (this.#log.end.join() !== end.join()) throw new Error(`Told of ${this.#log.end}, wanted ${end}`);
    if (this.#log.messages !== this.#messages) {
      throw new Error(`Told of ${this.#log.messages} messages, wanted ${this.#messages}`);
    }
  }
}

function bytesOf({ payload = "" }: Pick<FrameParts, "payload">): Uint8Array {
  return typeof payload === "string" ? utf8(payload) : payload;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function told(frame: RawFrame | "end"): string {
  return frame === "end" ? "the end" : `opcode ${frame.opcode}, rsv ${frame.rsv}, payload ${show(frame.payload)}`;
}

/** Plays a case. Rejects with what was wrong, the last step in front of it. */
export async function play({ id, steps }: Case, testee: Testee): Promise<void> {
  const { peer, log, stop } = await (testee === "server" ? startServer() : startClient());
  const player = new Player(peer, testee, log);
  let doing = "nothing";
  const all = async (): Promise<void> => {
    for (const [at, step] of steps.entries()) {
      doing = `step ${at + 1} (${step.kind})`;
      await player.play(step);
    }
  };
  try {
    await withPatience(all());
  } catch (error) {
    throw new Error(`Case ${id}, our ${testee}, ${doing}: ${(error as Error).message}`);
  } finally {
    peer.socket.destroy();
    await stop();
  }
}

/** Settles as `work` does, or rejects when it takes too long. */
export async function withPatience(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over within ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A testee that runs, and its raw peer. */
export interface Started {
  readonly peer: RawPeer;
  readonly log: Log;
  /** What the server of the two answered to the extensions that were offered. */
  readonly extensions: string;
  readonly stop: () => unknown;
}

/** Starts our server. The raw client sends these fields. */
export async function startServer(options: UpgradeOptions = {}, fields: readonly string[] = []): Promise<Started> {
  let accepted: (log: Log) => void = () => {};
  const log = new Promise<Log>((resolve) => accepted = resolve);
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/": upgrade(options, (conn) => accepted(new Log(conn))),
  });
  await server.start();
  const peer = await dial(server.port, "/", fields);
  const extensions = field(peer.answer, "sec-websocket-extensions");
  return { peer, log: await log, extensions, stop: () => server.close({ deadline: 0 }) };
}

/** Starts our client. The raw server answers with these fields. */
export async function startClient(
  options: SocketOptions = {},
  fields: (request: string) => readonly string[] = () => [],
): Promise<Started> {
  let extensions = "";
  const server = await RawServer.listen((request) => {
    const all = fields(request);
    extensions = field(all.join("\r\n") + "\r\n", "sec-websocket-extensions");
    return all;
  });
  const log = new Log(new Socket(`ws://127.0.0.1:${server.port}/`, options));
  const peer = await server.accept();
  return { peer, log, extensions, stop: () => server.close() };
}
