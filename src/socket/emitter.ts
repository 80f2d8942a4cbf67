/**
 * One list of listeners with two manners: the emitter's (`on`, `once`, `off`, `emit`) and the web's
 * (`addEventListener`, `removeEventListener`, `dispatchEvent`, `onname`).
 *
 * A list is never changed in place: a listener that is added in mid-dispatch is not called in it, and one that is removed
 * is not called any more, as on the web. What a listener throws does not reach the connection or the other listeners: it
 * is thrown again in a microtask of its own, where the runtime reports it as any uncaught error.
 */

import { show } from "../protocol/headers.ts";
import { checkNumber, checkSignal, isThenable } from "./check.ts";

/**
 * A listener of the event `E`; `this` is what it listens to, where it is no arrow function.
 *
 * @example
 * ```ts
 * import { type CloseEvent, type Listener, Socket } from "@sockeye/ws";
 *
 * const listener: Listener<CloseEvent> = (event) => console.assert(event.code === 1006);
 * new Socket("ws://127.0.0.1:9/").on("close", listener);
 * ```
 */
export type Listener<E, T = unknown> = (this: T, event: E) => unknown;

/**
 * A listener as `addEventListener` takes it.
 *
 * @example
 * ```ts
 * import { type CloseEvent, type EventListenerLike, Socket } from "@sockeye/ws";
 *
 * const listener: EventListenerLike<CloseEvent> = { handleEvent: (event) => console.assert(event.code === 1006) };
 * new Socket("ws://127.0.0.1:9/").addEventListener("close", listener);
 * ```
 */
export type EventListenerLike<E, T = unknown> = Listener<E, T> | { handleEvent(event: E): unknown } | null;

/**
 * Options of `addEventListener`.
 *
 * @example
 * ```ts
 * import { type ListenerOptions, Socket } from "@sockeye/ws";
 *
 * const options: ListenerOptions = { once: true };
 * const socket = new Socket("ws://127.0.0.1:9/");
 * socket.addEventListener("close", () => {}, options);
 * await new Promise((resolve) => socket.on("close", () => queueMicrotask(() => resolve(0))));
 * console.assert(socket.listenerCount("close") === 1);
 * ```
 */
export interface ListenerOptions {
  /** Removed when it has been called. @default {false} */
  readonly once?: boolean;
  /** Removed when this signal aborts. */
  readonly signal?: AbortSignal;
  /** Accepted as on the web; there is no tree to capture in. */
  readonly capture?: boolean;
  /** Accepted as on the web; there is nothing to prevent. */
  readonly passive?: boolean;
}

interface Entry {
  /** The event. */
  readonly type: string;
  /** What was given, by which it is found again. */
  given: unknown;
  call: (this: unknown, ...args: unknown[]) => unknown;
  readonly once: boolean;
  /** The slot of `onname`; there is one at most. */
  readonly slot: boolean;
  /** It is not called any more, even by a dispatch that goes over an older list. */
  removed: boolean;
}

/** How many listeners of one event are normal; the number is kept for those who read it and nothing is printed. */
const DEFAULT_MAX_LISTENERS = 10;

/**
 * What the listeners of an event get.
 *
 * @example
 * ```ts
 * import type { EventLike } from "@sockeye/ws";
 *
 * const event: EventLike = { type: "message" };
 * console.assert(event.type === "message");
 * ```
 */
export interface EventLike {
  /** The name of the event. */
  readonly type: string;
}

/**
 * Listeners by the name of their event. `M` maps the names to the events.
 *
 * @typeParam M The events by name.
 *
 * @example
 * ```ts
 * import { Socket, upgrade } from "@sockeye/ws";
 * import { memoryServer } from "@sockeye/ws/testing";
 *
 * await using server = await memoryServer(upgrade((conn) => {
 *   conn.onmessage = (event) => conn.send(event.data);
 * }));
 * const conn = new Socket("ws://memory/", { connect: server.connect });
 * const greet = (): void => console.log("open");
 * conn.on("open", greet).once("close", (event) => console.log(event.code));
 * console.assert(conn.listenerCount("open") === 1);
 * conn.off("open", greet);
 * conn.close();
 * ```
 */
export class Emitter<M extends object> {
  /** Those of all events, in order: there are few, and a list for each event is a tenth of an idle connection. */
  #entries: readonly Entry[] = NONE;
  #maxListeners = DEFAULT_MAX_LISTENERS;

  /** Adds a listener. */
  on<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this;
  /** Adds each of an object's listeners by name. */
  on(listeners: { readonly [K in keyof M]?: Listener<M[K], this> }): this;
  on(type: string | object, listener?: unknown): this {
    return this.#addAll(type, listener, false, false);
  }

