import {
  assertEquals,
  assertFalse,
  assertNotStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EV_ADD, EVFILT_READ, EVFILT_TIMER } from "../../constants.ts";
import {
  type Kevent,
  type Kevent64Init,
  Kevent64List,
  KeventList,
} from "../../kevent.ts";

const MAX_U64 = 2n ** 64n - 1n;
const MIN_I64 = -(2n ** 63n);

const CHANGE = { ident: 3, filter: EVFILT_READ, flags: EV_ADD, udata: 7 };

const ZEROS: Kevent = {
  ident: 0n,
  filter: 0,
  flags: 0,
  fflags: 0,
  data: 0n,
  udata: 0n,
};

/** What no list takes for an index while it holds two records. */
const WRONG_INDICES = [-1, 2, 1.5, NaN, Infinity, -Infinity, 2 ** 32];

/** What no list takes for a change: the field, the value, and how the error shows the value. */
const WRONG_FIELDS: [field: string, value: unknown, shown: string][] = [
  ["ident", -1, "-1"],
  ["ident", -1n, "-1n"],
  ["ident", 2n ** 64n, "18446744073709551616n"],
  ["ident", 2 ** 53, "9007199254740992"],
  ["ident", 0.5, "0.5"],
  ["ident", NaN, "NaN"],
  ["filter", 40000, "40000"],
  ["filter", -32769, "-32769"],
  ["filter", 32768, "32768"],
  ["filter", -1.5, "-1.5"],
  ["filter", -1n, "-1n"],
  ["flags", 70000, "70000"],
  ["flags", 65536, "65536"],
  ["flags", -1, "-1"],
  ["flags", Infinity, "Infinity"],
  ["fflags", 2 ** 32, "4294967296"],
  ["fflags", -(2 ** 31) - 1, "-2147483649"],
  ["fflags", 0.1, "0.1"],
  ["data", 2n ** 63n, "9223372036854775808n"],
  ["data", MIN_I64 - 1n, "-9223372036854775809n"],
  ["data", -(2 ** 53), "-9007199254740992"],
  ["data", 1.5, "1.5"],
  ["data", -Infinity, "-Infinity"],
  ["udata", -1n, "-1n"],
  ["udata", 2n ** 64n, "18446744073709551616n"],
  ["udata", -1, "-1"],
  ["udata", 1e300, "1e+300"],
];

