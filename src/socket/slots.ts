/**
 * The web's `onname` properties of a socket. Each is one place in the list of listeners of its event.
 */

import { Emitter } from "./emitter.ts";
import type { CloseEvent, ErrorEvent, MessageEvent, SocketEvent, SocketEventMap } from "./events.ts";
import type { Socket } from "./socket.ts";

/** A socket's listeners: `on`, `addEventListener` and the properties below work on the same list. */
export class SocketEmitter extends Emitter<SocketEventMap> {
  /** Called when the opening handshake is done. */
  get onopen(): ((event: SocketEvent) => unknown) | null {
    return this.slot("open");
  }

  set onopen(listener: ((this: Socket, event: SocketEvent) => unknown) | null) {
    this.setSlot("open", listener);
  }

  /** Called with each message. */
  get onmessage(): ((event: MessageEvent) => unknown) | null {
    return this.slot("message");
  }

  set onmessage(listener: ((this: Socket, event: MessageEvent) => unknown) | null) {
    this.setSlot("message", listener);
  }

  /** Called when the connection fails, before `onclose`. */
  get onerror(): ((event: ErrorEvent) => unknown) | null {
    return this.slot("error");
  }

  set onerror(listener: ((this: Socket, event: ErrorEvent) => unknown) | null) {
    this.setSlot("error", listener);
  }

  /** Called when the connection is over. */
  get onclose(): ((event: CloseEvent) => unknown) | null {
    return this.slot("close");
  }

  set onclose(listener: ((this: Socket, event: CloseEvent) => unknown) | null) {
    this.setSlot("close", listener);
  }

  /** Called when nothing waits to be sent any more, after `send` returned false. */
  get ondrain(): ((event: SocketEvent) => unknown) | null {
    return this.slot("drain");
  }

  set ondrain(listener: ((this: Socket, event: SocketEvent) => unknown) | null) {
    this.setSlot("drain", listener);
  }
}