  /** The same as `on`. */
  addListener<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this {
    return this.#addAll(type, listener, false, false);
  }

  /** Adds a listener that is removed when it has been called. */
  once<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this;
  /** Adds each of an object's listeners by name, to be removed when it has been called. */
  once(listeners: { readonly [K in keyof M]?: Listener<M[K], this> }): this;
  once(type: string | object, listener?: unknown): this {
    return this.#addAll(type, listener, true, false);
  }

  /** Adds a listener before the others. */
  prependListener<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this {
    return this.#addAll(type, listener, false, true);
  }

  /** Adds a listener before the others that is removed when it has been called. */
  prependOnceListener<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this {
    return this.#addAll(type, listener, true, true);
  }

  /** Removes a listener, or all listeners of an event. */
  off<K extends keyof M & string>(type: K, listener?: Listener<M[K], this>): this;
  /** Removes each of an object's listeners by name. */
  off(listeners: { readonly [K in keyof M]?: Listener<M[K], this> }): this;
  off(type: string | object, listener?: unknown): this {
    if (typeof type === "object" && type !== null) {
      for (const [name, each] of Object.entries(type)) this.#remove(name, each);
    } else if (listener === undefined) this.#removeAll(checkName(type));
    else this.#remove(type, listener);
    return this;
  }

  /** The same as `off` with a listener. */
  removeListener<K extends keyof M & string>(type: K, listener: Listener<M[K], this>): this {
    this.#remove(type, listener);
    return this;
  }

  /** Removes all listeners: of one event, of several, or of all. */
  removeAllListeners(types?: (keyof M & string) | readonly (keyof M & string)[]): this {
    const names = types === undefined ? this.eventNames() : Array.isArray(types) ? types : [types];
    for (const type of names) this.#removeAll(checkName(type));
    return this;
  }

  /** Adds a listener as on the web: the same one is added only once, and `null` is ignored. */
  addEventListener<K extends keyof M & string>(
    type: K,
    listener: EventListenerLike<M[K], this>,
    options?: boolean | ListenerOptions,
  ): void {
    if (listener === null || listener === undefined) return;
    const { once = false, signal } = typeof options === "object" && options !== null ? options : {};
    checkSignal("signal", signal);
    const entry = makeEntry(checkName(type), listener, once, false, true);
    if (signal?.aborted || this.#find(type, listener) !== undefined) return;
    this.#add(entry, false);
    signal?.addEventListener("abort", () => this.#drop(entry), { once: true });
  }

  /** Removes a listener as on the web: the function of an `onname` property stays. */
  removeEventListener<K extends keyof M & string>(
    type: K,
    listener: EventListenerLike<M[K], this>,
    _options?: boolean | { readonly capture?: boolean },
  ): void {
    const entry = this.#find(type, listener);
    if (entry !== undefined) this.#drop(entry);
  }

  /** Calls the listeners of the event's type with it. Always returns true: nothing here can be prevented. */
  dispatchEvent(event: EventLike): boolean {
    if (typeof event !== "object" || event === null || typeof event.type !== "string") {
      throw new TypeError(`Cannot dispatch an event: got ${show(event)}, wanted an object with a type`);
    }
    this.deliver(event.type, event);
    return true;
  }

  /** Calls the listeners of an event with any arguments. Returns whether there were any. */
  emit(type: string, ...args: unknown[]): boolean {
    const list = this.#list(type);
    for (const entry of list) this.#call(entry, args);
    return list.length > 0;
  }

  /** The listeners of an event, in order. */
  listeners<K extends keyof M & string>(type: K): Listener<M[K], this>[] {
    return this.#list(type).map((entry) => entry.given as Listener<M[K], this>);
  }

  /** How many listeners an event has. */
  listenerCount(type: keyof M & string): number {
    let count = 0;
    for (const each of this.#entries) if (each.type === type) count++;
    return count;
  }

  /** The events that have listeners. */
  eventNames(): string[] {
    return [...new Set(this.#entries.map(({ type }) => type))];
  }

  /**
   * Sets how many listeners of one event are normal. Nothing is printed when there are more.
   *
   * @throws {TypeError | RangeError} When it is no number, or below 0.
   */
  setMaxListeners(count: number): this {
    this.#maxListeners = checkNumber("maxListeners", count);
    return this;
  }

  /** How many listeners of one event are normal. @default {10} */
  getMaxListeners(): number {
    return this.#maxListeners;
  }

  /** Called when a listener has been added. */
  protected listenerAdded(): void {}

  /** The value of an `onname` property. */
  protected slot<K extends keyof M & string>(type: K): Listener<M[K]> | null {
    return (this.#slot(type)?.given ?? null) as Listener<M[K]> | null;
  }

  /** Sets an `onname` property: a new function takes the place of the old one; anything else removes it. */
  protected setSlot(type: string, listener: unknown): void {
    const entry = this.#slot(type);
    if (typeof listener !== "function") {
      if (entry !== undefined) this.#drop(entry);
    } else if (entry === undefined) {
      this.#add(makeEntry(type, listener, false, true, false), false);
    } else {
      entry.given = listener;
      entry.call = listener as Entry["call"];
      this.listenerAdded();
    }
  }

  /** Calls the listeners of an event with one argument: the way of each message. */
  protected deliver(type: string, event: unknown): void {
    this.#deliver(type, event, undefined);
  }

  /**
   * The same. Where listeners give back promises, resolves when all are settled; what they reject with is reported as what
   * listeners throw.
   */
  protected deliverAwaited(type: string, event: unknown): Promise<unknown> | undefined {
    const results: unknown[] = [];
    this.#deliver(type, event, results);
    const pending = results.filter(isThenable);
    if (pending.length === 0) return undefined;
    return Promise.all(pending.map((each) => Promise.resolve(each).catch(rethrow)));
  }

  #deliver(type: string, event: unknown, results: unknown[] | undefined): void {
    const entries = this.#entries;
    let isFirst = true;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at]!;
      if (entry.type !== type || entry.removed) continue;
      if (!isFirst && stopped.has(event as object)) return;
      isFirst = false;
      if (entry.once) this.#drop(entry);
      try {
        const result = entry.call.call(this, event);
        results?.push(result);
      } catch (error) {
        rethrow(error);
      }
    }
  }

  #call(entry: Entry, args: unknown[]): void {
    if (entry.removed) return;
    if (entry.once) this.#drop(entry);
    try {
      entry.call.apply(this, args);
    } catch (error) {
      rethrow(error);
    }
  }

  #addAll(type: string | object, listener: unknown, once: boolean, prepend: boolean): this {
    const all = typeof type === "object" && type !== null ? Object.entries(type) : [[type, listener] as const];
    const made = all.map(([name, each]) => makeEntry(checkName(name), each, once, false, false));
    for (const entry of made) this.#add(entry, prepend);
    return this;
  }

  #add(entry: Entry, prepend: boolean): void {
    this.#entries = prepend ? [entry, ...this.#entries] : [...this.#entries, entry];
    this.listenerAdded();
  }

