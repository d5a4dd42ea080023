/**
 * One thread that waits for all queues of an isolate.
 *
 * What waits: one call of poll(2) on one of Deno's threads, over the descriptors of all queues that wait and over the
 * bell, a queue of this file's own. It only looks. Who is told that its queue is readable polls it here, on the
 * isolate's thread, so there is nothing to lose: what was not taken stays with the kernel.
 *
 * Who may end it: a queue that is readable; the bell, rung when a queue joins that the call does not look at, when one
 * of those that it looks at is closed, and when nobody waits any more; and time, every {@linkcode COME_BACK} ms. The
 * promises do not depend on it: an abort, a timeout and `close()` settle them at once, and the call goes on for the
 * others. The last to leave sees the call end first, so that nothing is pending when nobody waits, which is what
 * `deno test` looks for.
 *
 * Who owns which memory: the call's is C's, taken and freed by `poll.ts`, and nothing of the isolate is written to. So an
 * isolate may end at any time. The thread is then on its own, and ends when it comes back.
 */
import { constants } from "node:os";
// Not the global ones, which tests replace by a clock of their own.
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import {
  EV_ADD,
  EV_CLEAR,
  EV_ERROR,
  EVFILT_USER,
  KEVENT_FLAG_IMMEDIATE,
  NOTE_TRIGGER,
} from "../constants.ts";
import { SystemError } from "../errors.ts";
import { now } from "../intrinsics.ts";
import { currentKernel, type Kernel } from "../kernel.ts";
import { Kevent64List, memoryOf } from "../kevent/list.ts";
import { FLAGS_SHORT, type RecordMemory } from "../kevent/memory.ts";
import { PollCall } from "../poll.ts";
import { onAbort } from "./signal.ts";

const { EINTR, EINVAL } = constants.errno;

/** After how many ms the thread comes back by itself, for an isolate that has ended meanwhile. */
const COME_BACK = 1000;
/**
 * After how many ms all are told to look at their queues: somebody else may have put another file under a descriptor, of
 * which nothing tells.
 */
const LOOK_AGAIN = 3000;
/**
 * How many turns of the event loop the others wait for those that were woken: most wait again at once, and a call that
 * looks at them already need not be ended for each.
 */
const TURNS_TO_COME_BACK = 3;
/**
 * How long the last to leave waits for the call to end, in ms. It takes a fraction of one, unless the call has not begun
 * because all of Deno's threads are taken.
 */
const LAST_WAITS = 50;
/**
 * The ident of the bell's watcher, which no other queue has: one that has come to the bell's number, closed by somebody
 * else, is known by that.
 */
const BELL = 0x6265_6c6c_2e6b_7175n;
/** What setTimeout takes at most. */
const MAX_TIMEOUT = 0x7fff_ffff;

/** A queue's place with the thread that waits. */
export class Place {
  readonly fd: number;
  readonly #waiter: Waiter;
  /** Ends the wait that is pending; with an error, it is rejected. */
  #settle: ((error?: unknown) => void) | undefined;

  /** @param fd The queue's descriptor. */
  constructor(fd: number) {
    this.fd = fd;
    this.#waiter = waiterOf(currentKernel());
  }

  /**
   * Resolves when the queue may have something to report, and when `deadline` has passed; sometimes sooner. One wait at
   * a time.
   *
   * @param deadline On performance.now()'s clock.
   * @throws {SystemError} where there is no descriptor or memory to wait with.
   * @throws The signal's reason, when it is aborted; and what {@linkcode close} was given.
   */
  wait(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (error?: unknown): void => {
        this.#settle = undefined;
        stop();
        if (timer !== undefined) clearTimeout(timer);
        const settled = error === undefined ? resolve : () => reject(error);
        this.#waiter.remove(this, settled);
      };
      const stop = onAbort(signal, settle);
      this.#settle = settle;
      if (deadline !== Infinity) {
        timer = setTimeout(settle, timeUntil(deadline));
      }
      try {
        this.#waiter.add(this);
      } catch (error) {
        settle(error);
      }
    });
  }

  /** Ends a pending wait, if there is one: it is to be looked what the queue has. With an error, it is rejected. */
  wake(error?: unknown): void {
    this.#settle?.(error);
  }

  /** Leaves for good, before the descriptor is closed. A pending wait is rejected with the error. */
  close(error: unknown): void {
    this.wake(error);
    this.#waiter.letGo(this);
  }
}

function timeUntil(deadline: number): number {
  return Math.min(Math.max(0, deadline - now()), MAX_TIMEOUT);
}

const waiters = new WeakMap<Kernel, Waiter>();

function waiterOf(kernel: Kernel): Waiter {
  let waiter = waiters.get(kernel);
  if (waiter === undefined) {
    waiter = new Waiter(kernel);
    waiters.set(kernel, waiter);
  }
  return waiter;
}

