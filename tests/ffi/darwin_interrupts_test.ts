import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { KEVENT_FLAG_NONE } from "../../constants.ts";
import { errno, kevent, kevent64, SystemError } from "../../ffi.ts";
import { Kevent64List, KeventList, kevTimer, kevUser } from "../../kevent.ts";
import { kqApply, Kqueue, kqWait } from "../../kqueue.ts";
import { describeOverDarwin } from "./darwin_hooks.ts";

const { EINTR, EIO } = constants.errno;
const PATIENCE_MS = 10_000;

// Opened before the tests, whose sanitizers would take the library for a leak.
errno();

describeOverDarwin("Calls of Darwin that are interrupted", (darwin) => {
  const { hooks } = darwin;

  describe("EINTR", () => {
    /** The waits that go on, each with the number of events that it took. */
    const waits: [
      name: string,
      kq: () => number,
      wait: (timeoutMs: number) => number,
    ][] = [
      [
        "kqWait() with a KeventList",
        () => darwin.kq32,
        (timeoutMs) => kqWait(darwin.kq32, new KeventList(4), timeoutMs),
      ],
      [
        "kqWait() with a Kevent64List",
        () => darwin.kq.fd,
        (timeoutMs) => kqWait(darwin.kq.fd, new Kevent64List(4), timeoutMs),
      ],
      [
        "wait()",
        () => darwin.kq.fd,
        (timeoutMs) => darwin.kq.wait(timeoutMs).length,
      ],
    ];

    /** The timeout of the last call in milliseconds, Infinity for a null pointer. */
    function lastTimeout(): number {
      const { timeout } = hooks.lastCall();
      if (timeout === null) return Infinity;
      return Number(timeout.sec) * 1000 + Number(timeout.nsec) / 1e6;
    }

    /** Runs `body`, and returns how many calls and milliseconds it took. */
    function measure(body: () => void): { calls: number; elapsed: number } {
      const calls = hooks.calls();
      const start = performance.now();
      body();
      const elapsed = performance.now() - start;
      return { calls: hooks.calls() - calls, elapsed };
    }

    /** The calls that do not wait, and go on all the same. */
    const calls: [name: string, call: () => void][] = [
      ["poll()", () => assertEquals(darwin.kq.poll().length, 0)],
      ["apply()", () => darwin.kq.apply([kevUser(1), kevUser(2)])],
      ["apply() of one", () => darwin.kq.apply(kevUser(1))],
      ["apply() of a list", () => {
        darwin.kq.apply(KeventList.from([kevUser(1), kevUser(2)]));
      }],
      ["fromFd()", () => Kqueue.fromFd(darwin.kq.fd)],
      ["new Kqueue()", () => new Kqueue().close()],
      ["kqApply()", () => {
        assertEquals(kqApply(darwin.kq32, kevUser(1)), true);
      }],
    ];

    for (const [name, call] of calls) {
      it(`lets ${name} go on as often as it comes`, () => {
        if (name === "new Kqueue()") {
          // Those of kqueue() and ioctl() come first, and are not to fail.
          for (let call = 0; call < 2; call++) hooks.failNext(0);
        }
        for (let times = 0; times < 3; times++) hooks.failNext(EINTR);
        call();
        assertEquals(hooks.clearFailures(), 0);
      });
    }

    it("lets apply() go on with the changes that it was given", () => {
      hooks.failNext(EINTR);
      darwin.kq.apply([kevUser(1, { udata: 3 }), kevUser(2)]);
      assertEquals(hooks.lastCall().changes, 2);
      darwin.kq.trigger(1, { udata: 4 });
      hooks.failNext(EINTR);
      darwin.kq.trigger(2, { udata: 5 });
      const words = darwin.kq.poll().toArray().map(({ udata }) => udata);
      assertEquals(words, [4n, 5n]);
    });

    for (const [name, kq, wait] of waits) {
      it(`lets ${name} go on for the time that is left`, () => {
        hooks.failNextWait(EINTR, 40);
        const { calls, elapsed } = measure(() => assertEquals(wait(300), 0));
        assertEquals(calls, 2);
        assertGreaterOrEqual(elapsed, 300);
        assertGreater(lastTimeout(), 0);
        assertLessOrEqual(lastTimeout(), 260.01);
      });

      it(`lets ${name} go on as often as it comes`, () => {
        for (let times = 1; times <= 5; times++) {
          for (let i = 0; i < times; i++) hooks.failNextWait(EINTR, 10);
          // It ends the wait, so that the timeout of the call after so many is the last.
          hooks.failNextWait(EIO, 0);
          const { calls } = measure(() => {
            try {
              assertEquals(wait(PATIENCE_MS), -1);
              assertEquals(errno(), EIO);
            } catch (error) {
              assertInstanceOf(error, SystemError);
              assertEquals([error.code, error.syscall], ["EIO", "kevent64"]);
            }
          });
          assertEquals(calls, times + 1);
          assertGreater(lastTimeout(), 0);
          assertLessOrEqual(lastTimeout(), PATIENCE_MS - 10 * times + 0.01);
        }
      });

      it(`never lets ${name} be shorter than asked`, () => {
        for (const timeoutMs of [0.3, 1, 3.7, 12]) {
          for (let i = 0; i < 4; i++) hooks.failNextWait(EINTR, 1);
          const { elapsed } = measure(() => assertEquals(wait(timeoutMs), 0));
          assertGreaterOrEqual(elapsed, timeoutMs);
          hooks.clearFailures();
        }
      });

      it(`that outlasts ${name} is the end of its time, no failure`, () => {
        hooks.failNextWait(EINTR, 30);
        const { calls, elapsed } = measure(() => assertEquals(wait(10), 0));
        assertEquals(calls, 1);
        assertGreaterOrEqual(elapsed, 30);
      });

      for (const timeoutMs of [-1, Infinity]) {
        it(`lets ${name} for ${timeoutMs} ms go on for ever`, () => {
          assert(kqApply(kq(), kevTimer(1, 40)));
          for (let i = 0; i < 3; i++) hooks.failNextWait(EINTR, 5);
          const { calls } = measure(() => assertEquals(wait(timeoutMs), 1));
          assertEquals(calls, 4);
          assertEquals(lastTimeout(), Infinity);
        });
      }

      it(`lets ${name} take what became ready meanwhile`, () => {
        assert(kqApply(kq(), kevTimer(1, 5)));
        hooks.failNextWait(EINTR, 20);
        const { elapsed } = measure(() =>
          assertEquals(wait(2 * PATIENCE_MS), 1)
        );
        assertLess(elapsed, PATIENCE_MS);
      });

      it(`lets ${name} for years go on for years`, () => {
        hooks.failNextWait(EINTR, 1);
        hooks.failNextWait(EIO, 0);
        try {
          wait(1e12);
        } catch (error) {
          assertInstanceOf(error, SystemError);
        }
        assertEquals(lastTimeout(), 1e11);
      });

      it(`is no failure of ${name} for 0 ms either`, () => {
        hooks.failNext(EINTR);
        assertEquals(wait(0), 0);
      });
    }

    it("comes through the raw calls as it is", () => {
      hooks.failNextWait(EINTR, 0);
      const list = new KeventList(1);
      assertEquals(kevent(darwin.kq32, null, list, null), -1);
      assertEquals(errno(), EINTR);
      hooks.failNextWait(EINTR, 0);
      const wide = new Kevent64List(1);
      assertEquals(
        kevent64(darwin.kq.fd, null, wide, KEVENT_FLAG_NONE, null),
        -1,
      );
      assertEquals(errno(), EINTR);
    });
  });
});
