/**
 * WebSocket that behaves the same on Deno, Bun and Node.
 *
 * @module
 */

export {
  BINARY,
  CLOSE,
  CLOSED,
  CLOSING,
  CONNECTING,
  CONTINUE,
  OPEN,
  PING,
  PONG,
  TEXT,
} from "./src/protocol/constants.ts";
export { type ErrorCode, HandshakeError, type Refusal, WebSocketError } from "./src/protocol/errors.ts";
