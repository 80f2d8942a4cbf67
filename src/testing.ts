/**
 * What tests need: a pair of transports in memory.
 *
 * @module
 */

export {};
