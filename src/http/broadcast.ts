/**
 * One message to many: to the clients of a server, or of a mount.
 */

import { OPEN } from "../protocol/constants.ts";
import { FrameRoom } from "../protocol/prepared.ts";
import { checkNames, checkType, wrongKind } from "../socket/check.ts";
import type { SendOptions } from "../socket/data.ts";
import { prepareIn } from "../socket/prepare.ts";
import { Socket } from "../socket/socket.ts";
import type { Member } from "./connection.ts";

/**
 * To whom, and how, `Server.broadcast` sends.
 *
 * @example
 * ```ts
 * import { upgrade } from "@sockeye/ws";
 * import { type BroadcastOptions, Server } from "@sockeye/ws/http";
 *
 * const server: Server = new Server({ port: 0, hostname: "127.0.0.1" }, {
 *   "/chat": upgrade((conn) => {
 *     const toOthers: BroadcastOptions = { except: conn };
 *     conn.onmessage = ({ data }) => server.broadcast(data, toOthers);
 *   }),
 * });
 * ```
 */
export interface BroadcastOptions extends SendOptions {
  /** Clients that do not get it: the one it came from, most of the time. */
  readonly except?: Socket | Iterable<Socket>;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof BroadcastOptions>(["compress", "except"]);

/** What is broadcast in one turn leaves each connection in one write, and as it lies here. */
const room = new FrameRoom();

/** Sends a message to those that are open, framed once. Returns to how many. Throws as `Server.broadcast`. */
export function broadcast(members: Iterable<Member>, data: unknown, options: BroadcastOptions): number {
  checkNames("broadcast", options, OPTIONS);
  const { compress, except = [] } = options;
  checkType("compress", compress, "boolean");
  const message = prepareIn(room, data);
  const passed = except instanceof Socket ? [except] : except;
  if (typeof passed !== "object" || passed === null || !(Symbol.iterator in passed)) {
    throw wrongKind("except", except, "a Socket, or a list of them");
  }
  const others = new Set(passed);
  const how = compress === undefined ? undefined : { compress };
  let count = 0;
  for (const { socket } of members) {
    if (socket.readyState !== OPEN || others.has(socket)) continue;
    socket.send(message, how);
    count++;
  }
  return count;
}
