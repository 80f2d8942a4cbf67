/** What the tests of the web platform's `websockets/` folder ask of their server, on ours, and clients as promises. */

import { Socket, type SocketOptions, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

/** Starts a server, lets `work` use it, and closes it. */
export async function serving(work: (base: string) => Promise<void>): Promise<void> {
  const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
    "/echo": upgrade((conn) => {
      conn.onmessage = ({ data }) => {
        if (data === "Goodbye") conn.close(1000);
        else if (data === "close with 3456") conn.close(3456, "as asked");
        else conn.send(data);
      };
    }),
    "/echo-query": upgrade((conn, req) => {
      conn.send(req.queryString);
      conn.onmessage = () => {};
    }),
    "/echo-authorization": upgrade((conn, req) => {
      conn.send(req.headers.get("authorization") ?? "none");
      conn.onmessage = () => {};
    }),
    "/protocol": upgrade({ protocols: (offered) => offered.at(-1) }, (conn) => {
      conn.onmessage = () => {};
    }),
    "/no-protocol": upgrade((conn) => {
      conn.onmessage = () => {};
    }),
  });
  await server.start();
  try {
    await work(`ws://127.0.0.1:${server.port}`);
  } finally {
    await server.close({ deadline: 1000 });
  }
}

/** Resolves with the next event of that name. */
export function next<K extends "open" | "message" | "error" | "close">(
  socket: Socket,
  name: K,
): Promise<Parameters<NonNullable<Socket[`on${K}`]>>[0]> {
  return new Promise((resolve) => socket.once(name, resolve as never));
}

/** The names of all events that come, in order, until `close`. */
export function story(socket: Socket): Promise<string[]> {
  const names: string[] = [];
  for (const name of ["open", "message", "error"] as const) socket.on(name, () => names.push(name));
  return new Promise((resolve) => socket.once("close", () => resolve([...names, "close"])));
}

/** Opens a client and lets `work` use it; closes it. */
export async function using(
  url: string,
  work: (socket: Socket) => unknown,
  options?: string | string[] | SocketOptions,
): Promise<void> {
  const socket = new Socket(url, options);
  await next(socket, "open");
  await work(socket);
  if (socket.readyState === Socket.CLOSED) return;
  const closed = next(socket, "close");
  socket.close();
  await closed;
}
