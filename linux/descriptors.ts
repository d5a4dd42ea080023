/** What READ, WRITE and EXCEPT share: watchers of descriptors, each a registration in its filter's epoll set. */
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
} from "../constants.ts";
import type { Change } from "./change.ts";
import {
  DATA_HIGH,
  DATA_LOW,
  DORMANT,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollControl,
  epollCreate,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLONESHOT,
  epollWait,
  EVENT_WORDS,
  EventBuffer,
} from "./epoll.ts";
import { PlainFile } from "./file.ts";
import { type Filter, GONE } from "./filter.ts";
import { Knote } from "./knote.ts";
import {
  captureErrno,
  CLOEXEC,
  EBADF,
  EEXIST,
  EINVAL,
  ENOENT,
  EPERM,
  libc,
  scratch,
} from "./libc.ts";
import { isOwn, release } from "./own.ts";
import type { Queue } from "./queue.ts";

const F_GETFD = 1;
const MAX_FD = 0x7fff_ffff;
const MAX_GENERATION = 0x3fff_ffff;
/** How many reports an inner set is asked for at once. */
const INNER_EVENTS = 1024;

let innerBuffer: EventBuffer | undefined;
let lastGeneration = 0;
/**
 * A file that was closed behind the module's back but lives on in a duplicate is reported under its old number, and if
 * that names another file by now, only a system call tells. One for each report would cost too much; one now and
 * then bounds how often it happens.
 */
const REPORTS_PER_CHECK = 64;

/**
 * Each direction has an epoll set of its own: the queue's descriptor is READ's, and those of the others, made when
 * they are first needed, are nested in it. So the directions of one descriptor have nothing to do with each other
 * (R38): each is a level, an edge or a one-shot for epoll as it is for kqueue. In one set they would share one
 * registration, and an edge of one direction would report the other's standing state as if it were news.
 */
export abstract class DescriptorFilter implements Filter {
  abstract readonly number: number;
  /** What to ask epoll for. */
  protected abstract readonly mask: number;
  protected readonly queue: Queue;
  protected readonly knotes: (Knote | undefined)[] = [];
  /** Numbers that epoll has a registration for, as far as is known: after EV_ONESHOT a dormant one is left. */
  readonly #registered: (boolean | undefined)[] = [];
  #epfd: number;

  constructor(queue: Queue, epfd = -1) {
    this.queue = queue;
    this.#epfd = epfd;
  }

  /**
   * Whether epoll's `revents` are something to report; if so fills the report. R31 to R40 live in the subclasses.
   */
  protected abstract evaluate(
    knote: Knote,
    fd: number,
    revents: number,
  ): boolean;

  /** Whether the filter must look closer than epoll can: then epoll is asked for edges. */
  protected abstract isConditional(knote: Knote): boolean;

  find(ident: number | bigint): Knote | undefined {
    return typeof ident === "number" ? this.knotes[ident] : undefined;
  }

  attach(knote: Knote, _change: Change): number {
    const fd = knote.ident;
    if (typeof fd !== "number" || fd > MAX_FD || isOwn(fd)) return EBADF;
    const failure = this.#open(fd);
    if (failure !== 0) return failure;
    knote.generation = nextGeneration();
    knote.events = this.#eventsFor(knote);
    const error = this.#register(knote, fd);
    if (error === EPERM) return this.#attachFile(knote, fd);
    if (error !== 0) return error;
    this.#registered[fd] = true;
    this.knotes[fd] = knote;
    return 0;
  }

  touch(knote: Knote, change: Change): number {
    const fd = knote.ident as number;
    if (knote.file !== undefined) {
      const error = knote.file.touch(change);
      if (error === GONE) this.closed(fd);
      return error;
    }
    knote.take(change);
    knote.enabledBy(change);
    if (!knote.enabled) this.queue.unready(knote);
    const events = this.#eventsFor(knote);
    const rearms = knote.enabled && (events & (EPOLLET | EPOLLONESHOT)) !== 0;
    if (events !== knote.events || rearms) {
      // Modifying also reports what holds already, as a change does on macOS.
      knote.events = events;
      return this.#modify(knote, fd);
    }
    // Only epoll knows whether the number still names the file that was registered (R9).
    if ((change.flags & EV_ADD) !== 0) return this.#confirm(knote, fd, change);
    this.recheck(fd);
    return knote.attached ? 0 : GONE;
  }

  detach(knote: Knote): number {
    const fd = knote.ident as number;
    this.knotes[fd] = undefined;
    if (knote.file !== undefined) {
      knote.file.stop();
      return knote.file.isGone() ? GONE : 0;
    }
    return this.#unregister(fd) === 0 ? 0 : GONE;
  }

