/**
 * The bytes behind a list, for the modules that hand them to a kernel. Not public: a caller who got hold of the
 * ArrayBuffer could transfer it away while the kernel holds its address.
 */
import { checkInteger, checkWord, I64, storeWord, U64 } from "./check.ts";
import { KEVENT, KEVENT64, layoutOf } from "./struct.ts";
import type { Kevent64Init, KeventInit } from "./record.ts";

const [IDENT, FILTER, FLAGS, FFLAGS, DATA, UDATA] = layoutOf(KEVENT).offsets;
const EXT = layoutOf(KEVENT64).offsets[6];

/** Bytes of one `struct kevent`. */
export const KEVENT_SIZE: number = layoutOf(KEVENT).size;
/** Bytes of one `struct kevent64_s`. */
export const KEVENT64_SIZE: number = layoutOf(KEVENT64).size;

/** Where the fields of a record lie in views of 16, 32 and 64 bits. Both structs begin alike. */
export const IDENT_WORD: number = IDENT / 4;
export const FILTER_SHORT: number = FILTER / 2;
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
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shorts: Int16Array;
  readonly words: Int32Array;
  readonly wide: BigUint64Array;
  /** 32-bit words of one record, from which the places of its fields in every view follow. */
  readonly recordWords: number;
  /** Records in use, from the first on. */
  length = 0;
  /** The address, made by the first call that needs it. */
  pointer: Deno.PointerValue = null;

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

/** Packs one record at `index`, with `extraFlags` besides its own. Nothing is written unless all of it fits. */
export function packRecord(
  memory: RecordMemory,
  index: number,
  init: KeventInit | Kevent64Init,
  extraFlags = 0,
): void {
  const { ident, filter, flags = 0, fflags = 0, data = 0, udata = 0 } = init;
  checkWord("ident", ident, U64);
  checkInteger("filter", filter, -0x8000, 0x7fff);
  checkInteger("flags", flags, 0, 0xffff);
  // Bitwise operators give signed results: a negative number stands for its unsigned twin.
  checkInteger("fflags", fflags, -0x8000_0000, 0xffff_ffff);
  checkWord("data", data, I64);
  checkWord("udata", udata, U64);
  const { words, wide, shorts } = memory;
  const word = index * memory.recordWords;
  const wideAt = word >> 1;
  if (memory.recordSize === KEVENT64_SIZE) {
    const [ext0, ext1] = (init as Kevent64Init).ext ?? NO_EXT;
    checkWord("ext[0]", ext0, U64);
    checkWord("ext[1]", ext1, U64);
    storeWord(words, wide, wideAt + EXT_WIDE, ext0);
    storeWord(words, wide, wideAt + EXT_WIDE + 1, ext1);
  }
  storeWord(words, wide, wideAt + IDENT_WIDE, ident);
  storeWord(words, wide, wideAt + DATA_WIDE, data);
  storeWord(words, wide, wideAt + UDATA_WIDE, udata);
  shorts[2 * word + FILTER_SHORT] = filter;
  shorts[2 * word + FLAGS_SHORT] = flags | extraFlags;
  words[word + FFLAGS_WORD] = fflags;
}

const NO_EXT = [0, 0] as const;

/** Copies one record, between sizes too; `ext` is zero where the source has none. */
export function copyRecord(
  from: RecordMemory,
  fromIndex: number,
  to: RecordMemory,
  toIndex: number,
): void {
  const size = Math.min(from.recordSize, to.recordSize);
  const source = fromIndex * from.recordSize;
  const target = toIndex * to.recordSize;
  to.bytes.fill(0, target + size, target + to.recordSize);
  to.bytes.set(from.bytes.subarray(source, source + size), target);
}

/** Sets flags of a packed record besides those it has. */
export function addFlags(
  memory: RecordMemory,
  index: number,
  flags: number,
): void {
  memory.shorts[2 * index * memory.recordWords + FLAGS_SHORT] |= flags;
}
