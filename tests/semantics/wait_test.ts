import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ONESHOT,
  EV_RECEIPT,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
  Timespec,
} from "../../mod.ts";
import { ALL_CALLS, idents, only, openQueue, RAW_CALLS } from "./calls.ts";
import { Descriptors, send, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** How long a call takes, in ms. */
function duration(call: () => unknown): number {
  const before = performance.now();
  call();
  return performance.now() - before;
}

/** What "at once" must not take, in ms, on however busy a machine. */
const LONG = 5_000;

describeKernels("waiting", () => {
  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (
        const [sec, nsec] of [
          [0, 1],
          [0, 1_000],
          [0, 100_500],
          [0, 999_999],
          [0, 1_000_001],
          [0, 2_500_000],
          [0, 15_000_000],
          [0, 29_999_999],
          [0, 120_000_001],
        ] as const
      ) {
        it(`R19 a wait of ${sec} s and ${nsec} ns is not shorter`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a] = fds.socketpair();
          kq.apply(kevRead(a), kevTimer(1, 3_600_000));
          kq.apply(kevWrite(a, { flags: EV_ADD | EV_DISABLE }));
          const timeout = new Timespec(sec, nsec);
          const events = calls.room(4);
          for (let round = 0; round < 3; round++) {
            const took = duration(() => {
              assertEquals(calls.call(kq.fd, null, events, timeout), 0);
            });
            assertGreaterOrEqual(took, sec * 1e3 + nsec / 1e6);
          }
        });
      }

      it("R19 no room returns at once, whatever the timeout", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
        const took = duration(() => {
          for (const timeout of [null, new Timespec(3600), new Timespec()]) {
            assertEquals(calls.call(kq.fd, null, null, timeout), 0);
            const changes = calls.changes(kevUser(2));
            assertEquals(calls.call(kq.fd, changes, null, timeout), 0);
          }
        });
        assert(took < LONG);
      });

      it("R19 a zero timeout does not wait", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevRead(a));
        const took = duration(() => {
          for (let call = 0; call < 100; call++) {
            const events = calls.room(1);
            assertEquals(calls.call(kq.fd, null, events, new Timespec()), 0);
          }
        });
        assert(took < LONG);
      });

      it("R19 a null timeout waits until there is an event", () => {
        using kq = calls.open();
        const took = duration(() => {
          kq.apply(kevTimer(1, 30));
          assertEquals(calls.call(kq.fd, null, calls.room(1), null), 1);
        });
        assertGreaterOrEqual(took, 29);
      });

      it("R19 a wait for what is ready returns at once", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevWrite(a), kevTimer(1, 2 * LONG));
        const took = duration(() => {
          for (const timeout of [null, new Timespec(3600)]) {
            assertEquals(calls.call(kq.fd, null, calls.room(4), timeout), 1);
          }
        });
        assert(took < LONG);
      });

      it("R19 the longest waits are taken", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1));
        for (const sec of [86_400, 100_000_000, 2 ** 31 - 1]) {
          const timeout = new Timespec(sec, 999_999_999);
          assertEquals(calls.call(kq.fd, null, calls.room(1), timeout), 1);
        }
      });

      it("R100 a call that returns receipts loses no event", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }), kevUser(1));
        kq.apply(kevTimer(2, 1, { flags: EV_ADD | EV_ONESHOT }));
        send(b, 1);
        kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER }));
        const flags = EV_ADD | EV_RECEIPT;
        const list = calls.changes(kevUser(3, { flags }));
        const seen = new Set<number>();
        while (seen.size < 3) {
          list.set(0, kevUser(3, { flags }));
          assertEquals(calls.call(kq.fd, list, list, null), 1);
          for (const ident of idents(kq.wait())) seen.add(ident);
        }
        assertEquals(seen, new Set([1, 2, a]));
      });

      it("R100 a call without room loses no event", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }), kevUser(1));
        send(b, 1);
        kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER }));
        for (let call = 0; call < 3; call++) {
          assertEquals(calls.call(kq.fd, null, null, null), 0);
        }
        assertEquals(kq.poll().length, 2);
      });
    });
  }

  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name} in milliseconds`, () => {
      for (const milliseconds of [0.001, 0.25, 1, 1.5, 10, 33.333]) {
        it(`R19 a wait of ${milliseconds} ms is not shorter`, () => {
          using kq = calls.open();
          for (let round = 0; round < 5; round++) {
            const took = duration(() => {
              assertEquals(kq.wait(milliseconds), []);
            });
            assertGreaterOrEqual(took, milliseconds);
          }
        });
      }

      it("R19 what is not reported does not shorten a wait", () => {
        using kq = calls.open();
        // A timer that expires while it is disabled.
        kq.apply(kevTimer(1, 7, { flags: EV_ADD | EV_DISABLE }));
        const took = duration(() => assertEquals(kq.wait(50), []));
        assertGreaterOrEqual(took, 50);
      });

      it("R19 what comes during a wait ends it", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 10, { flags: EV_ADD | EV_ONESHOT }));
        const took = duration(() => assertEquals(kq.wait().length, 1));
        assert(took < LONG);
        assertEquals(kq.wait(5), []);
      });

      it("R100 a change of state between calls is reported", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }));
        for (let round = 1n; round < 50n; round++) {
          kq.poll();
          send(b, 1);
          kq.apply(kevUser(1)); // a call that collects nothing
          assertEquals(only(kq.poll()).data, round);
        }
      });
    });
  }

  it("R101 any number of watchers, of which one is ready", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const pipes = Array.from({ length: 300 }, () => fds.pipe());
    kq.apply(...pipes.map(([reader], udata) => kevRead(reader, { udata })));
    assertEquals(kq.poll(), []);
    for (const index of [0, 150, 299]) {
      write(pipes[index][1], 1);
      assertEquals(only(kq.poll()).udata, BigInt(index));
      fds.close(pipes[index][0]);
      assertEquals(kq.poll(), []);
    }
  });

  it("R101 thousands of timers and user events", () => {
    using kq = openQueue(4096);
    const count = 2_000;
    const numbers = Array.from({ length: count }, (_, index) => index);
    kq.apply(
      ...numbers.map((n) => kevTimer(n, 3_600_000 + n)),
      ...numbers.map((n) => kevUser(n)),
    );
    assertEquals(kq.poll(), []);
    kq.apply(...numbers.map((n) => kevTimer(n, n % 10)));
    const got = new Set<number>();
    while (got.size < count) for (const n of idents(kq.wait())) got.add(n);
    kq.apply(...numbers.map((n) => kevTimer(n, 0, { flags: EV_DELETE })));
    kq.apply(kevUser(1234, { flags: 0, fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.poll()), [1234]);
    kq.apply(
      ...numbers.map((n) => kevUser(n, { flags: 0, fflags: NOTE_TRIGGER })),
    );
    assertEquals(idents(kq.poll()), numbers);
    assertEquals(kq.poll(), []);
  });
});
