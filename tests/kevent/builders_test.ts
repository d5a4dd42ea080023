import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ONESHOT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_EXTEND,
  NOTE_FFCOPY,
  NOTE_LINK,
  NOTE_LOWAT,
  NOTE_NSECONDS,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from "../../constants.ts";
import {
  type ChangeOptions,
  kevChange,
  type KeventInit,
  KeventList,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
} from "../../kevent.ts";

const MAX_U64 = 2n ** 64n - 1n;

/** A builder with the arguments before its options fixed, and what it makes of them. */
interface Builder {
  name: string;
  build(options?: ChangeOptions): KeventInit;
  expected: Required<KeventInit>;
}

const VNODE_NOTES = NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB |
  NOTE_LINK | NOTE_RENAME | NOTE_REVOKE;

const BUILDERS: Builder[] = [
  {
    name: "kevRead",
    build: (options) => kevRead(3, options),
    expected: fields(3, EVFILT_READ, EV_ADD),
  },
  {
    name: "kevWrite",
    build: (options) => kevWrite(3, options),
    expected: fields(3, EVFILT_WRITE, EV_ADD),
  },
  {
    name: "kevUser",
    build: (options) => kevUser(3, options),
    expected: fields(3, EVFILT_USER, EV_ADD | EV_CLEAR),
  },
  {
    name: "kevSignal",
    build: (options) => kevSignal(3, options),
    expected: fields(3, EVFILT_SIGNAL, EV_ADD),
  },
  {
    name: "kevProc",
    build: (options) => kevProc(3, options),
    expected: fields(3, EVFILT_PROC, EV_ADD, NOTE_EXIT),
  },
  {
    name: "kevVnode",
    build: (options) => kevVnode(3, options),
    expected: fields(3, EVFILT_VNODE, EV_ADD | EV_CLEAR, VNODE_NOTES),
  },
];

function fields(
  ident: number | bigint,
  filter: number,
  flags: number,
  fflags = 0,
): Required<KeventInit> {
  return { ident, filter, flags, fflags, data: 0, udata: 0 };
}

function assertRefused(use: () => unknown, name: string, value: unknown): void {
  const error = assertThrows(use, RangeError, `${name} must be `);
  const shown = typeof value === "bigint" ? `${value}n` : String(value);
  assertEquals(error.message.endsWith(` ${shown}`), true, error.message);
}

describe("kevChange()", () => {
  it("makes a change of its four parts, udata 0 unless given", () => {
    assertEquals(
      kevChange(3, EVFILT_READ, EV_ADD),
      fields(3, EVFILT_READ, EV_ADD),
    );
    assertEquals(kevChange(MAX_U64, -32768, 65535, MAX_U64), {
      ...fields(MAX_U64, -32768, 65535),
      udata: MAX_U64,
    });
  });

  it("makes what a list takes", () => {
    const list = KeventList.from([kevChange(3, EVFILT_WRITE, EV_DELETE, 42)]);
    assertEquals(list.at(0), {
      ident: 3n,
      filter: EVFILT_WRITE,
      flags: EV_DELETE,
      fflags: 0,
      data: 0n,
      udata: 42n,
    });
  });

  it("names the argument that does not fit, and its value", () => {
    for (const fd of [-1, -1n, 2n ** 64n, 2 ** 53, 0.5, NaN]) {
      assertRefused(() => kevChange(fd, EVFILT_READ, EV_ADD), "fd", fd);
    }
    for (const filter of [40000, -32769, 32768, 1.5, NaN]) {
      assertRefused(() => kevChange(0, filter, EV_ADD), "filter", filter);
    }
    for (const flags of [70000, 65536, -1, 0.5, Infinity]) {
      assertRefused(() => kevChange(0, EVFILT_READ, flags), "flags", flags);
    }
    for (const udata of [-1n, 2n ** 64n, -1, 1e17, NaN]) {
      assertRefused(
        () => kevChange(0, EVFILT_READ, EV_ADD, udata),
        "udata",
        udata,
      );
    }
  });

  it("refuses what is no number with a TypeError", () => {
    assertThrows(
      () => kevChange("5" as never, EVFILT_READ, EV_ADD),
      TypeError,
      'fd must be an integer from 0 to 18446744073709551615, got "5"',
    );
    assertThrows(
      () => kevChange(0, undefined as never, EV_ADD),
      TypeError,
      "filter must be an integer from -32768 to 32767, got undefined",
    );
  });
});

