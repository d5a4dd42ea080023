/** Whether calls wait for a descriptor. */
import { closeListeners } from "../kernel.ts";
import { checkBoolean, fdOf } from "./check.ts";
import { complete, failure, libc } from "./libc.ts";
import { F_GETFL, PLATFORM } from "./platform.ts";

/**
 * Puts a descriptor into non-blocking mode, or back (O_NONBLOCK): {@linkcode read}, {@linkcode write} and
 * {@linkcode accept} give null where they would wait otherwise.
 *
 * The mode belongs to the open file, not to the number: every duplicate has it, and so has every other process that has
 * the file open by inheritance. Take care with standard input and output, which the shell has, too. A regular file is
 * never waited for, whatever its mode.
 *
 * ```ts
 * import { close, pipe, read, setNonblocking } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * setNonblocking(reader, true);
 * console.log(read(reader, new Uint8Array(64))); // null: nothing yet
 * for (const fd of [reader, writer]) close(fd);
 * ```
 *
 * @param fd A pipe, socket or terminal.
 * @param nonblocking Whether calls return at once; false for the way of a new descriptor, to wait.
 * @throws {TypeError} for what is neither true nor false: there is no default.
 * @throws {SystemError} EBADF; on macOS ENOTTY for what has no such mode.
 */
export function setNonblocking(
  fd: number | bigint,
  nonblocking: boolean,
): void {
  const descriptor = fdOf("fd", fd);
  checkBoolean("nonblocking", nonblocking);
  const { O_NONBLOCK } = PLATFORM;
  const before = flagsOf(descriptor);
  const flags = nonblocking ? before | O_NONBLOCK : before & ~O_NONBLOCK;
  // Any listener may be a duplicate of this one.
  if (!nonblocking) neverWaiting.clear();
  setFlags(descriptor, flags);
}

/**
 * Whether a descriptor is in non-blocking mode.
 *
 * ```ts
 * import { close, isNonblocking, listen } from "@kqueue/kqueue/posix";
 *
 * const { fd } = listen();
 * console.log(isNonblocking(fd)); // true
 * close(fd);
 * ```
 *
 * @throws {SystemError} EBADF.
 */
export function isNonblocking(fd: number | bigint): boolean {
  return (flagsOf(fdOf("fd", fd)) & PLATFORM.O_NONBLOCK) !== 0;
}

/** Sets the mode of a descriptor just made, which has no other flags to keep. */
export function setNewMode(fd: number, nonblocking: boolean): void {
  setFlags(fd, nonblocking ? PLATFORM.O_NONBLOCK : 0);
}

/** Listeners that are known to be in non-blocking mode: asking each time would cost what the mode saves. */
const neverWaiting = new Set<number>();

closeListeners.add((fd) => neverWaiting.delete(fd));

/** Whether accept(2) is sure not to wait. */
export function acceptsAtOnce(fd: number): boolean {
  if (neverWaiting.has(fd)) return true;
  const flags = libc().symbols.fcntl(fd, F_GETFL);
  if (flags === -1 || (flags & PLATFORM.O_NONBLOCK) === 0) return false;
  neverWaiting.add(fd);
  return true;
}

function flagsOf(fd: number): number {
  const flags = libc().symbols.fcntl(fd, F_GETFL);
  if (flags === -1) throw failure("fcntl", `descriptor ${fd}`);
  return flags;
}

function setFlags(fd: number, flags: number): void {
  complete("fcntl", () => libc().setFlags(fd, flags));
}
