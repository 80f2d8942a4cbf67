/**
 * A tunnel by SOCKS 5 (RFC 1928), with a user and a password where there are some (RFC 1929). Names are for the proxy to
 * resolve.
 */

import { WebSocketError } from "../protocol/errors.ts";
import type { Transport, TransportSink } from "./transport.ts";

const VERSION = 5;
const CONNECT = 1;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

/** What a proxy says of a tunnel that it does not make, by number. */
const REPLIES: readonly string[] = [
  "succeeded",
  "general failure",
  "not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "address type not supported",
];

/** Who asks, and for messages whom. */
interface Asked {
  readonly href: string;
  readonly username: string;
  readonly password: string;
}

/** Makes a tunnel. Rejects with a `WebSocketError` when the proxy does not. */
export async function tunnelBySocks(
  transport: Transport,
  { href, username, password }: Asked,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const fail = (why: string): never => {
    throw new WebSocketError("WS_CONNECT_FAILED", `Cannot connect to ${hostname}:${port} through ${href}: ${why}`);
  };
  const address = addressOf(hostname) ?? fail("the name of the host is longer than 255 bytes");
  const user = Uint8Array.from(username, (char) => char.charCodeAt(0));
  const secret = Uint8Array.from(password, (char) => char.charCodeAt(0));
  if (user.length > 255 || secret.length > 255) fail("the user or the password is longer than 255 bytes");
  const answers = new Answers(transport, signal);
  const say = (...bytes: readonly number[]): unknown => transport.write(Uint8Array.from(bytes), true);

  const known = user.length > 0 ? [NO_AUTHENTICATION, USER_AND_PASSWORD] : [NO_AUTHENTICATION];
  say(VERSION, known.length, ...known);
  const [version, method] = await answers.take(2);
  if (version !== VERSION) fail(`it speaks version ${version} of SOCKS, wanted ${VERSION}`);
  if (method === USER_AND_PASSWORD && user.length > 0) {
    say(1, user.length, ...user, secret.length, ...secret);
    const [, status] = await answers.take(2);
    if (status !== 0) fail("it does not accept the user and the password");
  } else if (method !== NO_AUTHENTICATION) fail("it wants another way to say who asks");

  say(VERSION, CONNECT, 0, ...address, port >> 8, port & 0xff);
  const [, reply, , type] = await answers.take(4);
  if (reply !== 0) fail(`it says "${REPLIES[reply!] ?? reply}"`);
  // The address that the proxy connects from is of no use.
  const length = type === IPV4
    ? 4
    : type === IPV6
    ? 16
    : type === NAME
    ? (await answers.take(1))[0]!
    : fail("no address");
  await answers.take(length + 2);
  if (answers.held > 0) fail("something came before anything was asked for");
}

/** An address as it is sent: its type and its bytes. */
function addressOf(hostname: string): readonly number[] | undefined {
  if (hostname.includes(":")) return [IPV6, ...ipv6Bytes(hostname)];
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return [IPV4, ...hostname.split(".").map(Number)];
  const name = new TextEncoder().encode(hostname);
  return name.length > 255 ? undefined : [NAME, name.length, ...name];
}

/** The bytes of an IPv6 address as a URL has it: groups of hexadecimal digits, of which `::` stands for zeros. */
function ipv6Bytes(address: string): number[] {
  const [left = "", right] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16)).flatMap((n) => [n >> 8, n & 0xff]);
}

/** What the proxy answers, byte by byte. */
class Answers implements TransportSink {
  readonly #transport: Transport;
  #bytes: number[] = [];
  #lost: WebSocketError | undefined;
  #wake: (() => void) | undefined;

  constructor(transport: Transport, signal: AbortSignal | undefined) {
    this.#transport = transport;
    transport.open(this);
    signal?.addEventListener("abort", () => this.abort(signal.reason), { once: true });
  }

  /** How many bytes nobody has taken. */
  get held(): number {
    return this.#bytes.length;
  }

  /** The next so many bytes. Reading stops behind them. */
  async take(count: number): Promise<readonly number[]> {
    while (this.#bytes.length < count) {
      if (this.#lost !== undefined) throw this.#lost;
      this.#transport.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#bytes.splice(0, count);
  }

  data(chunk: Uint8Array): void {
    this.#transport.pause();
    this.#bytes.push(...chunk);
    this.#wake?.();
  }

  end(): void {
    this.abort(undefined);
  }

  drain(): void {}

  abort(reason: unknown): void {
    this.#lost ??= new WebSocketError("WS_CONNECT_FAILED", "Cannot connect: the proxy left", { cause: reason });
    this.#wake?.();
  }
}
