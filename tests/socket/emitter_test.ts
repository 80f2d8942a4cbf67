import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Emitter, type Listener } from "../../src/socket/emitter.ts";

interface Happening {
  readonly type: string;
  readonly n?: number;
}

interface Events {
  a: Happening;
  b: Happening;
}

/** An emitter with an `ona` property, whose deliveries can be caused. */
class Subject extends Emitter<Events> {
  added = 0;

  get ona(): Listener<Happening> | null {
    return this.slot("a");
  }

  set ona(listener: Listener<Happening> | null) {
    this.setSlot("a", listener);
  }

  happen(type: keyof Events, n: number = 0): void {
    this.deliver(type, { type, n });
  }

  protected override listenerAdded(): void {
    this.added++;
  }
}

/** A subject, what was called, and listeners that write their name down. */
function setUp(): { subject: Subject; calls: string[]; named: (name: string) => Listener<Happening> } {
  const calls: string[] = [];
  return { subject: new Subject(), calls, named: (name) => () => void calls.push(name) };
}

/** The ways in which a delivery can be caused. */
const ways: Record<string, (subject: Subject) => void> = {
  deliver: (subject) => subject.happen("a"),
  emit: (subject) => void subject.emit("a", { type: "a" }),
  dispatchEvent: (subject) => void subject.dispatchEvent({ type: "a" }),
};

for (const [way, cause] of Object.entries(ways)) {
  test(`Emitter calls listeners of both manners in the order they came, by ${way}`, () => {
    const { subject, calls, named } = setUp();
    subject.on("a", named("on"));
    subject.addEventListener("a", named("added"));
    subject.ona = named("slot");
    subject.addListener("a", named("addListener"));
    subject.prependListener("a", named("prepended"));
    subject.on("b", named("other"));
    cause(subject);
    assertEquals(calls, ["prepended", "on", "added", "slot", "addListener"]);
  });

  test(`Emitter calls a once listener once, even when its event happens within it, by ${way}`, () => {
    const { subject, calls, named } = setUp();
    let depth = 0;
    const again = (): void => {
      if (depth++ < 2) cause(subject);
    };
    subject.on("a", again);
    subject.once("a", named("once"));
    subject.prependOnceListener("a", named("first"));
    subject.addEventListener("a", named("web"), { once: true });
    cause(subject);
    assertEquals(calls, ["first", "once", "web"]);
    assertEquals(subject.listenerCount("a"), 1);
  });

  test(`Emitter calls no listener that was removed by one before it, by ${way}`, () => {
    for (
      const remove of [
        (subject: Subject, f: Listener<Happening>) => void subject.off("a", f),
        (subject: Subject, f: Listener<Happening>) => subject.removeEventListener("a", f),
        (subject: Subject) => void subject.off("a"),
        (subject: Subject) => void subject.removeAllListeners("a"),
        (subject: Subject) => void subject.removeAllListeners(),
      ]
    ) {
      const { subject, calls, named } = setUp();
      const last = named("last");
      subject.on("a", () => remove(subject, last));
      subject.on("a", last);
      cause(subject);
      assertEquals(calls, []);
    }
  });

  test(`Emitter does not call at once what a listener adds, by ${way}`, () => {
    const { subject, calls, named } = setUp();
    subject.once("a", () => {
      subject.on("a", named("on"));
      subject.ona = named("slot");
    });
    cause(subject);
    assertEquals(calls, []);
    cause(subject);
    assertEquals(calls, ["on", "slot"]);
  });
}

test("Emitter calls with the event and with itself as this", () => {
  const { subject } = setUp();
  const seen: unknown[] = [];
  function listener(this: unknown, event: Happening): void {
    seen.push(this, event.n);
  }
  subject.on("a", listener);
  subject.addEventListener("a", listener.bind("bound"));
  subject.ona = listener;
  subject.happen("a", 7);
  assertEquals(seen.length, 6);
  assertStrictEquals(seen[0], subject);
  assertEquals(seen[2], "bound");
  assertStrictEquals(seen[4], subject);
  assertEquals([seen[1], seen[3], seen[5]], [7, 7, 7]);
});

