/** Failures of system calls. */
import { constants } from "node:os";
import { getSystemErrorMap, getSystemErrorName } from "node:util";
import * as darwin from "./constants.ts";
import type { KeventInit } from "./kevent/record.ts";

/** How many refused changes a message names. */
const MAX_NAMED = 8;

/** One change of a batch that the kernel refused. */
export interface ChangeFailure {
  /** The change's place in the batch, from 0. */
  readonly index: number;
  /** The change as it was given. */
  readonly change: KeventInit;
  /** Why: the errno's name, such as "EBADF". */
  readonly code: string;
  /** Why: the platform's number for {@linkcode code}. */
  readonly errno: number;
}

/** What a {@linkcode SystemError} may know besides the call and its errno. */
export interface SystemErrorOptions {
  /** The changes that were refused, in order, where a batch was. */
  readonly failures?: readonly ChangeFailure[];
  /** What else the message should say. */
  readonly detail?: string;
}

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
    { failures = [], detail }: SystemErrorOptions = {},
  ) {
    super(message(syscall, errno, failures, detail));
    this.code = errnoName(errno);
    this.errno = errno;
    this.syscall = syscall;
    this.failures = failures;
    if (failures.length > 0) this.change = failures[0].change;
  }
}

/** The platform's name for an errno, "E42" for one that it has none for. */
export function errnoName(errno: number): string {
  // node:util knows one name a number; node:os also those that libuv never reports.
  return getSystemErrorName(-errno) ?? nameFromOs(errno) ?? `E${errno}`;
}

function nameFromOs(errno: number): string | undefined {
  return Object.entries(constants.errno).find(([, n]) => n === errno)?.[0];
}

function message(
  syscall: string,
  errno: number,
  failures: readonly ChangeFailure[],
  detail: string | undefined,
): string {
  const text = getSystemErrorMap().get(-errno)?.[1];
  const what = text === undefined
    ? errnoName(errno)
    : `${errnoName(errno)}, ${text}`;
  const outcome = failures.length === 0
    ? `failed: ${what}`
    : failures.length === 1
    ? `refused change ${describe(failures[0])}: ${what}`
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

function describe({ index, change }: ChangeFailure): string {
  return `${index} (ident ${change.ident}, ${filterName(change.filter)})`;
}

/** A filter's name for messages. */
export function filterName(filter: number): string {
  const entry = Object.entries(darwin).find(([name, value]) =>
    name.startsWith("EVFILT_") && value === filter
  );
  return entry?.[0] ?? `filter ${filter}`;
}
