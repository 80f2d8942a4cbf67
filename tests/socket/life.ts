/**
 * A program for `process_test.ts`: it uses sockets in memory and then has nothing more to do. Its argument says how.
 */

import process from "node:process";
import { closePayload, utf8 } from "../frames.ts";
import { turn } from "./peer.ts";
import { clientOf, connected, next, rightAnswer, serverAndPeer, SocketLog } from "./server.ts";

/** Calls `report` with each error that nobody catches, and lets the program go on. */
function catchUncaught(report: (error: unknown) => void): void {
  if ("Deno" in globalThis) {
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      report((event as unknown as { error: unknown }).error);
    });
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      report((event as unknown as { reason: unknown }).reason);
    });
  } else {
    process.on("uncaughtException", report);
    process.on("unhandledRejection", report);
  }
}

const programs: Record<string, () => Promise<void>> = {
  /** Each way in which a connection ends, with the time limits as they are by default. */
  async ends(): Promise<void> {
    const limits = { closeTimeout: 10_000, handshakeTimeout: 10_000 };
    for (const end of ["close", "terminate"] as const) {
      const { client, server } = await connected({ client: limits, server: limits });
      const logs = [new SocketLog(client), new SocketLog(server)];
      await next(client, "open");
      void client.ping();
      client.send(new Blob(["x"]));
      server[end]();
      for (const log of logs) await log.closed;
    }
    for (const way of ["end", "abort"] as const) {
      const { socket, peer } = await serverAndPeer(limits);
      socket.close();
      await turn();
      peer.transport[way]();
      await new SocketLog(socket).closed;
    }
    const { socket, peer } = await serverAndPeer(limits);
    peer.send({ opcode: 8, payload: closePayload(1000) });
    await turn();
    peer.transport.end();
    await new SocketLog(socket).closed;
    for (
      const answer of ["HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx", "garbage\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n"]
    ) {
      await new SocketLog(await clientOf((each) => void each.write(utf8(answer)), limits)).closed;
    }
    const { signal, abort } = aborting();
    const given = await clientOf(abort, { ...limits, signal });
    await new SocketLog(given).closed;
    const refused = await clientOf((each) => {
      each.write(utf8("HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nx"));
      given.close();
      setTimeout(() => each.transport.end(), 0);
    }, limits);
    await new SocketLog(refused).closed;
    // Nobody listens to this one.
    const forgotten = await serverAndPeer(limits);
    forgotten.peer.transport.end();
    console.log("done");
  },

  /** A connection that is open keeps nothing alive by itself: there is no timer in it. */
  async open(): Promise<void> {
    const { client } = await connected();
    await next(client, "open");
    console.log("done");
  },

  /** An unref'd connection whose peer never answers its Close frame, unref'd before and after closing. */
  async unref(): Promise<void> {
    for (const late of [false, true]) {
      const { socket } = await serverAndPeer({ closeTimeout: 10_000 });
      if (!late) socket.unref();
      socket.close();
      if (late) socket.unref();
    }
    console.log("done");
  },

  /** Listeners that throw: the others are called, the connection goes on, and the errors are reported as uncaught. */
  async throws(): Promise<void> {
    const uncaught: string[] = [];
    catchUncaught((error) => uncaught.push(error instanceof Error ? error.message : String(error)));
    const { client, server } = await connected();
    const told: string[] = [];
    client.onopen = () => {
      throw new Error("in open");
    };
    client.on("message", () => {
      throw new Error("in message");
    });
    client.addEventListener("message", {
      handleEvent: () => {
        throw "in handleEvent";
      },
    });
    client.addEventListener("message", {} as never);
    client.on("message", ({ data }) => told.push(`message ${data}`));
    client.on("close", () => {
      throw new Error("in close");
    });
    client.onclose = ({ code }) => told.push(`close ${code}`);
    server.on("close", () => told.push("the other end closes"));
    server.send("a");
    server.send("b");
    await next(client, "open");
    await turn();
    server.close(4000);
    await turn();
    console.log(told.join(", "));
    console.log(uncaught.map((each) => each.startsWith("in ") ? each : "no function").join(", "));
  },

  /** What fails and nobody waits for is no unhandled rejection. */
  async rejects(): Promise<void> {
    const uncaught: unknown[] = [];
    catchUncaught((error) => uncaught.push(error));
    const { client, server } = await connected();
    await next(client, "open");
    server.pause();
    void client.ping();
    client.terminate();
    void client.ping();
    server.terminate();
    await clientOf((each) => void each.write(utf8("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")));
    const closed = await clientOf(() => {});
    closed.close();
    closed.close();
    const open = await clientOf((each, request) => each.write(rightAnswer(request)).transport.abort());
    open.send; // Nobody listens to its error.
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(uncaught.length === 0 ? "done" : String(uncaught));
  },
};

function aborting(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

await programs[process.argv[2]!]!();
