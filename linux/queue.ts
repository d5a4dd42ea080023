/** One queue: an epoll descriptor, a table of watchers for each filter, and the list of those that are ready. */
import {
  EV_ADD,
  EV_DELETE,
  EV_DISPATCH,
  EV_ONESHOT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
} from "../constants.ts";
import {
  DATA_WORD,
  EXT_WIDE,
  FFLAGS_WORD,
  FILTER_SHORT,
  FLAGS_SHORT,
  IDENT_WORD,
  KEVENT64_SIZE,
  type RecordMemory,
  UDATA_WORD,
} from "../kevent/memory.ts";
import type { Change } from "./change.ts";
import { DescriptorFilter } from "./descriptors.ts";
import {
  DATA_HIGH,
  DATA_LOW,
  EPOLLERR,
  EPOLLIN,
  epollWait,
  EVENT_WORDS,
  EventBuffer,
} from "./epoll.ts";
import { type Filter, GONE, report } from "./filter.ts";
import { Knote } from "./knote.ts";
import { captureErrno, EBADF, EINVAL, ENOENT, ENOTSUP, libc } from "./libc.ts";
import { ExceptFilter } from "./except.ts";
import { Inotify } from "./inotify.ts";
import { ProcFilter } from "./proc.ts";
import { SignalFilter } from "./signal.ts";
import { VnodeFilter } from "./vnode.ts";
import { Wakeup } from "./wakeup.ts";
import { ReadyList } from "./ready_list.ts";
import { ReadFilter } from "./read.ts";
import { KIND_STREAM, takeSocketError } from "./sockets.ts";
import { type Source, Sources } from "./sources.ts";
import { CLOCK_MONOTONIC, clockTime, TimerFilter } from "./timer.ts";
import { UserFilter } from "./user.ts";
import { WriteFilter } from "./write.ts";

/** The smallest number that <sys/event.h> gives a filter (EVFILT_SYSCOUNT is how many there are). */
const LAST_FILTER = -18;
const F_GETFD = 1;
/** How many reports an epoll_wait is asked for, unless the caller has room for more. */
const MIN_EVENTS = 1024;
const MAX_EVENTS = 65536;

let buffer: EventBuffer | undefined;

export class Queue {
  /** Counts the calls to epoll_wait: what was read in the current turn is fresh. */
  turn = 0;
  /** Counts the calls that collect events: each reports a watcher once. */
  #call = 0;
  readonly #filters: (Filter | undefined)[] = [];
  readonly #read: ReadFilter;
  readonly #write: WriteFilter;
  readonly #timer: TimerFilter;
  /** For VNODE, and for READ on regular files. */
  readonly inotify: Inotify;
  /** The watchers that every call must look at: of what is left to read of regular files, as levels. */
  readonly files: Set<Knote> = new Set();
  readonly #except: ExceptFilter;
  readonly #sources: Sources;
  readonly #ready = new ReadyList();
  #stale: DescriptorFilter | undefined;
  readonly #wakeup: Wakeup = new Wakeup(this);

  /**
   * @param fd Its epoll descriptor.
   * @param siblings The queues of this isolate by their descriptors, this one among them.
   */
  constructor(
    readonly fd: number,
    readonly siblings: ReadonlyMap<number, Queue>,
  ) {
    this.#sources = new Sources(fd);
    this.#read = this.#add(new ReadFilter(this, fd));
    this.#write = this.#add(new WriteFilter(this));
    this.#timer = this.#add(new TimerFilter(this));
    this.#except = this.#add(new ExceptFilter(this));
    this.#add(new UserFilter(this));
    this.#add(new SignalFilter(this));
    this.#add(new ProcFilter(this));
    this.#add(new VnodeFilter(this));
    this.inotify = new Inotify(this);
  }

