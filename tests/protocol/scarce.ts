/** A runtime that has little memory, and only short strings. */

/** Runs `work` while no array of more than `most` bytes can be made, and no more than that decoded, as by a real runtime. */
export function scarce(most: number, work: () => void): void {
  const { Uint8Array: Whole } = globalThis;
  const { decode } = TextDecoder.prototype;
  globalThis.Uint8Array = new Proxy(Whole, {
    construct(target, args, self) {
      if (typeof args[0] === "number" && args[0] > most) throw new RangeError("Array buffer allocation failed");
      return Reflect.construct(target, args, self === globalThis.Uint8Array ? target : self) as object;
    },
  });
  TextDecoder.prototype.decode = function (input, options) {
    if ((input?.byteLength ?? 0) > most) throw new TypeError("buffer exceeds maximum length");
    return decode.call(this, input, options);
  };
  try {
    work();
  } finally {
    globalThis.Uint8Array = Whole;
    TextDecoder.prototype.decode = decode;
  }
}
