/**
 * `Message`: one message as an object, to be framed by hand, routed, or answered.
 *
 * ```
 *   byte stream -> readFrom -> [inflate] -> body -> data, read, json
 *   byte stream <- sendTo <--- [deflate] <- body <- write, json(value)
 * ```
 */

import { BINARY, CLOSE, MAX_CONTROL_PAYLOAD, MAX_PAYLOAD, TEXT } from "../protocol/constants.ts";
import { type ErrorCode, WebSocketError } from "../protocol/errors.ts";
import { FIN, RSV1 } from "../protocol/frame.ts";
import { show } from "../protocol/headers.ts";
import { decodeUtf8 } from "../protocol/utf8.ts";
import { checkNumber, checkType, toJson } from "./check.ts";
import { MemoryStream, type Writable } from "./memory_stream.ts";
import { makeFrame, type MessageSink, type MessageSource, readMessage, writeFrame } from "./message_io.ts";

/**
 * Compresses and inflates single messages, each by itself, with nothing kept between two (RFC 7692, section 7.2).
 *
 * @example
 * ```ts
 * import type { MessageCodec } from "@sockeye/ws";
 *
 * const plain: MessageCodec = { deflate: (payload) => payload, inflate: (payload) => payload };
 * console.assert(plain.deflate(Uint8Array.of(1)) instanceof Uint8Array);
 * ```
 */
export interface MessageCodec {
  /** Deflates a payload, with the `00 00 ff ff` cut off that a sync flush ends with (RFC 7692, section 7.2.1). */
  deflate(payload: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /**
   * Undoes it (RFC 7692, section 7.2.2). Gives `WS_INVALID_DEFLATE` for what is no such payload, and
   * `WS_MESSAGE_TOO_BIG` where more than `limit` bytes would come out, before they do.
   */
  inflate(payload: Uint8Array, limit: number): Uint8Array | ErrorCode | Promise<Uint8Array | ErrorCode>;
}

/**
 * Gets the codec when the first compressed message needs it.
 *
 * @example
 * ```ts
 * import type { CodecProvider } from "@sockeye/ws";
 *
 * const provider: CodecProvider = () => ({ deflate: (payload) => payload, inflate: (payload) => payload });
 * console.assert(provider.length === 0);
 * ```
 */
export type CodecProvider = () => MessageCodec | Promise<MessageCodec>;

/**
 * What a message came from.
 *
 * @example
 * ```ts
 * import type { MessageStream } from "@sockeye/ws";
 *
 * const stream: MessageStream = new TransformStream<Uint8Array, Uint8Array>();
 * console.assert(stream.readable !== undefined);
 * ```
 */
export interface MessageStream {
  /** The end that the message was read from, where it was read from a stream. */
  readonly readable?: ReadableStream<Uint8Array>;
  /** The other end, where there is one. */
  readonly writable?: WritableStream<Uint8Array>;
  /** Ends the connection. */
  close?(): unknown;
}

/**
 * One message.
 *
 * It is read from a byte stream and sent to one with `readFrom` and `sendTo`, goes out over a socket with
 * `socket.send(message)`, comes as `event.message` from one, and is what the handlers of `Handler` get, where `value` and
 * `params` are what routing works on and `response` is what is sent back.
 *
 * @example Framing by hand
 * ```ts
 * import { MemoryStream, Message, TEXT } from "@sockeye/ws";
 *
 * const stream = new MemoryStream();
 * const message = new Message(TEXT);
 * message.write("Hello");
 * await message.sendTo(stream);
 * stream.rewind();
 *
 * const copy = new Message();
 * await copy.readFrom(stream);
 * console.assert(copy.type === TEXT && copy.data === "Hello");
 * ```
 */
export class Message {
  /** Whether `sendTo` masks the frame, as a client must; whether the one that was read was masked. */
  masked: boolean;
  /** Whether `sendTo` compresses a text or binary message; whether the one that was read was compressed. */
  compress: boolean;
  /** What patterns of a routing are matched against; empty until somebody sets it. */
  value: string = "";
  /** What the pattern that led to a handler captured. */
  params: readonly (string | undefined)[] = [];
  /** What a handler threw over this message; `null` before. */
  lastError: unknown = null;

  #type: number = BINARY;
  #maxSize: number = MAX_PAYLOAD;
  #body: MemoryStream | undefined;
  #stream: MessageStream | null = null;
  #response: Message | undefined;
  #ended = false;
  readonly #codec: CodecProvider | undefined;

