/**
 * What the web platform's tests in `websockets/` pin of an open WebSocket: `send`, `bufferedAmount`, `binaryType`, `close`
 * and the events. Each test names the files whose facts it checks; `docs/web_platform.md` has the whole table.
 */

import { test } from "node:test";
import { Socket } from "@sockeye/ws";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { closePayload, utf8 } from "../frames.ts";
import { octetsOf, RawServer } from "../conformance/peer.ts";
import { next, serving, story, using } from "./server.ts";

/** Sends something and gives what comes back. */
async function echoed(socket: Socket, data: unknown): Promise<unknown> {
  const message = next(socket, "message");
  socket.send(data);
  return (await message).data;
}

function throwsNamed(name: string, call: () => unknown): void {
  assertEquals(assertThrows(call, DOMException).name, name);
}

test("send/003, 004, Send-before-open: before it is open, send throws", () => {
  const socket = new Socket("ws://127.0.0.1:1/");
  for (const text of ["test", "a\udc00x", "a\ud800x", "a\udc00\ud800x"]) {
    throwsNamed("InvalidStateError", () => socket.send(text));
  }
  socket.terminate();
});

test("send/001: without data, send throws a TypeError", async () => {
  await serving((base) =>
    using(`${base}/echo`, (socket) => assertThrows(() => (socket.send as unknown as () => void)(), TypeError))
  );
});

test("send/002, 006, 009, Send-*: text comes back as it was, lone surrogates as U+FFFD", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      const long = "c".repeat(65_000);
      const texts = ["", "test", "\u00a5\u00a5\u00a5", "\ud801\udc07", "x\ud83d\ude00y", "\u0000", "\ufeffx", long];
      for (const text of texts) assertEquals(await echoed(socket, text), text);
      assertEquals(await echoed(socket, "\ud807"), "\ufffd");
      assertEquals(await echoed(socket, "a\udc00\ud800x"), "a\ufffd\ufffdx");
    })
  );
});

test("send/010, Send-null: what is no data goes out as its string", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      const things = [null, undefined, 1, {}, [], [1, 2], true, () => 1, new Error("x"), socket];
      for (const thing of things) assertEquals(await echoed(socket, thing), String(thing));
    })
  );
});

test("binary/*, Send-binary-*: buffers and views of all kinds, whole and in part", async () => {
  const buffer = Uint8Array.from({ length: 64 }, (_, at) => at).buffer;
  const views: [ArrayBuffer | ArrayBufferView<ArrayBuffer>, number, number][] = [
    [buffer, 0, 64],
    [new ArrayBuffer(0), 0, 0],
    [new Int8Array(buffer), 0, 64],
    [new Uint8Array(buffer, 2), 2, 62],
    [new Uint8Array(buffer, 2, 4), 2, 4],
    [new Uint8ClampedArray(buffer, 1, 3), 1, 3],
    [new Int16Array(buffer, 2), 2, 62],
    [new Uint16Array(buffer, 2, 2), 2, 4],
    [new Int32Array(buffer), 0, 64],
    [new Uint32Array(buffer, 8), 8, 56],
    [new Float32Array(buffer), 0, 64],
    [new Float64Array(buffer, 16, 2), 16, 16],
    [new BigInt64Array(buffer, 8, 1), 8, 8],
    [new DataView(buffer, 3, 5), 3, 5],
    [new ArrayBuffer(65_000), 0, 65_000],
  ];
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      socket.binaryType = "arraybuffer";
      for (const [view, start, length] of views) {
        const wanted = new Uint8Array(view instanceof ArrayBuffer ? view : view.buffer, start, length);
        const data = await echoed(socket, view);
        assert(data instanceof ArrayBuffer);
        assertEquals(new Uint8Array(data), wanted.slice());
      }
      const blob = new Blob([new Uint8Array(buffer), "more"]);
      assertEquals(await echoed(socket, blob), await blob.arrayBuffer());
    })
  );
});

test("binary/001, 002, Create-*-binaryType-*: binaryType says in which form bytes come", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      socket.binaryType = "blob";
      const blob = await echoed(socket, new ArrayBuffer(10));
      assert(blob instanceof Blob);
      assertEquals(blob.size, 10);
      socket.binaryType = "arraybuffer";
      const buffer = await echoed(socket, new Blob(["0123456789"]));
      assert(buffer instanceof ArrayBuffer);
      assertEquals(buffer.byteLength, 10);
    })
  );
});

test("binaryType-wrong-value: another value is ignored, and all goes on", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      socket.binaryType = "blob";
      for (const wrong of ["notBlobOrArrayBuffer", "", "Blob", null, undefined, 1]) {
        socket.binaryType = wrong as never;
        assertEquals(socket.binaryType, "blob");
      }
      assert(await echoed(socket, new ArrayBuffer(1)) instanceof Blob);
    })
  );
});

