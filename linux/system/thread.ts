/** Waiting on another thread. */
import { libc, pointerTo } from "./libc.ts";

const POLLIN = 1;
const SECOND = 1e9;

/** Memory of a wait under way, kept until it ends and then used again. */
interface WaitMemory {
  readonly words: Int32Array<ArrayBuffer>;
  readonly pollfd: Deno.PointerValue;
  readonly timeout: Deno.PointerValue;
}

const spare: WaitMemory[] = [];

/** Resolves when a descriptor is readable or so many nanoseconds have passed, or sooner. */
export async function waitReadable(
  fd: number,
  nanoseconds: number,
): Promise<void> {
  const memory = spare.pop() ?? newMemory();
  const { words, pollfd, timeout } = memory;
  words[0] = fd;
  words[1] = POLLIN;
  words[2] = Math.floor(nanoseconds / SECOND);
  words[4] = Math.min(Math.ceil(nanoseconds % SECOND), SECOND - 1);
  await libc.ppoll(pollfd, 1, timeout, null);
  spare.push(memory);
}

function newMemory(): WaitMemory {
  // struct pollfd, then struct timespec
  const words = new Int32Array(new ArrayBuffer(24));
  return {
    words,
    pollfd: pointerTo(words),
    timeout: pointerTo(words.subarray(2)),
  };
}
