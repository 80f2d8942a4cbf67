/**
 * What the web gives a socket beside what it does: the constants of `readyState`, and the `onname` properties, each of which
 * is one place in the list of listeners of its event.
 */

import { CLOSED, CLOSING, CONNECTING, OPEN } from "../protocol/constants.ts";
import { Emitter } from "./emitter.ts";
import type { CloseEvent, ErrorEvent, EventOwner, MessageEvent, SocketEvent, SocketEventMap } from "./events.ts";

/**
 * A socket's listeners: `on`, `addEventListener` and the properties below work on the same list.
 *
 * @typeParam T The socket.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * conn.onclose = () => console.log("closed");
 * conn.addEventListener("close", () => console.log("closed, too"));
 * console.assert(conn.listenerCount("close") === 2);
 * conn.close();
 * ```
 */
export class SocketEmitter<T extends EventOwner> extends Emitter<SocketEventMap<T>> {
  /** `readyState` while the opening handshake is under way. */
  static readonly CONNECTING: 0 = CONNECTING;
  /** `readyState` while messages can pass. */
  static readonly OPEN: 1 = OPEN;
  /** `readyState` when the closing handshake has begun. */
  static readonly CLOSING: 2 = CLOSING;
  /** `readyState` when the connection is over. */
  static readonly CLOSED: 3 = CLOSED;

  /** The constant 0. */
  get CONNECTING(): 0 {
    return CONNECTING;
  }

  /** The constant 1. */
  get OPEN(): 1 {
    return OPEN;
  }

  /** The constant 2. */
  get CLOSING(): 2 {
    return CLOSING;
  }

  /** The constant 3. */
  get CLOSED(): 3 {
    return CLOSED;
  }

  /** Called when the opening handshake is done. */
  get onopen(): ((event: SocketEvent<T>) => unknown) | null {
    return this.slot("open");
  }

  set onopen(listener: ((this: T, event: SocketEvent<T>) => unknown) | null) {
    this.setSlot("open", listener);
  }

  /** Called with each message. */
  get onmessage(): ((event: MessageEvent<T>) => unknown) | null {
    return this.slot("message");
  }

  set onmessage(listener: ((this: T, event: MessageEvent<T>) => unknown) | null) {
    this.setSlot("message", listener);
  }

  /** Called when the connection fails, before `onclose`. */
  get onerror(): ((event: ErrorEvent<T>) => unknown) | null {
    return this.slot("error");
  }

  set onerror(listener: ((this: T, event: ErrorEvent<T>) => unknown) | null) {
    this.setSlot("error", listener);
  }

  /** Called when the connection is over. */
  get onclose(): ((event: CloseEvent<T>) => unknown) | null {
    return this.slot("close");
  }

  set onclose(listener: ((this: T, event: CloseEvent<T>) => unknown) | null) {
    this.setSlot("close", listener);
  }

  /** Called when nothing waits to be sent any more, after `send` returned false. */
  get ondrain(): ((event: SocketEvent<T>) => unknown) | null {
    return this.slot("drain");
  }

  set ondrain(listener: ((this: T, event: SocketEvent<T>) => unknown) | null) {
    this.setSlot("drain", listener);
  }
}
