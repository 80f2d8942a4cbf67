/**
 * One end of a connection under test. It sends a known pattern, checks it on arrival, and watches the laws of
 * `src/socket/transport.ts` at every call, so that each test of the contract is also a test of all of them:
 *
 * - a lent chunk is overwritten with 0xff right after `write()`, a kept one is left alone; no chunk is changed by `write()`;
 * - a received chunk is overwritten and kept, and must not change afterwards;
 * - no sink method comes from inside a call, while paused (save `abort` and `drain`), twice, after the end or the abort, or
 *   to a sink that was replaced; `drain` comes exactly when `buffered` was above zero and is zero again.
 */
import { assert, fail } from "@std/assert";
import type { Transport, TransportSink, WriteResult } from "../../src/socket/transport.ts";

/** How long anything may take, in milliseconds. Nothing waits for it but a test that fails. */
const DEADLINE = 20_000;
/** Received bytes of which the chunks are held, to see whether they change. */
const HOLD = 2 << 20;
/** A prime, so that the pattern is at odds with every size of chunk. */
const PERIOD = 65_521;

const pattern: Uint8Array = Uint8Array.from({ length: PERIOD }, (_, i) => (i * 7 + (i >> 8) * 31) & 0xff);

/** How many calls into a transport are under way, on any end. */
let calling = 0;

