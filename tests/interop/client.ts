/**
 * Runs the battery against a server with one kind of client: `native` (the runtime's own `WebSocket`), `ws` (npm) or `ours`.
 * Ends with 0 when all was right.
 *
 * Usage: client.ts kind url
 */

import process from "node:process";
// @ts-types="@types/ws"
import { WebSocket as NpmWebSocket } from "ws";
import { runBattery, type WebSocketLike } from "./battery.ts";

const [kind = "", url = ""] = process.argv.slice(2);

async function maker(): Promise<(protocols: string[]) => WebSocketLike> {
  if (kind === "native") return (protocols) => new WebSocket(url, protocols) as WebSocketLike;
  if (kind === "ws") {
    return (protocols) => new NpmWebSocket(url, protocols) as unknown as WebSocketLike;
  }
  if (kind === "ours") {
    const { Socket } = await import("@sockeye/ws");
    return (protocols) => new Socket(url, protocols) as unknown as WebSocketLike;
  }
  throw new Error(`Cannot connect: kind is ${kind}, wanted native, ws or ours`);
}

await runBattery(await maker());
console.log("ok");
process.exit(0);
