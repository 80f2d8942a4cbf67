/**
 * The contract of a `Runtime` as tests: one call of `runtimeContract` registers `transportContract` for TCP, Unix sockets
 * and TLS over both, and the tests of `connect` and `listen`. After each test no socket may be left open.
 */
import { test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, fail } from "@std/assert";
import type {
  ClientTls,
  Listener,
  ListenOptions,
  Runtime,
  ServerTls,
  Target,
  Transport,
} from "../../src/socket/transport.ts";
import { ca, otherCa, otherServerCert, otherServerKey, serverCert, serverKey } from "../certs.ts";
import { openSockets } from "../open_sockets.ts";
import { type Ends, transportContract } from "./contract.ts";
import { End, quiet, turn, within } from "./end.ts";

/** What the contract needs of a runtime. */
export interface RuntimeFixture {
  /** First word of the names of the tests, and `Runtime.name`. */
  readonly name: string;
  /** Loads the runtime. Called only where it runs. */
  load(): Promise<Runtime>;
  /** Why the tests cannot run here, if they cannot: all are skipped. */
  readonly unavailable?: string;
  /**
   * Tests that cannot hold, and why: by their name without `name: `, or all of a kind (`tcp`, `unix`, `tls`,
   * `tls over unix`) by its name.
   */
  readonly skip?: Readonly<Record<string, string>>;
  /** Whether real TLS is spoken. @default {true} */
  readonly tls?: boolean;
  /** As in `TransportFixture`. */
  readonly inFlight?: number;
}

/** What a test gets. */
interface Context {
  readonly runtime: Runtime;
  /** A path for a Unix socket, free and removed after the test. */
  readonly path: string;
  /** Listens, and closes the listener after the test. */
  listen(options: ListenOptions, accept?: (transport: Transport) => void): Promise<Listener>;
  /** A transport to be aborted after the test. */
  keep<T extends Transport>(transport: T): T;
}

const trusted: ServerTls = { cert: serverCert, key: serverKey };
const untrusted: ServerTls = { cert: otherServerCert, key: otherServerKey };
const LOOPBACK = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

/** Registers the tests of the contract for a runtime. */
export function runtimeContract(fixture: RuntimeFixture): void {
  const { name, unavailable, skip = {}, tls = true } = fixture;
  if (unavailable !== undefined) {
    test(`${name} runtime`, { skip: unavailable }, () => {});
    return;
  }
  const kinds: [string, (path: string) => ListenOptions, ClientTls?][] = [
    ["tcp", () => LOOPBACK],
    ["unix", (path) => ({ transport: "unix", path })],
  ];
  if (tls) {
    kinds.push(
      ["tls", () => ({ ...LOOPBACK, tls: trusted }), { ca }],
      ["tls over unix", (path) => ({ transport: "unix", path, tls: trusted }), { ca, servername: "localhost" }],
    );
  }
  for (const [kind, options, clientTls] of kinds) {
    if (skip[kind] !== undefined) {
      test(`${name} ${kind}`, { skip: skip[kind] }, () => {});
      continue;
    }
    const prefix = `${kind}: `;
    transportContract({
      name: `${name} ${kind}`,
      connect: () => ends(fixture, options, clientTls),
      skip: Object.fromEntries(
        Object.entries(skip).filter(([k]) => k.startsWith(prefix)).map(([k, why]) => [k.slice(prefix.length), why]),
      ),
      ...(fixture.inFlight === undefined ? {} : { inFlight: fixture.inFlight }),
    });
  }
  for (const [what, run] of Object.entries(tls ? { ...contract, ...secure } : contract)) {
    const why = skip[what];
    if (why !== undefined) test(`${name}: ${what}`, { skip: why }, () => {});
    else test(`${name}: ${what}`, () => inContext(fixture, run));
  }
}

