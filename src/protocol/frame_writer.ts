/**
 * Frames on their way out (RFC 6455, section 5): header, mask and payload, one behind the other in the run that leaves in one
 * write.
 *
 * ```
 *   text -> encoded in its place in the run --.
 *   bytes -> copied there --------------------+-> header before it, mask over it -> Output -> write(run)
 *   large bytes -> header, and their beginning, -> Output, and the rest by itself behind it
 * ```
 */

import { MAX_RUN, Output, type Writer } from "./bytes.ts";
import { CLOSE, TEXT } from "./constants.ts";
import { FIN, headerSize, MAX_HEADER, writeHeader, writeKey } from "./frame.ts";
import { freshKey, mask } from "./mask.ts";
import type { Framed } from "./prepared.ts";
import type { TextCoder } from "./utf8.ts";

/** Texts up to this many characters are encoded here; the call of an encoder costs more. */
const CHARACTERS_UP_TO = 64;

/**
 * Bytes of a large payload that are copied behind its header: the header alone would be a packet, and a call of the system.
 * That makes 1.02 (Node) to 1.03 (Bun) times the messages of 1 MiB.
 */
const WITH_HEADER = 16_384;

const encoder = new TextEncoder();

/** Writes a text as UTF-8 with nothing but the language and `TextEncoder`. Returns how many bytes it has. */
function encodeText(text: string, bytes: Uint8Array, at: number): number {
  const count = text.length;
  let done = 0;
  if (count <= CHARACTERS_UP_TO) {
    for (; done < count; done++) {
      const unit = text.charCodeAt(done);
      if (unit >= 0x80) break;
      bytes[at + done] = unit;
    }
  }
  return done === count ? count : encoder.encodeInto(text, bytes.subarray(at)).written;
}

/** Writes the frames of one end. */
export class FrameWriter {
  readonly #masks: boolean;
  readonly #output: Output;
  readonly #encode: NonNullable<TextCoder["encode"]>;
  /** Payloads of so many bytes are not copied to the run. */
  readonly #large: number;

  /** Makes a writer that gives its runs to `writer`, masked where a client writes. */
  constructor(masks: boolean, writer: Writer, encode?: TextCoder["encode"]) {
    this.#masks = masks;
    this.#encode = encode ?? encodeText;
    this.#output = new Output(writer);
    this.#large = writer.copies ? Infinity : MAX_RUN;
  }

  /** Bytes in the run that has not left yet. */
  get length(): number {
    return this.#output.length;
  }

  /** How many of the bytes written since this was last set to 0 are not of messages: headers, masks, control frames. */
  overhead = 0;

  /** Lets the run leave. */
  flush(): void {
    this.#output.flush();
  }

  /** Writes a text message in one frame. Lone surrogates become U+FFFD. */
  text(text: string): void {
    const count = text.length;
    if (count * 3 > MAX_RUN) {
      const bytes = encoder.encode(text);
      this.#writeLarge(FIN | TEXT, bytes, true);
      return;
    }
    const output = this.#output;
    output.reserve(MAX_HEADER + count * 3);
    const { bytes } = output;
    const start = output.length;
    const body = start + headerSize(count, this.#masks);
    const length = this.#encode(text, bytes, body);
    if (length !== count) {
      // The place was chosen for a text of ASCII; a longer one may need a longer header.
      const right = start + headerSize(length, this.#masks);
      if (right !== body) bytes.copyWithin(right, body, body + length);
    }
    this.#seal(FIN | TEXT, length);
  }

  /** Writes a frame: its first byte and its payload, which is lent until the call returns. */
  frame(b0: number, payload: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length >= this.#large) {
      this.#writeLarge(b0, payload.subarray(start, end), false);
      return;
    }
    const output = this.#output;
    output.reserve(MAX_HEADER + length);
    const body = output.length + headerSize(length, this.#masks);
    if (length > 0) {
      output.bytes.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), body);
    }
    this.#seal(b0, length);
  }

  /** Writes a frame that was made before: as it is, or masked anew where a client writes. */
  framed({ bytes, start }: Framed): void {
    if (this.#masks) return this.frame(bytes[0]!, bytes, start, bytes.length);
    const output = this.#output;
    this.overhead += start;
    if (bytes.length >= MAX_RUN) output.through(bytes, false);
    else output.share(bytes);
  }

  /** Writes header and mask around a payload of `length` bytes that stands where the header will end. */
  #seal(b0: number, length: number): void {
    const { bytes, length: start } = this.#output;
    let at = writeHeader(bytes, start, b0, length, this.#masks);
    if (this.#masks) {
      const key = freshKey();
      at = writeKey(bytes, at, key);
      mask(bytes, at, at + length, key);
    }
    this.overhead += (b0 & CLOSE) === 0 ? at - start : at - start + length;
    this.#output.length = at + length;
  }

  /** Sends a payload that is not worth copying once more: `own` bytes may be masked in place and kept. */
  #writeLarge(b0: number, payload: Uint8Array, own: boolean): void {
    const output = this.#output;
    output.reserve(MAX_HEADER + WITH_HEADER);
    this.overhead += headerSize(payload.length, this.#masks);
    const at = writeHeader(output.bytes, output.length, b0, payload.length, this.#masks);
    output.length = at;
    if (!this.#masks) return this.#through(payload, own);
    const key = freshKey();
    output.length = writeKey(output.bytes, at, key);
    // Not slice(), which is no copy where the bytes are a Buffer of Node.
    const masked = own ? payload : new Uint8Array(payload);
    mask(masked, 0, masked.length, key);
    this.#through(masked, true);
  }

  /** Sends a payload behind its header, which takes the beginning along. */
  #through(payload: Uint8Array, mayKeep: boolean): void {
    const output = this.#output;
    output.bytes.set(payload.subarray(0, WITH_HEADER), output.length);
    output.length += WITH_HEADER;
    output.through(payload.subarray(WITH_HEADER), mayKeep);
  }
}
