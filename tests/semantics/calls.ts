/** The ways to a queue, so that one test can take each of them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  errno,
  type Kevent,
  kevent,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_NONE,
  type KeventInit,
  KeventList,
  Kqueue,
  kqueue,
  kqWait,
  SystemError,
  Timespec,
} from "../../mod.ts";

/** How long a test waits for what must come before it fails, in ms. */
export const PATIENCE = 10_000;

/** {@linkcode PATIENCE} as the calls take it. */
export const PATIENT: Timespec = Timespec.fromMilliseconds(PATIENCE);

/** A queue as a test uses it. */
export interface TestQueue extends Disposable {
  readonly fd: number;
  /** Applies changes in one call. Throws a SystemError for the first that fails. */
  apply(...changes: KeventInit[]): void;
  /** What is ready, as far as there is room. */
  poll(): Kevent[];
  /** Waits for the first event, {@linkcode PATIENCE} unless told how many ms. */
  wait(timeoutMs?: number): Kevent[];
}

/** One way to a queue. */
export interface Calls {
  readonly name: string;
  /** Makes a queue that takes up to `room` events a call. */
  open(room?: number): TestQueue;
}

type List = KeventList | Kevent64List;

/** One of the two calls, whichever record it takes. */
export interface RawCalls extends Calls {
  /** A full list of changes. */
  changes(...changes: KeventInit[]): List;
  /** An empty list with room for so many records. */
  room(capacity: number): List;
  /** kevent, or kevent64 without flags. */
  call(
    kq: number,
    changes: List | null,
    events: List | null,
    timeout: Timespec | null,
  ): number;
}

const KEVENT: RawCalls = {
  name: "kevent",
  open: (room) => new RawQueue(KEVENT, room),
  changes: (...changes) => KeventList.from(changes),
  room: (capacity) => new KeventList(capacity),
  call: (kq, changes, events, timeout) =>
    kevent(kq, changes as KeventList, events as KeventList, timeout),
};

const KEVENT64: RawCalls = {
  name: "kevent64",
  open: (room) => new RawQueue(KEVENT64, room),
  changes: (...changes) => Kevent64List.from(changes),
  room: (capacity) => new Kevent64List(capacity),
  call: (kq, changes, events, timeout) =>
    kevent64(
      kq,
      changes as Kevent64List,
      events as Kevent64List,
      KEVENT_FLAG_NONE,
      timeout,
    ),
};

const KQUEUE: Calls = {
  name: "Kqueue",
  open: (room) => new ClassQueue(room),
};

/** kevent with 32-byte records and kevent64 with 48-byte records. */
export const RAW_CALLS: readonly RawCalls[] = [KEVENT, KEVENT64];

/** Both calls, and class Kqueue over them. */
export const ALL_CALLS: readonly Calls[] = [...RAW_CALLS, KQUEUE];

/** A queue for tests to which the way does not matter. */
export function openQueue(room?: number): TestQueue {
  return KQUEUE.open(room);
}

const ROOM = 64;

class RawQueue implements TestQueue {
  readonly fd: number = kqueue();
  readonly #calls: RawCalls;
  readonly #events: List;

  constructor(calls: RawCalls, room = ROOM) {
    assert(this.fd !== -1, "kqueue() failed");
    this.#calls = calls;
    this.#events = calls.room(room);
  }

  apply(...changes: KeventInit[]): void {
    const list = this.#calls.changes(...changes);
    if (this.#calls.call(this.fd, list, null, null) === -1) this.#fail();
  }

  poll(): Kevent[] {
    return this.wait(0);
  }

  wait(timeoutMs = PATIENCE): Kevent[] {
    const timeout = Timespec.fromMilliseconds(timeoutMs);
    const count = this.#calls.call(this.fd, null, this.#events, timeout);
    if (count === -1) this.#fail();
    assertEquals(this.#events.length, count);
    return this.#events.toArray();
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }

  #fail(): never {
    throw new SystemError(this.#calls.name, errno());
  }
}

class ClassQueue implements TestQueue {
  readonly #kq: Kqueue;

  constructor(room = ROOM) {
    this.#kq = new Kqueue({ capacity: room });
  }

  get fd(): number {
    return this.#kq.fd;
  }

  apply(...changes: KeventInit[]): void {
    this.#kq.apply(changes);
  }

  poll(): Kevent[] {
    return this.#kq.poll().toArray();
  }

  wait(timeoutMs = PATIENCE): Kevent[] {
    return this.#kq.wait(timeoutMs).toArray();
  }

  [Symbol.dispose](): void {
    this.#kq.close();
  }
}

/** Waits until a level's event is as wanted: over TCP things take a moment. */
export function waitFor(
  kq: TestQueue,
  wanted: (event: Kevent) => boolean,
): Kevent {
  const deadline = performance.now() + PATIENCE;
  while (performance.now() < deadline) {
    const event = kq.wait(100).find(wanted);
    if (event !== undefined) return event;
  }
  throw new Error("the event did not come");
}

/** Lets time pass. Timers need it; nothing is synchronised by it. */
export function elapse(milliseconds: number): void {
  using kq = openQueue(1);
  kqWait(kq.fd, new KeventList(1), milliseconds);
}

/** Asserts that a call fails, with one of these errors. */
export function assertCode(call: () => unknown, ...codes: string[]): void {
  const error = assertThrows(call, SystemError);
  assert(
    codes.includes(error.code),
    `expected ${codes.join(" or ")}, got ${error.message}`,
  );
}

/** Asserts that there is one event, and gives it. */
export function only(events: Kevent[]): Kevent {
  assertEquals(events.length, 1, `events: ${Deno.inspect(events)}`);
  return events[0];
}

/** The idents of events, in ascending order. */
export function idents(events: Iterable<Kevent>): number[] {
  return Array.from(events, (event) => Number(event.ident)).sort((a, b) =>
    a - b
  );
}
