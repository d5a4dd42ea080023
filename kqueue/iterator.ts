/** A queue's events one by one. */
import type { Kevent64 } from "../kevent/record.ts";

/**
 * The iterator of `for await` over a queue. Each step takes one event, and no more, from the kernel: what the loop does
 * between two steps counts for all that is still there, and nothing is left over when it is left.
 *
 * @param take Waits for the next event; undefined when there is none any more. The signal is aborted when the loop is
 * left.
 */
export function iterateEvents(
  take: (signal: AbortSignal) => Promise<Kevent64 | undefined>,
): AsyncIterableIterator<Kevent64> {
  const leaving = new AbortController();
  return {
    next: async () => {
      const value = await take(leaving.signal);
      return value === undefined ? DONE : { done: false, value };
    },
    return: () => {
      leaving.abort();
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
