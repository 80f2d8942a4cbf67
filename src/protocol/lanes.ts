/**
 * Masking with vectors, by a function of WebAssembly over memory of its own.
 *
 * ```
 *   lent memory: a transport reads into it -> masked where it lies
 *   any other bytes -> copied to the bench -> masked -> copied back
 * ```
 *
 * 1 KiB takes 30 ns where it lies, 300 ns by way of the bench, and 400 in words of the language; 64 KiB take 2, 6 and 18 µs
 * (Node; Deno much the same).
 */

/** So much is masked at a time by way of the bench, which is the first 64 KiB. */
const HALF_PAGE = 2_048;
const PIECE = 65_536 - HALF_PAGE;

/**
 * One page of memory, which is the bench, and a function over it. It returns 0 when the resulting bytes are ASCII.
 *
 * ```wat
 * (func (export "run") (param $at i32) (param $length i32) (param $key i32) (result i32)
 *   (local $end i32) (local $keys v128) (local $seen v128) (local $masked v128) (local $high i32) (local $word i32)
 *   (local.set $keys (i32x4.splat (local.get $key)))
 *   (local.set $end (i32.add (local.get $at) (local.get $length)))
 *   (block $vectors
 *     (br_if $vectors (i32.lt_u (local.get $length) (i32.const 32)))
 *     (local.set $length (i32.sub (local.get $end) (i32.const 32)))
 *     (loop $next
 *       ;; twice, at offset 0 and 16:
 *       (v128.store (local.get $at) (local.tee $masked (v128.xor (v128.load (local.get $at)) (local.get $keys))))
 *       (local.set $seen (v128.or (local.get $seen) (local.get $masked)))
 *       (br_if $next (i32.le_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $length)))))
 *   (block $words
 *     (br_if $words (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4)))
 *     (loop $next
 *       (i32.store (local.get $at) (local.tee $word (i32.xor (i32.load (local.get $at)) (local.get $key))))
 *       (local.set $high (i32.or (local.get $high) (local.get $word)))
 *       (local.set $at (i32.add (local.get $at) (i32.const 4)))
 *       (br_if $next (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4)))))
 *   (block $bytes
 *     (br_if $bytes (i32.eq (local.get $at) (local.get $end)))
 *     (loop $next
 *       (local.set $word (i32.xor (i32.load8_u (local.get $at)) (i32.and (local.get $key) (i32.const 255))))
 *       (i32.store8 (local.get $at) (local.get $word))
 *       (local.set $high (i32.or (local.get $high) (local.get $word)))
 *       (local.set $key (i32.shr_u (local.get $key) (i32.const 8)))
 *       (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end)))))
 *   (i32.or (i8x16.bitmask (local.get $seen)) (i32.and (local.get $high) (i32.const 0x80808080))))
 * ```
 */
const KERNEL =
  "AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQABBxACBm1lbW9yeQIAA3J1bgAACukBAeYBAwF/A3sCfyAC/REhBCAAIAFqIQMCQCABQSBJDQAgA0" +
  "EgayEBA0AgACAA/QAEACAE/VEiBv0LBAAgBSAG/VAhBSAAIAD9AAQQIAT9USIG/QsEECAFIAb9UCEFIABBIGoiACABTQ0ACwsCQCADIABrQQRJ" +
  "DQADQCAAIAAoAgAgAnMiCDYCACAHIAhyIQcgAyAAQQRqIgBrQQRPDQALCwJAIAAgA0YNAANAIAAgAC0AACACQf8BcXMiCDoAACAHIAhyIQcgAk" +
  "EIdiECIABBAWoiACADSQ0ACwsgBf1kIAdBgIGChHhxcgs=";

/** The function, and its memory. */
export interface Lanes {
  readonly memory: WebAssembly.Memory;
  /** All of it. */
  readonly bytes: Uint8Array;
  /** Masks `length` bytes at `at`. */
  readonly run: (at: number, length: number, key: number) => number;
}

let lanes: Lanes | "none" | undefined;

/** What masks with vectors, where there is WebAssembly with them, and a page's policy allows it. */
export function findLanes(): Lanes | undefined {
  lanes ??= makeLanes();
  return lanes === "none" ? undefined : lanes;
}

function makeLanes(): Lanes | "none" {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(atob(KERNEL), codeOf)));
    const { memory, run } = exports as unknown as Lanes;
    return { memory, bytes: new Uint8Array(memory.buffer), run };
  } catch {
    return "none";
  }
}

function codeOf(character: string): number {
  return character.charCodeAt(0);
}

/** What is lent, in pages of 64 KiB; the system has what of it was used. */
const LENT_PAGES = 128;
/** All that can be lent, and the function over it; since something was. */
export let lent: { readonly buffer: ArrayBufferLike; readonly run: Lanes["run"] } | undefined;
/** What was not lent yet begins here: not as far into its page as other memory, see `maskCopied`. */
let free = 65_536 + HALF_PAGE;

/**
 * Lends memory in which bytes are masked where they lie, for good; `undefined` where there is none, or no more. To read
 * into it makes 1.3 to 1.4 times the messages of 1 KiB in bursts (Node, Deno), 1.1 to 1.2 times those of 64 KiB and more.
 */
export function lendMemory(size: number): Uint8Array | undefined {
  const found = findLanes();
  if (found === undefined || (lent === undefined && !growLanes(found))) return undefined;
  const { buffer } = lent!;
  if (free + size > buffer.byteLength) return undefined;
  free += size;
  return new Uint8Array(buffer, free - size, size);
}

/** All views of the memory come to their end with it. */
function growLanes({ memory, run }: Lanes): boolean {
  try {
    memory.grow(LENT_PAGES);
  } catch {
    // The only thing that it throws for is a size that cannot be had.
    return false;
  }
  lanes = { memory, bytes: new Uint8Array(memory.buffer), run };
  lent = { buffer: memory.buffer, run };
  views[0] = views[1] = new Uint8Array(0);
  return true;
}

/** Masks bytes of other memory: copies them piece by piece to the bench, and back. */
export function maskCopied(
  { bytes: bench, run }: Lanes,
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
): number {
  let high = 0;
  for (let at = start; at < end; at += PIECE) {
    const size = Math.min(end - at, PIECE);
    const piece = bytes.subarray(at, at + size);
    // In the other half of a page than it lies in: where both places are the same, Bun copies ten times as long.
    const place = ~piece.byteOffset & HALF_PAGE;
    bench.set(piece, place);
    high |= run(place, size, key);
    piece.set(viewOf(bench, place, size));
  }
  return high;
}

/** The two places, each as it was last seen: mostly messages are of one size, and to make a view costs as much as to mask. */
const views: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];

function viewOf(bench: Uint8Array, place: number, size: number): Uint8Array {
  const at = place === 0 ? 0 : 1;
  const view = views[at];
  return view.length === size ? view : views[at] = bench.subarray(place, place + size);
}
