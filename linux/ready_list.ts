/** Watchers that are ready, in the order in which they are to be reported. */
import type { Knote } from "./knote.ts";

/** A list that its members link, so that joining and leaving allocate nothing. A watcher is in one list at most. */
export class ReadyList {
  first: Knote | null = null;
  #last: Knote | null = null;

  append(knote: Knote): void {
    knote.list = this;
    knote.previous = this.#last;
    if (this.#last === null) this.first = knote;
    else this.#last.next = knote;
    this.#last = knote;
  }

  /** Puts a watcher in by the time of its last report: whose is the longest ago comes first. */
  insert(knote: Knote): void {
    let after = this.#last;
    while (after !== null && after.reportedIn > knote.reportedIn) {
      after = after.previous;
    }
    if (after === this.#last) return this.append(knote);
    const before = after === null ? this.first : after.next;
    knote.list = this;
    knote.previous = after;
    knote.next = before;
    if (after === null) this.first = knote;
    else after.next = knote;
    if (before !== null) before.previous = knote;
  }

  remove(knote: Knote): void {
    const { previous, next } = knote;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    knote.list = knote.previous = knote.next = null;
  }
}