/** One connection of a kind, for `transportContract`. */
async function ends(
  fixture: RuntimeFixture,
  options: (path: string) => ListenOptions,
  tls: ClientTls | undefined,
): Promise<Ends> {
  const runtime = await fixture.load();
  const before = openSockets();
  const [path, remove] = socketPath();
  let accepted: (transport: Transport) => void;
  const far = new Promise<Transport>((resolve) => accepted = resolve);
  try {
    const listener = await runtime.listen(options(path), (transport) => accepted(transport));
    const near = await runtime.connect(targetOf(listener, tls));
    return {
      near,
      far: await within(far, "the connection to be accepted"),
      // The listener's own is left.
      released: () => untilSockets(before + 1),
      close: async () => {
        try {
          await within(listener.close(), "the listener to close");
          await untilSockets(before);
        } finally {
          remove();
        }
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function inContext(fixture: RuntimeFixture, run: (context: Context) => Promise<void>): Promise<void> {
  const runtime = await fixture.load();
  const before = openSockets();
  const [path, remove] = socketPath();
  const transports: Transport[] = [];
  const listeners: Listener[] = [];
  let over = false;
  try {
    await run({
      runtime,
      path,
      listen: async (options, accept) => {
        const listener = await runtime.listen(options, (transport) => {
          if (over) return transport.abort();
          transports.push(transport);
          accept?.(transport);
        });
        listeners.push(listener);
        return listener;
      },
      keep: (transport) => {
        transports.push(transport);
        return transport;
      },
    });
  } finally {
    over = true;
    try {
      for (const transport of transports) transport.abort();
      for (const listener of listeners) await within(listener.close(), "the listener to close");
      await untilSockets(before);
    } finally {
      remove();
    }
  }
}

/** Where to connect to for a listener. */
function targetOf(listener: Listener, tls?: ClientTls): Target {
  const { address } = listener;
  if (address.transport === "memory") fail("The listener has no address");
  return tls === undefined ? address : { ...address, tls };
}

function socketPath(): [path: string, remove: () => void] {
  const directory = mkdtempSync(join(tmpdir(), "sockeye-"));
  return [join(directory, "s"), () => rmSync(directory, { recursive: true, force: true })];
}

/** Waits until no more than `wanted` sockets are open. */
async function untilSockets(wanted: number): Promise<void> {
  const deadline = Date.now() + 5000;
  while (openSockets() > wanted) {
    if (Date.now() > deadline) fail(`Sockets are left open: ${openSockets()}, before the test ${wanted}`);
    await turn();
  }
}

/** Sends both ways over a connection that stands, and closes it gracefully. */
async function converse(near: Transport, far: Transport): Promise<void> {
  const a = new End("near", near);
  const b = new End("far", far);
  a.open();
  b.open();
  a.send(100_000);
  b.send(100_000);
  await b.untilAllOf(a);
  await a.untilAllOf(b);
  b.onEnd = () => b.finish();
  a.finish();
  await a.untilEnded();
  await quiet();
  assertEquals([a.aborted, b.aborted], [false, false]);
  a.check();
  b.check();
}

/** A listener, and the transport that it will accept. */
async function listenForOne(
  context: Context,
  options: ListenOptions,
): Promise<{ listener: Listener; accepted: Promise<Transport> }> {
  let accept: (transport: Transport) => void = () => {};
  const accepted = new Promise<Transport>((resolve) => accept = resolve);
  const listener = await context.listen(options, (transport) => accept(transport));
  return { listener, accepted: within(accepted, "the connection to be accepted") };
}

const contract: Record<string, (context: Context) => Promise<void>> = {
  "has a name": ({ runtime }) => {
    assert(runtime.name.length > 0);
    return Promise.resolve();
  },
  "tells the real address of port 0 and both remote ends": async (context) => {
    const { listener, accepted } = await listenForOne(context, LOOPBACK);
    const { address } = listener;
    assert(address.transport === "tcp" && address.hostname === "127.0.0.1" && address.port > 0);
    const near = context.keep(await context.runtime.connect(address));
    assertEquals(near.remote, address);
    const { remote } = await accepted;
    assert(remote?.transport === "tcp" && remote.hostname === "127.0.0.1" && remote.port > 0);
  },
  "listens on all of IPv4 by default": async (context) => {
    const { listener, accepted } = await listenForOne(context, { transport: "tcp", port: 0 });
    const { address } = listener;
    assert(address.transport === "tcp" && address.hostname === "0.0.0.0" && address.port > 0);
    const near = context.keep(await context.runtime.connect({ ...address, hostname: "127.0.0.1" }));
    await converse(near, await accepted);
  },
  "listens on IPv6": async (context) => {
    const { listener, accepted } = await listenForOne(context, { ...LOOPBACK, hostname: "::1" });
    const { address } = listener;
    assert(address.transport === "tcp" && address.hostname === "::1" && address.port > 0);
    const near = context.keep(await context.runtime.connect(address));
    await converse(near, await accepted);
  },
  "connects by name": async (context) => {
    const { listener, accepted } = await listenForOne(context, { ...LOOPBACK, hostname: "localhost" });
    const { address } = listener;
    assert(address.transport === "tcp");
    const near = context.keep(await context.runtime.connect({ ...address, hostname: "localhost" }));
    await converse(near, await accepted);
  },
  "tells the path of a Unix socket": async (context) => {
    const { path, runtime } = context;
    const { listener, accepted } = await listenForOne(context, { transport: "unix", path });
    assertEquals(listener.address, { transport: "unix", path });
    const near = context.keep(await runtime.connect({ transport: "unix", path }));
    assertEquals(near.remote, { transport: "unix", path });
    const far = await accepted;
    assertEquals(far.remote?.transport, "unix");
    await converse(near, far);
  },
  "frees the address when a listener is closed, and leaves its connections alone": async (context) => {
    const { listener, accepted } = await listenForOne(context, LOOPBACK);
    const { address } = listener;
    assert(address.transport === "tcp");
    const near = context.keep(await context.runtime.connect(address));
    const far = await accepted;
    await within(listener.close(), "the listener to close");
    await within(listener.close(), "the listener to close again");
    await assertRejects(() => context.runtime.connect(address));
    const again = await listenForOne(context, address);
    assertEquals(again.listener.address, address);
    await converse(near, far);
    const second = context.keep(await context.runtime.connect(address));
    await converse(second, await again.accepted);
  },
  "frees the path when a listener is closed": async (context) => {
    const { path, runtime } = context;
    const { listener, accepted } = await listenForOne(context, { transport: "unix", path });
    const near = context.keep(await runtime.connect({ transport: "unix", path }));
    const far = await accepted;
    await within(listener.close(), "the listener to close");
    await assertRejects(() => runtime.connect({ transport: "unix", path }));
    const again = await listenForOne(context, { transport: "unix", path });
    await converse(near, far);
    const second = context.keep(await runtime.connect({ transport: "unix", path }));
    await converse(second, await again.accepted);
  },
  "rejects a second listener on one address": async (context) => {
    const { address } = await context.listen(LOOPBACK);
    assert(address.transport === "tcp");
    assertInstanceOf(await assertRejects(() => context.listen(address)), Error);
  },
  "rejects where nobody listens": async (context) => {
    const { runtime, path } = context;
    const listener = await context.listen(LOOPBACK);
    await listener.close();
    assertInstanceOf(await assertRejects(() => runtime.connect(targetOf(listener))), Error);
    assertInstanceOf(await assertRejects(() => runtime.connect({ transport: "unix", path })), Error);
  },
  "rejects with the reason of a signal that is aborted already": async (context) => {
    let accepted = 0;
    const listener = await context.listen(LOOPBACK, () => accepted++);
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => context.runtime.connect(targetOf(listener), signal)), reason);
    await quiet();
    assertEquals(accepted, 0);
  },
  "rejects with the reason of a signal that is aborted on the way, and leaves nothing": async (context) => {
    const ended: Promise<void>[] = [];
    const listener = await context.listen(LOOPBACK, (transport) => {
      const far = new End("far", transport);
      far.open();
      ended.push(far.untilOver());
    });
    const controller = new AbortController();
    const connecting = context.runtime.connect(targetOf(listener), controller.signal);
    const reason = new Error("changed my mind");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => within(connecting, "the rejection")), reason);
    await quiet();
    await Promise.all(ended);
  },
  "is not troubled by a signal that is aborted afterwards": async (context) => {
    const { listener, accepted } = await listenForOne(context, LOOPBACK);
    const controller = new AbortController();
    const near = context.keep(await context.runtime.connect(targetOf(listener), controller.signal));
    controller.abort();
    await converse(near, await accepted);
  },
  "accepts many at once": async (context) => {
    const listener = await context.listen(LOOPBACK, (transport) => {
      const far = new End("far", transport);
      far.onData = (length) => far.send(length);
      far.onEnd = () => far.finish();
      far.open();
    });
    await Promise.all(Array.from({ length: 50 }, async () => {
      const near = new End("near", context.keep(await context.runtime.connect(targetOf(listener))));
      near.open();
      near.send(20_000);
      await near.untilAllOf(near);
      near.finish();
      await near.untilEnded();
      near.check();
    }));
  },
  "has listeners that can be let go and held": async (context) => {
    const { listener, accepted } = await listenForOne(context, LOOPBACK);
    listener.unref();
    listener.ref();
    const near = context.keep(await context.runtime.connect(targetOf(listener)));
    await converse(near, await accepted);
  },
};

