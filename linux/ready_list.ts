/** Watchers that are ready, in the order in which they are to be reported. */
import type { Knote } from "./knote.ts";

/** How far a watcher is moved up: the order of very many is not worth the time to sort them. */
const MAX_STEPS = 64;

/**
 * A list by the time of the last report, the longest ago first: so none starves, however few events a call takes
 * (R18). Its members link it, so that joining and leaving allocate nothing.
 */
export class ReadyList {
  first: Knote | null = null;
  #last: Knote | null = null;

  /** Puts a watcher in, unless it is in. */
  add(knote: Knote): void {
    if (knote.isReady) return;
    let previous = this.#last;
    for (let step = 0; step < MAX_STEPS; step++) {
      if (previous === null || previous.reportedIn <= knote.reportedIn) break;
      previous = previous.previous;
    }
    const next = previous === null ? this.first : previous.next;
    knote.isReady = true;
    knote.previous = previous;
    knote.next = next;
    if (previous === null) this.first = knote;
    else previous.next = knote;
    if (next === null) this.#last = knote;
    else next.previous = knote;
  }

  /** Takes a watcher out, if it is in. */
  remove(knote: Knote): void {
    if (!knote.isReady) return;
    const { previous, next } = knote;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    knote.isReady = false;
    knote.previous = knote.next = null;
  }
}
