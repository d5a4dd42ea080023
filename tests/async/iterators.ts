/** Queues with events for iterators, and their ends. */
import { assert } from "@std/assert";
import { EV_ADD, EV_CLEAR, type Kevent64, Kqueue } from "../../mod.ts";
import { idents } from "../semantics/calls.ts";
import { soon, triggered } from "./support.ts";

export const ALL = [1, 2, 3, 4, 5];

/** A queue whose watchers 1 to 5 are all ready, to be reported once. */
export function ready(flags: number = EV_ADD | EV_CLEAR): Kqueue {
  const kq = new Kqueue();
  kq.apply(ALL.map((ident) => triggered(ident, 10 * ident, flags)));
  return kq;
}

/** What polls still find. */
export function rest(kq: Kqueue): number[] {
  const seen: number[] = [];
  for (;;) {
    const events = idents(kq.poll());
    if (events.length === 0) return seen.sort();
    seen.push(...events);
  }
}

/** Ends an iterator, as leaving its loop does. */
export async function leave(
  iterator: AsyncIterator<Kevent64>,
): Promise<IteratorResult<Kevent64>> {
  assert(iterator.return !== undefined);
  return await soon(iterator.return());
}
