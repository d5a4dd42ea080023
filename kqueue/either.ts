/**
 * Calls on a queue of either kind. A queue belongs to the first of `kevent` and `kevent64` that is called on it, and
 * the other is EINVAL from then on, before it does anything (R10a, `kevent_get_kqfile` of xnu).
 */
import { constants } from "node:os";
import { KEVENT_FLAG_IMMEDIATE, KEVENT_FLAG_NONE } from "../constants.ts";
import { errno, kevent, kevent64 } from "../ffi.ts";
import { Kevent64List, KeventList, memoryOf } from "../kevent/list.ts";
import { copyRecord, KEVENT64_SIZE } from "../kevent/memory.ts";
import { Timespec } from "../kevent/timespec.ts";

const { EINVAL } = constants.errno;

type List = KeventList | Kevent64List;

/** The timeout of a call that does not wait. To `kevent64` it is a flag, which costs less on macOS. */
export const NOW: Timespec = new Timespec();

/**
 * The call whose records the lists hold, or where the queue belongs to the other, that one with copies of the records.
 * `ext` is lost on the way to `kevent`.
 *
 * @returns The count, or -1 with `errno()`: EINVAL where both calls say so.
 */
export function callEither(
  kq: number,
  changes: List | null,
  events: List | null,
  timeout: Timespec | null,
): number {
  const is64 = (changes ?? events)?.recordSize === KEVENT64_SIZE;
  const length = changes === null ? 0 : changes.length;
  const count = callOne(is64, kq, changes, events, timeout);
  if (count !== -1 || errno() !== EINVAL) return count;
  // A call that fails empties its event list, which may be the changes'.
  if (changes !== null) memoryOf(changes).length = length;
  return callOther(!is64, kq, changes, events, timeout);
}

function callOne(
  is64: boolean,
  kq: number,
  changes: List | null,
  events: List | null,
  timeout: Timespec | null,
): number {
  if (!is64) {
    return kevent(kq, changes as KeventList, events as KeventList, timeout);
  }
  const flags = timeout === NOW ? KEVENT_FLAG_IMMEDIATE : KEVENT_FLAG_NONE;
  return kevent64(
    kq,
    changes as Kevent64List,
    events as Kevent64List,
    flags,
    timeout === NOW ? null : timeout,
  );
}

function callOther(
  is64: boolean,
  kq: number,
  changes: List | null,
  events: List | null,
  timeout: Timespec | null,
): number {
  const otherChanges = changes === null ? null : twinOf(changes);
  if (changes !== null && otherChanges !== null) copy(changes, otherChanges);
  const otherEvents = events === null ? null : twinOf(events);
  const count = callOne(is64, kq, otherChanges, otherEvents, timeout);
  if (events !== null && otherEvents !== null) copy(otherEvents, events);
  return count;
}

/** For each list that met a queue of the other kind, one of as many records of the other size. */
const twins = new WeakMap<List, List>();

function twinOf(list: List): List {
  let twin = twins.get(list);
  if (twin === undefined) {
    twin = list.recordSize === KEVENT64_SIZE
      ? new KeventList(list.capacity)
      : new Kevent64List(list.capacity);
    twins.set(list, twin);
  }
  return twin;
}

function copy(from: List, to: List): void {
  const source = memoryOf(from);
  const target = memoryOf(to);
  for (let index = 0; index < source.length; index++) {
    copyRecord(source, index, target, index);
  }
  target.length = source.length;
}
