/**
 * Darwin's kqueue over Linux's epoll: the same calls on the same lists. Nothing is opened before the first call, on Linux alone.
 *
 * A queue belongs to the isolate that made it, as its watchers are kept here and not in the kernel.
 */
import {
  EV_RECEIPT,
  KEVENT_FLAG_ERROR_EVENTS,
  KEVENT_FLAG_IMMEDIATE,
} from "../constants.ts";
import {
  KEVENT64_SIZE,
  KEVENT_SIZE,
  type RecordMemory,
} from "../kevent/memory.ts";
import type { TimespecMemory } from "../kevent/timespec.ts";
import type { PollLibrary } from "../poll.ts";
import { Change } from "./change.ts";
import { storeOutcome } from "./event.ts";
import { Queue } from "./queue.ts";
import { epollCreate } from "./system/epoll.ts";
import {
  captureErrno,
  EBADF,
  EINVAL,
  libc,
  openLibc,
  pollLibrary,
} from "./system/libc.ts";
import { isOwn } from "./system/own.ts";

/** R21: bits of kevent64's flags that Darwin refuses, and the one for the process's own queue; it ignores the rest. */
const REFUSED_FLAGS = 0x20 | 0x400 | 0x20000 | 0x40000;
const SECOND = 1e9;
const TWO_32 = 2 ** 32;

const change = new Change();

/** The queues of this isolate, and the calls that they answer. */
class Engine {
  readonly #queues: (Queue | undefined)[] = [];
  /** The same, for the queues to find each other. */
  readonly #open = new Map<number, Queue>();
  /** The queues by duplicates of their descriptors, as far as those were used. */
  readonly #duplicates = new Map<number, Queue>();
  #errno = 0;
  readonly poll: PollLibrary = pollLibrary();

  kqueue(): number {
    const fd = epollCreate();
    if (fd === -1) return this.#fail(captureErrno());
    // The number is free again, so a queue that is still known by it was closed by somebody else.
    this.#drop(fd);
    const queue = new Queue(fd, this.#open);
    const error = queue.open();
    if (error !== 0) {
      libc.close(fd);
      return this.#fail(error);
    }
    this.#queues[fd] = queue;
    this.#open.set(fd, queue);
    return fd;
  }

  kevent(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    timeout: TimespecMemory | null,
  ): number {
    return this.#call(KEVENT_SIZE, kq, changes, events, 0, timeout);
  }

  kevent64(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    flags: number,
    timeout: TimespecMemory | null,
  ): number {
    return this.#call(KEVENT64_SIZE, kq, changes, events, flags, timeout);
  }

  #call(
    recordSize: number,
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    flags: number,
    timeout: TimespecMemory | null,
  ): number {
    if ((flags & REFUSED_FLAGS) !== 0) return this.#fail(EINVAL);
    const nanoseconds = (flags & KEVENT_FLAG_IMMEDIATE) !== 0
      ? 0
      : timeout === null
      ? -1
      : nanosecondsOf(timeout);
    if (Number.isNaN(nanoseconds)) return this.#fail(EINVAL);
    const queue = this.#queues[kq] ?? this.#findDuplicate(kq);
    if (queue === undefined) return this.#fail(EBADF);
    if (queue.recordSize === 0) queue.recordSize = recordSize;
    else if (queue.recordSize !== recordSize) return this.#fail(EINVAL); // R10a
    queue.begin();
    const reported = changes === null ? 0 : this.#apply(queue, changes, events);
    if (
      reported !== 0 || events === null ||
      (flags & KEVENT_FLAG_ERROR_EVENTS) !== 0
    ) {
      return queue.isOpen() ? reported : this.#lose(queue);
    }
    const count = queue.collect(events, events.capacity, nanoseconds);
    if (count >= 0) return count;
    return count === -EBADF ? this.#lose(queue) : this.#fail(-count);
  }

  replacing(fd: number): void {
    if (isOwn(fd)) {
      for (const queue of this.#open.values()) queue.vacate(fd);
      return;
    }
    this.#drop(fd);
    for (const queue of this.#open.values()) queue.closed(fd);
  }

  /** Gives up a queue whose descriptor was closed by somebody else. */
  #lose(queue: Queue): -1 {
    this.#drop(queue.fd);
    return this.#fail(EBADF);
  }

  /** A duplicate of a queue's descriptor stands for the queue. Nobody tells of it, so the kernel is asked each time. */
  #findDuplicate(kq: number): Queue | undefined {
    const known = this.#duplicates.get(kq);
    if (known?.isNamedBy(kq)) return known;
    this.#duplicates.delete(kq);
    for (const queue of this.#open.values()) {
      if (!queue.isNamedBy(kq)) continue;
      this.#duplicates.set(kq, queue);
      return queue;
    }
    return undefined;
  }

  close(fd: number): number {
    if (isOwn(fd)) return this.#fail(EBADF);
    this.replacing(fd);
    return libc.close(fd) === -1 ? this.#fail(captureErrno()) : 0;
  }

  errno(): number {
    return this.#errno;
  }

  /** R6, R7: applies all changes, and returns how many failures and receipts were written; -1 without room. */
  #apply(
    queue: Queue,
    changes: RecordMemory,
    events: RecordMemory | null,
  ): number {
    const room = events === null ? 0 : events.capacity;
    let reported = 0;
    for (let index = 0; index < changes.length; index++) {
      change.load(changes, index);
      const error = queue.apply(change);
      if (error === 0 && (change.flags & EV_RECEIPT) === 0) continue;
      if (events !== null && reported < room) {
        storeOutcome(events, reported++, changes, index, change.flags, error);
      } else if (error !== 0) {
        queue.settle();
        return this.#fail(error);
      }
    }
    queue.settle();
    return reported;
  }

  #drop(fd: number): void {
    const queue = this.#queues[fd];
    if (queue === undefined) return;
    this.#queues[fd] = undefined;
    this.#open.delete(fd);
    for (const [duplicate, named] of this.#duplicates) {
      if (named === queue) this.#duplicates.delete(duplicate);
    }
    queue.dispose();
  }

  #fail(errno: number): -1 {
    this.#errno = errno;
    return -1;
  }
}

/** A timespec in nanoseconds; NaN for one that is not valid (R10). */
function nanosecondsOf({ words }: TimespecMemory): number {
  const seconds = words[1] * TWO_32 + (words[0] >>> 0);
  const nanoseconds = words[3] * TWO_32 + (words[2] >>> 0);
  const isValid = seconds >= 0 && seconds < 2 ** 31 &&
    nanoseconds >= 0 && nanoseconds <= SECOND;
  return isValid ? seconds * SECOND + nanoseconds : NaN;
}

let engine: Engine | undefined;

/** The engine of this isolate; opens the C library when first asked. */
export function openEngine(): Engine {
  openLibc();
  return engine ??= new Engine();
}
