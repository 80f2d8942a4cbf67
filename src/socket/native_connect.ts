/**
 * How a client begins where the platform makes the connection: its own WebSocket is opened, and what it cannot do is
 * refused before.
 */

import { HANDSHAKE_TIMEOUT } from "../protocol/constants.ts";
import { WebSocketError } from "../protocol/errors.ts";
import type { Link } from "./link.ts";
import { NativeLink, notSupported } from "./native_link.ts";
import { type CheckedOptions, checkOptions, type SocketOptions } from "./options.ts";
import { parseUrl } from "./target.ts";
import { startTimeout } from "./timeout.ts";
import type { PlatformSocket, Runtime } from "./transport.ts";

/** The options that hold over a platform's WebSocket. */
const SUPPORTED: readonly string[] = [
  "protocol",
  "protocols",
  "perMessageDeflate",
  "maxPayload",
  "handshakeTimeout",
  "closeTimeout",
  "highWaterMark",
  "maxBufferedAmount",
  "binaryType",
  "ordered",
  "signal",
];

/** The arguments of `new Socket`, checked, for a platform's WebSocket. */
export class NativeStart {
  /** Where to connect. */
  readonly url: URL;
  /** The options, checked. */
  readonly options: CheckedOptions;
  /** None: it is half of all code. */
  readonly codec: undefined = undefined;
  /** Opens the connection. */
  readonly connect: (signal: AbortSignal) => Promise<Link>;

  /**
   * Checks the arguments of `new Socket`, as `ClientStart` does, and throws a `DOMException` named `NotSupportedError` for a
   * scheme or an option that the platform cannot obey. `runtime` is for bytes that the options lend.
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | SocketOptions | undefined,
    origin: string | undefined,
    open: NonNullable<Runtime["webSocket"]>,
    runtime: () => Promise<Runtime>,
  ) {
    this.url = parseUrl(url);
    this.options = checkOptions(protocols, origin);
    const { url: target, options } = this;
    if (options.connector !== undefined) {
      // Loaded only where bytes are lent: it is half of all code.
      this.connect = async (signal) => {
        const { connectBytes } = await import("./byte_connect.ts");
        return await connectBytes(target, options, await runtime(), signal);
      };
      return;
    }
    checkSupported(target, protocols, origin);
    this.connect = (signal) => connectNative(target, options, open, signal);
  }
}

/**
 * Checks the arguments of `new Socket` for what a platform's WebSocket cannot do. Throws a `DOMException` named
 * `NotSupportedError`.
 */
export function checkSupported(
  url: URL,
  protocols: string | readonly string[] | SocketOptions | undefined,
  origin: string | undefined,
): void {
  if (url.protocol.endsWith("+unix:")) {
    throw notSupported(
      `Cannot connect to ${url.href}: the platform's WebSocket knows no Unix sockets, wanted ws: or wss:`,
    );
  }
  const given = typeof protocols === "object" && !Array.isArray(protocols) ? protocols : { origin };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === "") continue;
    // What compression there is, is between the browser and the server.
    if (SUPPORTED.includes(name) && (name !== "perMessageDeflate" || typeof value === "boolean")) continue;
    throw notSupported(`Cannot use the option ${name}: the platform's WebSocket does not obey it`);
  }
}

/**
 * Opens a WebSocket of the platform. Rejects with a `WebSocketError`: `WS_CONNECT_FAILED` (the platform does not tell why),
 * `WS_HANDSHAKE_TIMEOUT`, or with the signal's reason.
 */
export function connectNative(
  url: URL,
  options: CheckedOptions,
  open: NonNullable<Runtime["webSocket"]>,
  signal: AbortSignal,
): Promise<Link> {
  const { protocols = [], handshakeTimeout = HANDSHAKE_TIMEOUT } = options.connect;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let settled = false;
    let socket: PlatformSocket;
    try {
      socket = open(url.href, protocols);
    } catch (cause) {
      throw new WebSocketError("WS_CONNECT_FAILED", `Cannot connect to ${url.href}: ${String(cause)}`, { cause });
    }
    const settle = (): boolean => {
      if (settled) return false;
      clearTimeout(timer);
      signal.removeEventListener("abort", onabort);
      return settled = true;
    };
    const giveUp = (reason: unknown): void => {
      if (!settle()) return;
      reject(reason);
      socket.close();
    };
    const onabort = (): void => giveUp(signal.reason);
    const fail = (): void =>
      giveUp(
        new WebSocketError("WS_CONNECT_FAILED", `Cannot connect to ${url.href}: the platform does not say why`),
      );
    const timer = startTimeout(handshakeTimeout, () =>
      giveUp(
        new WebSocketError("WS_HANDSHAKE_TIMEOUT", `Cannot connect: handshake not done within ${handshakeTimeout} ms`),
      ));
    signal.addEventListener("abort", onabort);
    socket.addEventListener("open", () => {
      if (settle()) resolve(new NativeLink(socket, options.connect));
    });
    socket.addEventListener("error", fail);
    socket.addEventListener("close", fail);
  });
}
