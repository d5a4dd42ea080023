/** Failures of system calls. */
import {
  EV_ADD,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_FUNLOCK,
  NOTE_LEASE_DOWNGRADE,
  NOTE_LEASE_RELEASE,
  NOTE_MACHTIME,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from "./constants.ts";
import { errnoName, errnoText } from "./errno.ts";
import { filterName, noteNames } from "./kevent/describe.ts";
import type { Kevent, KeventInit } from "./kevent/record.ts";
import { optionsOf } from "./options.ts";
import { OS } from "./runtime.ts";

/** The filters whose ident is a descriptor. */
const OF_DESCRIPTORS: readonly number[] = [
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_EXCEPT,
  EVFILT_VNODE,
];

/** The notes that a system has not (R56, R83, R91). */
const UNSUPPORTED: ReadonlyMap<number, number> = new Map(
  OS === "darwin" ? [[EVFILT_PROC, NOTE_TRACK | NOTE_TRACKERR | NOTE_CHILD]] : [
    [EVFILT_PROC, ~(NOTE_EXIT | NOTE_EXITSTATUS)],
    [EVFILT_TIMER, NOTE_MACHTIME],
    [EVFILT_VNODE, NOTE_FUNLOCK | NOTE_LEASE_DOWNGRADE | NOTE_LEASE_RELEASE],
  ],
);

/** How many refused changes a message names. */
const MAX_NAMED = 8;

/** One change of a batch that the kernel refused. */
export interface ChangeFailure {
  /** The change's place in the batch, from 0. */
  readonly index: number;
  /** The change as it was given. */
  readonly change: KeventInit;
  /** What it was for: the ident that the kernel was given. */
  readonly ident: bigint;
  /** Which kind of watcher it was for: the filter that the kernel was given. */
  readonly filter: number;
  /** Why: the errno's name, such as "EBADF". */
  readonly code: string;
  /** Why: the platform's number for {@linkcode code}. */
  readonly errno: number;
  /** Why, in words. */
  readonly reason: string;
}

/**
 * What is told of a change that was refused. Of the change as it was given no field is asked any more: they were read
 * once, before it went to the kernel.
 *
 * @param result The record in which the kernel tells the outcome: the change with EV_ERROR, its data the errno.
 */
export function changeFailure(
  index: number,
  change: KeventInit,
  result: Kevent,
): ChangeFailure {
  const { ident, filter } = result;
  const errno = Number(result.data);
  const code = errnoName(errno);
  const reason = reasonOf(code, result, errno) ?? textOf(errno);
  return { index, change, ident, filter, code, errno, reason };
}

/** What an errno means of a watcher, where the platform's words are about a file, or say less than is known. */
function reasonOf(
  code: string,
  { filter, flags, fflags }: Kevent,
  errno: number,
): string | undefined {
  if (code === "ENOENT" && (flags & EV_ADD) === 0) {
    return "ENOENT, no such watcher; EV_ADD makes one";
  }
  if (code === "ESRCH" && filter === EVFILT_PROC) {
    return "ESRCH, no such process, or it has exited; if it is a child, waitpid has its status";
  }
  if (code === "ENOTSUP") {
    const notes = fflags & (UNSUPPORTED.get(filter) ?? 0);
    const which = notes === 0 ? "" : `: ${noteNames(filter, notes)}`;
    return `ENOTSUP, not supported here${which}`;
  }
  const isAdded = (flags & EV_ADD) !== 0;
  if (code === "EINVAL" && isAdded && OF_DESCRIPTORS.includes(filter)) {
    return `${textOf(errno)}; perhaps this kind of file has no ${
      filterName(filter)
    }`;
  }
  return undefined;
}

/** An errno's name, with the platform's words for it where it has any. */
function textOf(errno: number): string {
  const text = errnoText(errno);
  return text === undefined ? errnoName(errno) : `${errnoName(errno)}, ${text}`;
}

/** What a {@linkcode SystemError} may know besides the call and its errno. */
export interface SystemErrorOptions {
  /** The changes that were refused, in order, where a batch was. */
  readonly failures?: readonly ChangeFailure[];
  /** What else the message should say. */
  readonly detail?: string;
}

const OPTIONS: Required<SystemErrorOptions> = {
  detail: "/tmp/x",
  failures: [],
};

/**
 * A system call that failed.
 *
 * ```ts
 * import { SystemError } from "@kqueue/kqueue/ffi";
 *
 * const error = new SystemError("kevent", 9);
 * console.log(error.code, error.errno, error.syscall); // EBADF 9 kevent
 * ```
 *
 * Numbers, names and texts of errors are the platform's.
 */
export class SystemError extends Error {
  /** The class's name. */
  override readonly name = "SystemError";
  /** The errno's name, such as "EBADF"; what programs should compare. */
  readonly code: string;
  /** The platform's number of the error: positive, as in C. */
  readonly errno: number;
  /** The call that failed, such as "kevent64". */
  readonly syscall: string;
  /** The first change that was refused, where the call was to apply changes. */
  readonly change?: KeventInit;
  /** Every change that was refused, in order; empty where the call as a whole failed. */
  readonly failures: readonly ChangeFailure[];

  /**
   * Makes the error for a call that left `errno` behind.
   *
   * @param syscall The call's name.
   * @param errno The platform's number, positive.
   */
  constructor(
    syscall: string,
    errno: number,
    options?: SystemErrorOptions,
  ) {
    const { failures = [], detail } = optionsOf(options, OPTIONS);
    super(message(syscall, errno, failures, detail));
    this.code = errnoName(errno);
    this.errno = errno;
    this.syscall = syscall;
    this.failures = failures;
    if (failures.length > 0) this.change = failures[0].change;
  }
}

function message(
  syscall: string,
  errno: number,
  failures: readonly ChangeFailure[],
  detail: string | undefined,
): string {
  const outcome = failures.length === 0
    ? `failed: ${textOf(errno)}`
    : failures.length === 1
    ? `refused change ${describe(failures[0])}: ${failures[0].reason}`
    : `refused ${failures.length} changes: ${describeAll(failures)}`;
  const whole = `${syscall} ${outcome}`;
  return detail === undefined ? whole : `${whole} - ${detail}`;
}

/** Names the first few; `failures` has them all. */
function describeAll(failures: readonly ChangeFailure[]): string {
  const named = failures.slice(0, MAX_NAMED)
    .map((failure) => `${describe(failure)} ${failure.code}`);
  const more = failures.length - named.length;
  return more === 0
    ? named.join("; ")
    : `${named.join("; ")}; and ${more} more`;
}

function describe({ index, ident, filter }: ChangeFailure): string {
  return `${index} (ident ${ident}, ${filterName(filter)})`;
}
