/** One queue: an epoll descriptor, a table of watchers for each filter, and the list of those that are ready. */
import {
  EV_ADD,
  EV_DELETE,
  EV_DISPATCH,
  EV_ONESHOT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
} from "../constants.ts";
import type { RecordMemory } from "../kevent/memory.ts";
import type { Change } from "./change.ts";
import { storeEvent } from "./event.ts";
import { Descriptors } from "./filters/descriptors.ts";
import { ProcFilter } from "./filters/proc.ts";
import type { ReadFilter } from "./filters/read.ts";
import { SignalFilter } from "./filters/signal.ts";
import { TimerFilter } from "./filters/timer.ts";
import { UserFilter } from "./filters/user.ts";
import { VnodeFilter } from "./filters/vnode.ts";
import type { Host, Sibling } from "./host.ts";
import { type Filter, GONE, Knote, report } from "./knote.ts";
import { ReadyList } from "./ready_list.ts";
import { CLOCK_MONOTONIC, clockTime } from "./system/clock.ts";
import {
  DATA_HIGH,
  DATA_LOW,
  epollWait,
  EVENT_WORDS,
  EventBuffer,
} from "./system/epoll.ts";
import { Inotify } from "./system/inotify.ts";
import { captureErrno, EBADF, EINVAL, ENOENT, ENOTSUP } from "./system/libc.ts";
import { type Source, Sources } from "./system/sources.ts";
import { Wakeup } from "./system/wakeup.ts";

/** The smallest number that <sys/event.h> gives a filter (EVFILT_SYSCOUNT is how many there are). */
const LAST_FILTER = -18;
/** How many reports an epoll_wait is asked for, unless the caller has room for more. */
const MIN_EVENTS = 1024;
const MAX_EVENTS = 65536;

/** The reports of the call at hand, and those of a queue that it looks into before it has taken all of its own (R22). */
let buffer: EventBuffer | undefined;
let innerBuffer: EventBuffer | undefined;

export class Queue implements Host, Sibling {
  readonly fd: number;
  readonly siblings: ReadonlyMap<number, Sibling>;
  turn = 0;
  /** R10a: the size of the records that its first call took; 0 before that. */
  recordSize = 0;
  /** Counts the calls that collect events: each reports a watcher once. */
  #call = 0;
  readonly #filters: (Filter | undefined)[] = [];
  readonly #descriptors: Descriptors;
  readonly #read: ReadFilter;
  readonly #timer: TimerFilter;
  readonly inotify: Inotify;
  readonly #sources: Sources;
  readonly #ready = new ReadyList();
  readonly #wakeup = new Wakeup();

  /**
   * @param fd Its epoll descriptor.
   * @param siblings The queues of this isolate by their descriptors, this one among them.
   */
  constructor(fd: number, siblings: ReadonlyMap<number, Sibling>) {
    this.fd = fd;
    this.siblings = siblings;
    this.#sources = new Sources(fd);
    this.inotify = new Inotify(this);
    this.#descriptors = new Descriptors(this, this.#sources);
    this.#read = this.#add(this.#descriptors.read);
    this.#add(this.#descriptors.write);
    this.#timer = this.#add(new TimerFilter(this));
    this.#add(this.#descriptors.except);
    this.#add(new UserFilter(this));
    this.#add(new SignalFilter(this));
    this.#add(new ProcFilter(this));
    this.#add(new VnodeFilter(this));
  }

  /** Makes what it needs from the beginning. The errno, 0 for none. */
  open(): number {
    return this.#wakeup.open(this);
  }

