/**
 * The types that the front doors share; with them, each door names all that its functions take and give.
 *
 * @module
 */

export type { CloseFrame, CloseRecord } from "./protocol/close.ts";
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
export type { DeflateParameters } from "./protocol/deflate.ts";
export type { ErrorCode, Refusal, WebSocketError } from "./protocol/errors.ts";
export type { Fields } from "./protocol/fields.ts";
export type { Framed, PreparedMessage } from "./protocol/prepared.ts";
export type { TextCoder } from "./protocol/utf8.ts";
export type { SendOptions } from "./socket/data.ts";
export type { DeflateOptions } from "./socket/deflate_options.ts";
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
  StreamEvent,
} from "./socket/events.ts";
export type { Allocator } from "./protocol/pool.ts";
export type { SocketFlow } from "./socket/flow.ts";
export type { CookieStore, HttpClientLike } from "./socket/http_client.ts";
export type { MemoryStream, Whence, Writable } from "./socket/memory_stream.ts";
export type { CodecProvider, Message as BaseMessage, MessageCodec, MessageStream } from "./socket/message.ts";
export type { MessageSink, MessageSource } from "./socket/message_io.ts";
export type { BinaryType, SocketOptions } from "./socket/options.ts";
export type { MessageChunks, SendStreamOptions } from "./socket/outgoing.ts";
export type { RawOptions, RawStream } from "./socket/raw.ts";
export type { ConnectionOptions, HeartbeatOptions } from "./socket/shared_options.ts";
export type { SocketEmitter } from "./socket/slots.ts";
export type { Socket as BaseSocket } from "./socket/socket.ts";
export type { StreamPair } from "./socket/stream_transport.ts";
export type {
  ClientTls,
  Endpoint,
  Listener as TransportListener,
  ListenOptions,
  PlatformEvent,
  PlatformSocket,
  Runtime,
  ServerTls,
  Target,
  Transport,
  TransportSink,
  WriteResult,
} from "./socket/transport.ts";
export type { HttpClient as BaseHttpClient, HttpClientOptions, HttpRequestOptions } from "./http/client.ts";
export type { BroadcastOptions } from "./http/broadcast.ts";
export type { StoredCookie } from "./http/cookie_jar.ts";
export type { ErrorReporter } from "./http/dispatch.ts";
export type { Chain, Routing } from "./http/handler.ts";
export type {
  Handler as HttpHandler,
  HandlerFunction,
  HandlerLike,
  HandlerResult,
  Next,
  Routable,
  RouteMap,
} from "./http/handler_types.ts";
export type { CloseOptions } from "./http/host.ts";
export type { ErrorHandlers, ErrorHandlerSetter, MessageHandler, MessageStats } from "./http/message_handler.ts";
export type { ProtocolPolicy } from "./http/negotiate.ts";
export type { OriginPolicy } from "./http/origin.ts";
export type { HttpRequest } from "./http/request.ts";
export type { Cookie, FieldValue, HttpResponse } from "./http/response.ts";
export type { Server as BaseServer, ServerOptions } from "./http/server.ts";
export type { Accept, UpgradeOptions } from "./http/upgrade.ts";
