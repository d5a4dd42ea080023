/** Fixed-capacity lists of records in memory that the kernel reads and writes. */
import { showAs } from "../inspect.ts";
import { shown } from "../options.ts";
import { checkInteger, wrongNumber } from "./check.ts";
import { describeList } from "./describe.ts";
import {
  checkChange,
  DATA_WORD,
  FFLAGS_WORD,
  FILTER_SHORT,
  FLAGS_SHORT,
  IDENT_WORD,
  KEVENT64_SIZE,
  KEVENT_SIZE,
  packChanges,
  readChange,
  readExt,
  readRecord,
  RecordMemory,
  UDATA_WORD,
  writeChange,
} from "./memory.ts";
import type { Kevent, Kevent64, Kevent64Init, KeventInit } from "./record.ts";

const MAX_CAPACITY = 2 ** 24;
const TWO_32 = 2 ** 32;
/** High words below this belong to safe integers: 2^53 is 2^21 times 2^32. */
const SAFE_HIGH = 2 ** 21;

/** Whether a value is a list; no property of it is asked. */
export let isList: (value: unknown) => value is EventList;

/** The memory behind a list, for this module's own calls to the kernel. A subclass cannot lie about it. */
export let memoryOf: (list: EventList) => RecordMemory;

/**
 * What {@linkcode KeventList} and {@linkcode Kevent64List}, such as `Kqueue.poll` returns, share. It is no list by itself.
 *
 * ```ts
 * import { type EventList, EVFILT_USER, KeventList } from "@kqueue/kqueue";
 *
 * function idents(list: EventList): bigint[] {
 *   return Array.from(list, ({ ident }) => ident);
 * }
 * console.log(idents(KeventList.from([{ ident: 7, filter: EVFILT_USER }]))); // [ 7n ]
 * ```
 *
 * A list has a fixed capacity and a length. Its memory never moves and never leaves it, so a kernel may hold its
 * address for as long as the list is alive.
 */
export abstract class EventList<
  Out extends Kevent = Kevent,
  In extends KeventInit = KeventInit,
> implements Iterable<Out> {
  static {
    showAs(EventList.prototype, (list) => describeList(list.#memory));
    isList = (value): value is EventList =>
      typeof value === "object" && value !== null && #memory in value;
    memoryOf = (list) => {
      if (!isList(list)) {
        throw new TypeError(
          `the list must be a KeventList or a Kevent64List, got ${shown(list)}`,
        );
      }
      return list.#memory;
    };
  }

  readonly #memory: RecordMemory;

  /** Bytes of one record: 32 for `struct kevent`, 48 for `struct kevent64_s`. */
  abstract readonly recordSize: 32 | 48;

  /** Makes an empty list of records of `recordSize` bytes. */
  protected constructor(recordSize: number, capacity: number) {
    checkInteger("capacity", capacity, 1, MAX_CAPACITY);
    this.#memory = new RecordMemory(recordSize, capacity);
  }

  /** How many records fit. */
  get capacity(): number {
    return this.#memory.capacity;
  }

  /** How many records are in the list: changes that were pushed, or events that the last call brought. */
  get length(): number {
    return this.#memory.length;
  }

  /**
   * Appends a change and returns the new length.
   *
   * @throws {RangeError} when the list is full, or naming the field and the value that does not fit it; the list
   * stays as it was.
   */
  push(change: In): number {
    readChange(change);
    checkChange();
    const memory = this.#memory;
    if (memory.length === memory.capacity) {
      throw new RangeError(
        `Cannot push: the list holds ${memory.length} of ${memory.capacity} records`,
      );
    }
    writeChange(memory, memory.length, 0);
    return ++memory.length;
  }

  /**
   * Replaces the record at `index`, which must be below {@linkcode length}.
   *
   * @throws {RangeError} for an index out of range, or naming the field and the value that does not fit it.
   */
  set(index: number, change: In): void {
    readChange(change);
    checkChange();
    this.#word(index);
    writeChange(this.#memory, index, 0);
  }

  /**
   * The record at `index` as an object of its own, which later calls do not change.
   *
   * @throws {RangeError} for an index that is not an integer from 0 to `length - 1`.
   */
  abstract at(index: number): Out;

  /** Empties the list. Its memory stays. */
  clear(): void {
    this.#memory.length = 0;
  }

  /** The records in order, each an object of its own. */
  *[Symbol.iterator](): IterableIterator<Out> {
    for (let index = 0; index < this.#memory.length; index++) {
      yield this.at(index);
    }
  }

  /** The records as an array of objects. */
  toArray(): Out[] {
    return Array.from(this);
  }

  /**
   * The ident of the record at `index`, without allocating.
   *
   * @throws {RangeError} for an index out of range, or where the ident is no safe integer (read it by
   * {@linkcode at}).
   */
  identNumber(index: number): number {
    return this.#unsigned("ident", index, IDENT_WORD);
  }

  /** The filter of the record at `index`. @throws {RangeError} for an index out of range. */
  filter(index: number): number {
    return this.#memory.shorts[2 * this.#word(index) + FILTER_SHORT];
  }

  /** The flags of the record at `index`, 0 to 65535. @throws {RangeError} for an index out of range. */
  flags(index: number): number {
    return this.#memory.shorts[2 * this.#word(index) + FLAGS_SHORT] & 0xffff;
  }

  /** The fflags of the record at `index`, 0 to 4294967295. @throws {RangeError} for an index out of range. */
  fflags(index: number): number {
    return this.#memory.words[this.#word(index) + FFLAGS_WORD] >>> 0;
  }

  /**
   * The data of the record at `index`, signed, without allocating.
   *
   * @throws {RangeError} for an index out of range, or where data is no safe integer (read it by {@linkcode at}).
   */
  dataNumber(index: number): number {
    const word = this.#word(index) + DATA_WORD;
    const { words } = this.#memory;
    const high = words[word + 1];
    if (high === 0) return words[word] >>> 0;
    const value = high * TWO_32 + (words[word] >>> 0);
    if (high >= SAFE_HIGH || high < -SAFE_HIGH || value === -(2 ** 53)) {
      throw this.#unsafe("data", index);
    }
    return value;
  }

  /**
   * The udata of the record at `index`, without allocating.
   *
   * @throws {RangeError} for an index out of range, or where udata is no safe integer (read it by
   * {@linkcode at}).
   */
  udataNumber(index: number): number {
    return this.#unsigned("udata", index, UDATA_WORD);
  }

  #unsigned(name: "ident" | "udata", index: number, field: number): number {
    const word = this.#word(index) + field;
    const { words } = this.#memory;
    const high = words[word + 1] >>> 0;
    if (high === 0) return words[word] >>> 0;
    if (high >= SAFE_HIGH) throw this.#unsafe(name, index);
    return high * TWO_32 + (words[word] >>> 0);
  }

  #unsafe(name: "ident" | "data" | "udata", index: number): RangeError {
    return new RangeError(
      `Cannot give ${name} of record ${index} as a number: ${
        this.at(index)[name]
      } is no safe integer, use at()`,
    );
  }

  /** Where a record begins that exists, in 32-bit words. */
  #word(index: number): number {
    const memory = this.#memory;
    checkIndex(index, memory.length);
    return index * memory.recordWords;
  }
}

