/** A proxy, as the option `proxy` names it. */

import { quote } from "../protocol/headers.ts";
import { basicAuthorization, percentDecode } from "./basic_auth.ts";
import { wrongKind } from "./check.ts";
import type { Target } from "./transport.ts";

/** A proxy. */
export interface Proxy {
  /** How it is spoken to. */
  readonly kind: "http" | "socks";
  /** Where it is. */
  readonly target: Target & { readonly transport: "tcp" };
  /** For messages: without the password. */
  readonly href: string;
  /** Value of `Proxy-Authorization`, where the URL has a user or a password. */
  readonly authorization: string | undefined;
  /** The user, one character for each byte; "" for none. */
  readonly username: string;
  /** The password, one character for each byte. */
  readonly password: string;
}

const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "socks5:": 1080, "socks5h:": 1080 };
const WANTED = "the URL of a proxy such as http://127.0.0.1:3128 or socks5://127.0.0.1:1080";

/** Checks the option `proxy`. The URL is not shown, as it may have a password in it. */
export function checkProxy(name: string, value: unknown): Proxy {
  if (typeof value !== "string" && !(value instanceof URL)) throw wrongKind(name, value, WANTED);
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new DOMException(`Cannot use the option ${name}: it cannot be parsed, wanted ${WANTED}`, "SyntaxError");
  }
  const port = PORTS[url.protocol];
  if (port === undefined || url.hostname === "") {
    const met = `its scheme is ${quote(url.protocol)} and its host ${quote(url.hostname)}`;
    throw new DOMException(`Cannot use the option ${name}: ${met}, wanted ${WANTED}`, "SyntaxError");
  }
  const { username, password } = url;
  return {
    kind: url.protocol.startsWith("socks") ? "socks" : "http",
    target: {
      transport: "tcp",
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? port : Number(url.port),
      ...(url.protocol === "https:" ? { tls: {} } : {}),
    },
    href: `${url.protocol}//${url.host}`,
    authorization: username === "" && password === "" ? undefined : basicAuthorization(url),
    username: percentDecode(username),
    password: percentDecode(password),
  };
}
