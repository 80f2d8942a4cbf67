/**
 * Connecting through a proxy: a tunnel by HTTP's CONNECT (RFC 9110, section 9.3.6), or by SOCKS 5.
 *
 * ```
 *   connect(proxy) -> CONNECT host:port -> 2xx -> the tunnel is the connection
 *                  -> SOCKS 5 ------------------>   `-> wss: TLS within it
 * ```
 */

import { HandshakeError, WebSocketError } from "../protocol/errors.ts";
import { Fields, formatHead, type ResponseHead } from "../protocol/head.ts";
import { quote } from "../protocol/headers.ts";
import { Opening } from "./opening.ts";
import type { Proxy } from "./proxy.ts";
import { tunnelBySocks } from "./socks.ts";
import { streamTransport } from "./stream_transport.ts";
import type { ClientTls, Runtime, Target, Transport } from "./transport.ts";

/** A way to connect through a proxy. `startTls` makes TLS within the tunnel. A Unix socket is reached without. */
export function through(
  proxy: Proxy,
  connect: Runtime["connect"],
  startTls: Runtime["startTls"],
): Runtime["connect"] {
  return async (target, signal) => {
    if (target.transport === "unix") return await connect(target, signal);
    const { tls } = target;
    if (tls !== undefined && startTls === undefined) {
      throw new Error("the runtime lends no TLS within a tunnel, wanted its startTls for wss: through a proxy");
    }
    const transport = await connect(proxyTarget(proxy, tls), signal);
    const cut = (): void => transport.abort(signal?.reason);
    signal?.addEventListener("abort", cut);
    try {
      signal?.throwIfAborted();
      if (proxy.kind === "socks") await tunnelBySocks(transport, proxy, target, signal);
      else await tunnelByHttp(transport, proxy, target, signal);
      if (tls === undefined) return transport;
      return streamTransport(await startTls!(transport, target.hostname, tls, signal), transport.remote);
    } catch (error) {
      transport.abort();
      throw error;
    } finally {
      signal?.removeEventListener("abort", cut);
    }
  };
}

/** A proxy that is spoken to over TLS is trusted as the server is. */
function proxyTarget({ target }: Proxy, tls: ClientTls | undefined): Target {
  if (target.tls === undefined || tls === undefined) return target;
  const { ca, rejectUnauthorized } = tls;
  return {
    ...target,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}

async function tunnelByHttp(
  transport: Transport,
  proxy: Proxy,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const fields = new Fields([["Host", authority]]);
  if (proxy.authorization !== undefined) fields.append("Proxy-Authorization", proxy.authorization);
  const opening = new Opening(transport);
  const lost = (): void => opening.abort(signal?.reason);
  signal?.addEventListener("abort", lost);
  try {
    transport.write(
      formatHead({ kind: "request", method: "CONNECT", target: authority, version: "1.1", fields }),
      true,
    );
    let head: ResponseHead;
    do head = await opening.readHead("response"); while (head.status < 200);
    const cannot = `Cannot connect to ${authority} through ${proxy.href}`;
    if (head.status >= 300) {
      const { status } = head;
      const reason = head.reason === "" ? "" : ` ${quote(head.reason)}`;
      const message = `${cannot}: the status is ${status}${reason}, wanted 200`;
      throw new HandshakeError("WS_CONNECT_FAILED", message, { status, headers: [...head.fields], body: "" });
    }
    // What is tunnelled is for the client to begin.
    if (opening.gone || opening.held > 0) {
      throw new WebSocketError("WS_CONNECT_FAILED", `${cannot}: something came before anything was asked for`);
    }
  } finally {
    signal?.removeEventListener("abort", lost);
  }
}
