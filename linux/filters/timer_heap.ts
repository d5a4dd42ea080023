/** The timers of one clock, the earliest first: a binary heap in which each knows its place. */
import type { Knote } from "../knote.ts";

export class TimerHeap {
  readonly #knotes: Knote[] = [];

  /** The one with the earliest deadline. */
  get first(): Knote | undefined {
    return this.#knotes[0];
  }

  add(knote: Knote): void {
    this.#knotes.push(knote);
    this.#rise(knote, this.#knotes.length - 1);
  }

  /** Takes a timer out; nothing happens if it is not in. */
  remove(knote: Knote): void {
    const index = knote.heapIndex;
    if (index === -1) return;
    knote.heapIndex = -1;
    const last = this.#knotes.pop();
    if (last === undefined || last === knote) return;
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  #rise(knote: Knote, from: number): void {
    const knotes = this.#knotes;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (knotes[parent].deadline <= knote.deadline) break;
      this.#place(knotes[parent], index);
      index = parent;
    }
    this.#place(knote, index);
  }

  #sink(knote: Knote, from: number): void {
    const knotes = this.#knotes;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= knotes.length) break;
      const right = child + 1;
      if (
        right < knotes.length && knotes[right].deadline < knotes[child].deadline
      ) child = right;
      if (knotes[child].deadline >= knote.deadline) break;
      this.#place(knotes[child], index);
      index = child;
    }
    this.#place(knote, index);
  }

  #place(knote: Knote, index: number): void {
    this.#knotes[index] = knote;
    knote.heapIndex = index;
  }
}
