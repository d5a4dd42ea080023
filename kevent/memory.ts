/**
 * The bytes behind a list, for the modules that hand them to a kernel. Not public: a caller who got hold of the
 * ArrayBuffer could transfer it away while the kernel holds its address.
 */
import {
  ArrayBuffer,
  asIntN,
  BigUint64Array,
  type Bytes,
  Int16Array,
  Int32Array,
  Uint8Array,
} from "../intrinsics.ts";
import { shown } from "../options.ts";
import { checkInteger, checkWord, I64, storeWord, U64 } from "./check.ts";
import type { Kevent, Kevent64Init, KeventInit } from "./record.ts";
import { KEVENT, KEVENT64, layoutOf } from "./struct.ts";

const [IDENT, FILTER, FLAGS, FFLAGS, DATA, UDATA] = layoutOf(KEVENT).offsets;
const EXT = layoutOf(KEVENT64).offsets[6];

/** Bytes of one `struct kevent`. */
export const KEVENT_SIZE: number = layoutOf(KEVENT).size;
/** Bytes of one `struct kevent64_s`. */
export const KEVENT64_SIZE: number = layoutOf(KEVENT64).size;

/** Where the fields of a record lie in views of 16, 32 and 64 bits. Both structs begin alike. */
export const IDENT_WORD: number = IDENT / 4;
export const FILTER_SHORT: number = FILTER / 2;
/** Filter and flags are the halves of one word, in this order: the processors of both systems are little-endian. */
export const FILTER_FLAGS_WORD: number = FILTER / 4;
export const FLAGS_SHORT: number = FLAGS / 2;
export const FFLAGS_WORD: number = FFLAGS / 4;
export const DATA_WORD: number = DATA / 4;
export const UDATA_WORD: number = UDATA / 4;
export const IDENT_WIDE: number = IDENT / 8;
export const DATA_WIDE: number = DATA / 8;
export const UDATA_WIDE: number = UDATA / 8;
export const EXT_WIDE: number = EXT / 8;

/**
 * Fixed memory for `capacity` records. It stands on an ArrayBuffer of its own, which V8 never moves, so a pointer
 * to it, once made, stays good for as long as this object lives.
 */
export class RecordMemory {
  readonly recordSize: number;
  readonly capacity: number;
  readonly bytes: Bytes;
  readonly shorts: Int16Array;
  readonly words: Int32Array;
  readonly wide: BigUint64Array;
  /** 32-bit words of one record, from which the places of its fields in every view follow. */
  readonly recordWords: number;
  /** Records in use, from the first on. */
  length = 0;
  /** Whether the ext of some record may be other than 0. Until then, nobody has to set one to 0. */
  hasExt = false;
  /** The address, made by the first call that needs it. */
  pointer: Deno.PointerValue = null;
  /** As many records of the other size, for a queue of the other kind; made when it meets one. */
  twin: RecordMemory | undefined = undefined;

  constructor(recordSize: number, capacity: number) {
    this.recordSize = recordSize;
    this.capacity = capacity;
    this.recordWords = recordSize / 4;
    const buffer = new ArrayBuffer(recordSize * capacity);
    this.bytes = new Uint8Array(buffer);
    this.shorts = new Int16Array(buffer);
    this.words = new Int32Array(buffer);
    this.wide = new BigUint64Array(buffer);
  }
}

/** The fields of a change, as its caller gave them. */
class Fields {
  ident: number | bigint = 0;
  filter = 0;
  flags = 0;
  fflags = 0;
  data: number | bigint = 0;
  udata: number | bigint = 0;
  ext0: number | bigint = 0;
  ext1: number | bigint = 0;
}

/**
 * The change at hand. A change is read once, by {@linkcode readChange}, in which code of the caller's may run that does
 * whatever it likes, this among it; between that and {@linkcode writeChange} there is none.
 */
const fields = new Fields();

/**
 * Reads a change, for one of the two functions below to be called next. What its getters did to lists and queues is to
 * be looked at afterwards.
 *
 * @param name What an error calls it.
 * @throws {TypeError} for what is no object; and whatever the getters throw.
 */
export function readChange(
  change: KeventInit | Kevent64Init,
  name = "the change",
): void {
  if (typeof change !== "object" || change === null) {
    const wanted = "an object such as { ident: 0, filter: EVFILT_READ }";
    throw new TypeError(`${name} must be ${wanted}, got ${shown(change)}`);
  }
  const { ident, filter, flags = 0, fflags = 0, data = 0, udata = 0 } = change;
  if (ident === undefined) checkIsChange(change, name);
  const ext = (change as Kevent64Init).ext ?? NO_EXT;
  const ext0 = ext[0];
  const ext1 = ext[1];
  fields.ident = ident;
  fields.filter = filter;
  fields.flags = flags;
  fields.fflags = fflags;
  fields.data = data;
  fields.udata = udata;
  fields.ext0 = ext0;
  fields.ext1 = ext1;
}

