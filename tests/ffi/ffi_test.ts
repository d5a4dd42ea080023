import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_DELETE,
  EV_ERROR,
  EV_RECEIPT,
  KEVENT_FLAG_ERROR_EVENTS,
  KEVENT_FLAG_IMMEDIATE,
  KEVENT_FLAG_NONE,
  NOTE_TRIGGER,
} from "../../constants.ts";
import {
  close,
  errno,
  kevent,
  kevent64,
  kqueue,
  openLibc,
  useLibc,
} from "../../ffi.ts";
import { Kevent64List, KeventList, kevUser, Timespec } from "../../kevent.ts";
import { openSystemLibrary } from "../../library.ts";

const { EBADF, EINVAL, ENOENT } = constants.errno;
const PATIENCE_MS = 10_000;
/** A descriptor that no test ever opens. */
const NOT_OPEN = 999_999;
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const MAX_U64 = 2n ** 64n - 1n;
const AT_ONCE = new Timespec();

// Opened here: the libraries stay open, which a test that opened them would be blamed for.
const errnoAtFirst = errno();
const { fcntl } = openSystemLibrary({
  // int fcntl(int fildes, int cmd, ...); F_GETFD takes no third argument.
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

describe("kqueue()", () => {
  it("returns a descriptor that is close-on-exec", () => {
    const kq = kqueue();
    assertGreaterOrEqual(kq, 0);
    assertEquals(fcntl(kq, F_GETFD), FD_CLOEXEC);
    assertEquals(close(kq), 0);
    assertEquals(fcntl(kq, F_GETFD), -1);
  });

  it("returns another descriptor each time", () => {
    const [a, b] = [kqueue(), kqueue()];
    assertNotEquals(a, b);
    close(a);
    close(b);
  });
});

describe("close()", () => {
  it("is 0, and -1 with EBADF for what is not open", () => {
    const kq = kqueue();
    assertEquals(close(kq), 0);
    assertEquals(close(NOT_OPEN), -1);
    assertEquals(errno(), EBADF);
    assertEquals(close(-1), -1);
    assertEquals(errno(), EBADF);
  });
});

describe("errno()", () => {
  it("is 0 before any call failed", () => {
    assertEquals(errnoAtFirst, 0);
  });

  it("is the last failure's, whatever succeeded since", () => {
    const kq = kqueue();
    const change = KeventList.from([{ ...kevUser(1), flags: EV_DELETE }]);
    assertEquals(kevent(kq, change, null, null), -1);
    assertEquals(errno(), ENOENT);
    assertEquals(kevent(kq, null, null, null), 0);
    const other = kqueue();
    assertEquals(kevent64(other, null, null, KEVENT_FLAG_NONE, null), 0);
    assertEquals(close(other), 0);
    // A failing call past this module leaves its errno to the C library, not here.
    assertEquals(fcntl(NOT_OPEN, F_GETFD), -1);
    assertEquals(errno(), ENOENT);
    assertEquals(close(NOT_OPEN), -1);
    assertEquals(errno(), EBADF);
    close(kq);
  });
});

describe("useLibc()", () => {
  it("returns what was in use, null for the system's own", () => {
    assertEquals(useLibc(null), null);
    const kq = kqueue();
    assertEquals(kevent(kq, null, null, null), 0);
    assertEquals(close(kq), 0);
  });

  it("is given what openLibc() opens, which throws where nothing is", () => {
    assertThrows(() => openLibc("/nowhere/libnone.so"), Error, "libnone.so");
  });
});

interface Call {
  name: string;
  List: typeof KeventList | typeof Kevent64List;
  /** The call with lists of its own record size. */
  call(
    kq: number,
    changes: KeventList | Kevent64List | null,
    events: KeventList | Kevent64List | null,
    timeout: Timespec | null,
  ): number;
}

const CALLS: Call[] = [
  {
    name: "kevent()",
    List: KeventList,
    call: (kq, changes, events, timeout) =>
      kevent(kq, changes as KeventList, events as KeventList, timeout),
  },
  {
    name: "kevent64()",
    List: Kevent64List,
    call: (kq, changes, events, timeout) =>
      kevent64(
        kq,
        changes as Kevent64List,
        events as Kevent64List,
        KEVENT_FLAG_NONE,
        timeout,
      ),
  },
];

for (const { name, List, call } of CALLS) {
  const Other = List === KeventList ? Kevent64List : KeventList;

  describe(name, () => {
    let kq: number;
    beforeEach(() => {
      kq = kqueue();
    });
    afterEach(() => {
      close(kq);
    });

    it("applies changes and returns the events, with the list's length", () => {
      const list = List.from([
        kevUser(1, { fflags: NOTE_TRIGGER, udata: MAX_U64 }),
        kevUser(MAX_U64, { fflags: NOTE_TRIGGER, udata: 2 }),
      ]);
      const events = new List(4);
      assertEquals(call(kq, list, events, null), 2);
      assertEquals(events.length, 2);
      const pairs = events.toArray().map(({ ident, udata }) => [ident, udata]);
      pairs.sort(([a], [b]) => a < b ? -1 : 1);
      assertEquals(pairs, [[1n, MAX_U64], [MAX_U64, 2n]]);
      assertEquals(call(kq, null, events, AT_ONCE), 0);
      assertEquals(events.length, 0);
    });

    it("takes one list for both (R8), and gives a receipt back in it", () => {
      const change = kevUser(1, { flags: EV_ADD | EV_RECEIPT, udata: 5 });
      const list = List.from([change]);
      assertEquals(call(kq, list, list, null), 1);
      assertEquals(list.identNumber(0), 1);
      assertEquals(list.flags(0) & EV_ERROR, EV_ERROR);
      assertEquals(list.dataNumber(0), 0);
    });

    it("returns at once without an event list, and takes no event (R19)", () => {
      const start = performance.now();
      const trigger = List.from([kevUser(1, { fflags: NOTE_TRIGGER })]);
      assertEquals(call(kq, trigger, null, null), 0);
      assertEquals(call(kq, null, null, new Timespec(3600)), 0);
      assertLess(performance.now() - start, PATIENCE_MS);
      assertEquals(call(kq, null, new List(1), AT_ONCE), 1);
    });

    it("waits for its timeout, and no shorter", () => {
      const start = performance.now();
      const timeout = Timespec.fromMilliseconds(20.5);
      assertEquals(call(kq, null, new List(1), timeout), 0);
      assertGreaterOrEqual(performance.now() - start, 20.5);
    });

    it("is -1 with EBADF for what is no queue (R10), the list emptied", () => {
      const closed = kqueue();
      close(closed);
      const standardInput = 0;
      for (const fd of [-1, NOT_OPEN, closed, standardInput]) {
        const events = List.from([kevUser(1)]);
        close(NOT_OPEN);
        assertEquals(call(fd, null, events, AT_ONCE), -1);
        assertEquals(errno(), EBADF);
        assertEquals(events.length, 0);
        assertEquals(call(fd, null, null, null), -1);
      }
    });

    it("is -1 with EINVAL for nanoseconds out of range (R10)", () => {
      for (const nsec of [-1, 1_000_000_001, 2n ** 63n - 1n]) {
        close(NOT_OPEN);
        const events = new List(1);
        assertEquals(call(kq, null, events, new Timespec(0, nsec)), -1);
        assertEquals(errno(), EINVAL);
      }
    });

    it("is -1 with the errno of a change that fails without room (R7)", () => {
      const changes = List.from([{ ...kevUser(1), flags: EV_DELETE }]);
      assertEquals(call(kq, changes, null, null), -1);
      assertEquals(errno(), ENOENT);
    });

    it("reports a change that fails in the event list (R7)", () => {
      const changes = List.from([{ ...kevUser(9), flags: EV_DELETE }]);
      const events = new List(1);
      assertEquals(call(kq, changes, events, null), 1);
      assertEquals(events.identNumber(0), 9);
      assert(events.flags(0) & EV_ERROR);
      assertEquals(events.dataNumber(0), ENOENT);
    });

    it("refuses a list of the other record size, and does nothing", () => {
      const other = Other.from([kevUser(1, { fflags: NOTE_TRIGGER })]);
      const { recordSize } = new List(1);
      const message =
        `the list must hold records of ${recordSize} bytes, its have ${other.recordSize}`;
      assertThrows(() => call(kq, other, null, null), TypeError, message);
      assertThrows(() => call(kq, null, other, AT_ONCE), TypeError, message);
      const trigger = List.from([kevUser(2, { fflags: NOTE_TRIGGER })]);
      assertThrows(() => call(kq, trigger, other, AT_ONCE), TypeError, message);
      assertEquals(call(kq, null, new List(1), AT_ONCE), 0);
      assertEquals(other.length, 1);
    });

    it("refuses what is neither a list nor a timespec", () => {
      const not = {} as never;
      assertThrows(() => call(kq, not, null, null), TypeError);
      assertThrows(() => call(kq, null, not, null), TypeError);
      assertThrows(() => call(kq, null, null, not), TypeError);
      assertThrows(() => call(kq, null, null, 5 as never), TypeError);
      assertThrows(() => call(kq, undefined as never, null, null), TypeError);
    });
  });
}

describe("kevent64() with flags", () => {
  it("never waits with KEVENT_FLAG_IMMEDIATE, whatever the timeout (R21)", () => {
    const kq = kqueue();
    const events = new Kevent64List(1);
    const start = performance.now();
    for (const timeout of [null, new Timespec(3600)]) {
      const count = kevent64(kq, null, events, KEVENT_FLAG_IMMEDIATE, timeout);
      assertEquals(count, 0);
    }
    assertLess(performance.now() - start, PATIENCE_MS);
    close(kq);
  });

  it("gives only failures and receipts with KEVENT_FLAG_ERROR_EVENTS (R21)", () => {
    const kq = kqueue();
    const events = new Kevent64List(4);
    const trigger = Kevent64List.from([kevUser(1, { fflags: NOTE_TRIGGER })]);
    const flags = KEVENT_FLAG_ERROR_EVENTS;
    assertEquals(kevent64(kq, trigger, events, flags, AT_ONCE), 0);
    const wrong = Kevent64List.from([{ ...kevUser(2), flags: EV_DELETE }]);
    assertEquals(kevent64(kq, wrong, events, flags, AT_ONCE), 1);
    assertEquals(events.dataNumber(0), ENOENT);
    assertEquals(kevent64(kq, null, events, KEVENT_FLAG_NONE, AT_ONCE), 1);
    close(kq);
  });
});
