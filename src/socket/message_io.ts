/**
 * Messages over byte streams, framed by hand: one whole message out of a stream, one frame into it.
 *
 * ```
 *   readable -> Inlet: what is left over -> FrameReader -> Assembler -> the whole message
 *   MemoryStream, at its position --------------^              `-> a ping between fragments -> pong -> writable
 *
 *   frame -> Outlet, in order -> writable, or MemoryStream
 * ```
 */

import { Gatherer } from "../protocol/bytes.ts";
import { parseClose } from "../protocol/close.ts";
import { CLOSE, MAX_CONTROL_PAYLOAD, MAX_FRAGMENTS, PING, PONG, type Role, TEXT } from "../protocol/constants.ts";
import { type ErrorCode, WebSocketError } from "../protocol/errors.ts";
import {
  checkHeader,
  FIN,
  type FrameHandler,
  FrameReader,
  headerSize,
  RSV1,
  writeHeader,
  writeKey,
} from "../protocol/frame.ts";
import { show } from "../protocol/headers.ts";
import { freshKey, mask } from "../protocol/mask.ts";
import { Utf8Validator } from "../protocol/utf8.ts";
import { MemoryStream } from "./memory_stream.ts";

/**
 * Where messages can be read from: the readable end of a stream, or memory.
 *
 * @example
 * ```ts
 * import { MemoryStream, Message, type MessageSource } from "@sockeye/ws";
 *
 * const bytes = new MemoryStream();
 * bytes.write(Uint8Array.of(0x81, 0x02, 0x48, 0x69));
 * bytes.rewind();
 * const source: MessageSource = bytes;
 * const message = new Message();
 * await message.readFrom(source);
 * console.assert(message.data === "Hi");
 * ```
 */
export type MessageSource =
  | MemoryStream
  | {
    /** Gives the bytes. What is behind a message is kept for the next read. */
    readonly readable: ReadableStream<Uint8Array>;
    /** Takes the pongs to pings that stand between the fragments of a message. */
    readonly writable?: WritableStream<Uint8Array>;
  };

/**
 * Where messages can be sent to: the writable end of a stream, or memory.
 *
 * @example
 * ```ts
 * import { MemoryStream, Message, type MessageSink, TEXT } from "@sockeye/ws";
 *
 * const bytes = new MemoryStream();
 * const sink: MessageSink = bytes;
 * const message = new Message(TEXT, false);
 * message.write("Hi");
 * await message.sendTo(sink);
 * console.assert(bytes.size() === 4);
 * ```
 */
export type MessageSink =
  | MemoryStream
  | {
    /** Takes the bytes. */
    readonly writable: WritableStream<Uint8Array>;
  };

/** One message as it came, not yet inflated. */
export interface Received {
  /** The opcode of its first frame, or that of a control frame. */
  readonly type: number;
  /** Its frames were masked: a client sent it. */
  readonly masked: boolean;
  /** Its payload is compressed. */
  readonly compressed: boolean;
  /** The payloads of its frames, joined. */
  readonly payload: Uint8Array;
}

/** What one message may be. */
export interface ReadLimits {
  /** Bytes of the payload. */
  readonly maxSize: number;
  /** Reserved bits that may be set on the first frame. */
  readonly reservedBits: number;
}

/** Reads a chunk of memory at a time: so much is copied at most for a short message. */
const MEMORY_CHUNK = 16_384;

/**
 * Reads one message and leaves what is behind it for the next read of the same stream. Rejects with a `WebSocketError`; after
 * one for what came, every later read of the same readable rejects with it, for nobody knows where its next frame begins.
 */
export async function readMessage(source: MessageSource, limits: ReadLimits): Promise<Received> {
  const assembler = new Assembler(limits);
  if (source instanceof MemoryStream) return readMemory(source, assembler);
  const inlet = inletOf(source.readable);
  if (inlet.fault !== undefined) throw inlet.fault;
  const reader = source.readable.getReader();
  try {
    for (;;) {
      inlet.rest = inlet.rest.subarray(assembler.push(inlet.rest));
      if (assembler.fault !== undefined) throw inlet.fault = assembler.fault;
      const pong = assembler.takePong();
      if (pong !== undefined && source.writable !== undefined) void sendPong(source.writable, pong);
      if (assembler.received !== undefined) return assembler.received;
      const { done, value } = await readChunk(reader);
      if (done) throw assembler.cutOff();
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`Cannot read a message: the stream gave ${show(value)}, wanted a Uint8Array`);
      }
      // A copy, for unmasking overwrites it, and whose bytes these are is not known. (A Buffer's `slice` would be none.)
      inlet.rest = new Uint8Array(value);
    }
  } finally {
    reader.releaseLock();
  }
}

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    if (cause instanceof WebSocketError) throw cause;
    throw new WebSocketError("WS_TRANSPORT_FAILED", `Cannot read a message: the stream failed: ${String(cause)}`, {
      cause,
    });
  }
}

