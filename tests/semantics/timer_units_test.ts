import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_TIMER,
  kevTimer,
  NOTE_ABSOLUTE,
  NOTE_BACKGROUND,
  NOTE_CRITICAL,
  NOTE_LEEWAY,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_MACHTIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from "../../mod.ts";
import { assertCode, elapse, idents, only, openQueue } from "./calls.ts";
import { describeKernels } from "./kernels.ts";

const MAX = 2n ** 63n - 1n;

/** The units: their note, and how many of it are a millisecond. */
const UNITS: [name: string, note: number, perMillisecond: number][] = [
  ["milliseconds", 0, 1],
  ["NOTE_USECONDS", NOTE_USECONDS, 1e3],
  ["NOTE_NSECONDS", NOTE_NSECONDS, 1e6],
];

describeKernels("units of timers", (kernel) => {
  for (const [name, fflags, perMillisecond] of UNITS) {
    for (const milliseconds of [1, 7, 15]) {
      it(`R50 ${milliseconds} ms in ${name}`, () => {
        using kq = openQueue();
        const before = performance.now();
        kq.apply(kevTimer(1, milliseconds * perMillisecond, { fflags }));
        const { data } = only(kq.wait());
        const took = performance.now() - before;
        assertGreaterOrEqual(took, milliseconds * Number(data));
        assertGreaterOrEqual(Number(data), 1);
      });
    }

    it(`R50 an hour in ${name} does not fire`, () => {
      using kq = openQueue();
      kq.apply(kevTimer(1, 3_600_000 * perMillisecond, { fflags }));
      assertEquals(kq.wait(5), []);
    });
  }

  it("R50 NOTE_SECONDS are seconds", () => {
    using kq = openQueue();
    const before = performance.now();
    kq.apply(
      kevTimer(1, 1, {
        flags: EV_ADD | EV_ONESHOT,
        fflags: NOTE_SECONDS,
      }),
    );
    assertEquals(idents(kq.wait()), [1]);
    assertGreaterOrEqual(performance.now() - before, 999);
  });

  it("R50 periods finer than a millisecond are kept", () => {
    using kq = openQueue();
    const before = performance.now();
    kq.apply(kevTimer(1, 1_300, { fflags: NOTE_USECONDS }));
    let periods = 0;
    while (periods < 10) periods += Number(only(kq.wait()).data);
    assertGreaterOrEqual(performance.now() - before, 1.3 * periods);
  });

  for (
    const [name, fflags] of Object.entries({
      "seconds and microseconds": NOTE_SECONDS | NOTE_USECONDS,
      "seconds and nanoseconds": NOTE_SECONDS | NOTE_NSECONDS,
      "microseconds and nanoseconds": NOTE_USECONDS | NOTE_NSECONDS,
      "all three": NOTE_SECONDS | NOTE_USECONDS | NOTE_NSECONDS,
    })
  ) {
    it(`R50 ${name} at once are EINVAL`, () => {
      using kq = openQueue();
      assertCode(() => kq.apply(kevTimer(1, 1, { fflags })), "EINVAL");
      assertCode(
        () => kq.apply(kevTimer(1, 0, { flags: EV_DELETE })),
        "ENOENT",
      );
      kq.apply(kevTimer(1, 3));
      assertCode(() => kq.apply(kevTimer(1, 1, { fflags })), "EINVAL");
      assertEquals(only(kq.wait()).ident, 1n); // it goes on
    });
  }

  for (
    const [name, fflags, data] of [
      ["milliseconds", 0, MAX],
      ["milliseconds", 0, 2n ** 62n],
      ["NOTE_SECONDS", NOTE_SECONDS, MAX],
      ["NOTE_SECONDS", NOTE_SECONDS, 2n ** 40n],
      ["NOTE_USECONDS", NOTE_USECONDS, MAX],
      ["NOTE_SECONDS|NOTE_ABSOLUTE", NOTE_SECONDS | NOTE_ABSOLUTE, MAX],
    ] as const
  ) {
    it(`R50 ${data} in ${name} is ERANGE`, () => {
      using kq = openQueue();
      assertCode(() => kq.apply(kevTimer(1, data, { fflags })), "ERANGE");
      assertCode(
        () => kq.apply(kevTimer(1, 0, { flags: EV_DELETE })),
        "ENOENT",
      );
      assertEquals(kq.poll(), []);
    });
  }

  it("R50 what does not overflow is taken", () => {
    using kq = openQueue();
    kq.apply(
      kevTimer(1, 2n ** 62n, { fflags: NOTE_NSECONDS }),
      kevTimer(2, 2n ** 50n, { fflags: NOTE_USECONDS }),
      kevTimer(3, 2n ** 42n),
      kevTimer(4, 2n ** 32n, { fflags: NOTE_SECONDS }),
    );
    assertEquals(kq.wait(3), []);
    kq.apply(kevTimer(5, 1, { flags: EV_ADD | EV_ONESHOT }));
    assertEquals(idents(kq.wait()), [5]);
  });

  it("R52 an absolute time in the past fires at once, and once", () => {
    using kq = openQueue();
    const now = BigInt(Date.now());
    const times: [number, bigint][] = [
      [0, now - 1000n],
      [0, 1n],
      [NOTE_SECONDS, now / 1000n - 1n],
      [NOTE_USECONDS, (now - 1000n) * 1000n],
      [NOTE_NSECONDS, (now - 1000n) * 1_000_000n],
    ];
    for (const [unit, time] of times) {
      kq.apply(kevTimer(1, time, { fflags: NOTE_ABSOLUTE | unit, udata: 6 }));
      const { data, flags, udata } = only(kq.poll());
      assertEquals([data, udata], [1n, 6n]);
      assertEquals(flags & (EV_CLEAR | EV_ONESHOT), EV_CLEAR | EV_ONESHOT);
      assertCode(
        () => kq.apply(kevTimer(1, 0, { flags: EV_DELETE })),
        "ENOENT",
      );
    }
  });

  for (
    const [name, unit, perMillisecond] of [
      ["milliseconds", 0, 1n],
      ["NOTE_USECONDS", NOTE_USECONDS, 1000n],
      ["NOTE_NSECONDS", NOTE_NSECONDS, 1_000_000n],
    ] as const
  ) {
    it(`R52 an absolute time to come fires then, in ${name}`, () => {
      using kq = openQueue();
      const then = Date.now() + 30;
      kq.apply(
        kevTimer(1, BigInt(then) * perMillisecond, {
          fflags: NOTE_ABSOLUTE | unit,
        }),
      );
      assertEquals(kq.poll(), []);
      assertEquals(only(kq.wait()).data, 1n);
      assertGreaterOrEqual(Date.now(), then);
      assertEquals(kq.wait(5), []);
    });
  }

  it("R52 a live absolute timer takes another time", () => {
    using kq = openQueue();
    const fflags = NOTE_ABSOLUTE;
    kq.apply(kevTimer(1, Date.now() + 3_600_000, { fflags }));
    assertEquals(kq.poll(), []);
    const then = Date.now() + 10;
    kq.apply(kevTimer(1, then, { fflags }));
    assertEquals(only(kq.wait()).ident, 1n);
    assertGreaterOrEqual(Date.now(), then);
  });

  it("R52 absolute and relative timers live side by side", () => {
    using kq = openQueue();
    const flags = EV_ADD | EV_ONESHOT;
    kq.apply(
      kevTimer(2, 20, { flags }),
      kevTimer(1, Date.now() + 5, { fflags: NOTE_ABSOLUTE }),
      kevTimer(3, Date.now() + 3_600_000, { fflags: NOTE_ABSOLUTE }),
    );
    const got: number[] = [];
    while (got.length < 2) got.push(...idents(kq.wait()));
    assertEquals(got, [1, 2]);
  });

  for (
    const [name, hint] of Object.entries({
      NOTE_LEEWAY,
      NOTE_CRITICAL,
      NOTE_BACKGROUND,
    })
  ) {
    it(`R56 ${name} is a hint`, () => {
      using kq = openQueue();
      const before = performance.now();
      kq.apply(kevTimer(1, 5, { fflags: hint }));
      const { data } = only(kq.wait());
      assertGreaterOrEqual(performance.now() - before, 5 * Number(data));
      kq.apply(
        kevTimer(2, 5_000, {
          flags: EV_ADD | EV_ONESHOT,
          fflags: hint | NOTE_USECONDS,
        }),
      );
      while (!idents(kq.wait()).includes(2));
    });
  }

  it("R56 NOTE_MACH_CONTINUOUS_TIME counts like other timers", () => {
    using kq = openQueue();
    const before = performance.now();
    kq.apply(kevTimer(1, 10, { fflags: NOTE_MACH_CONTINUOUS_TIME }));
    const { data } = only(kq.wait());
    assertGreaterOrEqual(performance.now() - before, 10 * Number(data));
  });

  it("R56 NOTE_MACHTIME counts ticks (*Linux*: ENOTSUP)", () => {
    using kq = openQueue();
    const change = kevTimer(1, 1, { fflags: NOTE_MACHTIME });
    if (kernel.isEngine) {
      assertCode(() => kq.apply(change), "ENOTSUP");
      return;
    }
    kq.apply(change);
    assertEquals(only(kq.wait()).ident, 1n);
  });

  it("R55 never early over many periods and units", () => {
    using kq = openQueue();
    const flags = EV_ADD | EV_ONESHOT;
    const before = performance.now();
    for (let us = 100; us < 5_000; us += 100) {
      kq.apply(kevTimer(us, us, { flags, fflags: NOTE_USECONDS }));
    }
    let left = 49;
    while (left > 0) {
      for (const { ident } of kq.wait()) {
        assertGreaterOrEqual(performance.now() - before, Number(ident) / 1e3);
        left--;
      }
    }
  });

  it("R53 zero or less in every unit, and in every mode", () => {
    using kq = openQueue();
    for (const [, fflags] of UNITS) {
      for (const mode of [0, EV_ONESHOT, EV_DISPATCH, EV_CLEAR]) {
        for (const period of [0, -5]) {
          kq.apply(kevTimer(1, period, { fflags, flags: EV_ADD | mode }));
          assertEquals(only(kq.poll()).data, 1n);
          assertEquals(kq.poll(), []);
          if (mode !== EV_ONESHOT) {
            kq.apply(kevTimer(1, 0, { flags: EV_DELETE }));
          }
        }
      }
    }
  });

  it("R53 a period of zero fires when it is enabled", () => {
    using kq = openQueue();
    kq.apply(kevTimer(1, 0, { flags: EV_ADD | EV_DISABLE }));
    elapse(2);
    assertEquals(kq.poll(), []);
    kq.apply(kevTimer(1, 0, { flags: EV_ENABLE }));
    const { filter, data } = only(kq.poll());
    assertEquals([filter, data], [EVFILT_TIMER, 1n]);
    assert(kq.poll().length === 0);
  });
});
