// @runtimes deno
/** The connections of the load: bytes that they lost would be messages that nobody counts. */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { platform } from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { makePayload } from "../../scripts/bench/frames.ts";
import type { Wire } from "../../scripts/bench/wire.ts";

const skip = platform === "linux" ? false : "the load calls Linux";

async function serve(onconnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(onconnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

function ended(wire: Wire): Promise<void> {
  return new Promise((resolve) => wire.onend = resolve);
}

test(
  "The load sends all of what the system does not take at once, in order, and gets all of what comes",
  { skip },
  async () => {
    const { connect } = await import("../../scripts/bench/linux_sockets.ts");
    // Nothing is read for a while, so that the sender has to wait.
    const { server, port } = await serve((socket) => void setTimeout(() => socket.pipe(socket), 50));
    const wires = [connect(port, false), connect(port, false)];
    const sent = wires.map((_, at) => makePayload(12_000_000 + at));
    const got = await Promise.all(wires.map((wire, at) => {
      const all = new Uint8Array(sent[at]!.length);
      let length = 0;
      const whole = new Promise<Uint8Array>((resolve) => {
        wire.ondata = (bytes, count) => {
          all.set(bytes.subarray(0, count), length);
          length += count;
          if (length === all.length) resolve(all);
        };
      });
      const cuts = [0, 10_000_000, 10_000_001, all.length];
      for (const [index, cut] of cuts.slice(1).entries()) wire.write(sent[at]!.subarray(cuts[index]!, cut));
      return whole;
    }));
    for (const wire of wires) wire.destroy();
    await close(server);
    for (const [at, bytes] of got.entries()) assertEquals(Buffer.compare(bytes, sent[at]!), 0);
  },
);

test("The load hears of the end of a connection, once, and not when it ends it itself", { skip }, async () => {
  const { connect } = await import("../../scripts/bench/linux_sockets.ts");
  const sockets: Socket[] = [];
  const { server, port } = await serve((socket) => void sockets.push(socket.on("error", () => {})));
  const [fin, reset, own] = [connect(port, false), connect(port, false), connect(port, false)];
  let ends = 0;
  own.onend = () => ends++;
  const both = Promise.all([ended(fin), ended(reset)]);
  while (sockets.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  own.destroy();
  own.destroy();
  sockets[0]!.end();
  sockets[1]!.resetAndDestroy();
  await both;
  // What was ended is sent nowhere, and a new connection may have its number.
  const next = connect(port, false);
  fin.write(makePayload(1));
  fin.destroy();
  next.write(makePayload(3));
  while (sockets.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  const [chunk] = await once(sockets[3]!, "data");
  next.destroy();
  await close(server);
  assertEquals([chunk.length, ends], [3, 0]);
});

test("The load names what it met when a connection cannot be opened", { skip }, async () => {
  const { connect } = await import("../../scripts/bench/linux_sockets.ts");
  const { open } = await import("../../scripts/bench/wire.ts");
  const { server, port } = await serve((socket) => {
    socket.once("data", (head) => {
      socket.end(head.toString().startsWith("GET /no") ? "HTTP/1.1 404 Not Found\r\n\r\n" : "");
    });
  });
  const target = { port, tls: false, deflate: false };
  await assertRejects(
    () => open({ ...target, path: "/no" }),
    Error,
    "the answer is HTTP/1.1 404 Not Found, wanted 101",
  );
  await assertRejects(() => open({ ...target, path: "/" }), Error, "the server has closed the connection");
  await close(server);
  assertThrows(() => connect(port, false), Error, `Cannot connect to port ${port}: errno 111`);
});
