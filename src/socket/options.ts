/**
 * The options of `Socket`: what they are, and the check of what the caller gave. A wrong option is the caller's mistake and
 * is refused at once, by name, with what was met and what was wanted.
 */

import { quote } from "../protocol/headers.ts";
import type { ConnectOptions } from "./connect.ts";
import { checkDeflate, type DeflateOptions } from "./deflate_options.ts";
import { checkProtocols } from "./target.ts";
import type { ClientTls, Runtime } from "./transport.ts";

/** The form in which binary messages are delivered. */
export type BinaryType = "uint8array" | "arraybuffer" | "blob";

/** Options of a client. */
export interface SocketOptions {
  /** Subprotocol, or subprotocols, to offer. */
  readonly protocol?: string | readonly string[];
  /** The same as `protocol`. */
  readonly protocols?: string | readonly string[];
  /** Value of the `Origin` header. @default {""} (none is sent) */
  readonly origin?: string;
  /** More headers for the request. */
  readonly headers?: Headers | Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;
  /** Offers compression (RFC 7692): `true`, or how. @default {false} */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** Bytes of one received message; more fails the connection with 1009. @default {67108864} */
  readonly maxPayload?: number;
  /** Frames of one received message; more fails the connection with 1009. @default {131072} */
  readonly maxFragments?: number;
  /** Bytes of the head of the server's response. @default {16384} */
  readonly maxHeadSize?: number;
  /** Fields of the head of the server's response. @default {128} */
  readonly maxHeadFields?: number;
  /** Milliseconds for the opening handshake, connecting included; 0 for no limit. @default {10000} */
  readonly handshakeTimeout?: number;
  /** Milliseconds for the closing handshake. @default {10000} */
  readonly closeTimeout?: number;
  /** Bytes waiting to be sent from which on `send` returns false. @default {1048576} */
  readonly highWaterMark?: number;
  /** Bytes waiting to be sent at which the connection is failed with 1013. @default {268435456} */
  readonly maxBufferedAmount?: number;
  /** The form of binary messages. @default {"uint8array"} */
  readonly binaryType?: BinaryType;
  /** TLS settings for `wss:`. */
  readonly tls?: ClientTls;
  /** Gives up connecting, or cuts the connection, when it aborts. */
  readonly signal?: AbortSignal;
  /** Another way to connect than that of the runtime: its `connect`. */
  readonly connect?: Runtime["connect"];
}

const NUMBERS = [
  "maxPayload",
  "maxFragments",
  "maxHeadSize",
  "maxHeadFields",
  "handshakeTimeout",
  "closeTimeout",
  "highWaterMark",
  "maxBufferedAmount",
] as const;

const KNOWN: ReadonlySet<string> = new Set([
  ...NUMBERS,
  "protocol",
  "protocols",
  "origin",
  "headers",
  "perMessageDeflate",
  "binaryType",
  "tls",
  "signal",
  "connect",
]);

/** The checked form of the arguments of `new Socket`. */
export interface CheckedOptions {
  readonly connect: ConnectOptions;
  readonly origin: string;
  readonly binaryType: BinaryType;
  readonly signal: AbortSignal | undefined;
  readonly connector: Runtime["connect"] | undefined;
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
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot connect: options is ${String(options)}, wanted an object, a string or a list of strings`,
    );
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) {
      throw new TypeError(`Cannot connect: option ${quote(name)} is unknown, wanted one of ${[...KNOWN].join(", ")}`);
    }
  }
  const numbers: Partial<Record<typeof NUMBERS[number], number>> = {};
  for (const name of NUMBERS) {
    const value = options[name];
    if (value !== undefined) {
      numbers[name] = name.startsWith("maxHead") ? checkCount(name, value) : checkNumber(name, value);
    }
  }
  const name = options.protocols === undefined ? "protocol" : "protocols";
  const protocols = checkProtocols(listOf(name, options[name] ?? ""));
  checkKind("origin", options.origin, "string");
  const compression = checkDeflate(options.perMessageDeflate);
  checkKind("connect", options.connect, "function");
  checkKind("tls", options.tls, "object");
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw wrong("signal", options.signal, "an AbortSignal");
  }
  const from = options.origin ?? "";
  return {
    connect: {
      ...numbers,
      protocols,
      ...(compression === undefined ? {} : { compression }),
      ...(from === "" ? {} : { origin: from }),
      ...(options.headers === undefined ? {} : { headers: new Headers(options.headers as Headers) }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    },
    origin: from,
    binaryType: checkBinaryType(options.binaryType ?? "uint8array"),
    signal: options.signal,
    connector: options.connect,
  };
}

/** Checks a limit: a number above or equal to 0, Infinity included. */
export function checkNumber(name: string, value: unknown): number {
  if (typeof value !== "number") throw wrong(name, value, "a number");
  if (!(value >= 0)) throw new RangeError(`Cannot use the option ${name}: got ${value}, wanted a number of at least 0`);
  return value;
}

/** Checks a limit of a head, which the reader of heads wants to be a whole number above 0. */
function checkCount(name: string, value: unknown): number {
  if (typeof value !== "number") throw wrong(name, value, "a number");
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot use the option ${name}: got ${value}, wanted a whole number above 0`);
}

/** Whether this names a form of binary messages. */
export function isBinaryType(value: unknown): value is BinaryType {
  return value === "uint8array" || value === "arraybuffer" || value === "blob";
}

/** Checks the form of binary messages. */
export function checkBinaryType(value: unknown): BinaryType {
  if (isBinaryType(value)) return value;
  throw wrong("binaryType", value, `"uint8array", "arraybuffer" or "blob"`);
}

function checkKind(name: string, value: unknown, kind: string): void {
  if (value !== undefined && (typeof value !== kind || value === null)) throw wrong(name, value, `a ${kind}`);
}

function wrong(name: string, value: unknown, wanted: string): TypeError {
  const met = typeof value === "string" ? quote(value) : String(value);
  return new TypeError(`Cannot use the option ${name}: got ${met}, wanted ${wanted}`);
}

function listOf(name: string, value: string | readonly string[]): readonly string[] {
  if (value === "") return [];
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) throw wrong(name, value, "a string or a list of strings");
  return value;
}
