/** poll(2) on another thread, in memory that belongs to C. */
import { constants } from "node:os";
import {
  addressOf,
  type Errno,
  MEMORY_SYMBOLS,
  type MemorySymbols,
} from "./library.ts";

const { ENOMEM } = constants.errno;

const OWN_SYMBOLS = {
  poll: {
    parameters: [
      "pointer", // struct pollfd *fds
      "u32", // nfds_t nfds
      "i32", // int timeout
    ],
    result: "i32", // int
  },
  // The same function, run on another thread: errno stays there.
  pollOnThread: {
    name: "poll",
    parameters: ["pointer", "u32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // void *malloc(size_t size);
  malloc: { parameters: ["usize"], result: "pointer" },
  // void free(void *pointer);
  free: { parameters: ["pointer"], result: "void" },
} as const;

/** The functions of a C library that a wait on another thread takes. */
export const POLL_SYMBOLS: typeof OWN_SYMBOLS & typeof MEMORY_SYMBOLS = {
  ...OWN_SYMBOLS,
  ...MEMORY_SYMBOLS,
};

/** `POLLIN`, of both systems. */
const POLLIN = 1;
/** `POLLNVAL`, of both systems: the number is not open. */
export const POLLNVAL = 0x20;

/** What {@linkcode pollOnThread} needs of a C library. */
export interface PollLibrary {
  readonly symbols:
    & MemorySymbols
    & Deno.StaticForeignLibraryInterface<typeof POLL_SYMBOLS>;
  readonly errno: Errno;
}

/** What a call of poll(2) found. */
export interface PollResult {
  /** Why the call failed; 0 where it did not. */
  readonly errno: number;
  /** The POLL… bits by descriptor, in the order given. */
  readonly revents: Int16Array;
  /** Whether one of them is not 0. */
  readonly hasAny: boolean;
}

/**
 * Waits on another thread until a descriptor is readable, or not open, or the time is over. It may come back sooner.
 *
 * The `struct pollfd`s are a block of C's allocator, taken before the call and freed after it. Deno frees an isolate's
 * own memory with the isolate, also while a call still writes to it: this block is left behind then.
 *
 * @param milliseconds How long at most.
 */
export async function pollOnThread(
  { symbols, errno }: PollLibrary,
  descriptors: readonly number[],
  milliseconds: number,
): Promise<PollResult> {
  // struct pollfd { int fd; short events, revents; }
  const { length } = descriptors;
  const words = new Int32Array(new ArrayBuffer(8 * length));
  descriptors.forEach((fd, index) => {
    words[2 * index] = fd;
    words[2 * index + 1] = POLLIN;
  });
  const size = BigInt(words.byteLength);
  const block = symbols.malloc(size);
  if (block === null) return failure(ENOMEM);
  symbols.memmove(block, addressOf(symbols, words), size);
  let count = await symbols.pollOnThread(block, length, milliseconds);
  // Interrupted, or refused: errno stayed on that thread, so the same is asked here.
  if (count === -1) count = symbols.poll(block, length, 0);
  const error = count === -1 ? errno.capture() : 0;
  symbols.memmove(addressOf(symbols, words), block, size);
  symbols.free(block);
  if (error !== 0) return failure(error);
  const revents = Int16Array.from(
    { length },
    (_, index) => words[2 * index + 1] >> 16,
  );
  return { errno: 0, revents, hasAny: count > 0 };
}

function failure(errno: number): PollResult {
  return { errno, revents: new Int16Array(), hasAny: false };
}
