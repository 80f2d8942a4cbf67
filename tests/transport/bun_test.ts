/** Bun's connections, against the contract. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Transport } from "../../src/socket/transport.ts";
import { runtimeContract } from "./runtime_contract.ts";

runtimeContract({
  name: "bun",
  ...(process.versions.bun === undefined ? { unavailable: "needs Bun" } : {}),
  load: async () => (await import("../../src/runtime/bun.ts")).bunRuntime,
});

test(
  "bun: frees the memory of a large chunk that is spent, and of no other",
  { skip: process.versions.bun === undefined && "needs Bun" },
  async () => {
    const { bunRuntime } = await import("../../src/runtime/bun.ts");
    let accept: (transport: Transport) => void;
    const accepted = new Promise<Transport>((resolve) => accept = resolve);
    const listener = await bunRuntime.listen(
      { transport: "tcp", hostname: "127.0.0.1", port: 0 },
      (far) => accept(far),
    );
    assert(listener.address.transport === "tcp");
    const near = await bunRuntime.connect(listener.address);
    const far = await accepted;
    const SIZE = 8 << 20;
    const chunks: { readonly chunk: Uint8Array; readonly size: number; readonly spent: boolean }[] = [];
    let came = 0;
    let wrong = 0;
    let spent = false;
    await new Promise<void>((resolve) => {
      far.open({
        get spent() {
          return spent;
        },
        data(chunk) {
          for (let at = 0; at < chunk.length; at++) if (chunk[at] !== (came + at) % 251) wrong++;
          came += chunk.length;
          spent = !spent;
          chunks.push({ chunk, size: chunk.length, spent });
          if (came === SIZE) resolve();
        },
        end() {},
        drain() {},
        abort() {},
      });
      near.open({ data() {}, end() {}, drain() {}, abort() {} });
      near.write(Uint8Array.from({ length: SIZE }, (_, at) => at % 251), true);
    });
    assertEquals(wrong, 0);
    for (const { chunk, size, spent } of chunks) assertEquals(chunk.length, spent && size >= 262_144 ? 0 : size);
    assert(chunks.some(({ chunk }) => chunk.length === 0), "no large chunk came");
    near.abort();
    far.abort();
    await listener.close();
  },
);