  #add<F extends Filter>(filter: F): F {
    this.#filters[-filter.number] = filter;
    return filter;
  }

  /** Applies one change: the errno, 0 for none. */
  apply(change: Change): number {
    if (change.filter >= 0 || change.filter < LAST_FILTER) return EINVAL; // R2
    const wanted = EV_ADD | EV_DISPATCH | EV_UDATA_SPECIFIC;
    if (
      (change.flags & EV_VANISHED) !== 0 && (change.flags & wanted) !== wanted
    ) {
      return EINVAL; // R20
    }
    change.simplify();
    const { flags } = change;
    const filter = this.#filters[-change.filter];
    const knote = filter?.find(change.ident);
    const isDeleting = (flags & EV_DELETE) !== 0;
    const adds = (flags & EV_ADD) !== 0;
    if (filter === undefined) return adds ? ENOTSUP : ENOENT;
    if (knote !== undefined) {
      const error = isDeleting
        ? this.#detach(knote)
        : knote.filter.touch(knote, change);
      if (error !== GONE) return error;
      this.forget(knote);
    }
    if (!adds) return ENOENT; // R4
    if ((flags & EV_UDATA_SPECIFIC) !== 0) return ENOTSUP; // R20
    const fresh = new Knote(filter, change.ident, change);
    fresh.reportedIn = this.#call - 1;
    return filter.attach(fresh, change);
  }

  #detach(knote: Knote): number {
    this.forget(knote);
    return knote.filter.detach(knote);
  }

  /** After the changes of a call: does what waits for all of them. */
  settle(): void {
    this.#timer.settle();
    this.wake();
  }

  /**
   * Makes the queue's descriptor readable while the ready list has something, for those who look at it from outside
   * (R22): another queue, poll(2), the thread that waits.
   */
  wake(): void {
    this.#wakeup.set(!this.isIdle);
  }

  countReady(): number {
    this.#descriptors.look();
    innerBuffer ??= new EventBuffer(MIN_EVENTS);
    const fetched = this.#fetch(innerBuffer, MIN_EVENTS, 0);
    if (fetched < 0) return 0;
    this.#take(innerBuffer, fetched);
    this.#timer.settle();
    let count = 0;
    for (let knote = this.#ready.first; knote !== null;) {
      const { next }: Knote = knote;
      if (knote.filter.holds(knote)) count++;
      else this.unready(knote);
      knote = next;
    }
    this.wake();
    return count;
  }

  /** Whether the ready list is empty. */
  get isIdle(): boolean {
    return this.#ready.first === null;
  }

  /** Before the changes of a call. */
  begin(): void {
    this.#read.isProven = false;
  }

  /**
   * Whether the queue's descriptor is still its own, and was not closed behind its back (R10): asked only where none of
   * the changes since {@linkcode begin} has shown it.
   */
  isOpen(): boolean {
    return this.#read.isProven || this.isNamedBy(this.fd);
  }

  /** Whether a descriptor is this queue's, or a duplicate of it. */
  isNamedBy(fd: number): boolean {
    return this.#sources.isSetOf(fd);
  }

  /**
   * Collects up to `max` events, waiting for the first.
   *
   * @param nanoseconds How long at most; 0 not at all, negative for ever.
   * @returns The count, or -errno.
   */
  collect(events: RecordMemory, max: number, nanoseconds: number): number {
    const start = nanoseconds > 0 ? clockTime(CLOCK_MONOTONIC, 0) : 0;
    let left = nanoseconds;
    this.#call++;
    this.#descriptors.look();
    for (;;) {
      // epoll deals its reports out in turn. Where others wait in the ready list too, everything must come in at once.
      const isAlone = this.isIdle;
      const room = isAlone ? Math.min(max, MAX_EVENTS) : MIN_EVENTS;
      const reports = bufferFor(room);
      const fetched = this.#fetch(reports, room, isAlone ? left : 0);
      if (fetched < 0) return fetched;
      let count = 0;
      if (isAlone && areReads(reports, fetched)) {
        count = this.#pass(reports, fetched, events); // all have room, and nobody is to have it before them
      } else {
        this.#take(reports, fetched);
      }
      count = this.#drain(events, count, max);
      if (count < max && fetched === room && room < MIN_EVENTS) {
        // Some reports came to nothing, and took the room of others.
        const others = bufferFor(MIN_EVENTS);
        this.#take(others, this.#fetch(others, MIN_EVENTS, 0));
        count = this.#drain(events, count, max);
      }
      this.#timer.settle();
      this.#descriptors.settle();
      this.wake();
      if (count > 0 || left === 0) return count;
      if (left > 0) {
        left = nanoseconds - (clockTime(CLOCK_MONOTONIC, 0) - start);
        if (left <= 0) left = 0;
      }
    }
  }

  /** Has epoll report up to `room` descriptors, and returns how many, or -errno. */
  #fetch(reports: EventBuffer, room: number, nanoseconds: number): number {
    const count = epollWait(this.fd, reports, room, nanoseconds);
    if (count === -1) {
      const error = captureErrno();
      return -(error === EINVAL ? EBADF : error); // R10: the number names another file now
    }
    this.turn++;
    return count;
  }

  /** Moves the watchers that were fetched into the ready list. */
  #take({ words }: EventBuffer, fetched: number): void {
    for (let at = 0; at < fetched * EVENT_WORDS; at += EVENT_WORDS) {
      const fd = words[at + DATA_LOW];
      const high = words[at + DATA_HIGH];
      if (high < 0) this.#sources.ready(high, fd);
      else this.#read.take(fd, high, words[at]);
    }
  }

  /** Reports READ's watchers that were fetched, past the ready list. The count. */
  #pass({ words }: EventBuffer, fetched: number, events: RecordMemory): number {
    let count = 0;
    for (let at = 0; at < fetched * EVENT_WORDS; at += EVENT_WORDS) {
      const fd = words[at + DATA_LOW];
      const knote = this.#read.takeNow(fd, words[at + DATA_HIGH], words[at]);
      if (knote !== undefined) this.#report(events, count++, knote);
    }
    return count;
  }

  /** Reports what the ready list has, each watcher once a call, after the `count` events that are there already. */
  #drain(events: RecordMemory, count: number, max: number): number {
    while (count < max) {
      const knote = this.#ready.first;
      if (knote === null || knote.reportedIn === this.#call) break;
      this.#ready.remove(knote);
      if (!knote.filter.examine(knote)) continue;
      this.#report(events, count++, knote);
    }
    return count;
  }

  /** Writes the event, and does what follows a report. */
  #report(events: RecordMemory, index: number, knote: Knote): void {
    storeEvent(events, index, knote);
    knote.reportedIn = this.#call;
    const { filter } = knote;
    const flags = knote.flags | report.flags;
    if ((flags & EV_ONESHOT) !== 0) { // R12
      filter.retire(knote);
      this.forget(knote);
    } else if ((flags & EV_DISPATCH) !== 0) { // R14
      knote.enabled = false;
      filter.rest(knote);
    } else if (filter.staysReady(knote)) {
      this.ready(knote);
    }
  }

  ready(knote: Knote): void {
    this.#ready.add(knote);
  }

  unready(knote: Knote): void {
    this.#ready.remove(knote);
  }

  forget(knote: Knote): void {
    knote.attached = false;
    this.unready(knote);
  }

  addSource(fd: number, source: Source): number {
    this.closed(fd); // whatever is known by the number is of a file that was closed
    return this.#sources.add(fd, source);
  }

  /** Gives a number of the engine's own free for the program, if it is one of this queue's. */
  vacate(fd: number): void {
    this.#sources.vacate(fd);
  }

  removeSource(fd: number): void {
    this.#sources.remove(fd);
  }

  /** R9: a descriptor is about to be closed by way of this module. */
  closed(fd: number): void {
    for (const filter of this.#filters) filter?.closed(fd);
  }

  restore(fd: number): void {
    this.#read.restore(fd);
  }

  /** Gives back every descriptor but the queue's own. */
  dispose(): void {
    for (const filter of this.#filters) filter?.dispose();
    this.inotify.dispose();
    this.#wakeup.dispose();
  }
}

function bufferFor(room: number): EventBuffer {
  if (buffer === undefined || buffer.capacity < room) {
    buffer = new EventBuffer(Math.max(MIN_EVENTS, room));
  }
  return buffer;
}

/** Whether all reports are of READ's watchers: others share the room with those, each in its turn (R18). */
function areReads({ words }: EventBuffer, fetched: number): boolean {
  for (let at = 0; at < fetched * EVENT_WORDS; at += EVENT_WORDS) {
    if (words[at + DATA_HIGH] < 0) return false;
  }
  return true;
}
