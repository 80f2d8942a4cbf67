/**
 * TCP connections by the calls of Linux itself, for the load: with `node:net` half of its time was the runtime's, and the
 * load as busy as the fastest servers.
 *
 * ```
 *   epoll_wait --> recv, into one buffer for all --> ondata --> send; what the system does not take waits for room
 * ```
 *
 * Nothing here blocks but `connect`, for as long as the listener's queue is full, and `epoll_wait`, for a millisecond.
 */

import type { Wire } from "./wire.ts";

// <bits/socket.h>, <netinet/in.h>, <netinet/tcp.h>, <sys/epoll.h>, <errno.h>
const [AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_NODELAY] = [2, 1, 6, 1];
const [IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT] = [0, 24];
const [MSG_DONTWAIT, MSG_NOSIGNAL, EAGAIN] = [0x40, 0x4000, 11];
const [EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT] = [1, 3, 1, 4];

/** How many events are taken at once, in what size: packed on x86-64 alone. */
const EVENTS = 1_024;
const STRIDE = Deno.build.arch === "x86_64" ? 12 : 16;
/**
 * From how many addresses of 127.0.0.0/8 connections come, in turn. A port that was closed here cannot be had again for a
 * second or more, and from one address the system would soon search longer for a free one than a handshake takes.
 */
const SOURCES = 1_024;
/** How long timers may have to wait for the connections, in milliseconds. */
const TURN = 3;

const { symbols: c } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
});
const errno = new Deno.UnsafePointerView(c.__errno_location()!);

const poll = c.epoll_create1(0);
const events = new Uint8Array(EVENTS * STRIDE);
const view = new DataView(events.buffer);
const event = new Uint8Array(STRIDE);
const eventView = new DataView(event.buffer);
const buffer = new Uint8Array(262_144);
const one = new Uint8Array(Int32Array.of(1).buffer);

/** Those that are open, by descriptor. */
const wires: (NativeWire | undefined)[] = [];
let open = 0;
let isTurning = false;

class NativeWire implements Wire {
  ondata: Wire["ondata"] = () => {};
  onend: () => void = () => {};
  readonly fd: number;
  /** What the system has not taken yet. */
  #rest: Uint8Array[] = [];

  constructor(fd: number) {
    this.fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (wires[this.fd] !== this) return;
    if (this.#rest.length > 0) return void this.#rest.push(bytes);
    const taken = this.#send(bytes);
    if (taken === bytes.length) return;
    this.#rest.push(bytes.subarray(taken));
    control(EPOLL_CTL_MOD, this.fd, EPOLLIN | EPOLLOUT);
  }

  /** How much of it the system takes. Of an error `recv` will tell. */
  #send(bytes: Uint8Array): number {
    return Math.max(0, c.send(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  /** There is room again. */
  drain(): void {
    while (this.#rest.length > 0) {
      const bytes = this.#rest[0]!;
      const taken = this.#send(bytes);
      if (taken < bytes.length) return void (this.#rest[0] = bytes.subarray(taken));
      this.#rest.shift();
    }
    control(EPOLL_CTL_MOD, this.fd, EPOLLIN);
  }

  receive(): void {
    const length = c.recv(this.fd, buffer, buffer.length, MSG_DONTWAIT);
    if (length > 0) return this.ondata(buffer, length);
    if (length < 0 && errno.getInt32() === EAGAIN) return;
    this.destroy();
    this.onend();
  }

  destroy(): void {
    if (wires[this.fd] !== this) return;
    wires[this.fd] = undefined;
    open--;
    c.close(this.fd);
  }
}

function control(operation: number, fd: number, what: number): void {
  eventView.setUint32(0, what, true);
  eventView.setUint32(STRIDE - 8, fd, true);
  if (c.epoll_ctl(poll, operation, fd, event) < 0) throw new Error(`Cannot poll: errno ${errno.getInt32()}`);
}

/** Lets connections and timers have their turns, for as long as there are connections. */
function turn(): void {
  const until = performance.now() + TURN;
  do {
    const count = c.epoll_wait(poll, events, EVENTS, 1);
    for (let at = 0; at < count * STRIDE; at += STRIDE) {
      const what = view.getUint32(at, true);
      // One that was destroyed meanwhile is not there, or is another one that has nothing yet.
      const wire = wires[view.getUint32(at + STRIDE - 8, true)];
      if (what & EPOLLOUT) wire?.drain();
      if (what !== EPOLLOUT) wire?.receive();
    }
    if (count <= 0) break;
  } while (performance.now() < until);
  isTurning = open > 0;
  if (isTurning) setImmediate(turn);
}

/** A `sockaddr_in`. */
function addressOf(address: number, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, AF_INET);
  view.setUint16(2, port);
  view.setUint32(4, address);
  return bytes;
}

let connected = 0;

/** Connects to a port of 127.0.0.1, not over TLS. */
export function connect(port: number, tls: boolean): Wire {
  if (tls) throw new Error("Cannot connect: wanted TLS, which the load has on Node");
  const fd = c.socket(AF_INET, SOCK_STREAM, 0);
  const from = addressOf(0x7f_01_00_01 + connected++ % SOURCES, 0);
  const to = addressOf(0x7f_00_00_01, port);
  c.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, one, one.length);
  if (fd < 0 || c.bind(fd, from, from.length) < 0 || c.connect(fd, to, to.length) < 0) {
    const number = errno.getInt32();
    c.close(fd);
    throw new Error(`Cannot connect to port ${port}: errno ${number}`);
  }
  c.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, one, one.length);
  const wire = wires[fd] = new NativeWire(fd);
  control(EPOLL_CTL_ADD, fd, EPOLLIN);
  open++;
  if (!isTurning) setImmediate(turn);
  isTurning = true;
  return wire;
}