/** Memory has no other end that could be answered. */
function readMemory(stream: MemoryStream, assembler: Assembler): Received {
  for (;;) {
    const start = stream.tell();
    const chunk = stream.read(MEMORY_CHUNK);
    if (chunk === null) throw assembler.cutOff();
    stream.seek(start + assembler.push(chunk));
    if (assembler.fault !== undefined) throw assembler.fault;
    if (assembler.received !== undefined) return assembler.received;
  }
}

/** What is known of a readable between two reads. */
interface Inlet {
  /** Bytes behind the last message. */
  rest: Uint8Array;
  /** Why nothing can be read any more. */
  fault: WebSocketError | undefined;
}

const inlets: WeakMap<ReadableStream<Uint8Array>, Inlet> = new WeakMap();
const NOTHING: Uint8Array = new Uint8Array(0);

function inletOf(readable: ReadableStream<Uint8Array>): Inlet {
  let inlet = inlets.get(readable);
  if (inlet === undefined) {
    inlet = { rest: NOTHING, fault: undefined };
    inlets.set(readable, inlet);
  }
  return inlet;
}

/** Puts the frames of one message together: the handler of a `FrameReader` that stops behind the message. */
class Assembler implements FrameHandler {
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #limits: ReadLimits;
  /** Who this end is, as the first frame tells it: what a client sends is masked. */
  #role: Role | undefined;
  /** The message in progress: its opcode, or 0 when none has begun. */
  #opcode = 0;
  #compressed = false;
  #declared = 0;
  #fragments = 0;
  /** First byte of the frame that is being read. */
  #first = 0;
  readonly #gatherer: Gatherer = new Gatherer();
  readonly #control: Gatherer = new Gatherer();
  readonly #utf8: Utf8Validator = new Utf8Validator();

  /** The message, once it is whole. */
  received: Received | undefined;
  /** What is wrong with it. */
  fault: WebSocketError | undefined;
  /** Payload of the latest ping between its fragments that was not answered yet. */
  #owedPong: Uint8Array | undefined;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  /** Takes a chunk, which it overwrites; returns how many of its bytes belong to the message. */
  push(chunk: Uint8Array): number {
    return this.#reader.push(chunk);
  }

