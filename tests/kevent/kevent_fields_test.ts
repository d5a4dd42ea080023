import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
} from "../../constants.ts";
import { type Kevent64Init, Kevent64List, KeventList } from "../../kevent.ts";

const TWO_53 = 2n ** 53n;
const MAX_U64 = 2n ** 64n - 1n;
const MIN_I64 = -(2n ** 63n);

const CHANGE = { ident: 3, filter: EVFILT_READ, flags: EV_ADD, udata: 7 };

for (const List of [KeventList, Kevent64List]) {
  const listOf = (...changes: Kevent64Init[]): KeventList | Kevent64List => {
    const list = new List(changes.length);
    for (const change of changes) list.push(change);
    return list;
  };

  describe(`The fields of a ${List.name}`, () => {
    it("takes words as numbers and bigints alike, to the last bit", () => {
      for (const word of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
        const list = listOf(
          { ident: word, filter: 0, data: word, udata: word },
          { ident: 0, filter: 0, data: -word },
        );
        const wide = BigInt(word);
        const [up, down] = list.toArray();
        assertEquals([up.ident, up.data, up.udata], [wide, wide, wide]);
        assertEquals(down.data, -wide);
      }
      const words = { ident: MAX_U64, data: MIN_I64, udata: MAX_U64 };
      const list = listOf({ filter: 0, ...words });
      const { ident, data, udata } = list.at(0);
      assertEquals({ ident, data, udata }, words);
      list.set(0, { filter: 0, ident: 0, data: 2n ** 63n - 1n });
      assertEquals(list.at(0).data, 2n ** 63n - 1n);
    });

    it("takes every filter and flag that 16 bits hold", () => {
      const list = listOf(
        { ident: 0, filter: -32768, flags: 0 },
        { ident: 0, filter: 32767, flags: 65535 },
      );
      assertEquals([list.filter(0), list.flags(0)], [-32768, 0]);
      assertEquals([list.filter(1), list.flags(1)], [32767, 65535]);
      assertEquals([list.at(0).filter, list.at(0).flags], [-32768, 0]);
      assertEquals([list.at(1).filter, list.at(1).flags], [32767, 65535]);
    });

    it("takes negative fflags as the unsigned ones that they stand for", () => {
      const signed = NOTE_EXIT | NOTE_EXITSTATUS;
      assertEquals(signed < 0, true);
      const list = listOf(
        { ident: 1, filter: EVFILT_PROC, fflags: signed },
        { ident: 1, filter: EVFILT_PROC, fflags: -(2 ** 31) },
        { ident: 1, filter: EVFILT_PROC, fflags: -1 },
        { ident: 1, filter: EVFILT_PROC, fflags: 2 ** 32 - 1 },
      );
      const unsigned = [0x84000000, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 1];
      assertEquals([0, 1, 2, 3].map((index) => list.fflags(index)), unsigned);
      assertEquals([...list].map((event) => event.fflags), unsigned);
      assertEquals(list.fflags(0) === (signed >>> 0), true);
    });

    it("gives words as numbers up to the last safe one", () => {
      const list = listOf({
        ident: TWO_53 - 1n,
        filter: EVFILT_READ,
        data: 1n - TWO_53,
        udata: TWO_53 - 1n,
      });
      assertEquals(list.identNumber(0), Number.MAX_SAFE_INTEGER);
      assertEquals(list.dataNumber(0), Number.MIN_SAFE_INTEGER);
      assertEquals(list.udataNumber(0), Number.MAX_SAFE_INTEGER);
    });

    it("gives data as a number with its sign", () => {
      const list = new List(1);
      list.push({ ident: 0, filter: 0 });
      const safe = 2 ** 53 - 1;
      for (
        const data of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 31, -safe, safe]
      ) {
        list.set(0, { ident: 0, filter: 0, data });
        assertEquals(list.dataNumber(0), data);
      }
    });

    for (const word of [TWO_53, TWO_53 + 1n, 2n ** 63n, MAX_U64]) {
      it(`gives neither ident nor udata of ${word} as a number`, () => {
        const list = listOf(CHANGE, { filter: 0, ident: word, udata: word });
        const reason = (field: string) =>
          `Cannot give ${field} of record 1 as a number: ${word} is no safe integer`;
        assertThrows(() => list.identNumber(1), RangeError, reason("ident"));
        assertThrows(() => list.udataNumber(1), RangeError, reason("udata"));
        assertEquals(list.at(1).ident, word);
        assertEquals(list.at(1).udata, word);
      });
    }

    for (const data of [TWO_53, -TWO_53, -TWO_53 - 1n, MIN_I64]) {
      it(`does not give data of ${data} as a number`, () => {
        const list = listOf({ ident: 0, filter: 0, data });
        assertThrows(
          () => list.dataNumber(0),
          RangeError,
          `Cannot give data of record 0 as a number: ${data} is no safe integer`,
        );
        assertEquals(list.at(0).data, data);
      });
    }
  });
}

describe("The ext of a Kevent64List", () => {
  const change = { ident: 1, filter: EVFILT_TIMER };

  it("comes back to the last bit", () => {
    const list = Kevent64List.from([
      { ...change, ext: [7, MAX_U64] },
      { ...change, ext: [2n ** 63n, Number.MAX_SAFE_INTEGER] },
    ]);
    assertEquals(list.at(0).ext, [7n, MAX_U64]);
    assertEquals(list.at(1).ext, [2n ** 63n, TWO_53 - 1n]);
  });

  it("is zero where a change has none, whatever was there", () => {
    const list = new Kevent64List(2);
    list.push({ ...change, ext: [MAX_U64, MAX_U64] });
    list.push({ ...change, ext: [1, 2] });
    list.set(1, change);
    assertEquals(list.at(1).ext, [0n, 0n]);
    list.clear();
    list.push(change);
    assertEquals(list.at(0).ext, [0n, 0n]);
  });

  it("refuses words that do not fit, and stays as it was", () => {
    const list = Kevent64List.from([{ ...change, ext: [3, 4] }]);
    const wrong: [[number | bigint, number | bigint], string][] = [
      [[-1, 0], "ext[0] must be an integer from 0 to"],
      [[0, 2n ** 64n], "ext[1] must be an integer from 0 to"],
      [[2 ** 53, 0], "ext[0] must be a safe integer or a bigint"],
      [[0, NaN], "ext[1] must be an integer from 0 to"],
    ];
    for (const [ext, message] of wrong) {
      assertThrows(
        () => list.set(0, { ident: 2, filter: EVFILT_READ, ext }),
        RangeError,
        message,
      );
    }
    assertThrows(
      () => list.set(0, { ...change, ext: [1] as never }),
      TypeError,
      "ext[1]",
    );
    assertEquals(list.at(0).ident, 1n);
    assertEquals(list.at(0).ext, [3n, 4n]);
  });

  it("is zero in a list made of a KeventList, and absent the other way round", () => {
    const narrow = KeventList.from([{ ...change, udata: MAX_U64 }]);
    const wide = Kevent64List.from(narrow);
    assertEquals(wide.at(0), { ...narrow.at(0), ext: [0n, 0n] });
    assertEquals(KeventList.from(wide).at(0), narrow.at(0));
  });
});