test("Emitter.emit passes all arguments, and says whether anybody listens", () => {
  const { subject } = setUp();
  const seen: unknown[] = [];
  subject.on("a", (...args: unknown[]) => void seen.push(args));
  assertEquals(subject.emit("a", 1, 2, 3), true);
  assertEquals(subject.emit("a"), true);
  assertEquals(subject.emit("b", 1), false);
  assertEquals(subject.emit("error", new Error("nobody listens")), false);
  assertEquals(seen, [[1, 2, 3], []]);
});

test("Emitter.on adds a listener as often as it is given; off removes one of them, the last", () => {
  const { subject, calls, named } = setUp();
  const twice = named("twice");
  subject.on("a", twice).on("a", named("between")).on("a", twice);
  subject.happen("a");
  assertEquals(calls.splice(0), ["twice", "between", "twice"]);
  subject.off("a", twice);
  subject.happen("a");
  assertEquals(calls.splice(0), ["twice", "between"]);
  subject.removeListener("a", twice).removeListener("a", twice);
  subject.happen("a");
  assertEquals(calls.splice(0), ["between"]);
  subject.off("a");
  assertEquals(subject.emit("a"), false);
});

test("Emitter takes an object of listeners by name", () => {
  const { subject, calls, named } = setUp();
  const listeners = { a: named("a"), b: named("b") };
  subject.on(listeners).once({ a: named("once") });
  subject.happen("a");
  subject.happen("a");
  subject.happen("b");
  assertEquals(calls.splice(0), ["a", "once", "a", "b"]);
  subject.off(listeners);
  assertEquals(subject.eventNames(), []);
});

test("Emitter.addEventListener adds a listener once, whichever way it came first", () => {
  const { subject, calls, named } = setUp();
  const listener = named("listener");
  subject.addEventListener("a", listener);
  subject.addEventListener("a", listener, { once: true });
  subject.addEventListener("a", listener, true);
  subject.addEventListener("b", listener);
  subject.happen("a");
  subject.happen("a");
  assertEquals(calls.splice(0), ["listener", "listener"]);
  subject.removeEventListener("a", listener);
  subject.on("a", listener);
  subject.addEventListener("a", listener);
  subject.happen("a");
  assertEquals(calls.splice(0), ["listener"]);
});

test("Emitter.addEventListener ignores null, and refuses what is no listener", () => {
  const { subject } = setUp();
  subject.addEventListener("a", null);
  subject.removeEventListener("a", null);
  assertEquals(subject.listenerCount("a"), 0);
  assertEquals(subject.added, 0);
  for (const wrong of ["text", 5, true]) {
    assertThrows(() => subject.addEventListener("a", wrong as never), TypeError, "wanted a function");
    assertThrows(() => subject.on("a", wrong as never), TypeError, "wanted a function");
  }
  assertThrows(() => subject.on("a", undefined as never), TypeError, "Cannot add a listener");
  assertThrows(() => subject.on("a", null as never), TypeError, "Cannot add a listener");
});

test("Emitter.addEventListener calls handleEvent of an object, as it is then, on the object", () => {
  const { subject } = setUp();
  const seen: unknown[] = [];
  const object = {
    handleEvent(event: Happening): void {
      seen.push(this, event.n);
    },
  };
  subject.addEventListener("a", object);
  subject.addEventListener("a", object);
  subject.happen("a", 1);
  object.handleEvent = function (event) {
    seen.push("replaced", event.n);
  };
  subject.happen("a", 2);
  assertStrictEquals(seen[0], object);
  assertEquals(seen.slice(1), [1, "replaced", 2]);
  subject.removeEventListener("a", object);
  subject.happen("a", 3);
  assertEquals(seen.length, 4);
});