for (const { name, build, expected } of BUILDERS) {
  describe(`${name}()`, () => {
    it("has its defaults", () => {
      assertEquals(build(), expected);
      assertEquals(build({}), expected);
    });

    it("takes each option by itself", () => {
      assertEquals(build({ flags: EV_ADD | EV_ONESHOT }), {
        ...expected,
        flags: EV_ADD | EV_ONESHOT,
      });
      assertEquals(build({ flags: 0 }), { ...expected, flags: 0 });
      assertEquals(build({ fflags: 0x80000001 }), {
        ...expected,
        fflags: 0x80000001,
      });
      assertEquals(build({ fflags: 0 }), { ...expected, fflags: 0 });
      assertEquals(build({ data: -5n }), { ...expected, data: -5n });
      assertEquals(build({ udata: MAX_U64 }), { ...expected, udata: MAX_U64 });
    });

    it("names the option that does not fit, and its value", () => {
      const wrong: [keyof ChangeOptions, number | bigint][] = [
        ["flags", 70000],
        ["flags", -1],
        ["fflags", 2 ** 32],
        ["fflags", -(2 ** 31) - 1],
        ["data", 2n ** 63n],
        ["data", 1.5],
        ["udata", -1n],
        ["udata", 2n ** 64n],
      ];
      for (const [option, value] of wrong) {
        assertRefused(() => build({ [option]: value }), option, value);
      }
    });
  });
}

describe("builders of descriptor filters", () => {
  for (const build of [kevRead, kevWrite, kevVnode]) {
    it(`${build.name}() refuses what is no descriptor, and calls it fd`, () => {
      for (const fd of [-1, -1n, 1.5, NaN, 2n ** 64n]) {
        assertRefused(() => build(fd), "fd", fd);
      }
    });
  }

  it("kevRead() takes a low-water mark", () => {
    assertEquals(kevRead(3, { fflags: NOTE_LOWAT, data: 512 }), {
      ...fields(3, EVFILT_READ, EV_ADD, NOTE_LOWAT),
      data: 512,
    });
  });
});

describe("kevTimer()", () => {
  it("has its period in data and its defaults", () => {
    assertEquals(kevTimer(1, 500), {
      ...fields(1, EVFILT_TIMER, EV_ADD),
      data: 500,
    });
    assertEquals(kevTimer(MAX_U64, -(2n ** 63n)), {
      ...fields(MAX_U64, EVFILT_TIMER, EV_ADD),
      data: -(2n ** 63n),
    });
  });

  it("takes its options", () => {
    const options = { flags: EV_ONESHOT, fflags: NOTE_NSECONDS, udata: 9 };
    assertEquals(kevTimer(1, 250, options), {
      ident: 1,
      filter: EVFILT_TIMER,
      data: 250,
      ...options,
    });
  });

  it("has its period in data, for which there is no option", () => {
    const options = { data: 9 } as ChangeOptions;
    assertThrows(
      () => kevTimer(1, 250, options),
      TypeError,
      'options must have no "data", only udata, flags, fflags',
    );
  });

  it("names the argument that does not fit, and its value", () => {
    for (const period of [1.5, NaN, Infinity, 2 ** 53, 2n ** 63n]) {
      assertRefused(() => kevTimer(1, period), "period", period);
    }
    for (const ident of [-1, 2n ** 64n]) {
      assertRefused(() => kevTimer(ident, 1), "ident", ident);
    }
    assertRefused(() => kevTimer(1, 1, { flags: 70000 }), "flags", 70000);
    assertRefused(() => kevTimer(1, 1, { fflags: 2 ** 32 }), "fflags", 2 ** 32);
    assertRefused(() => kevTimer(1, 1, { udata: -1n }), "udata", -1n);
  });
});

describe("builders of other filters", () => {
  it("kevUser() takes the signed numbers that bitwise operators give", () => {
    const fflags = NOTE_FFCOPY | NOTE_TRIGGER | 5;
    const list = KeventList.from([kevUser(1, { fflags })]);
    assertEquals(list.fflags(0), 0xc1000005);
  });

  it("kevUser() refuses what is no ident, and calls it so", () => {
    assertRefused(() => kevUser(-1), "ident", -1);
  });

  it("kevSignal() takes signals 1 to 64 only", () => {
    assertEquals(kevSignal(1).ident, 1);
    assertEquals(kevSignal(64).ident, 64);
    for (const signal of [0, 65, -1, 1.5, NaN]) {
      assertRefused(() => kevSignal(signal), "signal", signal);
    }
  });

  it("kevProc() takes processes 1 to 2147483647 only", () => {
    assertEquals(kevProc(1).ident, 1);
    assertEquals(kevProc(2 ** 31 - 1).ident, 2 ** 31 - 1);
    for (const pid of [0, -1, 2 ** 31, 1.5, NaN]) {
      assertRefused(() => kevProc(pid), "pid", pid);
    }
  });

  it("kevProc() takes NOTE_EXIT | NOTE_EXITSTATUS, which is negative", () => {
    const change = kevProc(1, { fflags: NOTE_EXIT | NOTE_EXITSTATUS });
    assertEquals(KeventList.from([change]).fflags(0), 0x84000000);
  });
});
