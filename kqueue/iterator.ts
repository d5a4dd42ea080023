/** A queue's events one by one. */
import type { Kevent64 } from "../kevent/record.ts";
import { failureOf, onAbort } from "./signal.ts";

/** Waits for the next event; undefined when there is none any more. It is to come back when the signal is aborted. */
type Take = (signal: AbortSignal) => Promise<Kevent64 | undefined>;

/**
 * The iterator of `for await` over a queue. Each step takes one event, and no more, from the kernel: what the loop does
 * between two steps counts for all that is still there, and nothing is left over when it is left.
 *
 * @param signal Ends it: a step is rejected with its reason, those after it are done. Between two steps nothing listens
 * to it.
 */
export function iterateEvents(
  take: Take,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Kevent64> {
  /** Aborted once it is over, however it came to that. */
  const leaving = new AbortController();
  return {
    next: async () => {
      if (leaving.signal.aborted) return DONE;
      let failure = failureOf(signal);
      if (failure === undefined) {
        const stop = onAbort(signal, (reason) => {
          failure = { reason };
          leaving.abort();
        });
        try {
          const value = await take(leaving.signal);
          if (value !== undefined) return { done: false, value };
        } finally {
          stop();
        }
      }
      leaving.abort();
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
