/** A session under test: what it tells and what it writes, as data. */

import { summarizeClose } from "../../src/protocol/close.ts";
import type { Role } from "../../src/protocol/constants.ts";
import type { WebSocketError } from "../../src/protocol/errors.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionEvents, SessionOptions } from "../../src/protocol/session_options.ts";
import { concat, type ReadFrame, readFrames, show } from "../frames.ts";
import type { Said } from "../vectors.ts";

/** Both ends. */
export const roles: readonly Role[] = ["client", "server"];

/** The role of the other end. */
export const other = (role: Role): Role => role === "client" ? "server" : "client";

/** What a session told: what the peer said, or that it failed with a code. */
export type Told = Said | readonly ["failed", string];

/** A session that writes down what happens to it. */
export class Recorder implements SessionEvents {
  readonly copies: boolean;
  readonly session: Session;
  readonly told: Told[] = [];
  /** The binary messages themselves, to be looked at later. */
  readonly binaries: Uint8Array[] = [];
  readonly written: Uint8Array[] = [];
  errors: WebSocketError[] = [];
  /** Called with each thing that is told, from within the delivery. */
  ontold: (told: Told) => void = () => {};
  /** Whether a chunk is kept. */
  keeps: (chunk: Uint8Array, mayKeep: boolean) => boolean = () => false;

  constructor(role: Role, options: SessionOptions = {}, copies: boolean = false) {
    this.copies = copies;
    this.session = new Session(role, this, options);
  }

  /** Gives bytes from the peer, as a copy, and lets the answer leave. */
  receive(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      this.session.receive(chunk.slice());
      this.session.flush();
    }
    return this;
  }

  /** All that was written, and the run that has not left. */
  get output(): Uint8Array<ArrayBuffer> {
    this.session.flush();
    return concat(...this.written);
  }

  /** The frames that were written. */
  get frames(): ReadFrame[] {
    return readFrames(this.output);
  }

  /** The frames that were written, in short: opcode and payload in hex. */
  get sent(): string[] {
    return this.frames.map(({ opcode, payload }) => `${opcode} ${show(payload)}`.trim());
  }

  #tell(told: Told): void {
    this.told.push(told);
    this.ontold(told);
  }

  text(data: string, compressed: boolean): void {
    if (compressed) throw new Error("Told of a compressed text that was not");
    this.#tell(["text", data]);
  }

  binary(data: Uint8Array, compressed: boolean): void {
    if (compressed) throw new Error("Told of a compressed message that was not");
    this.binaries.push(data);
    this.#tell(["binary", show(data)]);
  }

  pinged(data: Uint8Array): void {
    this.#tell(["ping", show(data)]);
  }

  ponged(data: Uint8Array): void {
    this.#tell(["pong", show(data)]);
  }

  closed(): void {
    const { received } = this.session.closeRecord;
    this.#tell(["close", received?.code, received?.reason ?? ""]);
  }

  failed(error: WebSocketError): void {
    this.errors.push(error);
    this.#tell(["failed", error.code]);
  }

  write(chunk: Uint8Array, mayKeep: boolean): boolean {
    const kept = this.keeps(chunk, mayKeep);
    this.written.push(kept ? chunk : chunk.slice());
    return kept;
  }

  /** The end in short, as the web tells it. */
  get end(): string {
    const { code, reason, wasClean } = summarizeClose(this.session.closeRecord);
    return `${code} ${JSON.stringify(reason)} ${wasClean ? "clean" : "unclean"}`;
  }
}