test("bufferedAmount/*: it is 0, then what was sent in this turn, in bytes of UTF-8", async () => {
  const data: [string | ArrayBuffer | Blob, number][] = [
    ["x".repeat(65_000), 65_000],
    ["\u00a5".repeat(6), 12],
    ["\ud83d\ude00", 4],
    ["\ud800", 3],
    ["", 0],
    [new ArrayBuffer(10), 10],
    [new Blob(["0123456789"]), 10],
  ];
  await serving(async (base) => {
    for (const [each, size] of data) {
      const socket = new Socket(`${base}/echo`);
      assertEquals(socket.bufferedAmount, 0);
      let amounts: number[] = [];
      socket.onopen = () => {
        amounts = [socket.bufferedAmount];
        socket.send(each);
        amounts.push(socket.bufferedAmount);
        socket.send(each);
        amounts.push(socket.bufferedAmount);
      };
      await next(socket, "message");
      assertEquals(amounts, [0, size, 2 * size]);
      assertEquals(socket.bufferedAmount, 0);
      socket.terminate();
    }
  });
});

test("bufferedAmount/*: it cannot be set or deleted", () => {
  const socket = new Socket("ws://127.0.0.1:1/");
  assertThrows(() => (socket as { bufferedAmount: number }).bufferedAmount = 5, TypeError);
  delete (socket as { bufferedAmount?: number }).bufferedAmount;
  assertEquals(socket.bufferedAmount, 0);
  socket.terminate();
});

test("send/007, 008: after close, send throws nothing; it only counts, and does not go back", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      const closed = next(socket, "close");
      socket.close();
      const before = socket.bufferedAmount;
      socket.send("1234567890");
      assertEquals(socket.bufferedAmount - before, 10);
      await closed;
      socket.send(new ArrayBuffer(5));
      assertEquals(socket.bufferedAmount, 15);
    })
  );
});

test("close/*, close-invalid, Close-0, -NaN, -null, -string, -onlyReason, -2999: codes that may not be sent", async () => {
  const wrong = [
    0,
    500,
    999,
    1001,
    1005,
    1006,
    2999,
    5000,
    NaN,
    "string",
    "Close with only reason",
    null,
    0x10000 + 1000,
  ];
  const all = (socket: Socket): void => {
    for (const code of wrong) throwsNamed("InvalidAccessError", () => socket.close(code as never, "reason"));
    throwsNamed("SyntaxError", () => socket.close(1000, "a".repeat(124)));
    throwsNamed("SyntaxError", () => socket.close(1000, "\u00a5".repeat(62)));
  };
  await serving(async (base) => {
    const connecting = new Socket(`${base}/echo`);
    all(connecting);
    await next(connecting, "open");
    all(connecting);
    assertEquals(connecting.readyState, 1);
    connecting.terminate();
    assertEquals(connecting.readyState, 3);
    all(connecting);
  });
});

test("Close-1000, -1000-reason, -3000, -4999, -undefined, -unpaired-surrogates: codes and reasons that may", async () => {
  const good: [number | undefined, string, number, string][] = [
    [1000, "", 1000, ""],
    [1000, "Clean Close", 1000, "Clean Close"],
    [3000, "Clean Close with code - 3000", 3000, "Clean Close with code - 3000"],
    [4999, "x".repeat(123), 4999, "x".repeat(123)],
    [undefined, "", 1000, ""],
    [1000, "\ud807", 1000, "\ufffd"],
  ];
  await serving(async (base) => {
    for (const [code, reason, gotCode, gotReason] of good) {
      const socket = new Socket(`${base}/echo`);
      await next(socket, "open");
      const closed = next(socket, "close");
      socket.close(code, reason);
      assertEquals(socket.readyState, 2);
      const event = await closed;
      assertEquals([event.code, event.reason, event.wasClean, socket.readyState], [gotCode, gotReason, true, 3]);
    }
  });
});

test("close/005, close-nested, close-multiple, Close-readyState-*: closing twice, and in onclose, is nothing", async () => {
  await serving(async (base) => {
    const socket = new Socket(`${base}/echo`);
    await next(socket, "open");
    let count = 0;
    const closed = new Promise<void>((resolve) => {
      socket.onclose = () => {
        count++;
        assertEquals(socket.readyState, 3);
        socket.close();
        assertEquals(socket.readyState, 3);
        setTimeout(resolve, 20);
      };
    });
    socket.close(3000, "first");
    socket.close(3001, "second");
    assertEquals(socket.readyState, 2);
    await closed;
    assertEquals(count, 1);
  });
});

