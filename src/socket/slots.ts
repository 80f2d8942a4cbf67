/**
 * The web's `onname` properties of a socket. Each is one place in the list of listeners of its event.
 */

import { Emitter } from "./emitter.ts";
import type { CloseEvent, ErrorEvent, EventOwner, MessageEvent, SocketEvent, SocketEventMap } from "./events.ts";

/**
 * A socket's listeners: `on`, `addEventListener` and the properties below work on the same list.
 *
 * @typeParam T The socket.
 */
export class SocketEmitter<T extends EventOwner> extends Emitter<SocketEventMap<T>> {
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
