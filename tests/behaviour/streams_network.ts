/** A runtime that has nothing but web streams: each connection is two crossed `TransformStream`s under `streamTransport`. */

import { streamTransport } from "../../src/socket/stream_transport.ts";
import type { Listener, Runtime, Transport } from "../../src/socket/transport.ts";

/** Makes a network of streams with room for one listener. */
export function streamsNetwork(): Runtime {
  let listening: ((transport: Transport) => void) | undefined;
  return {
    name: "streams",
    connect() {
      if (listening === undefined) return Promise.reject(new Error("Cannot connect: nobody listens"));
      const there = new TransformStream<Uint8Array, Uint8Array>();
      const back = new TransformStream<Uint8Array, Uint8Array>();
      listening(streamTransport({ readable: there.readable, writable: back.writable }));
      return Promise.resolve(streamTransport({ readable: back.readable, writable: there.writable }));
    },
    listen(_options, accept): Promise<Listener> {
      listening = accept;
      return Promise.resolve({
        address: { transport: "memory" },
        close() {
          listening = undefined;
          return Promise.resolve();
        },
        ref() {},
        unref() {},
      });
    },
  };
}
