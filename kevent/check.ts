/** What a field of a C struct can hold, and the errors for what it cannot. */
import { floor, isInteger, isSafeInteger } from "../intrinsics.ts";
import { shown } from "../options.ts";

const TWO_32 = 2 ** 32;
const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;

/** The smallest and largest value of a 64-bit field. */
export interface Range64 {
  readonly min: bigint;
  readonly max: bigint;
}

/** `uint64_t` */
export const U64: Range64 = { min: 0n, max: 2n ** 64n - 1n };
/** `int64_t` */
export const I64: Range64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** Throws unless `value` is an integer from `min` to `max`. */
export function checkInteger(
  name: string,
  value: number,
  min: number,
  max: number,
): void {
  if (!isInteger(value) || value < min || value > max) {
    throw wrongNumber(name, value, `an integer from ${min} to ${max}`);
  }
}

/** Throws unless a 64-bit field holds `value` to the last bit. */
export function checkWord(
  name: string,
  value: number | bigint,
  range: Range64,
): void {
  if (typeof value === "number") {
    if (isSafeInteger(value) && (value >= 0 || range.min < 0n)) return;
  } else if (
    typeof value === "bigint" && value >= range.min && value <= range.max
  ) {
    return;
  }
  throw wrongWord(name, value, range);
}

/**
 * An `int` of C's, such as a descriptor. Events have it as a bigint.
 *
 * @throws {RangeError} for a number that an `int` cannot hold.
 */
export function intOf(name: string, value: number | bigint): number {
  // The operator makes -0, which C's int has none of, to 0.
  if (typeof value === "number" && (value | 0) === value) return value | 0;
  if (typeof value === "bigint" && value >= MIN_INT && value <= MAX_INT) {
    return Number(value);
  }
  throw wrongNumber(name, value, `an integer from ${MIN_INT} to ${MAX_INT}`);
}

/** Stores a 64-bit field that {@linkcode checkWord} let pass. */
export function storeWord(
  words: Int32Array,
  wide: BigUint64Array,
  wideIndex: number,
  value: number | bigint,
): void {
  if (typeof value === "number") {
    // A typed array keeps the low 32 bits of what is stored; rounding down makes the high word of negatives right.
    words[2 * wideIndex] = value;
    words[2 * wideIndex + 1] = value >>> 0 === value
      ? 0
      : floor(value / TWO_32);
  } else {
    wide[wideIndex] = value;
  }
}

/** The error for a number that is not what `wanted` describes. */
export function wrongNumber(
  name: string,
  value: unknown,
  wanted: string,
): Error {
  const message = `${name} must be ${wanted}, got ${shown(value)}`;
  return typeof value === "number" || typeof value === "bigint"
    ? new RangeError(message)
    : new TypeError(message);
}

function wrongWord(name: string, value: unknown, range: Range64): Error {
  if (typeof value === "number" && Number.isInteger(value)) {
    if (!Number.isSafeInteger(value)) {
      return new RangeError(
        `${name} must be a safe integer or a bigint, got the number ${value}`,
      );
    }
  }
  return wrongNumber(
    name,
    value,
    `an integer from ${range.min} to ${range.max}`,
  );
}
