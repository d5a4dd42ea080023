/** Changes on their way to the kernel, each with EV_RECEIPT, and what it says of them. */
import { EV_RECEIPT } from "../constants.ts";
import { type ChangeFailure, errnoName } from "../errors.ts";
import {
  EventList,
  Kevent64List,
  type KeventList,
  memoryOf,
} from "../kevent/list.ts";
import {
  addFlags,
  copyRecord,
  packRecord,
  type RecordMemory,
} from "../kevent/memory.ts";
import type { KeventInit } from "../kevent/record.ts";

/** What changes may be given as. */
export type Changes =
  | KeventInit
  | Iterable<KeventInit>
  | KeventList
  | Kevent64List;

/** The changes of one call, in memory that is kept for the next. */
export class ChangeBatch {
  /** The packed changes, which the call overwrites with their results. */
  list: Kevent64List = new Kevent64List(16);
  #given: (index: number) => KeventInit = () => ({ ident: 0, filter: 0 });

  /**
   * Packs them, all or none.
   *
   * @throws {RangeError} naming the field and the value that does not fit it, and which change.
   */
  pack(changes: Changes): void {
    if (changes instanceof EventList) {
      const from = memoryOf(changes);
      const memory = this.#reserve(from.length);
      for (let index = 0; index < from.length; index++) {
        copyRecord(from, index, memory, index);
        addFlags(memory, index, EV_RECEIPT);
      }
      this.#given = (index) => changes.at(index);
      return;
    }
    if (typeof changes !== "object" || changes === null) {
      throw new TypeError(
        `changes must be a change, an iterable of changes or a list, got ${
          String(changes)
        }`,
      );
    }
    if (!(Symbol.iterator in changes)) {
      packRecord(this.#reserve(1), 0, changes, EV_RECEIPT);
      this.#given = () => changes;
      return;
    }
    const all = [...changes];
    const memory = this.#reserve(all.length);
    for (let index = 0; index < all.length; index++) {
      packAt(memory, index, all[index]);
    }
    this.#given = (index) => all[index];
  }

  /** The changes as they were given. */
  *given(): Generator<KeventInit> {
    for (let index = 0; index < this.list.length; index++) {
      yield this.#given(index);
    }
  }

  /** The changes that the kernel refused, from the results in the list. */
  failures(): ChangeFailure[] {
    const failures: ChangeFailure[] = [];
    for (let index = 0; index < this.list.length; index++) {
      // A receipt's data is 0. Records come back in the order of the changes, one for each.
      const errno = this.list.dataNumber(index);
      if (errno === 0) continue;
      const change = this.#given(index);
      failures.push({ index, change, code: errnoName(errno), errno });
    }
    return failures;
  }

  #reserve(length: number): RecordMemory {
    if (length > this.list.capacity) this.list = new Kevent64List(length);
    const memory = memoryOf(this.list);
    memory.length = length;
    return memory;
  }
}

/** Packs one change of several, and says which one it was that does not fit. */
function packAt(memory: RecordMemory, index: number, change: KeventInit): void {
  try {
    packRecord(memory, index, change, EV_RECEIPT);
  } catch (error) {
    if (error instanceof Error) {
      error.message = `change ${index}: ${error.message}`;
    }
    throw error;
  }
}
