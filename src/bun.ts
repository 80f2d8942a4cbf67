/**
 * The front door, bound to Bun.
 *
 * @module
 */

export {};
