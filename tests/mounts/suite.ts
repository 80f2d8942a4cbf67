/** How the handlers of examples/mounts/app.ts behave, whatever server they are mounted in. */

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { Socket, type SocketOptions } from "@sockeye/ws";
import { denoRuntime } from "../../src/runtime/deno.ts";
import { frame, KEY, readFrames, show, utf8 } from "../frames.ts";
import { parseAnswer, RawClient, requestText } from "../http/raw_client.ts";
import { ca } from "../certs.ts";

/** What a kind of mount can do: the rows of the table in docs/mounts.md. */
export interface Abilities {
  /** `ping` of the server's end. */
  readonly pings: boolean;
  /** permessage-deflate, where `upgrade` is asked for it. */
  readonly deflate: boolean;
  /** The options `maxFragments` and `messageTimeout`. */
  readonly limits: boolean;
  /** Messages in fragments, as `sendStream` sends them. */
  readonly fragments: boolean;
  /** The answer to a handshake with POST: 405, or 400 where the server does not let it through. */
  readonly post: number;
}

/** A server that runs. */
export interface Mounted {
  /** Of the server: `http://127.0.0.1:1234`. */
  readonly url: string;
  /** What its own page says. */
  readonly page: string;
  readonly can: Abilities;
  /** Sends SIGINT, and resolves with what the process ended with. */
  interrupt(): Promise<number | null>;
}

/** One thing that has to hold. */
export type Check = (mounted: Mounted) => Promise<void>;

function connect({ url }: Mounted, path: string, options: SocketOptions = {}): Socket {
  return new Socket(url.replace("http", "ws") + path, { tls: { ca }, ...options });
}

/** The messages of a connection, and its end. */
async function talk(conn: Socket, onmessage: (data: unknown) => void = () => {}): Promise<[unknown[], number, string]> {
  const messages: unknown[] = [];
  conn.onmessage = ({ data }) => {
    messages.push(data);
    onmessage(data);
  };
  const event = await new Promise<{ code: number; reason: string }>((resolve) => conn.onclose = resolve);
  return [messages, event.code, event.reason];
}

/** The first message, after which the client closes. */
async function first(conn: Socket): Promise<unknown> {
  const [messages, code] = await talk(conn, () => conn.close());
  assertEquals(code, 1000);
  return messages[0];
}

async function refusal(conn: Socket): Promise<{ status: number; body: string }> {
  const event = await new Promise<{ error: unknown }>((resolve) => conn.onerror = resolve);
  return event.error as { status: number; body: string };
}

/** Sends a request byte for byte. */
async function raw({ url }: Mounted, text: string): Promise<RawClient> {
  const { hostname, port, protocol } = new URL(url);
  const tls = protocol === "https:" ? { tls: { ca } } : {};
  return new RawClient(await denoRuntime.connect({ transport: "tcp", hostname, port: Number(port), ...tls })).send(
    text,
  );
}

const HANDSHAKE = [
  ...["Host: localhost", "Upgrade: websocket", "Connection: Upgrade"],
  ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"],
];

/** The answer to a handshake that differs in some fields. */
async function handshake(
  mounted: Mounted,
  path: string,
  changes: Record<string, string>,
  line = `GET ${path} HTTP/1.1`,
): Promise<string> {
  const kept = HANDSHAKE.filter((field) => !(field.split(":")[0]! in changes));
  const changed = Object.entries(changes).filter(([, value]) => value !== "").map(([name, value]) =>
    `${name}: ${value}`
  );
  const client = await raw(mounted, requestText(line, [...kept, ...changed]));
  await client.until(() => client.received.includes("\r\n\r\n") || client.ending !== "none");
  // The server's own connections may stay open behind an answer.
  await client.until(() =>
    client.ending !== "none" || /\r\n\r\n[^]*\n/.test(client.received) || client.received.startsWith("HTTP/1.1 101")
  );
  client.transport.abort();
  return client.received;
}

/** What pings carried that came. */
function pingsOf({ received }: RawClient): Uint8Array[] {
  const at = received.indexOf("\r\n\r\n");
  const bytes = Uint8Array.from(at < 0 ? "" : received.slice(at + 4), (each) => each.charCodeAt(0));
  return readFrames(bytes).filter(({ opcode }) => opcode === 9).map(({ payload }) => payload);
}

