/** poll(2) on another thread, in memory that belongs to C. */
import { constants } from "node:os";
import { ArrayBuffer, BigInt, Int32Array, type Words } from "./intrinsics.ts";
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

/** What a {@linkcode PollCall} needs of a C library. */
export interface PollLibrary {
  readonly symbols:
    & MemorySymbols
    & Deno.StaticForeignLibraryInterface<typeof POLL_SYMBOLS>;
  readonly errno: Errno;
}

/**
 * One call of poll(2), which waits on another thread until a descriptor is readable, or not open, or the time is over. It
 * may come back sooner.
 *
 * Its `struct pollfd`s are a block of C's allocator, taken before the call and freed after it. Deno frees an isolate's own
 * memory with the isolate, also while a call still writes to it: this block is left behind then.
 */
export class PollCall {
  readonly #library: PollLibrary;
  /** The records as they were given to the call, and as it left them: `struct pollfd { int fd; short events, revents; }`. */
  readonly #words: Words;
  #block: Deno.PointerValue = null;

  constructor(library: PollLibrary, descriptors: readonly number[]) {
    this.#library = library;
    const { length } = descriptors;
    this.#words = new Int32Array(new ArrayBuffer(8 * length));
    for (let index = 0; index < length; index++) {
      this.#words[2 * index] = descriptors[index];
      this.#words[2 * index + 1] = POLLIN;
    }
  }

  /**
   * Makes the call; {@linkcode end} is to be told what it resolves to.
   *
   * @param milliseconds How long at most.
   */
  begin(milliseconds: number): Promise<number> {
    const { symbols } = this.#library;
    this.#block = symbols.malloc(this.#size);
    if (this.#block === null) return Promise.resolve(-1);
    symbols.memmove(this.#block, addressOf(symbols, this.#words), this.#size);
    return symbols.pollOnThread(this.#block, this.#length, milliseconds);
  }

  /** Takes what the call found, and frees its memory. How many descriptors have something, or -errno. */
  end(result: number): number {
    const { symbols, errno } = this.#library;
    const block = this.#block;
    if (block === null) return -ENOMEM;
    this.#block = null;
    let count = result;
    // Interrupted, or refused: errno stayed on that thread, so the same is asked here.
    if (count === -1) count = symbols.poll(block, this.#length, 0);
    if (count === -1) count = -errno.capture();
    symbols.memmove(addressOf(symbols, this.#words), block, this.#size);
    symbols.free(block);
    return count;
  }

  /** The POLL… bits that the call found for the descriptor at `index`. */
  revents(index: number): number {
    return this.#words[2 * index + 1] >> 16;
  }

  get #length(): number {
    return this.#words.length / 2;
  }

  get #size(): bigint {
    return BigInt(4 * this.#words.length);
  }
}
