/** Node's connections, against the contract; and what is Node's alone. */
import { test } from "node:test";
import { createServer } from "node:http";
import net from "node:net";
import process from "node:process";
import * as stream from "node:stream";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Transport } from "../../src/socket/transport.ts";
import { type Ends, transportContract } from "./contract.ts";
import { End, quiet, within } from "./end.ts";
import { runtimeContract } from "./runtime_contract.ts";

const onNode = process.versions.bun === undefined && !("Deno" in globalThis);
const skip = onNode ? false : "needs Node";

// Loaded where it is used: this file is read by all runtimes.
const load = () => import("../../src/runtime/node.ts");

runtimeContract({
  name: "node",
  ...(onNode ? {} : { unavailable: "needs Node" }),
  load: async () => (await load()).nodeRuntime,
});

/** The other side of a duplex stream made in JavaScript; newer than the types. */
const { duplexPair } = stream as unknown as { duplexPair?: () => [stream.Duplex, stream.Duplex] };

if (onNode && duplexPair !== undefined) {
  const why = "one side of a duplexPair is not told of the destruction of the other";
  transportContract({
    name: "node fromSocket over a duplexPair",
    connect: async (): Promise<Ends> => {
      const { fromSocket } = await load();
      const [near, far] = duplexPair();
      return { near: fromSocket(near), far: fromSocket(far), close: () => Promise.resolve() };
    },
    skip: {
      "ends everything once at an abort": why,
      "drops what is backed up at an abort": why,
      "is aborted from inside end": why,
      "tells the abort of a peer that had not read all": why,
      "tells the abort of a peer to a writer that is backed up": why,
      "is aborted before it is opened": why,
      "tells an abort of the peer from before it was opened": why,
    },
  });
} else {
  test("node fromSocket over a duplexPair", { skip: skip || "duplexPair is newer than this Node" }, () => {});
}

/** Asks for an upgrade, with `behind` in the same packet as the head, and gives both ends. */
async function upgraded(
  behind: Uint8Array,
  take: (socket: stream.Duplex, head: Uint8Array) => Transport,
): Promise<Ends & { client: net.Socket }> {
  const server = createServer();
  const transport = new Promise<Transport>((resolve) => {
    server.on("upgrade", (_request, socket, head) => resolve(take(socket, head)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  client.write(new Uint8Array([...new TextEncoder().encode(head), ...behind]));
  const far = await within(transport, "the upgrade");
  const { fromSocket } = await load();
  return {
    client,
    near: fromSocket(client),
    far,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

if (onNode) {
  transportContract({
    name: "node fromSocket of an upgrade",
    connect: async () => {
      const { fromSocket } = await load();
      return upgraded(new Uint8Array(0), (socket, head) => fromSocket(socket, head));
    },
  });
} else {
  test("node fromSocket of an upgrade", { skip: "needs Node" }, () => {});
}

test("node: fromSocket delivers the head first, also when the FIN has come with it", { skip }, async () => {
  const { fromSocket } = await load();
  for (const fin of [false, true]) {
    const behind = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    let headLength = 0;
    const ends = await upgraded(behind, (socket, head) => {
      headLength = head.length;
      return fromSocket(socket, head);
    });
    const received: number[] = [];
    let ended = false;
    if (fin) ends.client.end();
    await quiet();
    await new Promise<void>((resolve) => {
      ends.far.open({
        data: (chunk) => {
          received.push(...chunk);
          if (!fin && received.length === behind.length) resolve();
        },
        end: () => {
          ended = true;
          resolve();
        },
        drain() {},
        abort() {},
      });
    });
    assertEquals(received, [...behind]);
    assertEquals(headLength, behind.length);
    assertEquals(ended, fin);
    ends.near.abort();
    ends.far.abort();
    await ends.close();
  }
});

test("node: fromSocket refuses what gives text or objects", { skip }, async () => {
  const { fromSocket } = await load();
  assertThrows(() => fromSocket(new stream.PassThrough({ encoding: "utf8" })), TypeError, "wanted a stream of bytes");
  assertThrows(() => fromSocket(new stream.PassThrough({ objectMode: true })), TypeError, "wanted a stream of bytes");
});

test("node: fromSocket tells what comes from within write after it", { skip }, async () => {
  const { fromSocket } = await load();
  const end = new End("loop", fromSocket(new stream.PassThrough()));
  end.open();
  for (let i = 1; i < 100; i++) end.send(i * 100, i % 2 === 0);
  await end.untilAllOf(end);
  end.finish();
  await end.untilEnded();
  end.check();
});

test("node: fromSocket tells of a stream that is destroyed elsewhere", { skip }, async () => {
  const { fromSocket } = await load();
  for (const reason of [undefined, new Error("gone")]) {
    const duplex = new stream.PassThrough();
    const end = new End("duplex", fromSocket(duplex));
    end.open();
    duplex.destroy(reason);
    await end.until(() => end.aborted, "the abort");
    if (reason !== undefined) assertEquals(end.reason, reason);
    end.check();
  }
});

test("node: fromSocket tells no end after the abort, though it was held back", { skip }, async () => {
  const { fromSocket } = await load();
  const duplex = new stream.Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const end = new End("duplex", fromSocket(duplex));
  end.open();
  end.pause();
  duplex.push(null);
  await quiet();
  duplex.destroy(new Error("gone"));
  await end.until(() => end.aborted, "the abort");
  end.resume();
  await quiet();
  assertEquals(end.ended, false);
  end.check();
});

/** How many sockets of TCP keep this process alive. */
function holding(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "TCPServerWrap").length;
}

test("node: what was let go does not keep the process alive", { skip }, async () => {
  const { nodeRuntime } = await load();
  await quiet(); // What earlier tests have closed counts until the event loop has seen it.
  const before = holding();
  let accept = (_: Transport): void => {};
  const accepted = new Promise<Transport>((resolve) => accept = resolve);
  const listener = await nodeRuntime.listen({ transport: "tcp", hostname: "127.0.0.1", port: 0 }, (t) => accept(t));
  const { address } = listener;
  assert(address.transport === "tcp");
  const near = new End("near", await nodeRuntime.connect(address));
  const far = new End("far", await accepted);
  near.open();
  far.open();
  const steps: [string, number][] = [["all", holding() - before]];
  listener.unref();
  steps.push(["without the listener", holding() - before]);
  listener.ref();
  near.transport.unref();
  steps.push(["without near", holding() - before]);
  near.transport.ref();
  steps.push(["all again", holding() - before]);
  await listener.close();
  await quiet();
  steps.push(["the listener closed", holding() - before]);
  near.finish();
  far.finish();
  await near.untilEnded();
  await far.untilEnded();
  await quiet();
  steps.push(["both FINs sent", holding() - before]);
  near.abort();
  far.abort();
  assertEquals(steps, [
    ["all", 3],
    ["without the listener", 2],
    ["without near", 2],
    ["all again", 3],
    ["the listener closed", 2],
    ["both FINs sent", 0],
  ]);
});

test("node: rejects settings of TLS that cannot be read", { skip }, async () => {
  const { nodeRuntime } = await load();
  const tls = { cert: "no certificate", key: "no key" };
  const where = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  await assertRejects(() => nodeRuntime.listen({ ...where, tls }, () => {}), Error);
  await assertRejects(() => nodeRuntime.connect({ ...where, port: 1, tls }), Error);
});
