import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  kevChange,
  type Kevent,
  type Kevent64,
  type Kevent64Init,
  Kevent64List,
  KeventList,
} from "../../kevent.ts";
import { memoryOf } from "../../kevent/list.ts";
import {
  change,
  i16,
  noI16,
  noU16,
  noU64,
  u16,
  u64,
  wrongChange,
} from "./kevent_arbitraries.ts";

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const CAPACITY = 4;
const RUNS = { numRuns: 500 };

/** The record that a change must come out as. */
function expected(init: Kevent64Init): Kevent64 {
  const { ext: [ext0, ext1] = [0, 0] } = init;
  return {
    ident: BigInt(init.ident),
    filter: init.filter,
    flags: init.flags ?? 0,
    fflags: (init.fflags ?? 0) >>> 0,
    data: BigInt(init.data ?? 0),
    udata: BigInt(init.udata ?? 0),
    ext: [BigInt(ext0), BigInt(ext1)],
  };
}

/** The record of a `KeventList`. */
function withoutExt({ ext: _, ...record }: Kevent64): Kevent {
  return record;
}

function shown(value: number | bigint): string {
  return typeof value === "bigint" ? `${value}n` : String(value);
}

function assertRefuses(
  use: () => unknown,
  field: string,
  value: number | bigint,
): void {
  const { message } = assertThrows(use, RangeError);
  assert(message.startsWith(`${field} must be `), message);
  assert(message.endsWith(` ${shown(value)}`), message);
}

for (const List of [KeventList, Kevent64List]) {
  const out = List === KeventList
    ? (init: Kevent64Init): Kevent => withoutExt(expected(init))
    : expected;

  describe(`Any ${List.name}`, () => {
    it("gives the records that were put in", () => {
      fc.assert(
        fc.property(fc.array(change, { maxLength: 9 }), (changes) => {
          const list: KeventList | Kevent64List = List.from(changes);
          assertEquals<Kevent[]>(list.toArray(), changes.map(out));
          assertEquals(list.length, changes.length);
        }),
        RUNS,
      );
    });

    it("takes the records that came out, unchanged", () => {
      fc.assert(
        fc.property(fc.array(change, { maxLength: 9 }), (changes) => {
          const list: KeventList | Kevent64List = List.from(changes);
          const again: KeventList | Kevent64List = List.from(list);
          assertEquals(memoryOf(again).bytes, memoryOf(list).bytes);
        }),
        RUNS,
      );
    });

    it("packs a number and the bigint of the same value alike", () => {
      const safe = fc.integer({
        min: Number.MIN_SAFE_INTEGER,
        max: Number.MAX_SAFE_INTEGER,
      });
      fc.assert(
        fc.property(safe, (data) => {
          const ident = Math.abs(data);
          const list = new List(2);
          list.push({ ident, filter: 0, data, udata: ident });
          const wide = BigInt(ident);
          list.push({
            ident: wide,
            filter: 0,
            data: BigInt(data),
            udata: wide,
          });
          const { bytes, recordSize } = memoryOf(list);
          assertEquals(
            bytes.subarray(0, recordSize),
            bytes.subarray(recordSize),
          );
        }),
        RUNS,
      );
    });

    it("has number accessors that agree with at(), or say why not", () => {
      fc.assert(
        fc.property(change, (init) => {
          const list = new List(1);
          list.push(init);
          const event = list.at(0);
          assertEquals(list.filter(0), event.filter);
          assertEquals(list.flags(0), event.flags);
          assertEquals(list.fflags(0), event.fflags);
          const accessors = {
            ident: () => list.identNumber(0),
            data: () => list.dataNumber(0),
            udata: () => list.udataNumber(0),
          };
          for (const field of ["ident", "data", "udata"] as const) {
            const value = event[field];
            if (value >= -MAX_SAFE && value <= MAX_SAFE) {
              assertEquals(BigInt(accessors[field]()), value);
            } else {
              const reason =
                `Cannot give ${field} of record 0 as a number: ${value} is`;
              assertThrows(accessors[field], RangeError, reason);
            }
          }
        }),
        RUNS,
      );
    });

    it("refuses what a field cannot hold, and changes nothing", () => {
      fc.assert(
        fc.property(
          fc.array(change, { minLength: 1, maxLength: CAPACITY - 1 }),
          wrongChange,
          fc.nat(),
          (changes, { field, value, init }, at) => {
            const list = new List(CAPACITY);
            for (const each of changes) list.push(each);
            const bytes = memoryOf(list).bytes.slice();
            assertRefuses(() => list.push(init), field, value);
            assertRefuses(
              () => list.set(at % changes.length, init),
              field,
              value,
            );
            assertEquals(list.length, changes.length);
            assertEquals(memoryOf(list).bytes, bytes);
          },
        ),
        RUNS,
      );
    });

    it("holds after any sequence of uses what an array would hold", () => {
      const use = fc.oneof(
        fc.record({ kind: fc.constant("push" as const), init: change }),
        fc.record({
          kind: fc.constant("set" as const),
          init: change,
          index: fc.integer({ min: -1, max: CAPACITY }),
        }),
        fc.record({ kind: fc.constant("clear" as const) }),
      );
      fc.assert(
        fc.property(fc.array(use, { maxLength: 20 }), (uses) => {
          const list = new List(CAPACITY);
          const model: Kevent[] = [];
          for (const use of uses) {
            if (use.kind === "clear") {
              list.clear();
              model.length = 0;
            } else if (use.kind === "push") {
              if (model.length < CAPACITY) {
                assertEquals(list.push(use.init), model.push(out(use.init)));
              } else {
                assertThrows(() => list.push(use.init), RangeError);
              }
            } else if (use.index >= 0 && use.index < model.length) {
              list.set(use.index, use.init);
              model[use.index] = out(use.init);
            } else {
              assertThrows(() => list.set(use.index, use.init), RangeError);
            }
            assertEquals<Kevent[]>(list.toArray(), model);
          }
        }),
        RUNS,
      );
    });

    it("has no record at an index that is none of its own", () => {
      const index = fc.oneof(fc.double(), fc.integer()).filter((index) =>
        ![0, 1].includes(index)
      );
      fc.assert(
        fc.property(index, (index) => {
          const list = new List(CAPACITY);
          list.push({ ident: 0, filter: 0 });
          list.push({ ident: 1, filter: 0 });
          const message = `index must be an integer from 0 to 1, got ${index}`;
          assertThrows(() => list.at(index), RangeError, message);
          assertThrows(() => list.flags(index), RangeError, message);
        }),
        RUNS,
      );
    });
  });
}

