/** Arguments that were guessed wrong: each is told, by what was given and what is meant, and nothing is done. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  close,
  EV_ONESHOT,
  EVFILT_USER,
  kevent,
  kevent64,
  Kevent64List,
  KeventList,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  Libc,
  Loop,
  Timespec,
  useLibc,
} from "../../mod.ts";

/** Opened before the tests, whose sanitizers would take the library for a leak. */
const shared = new Kqueue();
await shared.waitAsync({ timeoutMs: 0.1 });
shared.close();

/** What a caller without types may pass. */
// deno-lint-ignore no-explicit-any
type Anything = any;

interface Case {
  /** The call as it was written. */
  readonly written: string;
  readonly call: (kq: Anything, loop: Anything) => unknown;
  readonly message: string;
}

const signal = AbortSignal.timeout(50);
const EXAMPLE = "options must be an object such as";
const CHANGE =
  "must be an object such as { ident: 0, filter: EVFILT_READ }, got";
const TIMEOUT =
  "timeout must be a Timespec, as Timespec.fromMilliseconds() gives, or null; got";
const loose: Record<string, Anything> = {
  close,
  kevent,
  kevent64,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  kqApply,
  kqWait,
  useLibc,
  Kqueue,
  KeventList,
  Loop,
};

const CASES: readonly Case[] = [
  {
    written: "kq.waitAsync(100)",
    call: (kq) => kq.waitAsync(100),
    message: `${EXAMPLE} { timeoutMs: 1000 }, got 100`,
  },
  {
    written: "kq.waitAsync({ timeout: 100 })",
    call: (kq) => kq.waitAsync({ timeout: 100 }),
    message: 'unknown option "timeout": there are only timeoutMs, signal',
  },
  {
    written: "kq.waitAsync(AbortSignal.timeout(50))",
    call: (kq) => kq.waitAsync(signal),
    message: `${EXAMPLE} { timeoutMs: 1000 }, got [object AbortSignal]`,
  },
  {
    written: "kq.waitAsync({ signal: new AbortController() })",
    call: (kq) => kq.waitAsync({ signal: new AbortController() }),
    message: "signal must be an AbortSignal, got [object AbortController]",
  },
  {
    written: "kq.waitAsync(null)",
    call: (kq) => kq.waitAsync(null),
    message: `${EXAMPLE} { timeoutMs: 1000 }, got null`,
  },
  {
    written: "kq.wait({ timeoutMs: 100 })",
    call: (kq) => kq.wait({ timeoutMs: 100 }),
    message: "timeoutMs must be a number of milliseconds, got [object Object]",
  },
  {
    written: "kq.events(AbortSignal.timeout(50))",
    call: (kq) => kq.events(signal),
    message: `${EXAMPLE} { signal: [object AbortSignal] }, got ` +
      "[object AbortSignal]",
  },
  {
    written: 'kq.events({ signal: "now" })',
    call: (kq) => kq.events({ signal: "now" }),
    message: 'signal must be an AbortSignal, got "now"',
  },
  {
    written: "kq.trigger(1, 42)",
    call: (kq) => kq.trigger(1, 42),
    message: `${EXAMPLE} { udata: 42 }, got 42`,
  },
  {
    written: "kq.trigger(1, { word: 42 })",
    call: (kq) => kq.trigger(1, { word: 42 }),
    message: 'unknown option "word": there are only udata, fflags, data',
  },
  {
    written: "kq.apply(kevUser(1), kevUser(2))",
    call: (kq) => kq.apply(kevUser(1), kevUser(2)),
    message:
      "apply takes one argument, got 2: give several changes as an array",
  },
  {
    written: "kq.apply([null])",
    call: (kq) => kq.apply([null]),
    message: `change 0 ${CHANGE} null`,
  },
  {
    written: "kq.apply([kevUser(1), [kevUser(2)]])",
    call: (kq) => kq.apply([kevUser(1), [kevUser(2)]]),
    message: "change 1 must be one change, not an array",
  },
  {
    written: "kq.apply({ fd, filter })",
    call: (kq) => kq.apply({ fd: 0, filter: -1 }),
    message: "the change must have ident, not fd",
  },
  {
    written: "kq.apply([{ fd, filter }])",
    call: (kq) => kq.apply([{ fd: 0, filter: -1 }]),
    message: "change 0 must have ident, not fd",
  },
  {
    written: "kq.apply([{ filter }])",
    call: (kq) => kq.apply([{ filter: -1 }]),
    message: "change 0: ident must be an integer from 0 to " +
      "18446744073709551615, got undefined",
  },
  {
    written: "kqApply(fd, [change])",
    call: (kq) => loose.kqApply(kq.fd, [kevUser(1)]),
    message: "the change must be one change, not an array",
  },
  {
    written: "kq.apply(kevUser)",
    call: (kq) => kq.apply(kevUser),
    message:
      "changes must be a change, an iterable of changes or a list, got a function",
  },
  {
    written: "kqApply(fd, null)",
    call: (kq) => loose.kqApply(kq.fd, null),
    message: `the change ${CHANGE} null`,
  },
  {
    written: "new Kqueue(64)",
    call: () => new loose.Kqueue(64),
    message: `${EXAMPLE} { capacity: 256 }, got 64`,
  },
  {
    written: "new Kqueue({ size: 64 })",
    call: () => new loose.Kqueue({ size: 64 }),
    message: 'unknown option "size": there is only capacity',
  },
  {
    written: "Kqueue.fromFd(fd, 64)",
    call: (kq) => loose.Kqueue.fromFd(kq.fd, 64),
    message: `${EXAMPLE} { capacity: 256 }, got 64`,
  },
  {
    written: "new Loop(64)",
    call: () => new loose.Loop(64),
    message: `${EXAMPLE} { capacity: 256 }, got 64`,
  },
  {
    written: "loop.once(change, AbortSignal.timeout(50))",
    call: (_, loop) => loop.once(kevUser(1), signal),
    message: `${EXAMPLE} { signal: [object AbortSignal] }, got ` +
      "[object AbortSignal]",
  },
  {
    written: "loop.once(change, { timeoutMs: 50 })",
    call: (_, loop) => loop.once(kevUser(1), { timeoutMs: 50 }),
    message: 'unknown option "timeoutMs": there is only signal',
  },
  {
    written: "loop.events(change, AbortSignal.timeout(50))",
    call: (_, loop) => loop.events(kevUser(1), signal),
    message: `${EXAMPLE} { signal: [object AbortSignal] }, got ` +
      "[object AbortSignal]",
  },
  {
    written: "loop.once(5)",
    call: (_, loop) => loop.once(5),
    message: `the change ${CHANGE} 5`,
  },
  {
    written: "loop.on(change)",
    call: (_, loop) => loop.on(kevUser(1)),
    message: "handler must be a function, got undefined",
  },
  {
    written: "watch.trigger(42)",
    call: (_, loop) => {
      using watch = loop.on(kevUser(1), () => {});
      watch.trigger(42);
    },
    message: `${EXAMPLE} { data: 42 }, got 42`,
  },
  {
    written: "kevRead(fd, 42)",
    call: () => loose.kevRead(5, 42),
    message: `${EXAMPLE} { udata: 42 }, got 42`,
  },
  {
    written: "kevTimer(1, 5, EV_ONESHOT)",
    call: () => loose.kevTimer(1, 5, EV_ONESHOT),
    message: `${EXAMPLE} { flags: EV_ADD | EV_ONESHOT }, got 16`,
  },
  {
    written: "kevTimer(1, 5, { oneshot: true })",
    call: () => loose.kevTimer(1, 5, { oneshot: true }),
    message: 'unknown option "oneshot": there are only udata, flags, fflags',
  },
  {
    written: "kevUser(1, { oneshot: true })",
    call: () => loose.kevUser(1, { oneshot: true }),
    message:
      'unknown option "oneshot": there are only udata, flags, fflags, data',
  },
  {
    written: "kevent(kq, null, list)",
    call: (kq) => loose.kevent(kq.fd, null, new KeventList(1)),
    message: `${TIMEOUT} undefined`,
  },
  {
    written: "kevent(kq, null, list, 100)",
    call: (kq) => loose.kevent(kq.fd, null, new KeventList(1), 100),
    message: `${TIMEOUT} 100`,
  },
  {
    written: "kevent64(kq, null, list, 0, 100)",
    call: (kq) => loose.kevent64(kq.fd, null, new Kevent64List(1), 0, 100),
    message: `${TIMEOUT} 100`,
  },
  {
    written: "kqWait(kq, [], 0)",
    call: (kq) => loose.kqWait(kq.fd, [], 0),
    message:
      "the list must be a KeventList or a Kevent64List, got an empty array",
  },
  {
    written: "KeventList.from(kevUser(1))",
    call: () => loose.KeventList.from(kevUser(1)),
    message: "changes must be an iterable of changes, got [object Object]",
  },
  {
    written: 'useLibc("libc.so.6")',
    call: () => loose.useLibc("libc.so.6"),
    message: 'libc must be what openLibc() gave, or null, got "libc.so.6"',
  },
  {
    written: "close()",
    call: () => loose.close(),
    message: "fd must be an integer from -2147483648 to 2147483647, " +
      "got undefined",
  },
];

