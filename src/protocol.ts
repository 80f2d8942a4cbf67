/**
 * The protocol core: RFC 6455 as pure functions and state machines, bytes in and bytes out. It has no stream, no timer and
 * no promise, and depends on nothing; with it a WebSocket can be spoken over anything that carries bytes in order.
 *
 * @example Two ends in one process
 * ```ts
 * import { Session, type SessionEvents } from "@sockeye/ws/protocol";
 *
 * const heard: string[] = [];
 * const events = (peer: () => Session): SessionEvents => ({
 *   text: (data) => heard.push(data),
 *   binary() {},
 *   pinged() {},
 *   ponged() {},
 *   closed() {},
 *   failed: (error) => console.error(error.code),
 *   write(chunk) {
 *     peer().receive(chunk.slice());
 *     return false;
 *   },
 * });
 * const client: Session = new Session("client", events(() => server));
 * const server: Session = new Session("server", events(() => client));
 *
 * client.sendText("Hello");
 * client.flush();
 * console.assert(heard[0] === "Hello");
 * ```
 *
 * @module
 */

export {
  BINARY,
  CLOSE,
  CONTINUE,
  MAX_FRAGMENTS,
  MAX_HEAD_FIELDS,
  MAX_HEAD_SIZE,
  MAX_PAYLOAD,
  PING,
  PONG,
  type Role,
  TEXT,
} from "./protocol/constants.ts";
export {
  type CloseFrame,
  type CloseRecord,
  type CloseSummary,
  formatClose,
  isReceivableCode,
  parseClose,
  summarizeClose,
} from "./protocol/close.ts";
export { deflateFactory } from "./protocol/context_codec.ts";
export type { DeflateContext, DeflateContexts } from "./protocol/contexts.ts";
export type {
  Codec,
  CodecOwner,
  DeflateAbility,
  DeflateFactory,
  DeflaterOptions,
  DeflateSide,
  InflaterOptions,
  Progress,
} from "./protocol/codec.ts";
export {
  acceptDeflate,
  confirmDeflate,
  type DeflateAcceptance,
  type DeflateAgreement,
  type DeflateParameters,
  type DeflateSetup,
  offerDeflate,
  PERMESSAGE_DEFLATE,
} from "./protocol/deflate.ts";
export { type ErrorCode, HandshakeError, type Refusal, WebSocketError } from "./protocol/errors.ts";
export { checkHeader, type FrameHandler, FrameReader, headerSize, writeHeader, writeKey } from "./protocol/frame.ts";
export { freshKey, mask, rotateKey } from "./protocol/mask.ts";
export type { Allocator } from "./protocol/pool.ts";
export { decodeUtf8, type TextCoder, Utf8Validator } from "./protocol/utf8.ts";
export { Session } from "./protocol/session.ts";
export type { SessionEvents, SessionOptions } from "./protocol/session_options.ts";
export {
  type Extension,
  formatExtensions,
  hasToken,
  isToken,
  parseExtensions,
  parseTokenList,
} from "./protocol/headers.ts";
export {
  Fields,
  formatHead,
  type HeadLimits,
  type HeadOf,
  HeadReader,
  reasonPhrase,
  type RequestHead,
  type ResponseHead,
} from "./protocol/head.ts";
export { acceptKey, createKey } from "./protocol/accept_key.ts";
export {
  acceptHead,
  type AcceptOptions,
  checkRequest,
  checkResponse,
  type FieldSource,
  type HandshakeRefusal,
  type HandshakeRequest,
  type HandshakeResponse,
  type RequestCheck,
  requestHead,
  type RequestOptions,
  type RequestSource,
} from "./protocol/handshake.ts";