describe("Any ext of a Kevent64List", () => {
  it("is refused where a word of it does not fit, and nothing changes", () => {
    fc.assert(
      fc.property(
        change,
        fc.constantFrom(0, 1),
        noU64,
        (init, index, value) => {
          const list = Kevent64List.from([init]);
          const bytes = memoryOf(list).bytes.slice();
          const ext: [number | bigint, number | bigint] = [1, 2];
          ext[index] = value;
          assertRefuses(
            () => list.set(0, { ident: 1, filter: 1, ext }),
            `ext[${index}]`,
            value,
          );
          assertEquals(memoryOf(list).bytes, bytes);
        },
      ),
      RUNS,
    );
  });
});

describe("Any kevChange()", () => {
  it("is packed as the arguments that it was given", () => {
    fc.assert(
      fc.property(u64, i16, u16, u64, (fd, filter, flags, udata) => {
        const list = KeventList.from([kevChange(fd, filter, flags, udata)]);
        assertEquals(
          list.at(0),
          withoutExt(expected({ ident: fd, filter, flags, udata })),
        );
      }),
      RUNS,
    );
  });

  it("refuses an argument that does not fit, by its name", () => {
    fc.assert(
      fc.property(noU64, noI16, noU16, (word, filter, flags) => {
        assertRefuses(() => kevChange(word, 0, 0), "fd", word);
        assertRefuses(() => kevChange(0, 0, 0, word), "udata", word);
        assertRefuses(
          () => kevChange(0, filter as number, 0),
          "filter",
          filter,
        );
        assertRefuses(() => kevChange(0, 0, flags as number), "flags", flags);
      }),
      RUNS,
    );
  });
});
