/** The handlers that all of these examples mount: one routing, as for our own server. */

import { type BaseSocket, type HttpRequest, upgrade } from "@sockeye/ws";
import type { RouteMap } from "@sockeye/ws/http";

const open = new Set<BaseSocket>();

function track(conn: BaseSocket): void {
  open.add(conn);
  conn.on("close", () => open.delete(conn));
}

/** Sends a lot, and no more than the peer takes. */
function flood(conn: BaseSocket): void {
  const chunk = new Uint8Array(65_536);
  let sent = 0;
  const fill = (): void => {
    while (sent < 256) {
      chunk[0] = sent++;
      if (!conn.send(chunk)) return;
    }
    conn.send(`sent ${sent}, drained ${drains} times`);
    conn.off("drain");
  };
  let drains = 0;
  conn.on("drain", () => {
    drains++;
    fill();
  });
  fill();
}

/** How the connections ended that have a heartbeat. */
const ends: string[] = [];

function beat(conn: BaseSocket): void {
  let why = "";
  conn.on("error", ({ error }) => why = ` ${error.code}`);
  conn.on("close", ({ code }) => ends.push(`${code}${why}`));
}

/** What each path does. */
export const app: RouteMap = {
  "/echo": upgrade({ perMessageDeflate: true }, (conn) => {
    track(conn);
    conn.on("message", ({ data }) => data === "close me" ? conn.close(4001, "asked for") : conn.send(data));
  }),
  "/chat/:room": upgrade({ protocols: ["chat.v2", "chat.v1"] }, (conn, req) => {
    const { protocol } = conn;
    const { remote, cookies, params, query } = req;
    const hostname = remote?.transport === "tcp" ? remote.hostname : undefined;
    conn.send(JSON.stringify({ room: params[0], protocol, hostname, name: cookies.get("name"), q: query.get("q") }));
  }),
  "/inner": upgrade({ origin: "https://a.example" }, (conn) => conn.send("inside")),
  "/cookie": [
    (req: HttpRequest): void => req.response.addCookie({ name: "seen", value: "1" }),
    upgrade({ headers: { "X-Served-By": "sockeye" } }, (conn) => conn.close()),
  ],
  "/ping": upgrade({ heartbeat: true }, async (conn) => {
    conn.on("message", () => {});
    try {
      conn.send(`round trip: ${await conn.ping("there?") >= 0}`);
    } catch (error) {
      conn.send((error as Error).name);
    }
  }),
  "/beating": upgrade({ heartbeat: { interval: 500, timeout: 500 } }, beat),
  "/ordered": upgrade({ ordered: true }, (conn) => {
    let running = 0;
    conn.on("message", async ({ data }) => {
      running++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      conn.send(`${data} of ${running--}`);
    });
  }),
  "/loop": upgrade(async (conn) => {
    for await (const { data } of conn) {
      if (data === "pipe") break;
      conn.send(`loop: ${data}`);
    }
    await conn.readable.pipeTo(conn.writable);
  }),
  "/made": upgrade((conn) => {
    conn.sendStream(["made ", "in ", "fragments"]).catch((error: Error) => conn.send(error.name));
  }),
  "/cut": upgrade((conn) => {
    beat(conn);
    conn.on("message", () => conn.terminate());
  }),
  "/full": upgrade((conn) => {
    // More than a socket of the system takes: it waits here when the server closes.
    for (let at = 0; at < 200; at++) conn.send(new Uint8Array(65_536).fill(at));
  }),
  "/ends": () => new Response(ends.join()),
  "/strict": upgrade({ maxFragments: 4 }, (conn) => conn.send("obeyed")),
  "/small": upgrade({ maxPayload: 1_000 }, (conn) => {
    conn.on("message", ({ data }) => conn.send(data));
  }),
  "/flood": upgrade(flood),
  "/throws": upgrade({ onerror() {} }, (conn) => {
    conn.send("so far");
    throw new Error("This is the example of an error");
  }),
  "/late": upgrade(async (conn) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    conn.on("message", ({ data }) => conn.send(`late: ${data}`));
  }),
  "/count": () => new Response(String(open.size)),
  "/body": async (req: HttpRequest) => new Response((await req.text()).toUpperCase(), { status: 201 }),
};