  /**
   * Makes an empty message.
   *
   * @param type `TEXT`, `BINARY`, or the opcode of another frame. @default {BINARY}
   * @param masked Whether it is sent masked, as a client must. @default {true}
   * @param compress Whether it is sent compressed; false for what is neither text nor binary. @default {false}
   * @param maxSize Bytes that `readFrom` takes, before and after inflating. @default {67108864}
   * @param codec What compresses; the entry points of the package bind that of the runtime.
   *
   * @throws {RangeError} When `type` is not 0 to 15, or `maxSize` is negative.
   * @throws {TypeError} When `maxSize` is no number, or `masked` or `compress` no boolean.
   */
  constructor(
    type: number = BINARY,
    masked: boolean = true,
    compress: boolean = false,
    maxSize: number = MAX_PAYLOAD,
    codec?: CodecProvider,
  ) {
    this.type = type;
    checkType("masked", masked, "boolean");
    checkType("compress", compress, "boolean");
    this.masked = masked;
    this.compress = compress && isData(type);
    this.maxSize = maxSize;
    this.#codec = codec;
  }

  /** A message with this content, as a socket received it. The body is a copy. */
  static received(
    data: string | Uint8Array,
    masked: boolean,
    compress: boolean,
    stream: MessageStream,
    codec?: CodecProvider,
  ): Message {
    const message = new Message(typeof data === "string" ? TEXT : BINARY, masked, compress, MAX_PAYLOAD, codec);
    message.#body = new MemoryStream(data);
    message.#stream = stream;
    return message;
  }

  /** The opcode: `TEXT`, `BINARY`, `PING` ... */
  get type(): number {
    return this.#type;
  }

  /** @throws {RangeError} When it is not a whole number from 0 to 15. */
  set type(value: number) {
    if (!Number.isInteger(value) || value < 0 || value > 15) {
      throw new RangeError(`Cannot set the type of a message: got ${show(value)}, wanted an opcode from 0 to 15`);
    }
    this.#type = value;
  }

  /** Bytes that `readFrom` takes, before and after inflating. @default {67108864} */
  get maxSize(): number {
    return this.#maxSize;
  }

  /** @throws {TypeError | RangeError} When it is no number, or below 0. */
  set maxSize(value: number) {
    this.#maxSize = checkNumber("maxSize", value);
  }

  /** The content. */
  get body(): MemoryStream {
    return this.#body ??= new MemoryStream();
  }

  /** @throws {TypeError} When it is no `MemoryStream`. */
  set body(value: MemoryStream) {
    if (!(value instanceof MemoryStream)) {
      throw new TypeError(`Cannot set the body of a message: got ${show(value)}, wanted a MemoryStream`);
    }
    this.#body = value;
  }

  /** All of the body, wherever its position is: a string for `TEXT`, bytes for all else, `null` when it is empty. */
  get data(): string | Uint8Array | null {
    if (this.length === 0) return null;
    const { bytes } = this.body;
    return this.#type === TEXT ? lenientDecoder.decode(bytes) : bytes.slice();
  }

  /** Bytes of the body. */
  get length(): number {
    return this.#body?.size() ?? 0;
  }

  /** What it was read from, `null` before. Of a message that came over a socket, `stream.close()` cuts the connection. */
  get stream(): MessageStream | null {
    return this.#stream;
  }

  /** The answer, made when it is first asked for: a message of the same type, empty, not masked. */
  get response(): Message {
    return this.#response ??= new Message(this.#type, false, false, this.#maxSize, this.#codec);
  }

  /** Reads up to `count` bytes of the body from its position on, by default all. `null` at the end. */
  read(count: number = -1): Uint8Array | null {
    return this.body.read(count);
  }

  /** Reads the body from its position to the end. `null` at the end. */
  readAll(): Uint8Array | null {
    return this.body.readAll();
  }

  /**
   * Writes to the body at its position: text as UTF-8, bytes as they are.
   *
   * @throws {TypeError} When `data` is neither.
   */
  write(data: Writable): void {
    this.body.write(data);
  }

  /**
   * Reads the whole body as JSON.
   *
   * @throws {SyntaxError} When it is none.
   */
  json(): unknown;
  /**
   * Makes the JSON of a value the body.
   *
   * @throws {TypeError} When it has none.
   */
  json(value: unknown): this;
  json(...value: [unknown?]): unknown {
    if (value.length === 0) return parseJson(lenientDecoder.decode(this.body.bytes));
    const text = toJson("write JSON", value[0]);
    this.#body = new MemoryStream();
    this.#body.write(text);
    return this;
  }

  /** Ends it: the next handlers of a chain do not get it. */
  end(): void {
    this.#ended = true;
  }

  /** Whether it, or its answer, has ended. */
  isEnded(): boolean {
    return this.#ended || this.#response?.isEnded() === true;
  }

  /** Forgets the content, the answer, and all that handlers left on it. Type, mask, compression and limit stay. */
  clear(): void {
    this.#body = this.#response = undefined;
    this.#stream = null;
    this.#ended = false;
    this.value = "";
    this.params = [];
    this.lastError = null;
  }

