/**
 * The contract of `src/socket/transport.ts` as tests: one call of `transportContract` registers them for one kind of
 * connection. The laws that hold at every moment (order, lent chunks, no call from inside a call, …) are watched by
 * `End` in every test; the tests here bring about the situations.
 *
 * ```
 *   fixture.connect() -> near <==== one connection ====> far
 * ```
 */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Transport } from "../../src/socket/transport.ts";
import { backUp, End, quiet, turn } from "./end.ts";

/** Two ends of one connection. Neither is opened. */
export interface Ends {
  readonly near: Transport;
  readonly far: Transport;
  /** Resolves when nothing of the connection is left open, rejects when that takes too long. Absent: cannot be told. */
  released?(): Promise<void>;
  /** Called after the test, when both ends are aborted: stops listeners and checks that nothing is left open. */
  close(): Promise<void>;
}

/** What the contract needs of a kind of connection. */
export interface TransportFixture {
  /** First words of the names of the tests. */
  readonly name: string;
  /** Makes one connection. */
  connect(): Promise<Ends>;
  /**
   * Bytes that may be on their way to a reader that does not read (read ahead, in the system's buffers): a writer is
   * backed up before that. Linux lets the buffers of one connection grow to 36 MiB. @default {67108864}
   */
  readonly inFlight?: number;
  /** Tests that cannot hold here, by their name without the fixture's, and why. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** What a test gets. */
interface Pair {
  readonly near: End;
  readonly far: End;
  readonly inFlight: number;
  released(): Promise<void>;
}

/** Bytes that a backed-up writer holds in the tests. */
const BACKED_UP = 1 << 20;

const sizes: readonly number[] = [
  1,
  2,
  125,
  126,
  127,
  4095,
  4096,
  16_383,
  16_385,
  65_535,
  65_536,
  65_537,
  1_048_576,
  3,
];

/** Registers the tests of the contract for one kind of connection. */
export function transportContract(fixture: TransportFixture): void {
  const { name, inFlight = 64 << 20, skip = {} } = fixture;
  for (const [what, run] of Object.entries(contract)) {
    const title = `${name}: ${what}`;
    const why = skip[what];
    if (why !== undefined) {
      test(title, { skip: why }, () => {});
      continue;
    }
    test(title, async () => {
      const ends = await fixture.connect();
      const near = new End("near", ends.near);
      const far = new End("far", ends.far);
      try {
        await run({ near, far, inFlight, released: () => ends.released?.() ?? Promise.resolve() });
        await quiet();
      } finally {
        near.abort();
        far.abort();
        await ends.close();
      }
      await turn();
      near.check();
      far.check();
    });
  }
}

function open({ near, far }: Pair): void {
  near.open();
  far.open();
}

const contract: Record<string, (pair: Pair) => Promise<void>> = {
  "keeps the order over all sizes, both ways, of lent chunks": async (pair) => {
    open(pair);
    await bothWays(pair, false);
  },
  "keeps the order over all sizes, both ways, of chunks it may keep": async (pair) => {
    open(pair);
    await bothWays(pair, true);
  },
  "carries many tiny writes": async (pair) => {
    open(pair);
    const { near, far } = pair;
    for (let burst = 0; burst < 40; burst++) {
      for (let i = 0; i < 250; i++) near.send(1 + i % 7, i % 2 === 0);
      await turn();
    }
    await far.untilAllOf(near);
    await near.untilDrained();
  },
  "carries 16 MiB": async (pair) => {
    open(pair);
    const { near, far } = pair;
    for (let i = 0; i < 16; i++) near.send(1 << 20, i % 2 === 0);
    await far.untilAllOf(near);
    await near.untilDrained();
  },
  "echoes from inside data": async (pair) => {
    open(pair);
    const { near, far } = pair;
    far.onData = (length) => far.send(length);
    for (let i = 0; i < 32; i++) near.send(65_536 + i);
    await near.until(() => near.received === near.sent, "the echo");
    assertEquals(far.received, near.sent);
  },
  "takes a chunk without bytes for nothing": async (pair) => {
    open(pair);
    const { near, far } = pair;
    assertEquals(near.send(0), "taken");
    assertEquals(near.send(0, true), "taken");
    assertEquals(near.transport.buffered, 0);
    await quiet();
    assertEquals([far.chunks, far.ended, far.aborted, near.drains], [0, false, false, 0]);
    near.send(5);
    near.send(0);
    near.send(5);
    await far.untilAllOf(near);
    near.finish();
    await far.untilEnded();
  },
  "stops the writer of lent chunks when the reader is slow": (pair) => slowReader(pair, false),
  "stops the writer of chunks it may keep when the reader is slow": (pair) => slowReader(pair, true),
  "drains more than once": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    for (let round = 0; round < 3; round++) {
      far.pause();
      await backUp(near, far, BACKED_UP, inFlight, round % 2 === 0);
      const drains = near.drains;
      far.resume();
      await far.untilAllOf(near);
      await near.untilDrained();
      assert(near.drains > drains);
    }
  },
  "writes on from inside drain": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    far.pause();
    await backUp(near, far, BACKED_UP, inFlight, false);
    let rounds = 0;
    near.onDrain = () => {
      if (rounds++ < 3) near.send(4 << 20);
    };
    far.resume();
    await near.until(() => rounds > 0, "the first drain");
    while (near.transport.buffered > 0 || far.received < near.sent) {
      await near.untilDrained();
      await far.untilAllOf(near);
    }
  },
  "holds data and end back while paused": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.pause();
    far.send(1000);
    far.send(100_000);
    far.finish();
    await quiet();
    assertEquals([near.received, near.ended], [0, false]);
    near.resume();
    await near.untilEnded();
    assertEquals(near.received, far.sent);
  },
  "holds an end without data back while paused": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.pause();
    far.finish();
    await quiet();
    assertEquals(near.ended, false);
    near.resume();
    near.pause();
    await quiet();
    assertEquals(near.ended, false);
    near.resume();
    await near.untilEnded();
  },
  "is paused from inside data": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.onData = () => {
      near.pause();
      setTimeout(() => near.resume(), 1);
    };
    for (let i = 0; i < 40; i++) far.send(65_536);
    far.finish();
    await near.untilEnded();
    assertEquals(near.received, far.sent);
  },
  "is paused and resumed in one breath": async (pair) => {
    open(pair);
    const { near, far } = pair;
    for (let i = 0; i < 50; i++) {
      far.send(10_000);
      near.pause();
      near.resume();
      near.pause();
      if (i % 5 === 0) await turn();
      near.resume();
      near.resume();
      if (i % 3 === 0) await turn();
    }
    await near.untilAllOf(far);
  },
  "is paused before it is opened": async (pair) => {
    const { near, far } = pair;
    near.pause();
    open(pair);
    far.send(10);
    await quiet();
    assertEquals(near.received, 0);
    near.resume();
    await near.untilAllOf(far);
  },
  "leaves the other way open after a FIN": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.send(10);
    near.finish();
    assertEquals(near.send(1), "refused");
    near.finish();
    await far.untilEnded();
    assertEquals(far.received, 10);
    far.send(1 << 20);
    await near.untilAllOf(far);
    await quiet();
    assertEquals([near.ended, near.aborted, far.aborted], [false, false, false]);
    far.send(7);
    await near.untilAllOf(far);
  },
  "brings all that was written before the FIN": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    far.pause();
    await backUp(near, far, BACKED_UP, inFlight, false);
    near.send(1);
    near.finish();
    assertEquals(near.send(1), "refused");
    await quiet();
    far.resume();
    await far.untilEnded();
    assertEquals(far.received, near.sent);
    await near.untilDrained();
  },
  "is released without an abort when both have sent their FIN": async (pair) => {
    open(pair);
    const { near, far } = pair;
    far.onEnd = () => {
      far.send(100);
      far.finish();
    };
    near.send(100);
    near.finish();
    await far.untilEnded();
    await near.untilEnded();
    assertEquals(near.received, 100);
    await quiet();
    assertEquals([near.aborted, far.aborted], [false, false]);
    assertEquals([near.send(1), far.send(1)], ["refused", "refused"]);
    await pair.released();
  },
  "is released when both send their FIN at once": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.finish();
    far.finish();
    await far.untilEnded();
    await near.untilEnded();
    await quiet();
    assertEquals([near.aborted, far.aborted], [false, false]);
    await pair.released();
  },
  "ends everything once at an abort": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.send(10);
    await far.untilAllOf(near);
    near.abort(new Error("enough"));
    near.abort();
    assertEquals([near.send(1), near.send(1, true)], ["refused", "refused"]);
    near.finish();
    near.resume();
    near.pause();
    near.transport.ref();
    near.transport.unref();
    near.abort();
    await far.untilOver();
    await quiet();
    assertEquals([near.ended, near.aborted], [false, false]);
  },
  "drops what is backed up at an abort": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    far.pause();
    await backUp(near, far, BACKED_UP, inFlight, false);
    near.abort();
    far.resume();
    await far.untilOver();
    assert(far.received <= near.sent);
  },
  "is aborted from inside data": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.onData = () => near.abort();
    for (let i = 0; i < 16; i++) far.send(65_536);
    far.finish();
    await near.until(() => near.received > 0, "the first chunk");
    await quiet();
    assertEquals(near.chunks, 1);
  },
  "is aborted from inside end": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.onEnd = () => near.abort();
    far.finish();
    await near.untilEnded();
    await far.untilOver();
  },
  "tells the abort of a peer that had not read all": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.pause();
    far.send(200_000);
    await quiet();
    near.abort();
    await far.untilOver();
    // A FIN alone leaves the way out open: writing must find out.
    for (let tries = 0; !far.aborted && tries < 500; tries++) {
      if (far.send(65_536) === "refused") break;
      await turn();
    }
    await far.until(() => far.aborted, "the abort");
    assertEquals(far.send(1), "refused");
    far.finish();
  },
  "tells the abort of a peer to a writer that is backed up": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    near.pause();
    await backUp(far, near, BACKED_UP, inFlight, true);
    near.abort();
    await far.until(() => far.aborted, "the abort");
    assertEquals(far.send(1), "refused");
  },
  "hands over to a second sink": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.onData = () => near.open();
    for (let i = 0; i < 20; i++) {
      far.send(65_536);
      if (i % 4 === 0) await turn();
    }
    far.finish();
    await near.untilEnded();
    assertEquals(near.received, far.sent);
  },
  "hands over while paused": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.onData = () => {
      near.onData = undefined;
      near.pause();
      setTimeout(() => {
        near.open();
        near.resume();
      }, 1);
    };
    for (let i = 0; i < 20; i++) far.send(10_000);
    far.finish();
    await near.untilEnded();
    assertEquals(near.received, far.sent);
  },
  "keeps what comes before it is opened": async (pair) => {
    const { near, far } = pair;
    far.open();
    far.send(100_000);
    far.finish();
    await quiet();
    near.open();
    await near.untilEnded();
    assertEquals(near.received, far.sent);
    near.send(3);
    await far.untilAllOf(near);
  },
  "is not read before it is opened": async (pair) => {
    const { near, far, inFlight } = pair;
    near.open();
    await backUp(near, far, BACKED_UP, inFlight, false);
    far.open();
    await far.untilAllOf(near);
    await near.untilDrained();
  },
  "writes before it is opened": async (pair) => {
    const { near, far } = pair;
    near.send(50_000);
    far.open();
    await far.untilAllOf(near);
    near.open();
    far.send(10);
    await near.untilAllOf(far);
  },
  "is aborted before it is opened": async (pair) => {
    const { near, far } = pair;
    far.open();
    far.send(10);
    near.abort();
    near.open();
    await far.untilOver();
    await quiet();
    assertEquals([near.received, near.ended, near.aborted], [0, false, false]);
  },
  "tells an abort of the peer from before it was opened": async (pair) => {
    const { near, far } = pair;
    far.abort();
    await quiet();
    near.open();
    await near.untilOver();
  },
  "counts what is buffered": async (pair) => {
    open(pair);
    const { near, far, inFlight } = pair;
    assertEquals([near.transport.buffered, far.transport.buffered], [0, 0]);
    far.pause();
    await backUp(near, far, BACKED_UP, inFlight, false);
    const before = near.transport.buffered;
    near.send(12_345);
    near.send(12_345, true);
    assertEquals(near.transport.buffered, before + 24_690);
    near.send(0);
    assertEquals(near.transport.buffered, before + 24_690);
    far.resume();
    await near.untilDrained();
    assertEquals(near.transport.buffered, 0);
    await far.untilAllOf(near);
  },
  "goes on after unref and ref": async (pair) => {
    open(pair);
    const { near, far } = pair;
    near.transport.unref();
    far.transport.unref();
    near.send(1000);
    near.transport.ref();
    far.transport.ref();
    await far.untilAllOf(near);
  },
};

async function bothWays({ near, far }: Pair, mayKeep: boolean): Promise<void> {
  for (const size of sizes) {
    near.send(size, mayKeep);
    far.send(size, mayKeep);
  }
  for (const size of sizes) {
    far.send(size, mayKeep);
    await near.untilAllOf(far);
    near.send(size, mayKeep);
  }
  await near.untilAllOf(far);
  await far.untilAllOf(near);
  await near.untilDrained();
  await far.untilDrained();
}

async function slowReader(pair: Pair, mayKeep: boolean): Promise<void> {
  open(pair);
  const { near, far, inFlight } = pair;
  far.pause();
  await backUp(near, far, BACKED_UP, inFlight, mayKeep);
  const received = far.received;
  await quiet();
  assertEquals([far.received, near.drains > 0 && near.transport.buffered === 0], [received, false]);
  far.resume();
  await far.untilAllOf(near);
  await near.untilDrained();
  assert(near.drains > 0);
  assertEquals(near.transport.buffered, 0);
}
