/**
 * The front door, bound to Node.
 *
 * @module
 */

export {};
