/** Records for property tests: any that a list takes, and any that it must refuse. */
import fc from "fast-check";
import type { Kevent64Init } from "../../kevent.ts";

const MAX_U64 = 2n ** 64n - 1n;
const MIN_I64 = -(2n ** 63n);
const MAX_I64 = 2n ** 63n - 1n;

/** Both sides of each power of two at which a representation changes. */
const BORDERS = [0n, 31n, 32n, 53n, 63n, 64n].flatMap((bits) => [
  2n ** bits - 1n,
  2n ** bits,
  -(2n ** bits),
  -(2n ** bits) - 1n,
]);

/** Anything that a field holds. */
export const u64: fc.Arbitrary<number | bigint> = word(0n, MAX_U64);
export const i64: fc.Arbitrary<number | bigint> = word(MIN_I64, MAX_I64);
export const i16: fc.Arbitrary<number> = fc.integer({
  min: -0x8000,
  max: 0x7fff,
});
export const u16: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff });
const fflags = fc.integer({ min: -0x8000_0000, max: 0xffff_ffff });

/** Numbers and bigints that a field cannot hold. */
export const noU64: fc.Arbitrary<number | bigint> = noWord(0n, MAX_U64);
export const noI64: fc.Arbitrary<number | bigint> = noWord(MIN_I64, MAX_I64);
export const noI16: fc.Arbitrary<number | bigint> = noInteger(-0x8000, 0x7fff);
export const noU16: fc.Arbitrary<number | bigint> = noInteger(0, 0xffff);
const noFflags = noInteger(-0x8000_0000, 0xffff_ffff);

/** Any change, whole or with some of its fields left out. */
export const change: fc.Arbitrary<Kevent64Init> = fc.record({
  ident: u64,
  filter: i16,
  flags: u16,
  fflags,
  data: i64,
  udata: u64,
  ext: fc.tuple(u64, u64),
}, { requiredKeys: ["ident", "filter"] });

/** A change, one field of which has a value that the field cannot hold. */
export const wrongChange: fc.Arbitrary<
  { init: Kevent64Init; field: string; value: number | bigint }
> = fc.tuple(
  change,
  fc.oneof(
    fc.tuple(fc.constantFrom("ident", "udata"), noU64),
    fc.tuple(fc.constant("data"), noI64),
    fc.tuple(fc.constant("filter"), noI16),
    fc.tuple(fc.constant("flags"), noU16),
    fc.tuple(fc.constant("fflags"), noFflags),
  ),
).map(([init, [field, value]]) => ({
  init: { ...init, [field]: value },
  field,
  value,
}));

/** Any bigint of a 64-bit field, or a number that means the same. */
function word(min: bigint, max: bigint): fc.Arbitrary<number | bigint> {
  const borders = BORDERS.filter((value) => value >= min && value <= max);
  return fc.oneof(
    fc.bigInt({ min, max }),
    fc.constantFrom(...borders),
    min < 0n ? fc.maxSafeInteger() : fc.maxSafeNat(),
  );
}

/** Bigints past a 64-bit field; numbers that are no integers, or not to be told from their neighbours. */
function noWord(min: bigint, max: bigint): fc.Arbitrary<number | bigint> {
  return fc.oneof(
    fc.double().filter((value) =>
      !Number.isSafeInteger(value) || (value < 0 && min === 0n)
    ),
    fc.bigInt({ min: max + 1n }),
    fc.bigInt({ max: min - 1n }),
    fc.constantFrom(min - 1n, max + 1n),
  );
}

function noInteger(min: number, max: number): fc.Arbitrary<number | bigint> {
  return fc.oneof(
    fc.double().filter((value) =>
      !Number.isInteger(value) || value < min || value > max
    ),
    fc.integer({ min: max + 1, max: Number.MAX_SAFE_INTEGER }),
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: min - 1 }),
    fc.constantFrom(min - 1, max + 1),
    fc.bigInt(),
  );
}
