/**
 * The platform's own WebSocket as a runtime, where there is no other: pages and workers of a browser, and runtimes that are
 * not known. It gives messages and no bytes, so it can neither lend a connection nor listen.
 */

import type { PlatformSocket, Runtime } from "../socket/transport.ts";

/** The platform's own WebSocket. */
export const nativeRuntime: Runtime = {
  name: "native",
  webSocket: (url: string, protocols: readonly string[]): PlatformSocket => new WebSocket(url, [...protocols]),
  connect: () => Promise.reject(refusal("connect")),
  listen: () => Promise.reject(refusal("listen")),
};

function refusal(action: string): DOMException {
  return new DOMException(
    `Cannot ${action}: this platform has WebSocket and no byte connections, wanted Deno, Bun or Node`,
    "NotSupportedError",
  );
}
