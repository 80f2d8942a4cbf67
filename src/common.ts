/**
 * What the front doors share: all of the module that needs no runtime.
 *
 * @module
 */

export { BINARY, CLOSE, CLOSED, CLOSING, CONNECTING, CONTINUE, OPEN, PING, PONG, TEXT } from "./protocol/constants.ts";
export type { CloseFrame, CloseRecord, CloseSummary } from "./protocol/close.ts";
export { type ErrorCode, HandshakeError, type Refusal, WebSocketError } from "./protocol/errors.ts";
export type { Emitter, EventLike, EventListenerLike, Listener, ListenerOptions } from "./socket/emitter.ts";
export type {
  CloseEvent,
  ControlEvent,
  Data,
  ErrorEvent,
  EventOwner,
  MessageEvent,
  SocketEvent,
  SocketEventMap,
} from "./socket/events.ts";
export type { BinaryType, SocketOptions } from "./socket/options.ts";
export type {
  ClientTls,
  Endpoint,
  Listener as TransportListener,
  ListenOptions,
  Runtime,
  ServerTls,
  Target,
  Transport,
  TransportSink,
  WriteResult,
} from "./socket/transport.ts";
export { MemoryStream } from "./socket/memory_stream.ts";
export type { MessageStream } from "./socket/message.ts";
export type { RawOptions, RawStream } from "./socket/raw.ts";
export {
  type ErrorHandlers,
  type ErrorHandlerSetter,
  MessageHandler as Handler,
  type MessageStats,
} from "./http/message_handler.ts";
export { type Accept, upgrade, type UpgradeOptions } from "./http/upgrade.ts";
