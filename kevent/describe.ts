/** Changes and events in words, with the names of `<sys/event.h>` for their numbers. */
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EV_ONESHOT,
  EV_OOBAND,
  EV_POLL,
  EV_RECEIPT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_AIO,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_MACHPORT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VM,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ABSOLUTE,
  NOTE_ATTRIB,
  NOTE_BACKGROUND,
  NOTE_CHILD,
  NOTE_CRITICAL,
  NOTE_DELETE,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_EXIT_CSERROR,
  NOTE_EXIT_DECRYPTFAIL,
  NOTE_EXIT_DETAIL,
  NOTE_EXIT_MEMORY,
  NOTE_EXIT_REPARENTED,
  NOTE_EXITSTATUS,
  NOTE_EXTEND,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFOR,
  NOTE_FORK,
  NOTE_FUNLOCK,
  NOTE_LEASE_DOWNGRADE,
  NOTE_LEASE_RELEASE,
  NOTE_LEEWAY,
  NOTE_LINK,
  NOTE_LOWAT,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_MACHTIME,
  NOTE_NONE,
  NOTE_NSECONDS,
  NOTE_OOB,
  NOTE_REAP,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_SECONDS,
  NOTE_SIGNAL,
  NOTE_TRACK,
  NOTE_TRACKERR,
  NOTE_TRIGGER,
  NOTE_USECONDS,
  NOTE_WRITE,
} from "../constants.ts";
import { errnoName } from "../errno.ts";
import {
  KEVENT64_SIZE,
  readExt,
  readRecord,
  type RecordMemory,
} from "./memory.ts";
import { shown } from "../options.ts";
import type { Kevent64Init, KeventInit } from "./record.ts";

type Names = Readonly<Record<string, number>>;

const FILTERS: Names = {
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_AIO,
  EVFILT_VNODE,
  EVFILT_PROC,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_MACHPORT,
  EVFILT_FS,
  EVFILT_USER,
  EVFILT_VM,
  EVFILT_EXCEPT,
};

const FLAGS: Names = {
  EV_ADD,
  EV_DELETE,
  EV_ENABLE,
  EV_DISABLE,
  EV_ONESHOT,
  EV_CLEAR,
  EV_RECEIPT,
  EV_DISPATCH,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EV_POLL,
  EV_OOBAND,
  EV_ERROR,
  EV_EOF,
};

const DESCRIPTOR_NOTES: Names = { NOTE_LOWAT, NOTE_OOB };

/** A note's name depends on the filter: the same bit means something else to another. */
const NOTES: ReadonlyMap<number, Names> = new Map([
  [EVFILT_READ, DESCRIPTOR_NOTES],
  [EVFILT_WRITE, DESCRIPTOR_NOTES],
  [EVFILT_EXCEPT, DESCRIPTOR_NOTES],
  [EVFILT_TIMER, {
    NOTE_SECONDS,
    NOTE_USECONDS,
    NOTE_NSECONDS,
    NOTE_ABSOLUTE,
    NOTE_LEEWAY,
    NOTE_CRITICAL,
    NOTE_BACKGROUND,
    NOTE_MACH_CONTINUOUS_TIME,
    NOTE_MACHTIME,
  }],
  [EVFILT_USER, { NOTE_TRIGGER }],
  [EVFILT_PROC, {
    NOTE_EXIT,
    NOTE_FORK,
    NOTE_EXEC,
    NOTE_REAP,
    NOTE_SIGNAL,
    NOTE_EXITSTATUS,
    NOTE_EXIT_DETAIL,
    NOTE_EXIT_DECRYPTFAIL,
    NOTE_EXIT_MEMORY,
    NOTE_EXIT_CSERROR,
    NOTE_EXIT_REPARENTED,
    NOTE_TRACK,
    NOTE_TRACKERR,
    NOTE_CHILD,
  }],
  [EVFILT_VNODE, {
    NOTE_DELETE,
    NOTE_WRITE,
    NOTE_EXTEND,
    NOTE_ATTRIB,
    NOTE_LINK,
    NOTE_RENAME,
    NOTE_REVOKE,
    NOTE_NONE,
    NOTE_FUNLOCK,
    NOTE_LEASE_DOWNGRADE,
    NOTE_LEASE_RELEASE,
  }],
]);

const NO_EXT = [0n, 0n] as const;

/** How many records of a list are shown. */
const MAX_SHOWN = 100;

