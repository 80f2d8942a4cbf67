/** Frames by name, in hex, and what they say. The first ones are those of RFC 6455, section 5.7. */

import { concat, hex, KEY, show } from "./frames.ts";

/** What comes of bytes: a message, a control frame or an end. Payloads are as `show` gives them. */
export type Said =
  | readonly ["text", string]
  | readonly ["binary", string]
  | readonly ["ping", string]
  | readonly ["pong", string]
  | readonly ["close", number | undefined, string];

/** Bytes from the peer and what they say. */
export interface Vector {
  readonly name: string;
  /** Who reads them: a server reads masked frames. */
  readonly reader: "client" | "server";
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly says: readonly Said[];
}

const HELLO = "48656c6c6f";
const MASKED_HELLO = "37fa213d 7f9f4d5158";

const count = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 8));
const masked = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => byte ^ KEY[i % 4]!);

/** A binary message of so many bytes behind a header in hex, for a client and for a server. */
function binary(length: number, header: string, maskedHeader: string): Vector[] {
  const payload = count(length);
  const says: Said[] = [["binary", show(payload)]];
  return [
    { name: `${length} bytes, unmasked`, reader: "client", bytes: concat(hex(header), payload), says },
    {
      name: `${length} bytes, masked`,
      reader: "server",
      bytes: concat(hex(`${maskedHeader} 37fa213d`), masked(payload)),
      says,
    },
  ];
}

/** All vectors that need no extension. */
export const vectors: readonly Vector[] = [
  // RFC 6455, section 5.7
  { name: "a text, unmasked", reader: "client", bytes: hex(`81 05 ${HELLO}`), says: [["text", "Hello"]] },
  { name: "a text, masked", reader: "server", bytes: hex(`81 85 ${MASKED_HELLO}`), says: [["text", "Hello"]] },
  {
    name: "a text in two fragments, unmasked",
    reader: "client",
    bytes: hex("01 03 48656c 80 02 6c6f"),
    says: [["text", "Hello"]],
  },
  { name: "a ping, unmasked", reader: "client", bytes: hex(`89 05 ${HELLO}`), says: [["ping", HELLO]] },
  { name: "a pong, masked", reader: "server", bytes: hex(`8a 85 ${MASKED_HELLO}`), says: [["pong", HELLO]] },
  ...binary(256, "82 7e 0100", "82 fe 0100"),
  ...binary(65536, "82 7f 0000000000010000", "82 ff 0000000000010000"),
  // The borders of the three forms of a length
  ...binary(0, "82 00", "82 80"),
  ...binary(1, "82 01", "82 81"),
  ...binary(125, "82 7d", "82 fd"),
  ...binary(126, "82 7e 007e", "82 fe 007e"),
  ...binary(127, "82 7e 007f", "82 fe 007f"),
  ...binary(65535, "82 7e ffff", "82 fe ffff"),
  // Fragments
  {
    name: "a text in two fragments, masked",
    reader: "server",
    bytes: hex("01 83 37fa213d 7f9f4d 80 82 00000001 6c6f"),
    says: [["text", "Hello"]],
  },
  {
    name: "a ping between two fragments",
    reader: "client",
    bytes: hex("01 03 48656c 89 01 21 80 02 6c6f"),
    says: [["ping", "21"], ["text", "Hello"]],
  },
  {
    name: "a ping and a pong between fragments of bytes, masked",
    reader: "server",
    bytes: hex("02 81 00000000 01 89 80 01020304 00 81 00000000 02 8a 81 ff000000 00 80 81 00000000 03"),
    says: [["ping", ""], ["pong", "ff"], ["binary", "010203"]],
  },
  {
    name: "empty fragments around a text",
    reader: "client",
    bytes: hex("01 00 00 00 00 02 6869 00 00 80 00"),
    says: [["text", "hi"]],
  },
  { name: "nothing but empty fragments", reader: "client", bytes: hex("02 00 00 00 80 00"), says: [["binary", ""]] },
  {
    name: "a character cut by a fragment",
    reader: "client",
    bytes: hex("01 02 f09f 00 01 8e 80 01 89"),
    says: [["text", "\u{1f389}"]],
  },
  {
    name: "two messages and a fragmented one",
    reader: "client",
    bytes: hex("81 01 61 82 01 62 01 01 63 80 01 64"),
    says: [["text", "a"], ["binary", "62"], ["text", "cd"]],
  },
  {
    name: "a text that begins with a byte order mark",
    reader: "client",
    bytes: hex("81 05 efbbbf 6869"),
    says: [["text", "\ufeffhi"]],
  },
  // Control frames
  { name: "an empty ping, masked", reader: "server", bytes: hex("89 80 37fa213d"), says: [["ping", ""]] },
  {
    name: "a ping of 125 bytes",
    reader: "client",
    bytes: concat(hex("89 7d"), count(125)),
    says: [["ping", show(count(125))]],
  },
  { name: "an empty Close", reader: "client", bytes: hex("88 00"), says: [["close", undefined, ""]] },
  { name: "a Close with a code", reader: "client", bytes: hex("88 02 03e8"), says: [["close", 1000, ""]] },
  {
    name: "a Close with a code and a reason, masked",
    reader: "server",
    bytes: hex("88 85 00000000 03e9 627965"),
    says: [["close", 1001, "bye"]],
  },
  {
    name: "a Close between two fragments, and more behind it",
    reader: "client",
    bytes: hex("01 03 48656c 88 02 0fa0 80 02 6c6f 83 00 ff"),
    says: [["close", 4000, ""]],
  },
];

/** "Hello" as a compressed message, all of which RFC 7692 allows (section 7.2.3), unmasked. */
export const compressedHello: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "one frame": hex("c1 07 f248cdc9c90700"),
  "two frames": hex("41 03 f248cd 80 04 c9c90700"),
  "a stored block": hex("c1 0b 000500faff48656c6c6f00"),
  "a final block": hex("c1 08 f348cdc9c9070000"),
  "two blocks": hex("c1 0d f248050000 00ffffcac9c90700"),
};