/** A connection over TLS that must come about. */
async function connects(context: Context, tls: ClientTls, server: ServerTls = trusted): Promise<void> {
  const { listener, accepted } = await listenForOne(context, { ...LOOPBACK, tls: server });
  const near = context.keep(await context.runtime.connect(targetOf(listener, tls)));
  await converse(near, await accepted);
}

/** A connection over TLS that must not come about. */
async function isRefused(context: Context, tls: ClientTls, server: ServerTls = trusted): Promise<void> {
  const listener = await context.listen({ ...LOOPBACK, tls: server }, (transport) => new End("far", transport).open());
  const connecting = context.runtime.connect(targetOf(listener, tls));
  assertInstanceOf(await assertRejects(() => within(connecting, "the rejection")), Error);
  // One bad client is nothing to the listener.
  const good = context.keep(
    await context.runtime.connect(targetOf(listener, { ca: server === trusted ? ca : otherCa })),
  );
  assertEquals(good.buffered, 0);
}

const secure: Record<string, (context: Context) => Promise<void>> = {
  "trusts an own authority": (context) => connects(context, { ca }),
  "trusts a list of authorities": (context) => connects(context, { ca: [ca, otherCa] }, untrusted),
  "checks the certificate for another name": (context) => connects(context, { ca, servername: "sni.test" }),
  "takes an untrusted certificate when told to": (context) => connects(context, { rejectUnauthorized: false }),
  "takes an untrusted certificate with an authority when told to": (context) =>
    connects(context, { ca, rejectUnauthorized: false }, untrusted),
  "takes a certificate for another name when told to": (context) =>
    connects(context, { ca, servername: "wrong.test", rejectUnauthorized: false }),
  "refuses a certificate of nobody it knows": (context) => isRefused(context, {}),
  "refuses a certificate of another authority": (context) => isRefused(context, { ca }, untrusted),
  "refuses a certificate for another name": (context) => isRefused(context, { ca, servername: "wrong.test" }),
  "refuses a server that speaks no TLS": async (context) => {
    const listener = await context.listen(LOOPBACK, (transport) => {
      transport.open({ data: () => transport.abort(), end: () => transport.abort(), drain() {}, abort() {} });
      transport.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), false);
    });
    const connecting = context.runtime.connect(targetOf(listener, { ca }));
    assertInstanceOf(await assertRejects(() => within(connecting, "the rejection")), Error);
  },
  "does not accept a client that speaks no TLS": async (context) => {
    let accepted = 0;
    const listener = await context.listen({ ...LOOPBACK, tls: trusted }, () => accepted++);
    const plain = new End("plain", context.keep(await context.runtime.connect(targetOf(listener))));
    // What a TLS server answers is not the pattern: only the end is looked for.
    let over = (): void => {};
    const done = new Promise<void>((resolve) => over = resolve);
    plain.transport.open({ data() {}, end: over, drain() {}, abort: over });
    plain.transport.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), false);
    await within(done, "the listener to hang up");
    assertEquals(accepted, 0);
    context.keep(await context.runtime.connect(targetOf(listener, { ca })));
  },
  "leaves nothing when a signal is aborted in the handshake": async (context) => {
    const { listener, accepted } = await listenForOne(context, LOOPBACK);
    const controller = new AbortController();
    const connecting = context.runtime.connect(targetOf(listener, { ca }), controller.signal);
    const far = await accepted;
    let hello = (): void => {};
    const greeted = new Promise<void>((resolve) => hello = resolve);
    let over = (): void => {};
    const done = new Promise<void>((resolve) => over = resolve);
    far.open({ data: hello, end: over, drain() {}, abort: over });
    await within(greeted, "the first flight of the handshake");
    const reason = new Error("changed my mind");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => within(connecting, "the rejection")), reason);
    await within(done, "the client to hang up");
  },
};
