/** Family 7 of the catalogue: the closing handshake, and what a Close frame may carry (RFC 6455, 5.5.1 and 7.4). */

import { closePayload, concat, type FrameParts, hex, utf8 } from "../frames.ts";
import {
  breaks,
  type Case,
  closed,
  closedEmpty,
  closes,
  echo,
  fails,
  fragments,
  gets,
  ping,
  repeated,
  send,
  text,
  works,
} from "./script.ts";

const HELLO = "Hello World!";
const close = (payload: Uint8Array = closePayload(1000)): FrameParts => ({ opcode: 8, payload });
const parts = fragments(1, ["fragment1", "fragment2"]);
const large = text(repeated(utf8("BAsd7&jh23"), 262_144));

const behaviour: Case[] = [
  works("7.1.1", send([text(HELLO)]), gets(echo(text(HELLO)))),
  { id: "7.1.2", steps: [send([close(), close(hex(""))]), closed(1000)] },
  { id: "7.1.3", steps: [send([close(), ping()]), closed(1000)] },
  { id: "7.1.4", steps: [send([close(), text(HELLO)]), closed(1000)] },
  { id: "7.1.5", steps: [send([parts[0]!, close(), parts[1]!]), closed(1000)] },
  {
    id: "7.1.6",
    steps: [send([large, text(HELLO), close(), ping()]), gets(echo(large), echo(text(HELLO))), closed(1000)],
  },
];

const LONGEST = "*".repeat(123);

const payloads: Case[] = [
  { id: "7.3.1", steps: [send([close(hex(""))]), closedEmpty] },
  breaks("7.3.2", "WS_INVALID_CLOSE_PAYLOAD", send([close(utf8("a"))])),
  { id: "7.3.3", steps: closes() },
  { id: "7.3.4", steps: closes(1000, HELLO) },
  { id: "7.3.5", steps: closes(1000, LONGEST) },
  breaks("7.3.6", "WS_CONTROL_TOO_LONG", send([close(closePayload(1000, `${LONGEST}*`))])),
  {
    id: "7.5.1",
    steps: [
      send([close(concat(closePayload(1000), hex("cebae1bdb9cf83cebcceb5 eda080 656469746564")))]),
      fails(1007, "WS_INVALID_UTF8"),
    ],
  },
];

const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
/** Of these the suite only takes note; RFC 6455, 7.4.2, gives no meaning to codes above 4999. */
const ABOVE = [5000, 65_535];

const refused = (id: string, code: number): Case =>
  breaks(id, "WS_INVALID_CLOSE_CODE", send([close(closePayload(code))]));

/** The cases of this family. */
export const closing: readonly Case[] = [
  ...behaviour,
  ...payloads,
  ...VALID.map((code, at): Case => ({ id: `7.7.${at + 1}`, steps: closes(code) })),
  ...INVALID.map((code, at) => refused(`7.9.${at + 1}`, code)),
  ...ABOVE.map((code, at) => refused(`7.13.${at + 1}`, code)),
];