describe("an argument that was guessed wrong", () => {
  for (const { written, call, message } of CASES) {
    it(`${written} is a TypeError that says so`, async () => {
      using kq = new Kqueue();
      await using loop = new Loop();
      const error = await assertRejects(
        async () => await call(kq, loop),
        TypeError,
      );
      assertEquals(error.message, message);
      // Nothing was done.
      assertEquals(kqApply(kq.fd, { ident: 1, filter: EVFILT_USER }), false);
    });
  }

  it("useLibc() keeps what was in use", () => {
    for (const wrong of [{}, Object.create(Libc.prototype), 5]) {
      assertThrows(() => useLibc(wrong), TypeError, "libc must be");
      assertEquals(useLibc(null), null);
      using kq = new Kqueue();
      kq.apply(kevUser(1));
    }
  });
});

describe("a descriptor as events give it, a bigint", () => {
  it("is taken by every call that takes one", () => {
    const kq = kqueue();
    const fd = BigInt(kq);
    assertEquals(kqApply(fd, kevUser(1)), true);
    assertEquals(kqWait(fd, new KeventList(1), 0), 0);
    assertEquals(kevent(fd, null, new KeventList(1), new Timespec()), 0);
    using adopted = Kqueue.fromFd(fd);
    assertEquals(adopted.fd, kq);
    assertEquals(close(fd), 0);
    const wide = kqueue();
    assertEquals(kevent64(BigInt(wide), null, null, 0, null), 0);
    assertEquals(close(BigInt(wide)), 0);
  });

  it("is taken by every builder, a pid and a signal too", () => {
    for (const build of [kevRead, kevWrite, kevVnode]) {
      assertEquals(build(5n).ident, 5n);
    }
    assertEquals(kevProc(5n).ident, 5);
    assertEquals(kevSignal(2n).ident, 2);
  });

  it("is a RangeError where no descriptor can have it", () => {
    for (const fd of [2n ** 31n, -(2n ** 31n) - 1n, 1.5, NaN, 2 ** 31]) {
      assertThrows(() => close(fd), RangeError, "fd must be an integer");
      assertThrows(() => Kqueue.fromFd(fd), RangeError, "fd must be");
      assertThrows(() => kqApply(fd, kevUser(1)), RangeError, "kq must be");
    }
    assertThrows(() => kevProc(2n ** 64n), RangeError, "pid must be");
  });

  it("is the same as -0", () => {
    assertEquals(kevRead(-0).ident, 0);
    assertEquals(KeventList.from([kevRead(-0)]).at(0).ident, 0n);
    // Whatever standard input is, it is no queue.
    assertEquals(kqApply(-0, kevUser(1)), false);
  });
});
