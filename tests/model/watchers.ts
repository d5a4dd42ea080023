/** The watchers of the model: what each must report, may report and must not. */
import { assert } from "@std/assert";
import { constants } from "node:os";
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  type Kevent,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from "../../mod.ts";
import type { End, Truth } from "./channels.ts";

/** A change with all its fields. */
export type Change = Kevent;

/** R16: the flags that tell something. Whether the registration's orders come back matters to nobody. */
const TELLING = ~(EV_ENABLE | EV_DISABLE);

/** One (ident, filter) pair (R1). */
export abstract class Watcher {
  /** R1: of the change that made it; its mode stays. */
  readonly flags: number;
  isEnabled: boolean;
  udata: bigint;
  /** The watchers that were reported while this one was ready and was not (R18). */
  readonly passedBy = new Set<Watcher>();

  constructor(change: Change) {
    this.flags = change.flags;
    this.udata = change.udata;
    this.isEnabled = (change.flags & EV_DISABLE) === 0;
  }

  /** Whether it is to be reported, were there room. */
  get isReady(): Truth {
    return this.isEnabled ? this.fires() : "no"; // R15
  }

  /** R12: whether a report is its end. */
  get isOneShot(): boolean {
    return (this.flags & EV_ONESHOT) !== 0;
  }

  /** R1: a change of a watcher that is there. Without EV_ENABLE a disabled one stays so. */
  touch(change: Change): void {
    this.udata = change.udata;
    if ((change.flags & EV_DISABLE) !== 0) this.isEnabled = false; // R3
    else if ((change.flags & EV_ENABLE) !== 0) this.isEnabled = true;
    this.take(change);
    // A change may cost a watcher its place among the ready ones: it is disabled and enabled, or put there afresh.
    this.passedBy.clear();
  }

  /** Its event was returned. */
  report(event: Kevent): void {
    assertField("udata", event.udata, this.udata);
    this.check(event);
    if ((this.flags & EV_DISPATCH) !== 0) this.isEnabled = false; // R14
    this.settle();
    this.passedBy.clear();
  }

  /** Asserts an event's flags: those of the registration, and EV_EOF or not (R16). */
  protected checkFlags(event: Kevent, atEnd: boolean): void {
    const expected = (this.flags | (atEnd ? EV_EOF : 0)) & TELLING;
    assertField("flags", event.flags & TELLING, expected);
  }

  protected abstract fires(): Truth;
  protected abstract take(change: Change): void;
  protected abstract check(event: Kevent): void;
  /** After a report: an edge is quiet. */
  protected abstract settle(): void;
}

/** EVFILT_USER. */
export class UserWatcher extends Watcher {
  #isTriggered: boolean;
  #fflags: number;
  #data: bigint;

  constructor(change: Change) {
    super(change);
    this.#fflags = change.fflags >>> 0; // R61: as it was, control bits included
    this.#data = change.data;
    this.#isTriggered = isTrigger(change);
  }

  protected override fires(): Truth {
    return this.#isTriggered ? "yes" : "no"; // R60
  }

  protected override take(change: Change): void {
    this.#fflags = combine(this.#fflags, change.fflags);
    this.#data = change.data;
    if (isTrigger(change)) this.#isTriggered = true;
  }

  protected override check(event: Kevent): void {
    this.checkFlags(event, false);
    assertField("fflags", event.fflags, this.#fflags); // R61
    assertField("data", event.data, this.#data);
  }

  protected override settle(): void {
    if ((this.flags & EV_CLEAR) !== 0) this.#isTriggered = false;
  }
}

function isTrigger({ fflags }: Change): boolean {
  return (fflags & NOTE_TRIGGER) !== 0;
}

/** R61 */
function combine(own: number, given: number): number {
  const bits = given & NOTE_FFLAGSMASK;
  switch ((given & NOTE_FFCTRLMASK) >>> 0) {
    case NOTE_FFAND:
      return own & bits;
    case NOTE_FFOR:
      return (own | bits) >>> 0;
    case NOTE_FFCOPY:
      return bits;
    default:
      return own;
  }
}

/** EVFILT_READ or EVFILT_WRITE at one end of a channel. */
abstract class EndWatcher extends Watcher {
  /**
   * R13: whether something happened since the last report of an edge; "maybe" where only some kernels count it as a
   * change of state. What holds at the beginning is news.
   */
  #news: Truth = "yes";

  constructor(readonly end: End, change: Change) {
    super(change);
  }

  /** Something happened at the end or at its peer. */
  happened(isChange: "yes" | "maybe"): void {
    if (this.#news !== "yes") this.#news = isChange;
  }

  /** R11: a level fires while its condition holds. R13: an edge needs news as well. */
  protected override fires(): Truth {
    const holds = this.holds();
    if ((this.flags & EV_CLEAR) === 0 || holds === "no") return holds;
    return this.#news === "yes" ? holds : this.#news;
  }

  protected override take(_change: Change): void {
    // A change looks at the condition anew: what holds then is news to an edge, enabled or not (R15).
    this.#news = "yes";
  }

  protected override settle(): void {
    this.#news = "no";
  }

  /** Whether its condition holds. */
  protected abstract holds(): Truth;

  protected get isAtEnd(): boolean {
    return !this.end.peer.isOpen;
  }

  protected override check(event: Kevent): void {
    this.checkFlags(event, this.isAtEnd);
    // R32: at the end a socket's error or 0.
    const mayBeReset = this.isAtEnd && this.end.peer.wasReset;
    const allowed = mayBeReset ? [0, constants.errno.ECONNRESET] : [0];
    assertField("fflags", event.fflags, ...allowed);
  }
}

/** EVFILT_READ. */
export class ReadWatcher extends EndWatcher {
  #mark = 1;
  #isMarked = false;

  constructor(end: End, change: Change) {
    super(end, change);
    this.take(change);
  }

  protected override holds(): Truth {
    if (this.isAtEnd) return "yes"; // R32, R36, R35
    return this.end.canRead && this.end.unread >= this.#mark ? "yes" : "no";
  }

  protected override take(change: Change): void {
    const hasMark = (change.fflags & NOTE_LOWAT) !== 0;
    this.#isMarked = hasMark;
    this.#mark = hasMark ? Math.max(1, Number(change.data)) : 1; // R35
    super.take(change);
  }

  protected override check(event: Kevent): void {
    super.check(event);
    // R35, *Linux*: 1 may stand for "some" where no more than that was asked for.
    const isSome = this.#isMarked && this.#mark === 1 && event.data === 1n;
    if (!isSome) assertField("data", event.data, BigInt(this.end.unread));
  }
}

/** EVFILT_WRITE. */
export class WriteWatcher extends EndWatcher {
  protected override holds(): Truth {
    return this.isAtEnd ? "yes" : this.end.peer.room; // R33, R36
  }

  protected override check(event: Kevent): void {
    super.check(event);
    // Its exact room is the kernel's affair; at the end there may be none.
    assert(event.data > 0n || this.isAtEnd, `data is ${event.data}, not room`);
  }

  protected override settle(): void {
    super.settle();
    this.end.peer.room = "yes"; // as the report says
  }
}

function assertField<T>(name: string, actual: T, ...allowed: T[]): void {
  const expected = allowed.join(" or ");
  assert(allowed.includes(actual), `${name} is ${actual}, not ${expected}`);
}
