/**
 * 10,000 connections whose opening handshake has begun and does not go on: the server goes on serving others meanwhile,
 * drops them all in time, and holds nothing for them afterwards.
 */

import net from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tooFewFiles } from "../open_sockets.ts";
import { attacking, connect, eventually } from "./attacker.ts";
import { mib } from "./memory.ts";

const COUNT = 10_000;
const MIB = 1_048_576;
/** Milliseconds for a head: long enough for all of them to be there at once. */
const PATIENCE = 20_000;

const skip = tooFewFiles(COUNT + 500);

/** A connection that only sends the beginning of a head. */
function begin(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1" }, () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      socket.write("GET /ws HTTP/1.1\r\nHost: a\r\n");
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

test(
  `${COUNT} half-open handshakes`,
  { skip },
  () =>
    attacking({ application: "echo", server: { handshakeTimeout: PATIENCE } }, async (victim) => {
      for (let i = 0; i < 3; i++) await victim.report();
      const before = await victim.report();
      const started = performance.now();
      const sockets: net.Socket[] = [];
      let over = 0;
      while (sockets.length < COUNT) {
        const some = await Promise.all(Array.from({ length: 100 }, () => begin(victim.port)));
        for (const socket of some) socket.on("data", () => {}).on("close", () => over++);
        sockets.push(...some);
      }
      const there = performance.now() - started;
      const client = await (await connect(victim.port)).upgrade();
      const during = await victim.report();
      const alive = COUNT - over;
      await eventually(() => over === COUNT, 90_000);
      const took = performance.now() - started;
      client.socket.destroy();
      await eventually(async () => (await victim.report()).connections === 0);
      const after = await victim.report();
      console.log(
        `  ${alive} at once after ${Math.round(there)} ms: ${mib(during.held - before.held)} held; all over after ` +
          `${Math.round(took)} ms: ${mib(after.held - before.held)} held`,
      );
      assertEquals(during.connections, 1);
      assert(during.held - before.held < COUNT * 16_384, `${mib(during.held - before.held)} are held`);
      assert(after.held - before.held < 24 * MIB, `${mib(after.held - before.held)} are held behind them`);
      const late = await connect(victim.port);
      await late.write("GET /ws HTTP/1.0\r\n\r\n");
      assertStringIncludes(await late.rest(), "HTTP/1.1 4");
    }),
);
