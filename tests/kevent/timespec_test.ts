import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Timespec } from "../../kevent.ts";
import { i64 } from "./kevent_arbitraries.ts";

const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

const fieldsOf = (timespec: Timespec) => [timespec.sec, timespec.nsec];

describe("Timespec", () => {
  it("is zero unless given fields", () => {
    assertEquals(fieldsOf(new Timespec()), [0n, 0n]);
    assertEquals(fieldsOf(new Timespec(1)), [1n, 0n]);
    assertEquals(fieldsOf(new Timespec(1, 2)), [1n, 2n]);
  });

  it("gives any two fields that were put in", () => {
    fc.assert(
      fc.property(i64, i64, (sec, nsec) => {
        assertEquals(fieldsOf(new Timespec(sec, nsec)), [
          BigInt(sec),
          BigInt(nsec),
        ]);
      }),
    );
  });

  it("holds whatever 64 signed bits hold", () => {
    assertEquals(fieldsOf(new Timespec(MAX_I64, MIN_I64)), [MAX_I64, MIN_I64]);
    assertEquals(fieldsOf(new Timespec(-1, -1n)), [-1n, -1n]);
    assertEquals(
      fieldsOf(
        new Timespec(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      ),
      [1n - 2n ** 53n, 2n ** 53n - 1n],
    );
  });

  it("holds what the kernel refuses, as it holds the ends of what is valid", () => {
    for (const nsec of [1_000_000_000n, 1_000_000_001n, -1n]) {
      assertEquals(fieldsOf(new Timespec(0, nsec)), [0n, nsec]);
    }
    for (const sec of [2n ** 31n - 1n, 2n ** 31n, -1n]) {
      assertEquals(fieldsOf(new Timespec(sec, 0)), [sec, 0n]);
    }
  });

  it("has fields that can be set, one without the other", () => {
    const timespec = new Timespec(1, 2);
    timespec.sec = 2n ** 40n;
    assertEquals(fieldsOf(timespec), [2n ** 40n, 2n]);
    timespec.nsec = 999_999_999;
    assertEquals(fieldsOf(timespec), [2n ** 40n, 999_999_999n]);
  });

  for (const value of [2n ** 63n, MIN_I64 - 1n, 2 ** 53, 0.5, NaN, Infinity]) {
    it(`refuses ${value} as a field, and stays as it was`, () => {
      const timespec = new Timespec(5, 6);
      const uses: [string, () => void][] = [
        ["sec", () => timespec.sec = value],
        ["nsec", () => timespec.nsec = value],
        ["sec", () => new Timespec(value)],
        ["nsec", () => new Timespec(0, value)],
      ];
      for (const [name, use] of uses) {
        const error = assertThrows(use, RangeError, `${name} must be `);
        assertEquals(error.message.includes(String(value)), true);
      }
      assertEquals(fieldsOf(timespec), [5n, 6n]);
    });
  }

  it("refuses a field that is no number with a TypeError", () => {
    assertThrows(() => new Timespec("1" as never), TypeError, 'got "1"');
  });
});

describe("Timespec.fromMilliseconds()", () => {
  const cases: [milliseconds: number, sec: bigint, nsec: bigint][] = [
    [0, 0n, 0n],
    [0.1, 0n, 100_000n],
    [1, 0n, 1_000_000n],
    [1.5, 0n, 1_500_000n],
    [999, 0n, 999_000_000n],
    [1000, 1n, 0n],
    [1001, 1n, 1_000_000n],
    [1500.25, 1n, 500_250_000n],
    [86_400_000, 86_400n, 0n],
    [Number.MAX_SAFE_INTEGER, 9_007_199_254_740n, 991_000_000n],
  ];
  for (const [milliseconds, sec, nsec] of cases) {
    it(`gives ${sec} s and ${nsec} ns for ${milliseconds} ms`, () => {
      const timespec = Timespec.fromMilliseconds(milliseconds);
      assertEquals(fieldsOf(timespec), [sec, nsec]);
    });
  }

  it("rounds up to the next nanosecond, never down", () => {
    assertEquals(fieldsOf(Timespec.fromMilliseconds(5e-324)), [0n, 1n]);
    assertEquals(fieldsOf(Timespec.fromMilliseconds(1e-6)), [0n, 1n]);
    assertEquals(fieldsOf(Timespec.fromMilliseconds(1.5e-6)), [0n, 2n]);
    assertEquals(fieldsOf(Timespec.fromMilliseconds(1.0000001)), [
      0n,
      1_000_001n,
    ]);
  });

  it("carries what rounds up to a whole second", () => {
    assertEquals(fieldsOf(Timespec.fromMilliseconds(999.9999999)), [1n, 0n]);
    assertEquals(fieldsOf(Timespec.fromMilliseconds(2999.9999999)), [3n, 0n]);
  });

  it("is no shorter than asked, and no nanosecond longer", () => {
    const milliseconds = fc.oneof(
      fc.double({ min: 0, max: 1e4, noNaN: true }),
      fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }),
      fc.maxSafeNat(),
    );
    fc.assert(
      fc.property(milliseconds, (milliseconds) => {
        const { sec, nsec } = Timespec.fromMilliseconds(milliseconds);
        assert(sec >= 0n && nsec >= 0n && nsec < 1_000_000_000n);
        // The whole milliseconds are exact; the rest is compared within the rounding of a double.
        const whole = Math.floor(milliseconds);
        const nanoseconds = Number(
          sec * 1_000_000_000n + nsec - BigInt(whole) * 1_000_000n,
        );
        const excess = nanoseconds - (milliseconds - whole) * 1e6;
        assert(
          excess > -1e-6 && excess < 1 + 1e-6,
          `${milliseconds} ms are ${excess} ns longer`,
        );
      }),
    );
  });

  for (const value of [-1, -0.001, NaN, Infinity, -Infinity, 2 ** 53]) {
    it(`refuses ${value} ms`, () => {
      assertThrows(
        () => Timespec.fromMilliseconds(value),
        RangeError,
        `milliseconds must be a number from 0 to 2^53-1, got ${value}`,
      );
      const timespec = new Timespec(5, 6);
      assertThrows(() => timespec.setMilliseconds(value), RangeError);
      assertEquals(fieldsOf(timespec), [5n, 6n]);
    });
  }

  for (const value of ["5", null, undefined, true]) {
    it(`refuses ${JSON.stringify(value)} with a TypeError`, () => {
      assertThrows(
        () => Timespec.fromMilliseconds(value as never),
        TypeError,
        `milliseconds must be a number from 0 to 2^53-1, got ${
          JSON.stringify(value)
        }`,
      );
    });
  }
});

describe("Timespec.setMilliseconds()", () => {
  it("replaces both fields, whatever they were", () => {
    const timespec = new Timespec(MIN_I64, MIN_I64);
    timespec.setMilliseconds(1.5);
    assertEquals(fieldsOf(timespec), [0n, 1_500_000n]);
    timespec.setMilliseconds(86_400_000);
    assertEquals(fieldsOf(timespec), [86_400n, 0n]);
  });
});
