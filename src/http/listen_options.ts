/** Where a server listens, as its options say. */

import { checkNames, checkType, checkWhole, wrongKind } from "../socket/check.ts";
import { isLimit } from "../socket/timeout.ts";
import type { ListenOptions, ServerTls } from "../socket/transport.ts";

/** The options of a server that say where it listens. */
interface Where {
  readonly port?: number;
  readonly hostname?: string;
  readonly path?: string;
  readonly tls?: ServerTls;
}

/** Checks where to listen. */
export function listenOptions({ port, hostname, path, tls }: Where, timeout: number): ListenOptions {
  checkText("hostname", hostname);
  checkText("path", path);
  const over = tls === undefined
    ? {}
    : { tls: checkTls(tls), ...(isLimit(timeout) ? { handshakeTimeout: timeout } : {}) };
  if (path !== undefined) {
    if (port !== undefined || hostname !== undefined) {
      throw new TypeError("Cannot make a server: path is there beside port or hostname, wanted one of them");
    }
    return { transport: "unix", path, ...over };
  }
  return {
    transport: "tcp",
    port: checkWhole("port", port, 0, 65_535),
    ...(hostname === undefined ? {} : { hostname }),
    ...over,
  };
}

function checkText(name: string, value: unknown): void {
  checkType(name, value, "string");
  if (value === "") throw new RangeError(`Cannot use the option ${name}: got "", wanted at least one character`);
}

const TLS_OPTIONS: ReadonlySet<string> = new Set<keyof ServerTls>(["cert", "key"]);

function checkTls(tls: unknown): ServerTls {
  if (typeof tls !== "object" || tls === null) throw wrongKind("tls", tls, "an object of cert and key");
  checkNames("use the option tls", tls, TLS_OPTIONS);
  const { cert, key } = tls as Partial<ServerTls>;
  if (typeof cert !== "string") throw wrongKind("tls.cert", cert, "a certificate in PEM");
  if (typeof key !== "string") throw wrongKind("tls.key", key, "a private key in PEM");
  return tls as ServerTls;
}
