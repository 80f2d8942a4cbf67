/** The check of a client's TLS settings. */

import { checkNames, checkType, wrongKind } from "./check.ts";
import type { ClientTls } from "./transport.ts";

const KNOWN: ReadonlySet<string> = new Set<keyof ClientTls>(["ca", "servername", "cert", "key", "rejectUnauthorized"]);

/** Checks the option `tls` of a client. What stands in the texts is for the runtime to judge. */
export function checkTls(name: string, value: unknown): ClientTls {
  checkType(name, value, "object");
  checkNames(`use the option ${name}`, value, KNOWN);
  const { ca, servername, cert, key, rejectUnauthorized } = value as Readonly<Record<keyof ClientTls, unknown>>;
  if (
    ca !== undefined && typeof ca !== "string" && !(Array.isArray(ca) && ca.every((each) => typeof each === "string"))
  ) {
    throw wrongKind(`${name}.ca`, ca, "a certificate in PEM, or a list of them");
  }
  checkType(`${name}.servername`, servername, "string");
  checkType(`${name}.cert`, cert, "string");
  checkType(`${name}.key`, key, "string");
  checkType(`${name}.rejectUnauthorized`, rejectUnauthorized, "boolean");
  return value as ClientTls;
}