class Waiter {
  readonly #kernel: Kernel;
  readonly #bell: Bell;
  readonly #waiting = new Set<Place>();
  /** What the call under way looks at: those that wait, and some that have left meanwhile. */
  #watched: ReadonlySet<Place> | undefined;
  #isRunning = false;
  /** Those who have left, and are to be told when the call has ended. */
  #leaving: (() => void)[] = [];
  /** How many of those that the last call woke have not come back yet. */
  #absent = 0;
  /** When all were told to look at their queues the last time. */
  #lookedAt = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#bell = new Bell(kernel);
  }

  add(place: Place): void {
    this.#bell.open();
    this.#waiting.add(place);
    if (!this.#isRunning) this.#run();
    else if (this.#watched === undefined) this.#absent--;
    else if (!this.#watched.has(place)) this.#bell.ring();
  }

  /** Calls back at once, or for the last of all when the call has ended. */
  remove(place: Place, removed: () => void): void {
    this.#waiting.delete(place);
    if (this.#waiting.size > 0 || this.#watched === undefined) return removed();
    this.#bell.ring();
    const timer = setTimeout(removed, LAST_WAITS);
    this.#leaving.push(() => {
      clearTimeout(timer);
      removed();
    });
  }

  letGo(place: Place): void {
    if (this.#watched?.has(place)) this.#bell.ring();
  }

  /** Waits as long as there is somebody to wait for. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#lookedAt = now();
    try {
      while (this.#waiting.size > 0) {
        await this.#call();
        for (let turn = 0; turn < TURNS_TO_COME_BACK; turn++) {
          if (this.#absent <= 0 || this.#waiting.size === 0) break;
          await nextTurn();
        }
      }
    } catch (error) {
      for (const place of [...this.#waiting]) place.wake(error);
    }
    this.#isRunning = false;
  }

  async #call(): Promise<void> {
    this.#bell.open();
    const places = [...this.#waiting];
    const descriptors = [this.#bell.fd, ...places.map(({ fd }) => fd)];
    this.#watched = new Set(places);
    const call = new PollCall(this.#kernel.poll, descriptors);
    const count = call.end(await call.begin(COME_BACK));
    this.#watched = undefined;
    for (const left of this.#leaving.splice(0)) left();
    if (count === -EINVAL) {
      // More descriptors than poll takes: the others can wait without the one who came last.
      return places.at(-1)?.wake(new SystemError("poll", EINVAL));
    }
    if (count < 0) throw new SystemError("poll", -count);
    this.#bell.calm(call.revents(0));
    const isTime = now() - this.#lookedAt >= LOOK_AGAIN;
    if (isTime) this.#lookedAt = now();
    const woken = places.filter((place, index) =>
      (isTime || call.revents(index + 1) !== 0) && this.#waiting.has(place)
    );
    this.#absent = woken.length;
    for (const place of woken) place.wake();
  }
}

/** The queue with whose EVFILT_USER watcher a call is ended. */
class Bell {
  /** Its descriptor; -1 while there is none. */
  fd = -1;
  readonly #kernel: Kernel;
  readonly #add = recordsOf({ flags: EV_ADD | EV_CLEAR });
  readonly #trigger = recordsOf({ fflags: NOTE_TRIGGER });
  readonly #touch = recordsOf({});
  readonly #events = memoryOf(new Kevent64List(1));
  #isRung = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Makes the queue, once. */
  open(): void {
    if (this.fd !== -1) return;
    const kernel = this.#kernel;
    const fd = kernel.kqueue();
    if (fd === -1) throw new SystemError("kqueue", kernel.errno());
    if (this.#send(fd, this.#add) === -1) {
      const error = new SystemError("kevent64", kernel.errno());
      kernel.close(fd);
      throw error;
    }
    this.fd = fd;
  }

  /** Ends the call under way. Where that fails, somebody else has closed the descriptor, and the call ends by itself. */
  ring(): void {
    if (this.#isRung) return;
    this.#isRung = true;
    this.#send(this.fd, this.#trigger);
  }

  /** After a call, which found these POLL… bits for it. Where the number is no longer the bell's, nothing is taken. */
  calm(revents: number): void {
    if (revents === 0 && !this.#isRung) return;
    this.#isRung = false;
    const events = this.#events;
    // A touch that fails is reported, and keeps the call from collecting (R7).
    const count = this.#send(this.fd, this.#touch, events);
    const isOurs = count === 0 ||
      (count === 1 && (events.shorts[FLAGS_SHORT] & EV_ERROR) === 0);
    if (!isOurs) this.fd = -1;
  }

  #send(
    fd: number,
    changes: RecordMemory,
    events: RecordMemory | null = null,
  ): number {
    const kernel = this.#kernel;
    const flags = KEVENT_FLAG_IMMEDIATE;
    for (;;) {
      const result = kernel.kevent64(fd, changes, events, flags, null);
      if (result !== -1 || kernel.errno() !== EINTR) return result;
    }
  }
}

function recordsOf(change: { flags?: number; fflags?: number }): RecordMemory {
  return memoryOf(
    Kevent64List.from([{ ident: BELL, filter: EVFILT_USER, ...change }]),
  );
}

/** Lets Deno's event loop run what it has: timers, I/O, other promises. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