  /** The frame that answers the latest ping between fragments, once. */
  takePong(): Uint8Array | undefined {
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    return payload === undefined ? undefined : makeFrame(FIN | PONG, payload, this.#role === "client");
  }

  /** The error of a stream that ended too early. */
  cutOff(): WebSocketError {
    const where = this.#role === undefined ? "before a message began" : "inside a message";
    return new WebSocketError("WS_PEER_VANISHED", `Cannot read a message: the stream ended ${where}`);
  }

  /** {@inheritDoc FrameHandler.header} */
  header(b0: number, b1: number): boolean {
    this.#role ??= b1 >= 0x80 ? "server" : "client";
    const fault = checkHeader(b0, b1, this.#role, this.#limits.reservedBits, this.#opcode !== 0);
    return fault === undefined || this.#break(fault, `header bytes are 0x${hex(b0)} 0x${hex(b1)}`);
  }

  /** {@inheritDoc FrameHandler.begin} */
  begin(b0: number, length: number): boolean {
    this.#first = b0;
    if (length < 0) return this.#break("WS_INVALID_LENGTH", "length is not in its shortest form, or over 2^63");
    const opcode = b0 & 0x0f;
    const { maxSize } = this.#limits;
    // A control frame between fragments is no part of the message.
    const size = opcode < CLOSE ? this.#declared += length : this.#opcode === 0 ? length : 0;
    if (size > maxSize) return this.#break("WS_MESSAGE_TOO_BIG", `message has ${size} bytes, maxSize is ${maxSize}`);
    if (opcode >= CLOSE) return true;
    if (opcode !== 0) {
      this.#opcode = opcode;
      this.#compressed = (b0 & RSV1) !== 0;
    }
    return ++this.#fragments <= MAX_FRAGMENTS ||
      this.#break("WS_TOO_MANY_FRAGMENTS", `message has more than ${MAX_FRAGMENTS} frames`);
  }

  /** {@inheritDoc FrameHandler.payload} */
  payload(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    const first = this.#first;
    if ((first & CLOSE) !== 0) return this.#controlPayload(first & 0x0f, bytes, start, end, last);
    if (this.#opcode === TEXT && !this.#compressed) {
      const wrong = this.#utf8.push(bytes, start, end);
      if (wrong >= 0) return this.#break("WS_INVALID_UTF8", `byte 0x${hex(bytes[wrong]!)} cannot stand where it does`);
    }
    const final = (first & FIN) !== 0;
    if (!this.#gatherer.append(bytes, start, end, final ? this.#declared : undefined)) {
      return this.#break("WS_MESSAGE_TOO_BIG", "there is no memory of its size");
    }
    if (!last || !final) return true;
    if (!this.#utf8.complete) return this.#break("WS_INVALID_UTF8", "text ends inside a character");
    return this.#done(this.#opcode, this.#compressed, this.#gatherer.take());
  }

  #controlPayload(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    const payload = this.#control.join(bytes, start, end, last, MAX_CONTROL_PAYLOAD);
    if (payload === undefined) return true;
    if (opcode === CLOSE) {
      const fault = parseClose(payload);
      if (typeof fault === "string") return this.#break(fault, `Close frame carries ${payload.length} bytes`);
    } else if (this.#opcode !== 0) {
      if (opcode === PING) this.#owedPong = payload;
      return true;
    }
    // By itself it is a message. A Close between fragments too: the rest of the one in progress will not come.
    return this.#done(opcode, false, payload);
  }

  #done(type: number, compressed: boolean, payload: Uint8Array): false {
    this.received = { type, masked: this.#role === "server", compressed, payload };
    return false;
  }

  #break(code: ErrorCode, detail: string): false {
    this.fault = new WebSocketError(code, `Cannot read a message: ${detail} (${code})`);
    return false;
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Makes one final frame. The payload is copied. */
export function makeFrame(b0: number, payload: Uint8Array, masked: boolean): Uint8Array {
  const frame = new Uint8Array(headerSize(payload.length, masked) + payload.length);
  let at = writeHeader(frame, 0, b0, payload.length, masked);
  if (masked) {
    const key = freshKey();
    at = writeKey(frame, at, key);
    frame.set(payload, at);
    mask(frame, at, frame.length, key);
  } else frame.set(payload, at);
  return frame;
}

/** What is known of a writable, or of memory, between two writes. */
interface Outlet {
  /** The last frame that has to be waited for before another may be written. */
  tail: Promise<unknown> | undefined;
  /** A pong is on its way, and this one waits behind it. */
  pongs: { next: Uint8Array | undefined } | undefined;
}

const outlets: WeakMap<object, Outlet> = new WeakMap();

function outletOf(sink: object): Outlet {
  let outlet = outlets.get(sink);
  if (outlet === undefined) {
    outlet = { tail: undefined, pongs: undefined };
    outlets.set(sink, outlet);
  }
  return outlet;
}

/**
 * Writes a frame, or one that has to be waited for, behind those that were given before. Resolves when the stream has taken
 * it.
 */
export async function writeFrame(sink: MessageSink, frame: Uint8Array | Promise<Uint8Array>): Promise<void> {
  const outlet = outletOf(sink instanceof MemoryStream ? sink : sink.writable);
  const { tail } = outlet;
  if (tail === undefined && frame instanceof Uint8Array) return writeNow(sink, frame);
  const turn = Promise.all([frame, tail]);
  // Those behind it go on when this one cannot be made.
  const settled = turn.catch(() => {}).then(() => {
    if (outlet.tail === settled) outlet.tail = undefined;
  });
  outlet.tail = settled;
  const [ready] = await turn;
  return writeNow(sink, ready);
}

/** Holds the lock of the writable only for the call, so that others can write while this one waits. */
function writeNow(sink: MessageSink, frame: Uint8Array): Promise<void> | void {
  if (sink instanceof MemoryStream) return sink.write(frame);
  const writer = sink.writable.getWriter();
  const written = writer.write(frame);
  writer.releaseLock();
  return written;
}

/**
 * Answers a ping. While a pong is on its way only the latest ping behind it is answered (RFC 6455, section 5.5.3), so that
 * a peer that does not read cannot pile them up. Where somebody else holds the writable, nobody answers.
 */
async function sendPong(writable: WritableStream<Uint8Array>, frame: Uint8Array): Promise<void> {
  const outlet = outletOf(writable);
  if (outlet.pongs !== undefined) {
    outlet.pongs.next = frame;
    return;
  }
  const pongs = outlet.pongs = { next: frame as Uint8Array | undefined };
  try {
    while (pongs.next !== undefined) {
      const next = pongs.next;
      pongs.next = undefined;
      await writeFrame({ writable }, next);
    }
  } catch {
    // The stream is held, or broken: whoever reads on or writes next learns that.
  }
  outlet.pongs = undefined;
}
