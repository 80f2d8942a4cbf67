/**
 * Frames as RFC 6455, section 5.2, draws them, made and read in the plainest way. The tests hold the module against
 * this, so it shares nothing with it.
 */

/** Bytes from hex digits; white space means nothing. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  const text = digits.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Bytes as hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes to compare and to print: as hex digits; of many, the first ones, their number and a hash of all (FNV-1a). */
export function show(bytes: Uint8Array): string {
  if (bytes.length <= 512) return toHex(bytes);
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return `${toHex(bytes.subarray(0, 8))}... ${bytes.length} bytes, hash ${(hash >>> 0).toString(16)}`;
}

/** Several byte strings as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** UTF-8 of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** What a frame is made of. */
export interface FrameParts {
  opcode: number;
  payload?: Uint8Array | string;
  /** @default {true} */
  fin?: boolean;
  /** The three reserved bits as they stand in the first byte: 0x40, 0x20, 0x10. @default {0} */
  rsv?: number;
  /** Present: the frame is masked with it. */
  key?: readonly [number, number, number, number] | undefined;
  /** Bytes of the length field: 0 (in the second byte), 2 or 8. @default the shortest that fits */
  form?: 0 | 2 | 8;
  /** A length that is not that of the payload. */
  length?: number | bigint;
}

/** Some key, for frames of a client. */
export const KEY: readonly [number, number, number, number] = [0x37, 0xfa, 0x21, 0x3d];

/** Makes a frame, right or wrong. */
export function frame(parts: FrameParts): Uint8Array<ArrayBuffer> {
  const { opcode, fin = true, rsv = 0, key } = parts;
  const payload = typeof parts.payload === "string" ? utf8(parts.payload) : parts.payload ?? new Uint8Array(0);
  const length = BigInt(parts.length ?? payload.length);
  const form = parts.form ?? (length < 126n ? 0 : length < 65536n ? 2 : 8);
  const short = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  const bytes = [(fin ? 0x80 : 0) | rsv | opcode, (key === undefined ? 0 : 0x80) | short];
  for (let i = form - 1; i >= 0; i--) bytes.push(Number((length >> BigInt(8 * i)) & 0xffn));
  if (key === undefined) return concat(Uint8Array.from(bytes), payload);
  bytes.push(...key);
  const whole = concat(Uint8Array.from(bytes), payload);
  for (let i = 0; i < payload.length; i++) whole[bytes.length + i]! ^= key[i & 3]!;
  return whole;
}

/** A frame as the peer of `reader` sends it: masked when a server reads it, unless it says otherwise. */
export function to(reader: "client" | "server", parts: FrameParts): Uint8Array<ArrayBuffer> {
  return frame(reader === "server" ? { key: KEY, ...parts } : parts);
}

/** The payload of a Close frame. */
export function closePayload(code: number, reason: string = ""): Uint8Array<ArrayBuffer> {
  return concat(Uint8Array.of(code >> 8, code), utf8(reason));
}

/** Byte by byte. */
export function single(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** A frame that was read. */
export interface ReadFrame {
  fin: boolean;
  rsv: number;
  opcode: number;
  masked: boolean;
  payload: Uint8Array;
  /** Bytes of its header, mask key included. */
  header: number;
}

/** Reads frames. Throws when the bytes do not end with one, or when a length is not in its shortest form. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const frames: ReadFrame[] = [];
  let at = 0;
  const next = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new Error(`Cannot read a frame: the bytes end at ${bytes.length}`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const start = at;
    const [b0, b1] = next(2) as unknown as [number, number];
    let length = BigInt(b1 & 0x7f);
    if (length >= 126n) {
      const least = length === 126n ? 126n : 65536n;
      length = next(length === 126n ? 2 : 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      if (length < least) throw new Error(`Cannot read a frame: the length ${length} is not in its shortest form`);
    }
    const masked = (b1 & 0x80) !== 0;
    const key = masked ? next(4) : undefined;
    const header = at - start;
    const payload = next(Number(length)).slice();
    if (key !== undefined) { for (let i = 0; i < payload.length; i++) payload[i]! ^= key[i & 3]!; }
    frames.push({ fin: (b0 & 0x80) !== 0, rsv: b0 & 0x70, opcode: b0 & 0x0f, masked, payload, header });
  }
  return frames;
}
