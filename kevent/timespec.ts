/** `struct timespec` as bytes. */
import {
  ArrayBuffer,
  BigUint64Array,
  type Bytes,
  Int32Array,
  Uint8Array,
} from "../intrinsics.ts";
import { showAs } from "../inspect.ts";
import { shown } from "../options.ts";
import { checkWord, I64, storeWord, wrongNumber } from "./check.ts";
import { layoutOf, TIMESPEC } from "./struct.ts";

const LAYOUT = layoutOf(TIMESPEC);
const [SEC, NSEC] = LAYOUT.offsets;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const NANOSECONDS_PER_SECOND = 1e9;

/** The bytes of a timespec and their address. Not public, for the reason given at RecordMemory. */
export class TimespecMemory {
  readonly bytes: Bytes;
  readonly words: Int32Array;
  readonly wide: BigUint64Array;
  /** The address, made by the first call that needs it. */
  pointer: Deno.PointerValue = null;

  constructor() {
    const buffer = new ArrayBuffer(LAYOUT.size);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.wide = new BigUint64Array(buffer);
  }
}

/** The memory behind a timespec, for this module's own calls to the kernel. */
export let timespecMemoryOf: (timespec: Timespec) => TimespecMemory;

/**
 * A length of time as the kernel takes it: `struct timespec`, seconds and nanoseconds.
 *
 * It holds whatever two 64-bit numbers it is given. As a timeout the kernel refuses, with EINVAL, seconds outside 0 to
 * 2^31-1 (68 years) and nanoseconds outside 0 to 1,000,000,000; both ends are valid (R10).
 *
 * ```ts
 * import { Timespec } from "@kqueue/kqueue";
 *
 * const timeout = Timespec.fromMilliseconds(1500);
 * console.log(timeout.sec, timeout.nsec); // 1n 500000000n
 * ```
 */
export class Timespec {
  static {
    showAs(
      Timespec.prototype,
      ({ sec, nsec }) => `Timespec { sec: ${sec}, nsec: ${nsec} }`,
    );
    timespecMemoryOf = (timespec) => {
      if (
        typeof timespec !== "object" || timespec === null ||
        !(#memory in timespec)
      ) {
        throw new TypeError(
          `timeout must be a Timespec, as Timespec.fromMilliseconds() gives, or null; got ${
            shown(timespec)
          }`,
        );
      }
      return timespec.#memory;
    };
  }

  readonly #memory = new TimespecMemory();

  /**
   * Makes a timespec of two fields, both 0 unless given.
   *
   * @param sec Whole seconds, -2^63 to 2^63-1.
   * @param nsec Nanoseconds besides, -2^63 to 2^63-1.
   * @throws {RangeError} naming the argument that does not fit its field.
   */
  constructor(sec: number | bigint = 0, nsec: number | bigint = 0) {
    this.sec = sec;
    this.nsec = nsec;
  }

  /**
   * The shortest timespec that is no shorter than so many milliseconds; fractions count.
   *
   * @param milliseconds 0 to 2^53-1. As a timeout the kernel takes less than 2^31 s.
   * @throws {RangeError} for a negative number, NaN, Infinity or more than 2^53-1.
   * @throws {TypeError} for what is no number.
   */
  static fromMilliseconds(milliseconds: number): Timespec {
    const timespec = new Timespec();
    timespec.setMilliseconds(milliseconds);
    return timespec;
  }

  /** Whole seconds. @throws {RangeError} when set to what 64 signed bits cannot hold. */
  get sec(): bigint {
    return BigInt.asIntN(64, this.#memory.wide[SEC / 8]);
  }
  set sec(value: number | bigint) {
    checkWord("sec", value, I64);
    storeWord(this.#memory.words, this.#memory.wide, SEC / 8, value);
  }

  /** Nanoseconds besides the seconds. @throws {RangeError} when set to what 64 signed bits cannot hold. */
  get nsec(): bigint {
    return BigInt.asIntN(64, this.#memory.wide[NSEC / 8]);
  }
  set nsec(value: number | bigint) {
    checkWord("nsec", value, I64);
    storeWord(this.#memory.words, this.#memory.wide, NSEC / 8, value);
  }

  /**
   * Sets both fields to the shortest time that is no shorter than so many milliseconds, without allocating.
   *
   * @param milliseconds 0 to 2^53-1. As a timeout the kernel takes less than 2^31 s.
   * @throws {RangeError} for a negative number, NaN, Infinity or more than 2^53-1.
   * @throws {TypeError} for what is no number.
   */
  setMilliseconds(milliseconds: number): void {
    const isLength = typeof milliseconds === "number" && milliseconds >= 0 &&
      milliseconds <= Number.MAX_SAFE_INTEGER;
    if (!isLength) {
      throw wrongNumber(
        "milliseconds",
        milliseconds,
        "a number from 0 to 2^53-1",
      );
    }
    let sec = Math.floor(milliseconds / 1000);
    let nsec = Math.ceil(
      (milliseconds - sec * 1000) * NANOSECONDS_PER_MILLISECOND,
    );
    if (nsec === NANOSECONDS_PER_SECOND) {
      sec++;
      nsec = 0;
    }
    const { words, wide } = this.#memory;
    storeWord(words, wide, SEC / 8, sec);
    storeWord(words, wide, NSEC / 8, nsec);
  }
}
