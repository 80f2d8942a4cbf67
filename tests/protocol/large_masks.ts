/** What holds of `mask` for large payloads, whichever way it takes. */

import { assertEquals } from "@std/assert";
import type { mask } from "../../src/protocol/mask.ts";
import { show } from "../frames.ts";
import { Random } from "../random.ts";

/** Around the sizes at which vectors begin, their last lane is full, and their memory is. */
const LENGTHS = [1_023, 1_024, 1_055, 1_056, 1_057, 2_048, 4_095, 63_487, 63_488, 63_489, 65_536, 131_071];

/** Masks at every length and place as RFC 6455, section 5.3, says it, and tells ASCII from other bytes. */
export function checkLargeMasks(masked: typeof mask): void {
  const random = new Random(7);
  for (const length of LENGTHS) {
    for (const start of [0, 1, 6, 14, 2_047, 2_048]) {
      const key = random.below(0x1_0000_0000);
      const bytes = random.bytes(start + length + 40);
      const wanted = bytes.map((byte, at) =>
        at < start || at >= start + length ? byte : byte ^ (key >>> (((at - start) & 3) << 3))
      );
      masked(bytes, start, start + length, key);
      assertEquals(show(bytes), show(wanted), `length ${length}, start ${start}`);
    }
    const plain = new Uint8Array(length).fill(0x41);
    masked(plain, 0, length, 0x01020304);
    assertEquals(masked(plain, 0, length, 0x01020304), 0, `${length} bytes of ASCII`);
    for (const at of [0, 33, length >> 1, length - 33, length - 1]) {
      const text = new Uint8Array(length).fill(0x41);
      text[at] = 0xc3;
      masked(text, 0, length, 0x7f7f7f7f);
      assertEquals(masked(text, 0, length, 0x7f7f7f7f) === 0, false, `${length} bytes, one above ASCII at ${at}`);
    }
  }
}