  examine(knote: Knote): boolean {
    const fd = knote.ident as number;
    if (knote.file !== undefined) {
      const isReady = knote.file.examine();
      if (isReady === undefined) this.closed(fd);
      return isReady === true;
    }
    if (knote.fetchedIn !== this.queue.turn) {
      // It has waited in the ready list, and the number may have come to name another file meanwhile.
      this.recheck(fd);
      if (!knote.attached) return false;
      knote.revents = this.#poll(fd);
    }
    const { revents } = knote;
    if (revents !== 0 && this.evaluate(knote, fd, revents)) return true;
    if (knote.attached) this.#notReady(knote, fd, revents);
    return false;
  }

  staysReady(knote: Knote): boolean {
    if (knote.file !== undefined) return knote.file.staysReady();
    // A level that epoll reports as an edge is examined again at each call; all others epoll reports by itself.
    return (knote.events & EPOLLET) !== 0 && (knote.flags & EV_CLEAR) === 0;
  }

  rest(knote: Knote): void {
    if (knote.file !== undefined) return;
    const isAsleep = (knote.events & EPOLLONESHOT) !== 0;
    knote.events = DORMANT;
    if (isAsleep) return;
    if (this.#modify(knote, knote.ident as number) === GONE) {
      this.queue.forget(knote);
    }
  }

  retire(knote: Knote): void {
    const fd = knote.ident as number;
    this.knotes[fd] = undefined;
    if (knote.file !== undefined) return knote.file.stop();
    // EPOLLONESHOT has put the registration to sleep. The next EV_ADD wakes it, and close() ends it.
    if ((knote.events & EPOLLONESHOT) === 0) this.#unregister(fd);
  }