/**
 * Changes or events of `struct kevent`, 32 bytes each: what {@linkcode kevent} takes.
 *
 * ```ts
 * import { EV_ADD, EVFILT_READ, KeventList } from "@kqueue/kqueue";
 *
 * const changes = new KeventList(4);
 * changes.push({ ident: 0, filter: EVFILT_READ, flags: EV_ADD, udata: 2n ** 64n - 1n });
 * console.log(changes.length, changes.at(0).udata); // 1 18446744073709551615n
 * ```
 */
export class KeventList extends EventList {
  /** Bytes of one `struct kevent`. */
  override readonly recordSize = 32;

  /**
   * Makes an empty list.
   *
   * @param capacity How many records fit: 1 to 16777216.
   * @throws {RangeError} for any other capacity.
   */
  constructor(capacity: number) {
    super(KEVENT_SIZE, capacity);
  }

  /**
   * A full list of the given changes, its capacity their number (1 where there are none).
   *
   * @throws {RangeError} naming the change, the field and the value that does not fit it.
   */
  static from(changes: Iterable<KeventInit>): KeventList {
    const all = arrayOf(changes);
    const list = new KeventList(all.length || 1);
    packChanges(memoryOf(list), all, 0);
    return list;
  }

  /**
   * The record at `index` as an object of its own, which later calls do not change.
   *
   * @throws {RangeError} for an index that is not an integer from 0 to `length - 1`.
   */
  override at(index: number): Kevent {
    const memory = memoryOf(this);
    checkIndex(index, memory.length);
    return readRecord(memory, index);
  }
}

/**
 * Changes or events of `struct kevent64_s`, 48 bytes each: what {@linkcode kevent64} takes. It has the face of
 * {@linkcode KeventList} and the field `ext` besides.
 *
 * ```ts
 * import { EVFILT_USER, Kevent64List } from "@kqueue/kqueue";
 *
 * const list = Kevent64List.from([{ ident: 1, filter: EVFILT_USER, ext: [7, 2n ** 63n] }]);
 * console.log(list.at(0).ext); // [ 7n, 9223372036854775808n ]
 * ```
 */
export class Kevent64List extends EventList<Kevent64, Kevent64Init> {
  /** Bytes of one `struct kevent64_s`. */
  override readonly recordSize = 48;

  /**
   * Makes an empty list.
   *
   * @param capacity How many records fit: 1 to 16777216.
   * @throws {RangeError} for any other capacity.
   */
  constructor(capacity: number) {
    super(KEVENT64_SIZE, capacity);
  }

  /**
   * A full list of the given changes, its capacity their number (1 where there are none).
   *
   * @throws {RangeError} naming the change, the field and the value that does not fit it.
   */
  static from(changes: Iterable<Kevent64Init>): Kevent64List {
    const all = arrayOf(changes);
    const list = new Kevent64List(all.length || 1);
    packChanges(memoryOf(list), all, 0);
    return list;
  }

  /**
   * The record at `index` as an object of its own, which later calls do not change.
   *
   * @throws {RangeError} for an index that is not an integer from 0 to `length - 1`.
   */
  override at(index: number): Kevent64 {
    const memory = memoryOf(this);
    checkIndex(index, memory.length);
    const event = readRecord(memory, index) as Kevent64;
    event.ext = readExt(memory, index);
    return event;
  }
}

function arrayOf<T>(changes: Iterable<T>): T[] {
  if (
    typeof changes === "object" && changes !== null &&
    Symbol.iterator in changes
  ) {
    return [...changes];
  }
  throw new TypeError(
    `changes must be an iterable of changes, got ${shown(changes)}`,
  );
}

function checkIndex(index: number, length: number): void {
  // One comparison each for the usual index; `>>> 0` differs for all that is no unsigned integer.
  if (index >>> 0 !== index || index >= length) throw wrongIndex(index, length);
}

function wrongIndex(index: unknown, length: number): Error {
  return length === 0
    ? new RangeError(
      `index ${String(index)} is out of range: the list is empty`,
    )
    : wrongNumber("index", index, `an integer from 0 to ${length - 1}`);
}
