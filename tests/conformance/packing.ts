/**
 * permessage-deflate (RFC 7692) for a raw peer, over the streams of `node:zlib`; it shares nothing with the module.
 */

import type { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { join } from "./peer.ts";

/** What one direction was agreed to be. */
export interface Direction {
  /** The context stays from message to message. */
  readonly takeover: boolean;
  readonly windowBits: number;
}

/** What both ends were agreed to do. */
export interface Agreed {
  readonly client: Direction;
  readonly server: Direction;
}

/** Reads an answer to an offer. Throws when it is not well-formed, or is none. */
export function readAnswer(value: string): Agreed {
  const [name, ...params] = value.split(";").map((part) => part.trim());
  if (name !== "permessage-deflate") throw new Error(`Extensions are "${value}", wanted permessage-deflate`);
  const found = new Map<string, string>();
  for (const param of params) {
    const [key, text] = param.split("=") as [string, string?];
    const isBits = key.endsWith("_max_window_bits");
    const isFlag = key === "client_no_context_takeover" || key === "server_no_context_takeover";
    if (found.has(key) || !(isBits ? /^([89]|1[0-5])$/.test(text ?? "") : isFlag && text === undefined)) {
      throw new Error(`Extensions are "${value}": the parameter "${param}" has no place there`);
    }
    found.set(key, text ?? "");
  }
  const direction = (end: string): Direction => ({
    takeover: !found.has(`${end}_no_context_takeover`),
    windowBits: Number(found.get(`${end}_max_window_bits`) ?? 15),
  });
  return { client: direction("client"), server: direction("server") };
}

/** One direction: its context is made anew for each message without takeover. */
abstract class Stream {
  readonly #takeover: boolean;
  #stream: (zlib.DeflateRaw | zlib.InflateRaw) | undefined;
  #made: Buffer[] = [];
  #fail: (error: Error) => void = () => {};

  constructor({ takeover }: Direction) {
    this.#takeover = takeover;
  }

  protected abstract open(): zlib.DeflateRaw | zlib.InflateRaw;

  /** Gives what becomes of these bytes. Rejects when they are wrong. */
  protected async run(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const stream = this.#stream ??= this.#start();
    const made = await new Promise<Buffer[]>((resolve, reject) => {
      this.#fail = reject;
      stream.write(bytes);
      stream.flush(zlib.constants.Z_SYNC_FLUSH, () => {
        const all = this.#made;
        this.#made = [];
        resolve(all);
      });
    });
    if (!this.#takeover) this.close();
    return join(made);
  }

  #start(): zlib.DeflateRaw | zlib.InflateRaw {
    const stream = this.open();
    stream.on("data", (chunk: Buffer) => this.#made.push(chunk));
    stream.on("error", (error: Error) => this.#fail(error));
    return stream;
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

/** Compresses messages. */
export class Packer extends Stream {
  readonly #windowBits: number;

  constructor(direction: Direction) {
    super(direction);
    this.#windowBits = direction.windowBits;
  }

  protected override open(): zlib.DeflateRaw {
    return zlib.createDeflateRaw({ windowBits: this.#windowBits });
  }

  /** The payload of a compressed message: its tail is not sent (RFC 7692, 7.2.1). */
  async pack(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const packed = await this.run(bytes);
    return packed.subarray(0, packed.length - 4);
  }
}

/** Inflates messages; one that looks back farther than was agreed on is an error. */
export class Unpacker extends Stream {
  readonly #windowBits: number;

  constructor(direction: Direction) {
    super(direction);
    this.#windowBits = direction.windowBits;
  }

  protected override open(): zlib.InflateRaw {
    return zlib.createInflateRaw({ windowBits: this.#windowBits });
  }

  /** The content of a compressed message. */
  unpack(payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.run(join([payload, TAIL]));
  }
}

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
