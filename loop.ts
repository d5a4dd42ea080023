/**
 * Many watchers on one queue: each with a handler, a promise or an iterator of its own, on Deno's event loop.
 *
 * ```ts
 * import { kevTimer } from "@kqueue/kqueue";
 * import { Loop } from "@kqueue/kqueue/loop";
 *
 * using loop = new Loop();
 * loop.on(kevTimer(1, 5), (event) => console.log("tick", event.data));
 * await loop.once(kevTimer(2, 30));
 * ```
 *
 * @module
 */
import { EV_ADD, EV_ONESHOT, EV_UDATA_SPECIFIC } from "./constants.ts";
import { showAs } from "./inspect.ts";
import { filterName } from "./kevent/describe.ts";
import { plainChange, readChange } from "./kevent/memory.ts";
import type { Kevent64, Kevent64Init, KeventInit } from "./kevent/record.ts";
import { Kqueue, type KqueueOptions } from "./kqueue.ts";
import { onAbort, throwIfAborted } from "./kqueue/signal.ts";
import { provideLoop } from "./loop/friend.ts";
import { EventStream } from "./loop/stream.ts";
import { type Handler, type Watch, Watcher } from "./loop/watcher.ts";
import { checkOptions, shown } from "./options.ts";

export type { Handler, Watch, WatchTriggerOptions } from "./loop/watcher.ts";

/** What {@linkcode Loop.once} and {@linkcode Loop.events} may be given. */
export interface LoopOptions {
  /** Ends it: the promise, or the iterator's next one, is rejected with the signal's reason. */
  signal?: AbortSignal;
}

const OPTIONS: Required<LoopOptions> = { signal: new AbortController().signal };

/**
 * A queue with handlers. It waits, on another thread, as long as there are watches, and lets the program exit when
 * there are none.
 *
 * ```ts
 * import { kevRead } from "@kqueue/kqueue";
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { close, pipe, read, write } from "@kqueue/kqueue/posix";
 *
 * using loop = new Loop();
 * const [reader, writer] = pipe();
 * const buffer = new Uint8Array(64);
 * loop.on(kevRead(reader), (event, watch) => {
 *   console.log("read", read(reader, buffer), "of", event.data, "bytes");
 *   watch.cancel();
 *   close(reader);
 * });
 * write(writer, new TextEncoder().encode("hello"));
 * close(writer);
 * ```
 *
 * A queue has one watcher for each (ident, filter), so a second watch of the same is refused. An event's `udata` is the
 * word that the watch's change was given; what the kernel keeps there is the loop's own.
 *
 * A watch ends by itself when it is one-shot and was reported, or when its descriptor has come to an end (EV_EOF): a
 * level with the report that finds nothing more to read, an edge (EV_CLEAR) with its report. Cancel a watch before
 * its descriptor is closed: the kernel drops the watcher in silence, and the watch would keep the program waiting.
 */
