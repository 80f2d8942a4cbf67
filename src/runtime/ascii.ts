/**
 * Text as all three runtimes decode it fastest: `latin1Slice` of Node's `Buffer`, which Deno and Bun have too. For text that
 * is known to be ASCII it takes 100 to 150 ns at any size up to a kilobyte, where `TextDecoder` takes 290 ns on Node and
 * 700 ns on Deno; an echo of 32 bytes spends 485 ns in the core in the place of 663 (Node), 402 of 1,233 (Deno) and 232 of
 * 393 (Bun).
 */

import { Buffer } from "node:buffer";
import type { Runtime } from "../socket/transport.ts";

/** A method of every `Buffer`, and of any view it is called on; Node's types do not have it. */
const { latin1Slice } = Buffer.prototype as unknown as {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

/** A runtime with its fastest decoder of ASCII. */
export function withAscii(runtime: Runtime): Runtime {
  if (typeof latin1Slice !== "function") return runtime;
  return { ...runtime, decodeAscii: (bytes, start, end) => latin1Slice.call(bytes, start, end) };
}