  #add<F extends Filter>(filter: F): F {
    this.#filters[-filter.number] = filter;
    return filter;
  }

  /** Applies one change: the errno, 0 for none. */
  apply(change: Change): number {
    const { flags } = change;
    if (change.filter >= 0 || change.filter < LAST_FILTER) return EINVAL; // R2
    const wanted = EV_ADD | EV_DISPATCH | EV_UDATA_SPECIFIC;
    if ((flags & EV_VANISHED) !== 0 && (flags & wanted) !== wanted) {
      return EINVAL; // R20
    }
    const filter = this.#filters[-change.filter];
    const knote = filter?.find(change.ident);
    const isDeleting = (flags & EV_DELETE) !== 0;
    const adds = (flags & EV_ADD) !== 0 && !isDeleting; // R3
    if (filter === undefined) return adds ? ENOTSUP : ENOENT;
    if (knote !== undefined) {
      const error = isDeleting
        ? this.#detach(filter, knote)
        : filter.touch(knote, change);
      if (error !== GONE) return error;
      this.forget(knote);
    }
    if (!adds) return ENOENT; // R4
    if ((flags & EV_UDATA_SPECIFIC) !== 0) return ENOTSUP; // R20
    const fresh = new Knote(filter, change.ident, change);
    fresh.reportedIn = this.#call - 1;
    return filter.attach(fresh, change);
  }

  #detach(filter: Filter, knote: Knote): number {
    this.forget(knote);
    return filter.detach(knote);
  }

  /** After the changes of a call: does what waits for all of them. */
  settle(): void {
    this.#timer.settle();
    this.wake();
  }

  /**
   * Makes the queue's descriptor readable where the ready list has something, for those who look at it from outside
   * (R22): another queue, poll(2), the thread that waits. Where it has nothing, that costs nothing.
   */
  wake(): void {
    if (this.#ready.first !== null) this.#wakeup.set();
  }

  /** How many watchers have something to report, as far as one look shows. Nothing is reported by it. */
  countReady(): number {
    this.#examineFiles();
    if (this.#fetch(MIN_EVENTS, 0) < 0) return 0;
    this.#timer.settle();
    let count = 0;
    for (let knote = this.#ready.first; knote !== null;) {
      const { next }: Knote = knote;
      // Descriptors, and files, may have ceased to be ready; what else is here is so until it is reported.
      const isStill = !(knote.filter instanceof DescriptorFilter) ||
        knote.filter.examine(knote);
      if (isStill) count++;
      else this.unready(knote);
      knote = next;
    }
    this.wake();
    return count;
  }

  /** Sees to it that nothing will keep {@linkcode wake} from working. The errno, 0 for none. */
  expose(): number {
    return this.#wakeup.open();
  }

  /** Whether the ready list is empty. */
  get isIdle(): boolean {
    return this.#ready.first === null;
  }

  /** The errno of a queue whose descriptor was closed behind its back, 0 for a good one. */
  check(): number {
    return libc.fcntl(this.fd, F_GETFD) === -1 ? EBADF : 0;
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
    if (this.files.size > 0) this.#examineFiles();
    for (;;) {
      // epoll deals its reports out in turn. Where others wait in the ready list too, everything must come in at once.
      const isAlone = this.isIdle;
      const room = isAlone ? Math.min(max, MAX_EVENTS) : MIN_EVENTS;
      const fetched = this.#fetch(room, isAlone ? left : 0);
      if (fetched < 0) return fetched;
      let count = this.#drain(events, 0, max);
      if (count < max && fetched === room && room < MIN_EVENTS) {
        // Some reports came to nothing, and took the room of others.
        this.#fetch(MIN_EVENTS, 0);
        count = this.#drain(events, count, max);
      }
      this.#timer.settle();
      if (this.#stale !== undefined) this.#dropStale();
      this.wake();
      if (count > 0 || left === 0) return count;
      if (left > 0) {
        left = nanoseconds - (clockTime(CLOCK_MONOTONIC, 0) - start);
        if (left <= 0) left = 0;
      }
    }
  }

  /** Only a look tells whether an offset has moved (R37). */
  #examineFiles(): void {
    for (const knote of this.files) if (knote.enabled) this.ready(knote);
  }

  /** Moves up to `room` of epoll's reports into the ready list, and returns how many, or -errno. */
  #fetch(room: number, nanoseconds: number): number {
    if (buffer === undefined || buffer.capacity < room) {
      buffer = new EventBuffer(Math.max(MIN_EVENTS, room));
    }
    const count = epollWait(this.fd, buffer, room, nanoseconds);
    if (count === -1) {
      const error = captureErrno();
      return -(error === EINVAL ? EBADF : error); // R10: the number names another file now
    }
    this.turn++;
    const { words } = buffer;
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      const fd = words[at + DATA_LOW];
      const high = words[at + DATA_HIGH];
      if (high < 0) this.#sources.ready(high, fd);
      else if (!this.#read.takeOne(fd, high, words[at])) {
        this.#stale = this.#read;
      }
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
      this.#store(events, count++, knote);
      knote.reportedIn = this.#call;
      this.#settleReported(knote);
    }
    return count;
  }

  #settleReported(knote: Knote): void {
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

  #store(events: RecordMemory, index: number, knote: Knote): void {
    const { words, shorts, recordWords } = events;
    const word = index * recordWords;
    const short = word * 2;
    words[word + IDENT_WORD] = knote.identLow;
    words[word + IDENT_WORD + 1] = knote.identHigh;
    shorts[short + FILTER_SHORT] = knote.filter.number;
    shorts[short + FLAGS_SHORT] = knote.flags | report.flags; // R16
    words[word + FFLAGS_WORD] = report.fflags;
    words[word + DATA_WORD] = report.dataLow;
    words[word + DATA_WORD + 1] = report.dataHigh;
    words[word + UDATA_WORD] = knote.udataLow;
    words[word + UDATA_WORD + 1] = knote.udataHigh;
    if (events.recordSize === KEVENT64_SIZE) {
      const ext = word + EXT_WIDE * 2;
      words[ext] =
        words[ext + 1] =
        words[ext + 2] =
        words[ext + 3] =
          0;
    }
  }

  /** Puts a watcher into the ready list, unless it is in it. */
  ready(knote: Knote): void {
    this.#ready.add(knote);
  }

  /** Takes a watcher out of the ready list, if it is in it. */
  unready(knote: Knote): void {
    this.#ready.remove(knote);
  }

  /** A watcher that its filter has given up. */
  forget(knote: Knote): void {
    knote.attached = false;
    this.unready(knote);
  }

  /** Puts a descriptor of the engine's own, from now on to be closed by `release`, into the set. The errno, or 0. */
  addSource(fd: number, source: Source, events: number = EPOLLIN): number {
    this.closed(fd); // whatever is known by the number is of a file that was closed
    return this.#sources.add(fd, source, events);
  }

  /** Takes a descriptor of the engine's own out again, if it is in. */
  removeSource(fd: number): void {
    this.#sources.remove(fd);
  }

  /** R9: a descriptor is about to be closed by way of this module. */
  closed(fd: number): void {
    for (const filter of this.#filters) filter?.closed(fd);
  }

  /** A number turned out to name another file: every other watcher of it is looked at again. */
  descriptorReplaced(fd: number, by: DescriptorFilter): void {
    for (const filter of [this.#read, this.#write, this.#except]) {
      if (filter !== by) filter.recheck(fd);
    }
  }

  /** A file that is closed here is still reported: its set must be made anew. */
  hasStale(filter: DescriptorFilter): void {
    this.#stale = filter;
  }

  #dropStale(): void {
    const filter = this.#stale;
    this.#stale = undefined;
    filter?.rebuild();
  }

  /** A new set is about to take the place of `old`: the queue's own needs the engine's descriptors in it as well. */
  replaceSet(fresh: number, old: number): void {
    if (old === this.fd) this.#sources.adopt(fresh);
  }

  /** A set was replaced under its number, which ended its registration in the set around it. */
  setReplaced(fd: number): void {
    if (fd !== this.fd) return this.#sources.restore(fd);
    for (const outer of this.siblings.values()) outer.#read.restore(fd);
  }

  /**
   * The error of a stream socket, for READ and WRITE alike: asking the kernel takes it away, so both watchers of the
   * descriptor keep it (R34).
   */
  socketError(fd: number, kind: number, revents: number): number {
    const taken = kind === KIND_STREAM && (revents & EPOLLERR) !== 0
      ? takeSocketError(fd)
      : 0;
    const error = taken || this.#errorOf(this.#read, fd) ||
      this.#errorOf(this.#write, fd);
    for (const filter of [this.#read, this.#write]) {
      const knote = filter.find(fd);
      if (knote !== undefined) knote.error = error;
    }
    return error;
  }

  /** The error that a watcher keeps, unless the number has come to name another socket. */
  #errorOf(filter: DescriptorFilter, fd: number): number {
    if ((filter.find(fd)?.error ?? 0) === 0) return 0;
    filter.recheck(fd);
    return filter.find(fd)?.error ?? 0;
  }

  /** Gives back every descriptor but the queue's own. */
  dispose(): void {
    for (const filter of this.#filters) filter?.dispose();
    this.inotify.dispose();
    this.#wakeup.dispose();
  }
}
