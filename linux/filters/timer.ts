/** EVFILT_TIMER (R50 to R56). */
import {
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_TIMER,
  NOTE_ABSOLUTE,
  NOTE_LEEWAY,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_MACHTIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from "../../constants.ts";
import type { Change } from "../change.ts";
import type { Host } from "../host.ts";
import { fillReport, type Filter, type Knote } from "../knote.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  clockTime,
} from "../system/clock.ts";
import {
  captureErrno,
  clearScratch,
  CLOEXEC,
  EINVAL,
  ENOTSUP,
  ERANGE,
  libc,
  NONBLOCK,
  scratch,
} from "../system/libc.ts";
import { release, setAside } from "../system/own.ts";
import { TimerHeap } from "./timer_heap.ts";

const TFD_TIMER_ABSTIME = 1;
const SECOND = 1e9;
const TWO_32 = 2 ** 32;
/** More nanoseconds than there can be (R50). */
const MAX_NANOSECONDS = 2n ** 64n;
/** As far ahead as a timerfd is set at once; what is later is set again then. */
const MAX_SECONDS = 2 ** 31;

/** Timers by one clock: one timerfd, set to the earliest. */
class Clock {
  readonly id: number;
  fd: number;
  readonly host: Host;
  readonly baseSeconds: number;
  readonly heap = new TimerHeap();
  /** What the timerfd is set to; Infinity for nothing. */
  #armed = Infinity;

  constructor(
    id: number,
    fd: number,
    host: Host,
  ) {
    this.id = id;
    this.fd = fd;
    this.host = host;
    this.baseSeconds = Math.floor(clockTime(id, 0) / SECOND);
  }

  moved(fd: number): void {
    this.fd = fd;
  }

  now(): number {
    return clockTime(this.id, this.baseSeconds);
  }

  /** Whether its timerfd can be set at all. The errno, 0 if it can. */
  check(): number {
    clearScratch(8);
    const { pointer } = scratch;
    return libc.timerfd_settime(this.fd, 0, pointer, null) === -1
      ? captureErrno()
      : 0;
  }

  /** Sets the timerfd to the earliest deadline, if that is another one. */
  arm(): void {
    const deadline = this.heap.first?.deadline ?? Infinity;
    if (deadline === this.#armed) return;
    this.#armed = deadline;
    const { words, pointer } = scratch;
    clearScratch(8); // struct itimerspec: interval, then value, each of two 64-bit words
    if (deadline !== Infinity) {
      // A value of 0 would disarm it.
      const seconds = Math.max(0, Math.floor(deadline / SECOND));
      const nanoseconds = Math.max(1, Math.ceil(deadline - seconds * SECOND));
      const at = this.baseSeconds + Math.min(seconds, MAX_SECONDS);
      words[4] = at;
      words[5] = Math.floor(at / TWO_32);
      words[6] = Math.min(nanoseconds, SECOND - 1);
    }
    libc.timerfd_settime(this.fd, TFD_TIMER_ABSTIME, pointer, null);
  }

  /** The timerfd has expired: hands over the timers that are due. */
  ready(): void {
    this.#armed = -1; // settle() sets it again, which also makes it unreadable
    const now = this.now();
    for (;;) {
      const knote = this.heap.first;
      if (knote === undefined || knote.deadline > now) break;
      this.heap.remove(knote);
      knote.active = true;
      if (knote.enabled) this.host.ready(knote);
    }
  }
}

export class TimerFilter implements Filter {
  readonly number: number = EVFILT_TIMER;
  readonly #host: Host;
  readonly #knotes = new Map<number | bigint, Knote>();
  readonly #clocks = new Map<number, Clock>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(ident: number | bigint): Knote | undefined {
    return this.#knotes.get(ident);
  }

  attach(knote: Knote, change: Change): number {
    const error = this.#start(knote, change);
    if (error === 0) this.#knotes.set(knote.ident, knote);
    return error;
  }