  closed(fd: number): void {
    const knote = this.knotes[fd];
    if (knote !== undefined) this.queue.forget(knote);
    knote?.file?.stop();
    this.knotes[fd] = undefined;
    if (this.#registered[fd]) this.#unregister(fd);
  }

  /** Ends the watcher of a number that has come to name another file, and leaves one that was added since. */
  recheck(fd: number): void {
    const knote = this.knotes[fd];
    if (knote === undefined) return;
    if (knote.file !== undefined) {
      if (knote.file.isGone()) this.closed(fd);
      return;
    }
    const error = epollControl(this.#epfd, EPOLL_CTL_ADD, fd, DORMANT, 0);
    if (error === EEXIST) return;
    if (error === 0) this.#unregister(fd);
    this.queue.forget(knote);
    this.knotes[fd] = undefined;
    this.#registered[fd] = false;
  }

  dispose(): void {
    if (this.#epfd !== this.queue.fd && this.#epfd !== -1) {
      release(this.#epfd);
    }
  }

  /** Reads the inner set's reports, when the queue's set says that there are some. */
  ready(): void {
    const words = this.#fetch(this.#epfd);
    for (const [fd, high, revents] of words) {
      if (!this.takeOne(fd, high, revents)) this.queue.hasStale(this);
    }
  }

  /** Puts the watcher of one report into the ready list. False if there is none any more. */
  takeOne(fd: number, generation: number, revents: number): boolean {
    const knote = this.knotes[fd];
    if (knote === undefined || knote.generation !== generation) return false;
    if (!knote.enabled) return true; // the one EPOLLHUP of a dormant registration
    if (++knote.reports % REPORTS_PER_CHECK === 0) {
      this.recheck(fd);
      if (!knote.attached) return false;
    }
    knote.revents = revents;
    knote.fetchedIn = this.queue.turn;
    this.queue.ready(knote);
    return true;
  }

  /**
   * Replaces the epoll set by one without the files that were closed here but live on in duplicates: epoll reports
   * those for ever and takes no order to stop, as their number means something else now.
   */
  rebuild(): void {
    const fresh = epollCreate();
    if (fresh === -1) return; // out of descriptors: the stale reports are skipped each time, until it works
    this.#registered.length = 0;
    for (const knote of this.knotes) {
      if (knote === undefined || knote.file !== undefined) continue;
      const fd = knote.ident as number;
      const { events, generation } = knote;
      if (epollControl(fresh, EPOLL_CTL_ADD, fd, events, generation) === 0) {
        this.#registered[fd] = true;
      } else {
        this.queue.forget(knote);
        this.knotes[fd] = undefined;
      }
    }
    this.queue.replaceSet(fresh, this.#epfd);
    this.#moveReports(fresh);
    libc.dup3(fresh, this.#epfd, CLOEXEC);
    libc.close(fresh);
    this.queue.setReplaced(this.#epfd);
  }

  /**
   * Takes what the old set has to report, and from the new one what it says of edges only because they are new to it.
   * In this order: an edge that comes meanwhile is in one of them at least.
   */
  #moveReports(fresh: number): void {
    const rounds = Math.ceil(this.knotes.length / INNER_EVENTS);
    for (let round = 0; round < rounds; round++) {
      for (const [fd, high, revents] of this.#fetch(fresh)) {
        const isEdge = ((this.knotes[fd]?.flags ?? 0) & EV_CLEAR) !== 0;
        if (high > 0 && !isEdge) this.takeOne(fd, high, revents);
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const [fd, high, revents] of this.#fetch(this.#epfd)) {
        if (high > 0) this.takeOne(fd, high, revents);
      }
    }
  }

  /** The registration of a queue's own descriptor, lost because the queue has a new epoll set under its number. */
  restore(fd: number): void {
    const knote = this.knotes[fd];
    if (knote !== undefined) this.#register(knote, fd);
  }

  /** A set's reports, as far as one look brings them: the two halves of data, and the events. */
  #fetch(epfd: number): [number, number, number][] {
    innerBuffer ??= new EventBuffer(INNER_EVENTS);
    const { words } = innerBuffer;
    const count = epollWait(epfd, innerBuffer, INNER_EVENTS, 0);
    return Array.from({ length: Math.max(0, count) }, (_, index) => {
      const at = index * EVENT_WORDS;
      return [words[at + DATA_LOW], words[at + DATA_HIGH], words[at]];
    });
  }

  /** Makes the set when it is first needed, for a descriptor that is open: its own number must not pass for that. */
  #open(fd: number): number {
    if (this.#epfd !== -1) return 0;
    if (libc.fcntl(fd, F_GETFD) === -1) return EBADF;
    const epfd = epollCreate();
    if (epfd === -1) return captureErrno();
    const error = this.queue.addSource(epfd, this);
    if (error !== 0) {
      libc.close(epfd);
      return error;
    }
    this.#epfd = epfd;
    return 0;
  }

  #eventsFor(knote: Knote): number {
    if (!knote.enabled) return DORMANT;
    const watchesEdges = knote.quelled || this.isConditional(knote);
    if ((knote.flags & (EV_ONESHOT | EV_DISPATCH)) !== 0) {
      return this.mask | (watchesEdges ? EPOLLET : EPOLLONESHOT);
    }
    const edge = watchesEdges || (knote.flags & EV_CLEAR) !== 0;
    return edge ? this.mask | EPOLLET : this.mask;
  }

  #register(knote: Knote, fd: number): number {
    const { events, generation } = knote;
    const known = this.#registered[fd] === true;
    const first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    const error = epollControl(this.#epfd, first, fd, events, generation);
    if (error !== (known ? ENOENT : EEXIST)) return error;
    const second = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    return epollControl(this.#epfd, second, fd, events, generation);
  }

  #modify(knote: Knote, fd: number): number {
    const { events, generation } = knote;
    if (epollControl(this.#epfd, EPOLL_CTL_MOD, fd, events, generation) === 0) {
      return 0;
    }
    this.#registered[fd] = false;
    this.knotes[fd] = undefined;
    this.queue.descriptorReplaced(fd, this);
    return GONE;
  }

  #confirm(knote: Knote, fd: number, change: Change): number {
    const fresh = new Knote(this, fd, change);
    fresh.reportedIn = knote.reportedIn;
    fresh.generation = nextGeneration();
    fresh.events = this.#eventsFor(fresh);
    const error = epollControl(
      this.#epfd,
      EPOLL_CTL_ADD,
      fd,
      fresh.events,
      fresh.generation,
    );
    if (error === EEXIST) return 0;
    this.queue.forget(knote);
    this.knotes[fd] = error === 0 ? fresh : undefined;
    this.#registered[fd] = error === 0;
    this.queue.descriptorReplaced(fd, this);
    return error === EPERM ? GONE : error; // a plain file now: it is added afresh
  }

  #attachFile(knote: Knote, fd: number): number {
    const reads = this.number === EVFILT_READ;
    if (!reads && this.number !== EVFILT_WRITE) return EINVAL;
    const file = PlainFile.open(this.queue, knote, fd, reads);
    if (typeof file === "number") return file;
    knote.file = file;
    this.knotes[fd] = knote;
    return 0;
  }

  #unregister(fd: number): number {
    this.#registered[fd] = false;
    return epollControl(this.#epfd, EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** A watcher whose report came to nothing. */
  #notReady(knote: Knote, fd: number, revents: number): void {
    if (libc.fcntl(fd, F_GETFD) === -1) {
      this.closed(fd);
      this.queue.hasStale(this);
      return;
    }
    if ((knote.events & EPOLLET) !== 0) return; // there will be another edge
    // Where epoll would report an error or a hangup again and again that the filter does not count, ask for edges.
    if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) knote.quelled = true;
    knote.events = this.#eventsFor(knote);
    // Arms a one-shot that was spent on this, and finds out whether the number has come to name another file.
    if (this.#modify(knote, fd) === GONE) {
      this.queue.forget(knote);
      this.queue.hasStale(this);
    }
  }

  #poll(fd: number): number {
    const { words, pointer } = scratch;
    words[0] = fd;
    words[1] = this.mask; // EPOLL… and POLL… bits are the same
    libc.poll(pointer, 1, 0);
    return (words[1] >>> 16) & 0xffff;
  }
}

function nextGeneration(): number {
  lastGeneration = lastGeneration === MAX_GENERATION ? 1 : lastGeneration + 1;
  return lastGeneration;
}
