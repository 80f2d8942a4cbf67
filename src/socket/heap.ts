/** What becomes of memory that was collected. */

/** From this size on, in bytes, a chunk tells that the process carries much. */
export const BULK = 16_384;

/** The largest block that counts is 32 MiB, with what the allocator puts around it. */
const LARGEST = 33_488_896;

let told = false;

/**
 * Tells the allocator, once, to keep memory that was collected for what comes next. That of Linux (glibc) gives the end of
 * its heap back to the system as soon as 128 KiB are free there, and all that V8 collects has to be faulted in anew, page by
 * page. It heeds twice the largest block that it has seen freed (mallopt(3), `M_TRIM_THRESHOLD`): one that nobody has written
 * to, and so takes no memory, is made and freed. Others take no notice. Echo, by server CPU, 3 processes each: 1.24 (Deno) and
 * 1.12 times (Node) the messages of 1 KiB in bursts, 1.14 and 1.09 times those of 1 MiB.
 */
export function keepFreed(): void {
  if (told) return;
  told = true;
  try {
    // Node 20 cannot free it at once: it is collected.
    new ArrayBuffer(LARGEST).transfer?.(0);
  } catch {
    // There is not so much memory, and none of it should be kept.
  }
}
