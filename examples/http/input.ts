/** What a connection has received and not used yet. */
import { recv } from "../../posix.ts";

const BLOCK_SIZE = 4096;
const MAX_SPARE_BLOCKS = 1024;

/**
 * The memory that a server's connections receive into. Most requests come whole, so nearly always one buffer does for
 * all connections; only what is left over in it needs a block.
 */
export class ReceiveMemory {
  readonly shared: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024);
  readonly #spare: Uint8Array[] = [];

  /** A block for at least so many bytes. */
  take(size: number): Uint8Array {
    if (size > BLOCK_SIZE) return new Uint8Array(size);
    return this.#spare.pop() ?? new Uint8Array(BLOCK_SIZE);
  }

  /** Takes a block back. */
  give(block: Uint8Array): void {
    const isUsual = block.length === BLOCK_SIZE;
    if (isUsual && this.#spare.length < MAX_SPARE_BLOCKS) {
      this.#spare.push(block);
    }
  }
}

/** A connection's input: `bytes` from `start` to before `end`, in the shared buffer or in a block of its own. */
export class Input {
  bytes: Uint8Array;
  start = 0;
  end = 0;
  readonly #memory: ReceiveMemory;

  constructor(memory: ReceiveMemory) {
    this.#memory = memory;
    this.bytes = memory.shared;
  }

  /** Whether there is nothing. */
  get isEmpty(): boolean {
    return this.start === this.end;
  }

  /** Whether there may be more, for which the last call of {@linkcode receive} had no room. */
  get isFull(): boolean {
    return this.end === this.bytes.length;
  }

  /** Receives more: the count, 0 at the end, null where nothing has come. Call {@linkcode settle} after using it. */
  receive(fd: number): number | null {
    if (this.isEmpty) {
      const count = recv(fd, this.bytes);
      this.start = 0;
      this.end = count ?? 0;
      return count;
    }
    this.#makeRoom();
    const count = recv(fd, this.bytes.subarray(this.end));
    this.end += count ?? 0;
    return count;
  }

  /** Puts what is left into a block, as the shared buffer is needed for others; gives a block back that is empty. */
  settle(): void {
    const { shared } = this.#memory;
    if (this.isEmpty) this.clear();
    else if (this.bytes === shared) {
      this.#moveTo(this.#memory.take(this.end - this.start));
    }
  }

  /** Throws everything away. */
  clear(): void {
    const { shared } = this.#memory;
    if (this.bytes !== shared) this.#memory.give(this.bytes);
    this.bytes = shared;
    this.start = this.end = 0;
  }

  #makeRoom(): void {
    const { bytes, start, end } = this;
    if (end < bytes.length) return;
    if (start > bytes.length / 2) this.#moveTo(bytes);
    else {
      this.#moveTo(this.#memory.take(2 * bytes.length));
      this.#memory.give(bytes);
    }
  }

  #moveTo(block: Uint8Array): void {
    block.set(this.bytes.subarray(this.start, this.end));
    this.bytes = block;
    this.end -= this.start;
    this.start = 0;
  }
}
