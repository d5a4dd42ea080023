/** The engine's own descriptors in an epoll set: timerfds, inotify, pidfds, an eventfd, inner sets. */
import {
  DORMANT,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  epollControl,
  EPOLLIN,
} from "./epoll.ts";
import { EEXIST } from "./libc.ts";
import { claim, duplicateAside, release } from "./own.ts";

/** Who is told when a descriptor of the engine's own becomes readable. */
export interface Source {
  ready(fd: number): void;
  /** Its descriptor has another number from now on. */
  moved(fd: number): void;
}

/** Where the engine's own descriptors are waited for. */
export interface SourceRegistry {
  /** Puts a descriptor in, from now on to be closed by `release`. The errno, 0 for none. */
  addSource(fd: number, source: Source): number;
  /** Takes a descriptor out again, if it is in. */
  removeSource(fd: number): void;
}

/** The sources in one set. In epoll's reports they have a negative number where others have their generation. */
export class Sources {
  readonly #epfd: number;
  readonly #entries: ({ fd: number; source: Source } | undefined)[] = [];

  constructor(epfd: number) {
    this.#epfd = epfd;
  }

  /** Puts a descriptor in. The errno, 0 for none. */
  add(fd: number, source: Source): number {
    let index = this.#entries.indexOf(undefined);
    if (index === -1) index = this.#entries.length;
    const error = register(this.#epfd, fd, index);
    if (error !== 0) return error;
    this.#entries[index] = { fd, source };
    claim(fd);
    return 0;
  }

  /** Takes a descriptor out, if it is in. */
  remove(fd: number): void {
    const index = this.#indexOf(fd);
    if (index === -1) return;
    this.#entries[index] = undefined;
    epollControl(this.#epfd, EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** Gives a number free that the program is about to use, if a source has it. Out of descriptors it stays. */
  vacate(fd: number): void {
    const index = this.#indexOf(fd);
    const entry = this.#entries[index];
    if (entry === undefined) return;
    const other = duplicateAside(fd);
    if (other === -1) return;
    epollControl(this.#epfd, EPOLL_CTL_DEL, fd, 0, 0);
    register(this.#epfd, other, index);
    entry.fd = other;
    claim(other);
    entry.source.moved(other);
    release(fd);
  }

  /** Tells the source that a report is for. */
  ready(number: number, fd: number): void {
    this.#entries[-1 - number]?.source.ready(fd);
  }

  /** Registers all of them in another set, which is to take the place of this one. */
  adopt(fresh: number): void {
    this.#entries.forEach((entry, index) => {
      if (entry !== undefined) register(fresh, entry.fd, index);
    });
  }

  /** Registers one of them again, whose file was replaced under its number. */
  restore(fd: number): void {
    register(this.#epfd, fd, this.#indexOf(fd));
  }

  /** Whether a descriptor is the set's, or a duplicate of it: the first source, an eventfd, can be found by it. */
  isSetOf(fd: number): boolean {
    const first = this.#entries[0];
    if (first === undefined) return false;
    // In a set of somebody else's, such as Deno's own, it is for a moment, and must not be reported there.
    const error = epollControl(fd, EPOLL_CTL_ADD, first.fd, DORMANT, 0);
    if (error === 0) epollControl(fd, EPOLL_CTL_DEL, first.fd, 0, 0);
    return error === EEXIST;
  }

  #indexOf(fd: number): number {
    return this.#entries.findIndex((entry) => entry?.fd === fd);
  }
}

function register(epfd: number, fd: number, index: number): number {
  return epollControl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN, -1 - index);
}
