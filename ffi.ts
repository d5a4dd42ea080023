/**
 * The calls themselves: `kqueue`, `kevent`, `kevent64`, `close` and `errno`, as C has them.
 *
 * On macOS they are those of the system's C library. On Linux an engine over epoll answers them, with the same
 * arguments and results. Importing this module opens nothing: the first call opens the library, and needs
 * `--allow-ffi`.
 *
 * ```ts
 * import { close, errno, EV_ADD, EVFILT_TIMER, kevent, KeventList, kqueue } from "@kqueue/kqueue";
 *
 * const kq = kqueue();
 * const list = KeventList.from([{ ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 10 }]);
 * const count = kevent(kq, list, list, null); // adds a timer of 10 ms and waits for it
 * if (count === -1) console.error("errno", errno());
 * for (const event of list) console.log(event.ident, event.data);
 * close(kq);
 * ```
 *
 * @module
 */
import { openDarwin, openDarwinAt } from "./darwin.ts";
import { intOf } from "./kevent/check.ts";
import {
  type EventList,
  type Kevent64List,
  type KeventList,
  memoryOf,
} from "./kevent/list.ts";
import {
  KEVENT64_SIZE,
  KEVENT_SIZE,
  type RecordMemory,
} from "./kevent/memory.ts";
import { type Timespec, timespecMemoryOf } from "./kevent/timespec.ts";
import {
  closeListeners,
  currentKernel,
  type Kernel,
  provideKernel,
  setKernel,
} from "./kernel.ts";
import { openEngine } from "./linux/mod.ts";
import { shown } from "./options.ts";
import { checkRuntime, OS } from "./runtime.ts";

export { DARWIN_SYMBOLS } from "./darwin.ts";
export {
  type ChangeFailure,
  SystemError,
  type SystemErrorOptions,
} from "./errors.ts";

/** The kernel to which a {@linkcode Libc} gives access, for {@linkcode useLibc}. */
let kernelOf: (libc: Libc) => Kernel;