export class Loop {
  static {
    showAs(Loop.prototype, (loop) => loop.#describe());
    provideLoop((loop, change, handler, ended) =>
      (loop as Loop).#add(plainOf(change), handler, ended)
    );
  }

  readonly #kq: Kqueue;
  /** By slot, which is the lower half of a watch's word; the upper half is its generation. */
  readonly #watchers: (Watcher | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #keys = new Set<string>();
  /** How many watches it waits for. */
  #refs = 0;
  /** Ends the wait when there are none. */
  #idle = new AbortController();
  #isWaiting = false;
  #pump: Promise<void> | undefined;
  #generation = 0;
  /** Why watches end that `close` ends. */
  readonly #closed: Error;
  #reported: unknown;

  /**
   * Makes a loop on a queue of its own.
   *
   * @throws {SystemError} EMFILE, ENFILE or ENOMEM where the kernel has no more to give.
   * @throws {Deno.errors.NotCapable} without `--allow-ffi`.
   */
  constructor(options: KqueueOptions = {}) {
    this.#kq = new Kqueue(options);
    this.#closed = new Deno.errors.BadResource("The loop is closed");
  }

  /**
   * The queue's descriptor; -1 once it is closed. On macOS another thread may trigger a watch through it, with
   * `Kqueue.fromFd(fd).trigger(ident, { udata: watch.word })`.
   */
  get fd(): number {
    return this.#kq.fd;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#kq.closed;
  }

  /**
   * Watches, and calls the handler with each event.
   *
   * Should the queue itself fail, as when somebody else closes its descriptor, the loop is closed and the error goes to
   * `reportError` as well.
   *
   * A handler that throws, or returns a promise that is rejected, goes to `reportError`; the watch goes on. While a
   * promise that it returned is pending it is not called again: what happens meanwhile is reported afterwards, as one
   * event.
   *
   * ```ts
   * import { kevTimer } from "@kqueue/kqueue";
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * using loop = new Loop();
   * const done = Promise.withResolvers<void>();
   * using watch = loop.on(kevTimer(1, 5), (event) => {
   *   console.log("after", event.data, "periods");
   *   done.resolve();
   * });
   * await done.promise;
   * ```
   *
   * @param change What to watch; EV_ADD is added to its flags.
   * @returns The watch, to cancel, disable, enable or trigger.
   * @throws {Deno.errors.AlreadyExists} when the loop has a watch for the same ident and filter.
   * @throws {SystemError} when the kernel refuses the change.
   * @throws {RangeError} naming the field and the value that does not fit it.
   * @throws {TypeError} for what is no change or no handler, and for EV_UDATA_SPECIFIC: the words are the loop's own.
   * @throws {Deno.errors.BadResource} when the loop is closed.
   */
  on(change: KeventInit, handler: Handler): Watch {
    if (typeof handler !== "function") {
      throw new TypeError(`handler must be a function, got ${shown(handler)}`);
    }
    const plain = plainOf(change);
    return this.#add(plain, handler, (reason) => this.#report(reason));
  }

  /**
   * Watches for one event.
   *
   * ```ts
   * import { kevTimer } from "@kqueue/kqueue";
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * using loop = new Loop();
   * const event = await loop.once(kevTimer(1, 5), { signal: AbortSignal.timeout(1000) });
   * console.log(event.data); // 1n
   * ```
   *
   * @param change What to watch; EV_ADD and EV_ONESHOT are added to its flags.
   * @returns The event. Rejected with the signal's reason when that is aborted first, with Deno.errors.BadResource when the
   * loop is closed first, and for whatever {@linkcode on} throws.
   */
  once(change: KeventInit, options: LoopOptions = {}): Promise<Kevent64> {
    return new Promise((resolve, reject) => {
      const signal = signalOf(options);
      const plain = plainOf(change);
      throwIfAborted(signal);
      const flags = plain.flags | EV_ONESHOT;
      const watch = this.#add({ ...plain, flags }, resolve, (reason) => {
        stop();
        reject(reason); // of no effect after the event
      });
      const stop = onAbort(signal, (reason) => {
        reject(reason);
        watch.cancel();
      });
    });
  }

  /**
   * Watches, and gives the events one by one. Between two steps nothing is lost, and what happens meanwhile is one
   * event. Leaving the loop ends the watch.
   *
   * ```ts
   * import { kevTimer } from "@kqueue/kqueue";
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * using loop = new Loop();
   * let ticks = 0;
   * for await (const event of loop.events(kevTimer(1, 5))) {
   *   ticks += Number(event.data);
   *   if (ticks >= 3) break;
   * }
   * ```
   *
   * @param change What to watch; EV_ADD is added to its flags.
   * @returns An iterator, done when the watch has ended or the loop is closed. Its steps are rejected with the signal's
   * reason when that is aborted.
   * @throws What {@linkcode on} throws, at once.
   */
  events(
    change: KeventInit,
    options: LoopOptions = {},
  ): AsyncIterableIterator<Kevent64> {
    const signal = signalOf(options);
    const plain = plainOf(change);
    throwIfAborted(signal);
    const stream = new EventStream();
    const watch = this.#add(
      plain,
      (event) => stream.put(event),
      (reason) => stream.end(reason === this.#closed ? undefined : reason),
    );
    return stream.iterator(watch, signal);
  }

  /**
   * Closes the loop with its queue and all watches. May be called again, also in a handler.
   *
   * Promises of {@linkcode once} are rejected with Deno.errors.BadResource; iterators of {@linkcode events} are done;
   * events that were fetched but not handled are dropped.
   *
   * ```ts
   * import { kevUser } from "@kqueue/kqueue";
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * const loop = new Loop();
   * const event = loop.once(kevUser(1));
   * loop.close();
   * await event.catch((error) => console.log(error.name)); // BadResource
   * ```
   */
  close(): void {
    this.#closeWith(this.#closed);
  }

  /**
   * {@linkcode close}, for `using`.
   *
   * ```ts
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * using loop = new Loop();
   * console.log(loop.closed); // false, and true after this block
   * ```
   */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * {@linkcode close}, for `await using`: waits until the other thread has let go of the queue.
   *
   * ```ts
   * import { kevTimer } from "@kqueue/kqueue";
   * import { Loop } from "@kqueue/kqueue/loop";
   *
   * await using loop = new Loop();
   * await loop.once(kevTimer(1, 5));
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#pump;
  }

  #describe(): string {
    if (this.closed) return "Loop { closed }";
    return `Loop { fd: ${this.fd}, watches: ${this.#keys.size} }`;
  }

  /** A handler has no promise that would tell of a queue's failure. */
  #report(reason: unknown): void {
    if (reason === undefined || reason === this.#closed) return;
    if (this.#reported !== reason) reportError(reason);
    this.#reported = reason;
  }

  #closeWith(reason: unknown): void {
    if (this.closed) return;
    this.#kq.close();
    for (const watcher of [...this.#watchers]) watcher?.end(reason);
  }

  /** Adds a watch. None of the caller's code runs in here. */
  #add(
    change: Required<Kevent64Init>,
    handler: Handler,
    ended: (reason: unknown) => void,
  ): Watcher {
    const { ident, filter } = change;
    const key = `${filter} ${ident}`;
    if (this.#keys.has(key)) {
      throw new Deno.errors.AlreadyExists(
        `Cannot watch: the loop has a watch for ident ${ident} and ${
          filterName(filter)
        }; cancel it first, also where its descriptor was closed`,
      );
    }
    const slot = this.#freeSlots.at(-1) ?? this.#watchers.length;
    this.#generation = (this.#generation + 1) >>> 0;
    const flags = change.flags | EV_ADD;
    const word = BigInt(this.#generation) << 32n | BigInt(slot);
    const released = (): void => {
      this.#watchers[slot] = undefined;
      this.#freeSlots.push(slot);
      this.#keys.delete(key);
    };
    const watcher = new Watcher(
      this.#kq,
      { ...change, flags },
      word,
      handler,
      released,
      (by) => this.#count(by),
      ended,
    );
    this.#freeSlots.pop();
    this.#watchers[slot] = watcher;
    this.#keys.add(key);
    watcher.ref();
    return watcher;
  }

  #count(by: 1 | -1): void {
    this.#refs += by;
    if (this.#refs > 0) this.#pump ??= this.#run();
    else if (this.#isWaiting) this.#idle.abort();
  }

  /** Waits and delivers as long as there are watches to wait for. */
  async #run(): Promise<void> {
    while (this.#refs > 0 && !this.closed) {
      if (this.#idle.signal.aborted) this.#idle = new AbortController();
      try {
        const { signal } = this.#idle;
        this.#isWaiting = true;
        const events = await this.#kq.waitAsync({ signal });
        this.#isWaiting = false;
        this.#deliver(events.toArray());
      } catch (error) {
        this.#isWaiting = false;
        // The last watch has ended, or the loop was closed; all else ends the loop, and whoever waits is told.
        if (!this.closed && !this.#idle.signal.aborted) this.#closeWith(error);
      }
    }
    this.#pump = undefined;
  }

  #deliver(events: readonly Kevent64[]): void {
    for (const event of events) {
      const watcher = this.#watchers[Number(event.udata & SLOT_MASK)];
      // What was fetched for a watch that has ended since is not for its successor.
      if (watcher?.word === event.udata) watcher.deliver(event);
    }
  }
}

/** The change, read once; what its getters do is done before the loop is looked at. */
function plainOf(change: KeventInit): Required<Kevent64Init> {
  readChange(change);
  const plain = plainChange();
  if ((plain.flags & EV_UDATA_SPECIFIC) !== 0) {
    throw new TypeError(
      "Cannot watch with EV_UDATA_SPECIFIC: the words of a loop's watches are the loop's own",
    );
  }
  return plain;
}

function signalOf(options: LoopOptions): AbortSignal | undefined {
  checkOptions("options", options, OPTIONS);
  const { signal } = options;
  throwIfAborted(signal);
  return signal;
}

const SLOT_MASK = 0xffff_ffffn;
