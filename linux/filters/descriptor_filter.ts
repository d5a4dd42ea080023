/** What READ, WRITE and EXCEPT are each: watchers of descriptors, registered in an epoll set of the filter's own. */
import { EV_ADD, EV_CLEAR, EV_DISPATCH, EV_ONESHOT } from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { type Filter, GONE, Knote } from "../knote.ts";
import {
  DORMANT,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLONESHOT,
} from "../system/epoll.ts";
import {
  EpollSet,
  nextGeneration,
  type ReportTaker,
} from "../system/epoll_set.ts";
import { EBADF, EEXIST, EINVAL, EPERM } from "../system/libc.ts";
import { numberError } from "../system/own.ts";
import { isOpen, pollNow } from "../system/sockets.ts";
import type { Source } from "../system/sources.ts";
import type { FileFilter } from "./file.ts";

/**
 * A file that was closed behind the module's back but lives on in a duplicate is reported under its old number, and if
 * that names another file by now, only a system call tells. One for each report would cost too much; one now and
 * then bounds how often it happens.
 */
const REPORTS_PER_CHECK = 64;

/** What a descriptor filter tells the other two of its queue, and asks of them. */
export interface Peers {
  /** A number turned out to name another file: every other watcher of it is looked at again. */
  replaced(fd: number, by: DescriptorFilter): void;
  /** A file that is closed here is still reported: the filter's set must be made anew. */
  hasStale(filter: DescriptorFilter): void;
  /** The error of a stream socket, the same for READ and WRITE (R34); 0 for none. */
  socketError(fd: number, kind: number, revents: number): number;
}

/**
 * Each direction has an epoll set of its own: the queue's descriptor is READ's, and those of the others, made when
 * they are first needed, are nested in it. So the directions of one descriptor have nothing to do with each other
 * (R38): each is a level, an edge or a one-shot for epoll as it is for kqueue. In one set they would share one
 * registration, and an edge of one direction would report the other's standing state as if it were news.
 */
export abstract class DescriptorFilter implements Filter, Source, ReportTaker {
  abstract readonly number: number;
  /** What to ask epoll for. */
  protected abstract maskOf(knote: Knote): number;
  /** Takes the files that epoll refuses; undefined where the filter is none for them. */
  protected abstract readonly files: FileFilter | undefined;
  protected readonly host: Host;
  protected readonly peers: Peers;
  readonly #set: EpollSet;
  readonly #knotes: (Knote | undefined)[] = [];

