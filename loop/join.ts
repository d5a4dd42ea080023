/** Two events of one watcher as one (R17). */
import { EVFILT_SIGNAL, EVFILT_TIMER, EVFILT_VNODE } from "../constants.ts";
import type { Kevent64 } from "../kevent/record.ts";

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