/** The bytes of the pattern from `offset` on. */
export function patternAt(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const from = (offset + at) % PERIOD;
    const part = pattern.subarray(from, Math.min(PERIOD, from + length - at));
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

/** Lets all that is under way arrive, before a test says that nothing has come. It never waits for something to come. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25));
}

/** One turn of the event loop, network included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Waits for `promise`, and fails with `what` when it does not settle. */
export async function within<T>(promise: Promise<T>, what: string | (() => string)): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Waited too long: ${typeof what === "string" ? what : what()}`));
    }, DEADLINE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A transport under watch. */
export class End {
  readonly name: string;
  readonly transport: Transport;
  /** Bytes of the pattern handed to `write()` and not refused. */
  sent = 0;
  /** Bytes received. */
  received = 0;
  /** Chunks received. */
  chunks = 0;
  /** Calls of `drain`. */
  drains = 0;
  /** The peer's FIN has come. */
  ended = false;
  /** The connection broke. */
  aborted = false;
  /** Why it broke. */
  reason: unknown;
  /** Called in the middle of `data`. */
  onData: ((length: number) => void) | undefined;
  /** Called in the middle of `end`. */
  onEnd: (() => void) | undefined;
  /** Called in the middle of `drain`. */
  onDrain: (() => void) | undefined;

  readonly #violations: string[] = [];
  readonly #held: Uint8Array[] = [];
  readonly #waiting = new Set<() => void>();
  #heldBytes = 0;
  /** What the transport keeps of what was written. */
  readonly #kept: Set<Uint8Array> = new Set();
  #sinks = 0;
  #paused = false;
  #over = false;
  #owesDrain = false;

  constructor(name: string, transport: Transport) {
    this.name = name;
    this.transport = transport;
  }

  /** Opens the transport, or hands it over to a new sink. */
  open(): void {
    const id = ++this.#sinks;
    const sink: TransportSink = {
      data: (chunk) => this.#data(id, chunk, false),
      // One end takes what is lent, the other what it may keep.
      ...(this.name === "near" ? { lent: (chunk: Uint8Array) => this.#data(id, chunk, true) } : {}),
      // And one has its copies made for it.
      ...(this.name === "far" ? { copy: (chunk: Uint8Array) => this.#copy(chunk) } : {}),
      returned: (chunk) => this.#returned(chunk),
      end: () => this.#end(id),
      drain: () => this.#drain(id),
      abort: (reason) => this.#abort(id, reason),
    };
    this.#call(() => this.transport.open(sink));
  }

  /** Writes the next `length` bytes of the pattern, and spoils the chunk where that is allowed. */
  send(length: number, mayKeep: boolean = false): WriteResult {
    // In the middle of a larger buffer: a transport must not look at what is around the chunk.
    const around = new Uint8Array(length + 16).fill(0xaa);
    const chunk = around.subarray(8, 8 + length);
    const wanted = patternAt(this.sent, length);
    chunk.set(wanted);
    const result = this.#call(() => this.transport.write(chunk, mayKeep));
    if (!equal(chunk, wanted)) this.#violate("write changed the chunk");
    if (result === "kept" && !mayKeep) this.#violate("write kept a chunk that was lent");
    if (result === "kept") this.#kept.add(chunk);
    else chunk.fill(0xff);
    if (result !== "refused") this.sent += length;
    if (this.transport.buffered > 0) this.#owesDrain = true;
    return result;
  }

  pause(): void {
    this.#call(() => this.transport.pause());
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#call(() => this.transport.resume());
  }

  /** FIN. */
  finish(): void {
    this.#call(() => this.transport.end());
  }

  abort(reason?: unknown): void {
    this.#call(() => this.transport.abort(reason));
    this.#over = true;
  }

  /** Waits until `met` holds; looked at whenever something happens on this end. */
  async until(met: () => boolean, what: string): Promise<void> {
    if (met()) return;
    let wake: (() => void) | undefined;
    const done = new Promise<void>((resolve) => {
      wake = () => met() && resolve();
      this.#waiting.add(wake);
    });
    try {
      await within(done, () => `${what} (${this})`);
    } finally {
      if (wake) this.#waiting.delete(wake);
    }
  }

  /** Waits until all that `other` has sent is here. */
  untilAllOf(other: End): Promise<void> {
    return this.until(
      () => this.received >= other.sent,
      `${this.name} to receive all ${other.sent} bytes of ${other.name}`,
    );
  }

  /** Waits until nothing is buffered. */
  untilDrained(): Promise<void> {
    return this.until(() => this.transport.buffered === 0 && !this.#owesDrain, `${this.name} to drain`);
  }

  /** Waits for the peer's FIN. */
  untilEnded(): Promise<void> {
    return this.until(() => this.ended, `the FIN to reach ${this.name}`);
  }

  /** Waits for the peer's FIN or the break. */
  untilOver(): Promise<void> {
    return this.until(() => this.ended || this.aborted, `the end or the abort to reach ${this.name}`);
  }

  /** Fails if a law was broken. */
  check(): void {
    for (const chunk of this.#held) {
      if (!chunk.every((byte) => byte === 0xee)) this.#violate("a received chunk changed later");
    }
    if (this.#violations.length > 0) fail(`${this}: ${[...new Set(this.#violations)].join("; ")}`);
  }

  toString(): string {
    return `${this.name}: sent ${this.sent}, buffered ${this.transport.buffered}, received ${this.received} in ${this.chunks}, ` +
      `drains ${this.drains}, ended ${this.ended}, aborted ${this.aborted ? this.reason : false}`;
  }

  #copy(chunk: Uint8Array): Uint8Array {
    const copy = new Uint8Array(chunk);
    this.#kept.add(copy);
    return copy;
  }

  /** What has been written may be used again: a transport that looks at it now sends the wrong bytes. */
  #returned(chunk: Uint8Array): void {
    if (!this.#kept.delete(chunk)) this.#violate("a chunk came back that was not kept");
    chunk.fill(0xdd);
  }

  #data(id: number, chunk: Uint8Array, lent: boolean): void {
    this.#arrived("data", id);
    if (this.#paused) this.#violate("data while paused");
    if (this.ended) this.#violate("data after end");
    if (chunk.length === 0) this.#violate("data without bytes");
    if (Object.getPrototypeOf(chunk) !== Uint8Array.prototype) this.#violate(`data of class ${chunk.constructor.name}`);
    if (!equal(chunk, patternAt(this.received, chunk.length))) {
      this.#violate(`wrong bytes after ${this.received}`);
    }
    chunk.fill(0xee);
    if (!lent && this.#heldBytes < HOLD) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
    }
    this.received += chunk.length;
    this.chunks++;
    this.onData?.(chunk.length);
    this.#wake();
  }

  #end(id: number): void {
    this.#arrived("end", id);
    if (this.#paused) this.#violate("end while paused");
    if (this.ended) this.#violate("end twice");
    this.ended = true;
    this.onEnd?.();
    this.#wake();
  }

  #drain(id: number): void {
    this.#arrived("drain", id);
    if (this.transport.buffered !== 0) this.#violate(`drain with ${this.transport.buffered} bytes buffered`);
    if (!this.#owesDrain) this.#violate("drain without anything buffered before");
    this.#owesDrain = false;
    this.drains++;
    this.onDrain?.();
    this.#wake();
  }

  #abort(id: number, reason: unknown): void {
    this.#arrived("abort", id);
    if (reason === undefined) this.#violate("abort without a reason");
    this.aborted = true;
    this.reason = reason;
    this.#wake();
  }

  #arrived(method: string, id: number): void {
    if (calling > 0) this.#violate(`${method} from inside a call`);
    if (this.#over) this.#violate(`${method} after the own abort`);
    if (this.aborted) this.#violate(`${method} after abort`);
    if (id !== this.#sinks) this.#violate(`${method} to a sink that was replaced`);
  }

  #call<T>(call: () => T): T {
    calling++;
    try {
      return call();
    } finally {
      calling--;
    }
  }

  #violate(law: string): void {
    this.#violations.push(law);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/**
 * Makes `writer` write until it has `wanted` bytes buffered and stays backed up, because `reader` does not read; fails where
 * more than `bound` are in flight.
 */
export async function backUp(
  writer: End,
  reader: End,
  wanted: number,
  bound: number,
  mayKeep: boolean,
): Promise<void> {
  const bounded = () => {
    const inFlight = writer.sent - reader.received - writer.transport.buffered;
    assert(inFlight <= bound, `The writer was not stopped: ${inFlight} bytes in flight, at most ${bound} (${writer})`);
  };
  do {
    while (writer.transport.buffered < wanted) {
      writer.send(65_536, mayKeep);
      await turn();
      bounded();
    }
    // On a busy machine the system may come only now to take what was buffered: it had not been full.
    await quiet();
    bounded();
  } while (writer.transport.buffered === 0);
}
