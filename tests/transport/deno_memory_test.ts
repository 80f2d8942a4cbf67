/** What a connection of Deno reads into: much where much comes, little where nothing does. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Conn } from "../../src/runtime/deno_transport.ts";
import { turn } from "./end.ts";

/** A connection whose reads bring as much as they are told to, and which keeps the sizes of what they read into. */
class Script implements Conn {
  readonly remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  readonly sizes: number[] = [];
  readonly buffers: Set<ArrayBufferLike> = new Set();
  bring: (size: number) => void = () => {};

  read(into: Uint8Array): Promise<number | null> {
    this.sizes.push(into.length);
    this.buffers.add(into.buffer);
    return new Promise((resolve) => this.bring = (size) => resolve(Math.min(size, into.length)));
  }

  write({ length }: Uint8Array): Promise<number> {
    return Promise.resolve(length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
  ref(): void {}
  unref(): void {}
}

test(
  "a connection reads into little memory when it is idle, and into more where that is full",
  { skip: !("Deno" in globalThis) && "of Deno" },
  async () => {
    const { DenoTransport } = await import("../../src/runtime/deno_transport.ts");
    const open = (): Script => {
      const conn = new Script();
      const transport = new DenoTransport(conn, conn.remoteAddr);
      transport.open({ lent() {}, data() {}, end() {}, drain() {}, abort() {} });
      return conn;
    };
    const sizesOf = async (brought: readonly number[]): Promise<number[]> => {
      const conn = open();
      for (const size of brought) {
        conn.bring(size);
        await turn();
      }
      return conn.sizes;
    };
    // A head, and then nothing.
    assertEquals(await sizesOf([600]), [1_024, 64]);
    // One that is larger, and then ever more.
    assertEquals(await sizesOf([1_024, 10]), [1_024, 16_384, 16_384]);
    assertEquals(await sizesOf([200, 63, 64, 255, 256, 1_024, 16_384, 131_072]), [
      ...[1_024, 64, 64, 256, 256, 1_024, 16_384, 131_072, 131_072],
    ]);
    // Sixteen that would have fitted make it smaller again; one that would not begins the count anew.
    const small: number[] = Array(15).fill(256);
    const sizes = await sizesOf([1_024, ...small, 5_000, ...small, 256, ...small, 200]);
    assertEquals(sizes, [1_024, ...Array(32).fill(16_384), ...Array(16).fill(1_024), 256]);
    // Idle ones share their memory with neighbours.
    const buffers = new Set<ArrayBufferLike>();
    for (let at = 0; at < 100; at++) {
      const conn = open();
      conn.bring(100);
      await turn();
      conn.buffers.forEach((each) => buffers.add(each));
    }
    assertEquals(buffers.size < 10, true, `${buffers.size} buffers`);
  },
);
