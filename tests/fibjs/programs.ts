/** Programs for `process_test.ts` and `volume_test.ts`, each in a process of its own. The first argument says which. */

import process from "node:process";
import { Socket, upgrade } from "@sockeye/ws";
import { Server } from "@sockeye/ws/http";

const [, , name, url = ""] = process.argv;

/** Calls the garbage collector of this runtime, until something holds or 100 times. */
async function collect(until: () => boolean): Promise<boolean> {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(sync: boolean): void } };
  for (let i = 0; i < 100 && !until(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (Bun !== undefined) Bun.gc(true);
    else gc!();
  }
  return until();
}

/** Opens a socket and calls `work` with it, in a scope of its own. */
async function opened(work: (socket: Socket) => void): Promise<void> {
  const socket = new Socket(url);
  await new Promise((resolve) => socket.onopen = resolve);
  work(socket);
}

const programs: Record<string, () => unknown> = {
  /** Echoes, and closes where it is told to. Prints its URL. */
  async server() {
    const server = new Server(
      { port: 0, hostname: "127.0.0.1" },
      upgrade((conn) => {
        conn.onmessage = ({ data }) => data === "close" ? conn.close() : conn.send(data);
      }),
    );
    await server.start();
    console.log(server.url());
  },

  /** Sends as fast as it is let, 1,025 times 64 KiB, and prints how much was sent when all was taken. */
  async flood() {
    const server = new Server(
      { port: 0, hostname: "127.0.0.1" },
      upgrade((conn) => {
        const data = new Uint8Array(65_536);
        for (let i = 0; i < 1_025; i++) conn.send(data);
        conn.send(String(1_025 * data.length));
        conn.onmessage = () => process.exit(0);
      }),
    );
    await server.start();
    console.log(server.url());
  },

  /** Is slow: reads nothing for a while. Prints by how much its process grew meanwhile, and how much came in the end. */
  async slow() {
    const socket = new Socket(url);
    socket.onopen = () => socket.pause();
    await new Promise((resolve) => socket.on("open", resolve));
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const held = process.memoryUsage().rss - before;
    let bytes = 0;
    await new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        if (typeof data === "string") resolve();
        else bytes += (data as Uint8Array).length;
      };
      socket.resume();
    });
    socket.send("done");
    await new Promise((resolve) => socket.onclose = resolve);
    console.log(`${held} ${bytes}`);
  },

  /** Has an open socket, and nothing more to do: it stays. */
  stays: () => opened((socket) => void console.log(`open ${socket.readyState}`)),

  /** Has let go of its open socket: it ends. */
  ends: () => opened((socket) => void console.log(`open ${socket.unref().readyState}`)),

  /** Lets go while it connects: it ends. */
  letsGo() {
    const socket = new Socket(url).unref();
    socket.onopen = () => console.log(`open ${socket.readyState}`);
  },

  /** Lets go, with a heartbeat, and takes hold again: it stays. */
  async takesHold() {
    const socket = new Socket(url, { heartbeat: true });
    await new Promise((resolve) => socket.onopen = resolve);
    socket.unref();
    socket.ref();
    console.log(`open ${socket.readyState}`);
  },

  /** Lets go of a socket with a heartbeat: it ends. */
  async heartbeat() {
    const socket = new Socket(url, { heartbeat: { interval: 60_000 } });
    await new Promise((resolve) => socket.onopen = resolve);
    console.log(`open ${socket.unref().readyState}`);
  },

  /** Closes its socket: it ends, with no time limit left behind. */
  closes: () =>
    opened((socket) => {
      socket.onclose = ({ code }) => console.log(`close ${code}`);
      socket.close();
    }),

  /** A server that has let go of nothing is ended by `close`. */
  async serverEnds() {
    const server = new Server({ port: 0, hostname: "127.0.0.1" }, upgrade(() => {}));
    await server.start();
    const socket = new Socket(server.url());
    await new Promise((resolve) => socket.onopen = resolve);
    await server.close();
    console.log("closed");
  },

  /** Sockets that are over are collected, at both ends; one that is open and has a listener is not. */
  async garbage() {
    const refs: WeakRef<object>[] = [];
    const server = new Server(
      { port: 0, hostname: "127.0.0.1" },
      upgrade((conn) => {
        refs.push(new WeakRef(conn));
        conn.onmessage = ({ data }) => conn.send(data);
      }),
    );
    await server.start();
    const dies = async (end: (socket: Socket) => void): Promise<void> => {
      const socket = new Socket(server.url(), { heartbeat: true });
      refs.push(new WeakRef(socket));
      await new Promise((resolve) => socket.onopen = resolve);
      socket.send("hello");
      await new Promise((resolve) => socket.onmessage = resolve);
      const closed = new Promise((resolve) => socket.onclose = resolve);
      end(socket);
      await closed;
    };
    for (let i = 0; i < 5; i++) await dies((socket) => socket.close());
    for (let i = 0; i < 5; i++) await dies((socket) => socket.terminate());
    const failed = async (): Promise<void> => {
      const socket = new Socket("ws://127.0.0.1:1/");
      refs.push(new WeakRef(socket));
      await new Promise((resolve) => socket.onclose = resolve);
    };
    await failed();
    // Nobody refers to this one, but it has a listener, and it is open.
    const alive: string[] = [];
    let living: WeakRef<Socket> | undefined;
    await (async () => {
      const socket = new Socket(server.url());
      living = new WeakRef(socket);
      await new Promise((resolve) => socket.onopen = resolve);
      socket.onmessage = ({ data }) => alive.push(data as string);
    })();
    const over = refs.splice(0, 21);
    const gone = await collect(() => over.every((ref) => ref.deref() === undefined));
    living?.deref()?.send("still here");
    await collect(() => alive.length > 0);
    const left = over.flatMap((ref, i) => ref.deref() === undefined ? [] : [i]);
    console.log(`${gone ? "all" : `all but ${left.join()}`} of ${over.length} collected, ${alive.join()}`);
    await server.close();
  },
};

await programs[name!]!();
