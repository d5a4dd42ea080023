/**
 * Calls on a queue of either kind. A queue belongs to the first of `kevent` and `kevent64` that is called on it, and
 * the other is EINVAL from then on, before it does anything (R10a, `kevent_get_kqfile` of xnu).
 */
import { constants } from "node:os";
import { KEVENT_FLAG_IMMEDIATE, KEVENT_FLAG_NONE } from "../constants.ts";
import { errno } from "../ffi.ts";
import { currentKernel } from "../kernel.ts";
import {
  copyRecords,
  KEVENT64_SIZE,
  KEVENT_SIZE,
  RecordMemory,
} from "../kevent/memory.ts";
import { Timespec, timespecMemoryOf } from "../kevent/timespec.ts";

const { EINVAL } = constants.errno;

/** The timeout of a call that does not wait. To `kevent64` it is a flag, which costs less on macOS. */
export const NOW: Timespec = new Timespec();
const NOW_MEMORY = timespecMemoryOf(NOW);

/**
 * The call whose records the memory holds, or where the queue belongs to the other, that one with copies of the records.
 * `ext` is lost on the way to `kevent`.
 *
 * @returns The count, or -1 with `errno()`: EINVAL where both calls say so.
 */
export function callEither(
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  const count = callFirst(kq, changes, events, timeout);
  return count === -1 ? callOther(kq, changes, events, timeout) : count;
}

/** The first half of {@linkcode callEither}: the call whose records the memory holds. */
export function callFirst(
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  const is64 = (changes ?? events)?.recordSize === KEVENT64_SIZE;
  return callOne(is64, kq, changes, events, timeout);
}

/** The same for what is ready now, which is called most: it asks least. */
export function collectFirst(kq: number, events: RecordMemory): number {
  const kernel = currentKernel();
  const count = events.recordSize === KEVENT64_SIZE
    ? kernel.kevent64(kq, null, events, KEVENT_FLAG_IMMEDIATE, null)
    : kernel.kevent(kq, null, events, NOW_MEMORY);
  events.length = count === -1 ? 0 : count;
  return count;
}

/** The second half, for a call that failed: the other one, where it said EINVAL, which its kind may be the reason of. */
export function callOther(
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  if (errno() !== EINVAL) return -1;
  const is64 = (changes ?? events)?.recordSize !== KEVENT64_SIZE;
  const otherChanges = changes === null ? null : twinOf(changes);
  if (changes !== null && otherChanges !== null) {
    copyRecords(changes, otherChanges, changes.length);
  }
  const otherEvents = events === null ? null : twinOf(events);
  const count = callOne(is64, kq, otherChanges, otherEvents, timeout);
  if (count !== -1 && events !== null && otherEvents !== null) {
    copyRecords(otherEvents, events, otherEvents.length);
  }
  return count;
}

function callOne(
  is64: boolean,
  kq: number,
  changes: RecordMemory | null,
  events: RecordMemory | null,
  timeout: Timespec | null,
): number {
  const kernel = currentKernel();
  const isNow = timeout === NOW;
  const memory = timeout === null || (isNow && is64)
    ? null
    : timespecMemoryOf(timeout);
  const count = is64
    ? kernel.kevent64(
      kq,
      changes,
      events,
      isNow ? KEVENT_FLAG_IMMEDIATE : KEVENT_FLAG_NONE,
      memory,
    )
    : kernel.kevent(kq, changes, events, memory);
  // Where a call fails, changes that share their memory with the events are still to be applied.
  if (events !== null && (count !== -1 || events !== changes)) {
    events.length = count === -1 ? 0 : count;
  }
  return count;
}

/** As many records of the other size, kept with those that have met a queue of the other kind. */
function twinOf(memory: RecordMemory): RecordMemory {
  const { recordSize, capacity } = memory;
  const other = recordSize === KEVENT64_SIZE ? KEVENT_SIZE : KEVENT64_SIZE;
  return memory.twin ??= new RecordMemory(other, capacity);
}