  touch(knote: Knote, change: Change): number {
    if (((knote.fflags ^ change.fflags) & NOTE_ABSOLUTE) !== 0) return EINVAL;
    const before = this.#clockOf(knote);
    const error = this.#start(knote, change, () => {
      before?.heap.remove(knote);
      this.#host.unready(knote);
      knote.take(change);
      knote.enabledBy(change);
    });
    return error;
  }

  detach(knote: Knote): number {
    this.retire(knote);
    return 0;
  }

  examine(knote: Knote): boolean {
    const clock = this.#clockOf(knote);
    let periods = 1;
    if (knote.period > 0 && clock !== undefined) {
      const late = clock.now() - knote.deadline;
      periods += Math.max(0, Math.floor(late / knote.period));
      knote.deadline += periods * knote.period;
      clock.heap.add(knote);
    }
    knote.active = false;
    const once = (knote.fflags & NOTE_ABSOLUTE) === 0 ? 0 : EV_ONESHOT;
    fillReport(EV_CLEAR | once, 0, periods);
    return true;
  }

  holds(): boolean {
    return true; // until it is reported
  }

  staysReady(): boolean {
    return false;
  }

  rest(): void {}

  retire(knote: Knote): void {
    this.#clockOf(knote)?.heap.remove(knote);
    this.#knotes.delete(knote.ident);
  }

  closed(): void {}

  dispose(): void {
    for (const clock of this.#clocks.values()) release(clock.fd);
  }

  /** Sets the timerfds, once for all changes and all reports of a call. */
  settle(): void {
    if (this.#clocks.size === 0) return;
    for (const clock of this.#clocks.values()) clock.arm();
  }

  /** Checks everything, then `commit`s and lets the timer run. */
  #start(knote: Knote, change: Change, commit?: () => void): number {
    const unit = unitOf(change.fflags);
    if (unit < 0) return -unit;
    const isLoose = (change.fflags & NOTE_LEEWAY) !== 0;
    const leeway = isLoose ? change.leeway * BigInt(unit) : 0n;
    if (leeway >= MAX_NANOSECONDS || isTooLong(change, unit)) return ERANGE;
    const clock = this.#open(clockFor(change.fflags));
    if (typeof clock === "number") return clock;
    commit?.();
    knote.ext = leeway === 0n ? null : extOf(leeway);
    knote.active = false;
    if ((change.fflags & NOTE_ABSOLUTE) !== 0) {
      // Nanoseconds since 1970 are more than a double holds: take the difference first.
      const base = BigInt(clock.baseSeconds) * BigInt(SECOND);
      const time = BigInt.asUintN(64, change.dataBigInt) * BigInt(unit);
      knote.deadline = Number(time - base);
      knote.period = 0;
    } else {
      knote.period = Math.max(0, change.data * unit);
      knote.deadline = knote.period === 0 ? -1 : clock.now() + knote.period;
    }
    if (knote.deadline > 0) {
      clock.heap.add(knote);
    } else {
      knote.active = true;
      if (knote.enabled) this.#host.ready(knote);
    }
    return 0;
  }

  #clockOf(knote: Knote): Clock | undefined {
    return this.#clocks.get(clockFor(knote.fflags));
  }

  #open(id: number): Clock | number {
    const open = this.#clocks.get(id);
    if (open !== undefined) return open;
    const fd = setAside(libc.timerfd_create(id, CLOEXEC | NONBLOCK));
    if (fd === -1) return captureErrno();
    const clock = new Clock(id, fd, this.#host);
    const error = clock.check() || this.#host.addSource(fd, clock);
    if (error !== 0) {
      libc.close(fd);
      return error;
    }
    this.#clocks.set(id, clock);
    return clock;
  }
}

/** R50: whether data are 2^64 ns or more: those of an absolute time unsigned, while no negative period is too long. */
function isTooLong(change: Change, unit: number): boolean {
  const isAbsolute = (change.fflags & NOTE_ABSOLUTE) !== 0;
  if (change.data < 0 && !isAbsolute) return false;
  if (change.data >= 0 && Number.isSafeInteger(change.data * unit)) {
    return false;
  }
  const units = BigInt.asUintN(64, change.dataBigInt);
  return units * BigInt(unit) >= MAX_NANOSECONDS;
}

/** R16: a timer's ext is 0 and its leeway, in ticks, which are nanoseconds here. */
function extOf(leeway: bigint): Int32Array {
  return new Int32Array(new BigUint64Array([0n, leeway]).buffer);
}

/** Nanoseconds of one unit of data, or -errno. */
function unitOf(fflags: number): number {
  const units = NOTE_SECONDS | NOTE_USECONDS | NOTE_NSECONDS | NOTE_MACHTIME;
  switch (fflags & units) {
    case 0:
      return 1e6;
    case NOTE_SECONDS:
      return SECOND;
    case NOTE_USECONDS:
      return 1e3;
    case NOTE_NSECONDS:
      return 1;
    case NOTE_MACHTIME:
      return -ENOTSUP; // R56
    default:
      return -EINVAL;
  }
}

function clockFor(fflags: number): number {
  if ((fflags & NOTE_ABSOLUTE) !== 0) return CLOCK_REALTIME;
  return (fflags & NOTE_MACH_CONTINUOUS_TIME) !== 0
    ? CLOCK_BOOTTIME
    : CLOCK_MONOTONIC;
}
