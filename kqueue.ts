/**
 * One queue: `kqApply` and `kqWait` over a descriptor, and the class {@linkcode Kqueue}.
 *
 * @module
 */
import { constants } from "node:os";
import {
  EVFILT_USER,
  KEVENT_FLAG_IMMEDIATE,
  NOTE_TRIGGER,
} from "./constants.ts";
import { SystemError } from "./errors.ts";
import { close, errno, kevent64, kqueue } from "./ffi.ts";
import { showAs } from "./inspect.ts";
import { now } from "./intrinsics.ts";
import { checkInteger, intOf } from "./kevent/check.ts";
import { Kevent64List, type KeventList, memoryOf } from "./kevent/list.ts";
import type { Kevent64, KeventInit } from "./kevent/record.ts";
import { ChangeBatch } from "./kqueue/changes.ts";
import { NOW } from "./kqueue/either.ts";
import { iterateEvents } from "./kqueue/iterator.ts";
import { throwIfAborted } from "./kqueue/signal.ts";
import {
  callOn,
  checkTimeout,
  collectNow,
  deadlineOf,
  waitOn,
} from "./kqueue/wait.ts";
import { nextTurn, Place } from "./kqueue/waiter.ts";
import { checkOptions } from "./options.ts";
import { OS } from "./runtime.ts";

export { kqApply, kqWait } from "./kqueue/wait.ts";

const { EBADF, EINTR, EINVAL } = constants.errno;

const DEFAULT_CAPACITY = 256;
/**
 * How long a busy queue may keep Deno's event loop from turning, in ms. A request to an HTTP server takes more than a
 * hundred turns, so with 1 ms it would take as many; a turn costs a few µs.
 */
const LONGEST_TURN = 0.02;

/** How a {@linkcode Kqueue} is made. */
export interface KqueueOptions {
  /** How many events one call takes at most: 1 to 16777216, 256 unless given. */
  capacity?: number;
}

