/**
 * Logging in by a cookie before the upgrade: who has no session is answered with 401, and never becomes a WebSocket.
 *
 * ```
 *   POST /login name, password --> Set-Cookie: session ---.
 *   GET /ws, Cookie: session --> chain: session? --yes--> upgrade
 *                                          `----no---> 401
 * ```
 */

import { randomUUID } from "node:crypto";
import { HandshakeError, Socket, upgrade } from "@sockeye/ws";
import { HttpClient, type HttpRequest, Server } from "@sockeye/ws/http";

/** Who is logged in, by the value of the cookie. */
const sessions = new Map<string, string>();
const passwords = new Map([["ann", "correct horse"]]);

async function login(req: HttpRequest): Promise<Response | undefined> {
  const { name, password } = await req.json() as { name: string; password: string };
  if (passwords.get(name) !== password) return new Response("Wrong name or password\n", { status: 403 });
  const session = randomUUID();
  sessions.set(session, name);
  // Over TLS also `secure: true`.
  req.response.addCookie({ name: "session", value: session, httpOnly: true, sameSite: "Strict", path: "/" });
  return undefined;
}

function userOf(req: HttpRequest): string | undefined {
  return sessions.get(req.cookies.get("session") ?? "");
}

const server = new Server({ port: 0, hostname: "127.0.0.1" }, {
  "/login": login,
  "/ws": [
    (req: HttpRequest) => userOf(req) === undefined ? new Response("Log in first\n", { status: 401 }) : undefined,
    upgrade((conn, req) => conn.close(1000, `Welcome, ${userOf(req)}`)),
  ],
});
await server.start();
const origin = `http://127.0.0.1:${server.port}`;

/** Connects with the cookies of `httpClient`, and says how it ended. */
function connect(httpClient: HttpClient): Promise<string> {
  return new Promise((resolve) => {
    const socket = new Socket(server.url("/ws"), { httpClient });
    socket.onerror = ({ error }) => {
      if (error instanceof HandshakeError) resolve(`refused with ${error.status}: ${String(error.body).trim()}`);
    };
    socket.onclose = ({ wasClean, reason }) => wasClean && resolve(reason);
  });
}

const ann = new HttpClient();
console.log("Without a session:", await connect(ann));
const wrong = await ann.post(`${origin}/login`, { json: { name: "ann", password: "guess" } });
console.log("With a wrong password:", wrong.status);
await ann.post(`${origin}/login`, { json: { name: "ann", password: "correct horse" } });
console.log("With a session:", await connect(ann));
await server.close();
