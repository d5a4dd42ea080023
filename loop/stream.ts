/** The events of one watch, taken one by one. */
import type { Kevent64 } from "../kevent/record.ts";
import { onAbort } from "../kqueue/signal.ts";
import type { Watch } from "./watcher.ts";

/** Stands between a watch, whose handler puts events in, and whoever takes them out. It holds one event at most. */
export class EventStream {
  #event: Kevent64 | undefined;
  #isDone = false;
  #failure: { reason: unknown } | undefined;
  /** Tells the one who takes that something has changed. */
  #changed: () => void = () => {};
  /** Stops listening to the signal. */
  #stop: () => void = () => {};
  /** Tells the watch that the event was dealt with. */
  #dealtWith: () => void = () => {};

  /** Puts an event in. The promise lasts until the taker comes for the next one: so long the watch holds back. */
  put(event: Kevent64): Promise<void> {
    this.#event = event;
    this.#changed();
    return new Promise((resolve) => this.#dealtWith = resolve);
  }

  /** No more events, for a reason if that is a failure. */
  end(reason?: unknown): void {
    this.#isDone = true;
    this.#stop();
    if (reason !== undefined) this.#failure ??= { reason };
    this.#changed();
  }

  /** The face for `for await`. It cancels the watch when it is left. */
  iterator(
    watch: Watch,
    signal: AbortSignal | undefined,
  ): AsyncIterableIterator<Kevent64> {
    this.#stop = onAbort(signal, (reason) => {
      this.end(reason);
      watch.cancel();
    });
    const leave = (): void => {
      this.#stop();
      this.#isDone = true;
      watch.cancel();
      this.#dealtWith();
      this.#changed();
    };
    const step = async (): Promise<IteratorResult<Kevent64>> => {
      const value = await this.#take();
      if (value !== undefined) return { done: false, value };
      leave();
      return { done: true, value: undefined };
    };
    let last: Promise<unknown> = Promise.resolve();
    return {
      next: () => {
        const next = last.then(step);
        last = next.catch(() => {});
        return next;
      },
      return: () => {
        this.#event = undefined;
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async #take(): Promise<Kevent64 | undefined> {
    if (this.#event === undefined) this.#dealtWith();
    while (
      this.#event === undefined && !this.#isDone && this.#failure === undefined
    ) {
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      throw reason;
    }
    const event = this.#event;
    this.#event = undefined;
    return event;
  }
}
