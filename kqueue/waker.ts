/** The EVFILT_USER watcher that ends a wait on another thread. Callers of a queue never see it. */
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_USER,
  KEVENT_FLAG_IMMEDIATE,
  NOTE_TRIGGER,
} from "../constants.ts";
import { kevent64 } from "../ffi.ts";
import { Kevent64List, memoryOf } from "../kevent/list.ts";
import {
  copyRecord,
  FILTER_SHORT,
  IDENT_WORD,
  type RecordMemory,
} from "../kevent/memory.ts";

/** The upper half of every waker's ident, "kque" in ASCII; the lower half is drawn, as several threads may have one. */
const MAGIC = 0x6b717565;

/** One thread's waker in one queue. */
export class Waker {
  readonly #change: Kevent64List;

  constructor() {
    const low = crypto.getRandomValues(new Uint32Array(1))[0];
    this.#change = Kevent64List.from([{
      ident: BigInt(MAGIC) << 32n | BigInt(low),
      filter: EVFILT_USER,
      flags: EV_ADD | EV_CLEAR,
    }]);
  }

  /** Adds the watcher. False on failure, with `errno()`. */
  install(kq: number): boolean {
    return this.#apply(kq);
  }

  /** Ends the wait, whichever thread it is on. */
  wake(kq: number): void {
    const change = this.#change.at(0);
    this.#change.set(0, { ...change, flags: 0, fflags: NOTE_TRIGGER });
    // Where this fails the queue is closed, and so the wait has ended.
    this.#apply(kq);
    this.#change.set(0, change);
  }

  #apply(kq: number): boolean {
    return kevent64(kq, this.#change, null, KEVENT_FLAG_IMMEDIATE, null) === 0;
  }
}

/** Takes wakers' events out of a list that a call has filled. True if there was one. */
export function dropWakers(list: Kevent64List): boolean {
  const memory = memoryOf(list);
  let kept = 0;
  for (let index = 0; index < memory.length; index++) {
    if (isWaker(memory, index)) continue;
    if (kept < index) copyRecord(memory, index, memory, kept);
    kept++;
  }
  const dropped = kept < memory.length;
  memory.length = kept;
  return dropped;
}

function isWaker(memory: RecordMemory, index: number): boolean {
  const word = index * memory.recordWords;
  return memory.shorts[2 * word + FILTER_SHORT] === EVFILT_USER &&
    memory.words[word + IDENT_WORD + 1] === MAGIC;
}
