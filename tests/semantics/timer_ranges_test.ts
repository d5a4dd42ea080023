import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_DELETE,
  EV_ONESHOT,
  Kevent64List,
  type KeventInit,
  kevTimer,
  Kqueue,
  NOTE_ABSOLUTE,
  NOTE_LEEWAY,
  NOTE_MACHTIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from "../../mod.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { describeKernels } from "./kernels.ts";

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
const TOO_LONG = 2n ** 64n;

/** The units: their note, and their nanoseconds. */
const UNITS: [name: string, note: number, nanoseconds: bigint][] = [
  ["milliseconds", 0, 1_000_000n],
  ["NOTE_SECONDS", NOTE_SECONDS, 1_000_000_000n],
  ["NOTE_USECONDS", NOTE_USECONDS, 1000n],
];

/** How many units are 2^64 ns or more, and not one of them less. */
const tooMany = (nanoseconds: bigint) =>
  (TOO_LONG + nanoseconds - 1n) / nanoseconds;

/** Asserts that a timer cannot be added, and that one which is there goes on. */
function assertRefused(
  data: number | bigint,
  fflags: number,
  code: string,
): void {
  using kq = openQueue();
  assertCode(() => kq.apply(kevTimer(1, data, { fflags })), code);
  assertCode(() => kq.apply(kevTimer(1, 0, { flags: EV_DELETE })), "ENOENT");
}

/** Asserts that a timer is taken, and does not fire for now. */
function assertIdle(data: number | bigint, fflags: number): void {
  using kq = openQueue();
  kq.apply(kevTimer(1, data, { fflags }));
  assertEquals(kq.poll(), []);
  kq.apply(kevTimer(2, 1, { flags: EV_ADD | EV_ONESHOT }));
  assertEquals(idents(kq.wait()), [2]);
}

describeKernels("ranges of timers", (kernel) => {
  for (const [name, fflags, nanoseconds] of UNITS) {
    const first = tooMany(nanoseconds);

    it(`R50 ${first} in ${name} are ERANGE, one less is taken`, () => {
      assertRefused(first, fflags, "ERANGE");
      assertIdle(first - 1n, fflags);
    });

    it(`R50 the absolute time ${first} in ${name} is ERANGE, one less is taken`, () => {
      assertRefused(first, fflags | NOTE_ABSOLUTE, "ERANGE");
      assertIdle(first - 1n, fflags | NOTE_ABSOLUTE);
    });

    it(`R50 a negative absolute time in ${name} is ERANGE`, () => {
      for (const data of [-1, -1000, MIN]) {
        assertRefused(data, fflags | NOTE_ABSOLUTE, "ERANGE");
      }
    });

    it(`R50, R53 no negative period in ${name} is out of range`, () => {
      for (const data of [-1n, -first, -(2n ** 62n), MIN]) {
        using kq = openQueue();
        kq.apply(kevTimer(1, data, { fflags }));
        assertEquals(only(kq.poll()).data, 1n);
        assertEquals(kq.poll(), []);
      }
    });

    it(`R50 a leeway in ${name} has the same range`, () => {
      using kq = new Kqueue();
      const timer = kevTimer(1, 1000, { fflags: fflags | NOTE_LEEWAY });
      const apply = (change: KeventInit, leeway: bigint) =>
        kq.apply(Kevent64List.from([{ ...change, ext: [0, leeway] }]));
      for (const leeway of [first, TOO_LONG - 1n]) {
        assertCode(() => apply(timer, leeway), "ERANGE");
      }
      apply(timer, first - 1n);
      apply({ ...timer, fflags }, TOO_LONG - 1n); // without NOTE_LEEWAY it is none
    });
  }

  it("R50 a negative absolute time in nanoseconds is far in the future", () => {
    for (const data of [-1n, -1000n, MIN, MAX]) {
      assertIdle(data, NOTE_NSECONDS | NOTE_ABSOLUTE);
    }
  });

  it("R50 NOTE_MACHTIME is a unit, so another one with it is EINVAL", () => {
    for (const unit of [NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS]) {
      assertRefused(1, NOTE_MACHTIME | unit, "EINVAL");
    }
    if (kernel.isEngine) assertRefused(1, NOTE_MACHTIME, "ENOTSUP"); // R56
    else assertIdle(MAX, NOTE_MACHTIME);
  });

  it("R53 a timer without a period stays, and can be set again", () => {
    using kq = openQueue();
    kq.apply(kevTimer(1, 0));
    const { flags, data } = only(kq.poll());
    assertEquals([flags & EV_ONESHOT, data], [0, 1n]);
    assertEquals(kq.poll(), []);
    kq.apply({ ...kevTimer(1, 1), flags: 0 });
    assertEquals(idents(kq.wait()), [1]);
    kq.apply(kevTimer(1, 0, { flags: EV_DELETE }));
  });
});
