/** What answers the calls of this thread, for the modules that make them. */
import type { RecordMemory } from "./kevent/memory.ts";
import type { TimespecMemory } from "./kevent/timespec.ts";
import type { PollLibrary } from "./poll.ts";

/** A C library of Darwin's ABI, or on Linux the engine. Each call returns -1 on failure. */
export interface Kernel {
  /** Makes a queue, close-on-exec. */
  kqueue(): number;
  /** Applies changes and collects events, in 32-byte records. */
  kevent(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    timeout: TimespecMemory | null,
  ): number;
  /** The same in 48-byte records. */
  kevent64(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    flags: number,
    timeout: TimespecMemory | null,
  ): number;
  /** What a wait on another thread calls: poll(2), to which a queue must be readable when it has something (R22). */
  readonly poll: PollLibrary;
  /** A number is about to name another file (`dup2`): its watchers end, as those of a descriptor that is closed. */
  replacing(fd: number): void;
  /** Closes a queue or any other descriptor. */
  close(fd: number): number;
  /** The errno that the last failing call left. */
  errno(): number;
}

/** Who wants to know of descriptors that are closed by way of this module. */
export const closeListeners: Set<(fd: number) => void> = new Set();

/**
 * The last error that the engine took from a socket, by descriptor: asking Linux takes it away, and whoever asks the
 * socket itself is to get it all the same.
 */
export const takenErrors: Map<number, number> = new Map();

let open: () => Kernel;
let kernel: Kernel | undefined;

/** Says how to open the system's own kernel. */
export function provideKernel(opener: () => Kernel): void {
  open = opener;
}

/** The kernel in use, opened by the first call that needs it. */
export function currentKernel(): Kernel {
  return kernel ??= open();
}

/** Uses another kernel from now on; undefined for the system's own. */
export function setKernel(other: Kernel | undefined): void {
  kernel = other;
}
