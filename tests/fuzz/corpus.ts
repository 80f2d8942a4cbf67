/**
 * What was found in the past, or was close to being wrong: each runs before anything random does. The first word says
 * where it was found.
 */

import { concat, hex } from "../frames.ts";

/** Streams of frames for a client's session, in hex. */
export const streams: readonly Uint8Array<ArrayBuffer>[] = [
  // A text in fragments whose last one is empty, and a character that is cut by it.
  hex("01 01 c3 80 00"),
  // A length of 2^63, and one of 2^53 + 1, which no number can hold.
  hex("82 7f 80 00 00 00 00 00 00 00"),
  hex("82 7f 00 20 00 00 00 00 00 01"),
  // An empty compressed message; one that is nothing but a final block, and one of several.
  hex("c1 01 00"),
  hex("c1 00"),
  hex("c2 02 03 00"),
  hex("c2 06 03 00 03 00 03 00"),
  // A compressed text whose last fragment is empty, a ping between.
  concat(hex("41 07 f2 48 cd c9 c9 07 00"), hex("89 01 70"), hex("80 00")),
  // A stored block that is longer than what comes.
  hex("c2 05 00 ff ff 00 00"),
  // A match that looks back behind the beginning.
  hex("c2 04 4b 04 fe ff"),
  // A Close frame between fragments, and frames behind it.
  hex("01 01 61 88 02 03 e8 80 01 62 89 00"),
];

/** Heads. */
export const heads: readonly string[] = [
  "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\n a: folded\r\n\r\n",
  "GET / HTTP/1.1\r\na : b\r\n\r\n",
  "GET / HTTP/1.1\na: b\n\n",
  "HTTP/1.1 101\r\n\r\n",
  "HTTP/1.1 101 \r\na: \xff\t \r\n\r\nrest",
];

/** Values of Sec-WebSocket-Extensions. */
export const extensions: readonly string[] = [
  "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
  'permessage-deflate; server_max_window_bits="9"',
  'permessage-deflate; server_max_window_bits="9\\\\"',
  "permessage-deflate; server_max_window_bits=09",
  "permessage-deflate; server_max_window_bits=8.0, permessage-deflate",
  "permessage-deflate;, ;permessage-deflate",
  ",,,",
  'a; b="c,d;e"',
];
