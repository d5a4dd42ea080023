/** One change of a changelist, read out of its record. */
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_SYSFLAGS,
} from "../constants.ts";
import {
  DATA_WIDE,
  DATA_WORD,
  EXT_WIDE,
  FFLAGS_WORD,
  FILTER_SHORT,
  FLAGS_SHORT,
  IDENT_WIDE,
  IDENT_WORD,
  KEVENT64_SIZE,
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

  /** R3: takes out what another flag overrules. */
  simplify(): void {
    if ((this.flags & EV_DELETE) !== 0) this.flags &= ~EV_ADD;
    if ((this.flags & EV_DISABLE) !== 0) this.flags &= ~EV_ENABLE;
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

  /** The words of ext; null where all are 0, as they are for a record that has none. */
  get ext(): Int32Array | null {
    const memory = this.#memory;
    if (memory?.recordSize !== KEVENT64_SIZE) return null;
    const { words } = memory;
    const at = this.#index * memory.recordWords + EXT_WIDE * 2;
    if ((words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0) {
      return null;
    }
    return words.slice(at, at + 4);
  }

  /** ext[1] to the last bit. */
  get leeway(): bigint {
    if (this.#memory?.recordSize !== KEVENT64_SIZE) return 0n;
    const { wide, recordWords } = this.#memory;
    const word = this.#index * recordWords;
    return wide[(word >> 1) + EXT_WIDE + 1];
  }
}
