/** A queue's events one by one. */
import type { Kevent64 } from "../kevent/record.ts";
import type { Kqueue } from "../kqueue.ts";
import type { KeptEvents } from "./kept.ts";

/** The iterator of `for await` over a queue. What it has fetched but not given when it is left goes to `kept`. */
export function iterateEvents(
  kq: Kqueue,
  kept: KeptEvents,
): AsyncIterableIterator<Kevent64> {
  const leaving = new AbortController();
  const { signal } = leaving;
  let batch: Kevent64[] = [];

  const isOver = (): boolean => kq.closed || signal.aborted;
  const fetch = async (): Promise<void> => {
    try {
      const events = (await kq.waitAsync({ signal })).toArray();
      if (signal.aborted) kept.keep(events);
      else batch = events;
    } catch (error) {
      if (!isOver()) throw error;
    }
  };
  return {
    next: async () => {
      if (batch.length === 0 && !isOver()) await fetch();
      const value = isOver() ? undefined : batch.shift();
      return value === undefined
        ? { done: true, value: undefined }
        : { done: false, value };
    },
    return: () => {
      leaving.abort();
      kept.keep(batch);
      batch = [];
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
