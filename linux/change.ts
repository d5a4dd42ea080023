/** One change of a changelist, read out of its record. */
import { EV_SYSFLAGS } from "../constants.ts";
import {
  DATA_WIDE,
  DATA_WORD,
  FFLAGS_WORD,
  FILTER_SHORT,
  FLAGS_SHORT,
  IDENT_WIDE,
  IDENT_WORD,
  type RecordMemory,
  UDATA_WORD,
} from "../kevent/memory.ts";

const TWO_32 = 2 ** 32;
const SAFE_HIGH = 2 ** 21;

/**
 * The change at hand. One object serves all of them, so that applying a change allocates nothing: words as two
 * signed halves, which V8 keeps as small integers.
 */
export class Change {
  filter = 0;
  flags = 0;
  fflags = 0;
  identLow = 0;
  identHigh = 0;
  dataLow = 0;
  dataHigh = 0;
  udataLow = 0;
  udataHigh = 0;
  /** The ident as a key: a number where it is a safe integer, else a bigint. */
  ident: number | bigint = 0;
  #memory: RecordMemory | undefined;
  #index = 0;

  /** Reads record `index`. */
  load(memory: RecordMemory, index: number): void {
    const { words, shorts, recordWords } = memory;
    const word = index * recordWords;
    const short = 2 * word;
    this.#memory = memory;
    this.#index = index;
    this.filter = shorts[short + FILTER_SHORT];
    // R16: the kernel's own bits mean nothing in a change.
    this.flags = shorts[short + FLAGS_SHORT] & 0xffff & ~EV_SYSFLAGS;
    this.fflags = words[word + FFLAGS_WORD];
    this.dataLow = words[word + DATA_WORD];
    this.dataHigh = words[word + DATA_WORD + 1];
    this.udataLow = words[word + UDATA_WORD];
    this.udataHigh = words[word + UDATA_WORD + 1];
    const low = this.identLow = words[word + IDENT_WORD];
    const high = this.identHigh = words[word + IDENT_WORD + 1];
    this.ident = high >>> 0 < SAFE_HIGH
      ? high * TWO_32 + (low >>> 0)
      : memory.wide[(word >> 1) + IDENT_WIDE];
  }

  /** data as the nearest double: exact for safe integers. */
  get data(): number {
    return this.dataHigh * TWO_32 + (this.dataLow >>> 0);
  }

  /** data to the last bit. */
  get dataBigInt(): bigint {
    if (this.#memory === undefined) return 0n;
    const { wide, recordWords } = this.#memory;
    const word = this.#index * recordWords;
    return BigInt.asIntN(64, wide[(word >> 1) + DATA_WIDE]);
  }
}
