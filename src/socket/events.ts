/**
 * The events of a `Socket`. They have the members of the web's events that make sense without a tree; they are made for
 * each message, so they are small.
 */

import type { CloseRecord } from "../protocol/close.ts";
import { summarizeClose } from "../protocol/close.ts";
import { BINARY, TEXT } from "../protocol/constants.ts";
import type { WebSocketError } from "../protocol/errors.ts";
import { stopped } from "./emitter.ts";
import { type CodecProvider, Message } from "./message.ts";

/**
 * What a message holds: text, or bytes in the form that `binaryType` names.
 *
 * @example
 * ```ts
 * import type { Data } from "@sockeye/ws";
 *
 * const textOf = (data: Data): string => typeof data === "string" ? data : "(bytes)";
 * console.assert(textOf("Hello") === "Hello");
 * ```
 */
export type Data = string | Uint8Array | ArrayBuffer | Blob;

/**
 * What an event needs of the socket it happens on.
 *
 * @example
 * ```ts
 * import { type EventOwner, Socket } from "@sockeye/ws";
 *
 * const owner: EventOwner = new Socket("ws://127.0.0.1:9/");
 * console.assert(owner.url === "ws://127.0.0.1:9/");
 * owner.terminate();
 * ```
 */
export interface EventOwner {
  /** The URL of a client's end, "" at the server's. */
  readonly url: string;
  /** Cuts the connection. */
  terminate(): void;
}

/**
 * An event of a socket.
 *
 * @typeParam T The socket.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = (event) => console.assert(event.type === "open" && event.target === conn);
 * await new Promise((resolve) => conn.addEventListener("open", resolve));
 * conn.close();
 * ```
 */
export class SocketEvent<T extends EventOwner = EventOwner> {
  /** The name of the event. */
  readonly type: string;
  /** The socket it happened on. */
  readonly target: T;

  /** Makes an event. */
  constructor(type: string, target: T) {
    this.type = type;
    this.target = target;
  }

  /** The socket it happened on. */
  get currentTarget(): T {
    return this.target;
  }

  /** Always false: there is no tree to bubble in. */
  get bubbles(): boolean {
    return false;
  }

  /** Always false: nothing can be prevented. */
  get cancelable(): boolean {
    return false;
  }

  /** Always false: nothing can be prevented. */
  get defaultPrevented(): boolean {
    return false;
  }

  /** Does nothing, as the event is not cancelable. */
  preventDefault(): void {}

  /** Does nothing, as there is no tree. */
  stopPropagation(): void {}

  /** No other listener gets this event. */
  stopImmediatePropagation(): void {
    stopped.add(this);
  }
}

/**
 * A message came.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = () => conn.send("Hello");
 * const event = await new Promise<{ data: unknown; opcode: number }>((resolve) => conn.onmessage = resolve);
 * console.assert(event.data === "Hello" && event.opcode === 1);
 * conn.close();
 * ```
 */
export class MessageEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** Text as a string; bytes in the form that `binaryType` names. */
  readonly data: Data;
  /** The message came compressed. */
  readonly compress: boolean;

  /** Makes an event. `bytes`: those of a Blob, which cannot be read at once. */
  constructor(target: T, data: Data, compress: boolean, bytes?: Uint8Array) {
    super("message", target);
    this.data = data;
    this.compress = compress;
    if (bytes !== undefined) blobs.set(this, bytes);
  }

  /** `TEXT` (1) or `BINARY` (2). */
  get opcode(): number {
    return typeof this.data === "string" ? TEXT : BINARY;
  }

  /** The message as a `Message`, with a copy of its content; made when it is first asked for. */
  get message(): Message {
    let message = messages.get(this);
    if (message === undefined) {
      message = makeMessage(this);
      messages.set(this, message);
    }
    return message;
  }
}

/** Finds what compresses single messages, for those of a socket's events. */
type FindCodec = (owner: EventOwner) => CodecProvider | undefined;

let findCodec: FindCodec = () => undefined;

/** Takes the way to the codec of a socket, which is no member that its users see. */
export function lendCodecs(find: FindCodec): void {
  findCodec = find;
}

/** What only those events have that are asked for it: a field would cost every message something. */
const messages: WeakMap<MessageEvent, Message> = new WeakMap();
const blobs: WeakMap<MessageEvent, Uint8Array> = new WeakMap();

function makeMessage(event: MessageEvent): Message {
  const { data, target } = event;
  const content = typeof data === "string" || data instanceof Uint8Array
    ? data
    : data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : blobs.get(event)!;
  // A server's end has no URL, and what comes to it was masked.
  const stream = { close: () => target.terminate() };
  return Message.received(content, target.url === "", event.compress, stream, findCodec(target));
}

