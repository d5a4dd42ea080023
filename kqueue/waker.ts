/** The EVFILT_USER watcher that ends a wait on another thread. Callers of a queue never see it. */
import {
  EV_ADD,
  EV_DELETE,
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

/**
 * One thread's waker in one queue. It is a level: another thread that waits on the same queue may get its event too, and
 * must not take it away.
 */
export class Waker {
  readonly #add: Kevent64List;
  readonly #trigger: Kevent64List;
  readonly #delete: Kevent64List;
  readonly #reset: Kevent64List;
  #isSpent = false;

  constructor() {
    const low = crypto.getRandomValues(new Uint32Array(1))[0];
    const ident = BigInt(MAGIC) << 32n | BigInt(low);
    const watcher = { ident, filter: EVFILT_USER };
    const added = { ...watcher, flags: EV_ADD };
    this.#add = Kevent64List.from([added]);
    this.#trigger = Kevent64List.from([{ ...watcher, fflags: NOTE_TRIGGER }]);
    const deleted = { ...watcher, flags: EV_DELETE };
    this.#delete = Kevent64List.from([deleted]);
    this.#reset = Kevent64List.from([deleted, added]);
  }

  /** Adds the watcher. False on failure, with `errno()`. */
  install(kq: number): boolean {
    return apply(kq, this.#add);
  }

  /** Ends the wait, whichever thread it is on. */
  wake(kq: number): void {
    this.#isSpent = true;
    // Where this fails the queue is closed, and so the wait has ended.
    apply(kq, this.#trigger);
  }

  /** Removes the watcher, from a queue that lives on. */
  remove(kq: number): void {
    apply(kq, this.#delete);
  }

  /** Takes the event back, after the wait. */
  calm(kq: number): void {
    if (this.#isSpent) apply(kq, this.#reset);
    this.#isSpent = false;
  }
}

function apply(kq: number, changes: Kevent64List): boolean {
  return kevent64(kq, changes, null, KEVENT_FLAG_IMMEDIATE, null) === 0;
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
