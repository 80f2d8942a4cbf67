/**
 * The options of `Socket`: what they are, and the check of what the caller gave. A wrong option is the caller's mistake and
 * is refused at once, by name, with what was met and what was wanted.
 */

import {
  checkCount,
  checkEach,
  checkFields,
  checkNames,
  checkNumber,
  checkSignal,
  checkType,
  wrongKind,
} from "./check.ts";
import { checkTls } from "./client_tls.ts";
import type { ConnectOptions } from "./connect.ts";
import type { HeartbeatSettings } from "./heartbeat.ts";
import { checkClient, type HttpClientLike, type LentClient } from "./http_client.ts";
import type { Proxy } from "./proxy.ts";
import { checkConnection, CONNECTION_OPTIONS, type ConnectionOptions } from "./shared_options.ts";
import { checkProtocols } from "./target.ts";
import type { ClientTls, Runtime } from "./transport.ts";

/**
 * The form in which binary messages are delivered.
 *
 * @example
 * ```ts
 * import { type BinaryType, Socket } from "@sockeye/ws";
 *
 * const binaryType: BinaryType = "arraybuffer";
 * const socket = new Socket("ws://127.0.0.1:9/", { binaryType });
 * socket.close();
 * console.assert(socket.binaryType === "arraybuffer");
 * ```
 */
export type BinaryType = "uint8array" | "arraybuffer" | "blob";

/**
 * Options of a client.
 *
 * @example
 * ```ts
 * import { Socket, type SocketOptions } from "@sockeye/ws";
 *
 * const options: SocketOptions = { protocols: ["chat.v2", "chat.v1"], maxPayload: 65_536, handshakeTimeout: 3_000 };
 * const socket = new Socket("ws://127.0.0.1:9/", options);
 * console.assert(socket.readyState === Socket.CONNECTING);
 * socket.close();
 * ```
 */
export interface SocketOptions extends ConnectionOptions {
  /** Subprotocol, or subprotocols, to offer. */
  readonly protocol?: string | readonly string[];
  /** The same as `protocol`. */
  readonly protocols?: string | readonly string[];
  /** Value of the `Origin` header. @default {""} (none is sent) */
  readonly origin?: string;
  /** More headers for the request. */
  readonly headers?: Headers | Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;
  /** Bytes of the head of the server's response. @default {16384} */
  readonly maxHeadSize?: number;
  /** Fields of the head of the server's response. @default {128} */
  readonly maxHeadFields?: number;
  /** Milliseconds for the opening handshake, connecting included; 0 for no limit. @default {10000} */
  readonly handshakeTimeout?: number;
  /** The form of binary messages. @default {"uint8array"} */
  readonly binaryType?: BinaryType;
  /** How many redirects are followed; 0 for none. Credentials stay behind where the host is another. @default {10} */
  readonly maxRedirects?: number;
  /** TLS settings for `wss:`. */
  readonly tls?: ClientTls;
  /** An HTTP client, or what else has these members: its cookies, its proxy and its TLS settings are used. */
  readonly httpClient?: HttpClientLike;
  /** Gives up connecting, or cuts the connection, when it aborts. */
  readonly signal?: AbortSignal;
  /** Another way to connect than that of the runtime: its `connect`. */
  readonly connect?: Runtime["connect"];
}

const KNOWN: ReadonlySet<string> = new Set([
  ...CONNECTION_OPTIONS,
  ...["maxHeadSize", "maxHeadFields", "maxRedirects", "handshakeTimeout", "httpClient"],
  ...["protocol", "protocols", "origin", "headers", "binaryType", "tls", "signal", "connect"],
]);

/** The checked form of the arguments of `new Socket`. */
export interface CheckedOptions {
  readonly connect: ConnectOptions;
  readonly origin: string;
  readonly binaryType: BinaryType;
  readonly signal: AbortSignal | undefined;
  readonly connector: Runtime["connect"] | undefined;
  readonly proxy?: Proxy;
  readonly heartbeat?: HeartbeatSettings;
  readonly ordered?: boolean;
}

/**
 * Checks the second and third argument of `new Socket`. Throws a `DOMException` named `SyntaxError` for a subprotocol, a
 * `TypeError` for an option that is unknown or of the wrong kind, a `RangeError` for one that is out of range.
 */
export function checkOptions(
  second: string | readonly string[] | SocketOptions | undefined,
  origin: string | undefined,
): CheckedOptions {
  const plain = second === undefined || typeof second === "string" || Array.isArray(second);
  const options: SocketOptions = plain ? { protocols: second ?? "", origin: origin ?? "" } : second as SocketOptions;
  checkNames("connect", options, KNOWN, "an object, a string or a list of strings");
  if (!plain && origin) {
    throw new TypeError(`Cannot connect: origin is there beside the options, wanted it to be one of them`);
  }
  if (options.protocol !== undefined && options.protocols !== undefined) {
    throw new TypeError("Cannot connect: the options protocol and protocols are both there, wanted one of them");
  }
  const { limits, compression, heartbeat, ordered } = checkConnection(options);
  const name = options.protocols === undefined ? "protocol" : "protocols";
  const { [name]: offered = "", binaryType = "uint8array" } = options;
  const protocols = checkProtocols(listOf(name, offered));
  checkType("origin", options.origin, "string");
  checkType("connect", options.connect, "function");
  checkSignal("signal", options.signal);
  const { cookieJar, proxy, tls }: LentClient = options.httpClient === undefined
    ? {}
    : checkClient("httpClient", options.httpClient);
  const ownTls = options.tls === undefined ? undefined : checkTls("tls", options.tls);
  const from = options.origin ?? "";
  return {
    connect: {
      ...limits,
      ...checkEach(options, {
        maxHeadSize: checkCount,
        maxHeadFields: checkCount,
        maxRedirects: checkNumber,
        handshakeTimeout: checkNumber,
      }),
      protocols,
      ...(compression === undefined ? {} : { compression }),
      ...(from === "" ? {} : { origin: checkFields("origin", { Origin: from }).get("origin")! }),
      ...checkEach(options, { headers: checkFields }),
      ...(tls === undefined && ownTls === undefined ? {} : { tls: { ...tls, ...ownTls } }),
      ...(cookieJar === undefined ? {} : { cookieJar }),
    },
    origin: from,
    ...(ordered ? { ordered } : {}),
    binaryType: checkBinaryType(binaryType),
    signal: options.signal,
    connector: options.connect,
    ...(proxy === undefined ? {} : { proxy }),
    ...(heartbeat === undefined ? {} : { heartbeat }),
  };
}

/** Whether this names a form of binary messages. */
export function isBinaryType(value: unknown): value is BinaryType {
  return value === "uint8array" || value === "arraybuffer" || value === "blob";
}

/** Checks the form of binary messages. */
export function checkBinaryType(value: unknown): BinaryType {
  if (isBinaryType(value)) return value;
  throw wrongKind("binaryType", value, `"uint8array", "arraybuffer" or "blob"`);
}

function listOf(name: string, value: string | readonly string[]): readonly string[] {
  if (value === "") return [];
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) throw wrongKind(name, value, "a string or a list of strings");
  return value;
}
