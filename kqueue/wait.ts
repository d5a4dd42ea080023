/** One change, and one wait, over a queue's descriptor. */
import { constants } from "node:os";
import { errno } from "../ffi.ts";
import { now } from "../intrinsics.ts";
import { currentKernel } from "../kernel.ts";
import { intOf, wrongNumber } from "../kevent/check.ts";
import {
  type Kevent64List,
  type KeventList,
  memoryOf,
} from "../kevent/list.ts";
import {
  checkChange,
  KEVENT_SIZE,
  readChange,
  RecordMemory,
  writeChange,
} from "../kevent/memory.ts";
import type { KeventInit } from "../kevent/record.ts";
import { Timespec } from "../kevent/timespec.ts";
import {
  callEither,
  callFirst,
  callOther,
  collectFirst,
  NOW,
} from "./either.ts";

const { EINTR } = constants.errno;

/** The longest wait that every macOS takes in one call: 100,000,000 s, more than three years. */
export const MAX_WAIT = 1e11;

/** The record of a call of kqApply: it is written when none of the caller's code can run before the kernel has it. */
const single = new RecordMemory(KEVENT_SIZE, 1);
const remaining = new Timespec();

/**
 * Applies one change now and collects nothing.
 *
 * It is a call of `kevent`, or of `kevent64` where the queue belongs to that.
 *
 * ```ts
 * import { close, errno, kevUser, kqApply, kqueue } from "@kqueue/kqueue";
 *
 * const kq = kqueue();
 * if (!kqApply(kq, kevUser(1))) console.error("refused, errno", errno());
 * close(kq);
 * ```
 *
 * @param kq A queue's descriptor.
 * @returns True on success; false on failure, with `errno()`.
 * @throws {RangeError} naming the field of the change and the value that does not fit it.
 */
export function kqApply(kq: number | bigint, change: KeventInit): boolean {
  const fd = intOf("kq", kq);
  readChange(change);
  checkChange();
  writeChange(single, 0, 0);
  single.length = 1;
  // A queue of this call's kind, as most are, is done with it.
  const count = currentKernel().kevent(fd, single, null, null);
  return count !== -1 || goOn(fd, single, null, null) !== -1;
}

/**
 * Waits for events and puts them into `events`, whose capacity is how many it takes at most.
 *
 * A wait that a signal interrupts goes on with the time that is left.
 *
 * ```ts
 * import { close, KeventList, kevTimer, kqApply, kqueue, kqWait } from "@kqueue/kqueue";
 *
 * const kq = kqueue();
 * kqApply(kq, kevTimer(1, 5));
 * const events = new KeventList(16);
 * console.log(kqWait(kq, events, 1000)); // 1
 * close(kq);
 * ```
 *
 * @param kq A queue's descriptor.
 * @param events Where to put the events: a list of the records that the queue's calls take, or else each call is made
 * twice and the events are copied. With a `Kevent64List`, a timeout of 0 costs least on macOS, as `kevent64` can be told
 * not to wait.
 * @param timeoutMs How long to wait at most, in milliseconds; fractions count. Negative or Infinity waits for ever, 0
 * not at all. The wait is never shorter.
 * @returns The number of events; 0 when the time ran out; -1 on failure, with `errno()`.
 * @throws {RangeError} for NaN.
 */
export function kqWait(
  kq: number | bigint,
  events: KeventList | Kevent64List,
  timeoutMs: number,
): number {
  return waitOn(intOf("kq", kq), memoryOf(events), timeoutMs);
}

/** The same, for events that are to be put into memory of this module. */
export function waitOn(
  kq: number,
  events: RecordMemory,
  timeoutMs: number,
): number {
  if (timeoutMs === 0) return collectNow(kq, events);
  checkTimeout(timeoutMs);
  const isEndless = timeoutMs < 0 || timeoutMs === Infinity;
  const deadline = isEndless ? Infinity : now() + timeoutMs;
  let left = timeoutMs;
  for (;;) {
    if (!isEndless) remaining.setMilliseconds(Math.min(left, MAX_WAIT));
    const count = callEither(kq, null, events, isEndless ? null : remaining);
    if (count > 0 || (count === -1 && errno() !== EINTR)) return count;
    if (isEndless) continue;
    // Interrupted, or at the end of the longest time that one call may wait.
    left = deadline - now();
    if (left <= 0) return 0;
    if (count === 0 && timeoutMs <= MAX_WAIT) return 0;
  }
}

/** Takes what is ready. The count, or -1 with `errno()`. */
export function collectNow(kq: number, events: RecordMemory): number {
  const count = collectFirst(kq, events);
  return count === -1 ? goOn(kq, null, events, NOW) : count;
}

/** A call with changes, which does not wait. */
export function callOn(
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  const count = callFirst(kq, changes, events, timeout);
  return count === -1 ? goOn(kq, changes, events, timeout) : count;
}

/**
 * What there is to do after such a call failed: the other one, and both again where a signal cut them short. On macOS
 * even a call that does not wait may sleep for a moment.
 */
function goOn(
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  let count = callOther(kq, changes, events, timeout);
  while (count === -1 && errno() === EINTR) {
    count = callEither(kq, changes, events, timeout);
  }
  return count;
}

/** Throws for what is no number of milliseconds. */
export function checkTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)) {
    throw wrongNumber("timeoutMs", timeoutMs, "a number of milliseconds");
  }
}

/** When a wait ends, on performance.now()'s clock. */
export function deadlineOf(timeoutMs: number): number {
  return timeoutMs < 0 ? Infinity : now() + timeoutMs;
}