/**
 * A change or an event in one line, for logs: its filter, flags and notes by their names, and an errno by its own.
 *
 * ```ts
 * import { describe, EV_ADD, EV_ONESHOT, kevTimer, NOTE_SECONDS } from "@kqueue/kqueue";
 *
 * const change = kevTimer(1, 5, { flags: EV_ADD | EV_ONESHOT, fflags: NOTE_SECONDS });
 * console.log(describe(change));
 * // { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD | EV_ONESHOT, fflags: NOTE_SECONDS, data: 5, udata: 0 }
 * ```
 *
 * @param event A record of a list, or what one is given as.
 * @throws {TypeError} for what is no record.
 */
export function describe(event: KeventInit | Kevent64Init): string {
  checkRecord(event);
  const { ident, filter, flags = 0, fflags = 0, data = 0, udata = 0 } = event;
  const { ext } = event as Kevent64Init;
  const parts = [
    `ident: ${ident}`,
    `filter: ${nameOf(filter) ?? filter}`,
    `flags: ${bitNames(flags, FLAGS)}`,
    `fflags: ${fflagsText(filter, flags, fflags >>> 0)}`,
    `data: ${dataText(flags, data)}`,
    `udata: ${udata}`,
  ];
  if (ext !== undefined && ext.some((word) => BigInt(word) !== 0n)) {
    parts.push(`ext: [${ext.join(", ")}]`);
  }
  return `{ ${parts.join(", ")} }`;
}

function checkRecord(event: unknown): void {
  const isObject = typeof event === "object" && event !== null;
  if (isObject && "ident" in event && "filter" in event) return;
  const each = isObject && Symbol.iterator in event
    ? "; describe each of them"
    : "";
  throw new TypeError(
    `event must be a record such as those of kq.poll(), got ${
      shown(event)
    }${each}`,
  );
}

/** The names of a filter's notes. */
export function noteNames(filter: number, fflags: number): string {
  return bitNames(fflags >>> 0, NOTES.get(filter) ?? {});
}

/** A filter's name for messages. */
export function filterName(filter: number): string {
  return nameOf(filter) ?? `filter ${filter}`;
}

function nameOf(filter: number): string | undefined {
  return Object.entries(FILTERS).find(([, value]) => value === filter)?.[0];
}

/** In an event that reports the end of a socket, fflags are the socket's error (R32). */
function fflagsText(filter: number, flags: number, fflags: number): string {
  const isEnd = (flags & EV_EOF) !== 0 &&
    (filter === EVFILT_READ || filter === EVFILT_WRITE);
  if (isEnd && fflags !== 0) return errnoName(fflags);
  const names = NOTES.get(filter) ?? {};
  return filter === EVFILT_USER
    ? userNotes(fflags, names)
    : bitNames(fflags, names);
}

/** The two highest bits are one number, and the lower 24 are the caller's (R61). */
function userNotes(fflags: number, names: Names): string {
  const control = (fflags & NOTE_FFCTRLMASK) >>> 0;
  const operation = Object.entries({ NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY })
    .find(([, value]) => value === control)?.[0];
  const rest = (fflags & ~NOTE_FFCTRLMASK) >>> 0;
  if (operation === undefined) return bitNames(rest, names);
  return rest === 0 ? operation : `${operation} | ${bitNames(rest, names)}`;
}

/** In a record that tells of a change, data is the errno, 0 for a receipt (R7). */
function dataText(flags: number, data: number | bigint): string {
  return (flags & EV_ERROR) !== 0 && BigInt(data) !== 0n
    ? errnoName(Number(data))
    : String(data);
}

/** Bits by their names, and what has none in hexadecimal. */
function bitNames(bits: number, names: Names): string {
  const parts: string[] = [];
  let rest = bits;
  for (const [name, bit] of Object.entries(names)) {
    if ((rest & bit) === 0) continue;
    parts.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
  return parts.length === 0 ? "0" : parts.join(" | ");
}

/** A list as a console shows it: how many records of how many, and each. */
export function describeList(memory: RecordMemory): string {
  const { length, capacity, recordSize } = memory;
  const name = recordSize === KEVENT64_SIZE ? "Kevent64List" : "KeventList";
  const lines: string[] = [];
  for (let index = 0; index < length && index < MAX_SHOWN; index++) {
    const record = readRecord(memory, index);
    const ext = recordSize === KEVENT64_SIZE ? readExt(memory, index) : NO_EXT;
    lines.push(`  ${describe({ ...record, ext })},\n`);
  }
  if (length > MAX_SHOWN) lines.push(`  ... ${length - MAX_SHOWN} more\n`);
  const records = lines.length === 0 ? "[]" : `[\n${lines.join("")}]`;
  return `${name}(${length} of ${capacity}) ${records}`;
}