  /**
   * Sends it as one final frame (RFC 6455, section 5.2). Resolves when the stream has taken it. Messages that are sent to
   * one stream without waiting keep their order. The writable must not be locked; it is not held while this waits.
   *
   * Rejects with a `TypeError` when the stream is none or is locked, a text is not UTF-8, or it is to be compressed and there
   * is no codec; with a `RangeError` when a control frame has more than 125 bytes; with what the stream rejects with.
   */
  async sendTo(stream: MessageSink): Promise<void> {
    checkStream(stream, "writable", "send");
    await writeFrame(stream, this.#frame());
  }

  #frame(): Uint8Array | Promise<Uint8Array> {
    const { bytes } = this.body;
    const type = this.#type;
    if (type >= CLOSE && bytes.length > MAX_CONTROL_PAYLOAD) {
      throw new RangeError(
        `Cannot send a message: type ${type} has ${bytes.length} bytes, wanted at most ${MAX_CONTROL_PAYLOAD}`,
      );
    }
    if (type === TEXT) textOf(this);
    if (!this.compress || !isData(type)) return makeFrame(FIN | type, bytes, this.masked);
    if (this.#codec === undefined) {
      throw new TypeError("Cannot send a message: it is to be compressed, and no codec is bound");
    }
    // A copy: what is sent is what the message is now.
    return makeCompressed(this.#codec, bytes.slice(), type, this.masked);
  }

  /**
   * Reads one whole message: joins fragments, unmasks, inflates, and sets `type`, `masked`, `compress` and the body, with its
   * position at the start. Bytes behind the message stay for the next read of the same stream.
   *
   * A control frame that comes first is a message by itself. Between fragments, a ping is answered where the stream has a
   * writable that nobody holds, and a pong is passed over; a Close there takes the place of the message, whose rest will not
   * come. Masked and unmasked frames are both taken, but not mixed.
   *
   * Rejects with a `WebSocketError`: `WS_PEER_VANISHED` when the stream ends too early, `WS_TRANSPORT_FAILED` when it fails,
   * `WS_MESSAGE_TOO_BIG` above `maxSize`, and the code of the rule that a frame breaks. After that the message is as it was,
   * and a stream that gave a wrong frame gives no further message. Rejects with a `TypeError` when the stream is none, or is
   * locked.
   */
  async readFrom(stream: MessageSource): Promise<void> {
    checkStream(stream, "readable", "read");
    const { type, masked, compressed, payload } = await readMessage(stream, {
      maxSize: this.#maxSize,
      reservedBits: this.#codec === undefined ? 0 : RSV1,
    });
    const content = compressed ? await this.#inflate(payload, type) : payload;
    this.#type = type;
    this.masked = masked;
    this.compress = compressed;
    this.#body = MemoryStream.of(content);
    this.#stream = stream as MessageStream;
  }

  async #inflate(payload: Uint8Array, type: number): Promise<Uint8Array> {
    const codec = await this.#codec!();
    const content = await codec.inflate(payload, this.#maxSize);
    if (typeof content === "string") {
      throw new WebSocketError(
        content,
        `Cannot read a message: it cannot be inflated to at most ${this.#maxSize} bytes (${content})`,
      );
    }
    if (type === TEXT && decodeUtf8(content, 0, content.length) === undefined) {
      throw new WebSocketError("WS_INVALID_UTF8", "Cannot read a message: inflated text is not UTF-8");
    }
    return content;
  }
}

async function makeCompressed(
  codec: CodecProvider,
  payload: Uint8Array,
  type: number,
  masked: boolean,
): Promise<Uint8Array> {
  return makeFrame(FIN | RSV1 | type, await (await codec()).deflate(payload), masked);
}

/**
 * What `send` of a socket sends for a message: the text, or a view of the body.
 *
 * @throws {TypeError} When it is neither text nor binary, or its text is not UTF-8.
 */
export function payloadOf(message: Message): string | Uint8Array {
  if (message.type === TEXT) return textOf(message);
  if (message.type === BINARY) return message.body.bytes;
  throw new TypeError(`Cannot send a message: its type is ${message.type}, wanted TEXT (1) or BINARY (2)`);
}

function textOf(message: Message): string {
  const { bytes } = message.body;
  const text = decodeUtf8(bytes, 0, bytes.length);
  if (text === undefined) throw new TypeError("Cannot send a message: its type is TEXT, and its body is not UTF-8");
  return text;
}

const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read a message as JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Whether a message of that type can be compressed. */
function isData(type: number): boolean {
  return type === TEXT || type === BINARY;
}

function checkStream(stream: unknown, end: "readable" | "writable", verb: string): void {
  if (stream instanceof MemoryStream) return;
  if (typeof stream !== "object" || stream === null || !(end in stream)) {
    throw new TypeError(`Cannot ${verb} a message: stream is ${show(stream)}, wanted one with a ${end}, or memory`);
  }
  const { locked } = (stream as Record<string, { locked?: unknown }>)[end] ?? {};
  if (typeof locked !== "boolean") {
    throw new TypeError(`Cannot ${verb} a message: the ${end} of the stream is none of the web's streams`);
  }
  if (locked) {
    throw new TypeError(`Cannot ${verb} a message: the ${end} of the stream is locked, wanted nobody else to hold it`);
  }
}
