/**
 * What the harness tells every server of a comparison, in the environment, so that all are set up alike: whether to
 * compress, the files of a certificate, and whether memory is being weighed.
 */

import { readFileSync } from "node:fs";
import process from "node:process";

const { BENCH_COMPRESS, BENCH_CERT, BENCH_KEY, BENCH_WEIGH } = process.env;

/** permessage-deflate is on, for every message. */
export const compress: boolean = BENCH_COMPRESS === "1";

/** Present: over TLS. */
export const tls: { cert: string; key: string } | undefined = BENCH_CERT === undefined || BENCH_KEY === undefined
  ? undefined
  : { cert: readFileSync(BENCH_CERT, "utf8"), key: readFileSync(BENCH_KEY, "utf8") };

/** Bytes of one message that every server takes. */
export const maxPayload = 67_108_864;

// So that memory is what is held, and not what could be collected, nor what V8 keeps for objects to come: those pages, tens
// of MiB after 10,000 handshakes, are the process's, and Deno gives them back by itself after some 15 seconds without work.
if (BENCH_WEIGH === "1") {
  const { gc, Bun } = globalThis as { gc?: (how: object) => void; Bun?: { gc(now: boolean): void } };
  process.on("SIGUSR2", () => gc === undefined ? Bun?.gc(true) : gc({ type: "major", flavor: "last-resort" }));
}