/** How connections to `/beating` end from now on: what is told of so many, when it is. */
async function endsSince({ url }: Mounted): Promise<(count: number) => Promise<string[]>> {
  const ask = async (): Promise<string[]> => {
    const client = Deno.createHttpClient({ caCerts: [ca] });
    const text = await (await fetch(`${url}/ends`, { client })).text();
    client.close();
    return text === "" ? [] : text.split(",");
  };
  const { length } = await ask();
  return async (count) => {
    let all = await ask();
    for (let tries = 0; tries < 500 && all.length < length + count; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      all = await ask();
    }
    return all.slice(length);
  };
}

/** All that has to hold, by name. */
export const checks: Record<string, Check> = {
  "serves its own pages, and plain requests that have a handler": async ({ url, page }) => {
    const client = Deno.createHttpClient({ caCerts: [ca] });
    assertEquals(await (await fetch(`${url}/`, { client })).text(), page);
    const answer = await fetch(`${url}/body`, { method: "POST", body: "loud", client });
    assertEquals([answer.status, await answer.text()], [201, "LOUD"]);
    const large = await fetch(`${url}/body`, { method: "POST", body: "x".repeat(1_048_577), client }).then(
      async (response) => [response.status, await response.text()] as const,
      () => undefined,
    );
    // The server may have cut the upload before its answer was read.
    if (large !== undefined) assertEquals(large[0], 413);
    client.close();
  },

  "echoes text and bytes of all sizes, in order": async (mounted) => {
    const sent = [
      "",
      "Hello",
      "Grüße \u{1F41F}",
      "x".repeat(200_000),
      new Uint8Array(0),
      Uint8Array.of(0, 255),
      new Uint8Array(70_000).fill(7),
    ];
    const conn = connect(mounted, "/echo");
    conn.onopen = () => sent.forEach((each) => conn.send(each));
    const [messages, code] = await talk(conn, (data) => {
      if (data instanceof Uint8Array && data.length === 70_000) conn.close(3000);
    });
    // In short: to show how lists of 70,000 bytes differ takes many GiB.
    const inShort = (each: unknown): string =>
      each instanceof Uint8Array ? show(each) : `${(each as string).length} ${show(utf8(each as string))}`;
    assertEquals(messages.map(inShort), sent.map(inShort));
    assertEquals(code, 3000);
  },

  "leads each path to its own handler, with what the request says": async (mounted) => {
    const rooms = ["blue", "red"].map((room) =>
      first(
        connect(mounted, `/chat/${room}?q=1%202`, {
          protocols: ["chat.v1", "chat.v2"],
          headers: { Cookie: "name=Ann" },
        }),
      )
    );
    const said = (room: string): string =>
      JSON.stringify({ room, protocol: "chat.v2", hostname: "127.0.0.1", name: "Ann", q: "1 2" });
    assertEquals(await Promise.all(rooms), [said("blue"), said("red")]);
    const conn = connect(mounted, "/chat/x", { protocols: ["chat.v2"] });
    const opened = new Promise((resolve) => conn.onopen = resolve);
    await Promise.all([first(conn), opened]);
    assertEquals(conn.protocol, "chat.v2");
  },

  "speaks no subprotocol that nobody picked": async (mounted) => {
    const answer = await handshake(mounted, "/chat/x", { "Sec-WebSocket-Protocol": "other, more" });
    assert(answer.startsWith("HTTP/1.1 101 "), answer);
    assertEquals(parseAnswer(answer).fields.includes("\nsec-websocket-protocol:"), false, answer);
  },

  "closes from either end, with code and reason": async (mounted) => {
    const conn = connect(mounted, "/echo");
    conn.onopen = () => conn.send("close me");
    assertEquals(await talk(conn), [[], 4001, "asked for"]);
  },

  "refuses handshakes, and says why": async (mounted) => {
    const nowhere = await refusal(connect(mounted, "/nowhere"));
    assertEquals(nowhere.status, 404);
    const foreign = await refusal(connect(mounted, "/inner", { origin: "https://b.example" }));
    assertEquals(foreign.status, 403);
    assertStringIncludes(foreign.body, '"https://b.example"');
    assertEquals(await first(connect(mounted, "/inner", { origin: "https://a.example" })), "inside");
    const version = parseAnswer(await handshake(mounted, "/echo", { "Sec-WebSocket-Version": "8" }));
    assertEquals(version.status, 426);
    assertStringIncludes(version.fields, "\nsec-websocket-version: 13\n");
    const key = parseAnswer(await handshake(mounted, "/echo", { "Sec-WebSocket-Key": "short" }));
    assertEquals(key.status, 400);
    assertNotEquals(key.body, "");
    const plain = parseAnswer(await handshake(mounted, "/echo", { Upgrade: "", Connection: "keep-alive" }));
    assertEquals(plain.status, 426);
    assertMatch(plain.fields, /\nupgrade: websocket\n/i);
    const post = parseAnswer(await handshake(mounted, "/echo", { "Content-Length": "0" }, "POST /echo HTTP/1.1"));
    assertEquals(post.status, mounted.can.post);
    if (post.status === 405) assertMatch(post.fields, /\nallow: GET\n/);
  },

  "sends fields and cookies with the 101": async (mounted) => {
    const { status, fields } = parseAnswer(await handshake(mounted, "/cookie", {}));
    assertEquals(status, 101);
    assertMatch(fields, /\nset-cookie: seen=1\b/);
    assertStringIncludes(fields, "\nx-served-by: sockeye\n");
  },

  "pings, or says that it cannot": async (mounted) => {
    assertEquals(await first(connect(mounted, "/ping")), mounted.can.pings ? "round trip: true" : "NotSupportedError");
    const conn = connect(mounted, "/echo");
    await new Promise((resolve) => conn.onopen = resolve);
    assert(await conn.ping("anybody?") >= 0);
    conn.close();
    await talk(conn);
  },

  "compresses where it can, and else declines": async (mounted) => {
    const conn = connect(mounted, "/echo", { perMessageDeflate: true });
    await new Promise((resolve) => conn.onopen = resolve);
    assertEquals(conn.extensions.startsWith("permessage-deflate"), mounted.can.deflate);
    const text = "again and again ".repeat(1_000);
    conn.send(text);
    assertEquals(await first(conn), text);
  },

  "obeys options, or refuses them at the handshake": async (mounted) => {
    if (mounted.can.limits) assertEquals(await first(connect(mounted, "/strict")), "obeyed");
    else assertEquals((await refusal(connect(mounted, "/strict"))).status, 500);
  },

  "fails a connection whose message is too big": async (mounted) => {
    const conn = connect(mounted, "/small");
    conn.onopen = () => {
      conn.send("x".repeat(1_000));
      conn.send("x".repeat(1_001));
    };
    const [messages, code] = await talk(conn);
    assertEquals(messages, ["x".repeat(1_000)]);
    assertEquals(code, 1009);
  },

  "loses nothing before the first listener": async (mounted) => {
    const client = await raw(mounted, requestText("GET /late HTTP/1.1", HANDSHAKE));
    // In the same chunk as the head, perhaps: before the server has answered.
    client.send(frame({ opcode: 1, payload: new TextEncoder().encode("early"), key: KEY }));
    await client.until(() => client.received.includes("late: early") || client.ending !== "none");
    assertStringIncludes(client.received, "late: early");
    client.transport.abort();
  },

  "waits for a slow reader, and loses nothing": async (mounted) => {
    const conn = connect(mounted, "/flood");
    let received = 0;
    let last: unknown;
    await new Promise<void>((resolve, reject) => {
      conn.onmessage = ({ data }) => {
        last = data;
        if (typeof data === "string") return resolve();
        if ((data as Uint8Array)[0] !== received++) reject(new Error(`Message ${received} is not in order`));
        if (received === 3) setTimeout(() => conn.pause().resume(), 0);
      };
      conn.onclose = () => reject(new Error(`Closed after ${received} messages`));
      conn.pause();
      setTimeout(() => conn.resume(), 300);
    });
    assertEquals(received, 256);
    assertMatch(String(last), /^sent 256, drained [1-9]\d* times$/);
    conn.onclose = null;
    conn.close();
    await talk(conn);
  },

  "closes with 1011 when the application throws": async (mounted) => {
    assertEquals(await talk(connect(mounted, "/throws")), [["so far"], 1011, ""]);
  },

  "notices that a client has vanished": async (mounted) => {
    const client = Deno.createHttpClient({ caCerts: [ca] });
    const count = async (): Promise<string> => await (await fetch(`${mounted.url}/count`, { client })).text();
    const conns = [connect(mounted, "/echo"), connect(mounted, "/echo")];
    await Promise.all(conns.map((conn) => new Promise((resolve) => conn.onopen = resolve)));
    for (const conn of conns) conn.send("here");
    await Promise.all(conns.map((conn) => new Promise((resolve) => conn.onmessage = resolve)));
    assert(Number(await count()) >= 2);
    for (const conn of conns) conn.terminate();
    for (let tries = 0; tries < 500 && await count() !== "0"; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(await count(), "0");
    client.close();
  },

  "finds peers dead that answer no ping, by the heartbeat, and leaves the living alone": async (mounted) => {
    const ends = await endsSince(mounted);
    const alive = connect(mounted, "/beating");
    const over = talk(alive);
    await new Promise((resolve) => alive.onopen = resolve);
    const [silent, stops] = await Promise.all(
      [1, 2].map(() => raw(mounted, requestText("GET /beating HTTP/1.1", HANDSHAKE))),
    );
    await stops!.until(() => pingsOf(stops!).length > 0);
    stops!.send(frame({ opcode: 10, payload: pingsOf(stops!)[0]!, key: KEY }));
    await Promise.all([silent!.over(), stops!.over()]);
    assertEquals(await ends(2), ["1006 WS_HEARTBEAT_TIMEOUT", "1006 WS_HEARTBEAT_TIMEOUT"]);
    assertEquals([pingsOf(silent!).length, pingsOf(stops!).length], [1, 2]);
    assertEquals(alive.readyState, Socket.OPEN);
    alive.close();
    assertEquals((await over)[1], 1000);
  },

  "handles messages one by one where that is asked for": async (mounted) => {
    const conn = connect(mounted, "/ordered");
    conn.onopen = () => ["a", "b", "c", "d"].forEach((each) => conn.send(each));
    const [messages] = await talk(conn, (data) => {
      if (data === "d of 1") conn.close();
    });
    assertEquals(messages, ["a of 1", "b of 1", "c of 1", "d of 1"]);
  },

  "is looped over, and piped": async (mounted) => {
    const conn = connect(mounted, "/loop");
    conn.onopen = () => ["a", "b", "pipe", "c", Uint8Array.of(1, 2)].forEach((each) => conn.send(each));
    const [messages, code] = await talk(conn, (data) => {
      if (typeof data !== "string") conn.close(3001, "enough");
    });
    assertEquals(messages, ["loop: a", "loop: b", "c", Uint8Array.of(1, 2)]);
    assertEquals(code, 3001);
  },

  "sends a message as it is made, or says that it cannot": async (mounted) => {
    const wanted = mounted.can.fragments ? "made in fragments" : "NotSupportedError";
    assertEquals(await first(connect(mounted, "/made")), wanted);
  },

  "cuts a connection": async (mounted) => {
    const ends = await endsSince(mounted);
    const conn = connect(mounted, "/cut");
    conn.onopen = () => conn.send("cut me");
    await talk(conn);
    assertEquals(await ends(1), ["1006"]);
  },

  "tells of a client that ended its connection without a Close frame": async (mounted) => {
    const ends = await endsSince(mounted);
    const client = await raw(mounted, requestText("GET /beating HTTP/1.1", HANDSHAKE));
    await client.until(() => client.received.includes("\r\n\r\n"));
    client.transport.end();
    assertEquals(await ends(1), ["1006 WS_PEER_VANISHED"]);
    client.transport.abort();
  },

  "closes all with 1001 when the mount is closed, behind all that waits to be sent": async (mounted) => {
    const conns = [connect(mounted, "/echo"), connect(mounted, "/echo")];
    const ends = conns.map((conn) => talk(conn));
    const full = connect(mounted, "/full");
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = () => {
        full.pause();
        resolve();
      };
    });
    const rest = talk(full, () => begin());
    await Promise.all(conns.map((conn) => new Promise((resolve) => conn.onopen = resolve)));
    await begun;
    const ended = mounted.interrupt();
    assertEquals(await Promise.all(ends), [[[], 1001, "going"], [[], 1001, "going"]]);
    begin = () => {};
    full.resume();
    const [messages, code, reason] = await rest;
    assertEquals(messages.map((each) => (each as Uint8Array)[0]), Array.from({ length: 200 }, (_, at) => at));
    assertEquals([code, reason], [1001, "going"]);
    assertEquals(await ended, 0);
  },
};
