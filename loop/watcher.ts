/** One watch of a loop: what the kernel is told, and when the handler is called. */
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_FFNOP,
} from "../constants.ts";
import { SystemError } from "../errors.ts";
import { showAs } from "../inspect.ts";
import { queueMicrotask } from "../intrinsics.ts";
import { filterName } from "../kevent/describe.ts";
import type { Kevent64, Kevent64Init } from "../kevent/record.ts";
import type { Kqueue } from "../kqueue.ts";
import { checkOptions } from "../options.ts";
import { joinTwo } from "./join.ts";

/** The filters that look at a descriptor's state whenever their watcher is changed. */
const LOOKS_AGAIN: ReadonlySet<number> = new Set([
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_EXCEPT,
]);

/** What is called with each event of a watch. A promise that it returns is waited for before it is called again. */
export type Handler = (event: Kevent64, watch: Watch) => unknown;

/** What {@linkcode Watch.trigger} may be given. */
export interface WatchTriggerOptions {
  /** The caller's 24 bits with NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR or NOTE_FFCOPY; NOTE_TRIGGER comes by itself. */
  fflags?: number;
  /** The number that the event brings: -2^63 to 2^63-1, 0 unless given. */
  data?: number | bigint;
}

/**
 * One watch of a loop, as `Loop.on` gives it. With `using` it is cancelled at the end of the block.
 *
 * ```ts
 * import { kevTimer, kevUser } from "@kqueue/kqueue";
 * import { Loop } from "@kqueue/kqueue/loop";
 *
 * using loop = new Loop();
 * using watch = loop.on(kevUser(1), (event) => console.log(event.data)); // 7n
 * watch.disable();
 * watch.trigger({ data: 7 });
 * watch.enable();
 * await loop.once(kevTimer(2, 10));
 * watch.cancel();
 * console.log(watch.active); // false
 * ```
 */
export interface Watch extends Disposable {
  /** Whether it still watches: false once it was cancelled, has ended by itself, or the loop is closed. */
  readonly active: boolean;
  /** The `udata` under which the kernel knows it: what another thread must give `Kqueue.trigger` (macOS). */
  readonly word: bigint;
  /** Ends it. The handler is not called any more, not even for an event that was fetched. May be called again. */
  cancel(): void;
  /**
   * Goes on after {@linkcode disable}, or after a report with EV_DISPATCH. The whole record is sent again, so a timer
   * starts afresh.
   *
   * @throws {SystemError} when the kernel refuses, as for a descriptor that is closed.
   */
  enable(): void;
  /**
   * Pauses it; what happens meanwhile is reported once it is enabled, if it still holds. The whole record is sent
   * again, so a timer starts afresh.
   *
   * @throws {SystemError} when the kernel refuses, as for a descriptor that is closed.
   */
  disable(): void;
  /**
   * Fires it, where its filter is EVFILT_USER.
   *
   * @throws {TypeError} for another filter.
   * @throws {SystemError} when the kernel refuses.
   */
  trigger(options?: WatchTriggerOptions): void;
}

const TRIGGER_OPTIONS: Required<WatchTriggerOptions> = { data: 42, fflags: 0 };

