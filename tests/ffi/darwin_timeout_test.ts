import { assertEquals, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  KEVENT_FLAG_ERROR_EVENTS,
  KEVENT_FLAG_IMMEDIATE,
  KEVENT_FLAG_NONE,
} from "../../constants.ts";
import { kevent, kevent64 } from "../../ffi.ts";
import { Kevent64List, KeventList, Timespec } from "../../kevent.ts";
import { kqWait } from "../../kqueue.ts";
import { describeOverDarwin } from "./darwin_hooks.ts";

const { EIO } = constants.errno;
const MIN_I64 = -(2n ** 63n);

/** A time in milliseconds, and the fields of its timespec: at most 10^8 s a call. */
const TIMEOUTS: [ms: number, sec: bigint, nsec: bigint][] = [
  [0.1, 0n, 100_000n],
  [1, 0n, 1_000_000n],
  [1.5, 0n, 1_500_000n],
  [999, 0n, 999_000_000n],
  [1000, 1n, 0n],
  [86_400_000, 86_400n, 0n],
  [1e11, 100_000_000n, 0n],
  [1e12, 100_000_000n, 0n],
  [Number.MAX_VALUE, 100_000_000n, 0n],
];

describeOverDarwin("The timeout of Darwin's calls", (darwin) => {
  const { hooks } = darwin;

  /** The timeout of the call, which fails at once, that waits so long. */
  const timeoutOf = (wait: () => unknown) => {
    const calls = hooks.calls();
    hooks.failNext(EIO);
    wait();
    assertEquals(hooks.calls(), calls + 1);
    return hooks.lastCall().timeout;
  };

  for (const List of [KeventList, Kevent64List]) {
    const syscall = List === KeventList ? "kevent" : "kevent64";
    const queue = () => List === KeventList ? darwin.kq32 : darwin.kq.fd;
    for (const [ms, sec, nsec] of TIMEOUTS) {
      it(`of kqWait() for ${ms} ms is ${sec} s and ${nsec} ns to ${syscall}`, () => {
        const list = new List(2);
        const timeout = timeoutOf(() => kqWait(queue(), list, ms));
        assertEquals(timeout, { sec, nsec });
        const call = hooks.lastCall();
        assertEquals(call.syscall, syscall);
        assertEquals(call.flags, KEVENT_FLAG_NONE);
        assertEquals([call.changes, call.events], [0, 2]);
      });
    }

    for (const ms of [-1, -0.001, -Infinity, Infinity]) {
      it(`of kqWait() for ${ms} ms is a null pointer to ${syscall}`, () => {
        const list = new List(1);
        assertEquals(timeoutOf(() => kqWait(queue(), list, ms)), null);
        assertEquals(hooks.lastCall().flags, KEVENT_FLAG_NONE);
      });
    }

    for (const ms of [NaN, "5", null, undefined, 5n]) {
      it(`of kqWait() to ${syscall} is never ${Deno.inspect(ms)}`, () => {
        const calls = hooks.calls();
        assertThrows(
          () => kqWait(queue(), new List(1), ms as never),
          ms === null || typeof ms === "string" || ms === undefined
            ? TypeError
            : RangeError,
          "timeoutMs must be a number of milliseconds",
        );
        assertEquals(hooks.calls(), calls);
      });
    }
  }

  it("of kqWait() for 0 ms is zero to kevent", () => {
    assertEquals(kqWait(darwin.kq32, new KeventList(1), 0), 0);
    const { syscall, timeout } = hooks.lastCall();
    assertEquals(syscall, "kevent");
    assertEquals(timeout, { sec: 0n, nsec: 0n });
  });

  it("of kqWait() for 0 ms is none to kevent64, but a flag", () => {
    assertEquals(kqWait(darwin.kq.fd, new Kevent64List(1), 0), 0);
    const { syscall, flags } = hooks.lastCall();
    assertEquals(syscall, "kevent64");
    assertEquals(flags, KEVENT_FLAG_IMMEDIATE);
  });

  it("of poll() is none, but a flag", () => {
    assertEquals(darwin.kq.poll().length, 0);
    const call = hooks.lastCall();
    assertEquals(call.syscall, "kevent64");
    assertEquals(call.flags, KEVENT_FLAG_IMMEDIATE);
    assertEquals([call.kq, call.changes, call.events], [
      darwin.kq.fd,
      0,
      5,
    ]);
  });

  it("of wait() is that of kqWait(), and for ever unless given", () => {
    const failing = (wait: () => unknown) => () =>
      assertThrows(wait, Error, "EIO");
    for (const [ms, sec, nsec] of TIMEOUTS) {
      assertEquals(timeoutOf(failing(() => darwin.kq.wait(ms))), { sec, nsec });
    }
    assertEquals(timeoutOf(failing(() => darwin.kq.wait())), null);
    assertEquals(timeoutOf(failing(() => darwin.kq.wait(-1))), null);
    assertEquals(darwin.kq.wait(0).length, 0);
    assertEquals(hooks.lastCall().flags, KEVENT_FLAG_IMMEDIATE);
  });

  it("of the raw calls is what the caller gave", () => {
    for (const [sec, nsec] of [[0n, 0n], [0n, 1n], [MIN_I64, MIN_I64]]) {
      const timeout = new Timespec(sec, nsec);
      kevent(darwin.kq32, null, null, timeout);
      assertEquals(hooks.lastCall().timeout, { sec, nsec });
      kevent64(darwin.kq.fd, null, null, KEVENT_FLAG_ERROR_EVENTS, timeout);
      assertEquals(hooks.lastCall().timeout, { sec, nsec });
      assertEquals(hooks.lastCall().flags, KEVENT_FLAG_ERROR_EVENTS);
    }
    kevent(darwin.kq32, null, null, null);
    assertEquals(hooks.lastCall().timeout, null);
  });
});
