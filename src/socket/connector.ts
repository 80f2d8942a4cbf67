/** What a client connects with. */

import { WebSocketError } from "../protocol/errors.ts";
import type { CheckedOptions } from "./options.ts";
import type { Runtime } from "./transport.ts";
import { through } from "./tunnel.ts";

/** The `connect` of the options, or else that of the runtime; through the proxy, where there is one. */
export function connectorOf(
  { connector, proxy }: Pick<CheckedOptions, "connector" | "proxy">,
  runtime: Runtime | undefined,
): Runtime["connect"] {
  const connect = connector ?? runtime?.connect.bind(runtime);
  if (connect === undefined) {
    throw new WebSocketError(
      "WS_CONNECT_FAILED",
      "Cannot connect: no runtime is bound, and no option connect is given",
    );
  }
  return proxy === undefined ? connect : through(proxy, connect, runtime?.startTls);
}
