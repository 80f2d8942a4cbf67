/**
 * The HTTP side: requests, handlers, routing and a server that upgrades.
 *
 * @module
 */

export {};
