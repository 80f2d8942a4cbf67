/** What the tests of links and sockets need: a peer that speaks in bytes, and a link that writes down what it tells. */

import { fail } from "@std/assert";
import { type CloseRecord, summarizeClose } from "../../src/protocol/close.ts";
import type { Role } from "../../src/protocol/constants.ts";
import type { WebSocketError } from "../../src/protocol/errors.ts";
import { memoryPair } from "../../src/runtime/memory.ts";
import type { LinkEvents } from "../../src/socket/link.ts";
import { Opening } from "../../src/socket/opening.ts";
import type { LinkOptions } from "../../src/socket/link_options.ts";
import { SessionLink } from "../../src/socket/session_link.ts";
import type { Transport, TransportSink } from "../../src/socket/transport.ts";
import { concat, type FrameParts, readFrames, show, to } from "../frames.ts";

/** Lets all come that is on its way in memory, where nothing waits for anything but microtasks. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** One end of a connection, in bytes. */
export class Peer implements TransportSink {
  readonly transport: Transport;
  readonly chunks: Uint8Array[] = [];
  ended = false;
  broken = false;
  drains = 0;
  readonly #role: Role;

  /** `role` is that of this end: a client masks. */
  constructor(transport: Transport, role: Role) {
    this.transport = transport;
    this.#role = role;
    transport.open(this);
  }

  /** All bytes that came. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return concat(...this.chunks);
  }

  /** The frames that came, in short: opcode and payload in hex. */
  get frames(): string[] {
    return readFrames(this.bytes).map(({ opcode, payload }) => `${opcode} ${show(payload)}`.trim());
  }

  /** Sends frames. */
  send(...frames: readonly FrameParts[]): this {
    const reader = this.#role === "client" ? "server" : "client";
    return this.write(concat(...frames.map((parts) => to(reader, parts))));
  }

  /** Sends bytes. */
  write(bytes: Uint8Array): this {
    this.transport.write(bytes, false);
    return this;
  }

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }

  end(): void {
    this.ended = true;
  }

  drain(): void {
    this.drains++;
  }

  abort(): void {
    this.broken = true;
  }
}

/** The end in short, as the web tells it and with who began. */
export function endOf(record: CloseRecord): string {
  const { code, reason, wasClean } = summarizeClose(record);
  return `close ${code} ${JSON.stringify(reason)} ${wasClean ? "clean" : "unclean"} ${record.initiator}`;
}

/** What a link tells, in short and in order. It fails when something comes that must not come any more. */
export class LinkLog implements LinkEvents {
  readonly told: string[] = [];
  /** Called with each thing that is told, from within the call. */
  ontold: (what: string) => void = () => {};
  /** Resolves when the link is over. */
  readonly over: Promise<void>;
  errors: WebSocketError[] = [];
  #end: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => this.#end = resolve);
  }

  #tell(what: string): void {
    if (this.told.some((each) => each.startsWith("close "))) fail(`${what} came after ${this.told.join(", ")}`);
    if (what.startsWith("error") && this.errors.length > 1) fail(`a second error came after ${this.told.join(", ")}`);
    this.told.push(what);
    this.ontold(what);
  }

  text(data: string): void {
    this.#tell(`text ${data}`);
  }

  binary(data: Uint8Array): void {
    this.#tell(`binary ${show(data)}`);
  }

  ping(data: Uint8Array): void {
    this.#tell(`ping ${show(data)}`.trim());
  }

  pong(data: Uint8Array): void {
    this.#tell(`pong ${show(data)}`.trim());
  }

  drain(): void {
    this.#tell("drain");
  }

  closing(): void {
    this.#tell("closing");
  }

  error(why: () => WebSocketError): void {
    const error = why();
    this.errors.push(error);
    this.#tell(`error ${error.code}`);
  }

  close(record: CloseRecord): void {
    this.#tell(endOf(record));
    this.#end();
  }
}

/** A link, what it tells, and its peer. */
export interface Linked {
  link: SessionLink;
  log: LinkLog;
  peer: Peer;
  /** The link's own transport. */
  transport: Transport;
}

/** Makes a link in memory that has been started, with a peer that speaks in bytes. */
export function linked(role: Role, options: LinkOptions = {}): Linked {
  const [near, far] = memoryPair();
  const link = new SessionLink(role, new Opening(near), { closeTimeout: 0, ...options });
  const log = new LinkLog();
  link.start(log);
  return { link, log, peer: new Peer(far, role === "client" ? "server" : "client"), transport: near };
}