  #list(type: string): readonly Entry[] {
    return this.#entries.filter((each) => each.type === type);
  }

  #find(type: string, listener: unknown): Entry | undefined {
    return this.#entries.find((each) => each.type === type && each.given === listener && !each.slot);
  }

  #slot(type: string): Entry | undefined {
    return this.#entries.find((each) => each.type === type && each.slot);
  }

  /** Removes a listener once, where it was added last. */
  #remove(type: string, listener: unknown): void {
    checkListener("remove", listener, true);
    const entry = this.#list(checkName(type)).findLast((each) => each.given === listener);
    if (entry !== undefined) this.#drop(entry);
  }

  #removeAll(type: string): void {
    for (const entry of this.#list(type)) entry.removed = true;
    this.#entries = this.#entries.filter((each) => each.type !== type);
  }

  #drop(entry: Entry): void {
    if (entry.removed) return;
    entry.removed = true;
    this.#entries = this.#entries.filter((each) => each !== entry);
  }
}

/** The events of which no other listener is to hear. */
export const stopped: WeakSet<object> = new WeakSet();

const NONE: readonly Entry[] = [];

function makeEntry(type: string, listener: unknown, once: boolean, slot: boolean, web: boolean): Entry {
  checkListener("add", listener, web);
  if (typeof listener === "function") {
    return { type, given: listener, call: listener as Entry["call"], once, slot, removed: false };
  }
  // Looked up at each call, as the web does it.
  const call = (event: unknown): unknown => (listener as { handleEvent(event: unknown): unknown }).handleEvent(event);
  return { type, given: listener, call, once, slot, removed: false };
}

/** `web`: an object with `handleEvent` is a listener too. */
function checkListener(verb: "add" | "remove", listener: unknown, web: boolean): void {
  if (typeof listener === "function" || (web && typeof listener === "object" && listener !== null)) return;
  const wanted = web ? "a function or an object" : "a function";
  throw new TypeError(`Cannot ${verb} a listener: got ${show(listener)}, wanted ${wanted}`);
}

function checkName(type: unknown): string {
  if (typeof type === "string") return type;
  throw new TypeError(`Cannot use a listener: the event is ${show(type)}, wanted its name`);
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
