/**
 * What every door does with a request: runs the handlers, and makes an answer of whatever they throw.
 */

import { RequestError } from "./exchange.ts";
import { invoke } from "./handler.ts";
import type { Handler } from "./handler_types.ts";
import { exchangeOf, type HttpRequest } from "./request.ts";

/**
 * Runs a handler on a request. Afterwards the answer stands in `req.response`, unless the connection was taken over. What a
 * handler throws is reported and answered with 500; a `RequestError` is the sender's fault, and only answered. Returns a
 * promise where there is something to wait for; it never rejects.
 */
export function dispatch(handler: Handler, req: HttpRequest): void | Promise<void> {
  try {
    const pending = invoke(handler, req);
    return pending?.catch((error) => answerError(error, req));
  } catch (error) {
    answerError(error, req);
  }
}

function answerError(error: unknown, req: HttpRequest): void {
  if (error instanceof RequestError) return req.response.refuse(error.status, error.message);
  exchangeOf(req).report(error);
  req.response.refuse(500, "Internal server error");
}

/**
 * Gets what went wrong in the application's own code: an error that a handler or an `accept` threw.
 *
 * @example
 * ```ts
 * import { type ErrorReporter, Server } from "@sockeye/ws/http";
 *
 * const onerror: ErrorReporter = (error, req) => console.error(req?.address, error);
 * const server = new Server({ port: 0, onerror }, {});
 * console.assert(server instanceof Server);
 * ```
 */
export type ErrorReporter = (error: unknown, req: HttpRequest) => void;

/** Reports on the console. */
export function reportOnConsole(error: unknown, req: HttpRequest): void {
  console.error(`Cannot handle ${req.method} ${req.address}:`, error);
}

/** Reports an error; what the reporter itself throws goes to the console, and no further. */
export function safely(report: ErrorReporter, error: unknown, req: HttpRequest): void {
  try {
    report(error, req);
  } catch (second) {
    console.error("Cannot report an error:", second);
  }
}