/** A C library with Darwin's ABI, opened by {@linkcode openLibc} and put to use by {@linkcode useLibc}. */
export class Libc {
  static {
    kernelOf = (libc) => {
      if (typeof libc !== "object" || libc === null || !(#kernel in libc)) {
        throw new TypeError(
          `libc must be what openLibc() gave, or null, got ${shown(libc)}`,
        );
      }
      return libc.#kernel;
    };
  }

  /** Where it was opened from. */
  readonly path: string;
  readonly #kernel: Kernel;

  /**
   * Opens the library at `path`. It stays loaded until the process ends.
   *
   * @throws {Deno.errors.NotCapable} without the permission to.
   */
  constructor(path: string) {
    checkRuntime();
    this.path = path;
    this.#kernel = openDarwinAt(path);
  }
}

/**
 * Opens a C library that has the functions of `DARWIN_SYMBOLS` with Darwin's ABI, whatever the system, for
 * {@linkcode useLibc}. What of them it does not define itself, and `dlopen`, is looked for in the libraries that it is
 * linked with. Its `poll` must take a queue's descriptor for readable when the queue has something to report.
 *
 * @param path The library's path, as Deno.dlopen takes it.
 * @throws {Deno.errors.NotCapable} without the permission to.
 */
export function openLibc(path: string): Libc {
  return new Libc(path);
}

/**
 * Puts another C library of Darwin's ABI underneath every call of this module, in this thread: for tests, and for
 * those who bring a kernel queue of their own.
 *
 * Close the queues made before: the descriptors of one library mean nothing to another.
 *
 * ```ts ignore
 * import { openLibc, useLibc } from "@kqueue/kqueue/ffi";
 *
 * const before = useLibc(openLibc("./libkqueue-of-mine.so"));
 * // …
 * useLibc(before);
 * ```
 *
 * @param libc What {@linkcode openLibc} gave, or null for the system's own.
 * @returns What was in use before, or null for the system's own.
 * @throws {TypeError} for what is no library of openLibc's; what was in use stays so.
 */
export function useLibc(libc: Libc | null): Libc | null {
  const kernel = libc === null ? undefined : kernelOf(libc);
  const before = libcInUse;
  libcInUse = libc;
  setKernel(kernel);
  return before;
}

let libcInUse: Libc | null = null;
let systemKernel: Kernel | undefined;

provideKernel(() =>
  systemKernel ??= OS === "linux" ? openEngine() : openDarwin()
);

/**
 * Makes a queue.
 *
 * ```ts
 * import { close, errno, kqueue } from "@kqueue/kqueue/ffi";
 *
 * const kq = kqueue();
 * if (kq === -1) console.error("errno", errno());
 * close(kq);
 * ```
 *
 * @returns Its descriptor, which is close-on-exec; -1 on failure, with {@linkcode errno} EMFILE, ENFILE or ENOMEM.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`, as each call of this module.
 * @throws {Deno.errors.NotSupported} on a system that is neither macOS nor Linux.
 */
export function kqueue(): number {
  return currentKernel().kqueue();
}

/**
 * Applies `changes` in order, then collects events into `events`, waiting for the first of them.
 *
 * Returns how many records were written to `events`, and sets its length to that. A change that fails is such a
 * record, with EV_ERROR among its flags and the errno in data; a call that reports one collects nothing else. Without
 * an event list, the first failing change ends the call with -1. Both lists may be one and the same.
 *
 * A queue belongs to the first of `kevent` and `kevent64` that is called on it: the other is EINVAL from then on, and
 * does nothing. A `Kqueue` is one of `kevent64`. `kqApply` and `kqWait` take a queue of either kind.
 *
 * ```ts
 * import { close, kevent, KeventList, kevTimer, kqueue, Timespec } from "@kqueue/kqueue";
 *
 * const kq = kqueue();
 * kevent(kq, KeventList.from([kevTimer(1, 10)]), null, null); // adds a timer and returns
 * const events = new KeventList(16);
 * console.log(kevent(kq, null, events, new Timespec(1))); // 1, within a second
 * close(kq);
 * ```
 *
 * @param kq A queue's descriptor.
 * @param changes What to change: all records of the list, or null for nothing.
 * @param events Where to put events: as many as its capacity. With null the call returns at once.
 * @param timeout How long to wait at most; null waits for ever, zero not at all.
 * @returns The count; 0 when the time ran out; -1 on failure, with {@linkcode errno} EBADF, EINTR, EINVAL, ENOMEM or
 * what the failing change met. It never throws for what the kernel says.
 * @throws {TypeError} for a list of the other record size, and for what is no list or no timespec.
 */
export function kevent(
  kq: number | bigint,
  changes: KeventList | null,
  events: KeventList | null,
  timeout: Timespec | null,
): number {
  const fd = intOf("kq", kq);
  const into = recordsOf(events, KEVENT_SIZE);
  const count = currentKernel().kevent(
    fd,
    recordsOf(changes, KEVENT_SIZE),
    into,
    timeout === null ? null : timespecMemoryOf(timeout),
  );
  if (into !== null) into.length = count < 0 ? 0 : count;
  return count;
}

/**
 * {@linkcode kevent} with 48-byte records and flags. On a queue that `kevent` was called on it is EINVAL, and the other
 * way round.
 *
 * ```ts
 * import { close, EV_ADD, EVFILT_USER, kevent64, Kevent64List, KEVENT_FLAG_IMMEDIATE, kqueue } from "@kqueue/kqueue";
 *
 * const kq = kqueue();
 * const changes = Kevent64List.from([{ ident: 1, filter: EVFILT_USER, flags: EV_ADD }]);
 * console.log(kevent64(kq, changes, new Kevent64List(4), KEVENT_FLAG_IMMEDIATE, null)); // 0: it has not fired
 * close(kq);
 * ```
 *
 * @param kq A queue's descriptor.
 * @param changes What to change: all records of the list, or null for nothing.
 * @param events Where to put events: as many as its capacity. With null the call returns at once.
 * @param flags KEVENT_FLAG_NONE, or KEVENT_FLAG_IMMEDIATE not to wait, KEVENT_FLAG_ERROR_EVENTS to get nothing but
 * failures and receipts of the changes.
 * @param timeout How long to wait at most; null waits for ever, zero not at all.
 * @returns The count; 0 when the time ran out; -1 on failure, with {@linkcode errno}.
 * @throws {TypeError} for a list of the other record size, and for what is no list or no timespec.
 */
export function kevent64(
  kq: number | bigint,
  changes: Kevent64List | null,
  events: Kevent64List | null,
  flags: number,
  timeout: Timespec | null,
): number {
  const fd = intOf("kq", kq);
  const into = recordsOf(events, KEVENT64_SIZE);
  const count = currentKernel().kevent64(
    fd,
    recordsOf(changes, KEVENT64_SIZE),
    into,
    flags,
    timeout === null ? null : timespecMemoryOf(timeout),
  );
  if (into !== null) into.length = count < 0 ? 0 : count;
  return count;
}

function recordsOf(
  list: KeventList | Kevent64List | null,
  size: number,
): RecordMemory | null {
  if (list === null) return null;
  const memory = memoryOf(list as EventList);
  if (memory.recordSize !== size) {
    throw new TypeError(
      `the list must hold records of ${size} bytes, its have ${memory.recordSize}`,
    );
  }
  return memory;
}

/**
 * Closes a queue's descriptor, or any other, and with it every watcher of it. The `close` of `/posix` is the same, but
 * throws.
 *
 * ```ts
 * import { close, errno, kqueue } from "@kqueue/kqueue/ffi";
 *
 * const kq = kqueue();
 * console.log(close(kq)); // 0
 * console.log(close(kq), errno()); // -1 9: EBADF
 * ```
 *
 * @param fd The descriptor; events have it as a bigint.
 * @returns 0, or -1 with {@linkcode errno}.
 * @throws {RangeError} for a number that no `int` can hold.
 */
export function close(fd: number | bigint): number {
  const number = intOf("fd", fd);
  for (const closed of closeListeners) closed(number);
  return currentKernel().close(number);
}

/**
 * The errno that the last failing call of this thread left: the platform's number, 0 before any. It was kept right
 * after that call, so nothing that ran since can have changed it. It is the errno of this entry point's calls alone.
 *
 * ```ts
 * import { errno, kevent } from "@kqueue/kqueue/ffi";
 * import { constants } from "node:os";
 *
 * console.log(kevent(123456, null, null, null)); // -1
 * console.log(errno() === constants.errno.EBADF); // true
 * ```
 */
export function errno(): number {
  return currentKernel().errno();
}