/** A watch, with what the loop needs of it. */
export class Watcher implements Watch {
  static {
    showAs(Watcher.prototype, (watcher) => watcher.#describe());
  }

  readonly word: bigint;
  readonly #kq: Kqueue;
  readonly #change: Required<Kevent64Init>;
  readonly #udata: bigint;
  readonly #handler: Handler;
  readonly #released: () => void;
  readonly #counted: (by: 1 | -1) => void;
  readonly #ended: (reason: unknown) => void;
  #active = true;
  #isRef = false;
  /** Disabled by its owner; and by itself while a promise of the handler is pending. */
  #isDisabled = false;
  #isPaused = false;
  #isBusy = false;
  /** An event that came while the handler was busy, and that the kernel will not report again. */
  #held: Kevent64 | undefined;
  /** The data to send: the change's own, or that of the last trigger. */
  #data: number | bigint;

  /**
   * @param change What to tell the kernel.
   * @param word The udata to tell it instead of the change's own.
   * @param released Called when the watch no longer counts, before the handler sees its last event.
   * @param counted Called when the loop is to wait for one watch more, or one less.
   * @param ended Called when no event will come any more, with the reason where that was not its own doing.
   */
  constructor(
    kq: Kqueue,
    change: Required<Kevent64Init>,
    word: bigint,
    handler: Handler,
    released: () => void,
    counted: (by: 1 | -1) => void,
    ended: (reason: unknown) => void,
  ) {
    this.#kq = kq;
    this.#change = change;
    this.#data = change.data;
    this.#udata = BigInt(change.udata);
    this.word = word;
    this.#handler = handler;
    this.#released = released;
    this.#counted = counted;
    this.#ended = ended;
    kq.apply({ ...change, udata: word });
  }

  get active(): boolean {
    return this.#active;
  }

  cancel(): void {
    if (!this.#active) return;
    this.#delete();
    this.end(undefined);
  }

  enable(): void {
    if (!this.#active) return;
    this.#isDisabled = false;
    this.#isPaused = false;
    this.#send(EV_ENABLE);
    // For descriptors the kernel looks again when it enables; all else it has reported, and one-shots are gone.
    const isOnce = ((this.#held?.flags ?? 0) & EV_ONESHOT) !== 0;
    if (LOOKS_AGAIN.has(this.#change.filter) && !isOnce) this.#held = undefined;
    if (this.#held !== undefined) queueMicrotask(() => this.#deliverHeld());
  }

  disable(): void {
    if (!this.#active) return;
    this.#isDisabled = true;
    this.#send(EV_DISABLE);
  }

  trigger(options: WatchTriggerOptions = {}): void {
    checkOptions("options", options, TRIGGER_OPTIONS);
    const { fflags = 0, data = 0 } = options;
    const { filter, ident } = this.#change;
    if (filter !== EVFILT_USER) {
      throw new TypeError(
        `Cannot trigger: the watch's filter must be EVFILT_USER (${EVFILT_USER}), it is ${
          filterName(filter)
        }`,
      );
    }
    if (!this.#active) return;
    this.#kq.trigger(ident, { udata: this.word, fflags, data });
    this.#data = data;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #describe(): string {
    const { ident, filter } = this.#change;
    const what = `ident: ${ident}, filter: ${filterName(filter)}`;
    return `Watch { ${what}, active: ${this.#active} }`;
  }

  /** The loop waits for it, as it does for every watch unless told otherwise. */
  ref(): void {
    if (this.#isRef || !this.#active) return;
    this.#isRef = true;
    this.#counted(1);
  }

  /** The loop does not wait on its account: what it brings is delivered when the loop waits for others. */
  unref(): void {
    if (!this.#isRef) return;
    this.#isRef = false;
    this.#counted(-1);
  }

  /** The kernel has an event for it. */
  deliver(event: Kevent64): void {
    if (!this.#active) return;
    if (!this.#isBusy && !this.#isDisabled) this.#call(event);
    else if ((event.flags & (EV_CLEAR | EV_ONESHOT)) !== 0) this.#hold(event);
    else if (!this.#isDisabled) this.#pause();
  }

  /** Ends without another word to the kernel. */
  end(reason: unknown): void {
    if (!this.#active) return;
    this.#active = false;
    this.#release();
    this.#ended(reason);
  }

  #release(): void {
    this.unref();
    this.#released();
  }

  #call(event: Kevent64): void {
    const isLast = isLastOf(event);
    if (isLast) {
      this.#active = false;
      if ((event.flags & EV_ONESHOT) === 0) this.#delete();
      this.#release();
    }
    try {
      const result = this.#handler({ ...event, udata: this.#udata }, this);
      if (isThenable(result)) this.#waitFor(result);
    } catch (error) {
      reportError(error);
    }
    if (isLast) this.#ended(undefined);
  }

  async #waitFor(promise: PromiseLike<unknown>): Promise<void> {
    this.#isBusy = true;
    try {
      await promise;
    } catch (error) {
      reportError(error);
    }
    this.#isBusy = false;
    this.#deliverHeld();
    if (this.#isPaused && !this.#isBusy) this.#resume();
  }

  #deliverHeld(): void {
    const event = this.#held;
    if (event === undefined || this.#isBusy || this.#isDisabled) return;
    this.#held = undefined;
    if (this.#active) this.#call(event);
  }

  /** Keeps an event that is reported once, joined with one that is kept already (R17). */
  #hold(event: Kevent64): void {
    const held = this.#held;
    this.#held = held === undefined ? event : joinTwo(held, event);
  }

  /** A level would be reported again and again while the handler is busy. */
  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#sendOrEnd(EV_DISABLE);
  }

  #resume(): void {
    this.#isPaused = false;
    if (this.#active && !this.#isDisabled) this.#sendOrEnd(EV_ENABLE);
  }

  /** A descriptor that its handler has closed took the watcher with it, and the watch ends. */
  #sendOrEnd(flag: number): void {
    try {
      this.#send(flag);
    } catch (error) {
      if (!isGone(error)) throw error;
      this.end(undefined);
    }
  }

  /** R1: a change without a word, notes and data would take the watcher's. */
  #send(flags: number): void {
    const { fflags, filter, flags: mode } = this.#change;
    try {
      this.#kq.apply({
        ...this.#change,
        flags,
        fflags: filter === EVFILT_USER ? NOTE_FFNOP : fflags,
        data: this.#data,
        udata: this.word,
      });
    } catch (error) {
      // A one-shot whose event is here already is gone from the kernel, and the event waits to be handled.
      if ((mode & EV_ONESHOT) === 0 || !isGone(error)) throw error;
    }
  }

  #delete(): void {
    try {
      const { ident, filter } = this.#change;
      this.#kq.apply({ ident, filter, flags: EV_DELETE });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Whether there is nothing more to come: a one-shot, or the end of what a descriptor has to give. */
function isLastOf({ filter, flags, data }: Kevent64): boolean {
  if ((flags & EV_ONESHOT) !== 0) return true;
  if ((flags & EV_EOF) === 0) return false;
  return filter !== EVFILT_READ || (flags & EV_CLEAR) !== 0 || data <= 0n;
}

function isGone(error: unknown): boolean {
  return error instanceof SystemError &&
    (error.code === "ENOENT" || error.code === "EBADF");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}
