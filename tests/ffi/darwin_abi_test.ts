import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_RECEIPT,
  EVFILT_TIMER,
  EVFILT_USER,
  KEVENT_FLAG_IMMEDIATE,
  KEVENT_FLAG_NONE,
  NOTE_FFCOPY,
  NOTE_LEEWAY,
  NOTE_TRIGGER,
} from "../../constants.ts";
import { kevent, kevent64 } from "../../ffi.ts";
import {
  type Kevent64Init,
  Kevent64List,
  KeventList,
  kevTimer,
  kevUser,
  Timespec,
} from "../../kevent.ts";
import { kqApply, Kqueue, kqWait } from "../../kqueue.ts";
import { openSystemLibrary } from "../../library.ts";
import { describeOverDarwin, packRecords } from "./darwin_hooks.ts";

const F_GETFD = 1;
const FD_CLOEXEC = 1;
const MAX_U64 = 2n ** 64n - 1n;
const MIN_I64 = -(2n ** 63n);

/** Changes in which every field has something to lose, and which are all accepted. */
const CHANGES: Kevent64Init[] = [
  {
    ident: MAX_U64,
    filter: EVFILT_USER,
    flags: EV_ADD | EV_CLEAR,
    fflags: NOTE_FFCOPY | NOTE_TRIGGER | 0xabcdef,
    data: MIN_I64,
    udata: MAX_U64,
    ext: [2n ** 63n + 1n, MAX_U64 - 1n],
  },
  {
    ident: 2n ** 63n,
    filter: EVFILT_USER,
    flags: EV_ADD,
    data: 2 ** 53 - 1,
    udata: 2 ** 53 - 1,
  },
  { ...kevTimer(7, 3_600_000), fflags: NOTE_LEEWAY, ext: [0, 2 ** 32 + 5] },
];