/**
 * A message has begun, on a connection with the option `streaming`.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade({ streaming: true }, (conn) => {
 *   conn.on("stream", async ({ readable }) => {
 *     let size = 0;
 *     for await (const bytes of readable) size += bytes.length;
 *     conn.send(`${size} bytes`);
 *   });
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = () => conn.sendStream([new Uint8Array(1_000), new Uint8Array(500)]);
 * const event = await new Promise<{ data: unknown }>((resolve) => conn.onmessage = resolve);
 * console.assert(event.data === "1500 bytes");
 * conn.close();
 * ```
 */
export class StreamEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** `TEXT` (1) or `BINARY` (2). */
  readonly opcode: number;
  /**
   * The message, as it comes; of a text its UTF-8, checked. The next message waits until this one was read to its end, or
   * cancelled. It breaks when the connection ends before it.
   */
  readonly readable: ReadableStream<Uint8Array>;

  /** Makes an event. */
  constructor(target: T, opcode: number, readable: ReadableStream<Uint8Array>) {
    super("stream", target);
    this.opcode = opcode;
    this.readable = readable;
  }
}

/**
 * A ping or a pong came.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.on("pong", (event) => console.assert(new TextDecoder().decode(event.data) === "there?"));
 * await new Promise((resolve) => conn.onopen = resolve);
 * await conn.ping("there?");
 * conn.close();
 * ```
 */
export class ControlEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** The payload, up to 125 bytes. */
  readonly data: Uint8Array;

  /** Makes an event. */
  constructor(type: "ping" | "pong", target: T, data: Uint8Array) {
    super(type, target);
    this.data = data;
  }
}

/**
 * The connection failed; a `close` event follows.
 *
 * @example
 * ```ts
 * import { Socket } from "@sockeye/ws";
 *
 * const conn = new Socket("ws://127.0.0.1:9/nobody-is-there");
 * conn.onerror = (event) => console.assert(event.code === 1002 && event.error.code === "WS_CONNECT_FAILED");
 * await new Promise((resolve) => conn.onclose = resolve);
 * ```
 */
export class ErrorEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** What failed. */
  readonly error: WebSocketError;

  /** Makes an event. */
  constructor(target: T, error: WebSocketError) {
    super("error", target);
    this.error = error;
  }

  /** The kind of the failure as a number: 1001, 1002, 1007, 1009 or 1013. */
  get code(): number {
    return this.error.closeCode;
  }

  /** What failed, for people. */
  get reason(): string {
    return this.error.message;
  }

  /** The same as `reason`, as the web's error events have it. */
  get message(): string {
    return this.error.message;
  }
}

/**
 * The connection is over.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onopen = () => conn.close(3000, "done");
 * const event = await new Promise<{ code: number; initiator: string }>((resolve) => conn.onclose = resolve);
 * console.assert(event.code === 3000 && event.initiator === "local");
 * ```
 */
export class CloseEvent<T extends EventOwner = EventOwner> extends SocketEvent<T> {
  /** The peer's code; 1005 where it gave none, 1006 where there was no clean end. */
  readonly code: number;
  /** The peer's reason. */
  readonly reason: string;
  /** Both ends sent a Close frame, and nothing failed. */
  readonly wasClean: boolean;
  /** Both Close frames, and who sent the first. */
  readonly record: CloseRecord;

  /** Makes an event. */
  constructor(target: T, record: CloseRecord) {
    super("close", target);
    const { code, reason, wasClean } = summarizeClose(record);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
    this.record = record;
  }

  /** Who sent the first Close frame. */
  get initiator(): CloseRecord["initiator"] {
    return this.record.initiator;
  }
}

/**
 * The events of a socket by name.
 *
 * @example
 * ```ts
 * import type { SocketEventMap } from "@sockeye/ws";
 *
 * const names: (keyof SocketEventMap)[] = ["open", "message", "error", "close", "drain", "ping", "pong"];
 * console.assert(names.includes("message"));
 * ```
 */
export interface SocketEventMap<T extends EventOwner = EventOwner> {
  /** The opening handshake is done (clients only). */
  open: SocketEvent<T>;
  /** A message came. */
  message: MessageEvent<T>;
  /** A message has begun, with the option `streaming`. */
  stream: StreamEvent<T>;
  /** The connection failed. */
  error: ErrorEvent<T>;
  /** The connection is over. */
  close: CloseEvent<T>;
  /** `send` returned false, and nothing waits to be sent any more. */
  drain: SocketEvent<T>;
  /** A ping came, and was answered. */
  ping: ControlEvent<T>;
  /** A pong came. */
  pong: ControlEvent<T>;
}
