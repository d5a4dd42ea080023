/** One epoll descriptor's registrations, by the numbers that they were made with. */
import {
  DATA_HIGH,
  DATA_LOW,
  DORMANT,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollControl,
  epollCreate,
  epollWait,
  EVENT_WORDS,
  EventBuffer,
} from "./epoll.ts";
import { captureErrno, CLOEXEC, EEXIST, ENOENT, libc } from "./libc.ts";
import { release, setAside } from "./own.ts";
import type { Source, SourceRegistry } from "./sources.ts";

const MAX_GENERATION = 0x3fff_ffff;
/** How many reports are asked for at once. */
const MAX_REPORTS = 1024;

let buffer: EventBuffer | undefined;
let lastGeneration = 0;

/** Who takes a set's reports, one by one. */
export interface ReportTaker {
  /**
   * @param generation What the registration was made with; negative for a source's.
   * @param revents EPOLL… bits.
   */
  take(fd: number, generation: number, revents: number): void;
}

/**
 * A generation that no registration has had for long: epoll gives it back with each report, so that one of an older
 * registration of the same number is known for what it is.
 */
export function nextGeneration(): number {
  lastGeneration = lastGeneration === MAX_GENERATION ? 1 : lastGeneration + 1;
  return lastGeneration;
}

/**
 * A set of registrations. epoll knows a registration by number and open file: when the number comes to name another
 * file while a duplicate keeps the first one open, the old registration goes on reporting and obeys no order any more.
 * {@linkcode become} is the way out. Errors are errno numbers, 0 for none.
 */
export class EpollSet {
  #fd: number;
  /** Numbers that epoll has a registration for, as far as is known. */
  #registered: (boolean | undefined)[] = [];
  /** Whether epoll has taken an order since this was last set to false, which shows that its descriptor is open. */
  isProven = false;

  /** @param fd Its epoll descriptor; -1 where it is made when first needed, by {@linkcode open}. */
  constructor(fd = -1) {
    this.#fd = fd;
  }

  /** A new set with a descriptor of its own; undefined where there is none to be had. */
  static create(): EpollSet | undefined {
    const fd = epollCreate();
    return fd === -1 ? undefined : new EpollSet(fd);
  }

  /** Its epoll descriptor, -1 before it is made. */
  get fd(): number {
    return this.#fd;
  }

  /** Makes its descriptor and has it waited for. */
  open(registry: SourceRegistry, source: Source): number {
    const fd = setAside(epollCreate());
    if (fd === -1) return captureErrno();
    const error = registry.addSource(fd, source);
    if (error !== 0) libc.close(fd);
    else this.#fd = fd;
    return error;
  }

  /** Its descriptor has another number from now on. */
  moved(fd: number): void {
    this.#fd = fd;
  }

  /** Gives back a descriptor that {@linkcode open} made. */
  dispose(): void {
    if (this.#fd !== -1) release(this.#fd);
  }

  /** Registers what a number names, whether it is registered or not. */
  register(fd: number, events: number, generation: number): number {
    const isKnown = this.#registered[fd] === true;
    const first = isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    let error = this.#control(first, fd, events, generation);
    if (error === (isKnown ? ENOENT : EEXIST)) {
      const second = isKnown ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
      error = this.#control(second, fd, events, generation);
    }
    this.#registered[fd] = error === 0;
    return error;
  }

  /** Registers what a number names, unless it is registered: then nothing changes, and the error is EEXIST. */
  add(fd: number, events: number, generation: number): number {
    const error = this.#control(EPOLL_CTL_ADD, fd, events, generation);
    this.#registered[fd] = error === 0 || error === EEXIST;
    return error;
  }

  /** Changes a registration. It fails where the number was closed, or names another file by now. */
  modify(fd: number, events: number, generation: number): number {
    const error = this.#control(EPOLL_CTL_MOD, fd, events, generation);
    if (error !== 0) this.#registered[fd] = false;
    return error;
  }

  /** Ends a registration. It fails where the number was closed, or names another file by now. */
  remove(fd: number): number {
    this.#registered[fd] = false;
    return this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** Ends a registration, if one is known of. */
  removeKnown(fd: number): void {
    if (this.#registered[fd]) this.remove(fd);
  }

  /** Whether a number still names the file that was registered by it. If not, none is registered by it any more. */
  stillNames(fd: number): boolean {
    const error = this.add(fd, DORMANT, 0);
    if (error === 0) this.remove(fd);
    return error === EEXIST;
  }

  /** Hands over what there is to report, as far as one look brings it. */
  deliver(taker: ReportTaker): void {
    buffer ??= new EventBuffer(MAX_REPORTS);
    const { words } = buffer;
    const count = epollWait(this.#fd, buffer, MAX_REPORTS, 0);
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      taker.take(words[at + DATA_LOW], words[at + DATA_HIGH], words[at]);
    }
  }

  /**
   * Hands over what there is to report, each at least once unless it ceases meanwhile.
   *
   * @param size How many registrations there may be.
   */
  deliverAll(taker: ReportTaker, size: number): void {
    for (let left = size; left > 0; left -= MAX_REPORTS) this.deliver(taker);
  }

  /**
   * Takes the registrations of another set, which ends, in place of its own, and keeps its number. With that its
   * registration in any set around it is lost. Where the kernel refuses, all stays as it is.
   *
   * @returns Whether it has taken them.
   */
  become(fresh: EpollSet): boolean {
    const isDone = libc.dup3(fresh.#fd, this.#fd, CLOEXEC) !== -1;
    libc.close(fresh.#fd);
    if (isDone) this.#registered = fresh.#registered;
    return isDone;
  }

  #control(
    operation: number,
    fd: number,
    events: number,
    generation: number,
  ): number {
    const error = epollControl(this.#fd, operation, fd, events, generation);
    if (error === 0 || error === EEXIST) this.isProven = true;
    return error;
  }
}