for (const List of [KeventList, Kevent64List]) {
  const recordSize = List === KeventList ? 32 : 48;

  /** The record that comes out for these fields. */
  const record = (fields: Partial<Kevent>): Kevent =>
    List === KeventList
      ? { ...ZEROS, ...fields }
      : { ...ZEROS, ...fields, ...{ ext: [0n, 0n] } };

  const listOf = (...changes: Kevent64Init[]): KeventList | Kevent64List => {
    const list = new List(changes.length);
    for (const change of changes) list.push(change);
    return list;
  };

  describe(`${List.name}`, () => {
    it("is empty when made, with the capacity asked for", () => {
      const list = new List(3);
      assertEquals(list.capacity, 3);
      assertEquals(list.length, 0);
      assertEquals(list.recordSize, recordSize);
      assertEquals(list.toArray(), []);
    });

    for (const capacity of [0, -1, 1.5, 1e12, NaN, Infinity, 2 ** 24 + 1]) {
      it(`refuses a capacity of ${capacity}`, () => {
        assertThrows(
          () => new List(capacity),
          RangeError,
          `capacity must be an integer from 1 to 16777216, got ${capacity}`,
        );
      });
    }

    it("refuses a capacity that is no number", () => {
      assertThrows(
        () => new List("5" as never),
        TypeError,
        'capacity must be an integer from 1 to 16777216, got "5"',
      );
      assertThrows(() => new List(undefined as never), TypeError, "undefined");
      assertThrows(() => new List(5n as never), RangeError, "5n");
    });

    it("gives away neither its memory nor a view of it", () => {
      const list = listOf(CHANGE);
      for (
        let holder: object = list;
        holder !== Object.prototype;
        holder = Object.getPrototypeOf(holder)
      ) {
        for (const key of Reflect.ownKeys(holder)) {
          const value: unknown = Reflect.get(holder, key, list);
          assertFalse(
            value instanceof ArrayBuffer || ArrayBuffer.isView(value),
            `${String(key)} is the list's memory`,
          );
          assertFalse(
            typeof value === "object" && value !== null && "buffer" in value,
            `${String(key)} holds the list's memory`,
          );
        }
      }
    });

    it("push() appends and returns the new length", () => {
      const list = new List(2);
      assertEquals(list.push(CHANGE), 1);
      assertEquals(list.push({ ident: 1, filter: EVFILT_TIMER, data: -5 }), 2);
      assertEquals<Kevent[]>(list.toArray(), [
        record({ ident: 3n, filter: -1, flags: 1, udata: 7n }),
        record({ ident: 1n, filter: -7, data: -5n }),
      ]);
    });

    it("push() throws when the list is full, and leaves it as it was", () => {
      const list = listOf(CHANGE, CHANGE);
      const before = list.toArray();
      assertThrows(
        () => list.push({ ident: 9, filter: EVFILT_READ }),
        RangeError,
        "Cannot push: the list holds 2 of 2 records",
      );
      assertEquals<Kevent[]>(list.toArray(), before);
    });

    it("set() replaces one record and no other", () => {
      const list = listOf(CHANGE, CHANGE, CHANGE);
      const before = list.toArray();
      list.set(1, { ident: MAX_U64, filter: 5, fflags: 6, data: MIN_I64 });
      assertEquals(list.length, 3);
      assertEquals<Kevent[]>(list.toArray(), [
        before[0],
        record({ ident: MAX_U64, filter: 5, fflags: 6, data: MIN_I64 }),
        before[2],
      ]);
    });

    for (const index of WRONG_INDICES) {
      it(`has no record at the index ${index} of two`, () => {
        const list = listOf(CHANGE, CHANGE);
        const before = list.toArray();
        const uses = [
          () => list.at(index),
          () => list.set(index, CHANGE),
          () => list.identNumber(index),
          () => list.filter(index),
          () => list.flags(index),
          () => list.fflags(index),
          () => list.dataNumber(index),
          () => list.udataNumber(index),
        ];
        for (const use of uses) {
          assertThrows(
            use,
            RangeError,
            `index must be an integer from 0 to 1, got ${index}`,
          );
        }
        assertEquals<Kevent[]>(list.toArray(), before);
      });
    }

    it("has no record at an index that is no number", () => {
      const list = listOf(CHANGE, CHANGE);
      assertThrows(() => list.at("0" as never), TypeError, 'got "0"');
      assertThrows(() => list.filter("0" as never), TypeError, 'got "0"');
      assertThrows(() => list.at(undefined as never), TypeError, "undefined");
    });

    it("says so when it is asked for a record and has none", () => {
      const list = new List(4);
      const message = "index 0 is out of range: the list is empty";
      assertThrows(() => list.at(0), RangeError, message);
      assertThrows(() => list.flags(0), RangeError, message);
      assertThrows(() => list.set(0, CHANGE), RangeError, message);
    });

    it("clear() empties it and keeps its capacity", () => {
      const list = listOf(CHANGE, CHANGE);
      list.clear();
      assertEquals(list.length, 0);
      assertEquals(list.capacity, 2);
      assertEquals([...list], []);
      assertThrows(() => list.at(0), RangeError);
    });

    it("leaves nothing of an earlier record in a later one", () => {
      const list = listOf({
        ident: MAX_U64,
        filter: -1,
        flags: 0xffff,
        fflags: 0xffffffff,
        data: -1,
        udata: MAX_U64,
        ext: [MAX_U64, MAX_U64],
      });
      list.clear();
      list.push({ ident: 0, filter: 0 });
      assertEquals<Kevent>(list.at(0), record({}));
    });

    it("can be iterated as often as one likes, and from two places", () => {
      const list = listOf({ ...CHANGE, ident: 0 }, { ...CHANGE, ident: 1 });
      assertEquals<Kevent[]>([...list], list.toArray());
      const pairs: bigint[][] = [];
      for (const a of list) {
        for (const b of list) pairs.push([a.ident, b.ident]);
      }
      assertEquals(pairs, [[0n, 0n], [0n, 1n], [1n, 0n], [1n, 1n]]);
    });

    it("gives records of their own, which neither side changes later", () => {
      const list = listOf(CHANGE);
      const event: Kevent = list.at(0);
      assertNotStrictEquals<Kevent>(list.at(0), event);
      event.ident = 99n;
      assertEquals(list.at(0).ident, 3n);
      list.set(0, { ident: 4, filter: EVFILT_READ });
      assertEquals(event.udata, 7n);
    });

    it("from() makes a full list of any iterable", () => {
      function* changes(): Generator<Kevent64Init> {
        yield CHANGE;
        yield { ident: 1, filter: EVFILT_TIMER };
      }
      const list: KeventList | Kevent64List = List.from(changes());
      assertEquals(list.capacity, 2);
      assertEquals(list.length, 2);
      assertEquals(list.at(1).filter, EVFILT_TIMER);
      assertEquals<Kevent[]>(List.from(list).toArray(), list.toArray());
    });

    it("from() of nothing is an empty list with room for one", () => {
      const list = List.from([]);
      assertEquals([list.length, list.capacity], [0, 1]);
    });

    it("from() refuses what a field cannot hold", () => {
      assertThrows(
        () => List.from([CHANGE, { ...CHANGE, flags: 70000 }]),
        RangeError,
        "flags must be an integer from 0 to 65535, got 70000",
      );
    });

    for (const [field, value, shown] of WRONG_FIELDS) {
      it(`refuses ${shown} as ${field}, and stays as it was`, () => {
        const list = new List(3);
        list.push(CHANGE);
        list.push({ ident: 8, filter: EVFILT_TIMER, data: -1, udata: MAX_U64 });
        const before = list.toArray();
        const wrong = { ...CHANGE, ident: 5, [field]: value };
        for (const use of [() => list.push(wrong), () => list.set(1, wrong)]) {
          const error = assertThrows(use, RangeError, `${field} must be `);
          assertEquals(error.message.endsWith(` ${shown}`), true);
          assertEquals<Kevent[]>(list.toArray(), before);
        }
      });
    }

    it("refuses a field that is no number with a TypeError", () => {
      const list = listOf(CHANGE, CHANGE);
      for (
        const field of ["ident", "filter", "flags", "fflags", "data", "udata"]
      ) {
        const wrong = { ...CHANGE, [field]: "5" };
        assertThrows(
          () => list.set(0, wrong),
          TypeError,
          `${field} must be an integer from `,
        );
        assertThrows(() => list.set(0, wrong), TypeError, 'got "5"');
      }
      assertThrows(
        () => list.set(0, { filter: 1 } as never),
        TypeError,
        "ident",
      );
      assertThrows(() => list.set(0, { ident: 1 } as never), TypeError);
      assertEquals<Kevent[]>(
        list.toArray(),
        listOf(CHANGE, CHANGE).toArray(),
      );
    });
  });
}
