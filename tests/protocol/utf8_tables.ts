/** Byte strings that are UTF-8 and that are not, after groups 6 and 7.5 of the Autobahn test suite and RFC 3629. */

/** The place of the first byte after which no text can follow, or the length when the end is cut off; -1 for UTF-8. */
export function impossibleAt(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length; at++) {
    try {
      decoder.decode(bytes.subarray(at, at + 1), { stream: true });
    } catch {
      return at;
    }
  }
  try {
    decoder.decode();
  } catch {
    return bytes.length;
  }
  return -1;
}

/** In hex. */
export const validUtf8: readonly string[] = [
  "",
  "00",
  "7f",
  "48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121",
  "cebae1bdb9cf83cebcceb5",
  // The first and the last character of each length
  "c280",
  "dfbf",
  "e0a080",
  "efbfbf",
  "f0908080",
  "f48fbfbf",
  // Around the surrogates
  "ed9fbf",
  "ee8080",
  "efbfbd",
  // Characters that are none, and may be sent all the same
  "efbfbe",
  "f09fbfbe",
  "f48fbfbe",
  // The byte order mark
  "efbbbf",
  "efbbbf6869",
];

/** In hex, with the place of the first byte that cannot stand there; the length where the end is cut off. */
export const invalidUtf8: readonly (readonly [digits: string, place: number])[] = [
  // A byte that begins nothing
  ["80", 0],
  ["bf", 0],
  ["8080", 0],
  ["c0", 0],
  ["c1", 0],
  ["f5", 0],
  ["f8", 0],
  ["fe", 0],
  ["ff", 0],
  // Overlong forms of "/", of U+0000 and of the last character that is one byte shorter
  ["c0af", 0],
  ["e080af", 1],
  ["f08080af", 1],
  ["f8808080af", 0],
  ["fc80808080af", 0],
  ["c080", 0],
  ["c1bf", 0],
  ["e09fbf", 1],
  ["f08fbfbf", 1],
  // Surrogates, alone and in pairs
  ["eda080", 1],
  ["edadbf", 1],
  ["edb080", 1],
  ["edbfbf", 1],
  ["eda080edb080", 1],
  // Above U+10FFFF
  ["f4908080", 1],
  ["f7bfbfbf", 0],
  ["f888808080", 0],
  // Cut off by another character
  ["c320", 1],
  ["e18020", 2],
  ["f0908020", 3],
  ["e1e1", 1],
  ["c3c3a9", 1],
  // Cut off by the end
  ["c3", 1],
  ["e1", 1],
  ["e180", 2],
  ["f0", 1],
  ["f090", 2],
  ["f09080", 3],
  ["ced0", 1],
  // Autobahn 6.4: a surrogate, and a character above U+10FFFF, in the middle of a text
  ["cebae1bdb9cf83cebcceb5eda080656469746564", 12],
  ["cebae1bdb9cf83cebcceb5f4908080656469746564", 12],
];