  constructor(host: Host, peers: Peers, set: EpollSet) {
    this.host = host;
    this.peers = peers;
    this.#set = set;
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

  /** Whether its set has proved to be open since this was last set to false. */
  get isProven(): boolean {
    return this.#set.isProven;
  }

  set isProven(isProven: boolean) {
    this.#set.isProven = isProven;
  }

  find(ident: number | bigint): Knote | undefined {
    if (typeof ident !== "number") return undefined;
    return this.#knotes[ident] ?? this.files?.find(ident);
  }

  /** Why a descriptor cannot be watched, as far as epoll does not know (R5). The errno, 0 if nothing is against it. */
  protected abstract refusal(knote: Knote, fd: number): number;

  /** Whether a number names a queue of this isolate. */
  protected isQueue(fd: number): boolean {
    return this.host.siblings.get(fd)?.isNamedBy(fd) === true;
  }

  attach(knote: Knote, change: Change): number {
    const fd = knote.identLow;
    const failure = numberError(knote.ident, fd) || this.#open(fd) ||
      this.refusal(knote, fd);
    if (failure !== 0) return failure;
    knote.generation = nextGeneration();
    knote.events = this.#eventsFor(knote);
    const error = this.#set.register(fd, knote.events, knote.generation);
    if (error === EPERM) return this.#attachFile(knote, change);
    if (error !== 0) return error;
    this.#knotes[fd] = knote;
    return 0;
  }

  touch(knote: Knote, change: Change): number {
    const fd = knote.ident as number;
    knote.take(change);
    knote.enabledBy(change);
    if (!knote.enabled) this.host.unready(knote);
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
    this.#knotes[fd] = undefined;
    return this.#set.remove(fd) === 0 ? 0 : GONE;
  }

  examine(knote: Knote): boolean {
    const fd = knote.ident as number;
    if (knote.fetchedIn !== this.host.turn) {
      // It has waited in the ready list, and the number may have come to name another file meanwhile.
      this.recheck(fd);
      if (!knote.attached) return false;
      knote.revents = pollNow(fd, this.maskOf(knote));
    }
    const { revents } = knote;
    if (revents !== 0 && this.evaluate(knote, fd, revents)) return true;
    if (knote.attached) this.#notReady(knote, fd, revents);
    return false;
  }

  holds(knote: Knote): boolean {
    return this.examine(knote);
  }

  staysReady(knote: Knote): boolean {
    // A level that epoll reports as an edge is examined again at each call; all others epoll reports by itself.
    return (knote.events & EPOLLET) !== 0 && (knote.flags & EV_CLEAR) === 0;
  }

  rest(knote: Knote): void {
    const isAsleep = (knote.events & EPOLLONESHOT) !== 0;
    knote.events = DORMANT;
    if (isAsleep) return;
    if (this.#modify(knote, knote.ident as number) === GONE) {
      this.host.forget(knote);
    }
  }

  retire(knote: Knote): void {
    const fd = knote.ident as number;
    this.#knotes[fd] = undefined;
    // EPOLLONESHOT has put the registration to sleep. The next EV_ADD wakes it, and close() ends it.
    if ((knote.events & EPOLLONESHOT) === 0) this.#set.remove(fd);
  }

  closed(fd: number): void {
    this.files?.closed(fd);
    const knote = this.#knotes[fd];
    if (knote !== undefined) {
      this.host.forget(knote);
      this.#knotes[fd] = undefined;
    }
    this.#set.removeKnown(fd);
  }

  dispose(): void {
    if (this.#set.fd !== this.host.fd) this.#set.dispose();
  }

  /** Ends the watcher of a number that has come to name another file, and leaves one that was added since. */
  recheck(fd: number): void {
    const knote = this.#knotes[fd];
    if (knote === undefined) {
      this.files?.recheck(fd);
    } else if (!this.#set.stillNames(fd)) {
      this.host.forget(knote);
      this.#knotes[fd] = undefined;
    }
  }

  /** Reads the inner set's reports, when the queue's set says that there are some. */
  ready(): void {
    this.#set.deliver(this);
  }

  moved(fd: number): void {
    this.#set.moved(fd);
  }

  take(fd: number, generation: number, revents: number): void {
    if (!this.#takeOne(fd, generation, revents)) this.peers.hasStale(this);
  }

  /** Puts the watcher of one report into the ready list. False if there is none any more. */
  #takeOne(fd: number, generation: number, revents: number): boolean {
    const knote = this.#knotes[fd];
    if (knote === undefined || knote.generation !== generation) return false;
    if (!knote.enabled) return true; // the one EPOLLHUP of a dormant registration
    if (++knote.reports % REPORTS_PER_CHECK === 0) {
      this.recheck(fd);
      if (!knote.attached) return false;
    }
    knote.revents = revents;
    knote.fetchedIn = this.host.turn;
    this.host.ready(knote);
    return true;
  }

  /**
   * Replaces the epoll set by one without the files that were closed here but live on in duplicates: epoll reports
   * those for ever and takes no order to stop, as their number means something else now.
   *
   * @param adopt What else to do for the new set's descriptor before it takes the old one's place.
   * @returns The descriptor of the set that was replaced; -1 if none could be made.
   */
  rebuild(adopt: (fresh: number, old: number) => void): number {
    const fresh = EpollSet.create();
    if (fresh === undefined) return -1; // out of descriptors: stale reports are skipped each time, until it works
    for (const knote of this.#knotes) {
      if (knote === undefined) continue;
      const fd = knote.ident as number;
      // By its number the new set would take in whatever that names by now.
      const isThere = this.#set.stillNames(fd) &&
        fresh.add(fd, knote.events, knote.generation) === 0;
      if (!isThere) {
        this.host.forget(knote);
        this.#knotes[fd] = undefined;
      }
    }
    adopt(fresh.fd, this.#set.fd);
    this.#moveReports(fresh);
    return this.#set.become(fresh) ? this.#set.fd : -1;
  }

  /**
   * Takes what the old set has to report, and from the new one what it says of edges only because they are new to it.
   * In this order: an edge that comes meanwhile is in one of them at least.
   */
  #moveReports(fresh: EpollSet): void {
    const size = this.#knotes.length;
    fresh.deliverAll({
      take: (fd, generation, revents) => {
        const isEdge = ((this.#knotes[fd]?.flags ?? 0) & EV_CLEAR) !== 0;
        if (generation > 0 && !isEdge) this.#takeOne(fd, generation, revents);
      },
    }, size);
    this.#set.deliverAll({
      take: (fd, generation, revents) => {
        if (generation > 0) this.#takeOne(fd, generation, revents);
      },
    }, size);
  }

  /** The registration of a queue's own descriptor, lost because the queue has a new epoll set under its number. */
  restore(fd: number): void {
    const knote = this.#knotes[fd];
    if (knote !== undefined) {
      this.#set.register(fd, knote.events, knote.generation);
    }
  }

  /** Makes the set when it is first needed, for a descriptor that is open: its own number must not pass for that. */
  #open(fd: number): number {
    if (this.#set.fd !== -1) return 0;
    return isOpen(fd) ? this.#set.open(this.host, this) : EBADF;
  }

  #eventsFor(knote: Knote): number {
    if (!knote.enabled) return DORMANT;
    const mask = this.maskOf(knote);
    const watchesEdges = knote.quelled || this.isConditional(knote);
    if ((knote.flags & (EV_ONESHOT | EV_DISPATCH)) !== 0) {
      return mask | (watchesEdges ? EPOLLET : EPOLLONESHOT);
    }
    const edge = watchesEdges || (knote.flags & EV_CLEAR) !== 0;
    return edge ? mask | EPOLLET : mask;
  }

  #modify(knote: Knote, fd: number): number {
    const { events, generation } = knote;
    if (this.#set.modify(fd, events, generation) === 0) return 0;
    this.#knotes[fd] = undefined;
    this.peers.replaced(fd, this);
    return GONE;
  }

  #confirm(knote: Knote, fd: number, change: Change): number {
    const fresh = new Knote(this, fd, change);
    fresh.reportedIn = knote.reportedIn;
    fresh.generation = nextGeneration();
    fresh.events = this.#eventsFor(fresh);
    const error = this.#set.add(fd, fresh.events, fresh.generation);
    if (error === EEXIST) return 0;
    this.host.forget(knote);
    this.#knotes[fd] = error === 0 ? fresh : undefined;
    this.peers.replaced(fd, this);
    return error === EPERM ? GONE : error; // a plain file now: it is added afresh
  }

  #attachFile(knote: Knote, change: Change): number {
    const { files } = this;
    if (files === undefined) return EINVAL;
    knote.filter = files;
    return files.attach(knote, change);
  }

  /** A watcher whose report came to nothing. */
  #notReady(knote: Knote, fd: number, revents: number): void {
    if (!isOpen(fd)) {
      this.closed(fd);
      this.peers.hasStale(this);
      return;
    }
    if ((knote.events & EPOLLET) !== 0) return; // there will be another edge
    // Where epoll would report an error or a hangup again and again that the filter does not count, ask for edges.
    if ((revents & (EPOLLERR | EPOLLHUP)) !== 0) knote.quelled = true;
    knote.events = this.#eventsFor(knote);
    // Arms a one-shot that was spent on this, and finds out whether the number has come to name another file.
    if (this.#modify(knote, fd) === GONE) {
      this.host.forget(knote);
      this.peers.hasStale(this);
    }
  }
}
