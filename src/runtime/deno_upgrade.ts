/**
 * `Deno.upgradeWebSocket`: a finished WebSocket of a request, and the answer that opens it.
 */

import type { Fields } from "../protocol/fields.ts";
import type { HeartbeatSettings } from "../socket/heartbeat.ts";
import type { PlatformSocket } from "../socket/transport.ts";

/** A WebSocket that opens when the answer is given to Deno. */
export interface DenoUpgrade {
  readonly socket: PlatformSocket;
  readonly response: Response;
}

/**
 * Begins a WebSocket. The heartbeat is Deno's own: a ping after half of the time, and the end after the other half. Throws
 * a `DOMException` named `NotSupportedError` for fields, where Deno lets nobody add some.
 */
export function upgradeRequest(
  request: Request,
  protocol: string,
  fields: Fields,
  heartbeat: HeartbeatSettings | undefined,
): DenoUpgrade {
  const idleTimeout = heartbeat === undefined ? 0 : secondsOf(heartbeat.interval + heartbeat.timeout);
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout,
    ...(protocol === "" ? {} : { protocol }),
  });
  try {
    for (const [name, value] of fields) response.headers.append(name, value);
  } catch (cause) {
    const message = `Cannot upgrade: this version of Deno adds no fields to the 101, got ${fields.size}`;
    throw Object.assign(new DOMException(message, "NotSupportedError"), { cause });
  }
  return { socket, response };
}

/** Deno counts in whole seconds, and takes 0 for never. */
function secondsOf(milliseconds: number): number {
  return Number.isFinite(milliseconds) ? Math.max(1, Math.ceil(milliseconds / 1_000)) : 0;
}
