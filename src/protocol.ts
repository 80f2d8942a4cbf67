/**
 * The protocol by itself: bytes in, bytes out, no I/O.
 *
 * @module
 */

export {};
