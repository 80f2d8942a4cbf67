/** How a client's end begins: with a URL and checked options. */

import { connectBytes } from "./byte_connect.ts";
import type { Link } from "./link.ts";
import { checkSupported, connectNative } from "./native_connect.ts";
import type { CodecProvider } from "./message.ts";
import { codecOf } from "./message_codec.ts";
import { type CheckedOptions, checkOptions, type SocketOptions } from "./options.ts";
import { parseUrl } from "./target.ts";
import type { Runtime } from "./transport.ts";

/** A client's end: checked arguments and what connects. */
export class ClientStart {
  /** Where to connect. */
  readonly url: URL;
  /** The options, checked. */
  readonly options: CheckedOptions;
  /** What compresses single messages. */
  readonly codec: CodecProvider | undefined;
  /** Connects and makes the opening handshake. Rejects with what failed, or with the signal's reason. */
  readonly connect: (signal: AbortSignal) => Promise<Link>;

  /**
   * Checks the arguments of `new Socket`. Throws a `DOMException` named `SyntaxError` for a malformed URL or subprotocol,
   * a `TypeError` or `RangeError` for a wrong option.
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | SocketOptions | undefined,
    origin: string | undefined,
    runtime: (() => Promise<Runtime>) | undefined,
  ) {
    this.url = parseUrl(url);
    this.options = checkOptions(protocols, origin);
    this.codec = runtime === undefined ? undefined : codecOf(runtime);
    this.connect = async (signal) => {
      const found = await find(runtime, this.options);
      if (found?.webSocket === undefined || this.options.connector !== undefined) {
        return await connectBytes(this.url, this.options, found, signal);
      }
      checkSupported(this.url, protocols, origin);
      return await connectNative(this.url, this.options, found.webSocket, signal);
    };
  }
}

/** The runtime. A `connect` of the caller's own does without. */
async function find(
  runtime: (() => Promise<Runtime>) | undefined,
  { connector }: CheckedOptions,
): Promise<Runtime | undefined> {
  try {
    return await runtime?.();
  } catch (error) {
    if (connector === undefined) throw error;
    return undefined;
  }
}
