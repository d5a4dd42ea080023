/** Events that a wait brought back after nobody wanted them any more: they belong to the next one. */
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
} from "../constants.ts";
import { closeListeners } from "../kernel.ts";
import type { Kevent64List } from "../kevent/list.ts";
import type { Kevent64, KeventInit } from "../kevent/record.ts";

/** What the kernel will not report again by itself. */
const ONCE = EV_CLEAR | EV_ONESHOT | EV_DISPATCH;

/** The filters whose watchers end with a descriptor. */
const OF_DESCRIPTORS: ReadonlySet<number> = new Set([
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_EXCEPT,
  EVFILT_VNODE,
]);
/** The filters that start afresh, or look again, with each change of a watcher. */
const AFRESH: ReadonlySet<number> = new Set([
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_EXCEPT,
  EVFILT_TIMER,
]);

/** The events that a queue still owes its caller. */
export class KeptEvents {
  #events: Kevent64[] = [];
  /** Those of watchers that were disabled since. */
  #suspended: Kevent64[] = [];
  readonly #closed = (fd: number): void => this.#forgetDescriptor(fd);

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Keeps those that are reported once. A level is reported again for as long as it holds (R11). */
  keep(events: Iterable<Kevent64>): void {
    for (const event of events) {
      if ((event.flags & ONCE) !== 0) this.#events.push(event);
    }
    this.#listen();
  }

  /** Moves as many as fit into a list. */
  take(list: Kevent64List): void {
    list.clear();
    for (const event of this.#events.splice(0, list.capacity)) list.push(event);
    this.#listen();
  }

  /** A change of a watcher is about to be applied. */
  changed({ ident, filter, flags = 0 }: KeventInit): void {
    const word = BigInt(ident);
    const isOther = (event: Kevent64): boolean =>
      event.ident !== word || event.filter !== filter;
    if ((flags & EV_DELETE) !== 0 || AFRESH.has(filter)) {
      this.#filter(isOther);
    } else if ((flags & EV_DISABLE) !== 0) { // R15
      this.#suspended.push(...this.#events.filter((event) => !isOther(event)));
      this.#events = this.#events.filter(isOther);
    } else if ((flags & EV_ENABLE) !== 0) {
      this.#events.push(...this.#suspended.filter((event) => !isOther(event)));
      this.#suspended = this.#suspended.filter(isOther);
    }
    this.#listen();
  }

  /** Forgets all of them: the queue is closed. */
  clear(): void {
    this.#filter(() => false);
  }

  /** Whether a change may concern one of them. */
  get hasAny(): boolean {
    return this.#events.length > 0 || this.#suspended.length > 0;
  }

  #forgetDescriptor(fd: number): void {
    const word = BigInt(fd);
    this.#filter((event) =>
      event.ident !== word || !OF_DESCRIPTORS.has(event.filter)
    );
  }

  #filter(stays: (event: Kevent64) => boolean): void {
    this.#events = this.#events.filter(stays);
    this.#suspended = this.#suspended.filter(stays);
    this.#listen();
  }

  #listen(): void {
    if (this.hasAny) closeListeners.add(this.#closed);
    else closeListeners.delete(this.#closed);
  }
}

/** Appends events to others; two of one watcher become one (R17). */
export function joinEvents(list: Kevent64List, more: Kevent64List): void {
  const earlier = list.toArray();
  for (const event of more) {
    const index = earlier.findIndex(({ ident, filter }) =>
      ident === event.ident && filter === event.filter
    );
    if (index === -1) list.push(event);
    else list.set(index, joinTwo(earlier[index], event));
  }
}

/** One event for two of the same watcher: counts add up, notes gather, all else is as it was last. */
export function joinTwo(first: Kevent64, second: Kevent64): Kevent64 {
  const counts = second.filter === EVFILT_TIMER ||
    second.filter === EVFILT_SIGNAL;
  const gathers = second.filter === EVFILT_VNODE;
  return {
    ...second,
    fflags: gathers ? (first.fflags | second.fflags) >>> 0 : second.fflags,
    data: counts ? first.data + second.data : second.data,
  };
}