const { fcntl } = openSystemLibrary({
  // int fcntl(int fildes, int cmd, ...); F_GETFD takes no third argument.
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

describeOverDarwin("Darwin's ABI", (darwin) => {
  const { hooks } = darwin;

  /** Asserts that the last call was given these changes, byte for byte. */
  function assertRecords(
    recordSize: number,
    changes: Iterable<Kevent64Init>,
    extraFlags = 0,
  ): void {
    const expected = packRecords(recordSize, changes, extraFlags);
    const call = hooks.lastCall();
    assertEquals(call.recordSize, recordSize);
    assertEquals(call.changes, expected.length / recordSize);
    assertEquals(call.records, expected.subarray(0, 8 * recordSize));
    const sum = expected.reduce((sum, byte) => sum + byte, 0);
    assertEquals(call.sum, BigInt(sum));
  }

  it("makes a queue close-on-exec", () => {
    assertEquals(fcntl(darwin.kq.fd, F_GETFD), FD_CLOEXEC);
  });

  describe("the change records", () => {
    it("of kevent() are of 32 bytes", () => {
      const list = KeventList.from(CHANGES);
      assertEquals(kevent(darwin.kq32, list, null, null), 0);
      const { syscall, events, isSameList } = hooks.lastCall();
      assertEquals([syscall, events, isSameList], ["kevent", 0, false]);
      assertRecords(32, CHANGES);
    });

    it("of kevent64() are of 48 bytes", () => {
      const list = Kevent64List.from(CHANGES);
      assertEquals(
        kevent64(darwin.kq.fd, list, null, KEVENT_FLAG_NONE, null),
        0,
      );
      const { syscall, events, isSameList } = hooks.lastCall();
      assertEquals([syscall, events, isSameList], ["kevent64", 0, false]);
      assertRecords(48, CHANGES);
    });

    it("are those in use, the events as many as fit", () => {
      const changes = new KeventList(9);
      changes.push(CHANGES[0]);
      const events = new KeventList(3);
      events.push(CHANGES[1]);
      assertEquals(kevent(darwin.kq32, changes, events, null), 1);
      const call = hooks.lastCall();
      assertEquals([call.kq, call.changes, call.events], [darwin.kq32, 1, 3]);
      assertRecords(32, CHANGES.slice(0, 1));
    });

    it("of no list are none, by a null pointer", () => {
      assertEquals(
        kevent(darwin.kq32, null, new KeventList(3), new Timespec()),
        0,
      );
      assertEquals(hooks.lastCall().changes, 0);
      const events = new Kevent64List(4);
      kevent64(darwin.kq.fd, null, events, KEVENT_FLAG_IMMEDIATE, null);
      const { changes, events: room } = hooks.lastCall();
      assertEquals([changes, room], [0, 4]);
    });

    it("of kqApply() are one of 32 bytes, without room for an event", () => {
      for (const change of CHANGES) {
        const calls = hooks.calls();
        assert(kqApply(darwin.kq32, change));
        assertEquals(hooks.calls(), calls + 1);
        const { syscall, kq: fd, events } = hooks.lastCall();
        assertEquals([syscall, fd, events], ["kevent", darwin.kq32, 0]);
        assertRecords(32, [change]);
      }
    });

    it("R10a of kqApply() to a queue of kevent64 are one of 48 bytes", () => {
      for (const { ext: _, ...change } of CHANGES) {
        assert(kqApply(darwin.kq.fd, change));
        const { syscall, kq: fd, events } = hooks.lastCall();
        assertEquals([syscall, fd, events], ["kevent64", darwin.kq.fd, 0]);
        assertRecords(48, [change]);
      }
    });

    it("R10a of apply() to a queue of kevent are of 32 bytes", () => {
      using kq = Kqueue.fromFd(darwin.kq32);
      for (const changes of [CHANGES, CHANGES.slice(2)]) {
        kq.apply(changes);
        const call = hooks.lastCall();
        assertEquals(call.syscall, "kevent");
        assertEquals(call.timeout, { sec: 0n, nsec: 0n });
        assert(call.isSameList, "the receipts have memory of their own");
        assertRecords(32, changes, EV_RECEIPT);
      }
    });

    const batches: [string, () => Parameters<Kqueue["apply"]>[0]][] = [
      ["one change", () => CHANGES[2]],
      ["an array of changes", () => CHANGES],
      ["an iterable of changes", () => new Set(CHANGES).values()],
      ["a Kevent64List", () => Kevent64List.from(CHANGES)],
      ["a KeventList", () => KeventList.from(CHANGES)],
    ];
    for (const [name, changes] of batches) {
      it(`of apply() with ${name} are of 48 bytes, each to be receipted`, () => {
        darwin.kq.apply(changes());
        const call = hooks.lastCall();
        assertEquals(call.syscall, "kevent64");
        assertEquals(call.flags, KEVENT_FLAG_IMMEDIATE);
        assertEquals(call.timeout, null);
        assert(call.isSameList, "the receipts have memory of their own");
        assert(call.events >= call.changes, "some receipts have no room");
        const given = changes();
        const all = Symbol.iterator in given ? [...given] : [given];
        assertRecords(48, all, EV_RECEIPT);
      });
    }

    it("of apply() are as many as it was given, in one call", () => {
      const changes = Array.from({ length: 100 }, (_, index) => ({
        ...kevUser(index, { udata: MAX_U64 - BigInt(index) }),
      }));
      const calls = hooks.calls();
      darwin.kq.apply(changes);
      assertEquals(hooks.calls(), calls + 1);
      assertRecords(48, changes, EV_RECEIPT);
      darwin.kq.apply(changes.slice(0, 2));
      assertRecords(48, changes.slice(0, 2), EV_RECEIPT);
    });

    it("of apply() hold nothing of those before", () => {
      const before = CHANGES.map((change) => ({
        ...change,
        ext: [MAX_U64, 2n ** 40n - 1n] as const,
      }));
      const plain = [0, 1, 2].map((ident) => kevUser(ident));
      for (const changes of [plain, KeventList.from(plain), plain[0]]) {
        darwin.kq.apply(before);
        assertRecords(48, before, EV_RECEIPT);
        darwin.kq.apply(changes);
        const all = Symbol.iterator in changes ? [...changes] : [changes];
        assertRecords(48, all, EV_RECEIPT);
      }
    });

    it("of apply() with nothing are no call at all", () => {
      const calls = hooks.calls();
      darwin.kq.apply([]);
      darwin.kq.apply(new KeventList(1));
      assertEquals(hooks.calls(), calls);
    });

    it("of apply() leave the caller's list as it was", () => {
      for (const List of [KeventList, Kevent64List]) {
        const list: KeventList | Kevent64List = List.from(CHANGES);
        darwin.kq.apply(list);
        assertEquals(
          list.toArray(),
          (List.from(CHANGES) as typeof list).toArray(),
        );
      }
    });

    it("of trigger() are one with NOTE_TRIGGER", () => {
      darwin.kq.apply(kevUser(MAX_U64));
      darwin.kq.trigger(MAX_U64, {
        udata: MAX_U64,
        fflags: NOTE_FFCOPY | 5,
        data: -1,
      });
      assertRecords(48, [{
        ident: MAX_U64,
        filter: EVFILT_USER,
        fflags: NOTE_FFCOPY | NOTE_TRIGGER | 5,
        data: -1,
        udata: MAX_U64,
      }], EV_RECEIPT);
    });
  });

  describe("an event", () => {
    for (const List of [KeventList, Kevent64List]) {
      it(`brings back all 64 bits of each word in a ${List.name}`, () => {
        darwin.kq.apply(CHANGES.slice(0, 2));
        darwin.kq.trigger(2n ** 63n, { udata: 2n ** 63n + 1n, data: MIN_I64 });
        const events = new List(8);
        assertEquals(kqWait(darwin.kq.fd, events, 0), 2);
        const words = events.toArray().map((event) => [
          event.ident,
          event.data,
          event.udata,
          event.filter,
        ]);
        words.sort(([a], [b]) => a < b ? -1 : 1);
        assertEquals(words, [
          [2n ** 63n, MIN_I64, 2n ** 63n + 1n, EVFILT_USER],
          [MAX_U64, MIN_I64, MAX_U64, EVFILT_USER],
        ]);
      });
    }

    it("lies in the list at the place of its record", () => {
      const idents = [5, 6, 7, 8, 9];
      darwin.kq.apply(
        idents.map((ident) => kevTimer(ident, 0, { udata: ident })),
      );
      const events = darwin.kq.wait(10_000);
      for (const [index, { ident, udata, filter }] of [...events].entries()) {
        assertEquals([udata, filter], [ident, EVFILT_TIMER]);
        assertEquals(events.identNumber(index), Number(ident));
      }
      assertEquals(events.length, idents.length);
    });
  });
});
