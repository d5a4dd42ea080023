/** Changes on their way to the kernel, each with EV_RECEIPT, and what it says of them. */
import { EV_RECEIPT } from "../constants.ts";
import { type ChangeFailure, changeFailure } from "../errors.ts";
import {
  isList,
  type Kevent64List,
  type KeventList,
  memoryOf,
} from "../kevent/list.ts";
import {
  addFlags,
  checkChange,
  copyRecords,
  DATA_WORD,
  KEVENT64_SIZE,
  packChanges,
  readChange,
  readRecord,
  RecordMemory,
  writeChange,
} from "../kevent/memory.ts";
import type { KeventInit } from "../kevent/record.ts";
import { shown } from "../options.ts";

/** What changes may be given as. */
export type Changes =
  | KeventInit
  | Iterable<KeventInit>
  | KeventList
  | Kevent64List;

/** Room for the changes of most calls. */
const USUAL = 16;

/**
 * The changes of one call, in memory that is kept for the next. A call that a change's getter makes meanwhile needs a
 * batch of its own.
 */
export class ChangeBatch {
  /** The packed changes, which the call overwrites with their results. */
  records: RecordMemory = new RecordMemory(KEVENT64_SIZE, USUAL);
  #given: (index: number) => KeventInit = () => ({ ident: 0, filter: 0 });

  /**
   * Packs them, all or none.
   *
   * @throws {RangeError} naming the field and the value that does not fit it, and which change.
   * @throws {TypeError} for what is no change.
   */
  pack(changes: Changes): void {
    if (isList(changes)) this.#packList(memoryOf(changes));
    else if (typeof changes !== "object" || changes === null) {
      throw new TypeError(
        `changes must be a change, an iterable of changes or a list, got ${
          shown(changes)
        }`,
      );
    } else if (Symbol.iterator in changes) this.#packAll([...changes]);
    else this.#packOne(changes);
  }

  #packList(from: RecordMemory): void {
    const records = this.#reserve(from.length);
    copyRecords(from, records, from.length);
    addFlags(records, EV_RECEIPT);
    this.#given = (index) => readRecord(from, index);
  }

  #packAll(all: readonly KeventInit[]): void {
    packChanges(this.#reserve(all.length), all, EV_RECEIPT);
    this.#given = (index) => all[index];
  }

  #packOne(change: KeventInit): void {
    readChange(change);
    checkChange();
    writeChange(this.records, 0, EV_RECEIPT);
    this.records.length = 1;
    this.#given = () => change;
  }

  /** The changes that the kernel refused, from the results. */
  failures(): ChangeFailure[] {
    const failures: ChangeFailure[] = [];
    const { records } = this;
    const { words, recordWords } = records;
    for (let index = 0; index < records.length; index++) {
      // A receipt's data is 0. Records come back in the order of the changes, one for each.
      if (words[index * recordWords + DATA_WORD] === 0) continue;
      const result = readRecord(records, index);
      failures.push(changeFailure(index, this.#given(index), result));
    }
    return failures;
  }

  #reserve(length: number): RecordMemory {
    if (length > this.records.capacity) {
      this.records = new RecordMemory(KEVENT64_SIZE, length);
    }
    return this.records;
  }
}
