/** Frames made beforehand, masked as a client's are and not as a server's, and what counts those that come. */

import { constants, deflateRawSync } from "node:zlib";

const KEY = [0x12, 0x34, 0x56, 0x78];
const RSV1 = 0x40;

/** Bytes of a header without the key. */
function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Bytes of a frame. */
export function frameSize(length: number, masked: boolean): number {
  return headerSize(length) + (masked ? KEY.length : 0) + length;
}

/** One final frame. */
export function makeFrame(opcode: number, payload: Uint8Array, masked: boolean): Uint8Array {
  const { length } = payload;
  const header = headerSize(length);
  const body = header + (masked ? KEY.length : 0);
  const frame = new Uint8Array(body + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = (masked ? 0x80 : 0) | (header === 2 ? length : header === 4 ? 126 : 127);
  if (header === 4) view.setUint16(2, length);
  else if (header === 10) view.setBigUint64(2, BigInt(length));
  if (masked) frame.set(KEY, header);
  for (let at = 0; at < length; at++) frame[body + at] = payload[at]! ^ (masked ? KEY[at & 3]! : 0);
  return frame;
}

/** A payload of letters. */
export function makePayload(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => 97 + at % 26);
}

/** The same bytes so many times. */
export function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let at = 0; at < count; at++) all.set(bytes, at * bytes.length);
  return all;
}

/** Counts the frames that end in the chunks that come, however these are cut. */
export class FrameCounter {
  readonly #head: number[] = [];
  /** Bytes of payload still to come. */
  #left = 0;

  /** Counts those that end in the first `length` bytes. Pings, pongs and closes do not count. */
  count(bytes: Uint8Array, length: number): number {
    let frames = 0;
    for (let at = 0; at < length;) {
      if (this.#left > 0) {
        const take = Math.min(this.#left, length - at);
        this.#left -= take;
        at += take;
        if (this.#left > 0) break;
        if (this.#ends()) frames++;
        continue;
      }
      const head = this.#head;
      head.push(bytes[at++]!);
      const short = head.length < 2 ? 0 : head[1]! & 0x7f;
      if (head.length < (short < 126 ? 2 : short === 126 ? 4 : 10)) continue;
      this.#left = short < 126 ? short : head.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
      if (this.#left === 0 && this.#ends()) frames++;
    }
    return frames;
  }

  #ends(): boolean {
    const [first = 0] = this.#head.splice(0);
    return (first & 0x80) !== 0 && (first & 0x08) === 0;
  }
}

const words =
  "the order of your price update was shipped market opens higher volume status pending delivered thanks reply"
    .split(" ");
const names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/** So many texts of JSON, as a chat or a ticker says them, each of `size` bytes, no two alike, the same in every run. */
export function makeTexts(count: number, size: number): string[] {
  let seed = 1;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((seed / 0x8000_0000) * limit);
  };
  return Array.from({ length: count }, (_, id) => {
    const record = {
      id,
      type: ["chat", "trade", "status"][id % 3],
      user: names[random(names.length)],
      room: `room-${random(50)}`,
      at: 1_700_000_000_000 + id * 137 + random(100),
      price: random(100_000) / 100,
      text: "",
    };
    const rest = size - JSON.stringify(record).length;
    let text = "";
    while (text.length < rest) text += `${words[random(words.length)]} `;
    return JSON.stringify({ ...record, text: text.slice(0, rest) });
  });
}

/**
 * The masked frames of texts, compressed. `kept`: in the context of those before, where the first begins a context, so that
 * the list can be sent again and again.
 */
export function makeCompressed(texts: readonly string[], kept: boolean): Uint8Array[] {
  let window = new Uint8Array(0);
  return texts.map((text) => {
    const bytes = new TextEncoder().encode(text);
    const dictionary = kept && window.length > 0 ? { dictionary: window } : {};
    const made = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary });
    window = new Uint8Array([...window, ...bytes]).slice(-32_768);
    return makeFrame(RSV1 | 1, made.subarray(0, made.length - 4), true);
  });
}
