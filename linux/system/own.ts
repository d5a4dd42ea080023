/**
 * Descriptors that the engine opened for itself. A program that uses the number of one it has closed may hit one of
 * them; on macOS the number would not be open, and so it is treated here.
 */
import { EBADF, EINVAL, libc } from "./libc.ts";
import { isOpen } from "./sockets.ts";

const own = new Set<number>();

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
