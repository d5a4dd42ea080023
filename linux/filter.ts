/** What a filter is to its queue, and the report it fills. */
import type { Change } from "./change.ts";
import type { Knote } from "./knote.ts";

/** A filter's answer that the watcher's file is not there any more, so that the watcher is gone as well (R9). */
export const GONE = -1;

/** One filter's watchers in one queue. Errors are errno numbers, 0 for none. */
export interface Filter {
  /** Its EVFILT_… number. */
  readonly number: number;
  /** The watcher of `ident`, if there is one. */
  find(ident: number | bigint): Knote | undefined;
  /** Starts a new watcher. */
  attach(knote: Knote, change: Change): number;
  /** Takes a change for a watcher that is there (R1). {@linkcode GONE} where it turns out not to be. */
  touch(knote: Knote, change: Change): number;
  /** Ends a watcher. {@linkcode GONE} where its file ended it already. */
  detach(knote: Knote): number;
  /**
   * Whether a watcher from the ready list has something to report now. If so, {@linkcode report} says what, and the
   * filter has noted that it was reported.
   */
  examine(knote: Knote): boolean;
  /** After a report of a watcher that stays enabled: whether the ready list must keep it. */
  staysReady(knote: Knote): boolean;
  /** After the last report before it is enabled again (EV_DISPATCH). */
  rest(knote: Knote): void;
  /** After its only report (EV_ONESHOT). */
  retire(knote: Knote): void;
  /** A descriptor was closed, or its number turned out to name another file: its watchers end. */
  closed(fd: number): void;
  /** Gives back what the kernel lent. */
  dispose(): void;
}

const TWO_32 = 2 ** 32;

/** The event that a filter reports, besides what its watcher knows. One object serves all. */
export const report = {
  /** What the filter sets besides the registration's flags: EV_EOF, EV_CLEAR, EV_ONESHOT. */
  flags: 0,
  fflags: 0,
  dataLow: 0,
  dataHigh: 0,
};

/** Fills {@linkcode report} with a number that a double holds exactly. */
export function fillReport(flags: number, fflags: number, data: number): void {
  report.flags = flags;
  report.fflags = fflags;
  report.dataLow = data | 0;
  report.dataHigh = data >= 0 && data < 0x8000_0000
    ? 0
    : Math.floor(data / TWO_32);
}
