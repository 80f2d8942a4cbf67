/** `prepare`: makes a message that goes to many. */

import { type FrameRoom, PreparedMessage } from "../protocol/prepared.ts";
import { compressOf, type SendOptions, toPayload } from "./data.ts";

/**
 * Prepares a message that is sent more than once, or to more than one: `send` and `Server.broadcast` take what it returns.
 * It is framed once; where compression was agreed on without context takeover, it is compressed once for each set of
 * negotiated parameters, when the first receiver needs it, however large it is. Bytes are copied: those that were given may
 * be changed afterwards. Something that was prepared before comes back as it is.
 *
 * @param data A string as text; an ArrayBuffer or a view as binary; a `Message` as what it is; anything else as its string.
 * @param options How to send it, where `send` does not say otherwise.
 * @throws {TypeError} For a Blob, which has to be read first, for a symbol, and for a wrong option.
 *
 * @example
 * ```ts
 * import { prepare, upgrade } from "@sockeye/ws";
 * import { Server } from "@sockeye/ws/http";
 *
 * const server = new Server({ port: 0, hostname: "127.0.0.1" }, { "/ws": upgrade(() => {}) });
 * await server.start();
 * const alarm = prepare("Fire");
 * for (const conn of server.clients) conn.send(alarm);
 * await server.close();
 * ```
 */
export function prepare(data: unknown, options?: SendOptions): PreparedMessage {
  return prepareIn(undefined, data, options);
}

/** The same, for a message that is soon forgotten: framed in `room`. */
export function prepareIn(room: FrameRoom | undefined, data: unknown, options?: SendOptions): PreparedMessage {
  if (data instanceof PreparedMessage) return data;
  const payload = toPayload(data);
  if (payload instanceof Blob) throw new TypeError("Cannot prepare a message: data is a Blob, wanted what it holds");
  return new PreparedMessage(payload, compressOf(data, options), room);
}