/** What {@linkcode Kqueue.waitAsync} may be given. */
export interface WaitAsyncOptions {
  /** How long to wait at most, in milliseconds; fractions count. Negative or Infinity, as unless given, for ever. */
  timeoutMs?: number;
  /** Ends the wait: the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** What {@linkcode Kqueue.events} may be given. */
export interface KqueueEventsOptions {
  /** Ends it: the iterator's next step is rejected with the signal's reason, and those after it are done. */
  signal?: AbortSignal;
}

/** Names the descriptor that {@linkcode Kqueue.fromFd} hands to the constructor. */
const ADOPTED: unique symbol = Symbol("adopted");

interface AdoptionOptions extends KqueueOptions {
  [ADOPTED]?: number;
}

/** What {@linkcode Kqueue.trigger} may be given besides the ident. */
export interface TriggerOptions {
  /** The watcher's word from now on: 0 to 2^64-1, 0 unless given. */
  udata?: number | bigint;
  /** The caller's 24 bits with NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR or NOTE_FFCOPY; NOTE_TRIGGER comes by itself. */
  fflags?: number;
  /** The number that the event brings: -2^63 to 2^63-1, 0 unless given. */
  data?: number | bigint;
}

const { signal: SIGNAL } = new AbortController();
const OPTIONS: Required<KqueueOptions> = { capacity: DEFAULT_CAPACITY };
const WAIT_OPTIONS: Required<WaitAsyncOptions> = {
  timeoutMs: 1000,
  signal: SIGNAL,
};
const EVENTS_OPTIONS: Required<KqueueEventsOptions> = { signal: SIGNAL };
const TRIGGER_OPTIONS: Required<TriggerOptions> = {
  udata: 42,
  fflags: 0,
  data: 0,
};

/**
 * A kernel queue: any number of watchers, and the events of those that are ready.
 *
 * ```ts
 * import { kevTimer, Kqueue } from "@kqueue/kqueue";
 *
 * using kq = new Kqueue();
 * kq.apply(kevTimer(1, 10, { udata: 42 }));
 * for (const event of kq.wait(1000)) console.log(event.udata, event.data); // 42n 1n
 * ```
 *
 * Calls that take events fill a list of the queue's own and return it: it holds until the next such call. Failures
 * throw `SystemError`, whose `code` is the errno's name. Once closed, every method but `close` throws
 * `Deno.errors.BadResource`.
 */
export class Kqueue {
  static {
    showAs(Kqueue.prototype, (kq) => kq.#describe());
  }

  #fd: number;
  readonly #isOwner: boolean = true;
  readonly #capacity: number;
  /** What calls fill and return; and what a `waitAsync` fills, whose caller sees it a little later. They change places. */
  #events: Kevent64List;
  #awaited: Kevent64List | undefined;
  /** In use while an `apply` is under way; one that a change's getter calls meanwhile makes another. */
  #changes: ChangeBatch | undefined = new ChangeBatch();
  /** Where it waits for another thread to tell that it is readable; made by the first such wait. */
  #place: Place | undefined;
  /** Whether a waitAsync is pending. */
  #isWaiting = false;
  /** When this queue last saw Deno's event loop turn, on performance.now()'s clock. */
  #turnedAt = -Infinity;

  /**
   * Makes a queue. Its descriptor is close-on-exec.
   *
   * @throws {RangeError} for a capacity out of range.
   * @throws {SystemError} EMFILE, ENFILE or ENOMEM where the kernel has no more to give.
   * @throws {Deno.errors.NotSupported} on a system that is neither macOS nor Linux.
   * @throws {Deno.errors.NotCapable} without `--allow-ffi`.
   */
  constructor(options: KqueueOptions = {}) {
    checkOptions("options", options, OPTIONS);
    const { capacity = DEFAULT_CAPACITY } = options;
    const adopted = (options as AdoptionOptions)[ADOPTED];
    this.#capacity = capacity;
    this.#events = new Kevent64List(capacity);
    if (adopted === undefined) {
      this.#fd = kqueue();
      if (this.#fd === -1) throw new SystemError("kqueue", errno());
      // R10a: it is one of kevent64, whatever is done with its descriptor.
      bind(this.#fd);
    } else {
      this.#fd = adopted;
      this.#isOwner = false;
    }
  }

  /**
   * A queue that somebody else made and owns, such as another thread on macOS: closing this object leaves the
   * descriptor open.
   *
   * The queue may be one of `kevent` or of `kevent64`; one that had no call yet becomes one of `kevent64`. Where it is
   * one of `kevent`, each call costs a little more, and the changes' `ext` does not reach it.
   *
   * On Linux a queue can only be used by the thread that made it.
   *
   * @param fd The queue's descriptor; events have it as a bigint.
   * @throws {SystemError} EBADF for a descriptor that is no queue, or on Linux another thread's.
   * @throws {RangeError} for what is no descriptor at all.
   */
  static fromFd(fd: number | bigint, options: KqueueOptions = {}): Kqueue {
    checkOptions("options", options, OPTIONS);
    const { capacity = DEFAULT_CAPACITY } = options;
    const number = intOf("fd", fd);
    checkInteger("fd", number, 0, 0x7fff_ffff);
    // R10a: EINVAL is what a queue of kevent says.
    if (bind(number) === -1 && errno() !== EINVAL) {
      const detail = OS === "linux" && errno() === EBADF
        ? `${fd} is no queue of this thread, and on Linux no other thread can use a queue`
        : `${fd} is no queue`;
      throw new SystemError("kevent64", errno(), { detail });
    }
    const adoption: AdoptionOptions = { capacity, [ADOPTED]: number };
    return new Kqueue(adoption);
  }

  /** The queue's descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#fd === -1;
  }

  /**
   * Applies one change, an iterable of them, or the records of a list, in order. It collects no events.
   *
   * All of them are checked before any is applied. Each goes to the kernel with EV_RECEIPT, so that one which is
   * refused keeps none of the others from being applied; EV_RECEIPT is then among the flags of the watcher's events.
   *
   * ```ts
   * import { kevRead, Kqueue, SystemError } from "@kqueue/kqueue";
   *
   * using kq = new Kqueue();
   * try {
   *   kq.apply([kevRead(123456)]);
   * } catch (error) {
   *   if (!(error instanceof SystemError)) throw error;
   *   console.log(error.code, error.failures[0].index); // EBADF 0
   * }
   * ```
   *
   * @throws {SystemError} when changes were refused, all of them in its `failures`, each with its index; the others are
   * in force. Or when the call failed as a whole.
   * @throws {RangeError} naming the field and the value that does not fit it; then nothing was applied.
   * @throws {TypeError} for what is no change, and for a second argument; then nothing was applied.
   */
  apply(
    changes: KeventInit | Iterable<KeventInit> | KeventList | Kevent64List,
  ): void {
    if (arguments.length > 1) {
      throw new TypeError(
        `apply takes one argument, got ${arguments.length}: give several changes as an array`,
      );
    }
    const batch = this.#changes ?? new ChangeBatch();
    this.#changes = undefined;
    try {
      batch.pack(changes);
      this.#applyBatch(batch);
    } finally {
      this.#changes = batch;
    }
  }

  /** None of the caller's code runs in here: what a getter has done meanwhile to the queue is seen. */
  #applyBatch(batch: ChangeBatch): void {
    const fd = this.#open();
    const { records } = batch;
    if (records.length === 0) return;
    if (callOn(fd, records, records, NOW) === -1) {
      throw new SystemError("kevent64", errno());
    }
    const failures = batch.failures();
    if (failures.length > 0) {
      throw new SystemError("kevent64", failures[0].errno, { failures });
    }
  }

  /**
   * Takes the events that are ready, without waiting.
   *
   * @returns The queue's list, empty when nothing is ready.
   * @throws {SystemError} EBADF when somebody else closed the descriptor.
   */
  poll(): Kevent64List {
    this.#poll(this.#events);
    return this.#events;
  }

  #poll(events: Kevent64List): number {
    const count = collectNow(this.#open(), memoryOf(events));
    if (count === -1) throw new SystemError("kevent64", errno());
    return count;
  }

  /**
   * Waits for events on this thread: nothing else runs on it meanwhile. An interrupted wait goes on.
   *
   * @param timeoutMs How long at most, in milliseconds; fractions count. Negative or Infinity, as unless given, waits for
   * ever. The wait is never shorter.
   * @returns The queue's list, empty when the time ran out.
   * @throws {SystemError} EBADF when somebody else closed the descriptor.
   * @throws {RangeError} for NaN.
   */
  wait(timeoutMs: number = Infinity): Kevent64List {
    checkTimeout(timeoutMs);
    const fd = this.#open();
    if (waitOn(fd, memoryOf(this.#events), timeoutMs) === -1) {
      throw new SystemError("kevent64", errno());
    }
    return this.#events;
  }

  /**
   * Waits for events without blocking Deno's event loop: what is ready is taken at once, and only when nothing is
   * does another thread wait.
   *
   * One such wait at a time; `poll` and `apply` stay allowed meanwhile. A program with none pending may exit.
   *
   * ```ts
   * import { kevTimer, Kqueue } from "@kqueue/kqueue";
   *
   * using kq = new Kqueue();
   * kq.apply(kevTimer(1, 10));
   * const events = await kq.waitAsync({ timeoutMs: 1000 });
   * console.log(events.length); // 1
   * ```
   *
   * @returns The queue's list, empty when the time ran out.
   * @throws {SystemError} EBADF when somebody else closed the descriptor.
   * @throws {Deno.errors.BadResource} when the queue is closed, before or meanwhile.
   * @throws {Deno.errors.Busy} when another waitAsync of this queue is pending.
   * @throws {RangeError} for a timeout of NaN.
   * @throws The signal's reason, when it is aborted. No event is lost: the next call brings what this wait still got.
   */
  async waitAsync(options: WaitAsyncOptions = {}): Promise<Kevent64List> {
    checkOptions("options", options, WAIT_OPTIONS);
    const { timeoutMs = Infinity, signal } = options;
    checkTimeout(timeoutMs);
    this.#open();
    throwIfAborted(signal);
    const events = this.#awaited ??= new Kevent64List(this.#capacity);
    await this.#waitAsync(events, deadlineOf(timeoutMs), signal);
    [this.#events, this.#awaited] = [events, this.#events];
    return events;
  }

  /**
   * Fills the list with what is ready, as soon as something is. It stays empty when the time is over. One at a time: another
   * one would take its events.
   */
  async #waitAsync(
    events: Kevent64List,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#isWaiting) {
      throw new Deno.errors.Busy(
        "Cannot wait: another waitAsync of this queue is pending",
      );
    }
    this.#isWaiting = true;
    try {
      for (;;) {
        if (now() - this.#turnedAt > LONGEST_TURN) {
          await this.#turn(signal);
        }
        if (this.#poll(events) > 0 || now() >= deadline) return;
        // Another thread costs ten times a turn of the event loop, in which whoever got the last events may act on them.
        await this.#turn(signal);
        if (this.#poll(events) > 0 || now() >= deadline) return;
        this.#place ??= new Place(this.#fd);
        await this.#place.wait(deadline, signal);
        this.#turnedAt = now();
      }
    } finally {
      this.#isWaiting = false;
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await nextTurn();
    this.#turnedAt = now();
    throwIfAborted(signal);
  }

  /**
   * The events one by one, each an object of its own, until the queue is closed. It waits as {@linkcode waitAsync}
   * does, so there can be one such loop at a time. Leaving the loop leaves the queue as it is, and loses nothing.
   *
   * ```ts
   * import { kevTimer, Kqueue } from "@kqueue/kqueue";
   *
   * using kq = new Kqueue();
   * kq.apply(kevTimer(1, 5));
   * const signal = AbortSignal.timeout(1000);
   * for await (const event of kq.events({ signal })) {
   *   console.log(event.ident); // 1n
   *   break;
   * }
   * ```
   *
   * @returns An iterator, done when the queue is closed. A step is rejected with the signal's reason when that is aborted,
   * and those after it are done.
   */
  events(options: KqueueEventsOptions = {}): AsyncIterableIterator<Kevent64> {
    checkOptions("options", options, EVENTS_OPTIONS);
    const { signal } = options;
    throwIfAborted(signal);
    const one = new Kevent64List(1);
    return iterateEvents((signal) => this.#next(one, signal), signal);
  }

  /**
   * {@linkcode events}, for `for await`.
   *
   * ```ts
   * import { kevTimer, Kqueue } from "@kqueue/kqueue";
   *
   * using kq = new Kqueue();
   * kq.apply(kevTimer(1, 5));
   * for await (const event of kq) {
   *   console.log(event.ident); // 1n
   *   break;
   * }
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Kevent64> {
    return this.events();
  }

  /** The next event, in a list of its own with room for one; undefined when there is no next. */
  async #next(
    one: Kevent64List,
    signal: AbortSignal,
  ): Promise<Kevent64 | undefined> {
    try {
      if (this.closed || signal.aborted) return undefined;
      await this.#waitAsync(one, Infinity, signal);
      return one.at(0);
    } catch (error) {
      if (this.closed || signal.aborted) return undefined;
      throw error;
    }
  }

  /**
   * Fires the EVFILT_USER watcher of `ident`, and wakes who waits for it.
   *
   * A change replaces a watcher's word, so say its `udata` here again if the event should bring it.
   *
   * ```ts
   * import { kevUser, Kqueue } from "@kqueue/kqueue";
   *
   * using kq = new Kqueue();
   * kq.apply(kevUser(1));
   * kq.trigger(1, { udata: 7 });
   * console.log(kq.poll().udataNumber(0)); // 7
   * ```
   *
   * @throws {SystemError} ENOENT when there is no such watcher.
   * @throws {RangeError} naming the argument that does not fit its field.
   */
  trigger(ident: number | bigint, options: TriggerOptions = {}): void {
    checkOptions("options", options, TRIGGER_OPTIONS);
    const { udata = 0, fflags = 0, data = 0 } = options;
    checkInteger("fflags", fflags, -0x8000_0000, 0xffff_ffff);
    this.apply({
      ident,
      filter: EVFILT_USER,
      fflags: (fflags | NOTE_TRIGGER) >>> 0,
      data,
      udata,
    });
  }

  /**
   * Closes the queue, with all its watchers. May be called again.
   *
   * A pending waitAsync ends at once: it is rejected with Deno.errors.BadResource, and a `for await` is done.
   */
  close(): void {
    const fd = this.#fd;
    if (fd === -1) return;
    this.#fd = -1;
    this.#place?.close(isClosed());
    // A failure can only mean that somebody else closed the descriptor: it is closed all the same.
    if (this.#isOwner) close(fd);
  }

  /** {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #describe(): string {
    if (this.closed) return "Kqueue { closed }";
    const owner = this.#isOwner ? "" : ", of another owner";
    return `Kqueue { fd: ${this.#fd}${owner}, capacity: ${this.#capacity} }`;
  }

  #open(): number {
    if (this.#fd === -1) throw isClosed();
    return this.#fd;
  }
}

/** R10a: makes the queue one of kevent64, unless it is one of kevent. The call's result. */
function bind(fd: number): number {
  for (;;) {
    const result = kevent64(fd, null, null, KEVENT_FLAG_IMMEDIATE, null);
    if (result !== -1 || errno() !== EINTR) return result;
  }
}

function isClosed(): Error {
  return new Deno.errors.BadResource("The queue is closed");
}
