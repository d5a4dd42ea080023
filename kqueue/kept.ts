/** Events that a wait brought back after nobody wanted them any more: they belong to the next one. */
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_TIMER,
} from "../constants.ts";
import type { Kevent64List } from "../kevent/list.ts";
import type { Kevent64, KeventInit } from "../kevent/record.ts";

/** What the kernel will not report again by itself. */
const ONCE = EV_CLEAR | EV_ONESHOT | EV_DISPATCH;

/** The events that a queue still owes its caller. */
export class KeptEvents {
  #events: Kevent64[] = [];

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Keeps those that are reported once. A level is reported again for as long as it holds (R11). */
  keep(events: Iterable<Kevent64>): void {
    for (const event of events) {
      if ((event.flags & ONCE) !== 0) this.#events.push(event);
    }
  }

  /** Moves as many as fit into a list. */
  take(list: Kevent64List): void {
    list.clear();
    for (const event of this.#events.splice(0, list.capacity)) list.push(event);
  }

  /** A change of a watcher: what is owed of one that is deleted, or of a timer that is started afresh, is void (R54). */
  changed(change: KeventInit): void {
    const { ident, filter, flags = 0 } = change;
    if ((flags & EV_DELETE) === 0 && filter !== EVFILT_TIMER) return;
    const word = BigInt(ident);
    this.#events = this.#events.filter((event) =>
      event.ident !== word || event.filter !== filter
    );
  }
}
