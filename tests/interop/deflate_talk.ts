/**
 * What both ends of a compressed connection say to each other, for anything with the web's interface, and all combinations
 * of the four parameters.
 */

import type { WebSocketLike } from "./battery.ts";

/** The four parameters, as npm `ws` and this module name them. */
export interface Parameters {
  serverNoContextTakeover?: true;
  clientNoContextTakeover?: true;
  serverMaxWindowBits?: number;
  clientMaxWindowBits?: number;
}

/** All combinations: each asked for, or not. */
export const combinations: readonly Parameters[] = Array.from({ length: 16 }, (_, bits) => ({
  ...(bits & 1 ? { serverNoContextTakeover: true } : {}),
  ...(bits & 2 ? { clientNoContextTakeover: true } : {}),
  ...(bits & 4 ? { serverMaxWindowBits: 9 } : {}),
  ...(bits & 8 ? { clientMaxWindowBits: 10 } : {}),
}));

/** All windows there are. */
export const windows: readonly Parameters[] = Array.from({ length: 8 }, (_, i) => ({
  serverMaxWindowBits: 8 + i,
  clientMaxWindowBits: 15 - i,
}));

const record = JSON.stringify(Array.from({ length: 30 }, (_, id) => ({ id, name: `user ${id}`, tags: ["a", "b"] })));

/** Some that are alike, some that cannot be compressed, some that are larger than a window, and nothing. */
export const messages: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  "Hello",
  "Hello",
  "",
  record,
  new Uint8Array(5_000).map((_, at) => (at * at * 31 + (at >> 3)) & 0xff),
  record.slice(0, 1_000),
  "Grüße, 世界 \u{1f41f}".repeat(3_000),
  new Uint8Array(0),
  record,
];

/** Sends all messages at once, and checks that they come back in order. Rejects when they do not. */
export function talk(socket: WebSocketLike): Promise<void> {
  socket.binaryType = "arraybuffer";
  let at = 0;
  return new Promise((resolve, reject) => {
    socket.onmessage = ({ data }: { data: unknown }) => {
      const wanted = messages[at]!;
      const right = typeof wanted === "string" ? data === wanted : same(data, wanted);
      if (!right) reject(new Error(`Message ${at} came back as ${String(data).slice(0, 100)}`));
      if (++at === messages.length) resolve();
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      reject(new Error(`Closed with ${code} ${reason} after ${at} messages`));
    for (const message of messages) socket.send(message);
  });
}

function same(data: unknown, wanted: Uint8Array): boolean {
  if (!(data instanceof ArrayBuffer) || data.byteLength !== wanted.length) return false;
  const bytes = new Uint8Array(data);
  return bytes.every((byte, at) => byte === wanted[at]);
}

/** Waits for a connection. Rejects when there will be none. */
export function open(socket: WebSocketLike): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event: { error?: unknown; message?: string }) =>
      reject(event.error ?? new Error(event.message ?? "Connection failed"));
  });
}

/** Closes, and waits for the end of it. */
export function close(socket: WebSocketLike): Promise<number> {
  return new Promise((resolve) => {
    socket.onclose = ({ code }: { code: number }) => resolve(code);
    socket.close(1000);
  });
}
