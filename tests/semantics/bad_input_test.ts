import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  errno,
  EV_ADD,
  EV_DELETE,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_USER,
  kevChange,
  kevent,
  kevent64,
  Kevent64List,
  type KeventInit,
  KeventList,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_TRIGGER,
  SystemError,
  Timespec,
} from "../../mod.ts";
import { assertCode, idents, openQueue } from "./calls.ts";
import { Descriptors, outOfDescriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF, EINVAL, EMFILE } = constants.errno;

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

/** Every way to give a change. */
const APPLYING: Record<string, (kq: Kqueue, change: KeventInit) => unknown> = {
  "Kqueue.apply": (kq, change) => kq.apply(change),
  "Kqueue.apply of an array": (kq, change) => kq.apply([fired(1), change]),
  "kqApply": (kq, change) => kqApply(kq.fd, change),
  "KeventList.from": (_, change) => KeventList.from([change]),
  "Kevent64List.from": (_, change) => Kevent64List.from([change]),
};

describeKernels("bad input", () => {
  it("R5 a closed descriptor", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [reader] = fds.pipe();
    fds.close(reader);
    for (const change of [kevRead(reader), kevWrite(reader)]) {
      const error = assertThrows(() => kq.apply(change), SystemError);
      assertEquals(
        [error.code, error.errno, error.syscall, error.change],
        ["EBADF", EBADF, "kevent64", change],
      );
      assertEquals(kqApply(kq.fd, change), false);
      assertEquals(errno(), EBADF);
    }
  });

  for (const [way, apply] of Object.entries(APPLYING)) {
    describe(`by ${way}`, () => {
      for (
        const [name, field, change] of [
          ["a negative fd", "ident", { ident: -1 }],
          ["a fraction as an fd", "ident", { ident: 1.5 }],
          ["an unsafe number as an ident", "ident", { ident: 2 ** 53 }],
          ["an ident of 2^64", "ident", { ident: 2n ** 64n }],
          ["a filter out of range", "filter", { filter: 40000 }],
          ["a filter of NaN", "filter", { filter: NaN }],
          ["flags of 70000", "flags", { flags: 70000 }],
          ["negative flags", "flags", { flags: -1 }],
          ["fflags of 2^32", "fflags", { fflags: 2 ** 32 }],
          ["data of 2^63", "data", { data: 2n ** 63n }],
          ["data of 0.5", "data", { data: 0.5 }],
          ["udata of -1n", "udata", { udata: -1n }],
          ["udata of 2n**64n", "udata", { udata: 2n ** 64n }],
          ["udata of Infinity", "udata", { udata: Infinity }],
        ] as const
      ) {
        it(`R16 ${name} is a RangeError that names it`, () => {
          using kq = new Kqueue();
          const init = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
          assertThrows(
            () => apply(kq, { ...init, ...change }),
            RangeError,
            field,
          );
          assertEquals(kq.poll().length, 0); // nothing was applied
        });
      }
    });
  }

  it("R16 builders name the argument that does not fit", () => {
    assertThrows(() => kevRead(-1), RangeError, "fd");
    assertThrows(() => kevChange(-1, EVFILT_READ, EV_ADD), RangeError, "fd");
    assertThrows(() => kevChange(1, 40000, EV_ADD), RangeError, "filter");
    assertThrows(() => kevChange(1, EVFILT_READ, 70000), RangeError, "flags");
    assertThrows(() => kevTimer(1, 1.5), RangeError, "period");
    assertThrows(() => kevRead(1, { udata: -1n }), RangeError, "udata");
    assertThrows(() => kevProc(0), RangeError, "pid");
  });

  it("R2 a filter that fits its field but is none", () => {
    using kq = new Kqueue();
    const change = { ident: 1, filter: 100, flags: EV_ADD };
    assertCode(() => kq.apply(change), "EINVAL");
    assertEquals(kqApply(kq.fd, change), false);
    assertEquals(errno(), EINVAL);
  });

  it("R18 a list that is full", () => {
    for (const list of [new KeventList(2), new Kevent64List(2)]) {
      list.push(fired(1));
      list.push(fired(2));
      assertThrows(() => list.push(fired(3)), RangeError, "2 of 2");
      assertEquals(idents(list), [1, 2]);
    }
  });

  it("R18 an index out of range", () => {
    for (const list of [new KeventList(4), new Kevent64List(4)]) {
      assertThrows(() => list.at(0), RangeError, "index");
      list.push(fired(1));
      for (const index of [1, -1, 0.5, NaN, 4, 2 ** 32]) {
        assertThrows(() => list.at(index), RangeError, "index");
        assertThrows(() => list.set(index, fired(2)), RangeError, "index");
        assertThrows(() => list.identNumber(index), RangeError, "index");
        assertThrows(() => list.flags(index), RangeError, "index");
      }
    }
  });

  for (const capacity of [0, -1, 1.5, 1e12, NaN, Infinity]) {
    it(`R18 a capacity of ${capacity} is a RangeError`, () => {
      assertThrows(() => new KeventList(capacity), RangeError, "capacity");
      assertThrows(() => new Kevent64List(capacity), RangeError, "capacity");
      assertThrows(() => new Kqueue({ capacity }), RangeError, "capacity");
    });
  }

  it('R19 NaN and "5" as a timeout', () => {
    using kq = new Kqueue();
    kq.apply(fired(1));
    const text = "5" as unknown as number;
    const events = new KeventList(1);
    assertThrows(() => kqWait(kq.fd, events, NaN), RangeError, "timeout");
    assertThrows(() => kqWait(kq.fd, events, text), TypeError, "timeout");
    assertThrows(() => kq.wait(NaN), RangeError, "timeout");
    assertThrows(() => kq.wait(text), TypeError, "timeout");
    assertThrows(() => Timespec.fromMilliseconds(NaN), RangeError);
    assertEquals(idents(kq.poll()), [1]);
  });

  it("R19 a list of the other record size is a TypeError", () => {
    using kq = new Kqueue();
    const small = new KeventList(1) as unknown as Kevent64List;
    const large = new Kevent64List(1) as unknown as KeventList;
    assertThrows(() => kevent(kq.fd, large, null, null), TypeError, "32");
    assertThrows(() => kevent(kq.fd, null, large, null), TypeError, "32");
    assertThrows(() => kevent64(kq.fd, small, null, 0, null), TypeError, "48");
    assertThrows(() => kevent64(kq.fd, null, small, 0, null), TypeError, "48");
  });

  it("R82 NOTE_EXIT | NOTE_EXITSTATUS, negative in JavaScript, is right", () => {
    const fflags = NOTE_EXIT | NOTE_EXITSTATUS;
    assertEquals(fflags < 0, true);
    const change = { ident: 1, filter: EVFILT_PROC, flags: EV_ADD, fflags };
    for (
      const list of [KeventList.from([change]), Kevent64List.from([change])]
    ) {
      assertEquals(list.at(0).fflags, fflags >>> 0);
      assertEquals(list.fflags(0), 0x84000000);
    }
  });

  it("R6 apply of an empty iterable does nothing", () => {
    using kq = new Kqueue();
    kq.apply(fired(1));
    kq.apply([]);
    kq.apply(new Set<KeventInit>());
    kq.apply(new KeventList(3));
    kq.apply(new Kevent64List(3));
    assertEquals(idents(kq.poll()), [1]);
    assertThrows(() => kq.apply(null as unknown as KeventInit), TypeError);
    assertThrows(() => kq.apply(5 as unknown as KeventInit), TypeError);
  });

  for (
    const [name, wrap] of [
      ["an array", (changes: KeventInit[]) => changes],
      ["a set", (changes: KeventInit[]) => new Set(changes)],
      ["a KeventList", (changes: KeventInit[]) => KeventList.from(changes)],
      ["a Kevent64List", (changes: KeventInit[]) => Kevent64List.from(changes)],
    ] as const
  ) {
    it(`R7 the 3rd of 5 changes fails, in ${name}`, () => {
      using kq = new Kqueue();
      const changes = [1, 2, 3, 4, 5].map((ident) =>
        ident === 3 ? kevUser(3, { flags: EV_DELETE, udata: 8 }) : fired(ident)
      );
      const error = assertThrows(() => kq.apply(wrap(changes)), SystemError);
      assertEquals(error.code, "ENOENT");
      assertEquals(error.failures.length, 1);
      const [{ index, code, change }] = error.failures;
      assertEquals([index, code], [2, "ENOENT"]);
      assertEquals(
        [BigInt(change.ident), change.filter, BigInt(change.udata ?? 0)],
        [3n, EVFILT_USER, 8n],
      );
      assertEquals(error.change, change);
      assertEquals(error.message.includes("2 (ident 3, EVFILT_USER)"), true);
      assertEquals(idents(kq.poll()), [1, 2, 4, 5]);
    });
  }

  it("R7 several changes fail, each named", () => {
    using kq = new Kqueue();
    const error = assertThrows(
      () =>
        kq.apply([
          kevRead(999_999),
          fired(1),
          kevUser(2, { flags: EV_DELETE }),
          { ident: 3, filter: 100, flags: EV_ADD },
        ]),
      SystemError,
    );
    assertEquals(
      error.failures.map(({ index, code }) => [index, code]),
      [[0, "EBADF"], [2, "ENOENT"], [3, "EINVAL"]],
    );
    assertEquals(idents(kq.poll()), [1]);
  });

  it("R16 a change that does not fit keeps the others from being applied", () => {
    using kq = new Kqueue();
    const bad = { ident: 2, filter: EVFILT_USER, udata: -1n };
    assertThrows(
      () => kq.apply([fired(1), bad]),
      RangeError,
      "change 1: udata",
    );
    assertEquals(kq.poll().length, 0);
  });

  it("R102 out of descriptors when making a queue", () => {
    outOfDescriptors(() => {
      assertEquals(kqueue(), -1);
      assertEquals(errno(), EMFILE);
      assertCode(() => new Kqueue(), "EMFILE");
    });
    using kq = openQueue();
    kq.apply(fired(1));
    assertEquals(idents(kq.poll()), [1]);
  });

  it("R5 a descriptor of an event list that was freed meanwhile", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [a, b] = fds.socketpair();
    send(b, 1);
    kq.apply(kevRead(a));
    const [event] = kq.poll().toArray();
    fds.close(a);
    assertCode(() => kq.apply({ ...event, flags: EV_ADD }), "EBADF");
    assertCode(() => kq.apply({ ...event, flags: EV_DELETE }), "ENOENT");
  });
});
