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

/** Room for so many descriptors at least. */
const USUAL = 16;

/**
 * Calls of poll(2), one at a time, each of which waits on another thread until a descriptor is readable, or not open, or
 * the time is over. It may come back sooner.
 *
 * Their `struct pollfd`s are a block of C's allocator, kept for the next call. Deno frees an isolate's own memory with
 * the isolate, also while a call still writes to it: this block is left behind then.
 */
export class PollCall {
  readonly #library: PollLibrary;
  #capacity = 0;
  /** The records as they are given to a call, and as it left them: `struct pollfd { int fd; short events, revents; }`. */
  #words: Words = new Int32Array(new ArrayBuffer(0));
  #address: Deno.PointerValue = null;
  #block: Deno.PointerValue = null;
  /** Descriptors of the call at hand, and the bytes of their records. */
  #length = 0;
  #size = 0n;

  constructor(library: PollLibrary) {
    this.#library = library;
  }

  /**
   * Makes a call; {@linkcode end} is to be told what it resolves to.
   *
   * @param milliseconds How long at most.
   */
  begin(descriptors: readonly number[], milliseconds: number): Promise<number> {
    const { symbols } = this.#library;
    const { length } = descriptors;
    if (length > this.#capacity) this.#grow(length);
    const block = this.#block;
    if (block === null) return Promise.resolve(-1);
    const words = this.#words;
    for (let index = 0; index < length; index++) {
      words[2 * index] = descriptors[index];
      words[2 * index + 1] = POLLIN;
    }
    if (length !== this.#length) this.#size = BigInt(8 * length);
    this.#length = length;
    symbols.memmove(block, this.#address, this.#size);
    return symbols.pollOnThread(block, length, milliseconds);
  }

  /** Takes memory for so many descriptors and as many again; without any, there is no block. */
  #grow(length: number): void {
    const { symbols } = this.#library;
    if (this.#block !== null) symbols.free(this.#block);
    const capacity = Math.max(USUAL, 2 * length);
    this.#block = symbols.malloc(BigInt(8 * capacity));
    this.#capacity = this.#block === null ? 0 : capacity;
    this.#words = new Int32Array(new ArrayBuffer(8 * capacity));
    this.#address = addressOf(symbols, this.#words);
  }

  /** Takes what the call found. How many descriptors have something, or -errno. */
  end(result: number): number {
    const { symbols, errno } = this.#library;
    const block = this.#block;
    if (block === null) return -ENOMEM;
    let count = result;
    // Interrupted, or refused: errno stayed on that thread, so the same is asked here.
    if (count === -1) count = symbols.poll(block, this.#length, 0);
    if (count === -1) count = -errno.capture();
    symbols.memmove(this.#address, block, this.#size);
    return count;
  }

  /** The POLL… bits that the call found for the descriptor at `index`. */
  revents(index: number): number {
    return this.#words[2 * index + 1] >> 16;
  }
}
