/**
 * The front door, bound to Deno.
 *
 * @module
 */

export {};
