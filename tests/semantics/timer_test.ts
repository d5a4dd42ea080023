import {
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  NOTE_ABSOLUTE,
  NOTE_CRITICAL,
  NOTE_USECONDS,
} from "../../mod.ts";
import { ALL_CALLS, assertCode, elapse, idents, only } from "./calls.ts";
import { describeKernels } from "./kernels.ts";

const HOUR = 3_600_000;

describeKernels("timers", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R51 a timer repeats", () => {
        using kq = calls.open();
        const before = performance.now();
        kq.apply(kevTimer(1, 4, { udata: 7 }));
        let periods = 0;
        for (let report = 0; report < 5; report++) {
          const { ident, udata, data } = only(kq.wait());
          assertEquals([ident, udata], [1n, 7n]);
          periods += Number(data);
          assertLessOrEqual(periods * 4, performance.now() - before);
        }
        kq.apply(kevTimer(1, 4, { flags: EV_DELETE }));
        assertEquals(kq.wait(10), []);
      });

      it("R51 data counts the periods since the last report", () => {
        using kq = calls.open();
        const before = performance.now();
        kq.apply(kevTimer(1, 2));
        const added = performance.now();
        let periods = 0;
        for (const pause of [20, 1, 30]) {
          elapse(pause);
          const ended = Math.floor((performance.now() - added) / 2);
          periods += Number(only(kq.wait()).data);
          // One less where the last period's end is still on its way to the queue.
          assertGreaterOrEqual(periods, ended - 1);
          assertLessOrEqual(periods * 2, performance.now() - before);
        }
      });

      it("R51 it never drifts, however late the reports are taken", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 10));
        const added = performance.now();
        let periods = 0;
        for (let report = 0; report < 8; report++) {
          elapse(15);
          periods += Number(only(kq.wait()).data);
        }
        const ended = Math.floor((performance.now() - added) / 10);
        // Started afresh at each report, it would be four periods behind.
        assertGreaterOrEqual(periods, ended - 1);
      });

      it("R53 a period of zero or less fires once, at once", () => {
        using kq = calls.open();
        for (const period of [0, -1, -1000, -(2n ** 40n)]) {
          kq.apply(kevTimer(1, period));
          assertEquals(only(kq.poll()).data, 1n, `${period}`);
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(3), []);
        }
        // And added again, once again.
        kq.apply(kevTimer(1, 0));
        assertEquals(kq.poll().length, 1);
      });

      it("R54 adding it again starts it afresh", () => {
        using kq = calls.open();
        const before = performance.now();
        kq.apply(kevTimer(1, 40));
        elapse(20);
        const restarted = performance.now();
        kq.apply(kevTimer(1, 40));
        assertEquals(only(kq.wait()).ident, 1n);
        assertGreaterOrEqual(performance.now() - restarted, 40);
        assertGreaterOrEqual(performance.now() - before, 60);
      });

      for (
        const [name, flags] of [
          ["EV_ADD", EV_ADD],
          ["EV_ENABLE", EV_ENABLE],
          ["no flag", 0],
        ] as const
      ) {
        it(`R54 a change with ${name} drops an expiry not reported`, () => {
          using kq = calls.open();
          kq.apply(kevTimer(1, 1));
          elapse(5);
          kq.apply(kevTimer(1, HOUR, { flags }));
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(3), []);
          kq.apply(kevTimer(1, 1, { flags }));
          assertEquals(only(kq.wait()).ident, 1n);
        });
      }

      it("R54 an expiry that had no room is dropped, too", () => {
        using kq = calls.open(1);
        kq.apply(kevTimer(1, 1), kevTimer(2, 1));
        elapse(5);
        const [reported] = idents(kq.wait());
        const other = 3 - reported;
        kq.apply(kevTimer(reported, HOUR), kevTimer(other, HOUR));
        assertEquals(kq.poll(), []);
        kq.apply(kevTimer(other, 1));
        assertEquals(idents(kq.wait()), [other]);
      });

      it("R54 set again after another queue saw it expire, it expires again", () => {
        using inner = calls.open();
        using outer = calls.open();
        outer.apply(kevRead(inner.fd));
        inner.apply(kevTimer(1, 1));
        assertEquals(only(outer.wait()).ident, BigInt(inner.fd));
        inner.apply(kevTimer(1, 1));
        elapse(5);
        assertEquals(only(inner.poll()).ident, 1n);
      });

      it("R54 enabling a disabled timer starts it afresh", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 20, { flags: EV_ADD | EV_DISABLE }));
        elapse(30);
        const enabled = performance.now();
        kq.apply(kevTimer(1, 20, { flags: EV_ENABLE }));
        assertEquals(only(kq.wait()).ident, 1n);
        assertGreaterOrEqual(performance.now() - enabled, 20);
      });

      it("R54 disabling it takes back an expiry", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1));
        elapse(5);
        kq.apply(kevTimer(1, HOUR, { flags: EV_DISABLE }));
        assertEquals(kq.poll(), []);
        kq.apply(kevTimer(1, HOUR, { flags: EV_ENABLE }));
        assertEquals(kq.poll(), []);
      });

      it("R54 changing NOTE_ABSOLUTE on a live timer is EINVAL", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 5));
        const absolute = { fflags: NOTE_ABSOLUTE };
        const inAnHour = Date.now() + HOUR;
        assertCode(() => kq.apply(kevTimer(1, inAnHour, absolute)), "EINVAL");
        assertEquals(only(kq.wait()).ident, 1n); // it goes on
        kq.apply(kevTimer(2, inAnHour, absolute));
        assertCode(() => kq.apply(kevTimer(2, 5)), "EINVAL");
        assertCode(
          () => kq.apply(kevTimer(2, 5, { flags: EV_ENABLE })),
          "EINVAL",
        );
        kq.apply(kevTimer(1, 0, { flags: EV_DELETE }));
        assertEquals(kq.wait(10), []);
        kq.apply(kevTimer(2, 0, { flags: EV_DELETE }));
        kq.apply(kevTimer(2, 5));
        assertEquals(only(kq.wait()).ident, 2n);
      });

      it("R54 deleted, it drops an expiry not reported", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1), kevTimer(2, 1));
        elapse(5);
        kq.apply(kevTimer(1, 0, { flags: EV_DELETE }));
        assertEquals(idents(kq.wait()), [2]);
      });

      it("R55 a timer is never early, and follows its unit", () => {
        using kq = calls.open();
        let least = Infinity;
        for (let round = 0; round < 50; round++) {
          const before = performance.now();
          kq.apply(kevTimer(1, 200, {
            flags: EV_ADD | EV_ONESHOT,
            fflags: NOTE_USECONDS | NOTE_CRITICAL,
          }));
          assertEquals(kq.wait().length, 1);
          const took = performance.now() - before;
          assertGreaterOrEqual(took, 0.2);
          least = Math.min(least, took);
        }
        // Rounded up to milliseconds, it could not be.
        assertLess(least, 1);
      });

      it("R55 timers come in the order of their times", () => {
        using kq = calls.open();
        const periods = [30, 10, 20, 5, 25, 15];
        const flags = EV_ADD | EV_ONESHOT;
        const before = performance.now();
        kq.apply(
          ...periods.map((period) => kevTimer(period, period, { flags })),
        );
        const got: number[] = [];
        while (got.length < periods.length) {
          for (const ident of idents(kq.wait())) {
            assertGreaterOrEqual(performance.now() - before, ident);
            got.push(ident);
          }
        }
        assertEquals(got, periods.toSorted((x, y) => x - y));
      });

      it("R55 an earlier timer that is added later is not kept waiting", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, HOUR));
        assertEquals(kq.poll(), []);
        kq.apply(kevTimer(2, 5, { flags: EV_ADD | EV_ONESHOT }));
        assertEquals(idents(kq.wait()), [2]);
        kq.apply(kevTimer(1, 5));
        assertEquals(idents(kq.wait()), [1]);
      });

      it("R55 a wait that ends before a timer does not lose it", () => {
        using kq = calls.open();
        const before = performance.now();
        kq.apply(kevTimer(1, 25, { flags: EV_ADD | EV_ONESHOT }));
        const got = [];
        while (got.length === 0) got.push(...kq.wait(2));
        assertGreaterOrEqual(Number(only(got).data), 1);
        assertGreaterOrEqual(performance.now() - before, 25);
      });

      it("R51 several timers count each for itself", () => {
        using kq = calls.open();
        const periods = new Map([[1, 2], [2, 5], [3, HOUR]]);
        const before = performance.now();
        kq.apply(
          ...[...periods].map(([ident, period]) => kevTimer(ident, period)),
        );
        const counts = new Map([[1, 0], [2, 0]]);
        const count = (ident: number) => counts.get(ident) ?? 0;
        while (count(1) < 9 || count(2) < 3) {
          for (const { ident, data } of kq.wait()) {
            counts.set(Number(ident), count(Number(ident)) + Number(data));
          }
        }
        const took = performance.now() - before;
        for (const [ident, count] of counts) {
          assertLessOrEqual(count * (periods.get(ident) ?? 0), took);
        }
        assertEquals([...counts.keys()], [1, 2]);
      });

      it("R51 a one-shot timer counts the periods that it missed", () => {
        using kq = calls.open();
        const before = performance.now();
        kq.apply(kevTimer(1, 1, { flags: EV_ADD | EV_ONESHOT | EV_CLEAR }));
        const added = performance.now();
        elapse(10);
        const ended = Math.floor(performance.now() - added);
        const periods = Number(only(kq.wait()).data);
        // One less where the last period's end is still on its way to the queue.
        assertGreaterOrEqual(periods, ended - 1);
        assertLessOrEqual(periods, performance.now() - before);
        assertEquals(kq.wait(5), []);
      });

      for (
        const [name, period, fflags] of [
          ["a period of zero", () => 0, 0],
          ["a negative period", () => -5, 0],
          ["NOTE_ABSOLUTE", () => Date.now() - 50, NOTE_ABSOLUTE],
        ] as const
      ) {
        it(`R51 ${name} counts one, however late`, () => {
          using kq = calls.open();
          kq.apply(kevTimer(1, period(), { fflags }));
          elapse(5);
          assertEquals(only(kq.wait()).data, 1n);
        });
      }
    });
  }
});
