/** The connections in memory, against the contract. */
import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { memoryNetwork, memoryPair } from "../../src/runtime/memory.ts";
import { transportContract } from "./contract.ts";
import { runtimeContract } from "./runtime_contract.ts";

transportContract({
  name: "memory pair",
  inFlight: 65_536,
  connect: () => {
    const [near, far] = memoryPair();
    return Promise.resolve({ near, far, close: () => Promise.resolve() });
  },
});

runtimeContract({
  name: "memory",
  tls: false,
  inFlight: 65_536,
  load: () => Promise.resolve(memoryNetwork()),
});

const LOOPBACK = { transport: "tcp", hostname: "example.com", port: 443 } as const;

test("memory: refuses TLS on one end only", async () => {
  const network = memoryNetwork();
  const tls = { cert: "", key: "" };
  await network.listen({ ...LOOPBACK, tls }, () => {});
  await assertRejects(() => network.connect(LOOPBACK), Error, "the listener wants it on");
  const near = await network.connect({ ...LOOPBACK, tls: {} });
  near.abort();
});

test("memory: keeps networks apart", async () => {
  await memoryNetwork().listen(LOOPBACK, () => {});
  await assertRejects(() => memoryNetwork().connect(LOOPBACK), Error, "connection refused");
});

test("memory: a listener that is closed twice leaves its follower alone", async () => {
  const network = memoryNetwork();
  const first = await network.listen(LOOPBACK, () => {});
  await first.close();
  let accepted = 0;
  await network.listen(LOOPBACK, () => accepted++);
  await first.close();
  (await network.connect(LOOPBACK)).abort();
  assertEquals(accepted, 1);
});
