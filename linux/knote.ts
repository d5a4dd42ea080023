/** A watcher, one (ident, filter) pair in one queue; what its filter is to it; and the report that the filter fills. */
import { EV_DISABLE, EV_ENABLE } from "../constants.ts";
import type { Change } from "./change.ts";

const TWO_32 = 2 ** 32;

/** The state of one watcher. All filters share one shape, so that the loop that collects events stays monomorphic. */
export class Knote {
  filter: Filter;
  readonly ident: number | bigint;
  readonly identLow: number;
  readonly identHigh: number;
  /** EV_… bits of the change that made it; its mode is fixed by them (R1). */
  readonly flags: number;
  udataLow = 0;
  udataHigh = 0;
  /** NOTE_… bits of the last change, as the filter takes them. */
  fflags = 0;
  dataLow = 0;
  dataHigh = 0;
  /** The four words of ext that its events have (R16); null for zeros. */
  ext: Int32Array | null;
  enabled: boolean;
  /** Still in its queue's tables. */
  attached = true;

  /** In its queue's ready list, with neighbours there. */
  isReady = false;
  previous: Knote | null = null;
  next: Knote | null = null;
  /** The number of the queue's call that reported it last, or for a new one of the call before it was made. */
  reportedIn = -1;

  /** Descriptor filters: the number that epoll gives back, so that reports of an older registration are known. */
  generation = 0;
  /** Descriptor filters: the events that epoll was asked for; 0 while there is nothing to ask for. */
  events = 0;
  /** Descriptor filters: what epoll reported last, and in which of the queue's turns. */
  revents = 0;
  fetchedIn = -1;
  /** Descriptor filters: how often epoll has reported it. */
  reports = 0;
  /** Descriptor filters: what kind of file it is, once a report made it matter. */
  kind = 0;
  /** Descriptor filters: the size of the file's buffer in bytes, once it mattered. */
  capacity = 0;
  /** Descriptor filters: the error that a socket ended with. */
  error = 0;
  /** Descriptor filters: epoll goes on reporting what the filter does not count as ready, so it must not as a level. */
  quelled = false;

  /** USER: fired. TIMER: expired. Others: something happened that was not reported yet. */
  active = false;
  /** What happened since the last report, for the filters that accumulate. */
  pending = 0;
  /** TIMER: when the current period ends, and how long it is; ns since the clock's base. */
  deadline = 0;
  period = 0;
  heapIndex = -1;

  /** @param filter Its filter, which may hand it on to a part of its own. */
  constructor(
    filter: Filter,
    ident: number | bigint,
    change: Change,
  ) {
    this.filter = filter;
    this.ident = ident;
    this.identLow = change.identLow;
    this.identHigh = change.identHigh;
    this.flags = change.flags;
    this.ext = change.ext;
    this.enabled = (change.flags & EV_DISABLE) === 0;
    this.take(change);
  }

  /** data as the nearest double. */
  get data(): number {
    return this.dataHigh * TWO_32 + (this.dataLow >>> 0);
  }

  /** R1: EV_ADD alone does not enable. */
  enabledBy(change: Change): void {
    if ((change.flags & EV_DISABLE) !== 0) this.enabled = false;
    else if ((change.flags & EV_ENABLE) !== 0) this.enabled = true;
  }

  /** R1: every change gives the watcher its udata, fflags and data. */
  take(change: Change): void {
    this.udataLow = change.udataLow;
    this.udataHigh = change.udataHigh;
    this.fflags = change.fflags;
    this.dataLow = change.dataLow;
    this.dataHigh = change.dataHigh;
  }
}

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
  /** Whether a watcher from the ready list still has something to report. Nothing is noted as reported by it. */
  holds(knote: Knote): boolean;
  /** After a report of a watcher that stays enabled: whether the ready list must keep it. */
  staysReady(knote: Knote): boolean;
  /** After the last report before it is enabled again (EV_DISPATCH). */
  rest(knote: Knote): void;
  /** After its only report (EV_ONESHOT). */
  retire(knote: Knote): void;
  /** A descriptor was closed, or its number turned out to name another file: its watchers end (R9). */
  closed(fd: number): void;
  /** Gives back what the kernel lent. */
  dispose(): void;
}

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
