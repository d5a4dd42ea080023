/**
 * Descriptors that the engine opened for itself. A program that uses the number of one it has closed may hit one of
 * them; on macOS the number would not be open, and so it is treated here.
 */
import { libc } from "./libc.ts";

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