test("close/006, close-connecting: closing while connecting: CLOSING, then error and close, not clean", async () => {
  await serving(async (base) => {
    const socket = new Socket(`${base}/echo`);
    const told = story(socket);
    const closed = next(socket, "close");
    assertEquals(socket.readyState, 0);
    socket.close();
    assertEquals(socket.readyState, 2);
    const { wasClean, code } = await closed;
    assertEquals([wasClean, code, socket.readyState], [false, 1006, 3]);
    assertEquals(await told, ["error", "close"]);
  });
});

test("Close-server-initiated-close, closing-handshake/002: the server's code and reason", async () => {
  await serving(async (base) => {
    for (const [text, code, reason] of [["Goodbye", 1000, ""], ["close with 3456", 3456, "as asked"]] as const) {
      const socket = new Socket(`${base}/echo`);
      await next(socket, "open");
      const closed = next(socket, "close");
      socket.send(text);
      const event = await closed;
      assertEquals([event.code, event.reason, event.wasClean, socket.readyState], [code, reason, true, 3]);
    }
  });
});

test("closing-handshake/003, 004: what comes behind a Close frame, or behind our own, is not told", async () => {
  const text = octetsOf("client", { opcode: 1, fin: true, rsv: 0, payload: utf8("late") });
  const close = octetsOf("client", { opcode: 8, fin: true, rsv: 0, payload: closePayload(1000) });
  for (const ours of [false, true]) {
    const server = await RawServer.listen();
    const socket = new Socket(`ws://127.0.0.1:${server.port}/`);
    const told = story(socket);
    await next(socket, "open");
    const peer = await server.accept();
    if (ours) socket.close();
    for (const octets of ours ? [...text, ...close] : [...close, ...text]) await peer.write(octets);
    const closed = next(socket, "close");
    peer.end();
    assertEquals((await closed).wasClean, true);
    assertEquals(await told, ["open", "close"]);
    server.close();
  }
});

test("events/*: a message of a broken peer, then error, then close; none bubbles or can be cancelled", async () => {
  const server = await RawServer.listen();
  const socket = new Socket(`ws://127.0.0.1:${server.port}/`);
  const seen: unknown[][] = [];
  for (const name of ["open", "message", "error", "close"] as const) {
    socket.addEventListener(name, (event: { type: string; target: unknown; bubbles: boolean; cancelable: boolean }) => {
      seen.push([event.type, event.target === socket, event.bubbles, event.cancelable, socket.readyState]);
    });
  }
  const closed = next(socket, "close");
  await next(socket, "open");
  const peer = await server.accept();
  // A text, and a frame with the reserved opcode 3, in one write.
  await peer.write(Uint8Array.of(0x81, 4, ...utf8("test"), 0x83, 3, ...utf8("LOL")));
  peer.end();
  await closed;
  assertEquals(seen, [
    ["open", true, false, false, 1],
    ["message", true, false, false, 1],
    ["error", true, false, false, 2],
    ["close", true, false, false, 3],
  ]);
  server.close();
});

test("an event that a listener stops reaches no other listener, the next event does", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      const told: string[] = [];
      socket.addEventListener("message", (event) => {
        told.push(`first ${event.data}`);
        if (event.data === "stop") event.stopImmediatePropagation();
        else event.stopPropagation();
      });
      socket.addEventListener("message", (event) => told.push(`second ${event.data}`));
      const last = new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => {
          told.push(`third ${data}`);
          resolve();
        };
      });
      socket.send("stop");
      socket.send("go");
      await last;
      assertEquals(told, ["first stop", "first go", "second go", "third go"]);
    })
  );
});

test("eventhandlers, events/001 to 012: a handler is null, or the function it was set to", () => {
  const socket = new Socket("ws://127.0.0.1:1/");
  for (const name of ["onopen", "onmessage", "onerror", "onclose"] as const) {
    assertEquals(socket[name], null);
    const handler = (): void => {};
    socket[name] = handler;
    assertEquals(socket[name] === handler, true);
    for (const none of [2, ";", undefined, null]) {
      socket[name] = handler;
      socket[name] = none as never;
      assertEquals(socket[name], null);
    }
  }
  socket.terminate();
});

test("constants/*, readyState/*: the four constants, on the class, its prototype and its instances", () => {
  const socket = new Socket("ws://127.0.0.1:1/");
  for (const [value, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
    assertEquals([Socket, Socket.prototype, socket].map((each) => Reflect.get(each, name)), [value, value, value]);
  }
  assertThrows(() => (socket as { readyState: number }).readyState = 5, TypeError);
  socket.terminate();
  delete (socket as { readyState?: number }).readyState;
  assertEquals(socket.readyState, 2);
});

test("extended-payload-length: 125, 126, 65,535 and 65,536 bytes", async () => {
  await serving((base) =>
    using(`${base}/echo`, async (socket) => {
      for (const size of [125, 126, 65_535, 65_536]) {
        assertEquals(await echoed(socket, "a".repeat(size)), "a".repeat(size));
      }
    })
  );
});
