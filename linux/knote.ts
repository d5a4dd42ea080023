/** A watcher: one (ident, filter) pair in one queue. */
import { EV_DISABLE, EV_ENABLE } from "../constants.ts";
import type { Change } from "./change.ts";
import type { PlainFile } from "./file.ts";
import type { Filter } from "./filter.ts";

const TWO_32 = 2 ** 32;

/** The state of one watcher. All filters share one shape, so that the loop that collects events stays monomorphic. */
export class Knote {
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
  /** Descriptor filters: the file, where it is one that epoll refuses. */
  file: PlainFile | undefined = undefined;
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

  constructor(
    readonly filter: Filter,
    readonly ident: number | bigint,
    change: Change,
  ) {
    this.identLow = change.identLow;
    this.identHigh = change.identHigh;
    this.flags = change.flags;
    this.enabled = (change.flags & EV_DISABLE) === 0;
    this.take(change);
  }

  /** data as the nearest double. */
  get data(): number {
    return this.dataHigh * TWO_32 + (this.dataLow >>> 0);
  }

  /** R3: EV_DISABLE overrules EV_ENABLE. R1: EV_ADD alone does not enable. */
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
