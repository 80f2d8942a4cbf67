/**
 * A server in a process of its own, to be attacked: `GET /report` tells what it holds, `/ws` upgrades. Prints its port.
 * Its argument is a `Setting` as JSON.
 */

import process from "node:process";
import { type Socket, upgrade, type UpgradeOptions } from "@sockeye/ws";
import { Server, type ServerOptions } from "@sockeye/ws/http";
import { heldBytes, peakBytes } from "./memory.ts";

/** What its application does with a connection. */
export type Application =
  /** Sends back what it gets. */
  | "echo"
  /** Takes messages. */
  | "sink"
  /** Never listens. */
  | "deaf"
  /** Sends without end, and stops when it is told to. */
  | "polite"
  /** Sends without end, whatever it is told. */
  | "rude"
  /** Closes each connection. */
  | "closing";

/** How it is set up. */
export interface Setting {
  readonly application: Application;
  readonly upgrade?: UpgradeOptions;
  readonly server?: ServerOptions;
}

/** What it tells of itself. */
export interface Report {
  /** Bytes held, garbage left out. */
  readonly held: number;
  /** Bytes of the process. */
  readonly rss: number;
  /** The most that the process ever had, in bytes. */
  readonly peak: number;
  /** WebSockets that are open or closing. */
  readonly connections: number;
  /** How connections ended: how many with which error and code. */
  readonly ends: Record<string, number>;
}

const ends: Record<string, number> = {};
const PART = "x".repeat(65_536);

function listen(conn: Socket): void {
  let error = "";
  conn.onerror = (event) => error = `${event.error.code} `;
  conn.onclose = ({ code }) => {
    const end = `${error}${code}`;
    ends[end] = (ends[end] ?? 0) + 1;
  };
}

function pump(conn: Socket, polite: boolean): void {
  const more = (): void => {
    let goes = true;
    for (let count = 0; count < 16 && (goes || !polite); count++) goes = conn.send(PART);
    if (conn.readyState === 1 && (goes || !polite)) setTimeout(more, 0);
  };
  conn.ondrain = () => {
    if (polite) more();
  };
  more();
}

const applications: Record<Application, (conn: Socket) => void> = {
  echo: (conn) => conn.onmessage = ({ data }) => void conn.send(data),
  sink: (conn) => conn.onmessage = () => {},
  deaf: () => {},
  polite: (conn) => pump(conn, true),
  rude: (conn) => pump(conn, false),
  closing: (conn) => conn.close(4000, "go"),
};

const setting = JSON.parse(process.argv[2] ?? "{}") as Setting;
const server = new Server({ port: 0, hostname: "127.0.0.1", ...setting.server }, {
  "/report": () => {
    const { rss } = process.memoryUsage();
    const report: Report = { held: heldBytes(), rss, peak: peakBytes(), connections: server.clients.size, ends };
    return new Response(JSON.stringify(report));
  },
  "/ws": upgrade(setting.upgrade ?? {}, (conn) => {
    if (setting.application !== "deaf") listen(conn);
    applications[setting.application](conn);
  }),
});
await server.start();
console.log(server.port);
