/** A queue's events one by one. */
import type { Kevent64 } from "../kevent/record.ts";
import { onAbort, throwIfAborted } from "./signal.ts";

/**
 * The iterator of `for await` over a queue. Each step takes one event, and no more, from the kernel: what the loop does
 * between two steps counts for all that is still there, and nothing is left over when it is left.
 *
 * @param take Waits for the next event; undefined when there is none any more. The signal that it is given is aborted
 * when the loop is left or to end.
 * @param signal Ends it: a step is rejected with its reason, those after it are done. Between two steps nothing listens
 * to it.
 */
export function iterateEvents(
  take: (signal: AbortSignal) => Promise<Kevent64 | undefined>,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Kevent64> {
  const leaving = new AbortController();
  return {
    next: async () => {
      if (leaving.signal.aborted) return DONE;
      let failure: { reason: unknown } | undefined;
      const fail = (reason: unknown): void => {
        failure = { reason };
        leaving.abort();
      };
      try {
        throwIfAborted(signal);
      } catch (error) {
        leaving.abort();
        throw error;
      }
      const stop = onAbort(signal, fail);
      try {
        const value = await take(leaving.signal);
        if (value !== undefined) return { done: false, value };
      } finally {
        stop();
      }
      if (failure !== undefined) throw failure.reason;
      return DONE;
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