test("Emitter.addEventListener removes a listener when its signal aborts, and that one only", () => {
  const { subject, calls, named } = setUp();
  const controller = new AbortController();
  const listener = named("listener");
  subject.addEventListener("a", listener, { signal: controller.signal });
  subject.addEventListener("a", named("other"));
  subject.happen("a");
  // Removed and added again without the signal: the signal has nothing to do with it any more.
  subject.removeEventListener("a", listener);
  subject.addEventListener("a", listener);
  controller.abort();
  subject.happen("a");
  assertEquals(calls.splice(0), ["listener", "other", "other", "listener"]);
  subject.addEventListener("a", named("late"), { signal: controller.signal });
  assertEquals(subject.listenerCount("a"), 2, "what comes with an aborted signal is not added");

  const second = new AbortController();
  subject.removeAllListeners();
  subject.addEventListener("a", () => second.abort());
  subject.addEventListener("a", listener, { signal: second.signal });
  subject.happen("a");
  assertEquals(calls, [], "aborted within the dispatch, it is not called");
});

test("Emitter.removeEventListener leaves the onname property alone", () => {
  const { subject, calls, named } = setUp();
  const listener = named("listener");
  subject.ona = listener;
  subject.removeEventListener("a", listener);
  assertStrictEquals(subject.ona, listener);
  subject.addEventListener("a", listener);
  subject.happen("a");
  assertEquals(calls.splice(0), ["listener", "listener"], "the property is no duplicate");
  subject.removeEventListener("a", listener);
  subject.happen("a");
  assertEquals(calls, ["listener"]);
});

test("An onname property has one place in the order, which a new function takes over", () => {
  const { subject, calls, named } = setUp();
  assertEquals(subject.ona, null);
  const first = named("first");
  subject.ona = first;
  assertStrictEquals(subject.ona, first);
  subject.on("a", named("on"));
  subject.ona = named("second");
  subject.happen("a");
  assertEquals(calls.splice(0), ["second", "on"]);
  subject.ona = null;
  assertEquals(subject.ona, null);
  subject.ona = named("third");
  subject.happen("a");
  assertEquals(calls.splice(0), ["on", "third"], "set anew after null, it stands last");
  subject.ona = "no function" as never;
  assertEquals(subject.ona, null);
  subject.ona = {} as never;
  assertEquals(subject.ona, null);
});

test("An onname property that a listener replaces is called as it is when its turn comes", () => {
  const { subject, calls, named } = setUp();
  subject.on("a", () => {
    subject.ona = named("new");
  });
  subject.ona = named("old");
  subject.happen("a");
  assertEquals(calls.splice(0), ["new"]);
  subject.prependListener("a", () => {
    subject.ona = null;
  });
  subject.off("a", subject.listeners("a")[1]!);
  subject.happen("a");
  assertEquals(calls, []);
});

test("Emitter tells of its listeners", () => {
  const { subject, named } = setUp();
  const [one, two, three] = [named("1"), named("2"), named("3")];
  const object = { handleEvent() {} };
  subject.on("a", one);
  subject.once("a", two);
  subject.ona = three;
  subject.addEventListener("b", object);
  assertEquals(subject.listeners("a"), [one, two, three]);
  assertEquals(subject.listeners("b") as unknown[], [object]);
  assertEquals([subject.listenerCount("a"), subject.listenerCount("b")], [3, 1]);
  assertEquals(subject.eventNames(), ["a", "b"]);
  assertEquals(subject.added, 4);
  const list = subject.listeners("a");
  list.length = 0;
  assertEquals(subject.listenerCount("a"), 3, "the list is a copy");
  subject.removeAllListeners(["a"]);
  assertEquals(subject.eventNames(), ["b"]);
  assertEquals(subject.ona, null);
  subject.removeAllListeners();
  assertEquals(subject.eventNames(), []);
  assertEquals(subject.getMaxListeners(), 10);
  assertEquals(subject.setMaxListeners(20).getMaxListeners(), 20);
});

test("Emitter.dispatchEvent wants an object with a type", () => {
  const { subject, calls, named } = setUp();
  subject.on("a", named("a"));
  assert(subject.dispatchEvent({ type: "a" }));
  assert(subject.dispatchEvent(new Event("a")));
  assert(subject.dispatchEvent({ type: "nobody listens to this" }));
  assertEquals(calls, ["a", "a"]);
  for (const wrong of [null, undefined, "a", {}, { type: 5 }]) {
    assertThrows(() => subject.dispatchEvent(wrong as never), TypeError, "Cannot dispatch an event");
  }
});