/** Throws for what is often given instead of a change. */
function checkIsChange(change: object, name: string): void {
  if (isArray(change)) {
    throw new TypeError(`${name} must be one change, not an array`);
  }
  if ("fd" in change) throw new TypeError(`${name} must have ident, not fd`);
}

const NO_EXT = [0, 0] as const;
const { isArray } = Array;

/** The change that was read, as a plain object. Its fields were checked. */
export function plainChange(): Required<Kevent64Init> {
  checkChange();
  const { ident, filter, flags, fflags, data, udata, ext0, ext1 } = fields;
  return { ident, filter, flags, fflags, data, udata, ext: [ext0, ext1] };
}

/** Throws where a field of the change that was read cannot hold its value. */
export function checkChange(): void {
  checkWord("ident", fields.ident, U64);
  checkInteger("filter", fields.filter, -0x8000, 0x7fff);
  checkInteger("flags", fields.flags, 0, 0xffff);
  // Bitwise operators give signed results: a negative number stands for its unsigned twin.
  checkInteger("fflags", fields.fflags, -0x8000_0000, 0xffff_ffff);
  checkWord("data", fields.data, I64);
  checkWord("udata", fields.udata, U64);
  checkWord("ext[0]", fields.ext0, U64);
  checkWord("ext[1]", fields.ext1, U64);
}

/**
 * Packs changes, all or none, into memory that has room for them, with `extraFlags` besides their own.
 *
 * @throws {RangeError} naming the change, the field and the value that does not fit it.
 */
export function packChanges(
  memory: RecordMemory,
  changes: readonly KeventInit[],
  extraFlags: number,
): void {
  const { length } = changes;
  for (let index = 0; index < length; index++) {
    readChange(changes[index], `change ${index}`);
    try {
      checkChange();
    } catch (error) {
      if (error instanceof Error) {
        error.message = `change ${index}: ${error.message}`;
      }
      throw error;
    }
    writeChange(memory, index, extraFlags);
  }
  memory.length = length;
}

/** Packs the change that was read and checked, with `extraFlags` besides its own. */
export function writeChange(
  memory: RecordMemory,
  index: number,
  extraFlags: number,
): void {
  const { words, wide, shorts } = memory;
  const word = index * memory.recordWords;
  const wideAt = word >> 1;
  storeWord(words, wide, wideAt + IDENT_WIDE, fields.ident);
  storeWord(words, wide, wideAt + DATA_WIDE, fields.data);
  storeWord(words, wide, wideAt + UDATA_WIDE, fields.udata);
  shorts[2 * word + FILTER_SHORT] = fields.filter;
  shorts[2 * word + FLAGS_SHORT] = fields.flags | extraFlags;
  words[word + FFLAGS_WORD] = fields.fflags;
  if (memory.recordSize === KEVENT64_SIZE) {
    storeWord(words, wide, wideAt + EXT_WIDE, fields.ext0);
    storeWord(words, wide, wideAt + EXT_WIDE + 1, fields.ext1);
    if (fields.ext0 !== 0 || fields.ext1 !== 0) memory.hasExt = true;
  }
}

/** The record at `index`, which must be one, as an object of its own. */
export function readRecord(memory: RecordMemory, index: number): Kevent {
  const { recordWords, shorts, words, wide } = memory;
  const word = index * recordWords;
  const wideAt = word >> 1;
  return {
    ident: wide[wideAt + IDENT_WIDE],
    filter: shorts[2 * word + FILTER_SHORT],
    flags: shorts[2 * word + FLAGS_SHORT] & 0xffff,
    fflags: words[word + FFLAGS_WORD] >>> 0,
    data: asIntN(64, wide[wideAt + DATA_WIDE]),
    udata: wide[wideAt + UDATA_WIDE],
  };
}

/** The two words that a record of 48 bytes has besides. */
export function readExt(memory: RecordMemory, index: number): [bigint, bigint] {
  const { wide } = memory;
  const ext = index * KEVENT64_SIZE / 8 + EXT_WIDE;
  return [wide[ext], wide[ext + 1]];
}

/**
 * Copies the first records of one memory into another, between sizes too; `ext` is zero where the source has none. Word by
 * word: the methods of typed arrays are anybody's to replace.
 */
export function copyRecords(
  from: RecordMemory,
  to: RecordMemory,
  length: number,
): void {
  const { recordWords: size, words: source } = from;
  const { recordWords: room, words: target } = to;
  for (let index = 0; index < length; index++) {
    for (let word = 0; word < room; word++) {
      target[index * room + word] = word < size
        ? source[index * size + word]
        : 0;
    }
  }
  to.length = length;
  if (from.hasExt) to.hasExt = true;
}

/** Sets flags of the packed records besides those they have. */
export function addFlags(memory: RecordMemory, flags: number): void {
  const { recordWords, shorts } = memory;
  for (let index = 0; index < memory.length; index++) {
    shorts[2 * index * recordWords + FLAGS_SHORT] |= flags;
  }
}
