/**
 * What the front doors share of the WebSocket side: all that needs no runtime.
 *
 * @module
 */

export { BINARY, CLOSE, CLOSED, CLOSING, CONNECTING, CONTINUE, OPEN, PING, PONG, TEXT } from "./protocol/constants.ts";
export { HandshakeError, WebSocketError } from "./protocol/errors.ts";
export { MemoryStream } from "./socket/memory_stream.ts";
export { MessageHandler as Handler } from "./http/message_handler.ts";
export { prepare } from "./socket/prepare.ts";
export { streamTransport } from "./socket/stream_transport.ts";
export { upgrade } from "./http/upgrade.ts";
export type * from "./types.ts";
