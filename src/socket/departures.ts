/**
 * Connections with something to send: what they have been given in one turn leaves at the next microtask, which is one for
 * all of them.
 *
 * A thousand connections that are told the same have nothing of their own for it, neither a microtask nor a closure that
 * an idle connection would go on to hold.
 */

/** What has something to send. */
export interface Departing {
  /** Lets it leave. */
  flush(): void;
}

const waiting: Departing[] = [];

/** Has `flush` called at the next microtask. */
export function flushSoon(connection: Departing): void {
  if (waiting.push(connection) === 1) queueMicrotask(flushAll);
}

function flushAll(): void {
  let at = 0;
  try {
    // Those that come meanwhile are taken along.
    while (at < waiting.length) waiting[at++]!.flush();
  } finally {
    if (at === waiting.length) waiting.length = 0;
    else {
      // What one throws goes to nobody else; the others have their turn.
      waiting.splice(0, at);
      queueMicrotask(flushAll);
    }
  }
}
