/**
 * Descriptors that the engine opened for itself. A program that uses the number of one it has closed may hit one of
 * them; on macOS the number would not be open, and so it is treated here.
 */
import { EBADF, EINVAL, libc, scratch } from "./libc.ts";
import { isOpen } from "./sockets.ts";

const F_DUPFD_CLOEXEC = 1030;
const RLIMIT_NOFILE = 7;
/** The engine's own numbers begin here, or in the middle of what the process may have. */
const FIRST = 4096;

const own = new Set<number>();
let first = 0;

/**
 * Gives a new descriptor of the engine's a number that is out of the way of the program's, which get the lowest that
 * are free: so a number that the program still uses although it has closed it does not come to mean one of the engine's.
 *
 * @param fd The descriptor, or -1, which is given back with errno as it is.
 */
export function setAside(fd: number): number {
  if (fd === -1) return fd;
  const aside = duplicateAside(fd);
  if (aside === -1) return fd;
  libc.close(fd);
  return aside;
}

/** A duplicate with such a number; -1 where there is none. */
export function duplicateAside(fd: number): number {
  if (first === 0) first = Math.min(FIRST, mostDescriptors() >>> 1);
  return libc.duplicate(fd, F_DUPFD_CLOEXEC, first);
}

/** The process's limit as it is now; 2^31 or more is as good as none. */
function mostDescriptors(): number {
  const { words, pointer } = scratch;
  const isKnown = libc.getrlimit(RLIMIT_NOFILE, pointer) === 0;
  return isKnown && words[1] === 0 && words[0] > 0 ? words[0] : 2 * FIRST;
}

/** Notes a descriptor as the engine's own. */
export function claim(fd: number): void {
  own.add(fd);
}

/** Closes one of the engine's own. */
export function release(fd: number): void {
  own.delete(fd);
  libc.close(fd);
}

/** Whether a descriptor is the engine's own. */
export function isOwn(fd: number): boolean {
  return own.has(fd);
}

/** R5: why a number cannot be watched: its low half alone says what is open. The errno, 0 for a descriptor. */
export function numberError(ident: number | bigint, low: number): number {
  if (low < 0 || isOwn(low)) return EBADF;
  if (ident === low) return 0;
  return isOpen(low) ? EINVAL : EBADF;
}
