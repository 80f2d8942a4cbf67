/**
 * What a client and an echo server do together, for any client with the web's interface. Throws at the first thing that is
 * not as it should be.
 */

/** The part of the web's `WebSocket` that the battery needs. */
export interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(data: string | Uint8Array<ArrayBuffer>): unknown;
  close(code?: number, reason?: string): void;
}

/** Payload lengths around the borders of the forms of a length, and one that no chunk holds. */
export const sizes: readonly number[] = [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576];

interface Closed {
  code: number;
  reason: string;
  wasClean: boolean;
}

/** An open connection, as promises. */
class Talk {
  readonly #socket: WebSocketLike;
  readonly #messages: unknown[] = [];
  #wake: (() => void) | undefined;
  #failure: unknown;
  readonly opened: Promise<void>;
  readonly closed: Promise<Closed>;

  constructor(socket: WebSocketLike) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve) => socket.onopen = () => resolve());
    this.closed = new Promise((resolve) => {
      socket.onclose = (event: Closed) => {
        this.#failure ??= new Error(`Connection closed: ${event.code} ${event.reason}`);
        this.#wake?.();
        resolve({ code: event.code, reason: event.reason, wasClean: event.wasClean });
      };
    });
    socket.onerror = (event: { error?: unknown; message?: string }) => {
      this.#failure ??= event.error ?? new Error(event.message ?? "Connection failed");
      this.#wake?.();
    };
    socket.onmessage = (event: { data: unknown }) => {
      this.#messages.push(event.data);
      this.#wake?.();
    };
  }

  async next(): Promise<unknown> {
    while (this.#messages.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#messages.shift();
  }

  async open(): Promise<void> {
    await Promise.race([this.opened, this.closed]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async text(text: string): Promise<void> {
    this.#socket.send(text);
    check(await this.next() === text, `text of ${text.length} characters`);
  }

  async bytes(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#socket.send(bytes);
    const echo = await this.next();
    check(echo instanceof ArrayBuffer && equal(new Uint8Array(echo), bytes), `binary of ${bytes.length} bytes`);
  }
}

function check(right: boolean, what: string): void {
  if (!right) throw new Error(`Echo is wrong: ${what}`);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, at) => (at * 31 + (at >> 8)) & 0xff);
}

/** Runs the battery with clients made by `connect`, which offers the given subprotocols. */
export async function runBattery(connect: (protocols: string[]) => WebSocketLike): Promise<void> {
  const first = connect(["chat", "echo"]);
  const talk = new Talk(first);
  await talk.open();
  check(first.protocol === "echo", `subprotocol is "${first.protocol}", wanted "echo"`);
  for (const size of sizes) {
    await talk.bytes(pattern(size));
    await talk.text("x".repeat(size));
  }
  await talk.text("Grüße, 世界 \u{1F41F}");
  await talk.text("é".repeat(70_000));

  // Many at once come back in order.
  for (let at = 0; at < 1000; at++) first.send(String(at));
  for (let at = 0; at < 1000; at++) check(await talk.next() === String(at), `message ${at} of 1000`);

  first.close(3001, "bye");
  const ours = await talk.closed;
  check(ours.code === 3001 && ours.wasClean, `our close came to ${JSON.stringify(ours)}, wanted 3001 and clean`);

  const second = connect(["echo"]);
  const again = new Talk(second);
  await again.open();
  second.send("close me");
  const theirs = await again.closed;
  check(
    theirs.code === 4002 && theirs.reason === "asked for" && theirs.wasClean,
    `the server's close came to ${JSON.stringify(theirs)}, wanted 4002 "asked for" and clean`,
  );
}
