/** Changes whose getters use the very list or queue that they are given to. */
import { assertEquals, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_USER,
  Kevent64List,
  type KeventInit,
  KeventList,
  kevUser,
  kqApply,
  Kqueue,
} from "../../mod.ts";
import { idents } from "../semantics/calls.ts";
import { describeKernels } from "../semantics/kernels.ts";

/** A change that does something when its ident is read, and again at each further reading. */
function change(ident: number, meanwhile: () => unknown): KeventInit {
  return {
    get ident() {
      meanwhile();
      return ident;
    },
    filter: EVFILT_USER,
    flags: EV_ADD,
  };
}

function has(kq: Kqueue, ident: number): boolean {
  return kqApply(kq.fd, { ident, filter: EVFILT_USER });
}

/** More than a queue keeps room for, and fewer. */
const SIZES = [1, 3, 40];

const several = (count: number): KeventInit[] =>
  Array.from({ length: count }, (_, index) => kevUser(100 + index));

describeKernels("a change whose getter re-enters", () => {
  for (const List of [KeventList, Kevent64List]) {
    it(`${List.name}.push() never goes past the capacity`, () => {
      for (const depth of [1, 2, 5]) {
        const list = new List(2);
        const nested = (left: number): KeventInit =>
          change(left, () => {
            if (left > 0) list.push(nested(left - 1));
          });
        if (depth < 2) list.push(nested(depth));
        else {
          assertThrows(() => list.push(nested(depth)), RangeError, "2 of 2");
        }
        assertEquals([list.length, list.capacity], [2, 2]);
        // Those that were read last are stored first.
        assertEquals(idents(list), [0, 1]);
      }
    });

    it(`${List.name}.set() finds no record that was cleared meanwhile`, () => {
      const list = List.from([kevUser(1)]);
      assertThrows(
        () => list.set(0, change(2, () => list.clear())),
        RangeError,
        "index 0",
      );
      assertEquals(list.length, 0);
    });

    it(`${List.name}.push() stores what was read, whole`, () => {
      const list = new List(2);
      list.push({
        ident: 1,
        filter: EVFILT_USER,
        flags: EV_ADD,
        data: 3,
        get udata() {
          list.push({ ident: 9, filter: -1, flags: EV_DELETE, data: 9 });
          return 4;
        },
      });
      const { ident, filter, flags, data, udata } = list.at(1);
      assertEquals([ident, filter, flags, data, udata], [1n, -10, 1, 3n, 4n]);
    });
  }

  it("reads each field once", () => {
    const counts: Record<string, number> = {};
    const counting = new Proxy<KeventInit>(kevUser(1), {
      get(target, key, receiver) {
        counts[String(key)] = (counts[String(key)] ?? 0) + 1;
        return Reflect.get(target, key, receiver);
      },
    });
    using kq = new Kqueue();
    kqApply(kq.fd, counting);
    kq.apply(counting);
    assertThrows(() => kq.apply([{ ident: 5, filter: EVFILT_USER }, counting]));
    delete counts["Symbol(Symbol.iterator)"];
    const fields = ["ident", "filter", "flags", "fflags", "data", "udata"];
    for (const field of [...fields, "ext"]) {
      assertEquals(counts[field], 3, field);
    }
  });

  it("kqApply() applies both changes, each to its own queue", () => {
    using kq = new Kqueue();
    using other = new Kqueue();
    const inner: boolean[] = [];
    const meanwhile = () => inner.push(kqApply(other.fd, kevUser(7)));
    assertEquals(kqApply(kq.fd, change(8, meanwhile)), true);
    assertEquals(inner, [true]);
    assertEquals([has(kq, 7), has(kq, 8)], [false, true]);
    assertEquals([has(other, 7), has(other, 8)], [true, false]);
  });

  for (const count of SIZES) {
    it(`apply() of one applies it and the ${count} of the inner apply`, () => {
      using kq = new Kqueue();
      kq.apply(change(8, () => kq.apply(several(count))));
      assertEquals([has(kq, 8), has(kq, 99 + count)], [true, true]);
    });

    it(`apply() of an array applies all and the ${count} of the inner`, () => {
      using kq = new Kqueue();
      const one = change(8, () => kq.apply(several(count)));
      kq.apply([kevUser(1), one, kevUser(2)]);
      for (const ident of [1, 8, 2, 99 + count]) {
        assertEquals(has(kq, ident), true, `${ident}`);
      }
    });

    it(`apply() of an iterator applies all and the ${count} of the inner`, () => {
      using kq = new Kqueue();
      function* changes(): Generator<KeventInit> {
        yield kevUser(1);
        kq.apply(several(count));
        yield kevUser(2);
      }
      kq.apply(changes());
      for (const ident of [1, 2, 99 + count]) {
        assertEquals(has(kq, ident), true, `${ident}`);
      }
    });
  }

  it("apply() tells the failures of its own changes", () => {
    using kq = new Kqueue();
    const missing = { ident: 3, filter: EVFILT_USER };
    const one = change(8, () => {
      const error = assertThrows(() => kq.apply([missing, missing]));
      assertEquals(codesOf(error), ["0 3 ENOENT", "1 3 ENOENT"]);
    });
    const error = assertThrows(() => kq.apply([kevUser(1), one, missing]));
    assertEquals(codesOf(error), ["2 3 ENOENT"]);
  });

  it("apply() sees that the queue was closed meanwhile", () => {
    const kq = new Kqueue();
    assertThrows(
      () => kq.apply(change(1, () => kq.close())),
      Deno.errors.BadResource,
    );
  });

  it("apply() leaves the error of a getter as it is", () => {
    using kq = new Kqueue();
    const thrown = Object.freeze(new RangeError("mine"));
    const one = change(1, () => {
      throw thrown;
    });
    for (const changes of [one, [kevUser(2), one]]) {
      const error = assertThrows(() => kq.apply(changes));
      assertEquals(error === thrown, true);
    }
    assertEquals(has(kq, 2), false);
  });

  it("KeventList.from() leaves the error of a getter as it is", () => {
    const thrown = Object.freeze(new RangeError("mine"));
    const error = assertThrows(() =>
      KeventList.from([change(1, () => {
        throw thrown;
      })])
    );
    assertEquals(error === thrown, true);
  });
});

function codesOf(error: unknown): string[] {
  const { failures } = error as {
    failures: { index: number; ident: bigint; code: string }[];
  };
  return failures.map(({ index, ident, code }) => `${index} ${ident} ${code}`);
}
