/**
 * How a client begins where bytes can be had, which is the normal case: our own opening handshake over the runtime's
 * connection, or over one that the caller lends.
 */

import { deflateFactory } from "../protocol/context_codec.ts";
import { linkOf, openHandshake } from "./connect.ts";
import { connectorOf } from "./connector.ts";
import type { Link } from "./link.ts";
import type { CheckedOptions } from "./options.ts";
import type { Runtime } from "./transport.ts";

/**
 * Connects with the `connect` of the options, or else that of the runtime, and makes the opening handshake. Rejects as
 * `openHandshake` does.
 */
export async function connectBytes(
  url: URL,
  options: CheckedOptions,
  runtime: Runtime | undefined,
  signal: AbortSignal,
): Promise<Link> {
  const connect = connectorOf(options, runtime);
  const factory = runtime?.deflate === undefined ? undefined : deflateFactory(runtime.deflate);
  const accepted = await openHandshake(url, options.connect, connect, signal, factory);
  if (signal.aborted) {
    accepted.opening.transport.abort();
    throw signal.reason;
  }
  return linkOf(accepted, options.connect, runtime?.text);
}
